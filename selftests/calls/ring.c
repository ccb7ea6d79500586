// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call until it is answered: INVITE, provisional responses of one or more
 * dialogs, PRACK, UPDATE, CANCEL, challenges, failure, 200.
 */
#include "calls.h"

bool call_connect(struct seed *s, struct call *c, bool other)
{
	bool there = c->conn && c->conn->alive && c->conn->id == c->conn_id;

	if (!there || other)
		c->conn = conn_for(s, c->host, there ? c->conn : NULL);
	if (c->conn)
		c->conn_id = c->conn->id;
	return c->conn;
}

/* Requests that wait for an answer, or never get one. */
u32 pending(const struct call *c)
{
	const struct txn *t;
	u32 n = 0;

	for (t = c->txn; t < c->txn + TXNS; t++)
		n += t->used && (!t->done || (t->ok && !t->acked));
	return n;
}

struct txn *initial_txn(struct call *c)
{
	struct txn *t;

	for (t = c->txn; t < c->txn + TXNS; t++)
		if (t->used && t->initial)
			return t;
	return NULL;
}

void send_request(struct seed *s, struct txn *t, struct call *c, struct msg m)
{
	m.c = c;
	m.t = t;
	m.conn = t->conn;
	m.from = t->from;
	m.leg = t->leg;
	m.contact = t->method == SIP_INVITE || t->method == SIP_UPDATE;
	send_msg(s, &m);
}

void respond(struct seed *s, struct call *c, struct txn *t, struct msg m)
{
	m.c = c;
	m.t = t;
	m.conn = t->conn;
	m.from = !t->from;
	if (!m.method) {
		t->rung |= m.status > 100;
		t->done |= m.status >= 200;
		t->ok |= m.status >= 200 && m.status < 300;
		m.contact = (t->method == SIP_INVITE || t->method == SIP_UPDATE) &&
			    m.status > 100 && m.status < 300;
	}
	send_msg(s, &m);
	/* A 2xx to an INVITE still has its ACK to come. */
	if (t->done && !m.method && !t->initial && !(t->ok && t->method == SIP_INVITE))
		t->used = false;
}

const struct desc *last_desc(struct call *c, u8 side, s8 leg)
{
	return side == IN ? &c->mine : &c->legs[heard_at(c, leg)].heard;
}

/* An exchange is complete: @first and @second are its halves, @side's is the first. */
void exchanged(struct call *c, u8 side, const struct desc *first, const struct desc *second)
{
	c->mine = side == IN ? *first : *second;
}

void ack_failure(struct seed *s, struct call *c, struct txn *t, s8 leg)
{
	struct msg m = { .c = c, .t = t, .conn = t->conn, .from = t->from,
			 .method = SIP_ACK, .leg = leg };

	send_msg(s, &m);
}

void invite(struct seed *s, struct call *c)
{
	struct msg m = { .leg = -1 };
	struct txn *t;
	char more[160] = "";

	memset(c->txn, 0, sizeof(c->txn));
	memset(c->legs, 0, sizeof(c->legs));
	c->nr_legs = 0;
	c->main = -1;
	call_connect(s, c, false);
	t = txn_begin(s, c, SIP_INVITE, c->caller, -1);
	t->initial = true;
	if (chance(s, 75)) {
		desc_offer(s, c, c->caller, &t->offer, c->caller == IN ? &c->mine : NULL);
		m.desc = &t->offer;
	}
	if (c->replaces) {
		snprintf(more, sizeof(more), "Replaces: %x;to-tag=%x;from-tag=%x\r\n",
			 c->replaces->id, c->replaces->legs[0].tag, c->replaces->tag);
		m.more = more;
	}
	c->phase = RING;
	send_request(s, t, c, m);
}

static struct leg *leg_new(struct seed *s, struct call *c)
{
	struct leg *leg = &c->legs[c->nr_legs];
	struct leg theirs = *leg;

