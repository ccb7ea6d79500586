// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold for each packet and after each step, whatever happens.
 *
 *	I1 what is read is what whole messages become
 *	I3 nothing acknowledged is lost
 *	I4 repeats are identical
 *	   acknowledgements and right edges never retreat
 *	   the receiver's window is never overrun
 *	T8 conntrack's window tracking accepts every packet
 */
#include <nf_nat_sip_tcp/flow.h>

#include "check.h"
#include "model.h"

/* Expected bytes. */

static void add_piece(struct model *m, u8 dir, u32 len, const char *p, u32 fresh_len,
		      enum piece_kind kind)
{
	struct side *side = &m->side[dir];
	struct piece *last = side->nr_pieces ? &side->piece[side->nr_pieces - 1] : NULL;
	struct piece *piece;

	side->piece = realloc(side->piece, (side->nr_pieces + 1) * sizeof(*piece));
	check(side->piece);
	last = side->nr_pieces ? &side->piece[side->nr_pieces - 1] : NULL;
	piece = &side->piece[side->nr_pieces++];
	piece->orig = last ? last->orig + last->len : 0;
	piece->fresh = last ? last->fresh + last->fresh_len : 0;
	piece->len = len;
	piece->fresh_len = fresh_len;
	piece->kind = kind;
	stream_put(&side->expected, piece->fresh, p, fresh_len);
}

void expect_raw(struct model *m, u8 dir, const char *p, u32 len)
{
	if (len)
		add_piece(m, dir, len, p, len, PIECE_RAW);
}

void expect_loose(struct model *m, u8 dir, const char *p, u32 len)
{
	add_piece(m, dir, len, p, len, PIECE_LOOSE);
}

/*
 * Length of the message as the reference took it.  Where framing is lost the
 * rest passes; what stays unfinished is held, and released in the end.
 */
static u32 expect_message(struct model *m, u8 dir, const char *p, u32 len)
{
	struct world *ref = m->ref;
	struct sip_frame f = { .scanned = 0 };
	int r = sip_frame_scan(&f, p, len, ref->env.set.header_max);
	u32 need = r > 0 ? f.hdr_len : len + 1;

	if (r > 0 && message_wants_body(&ref->env, p, f.hdr_len, f.body_len, &ref->room))
		need += f.body_len;
	/* The engine may have to read it twice, or parts of it once. */
	message_forget(&ref->room);
	if (need > len) {
		expect_loose(m, dir, p, len);
		return len;
	}
	ref->now = m->w->now;
	world_process(ref, dir, p, f.hdr_len, f.body_len, need);
	add_piece(m, dir, need, ref->out, ref->out_len, PIECE_MESSAGE);
	if (f.hdr_len + f.body_len == need)
		return need;
	f.body_len = f.body_len < len - need ? f.body_len : len - need;
	expect_raw(m, dir, p + need, f.body_len);
	return need + f.body_len;
}

void expect_text(struct model *m, u8 dir, const char *p, u32 len)
{
	u32 n;

	while (len) {
		n = sip_frame_crlf(p, len);
		expect_raw(m, dir, p, n);
		p += n;
		len -= n;
		n = len ? expect_message(m, dir, p, len) : 0;
		p += n;
		len -= n;
	}
}

void judge_read(struct model *m, u8 end)
{
	const struct peer *p = &m->peer[end];
	const struct side *side = &m->side[!end];
	u32 i;

	if (side->any)
		return;
	judge(m, p->in_len <= side->expected.len, "end %u reads %u bytes, %u expected", end,
	      p->in_len, side->expected.len);
	if (!p->in_len || !memcmp(p->in.p, side->expected.p, p->in_len))
		return;
	for (i = 0; p->in.p[i] == side->expected.p[i]; i++)
		;
	model_fail(m, "end %u reads wrong bytes from %u on: \"%.40s\"", end, i, p->in.p + i);
}

/* Conntrack, as in tcp_in_window(). */

static u32 max_u32(u32 a, u32 b)
{
	return a > b ? a : b;
}

static void ct_start(struct model *m, const struct nst_segment *s)
{
	struct side *sender = &m->side[s->dir];

	sender->ct_end = s->seq + 1;
	sender->ct_maxend = s->seq + 1;
	sender->ct_maxwin = max_u32(s->win, 1);
	sender->ct_scale = s->wscale;
	if (s->dir && (s->wscale == 0xff || m->side[0].ct_scale == 0xff)) {
		sender->ct_scale = 0;
		m->side[0].ct_scale = 0;
	}
	if (s->dir)
		m->side[0].ct_maxend = s->ack + s->win;
}

static u32 ct_offset(const struct nst_publish *pub, u32 seq)
{
	return seq_after(seq, pub->correction_pos) ? pub->offset_after : pub->offset_before;
}

