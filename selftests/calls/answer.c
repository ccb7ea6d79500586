// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests within a call that wait for an answer, and what they get.
 */
#include "calls.h"

void leg_ack(struct seed *s, struct call *c, struct txn *t, s8 at)
{
	struct leg *leg = &c->legs[at];
	struct desc *offer = t->initial ? &leg->said : &t->counter;
	struct msg m = { .c = c, .t = t, .from = t->from, .method = SIP_ACK, .leg = at };
	struct desc d;

	if (!call_connect(s, c, false))
		return;
	m.conn = c->conn;
	if (t->initial ? leg->rel_offer : t->counter.there) {
		desc_answer(s, c, t->from, &d, offer, last_desc(c, t->from, at));
		exchanged(c, !t->from, offer, &d);
		leg->rel_offer = false;
		m.desc = &d;
		m.answer = true;
	}
	leg->settled = true;
	leg->acked = true;
	t->acked = !t->initial;
	send_msg(s, &m);
	if (!t->initial)
		t->used = false;
}

static void answer_offer(struct seed *s, struct call *c, struct txn *t, struct msg *m,
			 struct desc *d)
{
	desc_answer(s, c, !t->from, d, &t->offer, last_desc(c, !t->from, t->leg));
	m->desc = d;
	m->answer = true;
}

static void fail_offer(struct seed *s, struct call *c, struct txn *t, u16 status)
{
	respond(s, c, t, (struct msg){ .status = status, .leg = t->leg });
	if (t->method == SIP_INVITE)
		ack_failure(s, c, t, t->leg);
}

static void answer_prack(struct seed *s, struct call *c, struct txn *t)
{
	struct msg m = { .status = 200, .leg = t->leg };
	struct desc d;

	if (t->offer.there) {
		answer_offer(s, c, t, &m, &d);
		exchanged(c, t->from, &t->offer, &d);
		c->legs[t->leg].updated = true;
	}
	respond(s, c, t, m);
}

static void answer_update(struct seed *s, struct call *c, struct txn *t)
{
	static const u16 failures[] = { 488, 500, 401, 407, 504 };
	struct leg *leg = &c->legs[t->leg];
	struct msg m = { .status = 200, .leg = t->leg };
	struct desc d;

	if (t->glare || chance(s, 15)) {
		fail_offer(s, c, t, t->glare ? 491 : failures[below(s, 5)]);
		return;
	}
	if (t->offer.there) {
		answer_offer(s, c, t, &m, &d);
		exchanged(c, t->from, &t->offer, &d);
		leg->updated = true;
	}
	m.session = leg->session_s;
	respond(s, c, t, m);
}

/* A description in a 1xx to a re-INVITE is said again in the 200. */
static void answer_reinvite(struct seed *s, struct call *c, struct txn *t)
{
	static const u16 failures[] = { 488, 500, 401, 407, 603, 487 };
	struct leg *leg = &c->legs[t->leg];
	struct msg m = { .status = 200, .leg = t->leg };
	u32 what = below(s, 100);

	if (t->glare || what < 15) {
		fail_offer(s, c, t, t->glare ? 491 : failures[below(s, 6)]);
		return;
	}
	if (what < 25) {
		respond(s, c, t, (struct msg){ .status = 100, .leg = t->leg });
		return;
	}
	if (t->offer.there) {
		if (!t->counter.there)
			answer_offer(s, c, t, &m, &t->counter);
		m.desc = &t->counter;
		m.answer = true;
		m.status = what < 45 ? 183 : 200;
		if (m.status == 200)
			exchanged(c, t->from, &t->offer, &t->counter);
	} else {
		desc_offer(s, c, !t->from, &t->counter, last_desc(c, !t->from, t->leg));
		m.desc = &t->counter;
	}
	m.session = m.status == 200 ? leg->session_s : 0;
	respond(s, c, t, m);
	/* The answer to an offer is no offer that the ACK had to answer. */
	if (t->done && t->offer.there)
		t->counter.there = false;
}

static void answer_bye(struct seed *s, struct call *c, struct txn *t)
{
	struct leg *leg = &c->legs[t->leg];
	u32 what = below(s, 100);
	u16 status = what < 72 ? 200 : what < 80 ? 401 : what < 84 ? 407 : what < 88 ? 481 :
		     what < 92 ? 408 : 503;

	if (what > 95) {
		t->lost = true;
		return;
	}
	if (status == 200 || status == 481 || status == 408)
		leg->ua = LEG_GONE;
	respond(s, c, t, (struct msg){ .status = status, .leg = t->leg });
}

static void answer(struct seed *s, struct call *c, struct txn *t)
{
	switch (t->method) {
	case SIP_PRACK:
		answer_prack(s, c, t);
		break;
	case SIP_UPDATE:
		answer_update(s, c, t);
		break;
	case SIP_INVITE:
		answer_reinvite(s, c, t);
		break;
	case SIP_BYE:
		answer_bye(s, c, t);
		break;
	default:
		respond(s, c, t, (struct msg){ .status = chance(s, 80) ? 200 : 405,
					       .leg = t->leg });
		break;
	}
}

bool pending_answer(struct seed *s, struct call *c)
{
	struct txn *fit[TXNS];
	struct txn *t;
	u32 nr = 0;

	for (t = c->txn; t < c->txn + TXNS; t++) {
		if (t->used && !t->initial && t->ok && !t->acked)
			fit[nr++] = t;
		else if (txn_alive(t) && !t->initial)
			fit[nr++] = t;
	}
	if (!nr)
		return false;
	t = fit[below(s, nr)];
	if (t->ok)
		leg_ack(s, c, t, t->leg);
	else
		answer(s, c, t);
	return true;
}
