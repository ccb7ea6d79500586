// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gateway: gives segments and time to the engine and carries out what it
 * says, as the kernel skin does.
 */
#include "check.h"
#include "model.h"

static void depart(struct model *m, const struct nst_segment *s, const char *data, bool own)
{
	judge_departure(m, s, data, own);
	if (own && s->len)
		m->emitted++;
	if (own && !s->len && !(s->flags & NST_RST))
		m->acks[!s->dir]++;
	model_send(m, 1, s, data);
}

/* Bytes in segments of at most @mss; FIN and PSH stay with the last one. */
static void depart_cut(struct model *m, struct nst_segment s, const char *data, u32 mss, bool own)
{
	u32 left = s.len;
	u8 last = s.flags;

	check(mss);
	do {
		s.len = left < mss ? left : mss;
		s.flags = left > mss ? last & ~(NST_FIN | NST_PSH) : last;
		depart(m, &s, data, own);
		s.seq += s.len;
		left -= s.len;
		if (left)
			data += s.len;
	} while (left);
}

static void emit(struct model *m, const struct nst_emit *e)
{
	struct nst_segment s = {
		.dir = e->to, .flags = NST_ACK, .seq = e->seq, .ack = e->ack,
		.win = e->win, .len = e->len, .has_ts = e->has_ts,
		.tsval = e->tsval, .tsecr = e->tsecr,
	};
	u8 i;

	check(!e->len || e->data);
	s.nr_sack = e->nr_sack;
	for (i = 0; i < e->nr_sack; i++) {
		s.sack[i].left = e->sack[i].left;
		s.sack[i].right = e->sack[i].right;
	}
	if (e->rst)
		s.flags |= NST_RST;
	if (e->psh)
		s.flags |= NST_PSH;
	if (e->fin)
		s.flags |= NST_FIN;
	depart_cut(m, s, e->data, e->mss, true);
}

/* What becomes of the segment itself. */
static void forward(struct model *m, const struct packet *p, const struct nst_out *out)
{
	struct nst_segment s = p->s;
	const char *data = p->data;
	u32 mss = s.len + 1;
	u8 i;

	if (out->verdict == NST_DROP)
		return;
	s.seq = out->seq;
	s.ack = out->ack;
	s.win = out->win;
	s.tsval = out->tsval;
	s.flags &= ~out->clear_flags;
	s.nr_sack = out->nr_sack;
	for (i = 0; i < out->nr_sack; i++) {
		s.sack[i].left = out->sack[i].left;
		s.sack[i].right = out->sack[i].right;
	}
	if (out->verdict == NST_CARRY) {
		check(out->carry_len && out->carry_len <= NST_CARRY_MAX);
		data = out->carry;
		mss = out->carry_mss;
		s.len = out->carry_len;
	} else {
		u32 len = out->verdict == NST_TRIM ? 0 : out->len;

		check(len <= s.len);
		if (len < s.len || out->verdict == NST_TRIM)
			s.flags &= ~(NST_FIN | NST_PSH);
		s.len = len;
	}
	depart_cut(m, s, data, mss, false);
}

static void own(struct model *m, const struct nst_out *out)
{
	u8 i;

	check(out->nr_emit <= NST_EMIT_MAX);
	for (i = 0; i < out->nr_emit; i++)
		emit(m, &out->emit[i]);
}

/* All of it, in the order of the skin: publish, own segments, verdict. */
static void act(struct model *m, const struct packet *p, struct nst_out *out)
{
	u8 dir;

	for (dir = 0; dir < 2; dir++)
		if (out->publish[dir].changed)
			m->side[dir].pub = out->publish[dir];
	if (out->timer)
		m->timer = out->timer;
	m->closing |= out->closing;
	world_work(m->w, &out->work);
	if (!m->own_last)
		own(m, out);
	if (p)
		forward(m, p, out);
	if (m->own_last)
		own(m, out);
	judge_state(m);
}

/* One of the next allocations fails, now and then. */
static void starve(struct model *m)
{
	if (m->oom && !model_rand(m, m->oom))
		m->w->fail_alloc = m->w->allocs + 1 + model_rand(m, 4);
}

void gateway_packet(struct model *m, struct packet *p)
{
	struct nst_segment seg = p->s;
	struct nst_out out;

	judge_arrival(m, &seg);
	starve(m);
	if (!conn_wants_payload(&m->conn, seg.dir))
		seg.payload = NULL;
	step_segment(&m->conn, &seg, model_now(m), &out);
	act(m, p, &out);
}

void gateway_timer(struct model *m)
{
	struct nst_out out;

	m->timer = 0;
	step_timer(&m->conn, model_now(m), &out);
	judge(m, out.timer > model_now(m) || !out.timer, "timer is due at once again");
	act(m, NULL, &out);
}

void gateway_opaque(struct model *m, enum nst_reason reason)
{
	struct nst_out out;

	step_opaque(&m->conn, reason, model_now(m), &out);
	act(m, NULL, &out);
}

void gateway_icmp(struct model *m, struct nst_icmp *e)
{
	struct nst_out out;

	step_icmp(&m->conn, e, model_now(m), &out);
	judge(m, out.nr_emit <= 1, "one error makes %u segments", out.nr_emit);
	act(m, NULL, &out);
}
