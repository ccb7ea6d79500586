// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call that is answered: media that change, requests that cross, forks that
 * answer late, transfers, connections that go, and the end.
 */
#include "calls.h"

static bool waits_for_ack(const struct call *c)
{
	u8 i;

	for (i = 0; i < c->nr_legs; i++)
		if (c->legs[i].ua == LEG_UP && !c->legs[i].acked)
			return true;
	return false;
}

static bool ack_some(struct seed *s, struct call *c)
{
	struct txn *t = initial_txn(c);
	u8 i;

	for (i = 0; t && i < c->nr_legs; i++) {
		if (c->legs[i].ua == LEG_UP && !c->legs[i].acked) {
			leg_ack(s, c, t, i);
			return true;
		}
	}
	return false;
}

/* The offer that is under way, if there is one. */
static struct txn *offering(struct call *c, u32 *nr)
{
	struct txn *t, *found = NULL;

	*nr = 0;
	for (t = c->txn; t < c->txn + TXNS; t++) {
		if (!t->used || t->initial || (t->done && !(t->ok && !t->acked)))
			continue;
		if (t->method != SIP_INVITE && t->method != SIP_UPDATE)
			continue;
		found = t;
		++*nr;
	}
	return found;
}

static u32 lost(const struct call *c)
{
	const struct txn *t;
	u32 n = 0;

	for (t = c->txn; t < c->txn + TXNS; t++)
		n += t->used && !t->done && !txn_alive(t);
	return n;
}

static void offer(struct seed *s, struct call *c)
{
	struct msg m = { .leg = c->main };
	u8 from = below(s, 2);
	struct txn *other, *t;
	u32 nr;

	other = offering(c, &nr);
	if (nr > 1 || waits_for_ack(c) || !call_connect(s, c, chance(s, 10)))
		return;
	if (other) {
		/* It crosses an offer of the other side, which is not answered yet. */
		if (!txn_alive(other) || other->from == from || other->rung || other->done)
			return;
		other->glare = true;
	}
	t = txn_begin(s, c, chance(s, 65) ? SIP_INVITE : SIP_UPDATE, from, c->main);
	t->glare = other;
	if (t->method == SIP_UPDATE ? chance(s, 80) : chance(s, 80)) {
		desc_offer(s, c, from, &t->offer, last_desc(c, from, c->main));
		m.desc = &t->offer;
	}
	if (c->legs[c->main].session_s && chance(s, 20))
		c->legs[c->main].session_s = chance(s, 80) ? 60 + below(s, 400) : 0;
	send_request(s, t, c, m);
}

static void say_something(struct seed *s, struct call *c)
{
	static const u8 methods[] = { SIP_INFO, SIP_OPTIONS, SIP_MESSAGE, SIP_NOTIFY, SIP_SUBSCRIBE };
	struct txn *t;

	if (pending(c) > 3 || !call_connect(s, c, chance(s, 10)))
		return;
	t = txn_begin(s, c, methods[below(s, 5)], below(s, 2), c->main);
	send_request(s, t, c, (struct msg){ .more = "Event: refer\r\n" });
}

/* Blind, or attended: then the new call takes the place of this one (RFC 3891). */
static void refer(struct seed *s, struct call *c)
{
	struct call *other;
	struct txn *t;

	if (c->transfer || c->replaces || pending(c) > 3 || !call_connect(s, c, false))
		return;
	t = txn_begin(s, c, SIP_REFER, below(s, 2), c->main);
	send_request(s, t, c, (struct msg){ .more = "Refer-To: <sip:third@example.com>\r\n" });
	other = call_begin(s, chance(s, 70) ? c->host : below(s, s->nr_hosts), !t->from);
	if (!other)
		return;
	s->flows++;
	c->transfer = true;
	c->budget = 0;
	other->replaces = chance(s, 50) ? c : NULL;
}

/* Another fork answers, too, or rings on without having noticed. */
static void late_fork(struct seed *s, struct call *c)
{
	struct txn *t = initial_txn(c);
	struct leg *leg = &c->legs[below(s, c->nr_legs)];
	struct msg m = { .status = chance(s, 50) ? 200 : 183, .leg = leg - c->legs };

	if (!t || c->caller != IN || !t->conn->alive || t->conn->id != t->conn_id ||
	    !t->offer.there || leg->ua != LEG_EARLY || leg->rel || leg->updated)
		return;
	if (!leg->answered) {
		desc_answer(s, c, OUT, &leg->said, &t->offer, NULL);
		leg->answered = true;
	}
	m.desc = &leg->said;
	m.answer = true;
	if (m.status == 200)
		leg->ua = LEG_UP;
	respond(s, c, t, m);
}

