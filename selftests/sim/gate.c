// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gateway: conntrack, the engine, and what the kernel skin makes of its
 * answer: publish, own segments, the segment itself.
 */
#include <nf_nat_sip_tcp/flow.h>

#include "sim.h"

/* Wires lead to the gateway (0, 2) and from it (1, 3). */
static void depart(struct sim *s, const struct nst_segment *seg, const char *data, bool own)
{
	judge_departure(s, seg, data, own);
	wire_send(s, 2 * seg->dir + 1, seg, data);
}

/* In segments of at most @mss; FIN and PSH stay with the last one. */
static void depart_cut(struct sim *s, struct nst_segment seg, const char *data, u32 mss, bool own)
{
	u32 left = seg.len;
	u8 last = seg.flags;

	must(s, ENGINE, mss, "segments of no size");
	if (own)
		seg.seg_size = 0;
	do {
		seg.len = left < mss ? left : mss;
		seg.flags = left > mss ? last & ~(NST_FIN | NST_PSH) : last;
		if (seg.seg_size > seg.len || !seg.seg_size)
			seg.seg_size = seg.len;
		depart(s, &seg, data, own);
		seg.seq += seg.len;
		left -= seg.len;
		if (left)
			data += seg.len;
	} while (left);
}

static void judge_cut(struct sim *s, u8 to, u32 mss, bool ts)
{
	/* What the receiver said in its SYN is less its options (RFC 6691). */
	u32 most = s->end[!to].mss - (ts ? 12 : 0);

	must(s, MSS, mss <= most, "segments of %u bytes to an end that takes %u", mss, most);
	must(s, MSS, !s->side[to].path || mss <= s->side[to].path,
	     "segments of %u bytes, where %u get through", mss, s->side[to].path);
}

static void emit(struct sim *s, const struct nst_emit *e)
{
	struct nst_segment seg = {
		.dir = e->to, .flags = NST_ACK, .seq = e->seq, .ack = e->ack,
		.win = e->win, .len = e->len, .has_ts = e->has_ts,
		.tsval = e->tsval, .tsecr = e->tsecr,
	};

	must(s, ENGINE, !e->len || e->data, "bytes from nowhere");
	must(s, ENGINE, e->len + 60 < 65536, "a segment of %u bytes", e->len);
	must(s, ENGINE, e->nr_sack <= (e->has_ts ? 3 : 4), "%u SACK blocks", e->nr_sack);
	seg.nr_sack = e->nr_sack;
	memcpy(seg.sack, e->sack, e->nr_sack * sizeof(seg.sack[0]));
	if (e->rst)
		seg.flags |= NST_RST;
	if (e->psh)
		seg.flags |= NST_PSH;
	if (e->fin)
		seg.flags |= NST_FIN;
	if (e->len)
		judge_cut(s, e->to, e->mss, e->has_ts);
	depart_cut(s, seg, e->data, e->len ? e->mss : 1, true);
}

static void forward(struct sim *s, const struct packet *p, const struct nst_out *out)
{
	struct nst_segment seg = p->seg;
	const char *data = p->data;
	u32 mss = seg.len + 1;
	u32 len = out->verdict == NST_TRIM ? 0 : out->len;

	seg.seq = out->seq;
	seg.ack = out->ack;
	seg.win = out->win;
	seg.tsval = out->tsval;
	seg.flags &= ~out->clear_flags;
	must(s, ENGINE, out->nr_sack <= seg.nr_sack, "%u SACK blocks out of %u", out->nr_sack,
	     seg.nr_sack);
	seg.nr_sack = out->nr_sack;
	memcpy(seg.sack, out->sack, out->nr_sack * sizeof(seg.sack[0]));
	if (out->verdict == NST_CARRY) {
		must(s, ENGINE, out->carry_len && out->carry_len <= NST_CARRY_MAX && out->carry,
		     "carries %u bytes", out->carry_len);
		judge_cut(s, seg.dir, out->carry_mss, seg.has_ts);
		data = out->carry;
		mss = out->carry_mss;
		seg.len = out->carry_len;
		seg.seg_size = 0;
	} else {
		must(s, ENGINE, len <= seg.len, "%u bytes stay out of %u", len, seg.len);
		if (len < seg.len || out->verdict == NST_TRIM)
			seg.flags &= ~(NST_FIN | NST_PSH);
		seg.len = len;
	}
	depart_cut(s, seg, data, mss, false);
}

static void own_segments(struct sim *s, const struct nst_out *out)
{
	u8 i;

	must(s, ENGINE, out->nr_emit <= NST_EMIT_MAX, "%u segments", out->nr_emit);
	for (i = 0; i < out->nr_emit; i++)
		emit(s, &out->emit[i]);
}

/* For whoever looks for a fault of the engine: sim -V. */
static void show(const struct sim *s)
{
	u8 dir;

	for (dir = 0; dir < 2; dir++) {
		const struct nst_flow *f = &s->conn.flow[dir];

		fprintf(stderr, "%8llu flow %u state %u: rcv_nxt %lld acked %lld hold %u | una %lld nxt %lld rend %lld edge %lld | offset %d %d (%u) retained %u fin %u mode %u\n",
			(unsigned long long)s->now, dir, s->conn.state,
			(long long)offset_of(s, dir, f->rcv_nxt),
			(long long)offset_of(s, dir, f->acked), f->hold ? f->hold->len : 0,
			(long long)offset_of(s, dir, f->snd_una),
			(long long)offset_of(s, dir, f->snd_nxt),
			(long long)offset_of(s, dir, f->rend_nxt),
			(long long)offset_of(s, dir, f->edge), (int)f->map.before,
			(int)f->map.after, f->map.nr, f->retained, f->fin, f->mode);
	}
}