	if (c->nr_legs == LEGS)
		return NULL;
	if (c->caller == OUT && c->nr_legs)
		return NULL;
	memset(leg, 0, sizeof(*leg));
	/* Of a call that comes in it is the INVITE's. */
	leg->heard = theirs.heard;
	leg->agreed = theirs.agreed;
	leg->agreed_at = theirs.agreed_at;
	leg->tag = ++s->next_id * 16 + 4;
	c->nr_legs++;
	return leg;
}

static struct leg *leg_some(struct seed *s, struct call *c)
{
	struct leg *leg;

	if (!c->nr_legs || chance(s, 25)) {
		leg = leg_new(s, c);
		if (leg)
			return leg;
	}
	return &c->legs[below(s, c->nr_legs)];
}

/* The called party's half, in a response to an INVITE that has an offer. */
static const struct desc *leg_answer(struct seed *s, struct call *c, struct txn *t,
				     struct leg *leg)
{
	if (!leg->answered) {
		desc_answer(s, c, !c->caller, &leg->said, &t->offer,
			    last_desc(c, !c->caller, leg - c->legs));
		leg->answered = true;
	}
	exchanged(c, c->caller, &t->offer, &leg->said);
	leg->settled = true;
	return &leg->said;
}

static void progress(struct seed *s, struct call *c, struct txn *t)
{
	static const u16 codes[] = { 180, 183, 181, 182, 199 };
	struct leg *leg = leg_some(s, c);
	struct msg m = { .status = codes[below(s, 5)], .leg = leg - c->legs };
	bool reliable = chance(s, 40) && !leg->rel && pending(c) < 5;

	if (leg->ua != LEG_EARLY)
		return;
	if (!leg->updated && !leg->rel && t->offer.there && (leg->answered || chance(s, 50))) {
		if (!leg->reliable) {
			m.desc = leg_answer(s, c, t, leg);
			m.answer = true;
			leg->reliable = reliable;
		}
	} else if (!t->offer.there && reliable && !leg->settled) {
		desc_offer(s, c, !c->caller, &leg->said, last_desc(c, !c->caller, m.leg));
		m.desc = &leg->said;
		leg->rel_offer = true;
	}
	if (reliable) {
		leg->rel = true;
		m.more = "Require: 100rel\r\nRSeq: 7\r\n";
	}
	respond(s, c, t, m);
}

static bool prack(struct seed *s, struct call *c)
{
	struct leg *leg = &c->legs[below(s, c->nr_legs ? c->nr_legs : 1)];
	struct msg m = { .leg = leg - c->legs, .more = "RAck: 7 1 INVITE\r\n" };
	struct txn *t;

	if (!leg->rel || leg->ua != LEG_EARLY || !call_connect(s, c, false))
		return false;
	t = txn_begin(s, c, SIP_PRACK, c->caller, m.leg);
	if (leg->rel_offer) {
		struct desc d;

		desc_answer(s, c, c->caller, &d, &leg->said, last_desc(c, c->caller, m.leg));
		exchanged(c, !c->caller, &leg->said, &d);
		leg->settled = leg->reliable = true;
		leg->rel_offer = leg->rel = false;
		leg->updated = true;
		m.desc = &d;
		m.answer = true;
		send_request(s, t, c, m);
		return true;
	}
	leg->rel = false;
	/* Another offer, where one was answered reliably (RFC 3262 5). */
	if (leg->settled && leg->reliable && c->nr_legs == 1 && chance(s, 15)) {
		desc_offer(s, c, c->caller, &t->offer, last_desc(c, c->caller, m.leg));
		m.desc = &t->offer;
	}
	send_request(s, t, c, m);
	return true;
}

