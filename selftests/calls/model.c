// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message means for a call and its doors, said by who knows what the
 * message is: an offer or an answer, whose, in which dialog.
 *
 *  - What the inside describes is reserved, whatever comes of it.
 *  - It is open as soon as its exchange is answered: by a response above 100
 *    to the request that offers it, or by itself, where it is an answer, or an
 *    offer in a response.
 *  - Who may send follows what the peer has described last in an exchange
 *    that is complete, in the dialog that the call is about; where that says
 *    nothing, or nothing that can be known, it is the host that signals.
 *  - What fails leaves all as it was before; what a refused offer says was
 *    never said.
 */
#include <stdarg.h>

#include "calls.h"

#define BYE_MS 32000
#define SESSION_LEAST 90

static u64 bit_of(const struct call *c, const struct txn *t)
{
	return 1ull << (t - c->txn);
}

struct door *door_find(struct call *c, u8 pub, u16 inside)
{
	struct door *d;

	for (d = c->door; d < c->door + c->nr_doors; d++)
		if (d->pub == pub && d->inside == inside)
			return d;
	return NULL;
}

/* Ports of a medium: RTP, and RTCP where it has one of its own. */
static u8 medium_ports(const struct medium *m, u16 port[2])
{
	port[0] = m->port;
	port[1] = m->rtcp_port;
	return m->rtcp == RTCP_NONE || m->rtcp == RTCP_SAME ? 1 : 2;
}

static bool is_described(const struct msg *m)
{
	return m->desc && m->from == IN && m->desc->hold != HOLD_ZERO;
}

static void door_name(struct seed *s, struct msg *m, u8 media, u16 port, bool rtcp)
{
	struct call *c = m->c;
	struct door *d = door_find(c, m->conn->pub, port);
	const struct book *b;

	if (!d) {
		b = book_of(s, c, m->conn->pub, port);
		if (!b)
			broken(s, INV_DOOR_LOST, "call %u: no port was reserved for %u", c->nr, port);
		if (c->nr_doors == DOORS)
			abort();
		d = &c->door[c->nr_doors++];
		memset(d, 0, sizeof(*d));
		d->nr = ++s->next_door;
		d->pub = m->conn->pub;
		d->inside = port;
		d->public = b->public.port;
		d->moved = -1;
		d->fresh = true;
	}
	d->media = media;
	d->rtcp = rtcp;
	d->named = true;
}

/* How many doors it would add. */
static u32 doors_missing(struct call *c, const struct conn *conn, const struct desc *d)
{
	u16 port[2];
	u8 i, j, n;
	u32 nr = 0;

	for (i = 0; i < d->nr; i++) {
		if (!d->m[i].port)
			continue;
		n = medium_ports(&d->m[i], port);
		for (j = 0; j < n; j++)
			nr += !door_find(c, conn->pub, port[j]);
	}
	return nr;
}

bool model_has(struct call *c, const struct conn *conn, const struct desc *d)
{
	return !doors_missing(c, conn, d);
}

/* Is there room for all that it names? */
static bool doors_fit(struct seed *s, const struct msg *m)
{
	u32 nr = doors_missing(m->c, m->conn, m->desc);

	return !nr || m->c->nr_doors + nr <= s->env.set.doors_per_call;
}

/* Its dialog has ended meanwhile; a refusal is heard all the same. */
bool is_gone(const struct msg *m)
{
	return m->leg >= 0 && m->c->legs[m->leg].state == LEG_GONE && m->status < 300;
}

bool model_names(struct seed *s, struct msg *m)
{
	u16 port[2];
	u8 i, j, n;

	m->left = false;
	if (!is_described(m))
		return m->desc && m->from == IN && (!m->c->live || m->strange || is_gone(m));
	if (!m->c->live || m->strange || s->refused || !doors_fit(s, m) ||
	    is_gone(m))
		return true;
	for (i = 0; i < m->desc->nr; i++) {
		if (!m->desc->m[i].port)
			continue;
		n = medium_ports(&m->desc->m[i], port);
		for (j = 0; j < n; j++)
			door_name(s, m, i, port[j], j);
	}
	return false;
}

static bool is_private(const struct nst_addr *a)
{
	return a->family == 6 ? a->ip[0] == 0xfd : a->ip[0] == 10;
}

