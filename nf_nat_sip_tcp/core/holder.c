// SPDX-License-Identifier: GPL-2.0-only
/*
 * References of those who own doors, and the list of work for the skin.
 *
 * An ended holder leaves its table at once, so that nothing finds it any more,
 * and lives on until the skin has closed its doors.
 */
#include <nf_nat_sip_tcp/calls.h>

void holder_init(struct nst_holder *h, enum nst_holder_kind kind,
		 const struct nst_addr *inside, u16 zone)
{
	memset(h, 0, sizeof(*h));
	h->kind = kind;
	h->refs = 1;
	h->inside = *inside;
	h->zone = zone;
}

void holder_unref(struct nst_env *env, struct nst_holder *h)
{
	if (--h->refs)
		return;
	doors_free(env, h);
	call_free(env, (struct nst_call *)h);
}

/*
 * Only now may it be queued again.  Until here its place in the list is the
 * skin's, who walks the list without the lock.
 */
void holder_put(struct nst_env *env, struct nst_holder *h)
{
	h->op_queued = false;
	holder_unref(env, h);
}

void holder_queue(struct nst_holder *h, struct nst_work *work)
{
	if (h->op_queued)
		return;
	h->op_queued = true;
	h->refs++;
	h->op_next = work->first;
	work->first = h;
}

void holder_end(struct nst_env *env, struct nst_holder *h, struct nst_work *work)
{
	h->ended = true;
	/* The list's reference takes over before the table's is given up. */
	holder_queue(h, work);
	holder_unref(env, h);
}

struct nst_holder *work_pop(struct nst_work *work)
{
	struct nst_holder *h = work->first;

	if (!h)
		return NULL;
	work->first = h->op_next;
	return h;
}