/* Media are changed while it still rings (RFC 3311). */
static bool early_update(struct seed *s, struct call *c)
{
	struct leg *leg = &c->legs[below(s, c->nr_legs ? c->nr_legs : 1)];
	struct msg m = { .leg = leg - c->legs };
	u8 from = below(s, 2);
	struct txn *t;

	if (c->nr_legs != 1 || !leg->settled || !leg->reliable || leg->rel || leg->ua != LEG_EARLY ||
	    pending(c) > 1 || !call_connect(s, c, false))
		return false;
	t = txn_begin(s, c, SIP_UPDATE, from, m.leg);
	desc_offer(s, c, from, &t->offer, last_desc(c, from, m.leg));
	m.desc = &t->offer;
	send_request(s, t, c, m);
	return true;
}

static void challenge(struct seed *s, struct call *c, struct txn *t)
{
	struct msg m = { .status = chance(s, 50) ? 401 : 407, .leg = -1 };

	c->challenges--;
	respond(s, c, t, m);
	ack_failure(s, c, t, -1);
	invite(s, c);
}

static void refuse(struct seed *s, struct call *c, struct txn *t, u16 status)
{
	struct msg m = { .status = status, .leg = -1 };

	if (c->nr_legs)
		m.leg = below(s, c->nr_legs);
	respond(s, c, t, m);
	ack_failure(s, c, t, m.leg);
	c->phase = OVER;
}

static void accept(struct seed *s, struct call *c, struct txn *t)
{
	struct leg *leg = leg_some(s, c);
	struct msg m = { .status = 200, .leg = leg - c->legs };

	if (leg->rel || leg->ua != LEG_EARLY || pending(c) > 1)
		return;
	if (t->offer.there) {
		m.answer = true;
		if (leg->updated || (leg->reliable && chance(s, 50)))
			m.answer = false;
		else
			m.desc = leg_answer(s, c, t, leg);
	} else if (!leg->settled) {
		desc_offer(s, c, !c->caller, &leg->said, last_desc(c, !c->caller, m.leg));
		m.desc = &leg->said;
		leg->rel_offer = true;
	}
	m.session = chance(s, 25) ? 60 + below(s, 400) : 0;
	leg->session_s = m.session;
	leg->ua = LEG_UP;
	if (c->main < 0)
		c->main = m.leg;
	c->phase = TALK;
	respond(s, c, t, m);
}

static void cancel(struct seed *s, struct call *c, struct txn *t)
{
	struct msg m = { .c = c, .t = t, .conn = t->conn, .from = t->from,
			 .method = SIP_CANCEL, .leg = -1 };

	send_msg(s, &m);
	m = (struct msg){ .method = SIP_CANCEL, .status = 200, .leg = -1 };
	respond(s, c, t, m);
}

static void finish(struct seed *s, struct call *c, struct txn *t)
{
	static const u16 failures[] = { 302, 404, 408, 480, 486, 491, 500, 503, 603 };

	if (c->challenges) {
		challenge(s, c, t);
		return;
	}
	switch (c->plan) {
	case BUSY:
		refuse(s, c, t, failures[below(s, 9)]);
		break;
	case CANCEL:
		if (!t->rung)
			break;
		cancel(s, c, t);
		refuse(s, c, t, 487);
		break;
	case CANCEL_LATE:
		if (!t->rung)
			break;
		cancel(s, c, t);
		c->plan = ANSWER;
		break;
	case LOST:
		c->phase = OVER;
		break;
	default:
		accept(s, c, t);
		break;
	}
}

void ring_step(struct seed *s, struct call *c)
{
	struct txn *t = initial_txn(c);

	if (!c->live || !t || !txn_alive(t)) {
		c->phase = OVER;
		return;
	}
	if (chance(s, 40) && pending_answer(s, c))
		return;
	switch (below(s, 8)) {
	case 0:
		if (!t->rung)
			respond(s, c, t, (struct msg){ .status = 100, .leg = -1 });
		break;
	case 1:
	case 2:
		progress(s, c, t);
		break;
	case 3:
	case 4:
		prack(s, c);
		break;
	case 5:
		early_update(s, c);
		break;
	default:
		finish(s, c, t);
		break;
	}
}
