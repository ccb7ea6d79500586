// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of our own: carried by a segment that passes, emitted behind it,
 * repeated.
 *
 * Timers of a direction, all in flow_timer():
 *	ack_due		held bytes are acknowledged, ack_delay after they came
 *	hold_timeout	the rest of a message does not come: opaque
 *	rto_due		retained bytes go out again, see recover.c
 */
#include <nf_nat_sip_tcp/flow.h>

/* One action's bytes; with headers they stay below 64 KiB in any cut. */
#define EMIT_LEN 32768
/* Time for a receiver to announce a larger window, ms. */
#define WINDOW_WAIT 1000
/* The same, of one whose application is slow to read. */
#define SLOW_WAIT 3000

/** flow_cut - payload of one segment of ours */
u16 flow_cut(const struct nst_flow *f)
{
	return path_cut(f);
}

/**
 * emit_add - the next own segment: an empty ACK, until more is filled in
 * @c: connection
 * @to: direction it goes
 * @out: action list
 *
 * Return: NULL where the list is full.
 */
struct nst_emit *emit_add(struct nst_conn *c, u8 to, struct nst_out *out)
{
	const struct nst_flow *f = &c->flow[to];
	const struct nst_flow *back = &c->flow[!to];
	struct nst_emit *e;

	if (out->nr_emit == NST_EMIT_MAX)
		return NULL;
	e = &out->emit[out->nr_emit++];
	memset(e, 0, sizeof(*e));
	e->to = to;
	e->seq = f->snd_nxt;
	e->ack = back->acked;
	e->win = flow_window(c, !to, back->acked);
	e->has_ts = f->has_ts;
	e->tsval = f->ts_recent;
	e->tsecr = back->ts_recent;
	e->mss = flow_cut(f);
	return e;
}

/* How many rendered bytes can go out at @seq now, and where they are. */
static u32 sendable(const struct nst_flow *f, u32 seq, const char **data)
{
	u32 len = retain_at(f, seq, data);
	u32 room = seq_after(f->edge, seq) ? f->edge - seq : 0;

	return len < room ? len : room;
}

/**
 * flow_carry - let the segment at hand carry what waits
 * @c: connection
 * @dir: direction of the segment
 * @out: verdict and bytes are filled in
 *
 * Only all that can go now.  Segments of ours leave before the one at hand: a
 * receiver that gets the end before the beginning asks for it three times, and
 * has it sent again.
 *
 * Return: true where it does; false where nothing waits, there is too much, or
 * the receiver's window has no room, and @out is left alone.
 */
bool flow_carry(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	u32 len = sendable(f, f->snd_nxt, &out->carry);

	if (!len || len > NST_CARRY_MAX || !flow_pending(f))
		return false;
	if (seq_before(f->snd_nxt + len, seq_min(f->rend_nxt, f->edge)))
		return false;
	out->verdict = NST_CARRY;
	out->carry_len = len;
	out->carry_mss = flow_cut(f);
	out->seq = f->snd_nxt;
	recover_restart(c, f);
	f->snd_nxt += len;
	nst_count(c->env, NST_R_SEG_CARRY);
	return true;
}

/* FIN behind the last byte: on the segment that brings it, or alone. */
static void push_fin(struct nst_conn *c, u8 dir, struct nst_emit *last, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];

	if (!f->fin_waits || f->hold || flow_pending(f))
		return;
	if (!last)
		last = emit_add(c, dir, out);
	if (!last)
		return;
	last->fin = true;
	flow_fin(f);
}

/** flow_push - emit what waits, as far as the receiver's window reaches */
void flow_push(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_emit *e, *last = NULL;

	while (flow_pending(f)) {
		const char *data = NULL;
		u32 len = sendable(f, f->snd_nxt, &data);

		e = len ? emit_add(c, dir, out) : NULL;
		if (!e)
			break;
		last = e;
		e->len = len < EMIT_LEN ? len : EMIT_LEN;
		e->data = data;
		recover_restart(c, f);
		f->snd_nxt += e->len;
		e->psh = !flow_pending(f);
		nst_count(c->env, NST_R_EMIT);
	}
	push_fin(c, dir, last, out);
}

/**
 * flow_said - has all that a stripped segment says been said?
 * @c: connection
 * @seg: the segment
 * @out: what becomes of it, and own segments
 *
 * Those that take new bytes to the same end say it, too, and alone it would look
 * like a duplicate there (RFC 5681 2).
 */
bool flow_said(const struct nst_conn *c, const struct nst_segment *seg,
	       const struct nst_out *out)
{
	const struct nst_emit *e;

	if (out->verdict != NST_TRIM || out->seq != c->sent[seg->dir] || out->nr_sack ||
	    (seg->flags & (NST_ECE | NST_CWR)))
		return false;
	for (e = out->emit; e < out->emit + out->nr_emit; e++)
		if (e->to == seg->dir && e->len && e->seq == out->seq)
			return true;
	return false;
}