/* Who may send to a door (D7).  Return: the description tells. */
static bool target(struct seed *s, const struct msg *m, const struct door *d,
		   const struct desc *theirs, struct nst_endpoint *who)
{
	const struct nst_addr *speaker = &s->peer[m->conn->peer];
	const struct medium *e;

	memset(who, 0, sizeof(*who));
	if (s->env.set.media_filter == NST_FILTER_ANY)
		return false;
	who->addr = *speaker;
	if (!theirs || !theirs->there || d->media >= theirs->nr)
		return false;
	e = &theirs->m[d->media];
	if (!e->port || theirs->hold == HOLD_ZERO)
		return false;
	if (theirs->name || (is_private(&theirs->addr) && !is_private(speaker)))
		return true;
	who->addr = theirs->addr;
	if (s->env.set.media_filter == NST_FILTER_PEER_PORT)
		who->port = d->rtcp ? e->rtcp == RTCP_NONE || e->rtcp == RTCP_NEXT ?
			    e->port + 1 : e->rtcp_port : e->port;
	return true;
}

/* @answer: the half of the exchange that decides about rtcp-mux. */
static bool is_muxed(const struct door *d, const struct desc *answer)
{
	const struct medium *e;

	if (!d->rtcp || !answer || !answer->there || d->media >= answer->nr)
		return false;
	e = &answer->m[d->media];
	return e->port && e->mux;
}

static void door_move(struct door *d, const struct nst_endpoint *who, s8 txn)
{
	if (txn >= 0 && d->moved != txn) {
		d->before = d->filter;
		d->moved = txn;
	} else if (txn < 0) {
		d->moved = -1;
	}
	d->filter = *who;
}

/**
 * struct step - an exchange that was answered
 * @offers: transactions that it answers
 * @theirs: what the peer said in it, or NULL
 * @answer: the answering half, or NULL
 * @txn: it may be taken back if this fails; -1: not
 */
struct step {
	u64 offers;
	const struct desc *theirs;
	const struct desc *answer;
	s8 txn;
};

static void follow(struct call *c, s8 leg, s8 txn)
{
	if (txn >= 0 && c->followed_txn != txn)
		c->followed_before = c->followed;
	c->followed_txn = txn;
	c->followed = leg;
}

static void answered(struct seed *s, const struct msg *m, struct step p)
{
	struct call *c = m->c;
	struct nst_endpoint who;
	struct door *d;
	bool told;

	if (p.theirs && p.theirs->there)
		follow(c, heard_at(c, m->leg), p.txn);
	for (d = c->door; d < c->door + c->nr_doors; d++) {
		told = target(s, m, d, p.theirs, &who);
		if (d->open) {
			/* A 180 without a description may have opened it. */
			if (is_muxed(d, p.answer) && p.txn < 0)
				d->open = false;
			else if (told && (p.txn < 0 || !same_endpoint(&who, &d->filter)))
				door_move(d, &who, p.txn);
		} else if (d->named || d->offers & p.offers) {
			d->kept |= d->named;
			if (is_muxed(d, p.answer))
				continue;
			d->open = d->kept = true;
			d->filter = who;
		}
	}
}

static void settle(struct call *c, const struct txn *t, bool failed)
{
	u64 bit = bit_of(c, t);
	struct door *d = c->door;

	if (c->followed_txn == t - c->txn) {
		c->followed = failed ? c->followed_before : c->followed;
		c->followed_txn = -1;
	}
	while (d < c->door + c->nr_doors) {
		bool mine = d->offers & bit;

		d->offers &= ~bit;
		d->kept |= mine && !failed;
		if (d->moved == t - c->txn) {
			if (failed)
				d->filter = d->before;
			d->moved = -1;
		}
		if (failed && mine && !d->offers && !d->kept)
			*d = c->door[--c->nr_doors];
		else
			d++;
	}
}

/* The peer's half of a call that came in is the same for all of its dialogs. */
s8 heard_at(const struct call *c, s8 leg)
{
	return c->caller == OUT || leg < 0 ? 0 : leg;
}

static struct leg *leg_of(const struct msg *m)
{
	return &m->c->legs[heard_at(m->c, m->leg)];
}

static void agree(struct leg *leg, const struct desc *d, u64 when)
{
	if (!d->there || when < leg->agreed_at)
		return;
	leg->agreed = *d;
	leg->agreed_at = when;
}

/* @counts: whatever becomes of the request. */
static void hear(const struct seed *s, const struct msg *m, bool counts)
{
	if (!m->desc || m->from != OUT)
		return;
	leg_of(m)->heard = *m->desc;
	if (counts) {
		agree(leg_of(m), m->desc, s->messages);
	} else {
		m->t->said = *m->desc;
		m->t->said_at = s->messages;
	}
}

