// SPDX-License-Identifier: GPL-2.0-only
/*
 * Acknowledgements and windows: what the receiver says, and what is said to
 * the sender in its name.
 */
#include <nf_nat_sip_tcp/flow.h>

/* MAXACKWINCONST of tcp_in_window(), and what changes to come may add. */
#define CT_ACK_WINDOW 66000
#define CT_ACK_MARGIN 8192

/*
 * Where conntrack would call the receiver's acknowledgements too old: it takes
 * the largest offset in flight off them, and then looks at nothing else that
 * their segments bring.
 */
static u32 ct_ack_edge(const struct nst_flow *f)
{
	u32 most = f->max_win > CT_ACK_WINDOW ? f->max_win : CT_ACK_WINDOW;

	return f->snd_una - (u32)seqmap_max_offset(&f->map) + most - CT_ACK_MARGIN;
}

/*
 * How far the sender of a direction may write, in its own numbers: as far as
 * the receiver says, but not where conntrack would call it out of window, and
 * not beyond the room to hold it.
 */
static u32 right_edge(const struct nst_conn *c, const struct nst_flow *f)
{
	u32 edge = seq_min(f->edge - f->map.after, f->ct_edge);
	u32 used = flow_memory(f);
	u32 room = c->env->set.hold_max;

	if (c->state == NST_CONN_OPAQUE)
		return edge;
	edge = seq_min(edge, ct_ack_edge(f));
	room = room > used ? room - used : 0;
	/* Less than a unit of the window field would be nothing, for ever. */
	if (!used && room < 1u << c->flow[f == c->flow].wscale)
		room = 1u << c->flow[f == c->flow].wscale;
	return seq_min(edge, f->rcv_nxt + room);
}

/* The field that says @edge beside @ack, in units of the receiver's shift. */
static u16 window_to(const struct nst_conn *c, u8 dir, u32 edge, u32 ack)
{
	u32 win;

	if (!seq_after(edge, ack))
		return 0;
	win = (edge - ack) >> c->flow[!dir].wscale;
	return win > 0xffff ? 0xffff : win;
}

/**
 * flow_window - window field of an acknowledgement towards a sender
 * @c: connection
 * @dir: direction of the data that is acknowledged
 * @ack: the acknowledgement number, sender's numbers
 *
 * The right edge never retreats (RFC 9293 3.8.6), and is rounded down to what
 * the receiver's shift count can say.
 */
u16 flow_window(struct nst_conn *c, u8 dir, u32 ack)
{
	struct nst_flow *f = &c->flow[dir];

	f->adv_edge = seq_max(f->adv_edge, right_edge(c, f));
	return window_to(c, dir, f->adv_edge, ack);
}

/* The receiver has everything before @ack; how much of it is new. */
static u32 take_ack(struct nst_conn *c, struct nst_flow *f, u32 ack)
{
	u32 bytes = ack - f->snd_una;

	if (!seq_after(ack, f->snd_una))
		return 0;
	f->snd_una = ack;
	seqmap_prune(&f->map, ack);
	seqmap_trim(c, &f->map);
	retain_prune(c, f, ack);
	return bytes;
}

/*
 * Is its application slow to read?  What the field rounds off does not make a
 * window less than half, and one that is open again may lack that, or a segment
 * that is not worth telling of (RFC 9293 3.8.6.2.2).  Of a window that is said in a
 * few large units nobody can tell which: then only all of it is open.
 */
static void take_pace(const struct nst_conn *c, struct nst_flow *f, u32 win)
{
	u32 unit = 1u << c->flow[f == c->flow].wscale;
	u32 half = f->max_win / 2;
	bool vague = unit > f->max_win / 8;

	if (win + unit <= half || (vague && win < f->max_win))
		f->slow = true;
	else if (win + unit >= f->max_win || win + seq_min(f->mss, half) > f->max_win)
		f->slow = false;
}

/* The receiver's right edge, and what conntrack made of it: see flow_publish(). */
static void take_edge(const struct nst_conn *c, struct nst_flow *f, u32 ack, u32 win)
{
	const struct nst_publish *p = &f->pub;
	s32 offset = p->offset_before;

	if (seq_after(ack - 1, p->correction_pos))
		offset = p->offset_after;
	if (seq_after(ack + win, f->edge)) {
		f->edge = ack + win;
		f->edge_at = c->now;
	}
	if (win > f->max_win)
		f->max_win = win;
	take_pace(c, f, win);
	f->ct_edge = seq_max(f->ct_edge, ack - (u32)offset + win);
}

/*
 * SACK edges translate exactly or their block goes.  A block below an ack
 * that was raised would read as a duplicate SACK (RFC 2883), and one below
 * the receiver's own ack lies where the map has forgotten.
 */
static void map_sack(const struct nst_flow *f, const struct nst_segment *seg,
		     struct nst_out *out)
{
	u32 left, right;
	u8 i;

	for (i = 0; i < seg->nr_sack; i++) {
		if (!seqmap_edge_to_orig(&f->map, seg->sack[i].left, &left) ||
		    !seqmap_edge_to_orig(&f->map, seg->sack[i].right, &right))
			continue;
		if (!seq_after(right, out->ack) && (f->map.after || f->map.nr))
			continue;
		if (out->ack != seqmap_to_orig(&f->map, seg->ack) &&
		    !seq_after(left, out->ack))
			continue;
		out->sack[out->nr_sack].left = left;
		out->sack[out->nr_sack].right = right;
		out->nr_sack++;
	}
}