static void bye(struct seed *s, struct call *c, s8 leg, u8 from)
{
	struct txn *t;

	if (!call_connect(s, c, chance(s, 25)))
		return;
	t = txn_begin(s, c, SIP_BYE, from, leg);
	send_request(s, t, c, (struct msg){ .leg = leg });
}

static struct txn *bye_pending(struct call *c, s8 leg)
{
	struct txn *t;

	for (t = c->txn; t < c->txn + TXNS; t++)
		if (t->used && !t->done && t->method == SIP_BYE && t->leg == leg)
			return t;
	return NULL;
}

/* A dialog too many is ended by who called; sometimes it is the first. */
static bool bye_extra(struct seed *s, struct call *c)
{
	s8 i;

	for (i = 0; i < c->nr_legs; i++) {
		if (i == c->main || c->legs[i].ua != LEG_UP || !c->legs[i].acked)
			continue;
		if (bye_pending(c, i))
			return false;
		bye(s, c, i, c->caller);
		return true;
	}
	return false;
}

static void hang_up(struct seed *s, struct call *c)
{
	struct txn *t = bye_pending(c, c->main);

	if (c->plan == VANISH && !t) {
		if (chance(s, 70) && c->conn->alive && c->conn->id == c->conn_id)
			conn_end(s, c->conn);
		c->phase = WAIT;
		return;
	}
	if (!t) {
		bye(s, c, c->main, below(s, 2));
		return;
	}
	/* Both at once. */
	if (chance(s, 10) && lost(c) < 2 && t->from != 2) {
		bye(s, c, c->main, !t->from);
		return;
	}
	/* Nobody will answer it any more. */
	if (!txn_alive(t))
		c->phase = WAIT;
}

/* The dialog that goes on; false: there is none. */
static bool main_find(struct seed *s, struct call *c)
{
	s8 i;

	if (c->legs[c->main].ua == LEG_UP) {
		for (i = 0; i < c->nr_legs; i++)
			if (i != c->main && c->legs[i].ua == LEG_UP && !bye_pending(c, i) &&
			    !bye_pending(c, c->main) && chance(s, 20))
				c->main = i;
		return true;
	}
	for (i = 0; i < c->nr_legs; i++) {
		if (c->legs[i].ua != LEG_UP)
			continue;
		c->main = i;
		return true;
	}
	return false;
}

static bool waits_for_transfer(const struct seed *s, const struct call *c)
{
	const struct call *o;

	for (o = s->call; o < s->call + CALLS; o++)
		if (o->used && o->replaces == c && o->phase < TALK)
			return true;
	return false;
}

static void talk_on(struct seed *s, struct call *c)
{
	c->budget--;
	switch (below(s, 10)) {
	case 0:
		say_something(s, c);
		break;
	case 1:
		refer(s, c);
		break;
	case 2:
		if (c->conn->alive && c->conn->id == c->conn_id && chance(s, 30))
			conn_end(s, c->conn);
		break;
	case 3:
		clock_pass(s, below(s, chance(s, 20) ? 200000 : 20000));
		break;
	default:
		offer(s, c);
		break;
	}
}

/* Who called has not noticed that it was answered, and asks again. */
static void invite_again(struct seed *s, struct call *c)
{
	struct txn *t = initial_txn(c);
	struct msg m = { .c = c, .t = t, .leg = -1, .contact = true, .again = true };

	if (!t || !t->offer.there || !t->conn->alive || t->conn->id != t->conn_id || s->lean ||
	    c->replaces || (c->caller == IN && !model_has(c, t->conn, &t->offer)))
		return;
	m.conn = t->conn;
	m.from = t->from;
	m.desc = &t->offer;
	send_msg(s, &m);
}

void talk_step(struct seed *s, struct call *c)
{
	u32 nr;

	if (!c->live || !main_find(s, c)) {
		c->phase = OVER;
		return;
	}
	if (chance(s, 50) && ack_some(s, c))
		return;
	if (chance(s, 50) && pending_answer(s, c))
		return;
	if (chance(s, 30) && bye_extra(s, c))
		return;
	if (c->nr_legs > 1 && chance(s, 15)) {
		late_fork(s, c);
		return;
	}
	if (waits_for_ack(c) && c->legs[c->main].ua == LEG_UP && chance(s, 8)) {
		invite_again(s, c);
		return;
	}
	if (waits_for_ack(c) || lost(c) > 1 + !!bye_pending(c, c->main)) {
		if (lost(c) > 1)
			hang_up(s, c);
		return;
	}
	if (c->budget && !bye_pending(c, c->main)) {
		talk_on(s, c);
		return;
	}
	if (waits_for_transfer(s, c) && chance(s, 90))
		return;
	if (!offering(c, &nr) || chance(s, 20))
		hang_up(s, c);
}