/* What the peer has said in this exchange, or has agreed to since. */
static const struct desc *heard(const struct msg *m)
{
	const struct leg *leg = leg_of(m);

	return m->t->said.there && m->t->said_at >= leg->agreed_at ? &m->t->said : &leg->agreed;
}

/* The offer that a PRACK or an ACK of the inside answers. */
static const struct desc *countered(const struct msg *m)
{
	const struct txn *t;

	for (t = m->c->txn; t < m->c->txn + TXNS; t++)
		if (t->used && t->method == SIP_INVITE && t->from == IN && !t->offer.there &&
		    t->said.there && t->said_at >= leg_of(m)->agreed_at)
			return &t->said;
	return &leg_of(m)->agreed;
}

static void on_offer(struct seed *s, struct msg *m)
{
	struct call *c = m->c;
	struct door *d;

	hear(s, m, m->answer);
	if (m->answer) {
		answered(s, m, (struct step){ .theirs = m->from == OUT ? m->desc : countered(m),
					      .answer = m->desc, .txn = -1 });
		return;
	}
	for (d = c->door; d < c->door + c->nr_doors; d++)
		if (d->named && !d->open)
			d->offers |= bit_of(c, m->t);
}

static void on_request(struct seed *s, struct msg *m)
{
	struct call *c = m->c;
	u8 method = m->method ? m->method : m->t->method;

	if (c->up)
		c->expires = s->now + s->env.set.call_timeout * 1000ull;
	switch (method) {
	case SIP_INVITE:
	case SIP_UPDATE:
	case SIP_PRACK:
		if (!m->again)
			on_offer(s, m);
		break;
	case SIP_ACK:
		if (m->desc)
			on_offer(s, m);
		break;
	case SIP_BYE:
		c->legs[m->leg].bye_due[m->from] = c->up ? s->now + BYE_MS : 0;
		break;
	default:
		break;
	}
}

static void leg_gone(struct seed *s, struct msg *m)
{
	struct call *c = m->c;
	s8 i, left = -1;

	c->legs[m->leg].state = LEG_GONE;
	for (i = 0; i < c->nr_legs; i++)
		if (c->legs[i].state == LEG_UP &&
		    (left < 0 || c->legs[i].since > c->legs[left].since))
			left = i;
	if (left < 0) {
		model_over(s, c, "BYE");
		return;
	}
	/* What is left of it is the peer's other dialog. */
	if (c->caller == IN && c->followed == m->leg) {
		struct msg other = *m;

		other.leg = left;
		answered(s, &other, (struct step){ .theirs = &c->legs[left].agreed, .txn = -1 });
	}
}

static void on_bye(struct seed *s, struct msg *m)
{
	struct leg *leg = &m->c->legs[m->leg];

	if (m->status < 200 || leg->state != LEG_UP)
		return;
	leg->bye_due[!m->from] = 0;
	if (m->status < 300 || m->status == 481 || m->status == 408)
		leg_gone(s, m);
}

static void session(struct seed *s, struct msg *m)
{
	struct leg *leg = &m->c->legs[m->leg];
	u32 seconds = m->session < SESSION_LEAST ? SESSION_LEAST : m->session;

	if (leg->state == LEG_UP)
		leg->session = m->session ? s->now + seconds * 1000ull : 0;
}

/* Once one fork has answered, what others say moves nothing. */
static void offer_answered(struct seed *s, struct msg *m)
{
	struct call *c = m->c;
	struct txn *t = m->t;
	bool final = m->status >= 200;
	struct step p = { .offers = bit_of(c, t), .txn = -1 };

	if (t->method == SIP_INVITE && c->up && !t->initial && !final)
		p.txn = t - c->txn;
	hear(s, m, t->initial);
	if (m->from == OUT && t->initial && c->up)
		return;
	if (m->desc && m->answer) {
		/* Of offers that cross the one counts whose answer comes last. */
		if (m->from == IN)
			t->said_at = s->messages;
		p.theirs = m->from == OUT ? m->desc : heard(m);
		p.answer = m->desc;
	} else if (final && t->method == SIP_INVITE && m->from == OUT && t->offer.there) {
		p.theirs = p.answer = heard(m);
	}
	answered(s, m, p);
}

static void on_accepted(struct seed *s, struct msg *m)
{
	struct call *c = m->c;

	settle(c, m->t, false);
	agree(leg_of(m), &m->t->said, m->t->said_at);
	if (m->t->method == SIP_INVITE) {
		if (c->legs[m->leg].state != LEG_UP)
			c->legs[m->leg].since = s->messages;
		c->legs[m->leg].state = LEG_UP;
		c->up = true;
		c->expires = s->now + s->env.set.call_timeout * 1000ull;
	}
	if (m->t->method == SIP_INVITE || m->t->method == SIP_UPDATE)
		session(s, m);
}

