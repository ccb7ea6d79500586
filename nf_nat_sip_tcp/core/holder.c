// SPDX-License-Identifier: GPL-2.0-only
/*
 * References of those who own doors, and the list of work for the skin.
 *
 * An ended holder leaves its table at once, so that nothing finds it any more,
 * and lives on until the skin has closed its doors.
 */
#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/contact.h>

void *holder_new(struct nst_env *env, u32 size, enum nst_holder_kind kind,
		 const struct nst_addr *inside, u16 zone)
{
	struct nst_account account = { .host = env->ops->host_get(env, inside, zone) };
	struct nst_holder *h = NULL;

	if (account.host)
		h = env->ops->alloc_for(env, &account, size);
	if (!h) {
		env->ops->host_put(env, account.host);
		return NULL;
	}
	memset(h, 0, size);
	h->kind = kind;
	h->refs = 1;
	h->inside = *inside;
	h->zone = zone;
	h->account = account;
	return h;
}

void holder_free(struct nst_env *env, struct nst_holder *h, u32 size)
{
	struct nst_account account = h->account;

	env->ops->free_for(env, &account, h, size);
	env->ops->host_put(env, account.host);
}

void holder_unref(struct nst_env *env, struct nst_holder *h)
{
	if (--h->refs)
		return;
	doors_free(env, h);
	if (h->kind == NST_HOLDER_CALL)
		call_free(env, (struct nst_call *)h);
	else
		contact_free(env, (struct nst_contact *)h);
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