/*
 * Ours to answer: not more than came, or one segment, from the receiver's
 * first hole on.  Where the hole is the sender's to fill it repeats that by
 * itself.
 */
static void repeat_retained(struct nst_conn *c, const struct nst_segment *seg,
			    bool news, struct nst_out *out)
{
	u32 cut = flow_cut(&c->flow[seg->dir]);

	nst_count(c->env, NST_R_SEG_REPEAT);
	recover_resend(c, seg->dir, seg->len > cut ? seg->len : cut, out);
	out_strip(c, seg->dir, news, out);
}

/**
 * flow_again - repeated bytes that only their sender can repeat
 * @f: its flow
 * @seg: a segment that begins before RCV.NXT
 * @out: its number, and the length to which it is cut
 *
 * That is all that the receiver may lack in front of the first byte that is
 * retained or held.
 *
 * Return: true where the segment has to pass for them.
 */
bool flow_again(struct nst_flow *f, const struct nst_segment *seg, struct nst_out *out)
{
	u32 end = seq_min(seg->seq + seg->len + !!(seg->flags & NST_FIN),
			  f->rcv_nxt - hold_len(f));
	u32 from = seqmap_to_new(&f->map, seg->seq);
	u32 first, to;

	if (!seq_before(seg->seq, end) ||
	    seq_before(seg->seq, seqmap_to_orig(&f->map, f->snd_una)))
		return false;
	/* The last byte and not the end: that may lie inside a record. */
	to = seqmap_to_new(&f->map, end - 1) + 1;
	if (!retain_overlaps(f, from, to, &first))
		first = from + (end - seg->seq);
	if (first == from)
		return false;
	out->seq = from;
	out->len = first - from < seg->len ? first - from : seg->len;
	/* Karn: whose acknowledgement that will be nobody knows. */
	f->recovery.timing = false;
	return true;
}

/**
 * flow_ask - the receiver is asked what it has, and what it has room for
 * @c: connection
 * @seg: a segment that asks; its bytes stay here
 * @news: its acknowledgement is worth passing on
 * @out: verdict and number
 */
void flow_ask(struct nst_conn *c, const struct nst_segment *seg, bool news,
	      struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];

	out->verdict = NST_TRIM;
	out->seq = f->snd_nxt - 1;
	f->probed = true;
	flow_probes(f);
	flow_say(c, seg, news, out);
}

/* RFC 9293 3.8.4 allows a keep-alive one byte of garbage. */
static bool is_probe(const struct nst_flow *f, const struct nst_segment *seg)
{
	return seg->len == 1 && seg->seq == f->rcv_nxt - 1 && !seq_after(f->rcv_nxt, f->acked);
}

static void repeat_fin(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_emit *e = emit_add(c, dir, out);

	if (!e)
		return;
	e->seq = c->flow[dir].snd_una;
	e->fin = true;
}

/**
 * flow_repeat - bytes that came before come again
 * @c: connection
 * @seg: a segment that begins before RCV.NXT; what is behind that stays here
 * @news: its acknowledgement is worth passing on
 * @out: verdict
 *
 * What the receiver has acknowledged is stripped (I4), what was changed or
 * acknowledged in its name is answered from retained bytes, the rest passes.
 * Where only a part can be answered the acknowledgement for it makes the
 * sender repeat the rest alone.
 */
void flow_repeat(struct nst_conn *c, const struct nst_segment *seg, bool news,
		 struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];
	u32 end = seg->seq + seg->len + !!(seg->flags & NST_FIN);
	u32 una = seqmap_to_orig(&f->map, f->snd_una);
	u32 held = f->rcv_nxt - hold_len(f);

	if (is_probe(f, seg)) {
		flow_ask(c, seg, news, out);
		return;
	}
	if (seq_after(end, f->rcv_nxt))
		out->clear_flags |= NST_FIN;
	if (seq_before(seg->seq, f->acked))
		flow_send_ack(c, seg->dir, out);
	if (!seq_after(end, una)) {
		nst_count(c->env, NST_R_SEG_STALE);
		out_strip(c, seg->dir, news, out);
	} else if (seg->len && seg->flags & NST_FIN && f->fin && end - 1 == una) {
		/* Some repeat the segment whole until its FIN is acknowledged. */
		out_strip(c, seg->dir, news, out);
		repeat_fin(c, seg->dir, out);
	} else if (!seq_before(seg->seq, held)) {
		out_strip(c, seg->dir, news, out);
	} else if (!flow_again(f, seg, out)) {
		repeat_retained(c, seg, news, out);
	}
}

/**
 * hold_shut - is there no room for the rest of a message that is held?
 * @c: connection
 * @dir: its direction
 *
 * Though the receiver has read all that was sent.  A window that is full opens
 * again; one that stays so small makes everybody wait for ever, as conntrack
 * lets nobody write beyond it.
 */
