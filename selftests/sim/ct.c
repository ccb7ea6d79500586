// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conntrack's judgement of each packet that reaches the gateway, as in
 * net/netfilter/nf_conntrack_proto_tcp.c (tcp_in_window(), the table of states
 * and nf_conntrack_tcp_packet()), without what the handshake of another
 * connection on the same tuple needs.
 */
#include "sim.h"

#define FLAG_UNACKED 1
#define FLAG_MAXACK 2
#define FLAG_SACK 4
#define MAXACKWINDOW 66000

enum { NO, SS, SR, ES, FW, CW, LA, TW, CL, S2, IV, IG };
enum { SYN_SET, SYNACK_SET, FIN_SET, ACK_SET, RST_SET, NONE_SET };

static const u8 table[2][6][10] = {
	{
		{ SS, SS, IG, IG, IG, IG, IG, SS, SS, S2 },
		{ IV, IV, SR, IV, IV, IV, IV, IV, IV, SR },
		{ IV, IV, FW, FW, LA, LA, LA, TW, CL, IV },
		{ ES, IV, ES, ES, CW, CW, TW, TW, CL, IV },
		{ IV, CL, CL, CL, CL, CL, CL, CL, CL, CL },
		{ IV, IV, IV, IV, IV, IV, IV, IV, IV, IV },
	}, {
		{ IV, S2, IV, IV, IV, IV, IV, SS, IV, S2 },
		{ IV, SR, IG, IG, IG, IG, IG, IG, IG, SR },
		{ IV, IV, FW, FW, LA, LA, LA, TW, CL, IV },
		{ IV, IG, SR, ES, CW, CW, TW, TW, CL, IG },
		{ IV, CL, CL, CL, CL, CL, CL, CL, CL, CL },
		{ IV, IV, IV, IV, IV, IV, IV, IV, IV, IV },
	},
};

static bool is_before(u32 a, u32 b)
{
	return distance(b, a) < 0;
}

static bool is_after(u32 a, u32 b)
{
	return distance(b, a) > 0;
}

static u8 index_of(const struct nst_segment *s)
{
	if (s->flags & NST_RST)
		return RST_SET;
	if (s->flags & NST_SYN)
		return s->flags & NST_ACK ? SYNACK_SET : SYN_SET;
	if (s->flags & NST_FIN)
		return FIN_SET;
	return s->flags & NST_ACK ? ACK_SET : NONE_SET;
}

static void init_sender(struct ct_side *sender, struct ct_side *receiver,
			const struct nst_segment *s, u32 end)
{
	sender->td_end = end;
	sender->td_maxend = end;
	sender->td_maxwin = s->win ? s->win : 1;
	sender->td_scale = s->wscale > 14 && s->wscale != 0xff ? 14 : s->wscale;
	if (s->sack_ok)
		sender->flags |= FLAG_SACK;
	if (s->dir == 1 && (sender->td_scale == 0xff || receiver->td_scale == 0xff)) {
		sender->td_scale = 0;
		receiver->td_scale = 0;
	}
}

static u32 offset_at(const struct nst_publish *pub, u32 seq)
{
	return is_after(seq, pub->correction_pos) ? pub->offset_after : pub->offset_before;
}

static enum ct_result refuse(struct ct *ct, enum ct_result res, const char *why, u32 by)
{
	ct->why = why;
	ct->by = by;
	return res;
}

struct view {
	u32 seq, ack, sack, end, win;
};

static enum ct_result over_upper(struct ct *ct, const struct view *v, u8 dir)
{
	struct ct_side *sender = &ct->seen[dir];
	struct ct_side *receiver = &ct->seen[!dir];
	u32 overshot = v->end - sender->td_maxend + 1;
	u32 maxack = sender->td_maxwin > MAXACKWINDOW ? sender->td_maxwin : MAXACKWINDOW;
	bool ack_ok = is_after(v->sack, receiver->td_end - maxack - 1);
	bool in_win = receiver->td_maxwin &&
		      is_after(v->end, sender->td_end - receiver->td_maxwin - 1);

	if (in_win && ack_ok && overshot <= receiver->td_maxwin &&
	    is_before(v->sack, receiver->td_end + 1)) {
		sender->td_end = v->end;
		sender->flags |= FLAG_UNACKED;
		return refuse(ct, CT_IGNORE, "bytes more than expected", overshot);
	}
	return refuse(ct, CT_INVALID, "SEQ is over the upper bound",
		      v->seq - sender->td_maxend);
}

static void note_last(struct ct *ct, const struct nst_segment *s, const struct view *v)
{
	if (ct->last_dir == s->dir && ct->last_seq == v->seq && ct->last_ack == v->ack &&
	    ct->last_end == v->end && ct->last_win == s->win) {
		ct->retrans++;
		return;
	}
	ct->last_dir = s->dir;
	ct->last_seq = v->seq;
	ct->last_ack = v->ack;
	ct->last_end = v->end;
	ct->last_win = s->win;
	ct->retrans = 0;
}