static void act(struct sim *s, const struct packet *p, struct nst_out *out)
{
	u8 dir;

	for (dir = 0; dir < 2; dir++)
		if (out->publish[dir].changed)
			s->ct.seen[dir].pub = out->publish[dir];
	if (out->timer)
		s->timer = out->timer;
	judge_closing(s, out->closing);
	s->closing |= out->closing;
	/* Who writes on is told. */
	s->rst |= out->closing;
	if (show_flows)
		show(s);
	env_work(&s->env, &out->work);
	if (!s->own_last)
		own_segments(s, out);
	if (p && out->verdict != NST_DROP)
		forward(s, p, out);
	if (s->own_last)
		own_segments(s, out);
	judge_step(s);
}

static void starve(struct sim *s)
{
	s->env.fail_at = 0;
	if (s->oom && !dice(s, s->oom))
		s->env.fail_at = s->env.allocs + 1 + dice(s, 4);
	/* And nothing to be had for some seconds. */
	if (s->oom && s->seed & 1 && s->now > 2000 && s->now % 20000 < 4000)
		s->env.fail_at = s->env.allocs + 1;
}

/*
 * A sender may repeat bytes that differ.  What the engine has in its hands must
 * stay what it was: that is all of a message which it changes.
 */
static void contradict(struct sim *s, struct packet *p)
{
	const struct side *d = &s->side[p->seg.dir];
	s64 from = offset_of(s, p->seg.dir, p->seg.seq);
	s64 to = offset_of(s, p->seg.dir, s->conn.flow[p->seg.dir].rcv_nxt);
	u32 i = d->nr_pieces;
	s64 a, b;

	if (to > from + p->seg.len)
		to = from + p->seg.len;
	if (from < 0 || from >= to || s->conn.state != NST_CONN_FOLLOWED || !dice(s, 2))
		return;
	while (i--) {
		const struct piece *pc = &d->piece[i];

		if (pc->orig + pc->len <= from)
			break;
		if (!pc->changed || pc->orig >= to)
			continue;
		a = pc->orig > from ? pc->orig : from;
		b = pc->orig + pc->len < to ? pc->orig + pc->len : to;
		memset(p->data + (a - from), '!', b - a);
	}
}

/* The skin does not ask the engine about such a one: nothing may be missed. */
static void judge_plain(struct sim *s, const struct nst_segment *seg,
			const struct nst_out *out)
{
	must(s, ENGINE, out->verdict == NST_ACCEPT && out->len == seg->len &&
	     out->seq == seg->seq && out->win == seg->win && !out->clear_flags &&
	     (!(seg->flags & NST_ACK) || out->ack == seg->ack) &&
	     out->nr_sack == (seg->flags & NST_SYN ? 0 : seg->nr_sack) &&
	     !memcmp(out->sack, seg->sack, out->nr_sack * sizeof(*seg->sack)),
	     "a segment of a plain connection does not pass as it is");
	must(s, ENGINE, !out->nr_emit && !out->timer && !out->work.first &&
	     !out->publish[0].changed && !out->publish[1].changed && !out->closing,
	     "a segment of a plain connection has consequences");
	must(s, ENGINE, conn_plain(&s->conn), "a plain connection does not stay one");
}

void gate_packet(struct sim *s, struct packet *p)
{
	struct nst_segment seg = p->seg;
	struct nst_out out;
	bool plain;

	/* At the end it makes conntrack begin anew, with or without us. */
	if (p->again && seg.flags & NST_SYN && s->stage >= 3)
		return;
	s->seg = &seg;
	judge_arrival(s, &seg);
	if (s->contradict && !s->oom && seg.len)
		contradict(s, p);
	starve(s);
	seg.payload = seg.len && conn_wants_payload(&s->conn, seg.dir) ? p->data : NULL;
	plain = conn_plain(&s->conn);
	step_segment(&s->conn, &seg, s->now, &out);
	if (plain)
		judge_plain(s, &seg, &out);
	act(s, p, &out);
	s->seg = NULL;
}

/* As nf_conntrack has it, whoever wrote it: who saw a packet of ours may. */
void gate_icmp(struct sim *s, struct packet *p)
{
	struct nst_icmp *e = &p->error;
	struct nst_icmp was = *e;
	struct nst_out out;
	u32 size;

	judge_error(s);
	size = s->conn.flow[e->dir].path_max;
	starve(s);
	step_icmp(&s->conn, e, s->now, &out);
	judge_error_passed(s, e, &was, size == s->conn.flow[e->dir].path_max);
	act(s, NULL, &out);
	judge_error_answered(s, e);
	p->wire = 2 * !e->dir + 1;
	wire_put(s, p);
}

void gate_timer(struct sim *s)
{
	struct nst_out out;

	s->timer = 0;
	starve(s);
	step_timer(&s->conn, s->now, &out);
	must(s, ENGINE, !out.timer || out.timer > s->now, "a timer is due at once again");
	act(s, NULL, &out);
}

void gate_opaque(struct sim *s)
{
	struct nst_out out;

	s->env.fail_at = 0;
	step_opaque(&s->conn, NST_R_OPAQUE_SETTING, s->now, &out);
	act(s, NULL, &out);
}