static void judge_conntrack(struct model *m, const struct nst_segment *s)
{
	struct side *sender = &m->side[s->dir];
	struct side *receiver = &m->side[!s->dir];
	u32 offset = ct_offset(&receiver->pub, s->ack - 1);
	u32 end = s->seq + s->len + !!(s->flags & NST_FIN);
	u32 win = (u32)s->win << sender->ct_scale;
	u32 ack = s->ack - offset;
	u32 sack = ack;
	u8 i;

	for (i = 0; i < s->nr_sack; i++)
		sack = seq_max(sack, s->sack[i].right - offset);
	judge(m, seq_before(s->seq, sender->ct_maxend + 1), "conntrack: SEQ is over the upper bound by %u",
	      s->seq - sender->ct_maxend);
	judge(m, seq_before(sack, receiver->ct_end + 1), "conntrack: ACK is over the upper bound by %u",
	      sack - receiver->ct_end);
	/* What is very late is ignored, with or without us. */
	if (m->lossy && !seq_after(end, sender->ct_end - receiver->ct_maxwin - 1))
		return;
	judge(m, seq_after(end, sender->ct_end - receiver->ct_maxwin - 1),
	      "conntrack: SEQ is under the lower bound");
	judge(m, seq_after(sack, receiver->ct_end - max_u32(sender->ct_maxwin, 66000) - 1),
	      "conntrack: ACK is under the lower bound");
	sender->ct_maxwin = max_u32(sender->ct_maxwin, win + (sack - ack));
	sender->ct_end = seq_max(sender->ct_end, end);
	if (seq_after(end, sender->ct_maxend))
		receiver->ct_maxwin += end - sender->ct_maxend;
	if (seq_after(sack + win, receiver->ct_maxend - 1))
		receiver->ct_maxend = sack + win + !win;
}

/*
 * With everything delivered the offset is exact: conntrack's time-out hangs on
 * it.  Not so where both ends were told that something will not be.
 */
static void judge_exact(struct model *m, const struct nst_segment *s)
{
	const struct side *side = &m->side[!s->dir];
	const struct nst_flow *f = &m->conn.flow[!s->dir];

	if (m->closing || f->hold || s->ack != f->rend_nxt || f->rcv_nxt != side->ct_end)
		return;
	judge(m, s->ack - ct_offset(&side->pub, s->ack - 1) == side->ct_end,
	      "conntrack: acknowledgement of all is off by %d",
	      (int)(s->ack - ct_offset(&side->pub, s->ack - 1) - side->ct_end));
}

/* A segment reaches the gateway. */
void judge_arrival(struct model *m, const struct nst_segment *s)
{
	struct side *own = &m->side[s->dir];
	struct side *back = &m->side[!s->dir];
	u32 end = s->seq + s->len + !!(s->flags & NST_FIN);
	u8 shift = s->flags & NST_SYN || own->ct_scale == 0xff ? 0 : own->ct_scale;

	if (s->has_ts && (s->flags & NST_SYN || seq_after(s->tsval, own->tsval)))
		own->tsval = s->tsval;
	if (s->flags & NST_SYN) {
		ct_start(m, s);
		own->seen_end = s->seq + 1;
		own->given_ack = s->seq + 1;
		own->given_edge = s->seq + 1;
		own->told_ack = s->seq + 1;
		own->told_edge = s->seq + 1;
		if (!(s->flags & NST_ACK))
			return;
	} else {
		judge_conntrack(m, s);
		judge_exact(m, s);
		own->seen_end = seq_max(own->seen_end, end);
	}
	back->told_ack = seq_max(back->told_ack, s->ack);
	back->told_edge = seq_max(back->told_edge, s->ack + ((u32)s->win << shift));
}

static void judge_bytes(struct model *m, const struct nst_segment *s, const char *data, bool own)
{
	struct side *side = &m->side[s->dir];
	bool opaque = m->conn.state == NST_CONN_OPAQUE;
	u32 off = s->seq - m->peer[s->dir].isn - 1;
	u32 i;

	judge(m, !seq_after(s->seq + s->len, side->told_edge) || (opaque && !own),
	      "window overrun by %u", s->seq + s->len - side->told_edge);
	judge(m, !seq_before(s->seq, side->told_ack) || opaque, "bytes below the receiver's ack");
	for (i = 0; i < s->len; i++) {
		u32 at = off + i;

		if (seq_before(s->seq + i, side->told_ack))
			continue;
		if (at < side->sent.len && side->sent.mark[at])
			judge(m, side->sent.p[at] == data[i], "repeated bytes differ at %u", at);
		else
			stream_put(&side->sent, at, data + i, 1);
		side->sent.mark[at] = 1;
		judge(m, side->any || (at < side->expected.len &&
				       side->expected.p[at] == data[i]),
		      "wrong bytes leave at %u: \"%.20s\"", at, data + i);
	}
}