/**
 * flow_ack - what a segment acknowledges
 * @c: connection
 * @seg: the segment; its sender is the receiver of the other direction
 * @out: ack, win and sack are filled in
 *
 * Return: true where it tells the other end anything new.
 */
bool flow_ack(struct nst_conn *c, const struct nst_segment *seg,
	      struct nst_out *out)
{
	struct nst_flow *f = &c->flow[!seg->dir];
	u32 ack = seg->ack;
	u32 old_edge, orig, bytes;
	bool news;

	if (seq_after(ack, f->snd_nxt)) {
		nst_count(c->env, NST_R_ACK_CLAMPED);
		ack = f->snd_nxt;
	}
	bytes = take_ack(c, f, ack);
	take_edge(c, f, ack, (u32)seg->win << c->flow[seg->dir].wscale);
	recover_ack(c, seg, bytes, out);

	orig = seqmap_to_orig(&f->map, ack);
	if (f->ack_late && flow_owns(f)) {
		/* It has what the held bytes had to wait for. */
		orig = f->rcv_nxt;
		f->ack_late = false;
		hold_arm(c, f);
	}
	news = seq_after(orig, f->acked);
	f->acked = seq_max(f->acked, orig);
	out->ack = f->acked;
	old_edge = f->adv_edge;
	out->win = flow_window(c, !seg->dir, out->ack);
	map_sack(f, seg, out);
	return news || out->nr_sack ||
	       out->win != window_to(c, !seg->dir, old_edge, out->ack) ||
	       (seg->flags & (NST_ECE | NST_CWR));
}

/**
 * flow_outside - does a segment end far below what its receiver waits for?
 * @f: its direction
 * @seg: the segment
 *
 * conntrack lets such a one pass, with half of all sequence numbers, and looks
 * at nothing that it says: whoever knows the addresses may have written it.
 */
bool flow_outside(const struct nst_flow *f, const struct nst_segment *seg)
{
	u32 una = seqmap_to_orig(&f->map, f->snd_una);
	u32 win = f->max_win > CT_ACK_WINDOW ? f->max_win : CT_ACK_WINDOW;

	return seq_before(seg->seq + seg->len, una - win);
}

/**
 * flow_answer - a segment that is outside of its receiver's window
 * @c: connection
 * @seg: the segment
 * @out: what is left of it
 *
 * The receiver says what it waits for, as to anything outside of its window
 * (RFC 9293 3.10.7.4), and an end that is half open learns of it.  Neither it
 * nor we believe anything else that stands there.
 */
void flow_answer(struct nst_conn *c, const struct nst_segment *seg, struct nst_out *out)
{
	nst_count(c->env, NST_R_SEG_OUT_OF_WINDOW);
	if (seg->len)
		out->verdict = NST_TRIM;
	out->seq = seqmap_to_new(&c->flow[seg->dir].map, seg->seq);
	if (!(seg->flags & NST_ACK))
		return;
	out->ack = c->flow[!seg->dir].acked;
	out->win = flow_window(c, !seg->dir, out->ack);
}

/**
 * flow_send_ack - an acknowledgement in the receiver's name
 * @c: connection
 * @dir: direction of the data that is acknowledged
 * @out: gets one action more
 *
 * The number is what the sender has been given already; raise
 * &nst_flow.acked first to give it more.
 */
void flow_send_ack(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_emit *e = emit_add(c, !dir, out);

	if (!e)
		return;
	if (c->flow[dir].sack_ok && c->flow[!dir].sack_ok)
		order_sack(&c->flow[dir], e);
	nst_count(c->env, NST_R_ACK_SPOOFED);
}

/**
 * flow_say - news that came in a segment whose number is old
 * @c: connection
 * @seg: the segment
 * @news: it has some
 * @out: gets one action more
 *
 * The other end does not take an acknowledgement from such a one (RFC 9293
 * 3.10.7.4), and its sender may believe that all is said.
 */
void flow_say(struct nst_conn *c, const struct nst_segment *seg, bool news,
	      struct nst_out *out)
{
	if (news)
		flow_send_ack(c, !seg->dir, out);
}

/**
 * flow_publish - what conntrack's window tracking must be told
 * @f: the direction whose numbers it is about
 * @anew: another connection may begin on the tuple
 * @pub: filled in where it differs from what was said last
 *
 * tcp_in_window() takes nf_ct_seq_offset() of "ack - 1" off an
 * acknowledgement.  With changes in flight the largest offset errs to the
 * safe side for all of them; behind the last one, and with nothing in
 * flight, the offset is exact: conntrack leaves its unacknowledged state
 * only on an exact match.
 *
 * A SYN on a live tuple is answered with a number that no offset belongs to.
 * One above zero makes less of it, which is valid; one below zero would make more
 * than the SYN, and the SYN/ACK invalid for as long as the entry lives.
 */
void flow_publish(struct nst_flow *f, bool anew, struct nst_publish *pub)
{
	const struct seqrec *last;
	s32 after = (s32)f->map.after;
	s32 before = after;
	u32 pos = 0;

	if (f->map.nr) {
		last = seqmap_last(&f->map);
		before = seqmap_max_offset(&f->map);
		pos = last->new_seq + last->new_len - 2;
	}
	if (anew && after < 0)
		after = 0;
	if (anew && before < 0)
		before = 0;
	pub->changed = after != f->pub.offset_after || before != f->pub.offset_before ||
		       (f->map.nr && pos != f->pub.correction_pos);
	if (!pub->changed)
		return;
	pub->correction_pos = pos;
	pub->offset_before = before;
	pub->offset_after = after;
	f->pub = *pub;
}
