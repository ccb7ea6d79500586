// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dialogs of a call (RFC 3261 section 12): one, or more where an INVITE
 * forks and several targets accept it.
 */
#include <nf_nat_sip_tcp/calls.h>

/*
 * A tag that is known must be named: who leaves it out does not know the
 * dialog (RFC 3261 12.2.2).  One that is not known yet may be any.
 */
static bool tag_fits(u64 known, u64 tag)
{
	return !known || known == tag;
}

static bool leg_fits(const struct nst_leg *leg, const struct nst_tags *tags)
{
	return tag_fits(leg->tags.inside, tags->inside) &&
	       tag_fits(leg->tags.peer, tags->peer);
}

int leg_find(const struct nst_call *call, const struct nst_tags *tags)
{
	int i;

	for (i = 0; i < call->nr_legs; i++)
		if (leg_fits(&call->legs[i], tags))
			return i;
	return -ENOENT;
}

/* The first of its ends, whose it may be: a lost BYE is none the less sent. */
static u64 bye_due(const struct nst_leg *leg)
{
	u64 a = leg->bye_due[0], b = leg->bye_due[1];

	return !a || (b && b < a) ? b : a;
}

/*
 * When the BYEs are taken for answered.  The call is over when that is so of
 * all its dialogs: a fork that never answers its BYE must not take along the
 * one that is talked by (D5).
 */
static void byes_sum(struct nst_call *call)
{
	u64 last = 0;
	u64 due;
	int i;

	for (i = 0; i < call->nr_legs; i++) {
		due = bye_due(&call->legs[i]);
		if (!due) {
			last = 0;
			break;
		}
		if (due > last)
			last = due;
	}
	call->bye_due = last;
}

void leg_bye(struct nst_call *call, int i, bool from_inside, u64 due)
{
	if (i >= 0)
		call->legs[i].bye_due[from_inside] = due;
	byes_sum(call);
}

/* The others stay in the order in which they were accepted. */
void leg_drop(struct nst_call *call, int i)
{
	call->nr_legs--;
	memmove(call->legs + i, call->legs + i + 1,
		(call->nr_legs - i) * sizeof(*call->legs));
	byes_sum(call);
}

/* The first 2xx names the other party; those of further forks add dialogs. */
void leg_confirm(struct nst_call *call, const struct nst_tags *tags)
{
	struct nst_leg *leg;
	int i = leg_find(call, tags);

	if (i < 0) {
		if (call->nr_legs < NST_LEGS_MAX)
			call->legs[call->nr_legs++] = (struct nst_leg){ .tags = *tags };
		byes_sum(call);
		return;
	}
	leg = &call->legs[i];
	if (!leg->tags.inside)
		leg->tags.inside = tags->inside;
	if (!leg->tags.peer)
		leg->tags.peer = tags->peer;
}

bool legs_are_over(const struct nst_call *call, u64 now)
{
	const struct nst_leg *leg;
	u64 bye;
	int i;

	if (call->state != NST_CALL_CONFIRMED)
		return false;
	for (i = 0; i < call->nr_legs; i++) {
		leg = &call->legs[i];
		bye = bye_due(leg);
		if (!(bye && now >= bye) && !(leg->session_due && now >= leg->session_due))
			return false;
	}
	return true;
}
