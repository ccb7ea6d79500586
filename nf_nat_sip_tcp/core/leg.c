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

static int leg_search(const struct nst_call *call, const struct nst_tags *tags, bool over)
{
	int i;

	for (i = 0; i < call->nr_legs; i++)
		if (call->legs[i].over == over && leg_fits(&call->legs[i], tags))
			return i;
	return -ENOENT;
}

int leg_find(const struct nst_call *call, const struct nst_tags *tags)
{
	return leg_search(call, tags, false);
}

bool leg_was(const struct nst_call *call, const struct nst_tags *tags)
{
	return leg_find(call, tags) < 0 && leg_search(call, tags, true) >= 0;
}

bool legs_left(const struct nst_call *call)
{
	int i;

	for (i = 0; i < call->nr_legs; i++)
		if (!call->legs[i].over)
			return true;
	return false;
}

/* Of times of which 0 is none. */
static u64 first_of(u64 a, u64 b)
{
	return !a || (b && b < a) ? b : a;
}

/* The first of its ends, whose it may be: a lost BYE is none the less sent. */
static u64 bye_due(const struct nst_leg *leg)
{
	return first_of(leg->bye_due[0], leg->bye_due[1]);
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
		if (call->legs[i].over)
			continue;
		due = bye_due(&call->legs[i]);
		if (!due || call->legs_lost) {
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

void leg_drop(struct nst_call *call, int i)
{
	call->legs[i].over = true;
	byes_sum(call);
}

/* The others stay in the order in which they were accepted. */
static void leg_forget(struct nst_call *call, int i)
{
	call->nr_legs--;
	memmove(call->legs + i, call->legs + i + 1,
		(call->nr_legs - i) * sizeof(*call->legs));
}

static int leg_add(struct nst_call *call, const struct nst_tags *tags)
{
	int i;

	for (i = 0; call->nr_legs == NST_LEGS_MAX && i < NST_LEGS_MAX; i++)
		if (call->legs[i].over)
			leg_forget(call, i);
	if (call->nr_legs == NST_LEGS_MAX) {
		call->legs_lost = true;
		i = -ENOSPC;
	} else {
		i = call->nr_legs++;
		call->legs[i] = (struct nst_leg){ .tags = *tags };
	}
	byes_sum(call);
	return i;
}

/* The first 2xx names the other party; those of further forks add dialogs. */
int leg_confirm(struct nst_call *call, const struct nst_tags *tags)
{
	struct nst_leg *leg;
	int i = leg_find(call, tags);

	if (i < 0)
		return leg_add(call, tags);
	leg = &call->legs[i];
	if (!leg->tags.inside)
		leg->tags.inside = tags->inside;
	if (!leg->tags.peer)
		leg->tags.peer = tags->peer;
	return i;
}

struct nst_leg *leg_acked(const struct turn *t)
{
	int i = leg_find(t->call, &t->tags);
	struct nst_leg *leg = i < 0 ? NULL : &t->call->legs[i];

	if (!leg || !leg->counter || leg->acked_by_inside != t->from_inside ||
	    leg->cseq != t->d->msg->cseq)
		return NULL;
	return leg;
}

/* When a dialog ends without another word. */
static u64 leg_due(const struct nst_leg *leg)
{
	return first_of(bye_due(leg), leg->session_due);
}

/* And when the last one does; 0: one of them goes on. */
static u64 legs_due(const struct nst_call *call)
{
	u64 last = 0;
	u64 due;
	int i;

	if (call->state != NST_CALL_CONFIRMED || call->legs_lost)
		return 0;
	for (i = 0; i < call->nr_legs; i++) {
		if (call->legs[i].over)
			continue;
		due = leg_due(&call->legs[i]);
		if (!due)
			return 0;
		if (due > last)
			last = due;
	}
	return last;
}

u64 call_due(const struct nst_call *call)
{
	return first_of(call->expires, legs_due(call));
}
