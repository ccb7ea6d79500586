// SPDX-License-Identifier: GPL-2.0-only
/*
 * Session descriptions as user agents make them (RFC 3264): offers, answers,
 * media that are held, resumed, added, refused, moved.
 */
#include "calls.h"

/* Each way to tell RTCP has ports of its own, so that none is told in two ways. */
static void medium_new(struct seed *s, struct medium *m, u16 port)
{
	memset(m, 0, sizeof(*m));
	m->kind = below(s, 5) ? below(s, 3) ? AUDIO : VIDEO : FAX;
	m->port = port;
	m->conn = chance(s, 15);
	if (m->kind == FAX) {
		m->rtcp = RTCP_NONE;
		return;
	}
	switch (below(s, 8)) {
	case 0:
		m->rtcp = RTCP_NAMED;
		m->rtcp_port = port + 1;
		break;
	case 1:
		m->rtcp = RTCP_APART;
		m->rtcp_port = port + 3;
		break;
	case 2:
		m->rtcp = RTCP_SAME;
		m->rtcp_port = port;
		m->mux = true;
		break;
	default:
		m->rtcp = RTCP_NEXT;
		m->rtcp_port = port + 1;
		m->mux = chance(s, 25);
		break;
	}
}

static u16 port_new(struct seed *s, struct call *c, u8 side, const struct desc *d)
{
	struct host *h = &s->host[c->host];
	u16 port;

	if (side == OUT)
		return 20000 + below(s, 500) * 10;
	/* Phones that have one set of ports for all calls. */
	if (h->one_port && d->nr < MEDIA && d->version <= 1)
		return 6000 + d->nr * 10;
	port = h->next;
	h->next += 10;
	return port;
}

/* Where the peer's media come from: its own host, a server, a private address. */
static void place(struct seed *s, struct call *c, u8 side, struct desc *d)
{
	d->name = false;
	if (side == IN) {
		d->addr = s->host[c->host].addr;
		return;
	}
	switch (below(s, 10)) {
	case 0:
		d->name = true;
		d->addr = s->server[0];
		break;
	case 1:
	case 2:
		d->addr = s->server[PEERS - 1];
		break;
	case 3:
	case 4:
	case 5:
		d->addr = s->peer[c->conn->peer];
		break;
	default:
		d->addr = s->server[below(s, PEERS - 1)];
		break;
	}
}

static u8 hold_new(struct seed *s)
{
	return chance(s, 70) ? HOLD_NOT : 1 + below(s, 3);
}

static void desc_change(struct seed *s, struct call *c, u8 side, struct desc *d)
{
	u8 i = d->nr ? below(s, d->nr) : 0;

	switch (below(s, 8)) {
	case 0:
	case 1:
		d->hold = d->hold ? HOLD_NOT : 1 + below(s, 3);
		break;
	case 2:
		if (d->nr < MEDIA) {
			medium_new(s, &d->m[d->nr], port_new(s, c, side, d));
			d->nr++;
		}
		break;
	case 3:
		d->m[i].port = 0;
		break;
	case 4:
		medium_new(s, &d->m[i], port_new(s, c, side, d));
		break;
	case 5:
		place(s, c, side, d);
		break;
	case 6:
		if (side == OUT && d->m[i].port) {
			d->m[i].port += 100;
			d->m[i].rtcp_port += 100;
		}
		break;
	default:
		break;
	}
	d->m[i].conn = chance(s, 15);
}

void desc_offer(struct seed *s, struct call *c, u8 side, struct desc *d, const struct desc *last)
{
	u8 n;

	if (last && last->there) {
		*d = *last;
		d->version = ++c->version[side];
		for (n = below(s, 3); n; n--)
			desc_change(s, c, side, d);
		return;
	}
	memset(d, 0, sizeof(*d));
	d->there = true;
	d->version = ++c->version[side];
	place(s, c, side, d);
	for (n = 1 + (chance(s, 30) ? below(s, MEDIA) : 0); n; n--) {
		medium_new(s, &d->m[d->nr], port_new(s, c, side, d));
		d->nr++;
	}
	d->hold = chance(s, 5) ? 1 + below(s, 3) : HOLD_NOT;
}

static void medium_answer(struct seed *s, struct call *c, u8 side, struct desc *d,
			  const struct medium *offer)
{
	struct medium *m = &d->m[d->nr];

	medium_new(s, m, port_new(s, c, side, d));
	if (m->kind != offer->kind) {
		m->kind = offer->kind;
		m->rtcp = offer->kind == FAX ? RTCP_NONE : RTCP_NEXT;
		m->rtcp_port = m->port + 1;
		m->mux = false;
	}
}

/*
 * The same media in the same order; what was there keeps its ports.  RTCP on
 * one port with RTP is agreed only where both say so (RFC 5761 5.1.1).
 */
void desc_answer(struct seed *s, struct call *c, u8 side, struct desc *d,
		 const struct desc *offer, const struct desc *last)
{
	bool known = last && last->there;
	struct desc new = { .there = true };
	u8 i;

	new.version = ++c->version[side];
	if (known && !chance(s, 20)) {
		new.addr = last->addr;
		new.name = last->name;
	} else {
		place(s, c, side, &new);
	}
	new.hold = offer->hold ? hold_new(s) : chance(s, 5) ? 1 + below(s, 3) : HOLD_NOT;
	for (i = 0; i < offer->nr; i++) {
		if (known && i < last->nr && last->m[i].port && last->m[i].kind == offer->m[i].kind)
			new.m[i] = last->m[i];
		else
			medium_answer(s, c, side, &new, &offer->m[i]);
		new.nr = i + 1;
		if (!offer->m[i].port || chance(s, 5))
			new.m[i].port = 0;
		if (!offer->m[i].mux)
			new.m[i].mux = false;
	}
	*d = new;
}