static void update(struct ct *ct, const struct nst_segment *s, const struct view *v)
{
	struct ct_side *sender = &ct->seen[s->dir];
	struct ct_side *receiver = &ct->seen[!s->dir];
	u32 win = s->flags & NST_SYN ? v->win : v->win << sender->td_scale;

	if (sender->td_maxwin < win + (v->sack - v->ack))
		sender->td_maxwin = win + (v->sack - v->ack);
	if (is_after(v->end, sender->td_end)) {
		sender->td_end = v->end;
		sender->flags |= FLAG_UNACKED;
	}
	if (s->flags & NST_ACK) {
		if (!(sender->flags & FLAG_MAXACK) || is_after(v->ack, sender->td_maxack))
			sender->td_maxack = v->ack;
		sender->flags |= FLAG_MAXACK;
	}
	if (receiver->td_maxwin && is_after(v->end, sender->td_maxend))
		receiver->td_maxwin += v->end - sender->td_maxend;
	if (is_after(v->sack + win, receiver->td_maxend - 1)) {
		receiver->td_maxend = v->sack + win;
		if (!win)
			receiver->td_maxend++;
	}
	if (v->ack == receiver->td_end)
		receiver->flags &= ~FLAG_UNACKED;
	if (index_of(s) == ACK_SET)
		note_last(ct, s, v);
}

static enum ct_result in_window(struct ct *ct, const struct nst_segment *s)
{
	struct ct_side *sender = &ct->seen[s->dir];
	struct ct_side *receiver = &ct->seen[!s->dir];
	struct view v = { .seq = s->seq, .ack = s->ack, .sack = s->ack, .win = s->win };
	u32 offset = offset_at(&receiver->pub, s->ack - 1);
	u32 maxack;
	u8 i;

	v.end = s->seq + s->len + !!(s->flags & NST_SYN) + !!(s->flags & NST_FIN);
	for (i = 0; i < s->nr_sack && receiver->flags & FLAG_SACK; i++)
		if (is_after(s->sack[i].right, v.sack))
			v.sack = s->sack[i].right;
	v.ack -= offset;
	v.sack -= offset;
	if (s->flags & NST_SYN && (!sender->td_maxwin ||
				   (is_after(v.end, sender->td_end) && ct->state <= SR)))
		init_sender(sender, receiver, s, v.end);
	if (!(s->flags & NST_ACK)) {
		v.ack = receiver->td_end;
		v.sack = v.ack;
	}
	if (!is_before(v.seq, sender->td_maxend + 1))
		return over_upper(ct, &v, s->dir);
	if (!is_before(v.sack, receiver->td_end + 1))
		return refuse(ct, CT_INVALID, "ACK is over the upper bound",
			      v.sack - receiver->td_end);
	if (receiver->td_maxwin &&
	    !is_after(v.end, sender->td_end - receiver->td_maxwin - 1))
		return refuse(ct, CT_IGNORE, "SEQ is under the lower bound", 0);
	maxack = sender->td_maxwin > MAXACKWINDOW ? sender->td_maxwin : MAXACKWINDOW;
	if (!is_after(v.sack, receiver->td_end - maxack - 1))
		return refuse(ct, CT_IGNORE, "ACK is under the lower bound", 0);
	update(ct, s, &v);
	return CT_ACCEPT;
}

/* A RST has to be the next number, or in a train of segments. */
static enum ct_result judge_rst(struct ct *ct, const struct nst_segment *s, u8 *state)
{
	const struct ct_side *other = &ct->seen[!s->dir];

	if (!(other->flags & FLAG_MAXACK) || ct->last_index == SYN_SET)
		return CT_ACCEPT;
	if (is_before(s->seq, other->td_maxack))
		return refuse(ct, CT_INVALID, "invalid RST", other->td_maxack - s->seq);
	if (ct->state != ES || s->seq == other->td_maxack)
		return CT_ACCEPT;
	if (ct->last_index == ACK_SET && ct->last_dir == s->dir && s->seq == ct->last_end)
		return CT_ACCEPT;
	*state = ct->state;
	return CT_ACCEPT;
}

enum ct_result ct_packet(struct ct *ct, const struct nst_segment *s)
{
	u8 index = index_of(s);
	u8 state = table[s->dir][index][ct->state];
	enum ct_result res;

	ct->why = "";
	if (state == IG) {
		ct->last_index = index;
		ct->last_dir = s->dir;
		ct->last_seq = s->seq;
		ct->last_end = s->seq + s->len + !!(s->flags & (NST_SYN | NST_FIN));
		ct->last_win = s->win;
		return refuse(ct, CT_IGNORE, "ignored in this state", 0);
	}
	if (state == IV)
		return refuse(ct, CT_INVALID, "invalid in this state", ct->state);
	if (state == CL && index == RST_SET) {
		res = judge_rst(ct, s, &state);
		if (res != CT_ACCEPT)
			return res;
	}
	res = in_window(ct, s);
	if (res != CT_ACCEPT)
		return res;
	ct->last_index = index;
	ct->last_dir = s->dir;
	ct->state = state;
	return CT_ACCEPT;
}

/* Is the time-out that of a connection with bytes nobody has acknowledged? */
bool ct_waits(const struct ct *ct)
{
	return (ct->seen[0].flags | ct->seen[1].flags) & FLAG_UNACKED;
}