/* Constant offsets: what is late comes late. */
static bool passes_constant(const struct model *m)
{
	return m->conn.state == NST_CONN_OPAQUE && conn_quiet(&m->conn);
}

static void judge_ack(struct model *m, const struct nst_segment *s, bool own)
{
	struct side *side = &m->side[!s->dir];
	u8 shift = s->flags & NST_SYN || m->side[s->dir].ct_scale == 0xff ?
		0 : m->side[s->dir].ct_scale;
	u32 edge = s->ack + ((u32)s->win << shift);

	judge(m, !seq_after(s->ack, side->seen_end), "acknowledges what never came");
	if (own || !passes_constant(m)) {
		judge(m, !seq_before(s->ack, side->given_ack), "acknowledgement retreats by %u",
		      side->given_ack - s->ack);
		judge(m, !seq_before(edge + (1u << shift) - 1, side->given_edge),
		      "right edge retreats by %u", side->given_edge - edge);
	}
	side->given_ack = seq_max(side->given_ack, s->ack);
	side->given_edge = seq_max(side->given_edge, edge);
}

void judge_departure(struct model *m, const struct nst_segment *s, const char *data, bool own)
{
	u8 i;

	if (s->len)
		judge_bytes(m, s, data, own);
	if (s->flags & NST_ACK && !(s->flags & NST_RST))
		judge_ack(m, s, own);
	for (i = 0; i < s->nr_sack; i++)
		judge(m, seq_before(s->sack[i].left, s->sack[i].right) &&
		      !seq_after(s->sack[i].right, m->side[!s->dir].seen_end),
		      "SACK of what never came");
	if (own && s->has_ts)
		judge(m, !seq_after(s->tsval, m->side[s->dir].tsval) &&
		      !seq_after(s->tsecr, m->side[!s->dir].tsval),
		      "own timestamps that nobody said");
}

/* The piece that holds the byte before @orig. */
static const struct piece *piece_of(const struct side *side, u32 orig)
{
	u32 i;

	for (i = 0; i < side->nr_pieces; i++)
		if (orig <= side->piece[i].orig + side->piece[i].len)
			return &side->piece[i];
	return NULL;
}

/* Are bytes [from, to) of the expected stream in the engine's hands? */
static bool is_kept(const struct model *m, u8 dir, u32 from, u32 to)
{
	const struct nst_flow *f = &m->conn.flow[dir];
	const struct side *side = &m->side[dir];
	const char *data;

	while (from < to) {
		u32 len = retain_at(f, m->peer[dir].isn + 1 + from, &data);

		if (len > to - from)
			len = to - from;
		if (!len || memcmp(data, side->expected.p + from, len))
			return false;
		from += len;
	}
	return true;
}

/*
 * Does the sender still have what the receiver lacks of a message?  So it is
 * in front of the first change, and behind the last one.
 */
static bool is_read(const struct model *m, u8 dir, const struct piece *piece, u32 into)
{
	const char *orig = m->peer[dir].out.p + piece->orig;
	const char *fresh = m->side[dir].expected.p + piece->fresh;
	u32 have = m->peer[!dir].in_len - piece->fresh;
	u32 left = piece->len - into;

	if (m->peer[!dir].in_len < piece->fresh)
		return false;
	if (have >= into && !memcmp(orig, fresh, into))
		return true;
	return left <= piece->fresh_len && have >= piece->fresh_len - left &&
	       !memcmp(orig + into, fresh + piece->fresh_len - left, left);
}

/*
 * I3.  Up to the message that the acknowledgement reaches into, everything is
 * read or retained as it will be read; that message is held as it came, or it
 * is complete and retained too.
 */
static void judge_kept(struct model *m, u8 dir)
{
	const struct nst_flow *f = &m->conn.flow[dir];
	const struct side *side = &m->side[dir];
	u32 acked = side->given_ack - m->peer[dir].isn - 1;
	u32 have = m->peer[!dir].in_len;
	const struct piece *piece = piece_of(side, acked);
	u32 into;

	if (side->any || !piece || m->peer[0].reset || m->peer[1].reset || m->closing)
		return;
	into = acked - piece->orig;
	judge(m, is_kept(m, dir, have, piece->fresh + (piece->kind == PIECE_RAW ? into : 0)),
	      "I3: byte %u of end %u is acknowledged and nowhere", have, dir);
	if (f->hold && f->hold->len >= into &&
	    !memcmp(f->hold->data, m->peer[dir].out.p + piece->orig, into))
		return;
	if (piece->kind == PIECE_MESSAGE && into) {
		if (is_read(m, dir, piece, into))
			return;
		into = piece->fresh_len;
	}
	judge(m, is_kept(m, dir, max_u32(have, piece->fresh), piece->fresh + into),
	      "I3: byte %u of a message of end %u is acknowledged and nowhere", into, dir);
}

void judge_state(struct model *m)
{
	judge_kept(m, 0);
	judge_kept(m, 1);
}
