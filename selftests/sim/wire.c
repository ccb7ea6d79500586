// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wires: loss, repeats, delay, reordering; routers that cut segments and
 * receivers that join them.
 */
#include "sim.h"

#define SMALL 2048
#define LARGE 70000

struct packet *packet_new(struct sim *s, u32 len)
{
	bool large = len > SMALL;
	struct packet *p = s->pool[large];

	if (p) {
		s->pool[large] = p->next;
		return p;
	}
	p = malloc(sizeof(*p) + (large ? LARGE : SMALL));
	if (!p || len > LARGE)
		abort();
	p->room = large ? LARGE : SMALL;
	return p;
}

void packet_free(struct sim *s, struct packet *p)
{
	bool large = p->room > SMALL;

	p->next = s->pool[large];
	s->pool[large] = p;
}

static bool earlier(const struct packet *a, const struct packet *b)
{
	return a->at < b->at || (a->at == b->at && a->nr < b->nr);
}

static void heap_push(struct heap *h, struct packet *p)
{
	u32 i = h->nr++;

	if (h->nr > h->cap) {
		h->cap = h->cap ? 2 * h->cap : 256;
		h->p = realloc(h->p, h->cap * sizeof(*h->p));
	}
	while (i && earlier(p, h->p[(i - 1) / 2])) {
		h->p[i] = h->p[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	h->p[i] = p;
}

static struct packet *heap_pop(struct heap *h)
{
	struct packet *top = h->p[0];
	struct packet *p = h->p[--h->nr];
	u32 i = 0, j;

	while ((j = 2 * i + 1) < h->nr) {
		if (j + 1 < h->nr && earlier(h->p[j + 1], h->p[j]))
			j++;
		if (!earlier(h->p[j], p))
			break;
		h->p[i] = h->p[j];
		i = j;
	}
	h->p[i] = p;
	return top;
}

/* A packet sets out on its wire. */
void wire_put(struct sim *s, struct packet *p)
{
	const struct wire *w = &s->wire[p->wire];

	p->at = s->now + w->delay;
	if (w->jitter && chance(s, 300))
		p->at += dice(s, w->jitter + 1);
	if (chance(s, w->late))
		p->at += w->delay + dice(s, 4 * w->delay + 20);
	p->nr = s->nr++;
	heap_push(&s->heap, p);
	s->packets++;
}

static struct packet *pack(struct sim *s, u8 wire, const struct nst_segment *seg, const char *data)
{
	struct packet *p = packet_new(s, seg->len);

	p->wire = wire;
	p->is_error = false;
	p->again = false;
	p->seg = *seg;
	p->seg.payload = NULL;
	if (seg->len)
		memcpy(p->data, data, seg->len);
	return p;
}

/* One more of the same, that goes round somewhere for a while. */
static void put_again(struct sim *s, u8 wire, const struct nst_segment *seg, const char *data)
{
	u64 at = trouble_again(s, wire);
	struct packet *p;

	if (!at)
		return;
	p = pack(s, wire, seg, data);
	p->again = true;
	p->at = at;
	p->nr = s->nr++;
	heap_push(&s->heap, p);
}

/* What leaves now; lost, twice, or late. */
static void wire_one(struct sim *s, u8 wire, const struct nst_segment *seg, const char *data)
{
	struct wire *w = &s->wire[wire];

	if (chance(s, w->loss) || !trouble_path(s, wire, seg)) {
		w->lost++;
		sim_note(s, wire, seg, 'x');
		return;
	}
	sim_note(s, wire, seg, ' ');
	wire_put(s, pack(s, wire, seg, data));
	put_again(s, wire, seg, data);
	if (chance(s, w->dup)) {
		sim_note(s, wire, seg, '2');
		wire_put(s, pack(s, wire, seg, data));
	}
}

void wire_send(struct sim *s, u8 wire, const struct nst_segment *seg, const char *data)
{
	struct nst_segment a = *seg;
	u32 cut;

	if (seg->len < 2 || seg->flags & (NST_SYN | NST_RST) || !chance(s, s->wire[wire].split)) {
		wire_one(s, wire, seg, data);
		return;
	}
	cut = 1 + dice(s, seg->len - 1);
	a.len = cut;
	a.flags &= ~(NST_FIN | NST_PSH);
	a.seg_size = a.seg_size < cut ? a.seg_size : cut;
	wire_one(s, wire, &a, data);
	a = *seg;
	a.seq += cut;
	a.len -= cut;
	if (a.seg_size > a.len)
		a.seg_size = a.len;
	wire_one(s, wire, &a, data + cut);
}

/* As GRO has it: same options and numbers, full segments but the last. */
static bool join(struct sim *s, struct packet *a, const struct packet *b)
{
	struct nst_segment *x = &a->seg;
	const struct nst_segment *y = &b->seg;
	u32 len = x->len + y->len;

	if (x->seq + x->len != y->seq || x->ack != y->ack || x->win != y->win ||
	    x->has_ts != y->has_ts || x->tsval != y->tsval || x->tsecr != y->tsecr ||
	    x->nr_sack || y->nr_sack || !y->len || len > 65000 || y->len > x->seg_size ||
	    x->len % x->seg_size || (x->flags ^ y->flags) & ~(NST_PSH | NST_FIN))
		return false;
	if (len > a->room) {
		struct packet *big = packet_new(s, len);
		u32 room = big->room;

		memcpy(big, a, sizeof(*a));
		big->room = room;
		memcpy(big->data, a->data, x->len);
		packet_free(s, a);
		s->gro[big->seg.dir] = big;
		a = big;
		x = &a->seg;
	}
	memcpy(a->data + x->len, b->data, y->len);
	x->len = len;
	x->flags |= y->flags & (NST_PSH | NST_FIN);
	return true;
}

void wire_flush(struct sim *s, u8 dir)
{
	struct packet *p = s->gro[dir];

	if (!p)
		return;
	s->gro[dir] = NULL;
	gate_packet(s, p);
	packet_free(s, p);
}

static void to_gateway(struct sim *s, struct packet *p)
{
	u8 dir = p->seg.dir;
	struct packet *held = s->gro[dir];

	if (p->is_error) {
		gate_icmp(s, p);	/* it goes on */
		return;
	}
	if (!s->wire[p->wire].gro) {
		gate_packet(s, p);
		packet_free(s, p);
		return;
	}
	if (held && !(held->seg.flags & NST_FIN) && join(s, held, p)) {
		packet_free(s, p);
		return;
	}
	wire_flush(s, dir);
	if (p->seg.len && p->seg.len <= p->seg.seg_size && !(p->seg.flags & (NST_RST | NST_SYN))) {
		s->gro[dir] = p;
		return;
	}
	gate_packet(s, p);
	packet_free(s, p);
}

void wire_deliver(struct sim *s)
{
	struct packet *p = heap_pop(&s->heap);

	if (!(p->wire & 1)) {
		to_gateway(s, p);
		return;
	}
	if (p->is_error)
		end_icmp(s, p->error.dir, &p->error);
	else
		end_input(s, !p->seg.dir, &p->seg, p->data);
	packet_free(s, p);
}