static void on_failed(struct seed *s, struct msg *m)
{
	struct call *c = m->c;

	settle(c, m->t, true);
	m->t->said.there = false;
	if (m->t->initial && !c->up)
		model_over(s, c, "failure");
}

static void on_response(struct seed *s, struct msg *m)
{
	struct call *c = m->c;

	if (m->status <= 100)
		return;
	if (m->t->method == SIP_BYE) {
		on_bye(s, m);
		return;
	}
	if (m->status >= 300) {
		on_failed(s, m);
		return;
	}
	if (m->status < 200 && !c->up)
		c->expires = s->now + s->env.set.ringing_timeout * 1000ull;
	offer_answered(s, m);
	if (m->status >= 200)
		on_accepted(s, m);
}

/* Does it say anything about its call? */
bool speaks(const struct msg *m)
{
	u8 method = m->method ? m->method : m->t->method;

	if (is_gone(m) && method != SIP_BYE)
		return false;
	if (m->status)
		return method == SIP_INVITE || method == SIP_UPDATE || method == SIP_PRACK ||
		       method == SIP_BYE;
	if (is_gone(m))
		return false;
	/* Without the tag of the called party it means the INVITE alone. */
	return method != SIP_CANCEL || !m->c->up;
}

void model_begin(struct seed *s, struct call *c)
{
	c->live = true;
	c->up = false;
	c->nr_doors = 0;
	c->followed = -1;
	c->followed_txn = -1;
	c->expires = s->now + s->env.set.ringing_timeout * 1000ull;
}

/* Nothing will be said any more of what this has offered: it stays reserved. */
static void hold_on(struct call *c, const struct txn *t)
{
	struct door *d;

	for (d = c->door; d < c->door + c->nr_doors; d++) {
		if (!(d->offers & bit_of(c, t)))
			continue;
		d->offers &= ~bit_of(c, t);
		d->offers |= 1ull << TXNS;
	}
}

void model_sent(struct seed *s, struct msg *m)
{
	struct call *c = m->c;
	struct door *d;

	if (!m->strange && c->live && is_gone(m) && m->status >= 200)
		hold_on(c, m->t);
	if (m->strange || !c->live || !speaks(m))
		return;
	c->talker = m->conn->id;
	c->quiet = s->now;
	if (m->status)
		on_response(s, m);
	else
		on_request(s, m);
	for (d = c->door; d < c->door + c->nr_doors; d++)
		d->named = d->fresh = false;
}

void model_over(struct seed *s, struct call *c, const char *why)
{
	if (s->verbose)
		say_ladder(s, "          call %u is over: %s", c->nr, why);
	c->live = false;
	c->nr_doors = 0;
	signal_over(c);
}

static u64 leg_due(const struct leg *leg)
{
	u64 due = leg->session;
	u8 i;

	for (i = 0; i < 2; i++)
		if (leg->bye_due[i] && (!due || leg->bye_due[i] < due))
			due = leg->bye_due[i];
	return due;
}

/* All of its dialogs have ended without a word. */
static bool is_silent(const struct seed *s, const struct call *c)
{
	u8 i;

	for (i = 0; i < c->nr_legs; i++)
		if (c->legs[i].state == LEG_UP &&
		    (!leg_due(&c->legs[i]) || s->now < leg_due(&c->legs[i])))
			return false;
	return c->up;
}

static void look_at(struct seed *s, struct call *c)
{
	u64 idle = s->env.set.media_idle * 1000ull;

	if (s->now >= c->expires) {
		model_over(s, c, "time");
	} else if (is_silent(s, c)) {
		model_over(s, c, "BYE without answer, or session");
	} else if (c->up && !c->talker) {
		if (s->now >= c->quiet + idle)
			model_over(s, c, "idle");
		else if (c->media && s->now >= c->quiet + idle / 4)
			c->quiet = s->now;
	}
}

void model_look(struct seed *s)
{
	struct call *c;

	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used && c->live)
			look_at(s, c);
	regs_look(s);
}

void model_conn_gone(struct seed *s, const struct conn *conn)
{
	struct call *c;

	for (c = s->call; c < s->call + CALLS; c++) {
		if (!c->used || !c->live || c->talker != conn->id)
			continue;
		c->talker = 0;
		c->quiet = s->now;
	}
}