bool hold_shut(struct nst_conn *c, u8 dir)
{
	struct nst_flow *f = &c->flow[dir];

	return f->hold && f->acked == f->rcv_nxt && f->snd_una == f->rend_nxt &&
	       seq_after(f->edge, f->snd_una) && !flow_window(c, dir, f->rcv_nxt);
}

/*
 * How long to wait for it to grow.  Where it is about as wide as it ever was
 * nothing else is to be expected, but of one that is slow to read: what it has
 * read since may not be worth telling yet.  Else its buffers shrank.
 */
static u64 window_due(const struct nst_conn *c, const struct nst_flow *f)
{
	bool half = f->edge - f->snd_una >= f->max_win / 2;
	u64 since = f->hold_since > f->edge_at ? f->hold_since : f->edge_at;
	u32 most = c->env->set.hold_timeout / 4;

	if (half)
		most = seq_min(most, f->slow ? SLOW_WAIT : WINDOW_WAIT);
	return since + most;
}

/* Acknowledge held bytes, if everything before them is safe (I3). */
static void ack_held(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];

	f->ack_due = 0;
	if (!f->hold && !flow_pending(f))
		return;
	f->ack_late = f->acked != f->rcv_nxt && !flow_owns(f);
	if (f->ack_late)
		return;
	if (f->acked != f->rcv_nxt) {
		f->acked = f->rcv_nxt;
		flow_send_ack(c, dir, out);
	}
	if (hold_shut(c, dir) && c->now >= window_due(c, f))
		conn_opaque(c, NST_R_OPAQUE_WINDOW);
}

/* The receiver may have told of a window that is too small. */
static void hold_watch(struct nst_conn *c, u8 dir)
{
	struct nst_flow *f = &c->flow[dir];
	u64 due;

	if (f->ack_due || !hold_shut(c, dir))
		return;
	due = window_due(c, f);
	f->ack_due = due > c->now ? due : c->now + 1;
}

/** hold_arm - bytes that are held, or wait for a window, are acknowledged in a while */
void hold_arm(struct nst_conn *c, struct nst_flow *f)
{
	u64 due = c->now + c->env->set.ack_delay;

	if (!f->hold && !flow_pending(f)) {
		f->ack_due = 0;
		f->ack_late = false;
	} else if (f->acked != f->rcv_nxt && !f->ack_late &&
		   (!f->ack_due || due < f->ack_due)) {
		f->ack_due = due;
	}
}

/** flow_settle - at the end of a step: what waits in a direction; mostly nothing does */
void flow_settle(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];

	if (!f->hold && !flow_pending(f) && !f->fin_waits) {
		f->ack_due = 0;
		f->ack_late = false;
		return;
	}
	flow_push(c, dir, out);
	hold_arm(c, f);
	hold_watch(c, dir);
}

/** flow_timer - what is due in a direction */
void flow_timer(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];

	if (f->ack_due && c->now >= f->ack_due)
		ack_held(c, dir, out);
	if (f->hold && c->now - f->hold_since >= c->env->set.hold_timeout)
		conn_opaque(c, NST_R_OPAQUE_HOLD_TIMEOUT);
	if (f->rto_due && c->now >= f->rto_due)
		recover_timeout(c, dir, out);
}

/* A time-out has passed, and the receiver has taken nothing. */
static bool flow_is_stuck(const struct nst_flow *f)
{
	return f->blocks && f->resends;
}

/* A glance from outside of the connection's lock: each word may be late. */
bool conn_holds_since(const struct nst_conn *c, u64 when)
{
	const struct nst_flow *f;

	for (f = c->flow; f < c->flow + ARRAY_SIZE(c->flow); f++)
		if ((f->hold && f->hold_since <= when) || flow_is_stuck(f))
			return true;
	return false;
}

/* Of what is held a part may have been acknowledged, and the rest not yet. */
static bool flow_owes(const struct nst_flow *f)
{
	return f->blocks || (f->hold && seq_after(f->acked, f->rcv_nxt - f->hold->len));
}

static bool flow_depends(const struct nst_flow *f)
{
	return f->map.after || !seqmap_constant(&f->map) || flow_owes(f);
}

bool conn_owes(const struct nst_conn *c)
{
	return flow_owes(&c->flow[0]) || flow_owes(&c->flow[1]);
}

bool conn_depends(const struct nst_conn *c)
{
	return flow_depends(&c->flow[0]) || flow_depends(&c->flow[1]);
}

static u64 earlier(u64 a, u64 b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/** flow_due - when flow_timer() has something to do; 0: never */
u64 flow_due(const struct nst_conn *c, const struct nst_flow *f)
{
	u64 due = earlier(earlier(f->ack_due, f->rto_due), f->order_due);

	if (f->hold)
		due = earlier(due, f->hold_since + c->env->set.hold_timeout);
	return due;
}
