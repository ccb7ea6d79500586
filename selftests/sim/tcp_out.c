// SPDX-License-Identifier: GPL-2.0-only
/*
 * An end, what it sends: windows and Nagle (RFC 9293 3.7.4, 3.8.6), congestion
 * control (RFC 5681), NewReno (RFC 6582), SACK based recovery (RFC 6675),
 * time-outs (RFC 6298), timestamps (RFC 7323).
 */
#include "sim.h"

#define RTO_MAX 60000
#define RTO_FIRST 1000
#define OPTIONS_TS 12

/* A number out of one end's clock is never right at the other. */
u32 ts_now(const struct sim *s, u8 e)
{
	return (u32)s->now + (e ? 0xfffff000 : 70000);
}

s64 end_of_stream(const struct end *p)
{
	return (s64)p->out_len + p->fin;
}

/* The application has taken what it wants; the edge never retreats. */
static u16 window(struct end *p, bool syn)
{
	u8 shift = syn || p->wscale == 0xff ? 0 : p->wscale;
	u32 used = p->got.low - p->taken;
	s64 edge = p->got.low + (p->space > used ? p->space - used : 0);
	u32 least = p->space / 2 < p->eff ? p->space / 2 : p->eff;
	s64 win;

	/* No silly window (RFC 9293 3.8.6.2.2). */
	if (edge < p->adv + least)
		edge = p->adv;
	win = (edge - p->rcv_nxt) >> shift;
	if (win < 0)
		win = 0;
	if (p->rcv_nxt + (win << shift) < p->adv)
		win = (p->adv - p->rcv_nxt + (1 << shift) - 1) >> shift;
	if (win > 0xffff)
		win = 0xffff;
	if (p->rcv_nxt + (win << shift) > p->adv)
		p->adv = p->rcv_nxt + (win << shift);
	return win;
}

static void add_block(const struct end *p, struct nst_segment *seg, struct range r)
{
	u8 i;

	for (i = 0; i < seg->nr_sack; i++)
		if (seg->sack[i].left == p->irs + 1 + r.from &&
		    seg->sack[i].right == p->irs + 1 + r.to)
			return;
	if (seg->nr_sack == (p->ts ? 3 : 4))
		return;
	seg->sack[seg->nr_sack].left = p->irs + 1 + r.from;
	seg->sack[seg->nr_sack++].right = p->irs + 1 + r.to;
}

/* A duplicate first, then what came last, then what was told before. */
static void blocks(struct end *p, struct nst_segment *seg)
{
	u32 i, j;

	if (!p->sack)
		return;
	if (p->dup.from != p->dup.to)
		add_block(p, seg, p->dup);
	p->dup.to = p->dup.from;
	for (j = 0; j < 3; j++)
		for (i = 0; i < p->got.nr; i++)
			if (p->recent[j] >= p->got.r[i].from && p->recent[j] < p->got.r[i].to)
				add_block(p, seg, p->got.r[i]);
	for (i = 0; i < p->got.nr && i < 4; i++)
		add_block(p, seg, p->got.r[i]);
}

/* Offset -1 is the SYN. */
void end_send(struct sim *s, u8 e, u8 flags, s64 at, u32 len)
{
	struct end *p = &s->end[e];
	struct nst_segment seg = {
		.dir = e, .flags = flags, .seq = p->iss + 1 + (u32)at, .len = len,
		.seg_size = len < p->eff ? len : p->eff,
		.has_ts = p->ts, .tsval = ts_now(s, e), .tsecr = p->ts_recent,
		.mss = 536, .wscale = 0xff,
	};

	if (flags & NST_ACK) {
		seg.win = window(p, flags & NST_SYN);
		seg.ack = p->irs + 1 + (u32)p->rcv_nxt;
		p->last_ack = p->rcv_nxt;
	} else {
		seg.win = p->space < 0xffff ? p->space : 0xffff;
		p->adv = seg.win;
	}
	if (flags & NST_SYN) {
		seg.mss = p->mss;
		seg.wscale = p->wscale;
		seg.sack_ok = p->sack;
	} else if (flags & NST_ACK) {
		blocks(p, &seg);
	}
	if (s->ecn && !(flags & NST_SYN) && !dice(s, 20))
		seg.flags |= NST_ECE;
	if (s->urgent && len && !dice(s, 20))
		seg.flags |= NST_URG;
	p->delack_at = 0;
	p->unacked = 0;
	s->sends++;
	wire_send(s, 2 * e, &seg, len ? p->out + at : NULL);
}

void end_ack(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];
	/* FIN may lie beyond the window; an acknowledgement must not. */
	s64 at = p->nxt < p->max ? p->max : p->nxt;

	if (at > p->edge)
		at = p->edge > p->una ? p->edge : p->una;
	end_send(s, e, NST_ACK, at, 0);
}

void end_rearm(struct sim *s, struct end *p)
{
	p->rto_at = p->una < p->max ? s->now + p->rto : 0;
}

/* RFC 6675 4: is what lies in front of range @i lost? */
static bool is_lost(const struct end *p, u32 i)
{
	u32 bytes = 0;

	if (p->sacked.nr - i >= 3)
		return true;
	for (; i < p->sacked.nr; i++)
		bytes += p->sacked.r[i].to - p->sacked.r[i].from;
	return bytes > 2 * p->eff;
}

static s64 in_flight(const struct end *p)
{
	s64 pos = p->una, pipe = 0, to, again;
	u32 i;

	for (i = 0; i <= p->sacked.nr; i++) {
		to = i < p->sacked.nr ? p->sacked.r[i].from : p->max;
		if (to > pos && !is_lost(p, i))
			pipe += to - pos;
		again = p->rexmit < to ? p->rexmit : to;
		if (again > pos)
			pipe += again - pos;
		if (i < p->sacked.nr)
			pos = p->sacked.r[i].to;
	}
	return pipe;
}

static s64 data_end(const struct end *p)
{
	return p->out_len;
}

static void send_range(struct sim *s, u8 e, s64 at, s64 len)
{
	struct end *p = &s->end[e];
	s64 left = data_end(p) - at;
	s64 room = (p->edge > p->max ? p->edge : p->max) - at;
	bool again = at < p->max;
	bool fin;

	must(s, PLAN, len >= 0, "%lld bytes", (long long)len);
	if (again && p->piecemeal && len > 1)
		len = 1 + dice(s, len);
	/* What is sent again takes new bytes along as far as the window goes. */
	if (len > room)
		len = room > 0 ? room : 0;
	if (len > left)
		len = left > 0 ? left : 0;
	fin = p->fin && at + len == data_end(p);
	if (fin)
		p->fin_beyond = at + len >= p->edge;
	end_send(s, e, NST_ACK | (fin ? NST_FIN : 0) | (at + len == data_end(p) ? NST_PSH : 0),
		 at, len);
	at += len + fin;
	if (!again && !p->timed_at) {
		p->timed = at;
		p->timed_at = s->now;
	} else if (again) {
		p->timed_at = 0;
	}
	if (at > p->nxt)
		p->nxt = at;
	if (at > p->max)
		p->max = at;
	if (!p->rto_at)
		end_rearm(s, p);
}

/* NextSeg() of RFC 6675, rules 1 to 3.  Return: false where nothing is to go. */
static bool next_of_recovery(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];
	s64 pos = p->una, to, fallback = -1, fallback_to = 0;
	u32 i;

	for (i = 0; i < p->sacked.nr; i++) {
		to = p->sacked.r[i].from;
		if (p->rexmit > pos)
			pos = p->rexmit;
		if (pos < to) {
			if (is_lost(p, i)) {
				if (to > pos + p->eff)
					to = pos + p->eff;
				p->rexmit = to;
				send_range(s, e, pos, to - pos);
				return true;
			}
			if (fallback < 0) {
				fallback = pos;
				fallback_to = to;
			}
		}
		pos = p->sacked.r[i].to;
	}
	to = data_end(p) < p->edge ? data_end(p) : p->edge;
	if (p->max < to) {
		p->nxt = p->max;
		send_range(s, e, p->max, to - p->max < p->eff ? to - p->max : p->eff);
		return true;
	}
	if (fallback < 0)
		return false;
	to = fallback_to > fallback + p->eff ? fallback + p->eff : fallback_to;
	p->rexmit = to;
	send_range(s, e, fallback, to - fallback);
	return true;
}

static void output_recovery(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	while ((s64)p->cwnd - in_flight(p) >= p->eff)
		if (!next_of_recovery(s, e))
			break;
}

/* How much may go at @nxt, 0 for nothing (yet). */
static s64 usable(const struct end *p)
{
	s64 avail = data_end(p) - p->nxt;
	s64 room = (p->edge < p->una + p->cwnd ? p->edge : p->una + p->cwnd) - p->nxt;
	s64 most = p->tso > p->eff && p->nxt >= p->max ? p->tso / p->eff * p->eff : p->eff;
	s64 len = avail < room ? avail : room;
	bool all;
	u32 i;

	if (len > most)
		len = most;
	for (i = 0; i < p->sacked.nr && p->nxt < p->max; i++)
		if (p->sacked.r[i].from > p->nxt && p->nxt + len > p->sacked.r[i].from)
			len = p->sacked.r[i].from - p->nxt;
	if (len <= 0)
		return 0;
	if (p->nxt < p->max)
		return len;
	all = len == avail;
	if (len >= p->eff)
		return all ? len : len / p->eff * p->eff;
	if (all && (!p->nagle || p->una == p->nxt || p->fin))
		return len;
	return len >= p->max_wnd / 2 ? len : 0;
}

static void skip_sacked(struct end *p)
{
	u32 i;

	for (i = 0; i < p->sacked.nr && p->nxt < p->max; i++)
		if (p->sacked.r[i].from <= p->nxt && p->nxt < p->sacked.r[i].to)
			p->nxt = p->sacked.r[i].to;
}

static void arm_persist(struct sim *s, struct end *p)
{
	if (p->una == p->max && p->nxt < data_end(p)) {
		if (!p->persist_at)
			p->persist_at = s->now + p->rto;
	} else {
		p->persist_at = 0;
		p->backoff = 0;
	}
}

void end_output(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];
	s64 len;

	if (p->state < TCP_ESTABLISHED || p->state == TCP_TIME_WAIT ||
	    p->state == TCP_FIN_WAIT_2)
		return;
	if (p->recovery && p->sack) {
		output_recovery(s, e);
		return;
	}
	for (;;) {
		skip_sacked(p);
		len = usable(p);
		if (!len && !(p->fin && p->nxt == data_end(p) &&
			      p->nxt < p->una + p->cwnd + p->eff))
			break;
		send_range(s, e, p->nxt, len);
	}
	arm_persist(s, p);
}

static void flight_halved(struct end *p)
{
	s64 half = (p->max - p->una) / 2;

	p->ssthresh = half > 2 * p->eff ? half : 2 * p->eff;
}

/* It goes out in front of a window that is shut, and is not taken. */
static bool is_fin_only(const struct end *p)
{
	return p->fin_beyond && p->una == p->out_len;
}

void end_timeout(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];
	u64 sent = s->sends;

	p->rtos++;
	/* Opaque: where messages have grown, an end was allowed more than the other takes. */
	must(s, SENDER_RTO, !s->quiet_wires || is_fin_only(p) || s->rst || s->closing ||
	     s->conn.state == NST_CONN_OPAQUE,
	     "end %u times out at %lld", e, (long long)p->una);
	if (trouble_tired(s, e))
		return;
	if (p->una < 0) {	/* SYN */
		p->rto = p->rto < RTO_MAX / 2 ? 2 * p->rto : RTO_MAX;
		p->rto_at = s->now + p->rto;
		end_send(s, e, NST_SYN | (p->state == TCP_SYN_RCVD ? NST_ACK : 0), -1, 0);
		return;
	}
	flight_halved(p);
	p->cwnd = p->eff;
	p->recover = p->max;
	p->recovery = false;
	p->dupacks = 0;
	p->timed_at = 0;
	if (!p->trust_sack)
		p->sacked.nr = 0;
	p->nxt = p->una;
	p->rexmit = p->una;
	p->rto = p->rto < RTO_MAX / 2 ? 2 * p->rto : RTO_MAX;
	p->rto_at = s->now + p->rto;
	end_output(s, e);
	/* The first bytes go again, even if SACKed, or beyond a window shut since. */
	if (s->sends == sent && p->una < p->max)
		send_range(s, e, p->una, p->max - p->una < p->eff ? p->max - p->una : p->eff);
}

static void set_rto(struct end *p)
{
	u32 var = p->rttvar ? p->rttvar : 1;

	p->rto = p->srtt ? p->srtt / 8 + var : RTO_FIRST;
	if (p->rto < p->rto_min)
		p->rto = p->rto_min;
	if (p->rto > RTO_MAX)
		p->rto = RTO_MAX;
}

static void measure(struct end *p, u32 rtt)
{
	s32 err;

	if (!p->srtt) {
		p->srtt = 8 * rtt + 1;
		p->rttvar = 2 * rtt;
		return;
	}
	err = (s32)rtt - (s32)(p->srtt / 8);
	p->rttvar += (err < 0 ? -err : err) - (s32)p->rttvar / 4;
	p->srtt += err;
}

static void take_blocks(struct sim *s, u8 e, const struct nst_segment *seg)
{
	struct end *p = &s->end[e];
	s64 from, to;
	u8 i;

	for (i = 0; i < seg->nr_sack && p->sack; i++) {
		from = offset_of(s, e, seg->sack[i].left);
		to = offset_of(s, e, seg->sack[i].right);
		must(s, SACK_OF_NOTHING, to <= p->max, "end %u: %lld-%lld is SACKed, %lld sent", e,
		     (long long)from, (long long)to, (long long)p->max);
		if (from <= p->una || to <= from)
			continue;
		p->sacked.low = p->una;
		cover_add(&p->sacked, from, to);
	}
}

static void enter_recovery(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	p->fast++;
	flight_halved(p);
	p->recover = p->max;
	p->recovery = true;
	p->timed_at = 0;
	if (p->sack) {
		s64 to = p->sacked.nr ? p->sacked.r[0].from : p->una + p->eff;

		p->cwnd = p->ssthresh;
		if (to > p->una + p->eff || to <= p->una)
			to = p->una + p->eff;
		p->rexmit = to;
		send_range(s, e, p->una, to - p->una);
	} else {
		p->cwnd = p->ssthresh + 3 * p->eff;
		send_range(s, e, p->una, p->eff);
	}
	end_rearm(s, p);
}

static void duplicate(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	p->dupacks++;
	if (p->recovery) {
		if (!p->sack)
			p->cwnd += p->eff;
	} else if (p->una >= p->recover &&
		   (p->dupacks == 3 || (p->sack && p->sacked.nr && is_lost(p, 0)))) {
		enter_recovery(s, e);
	}
}

static void advance(struct sim *s, u8 e, s64 ack)
{
	struct end *p = &s->end[e];
	s64 bytes = ack - p->una;

	p->una = ack;
	if (p->nxt < ack)
		p->nxt = ack;
	if (p->rexmit < ack)
		p->rexmit = ack;
	while (p->sacked.nr && p->sacked.r[0].to <= ack) {
		p->sacked.nr--;
		memmove(p->sacked.r, p->sacked.r + 1, p->sacked.nr * sizeof(p->sacked.r[0]));
	}
	/* Somebody in between may have what the receiver has not. */
	if (p->sacked.nr && p->sacked.r[0].from < ack)
		p->sacked.r[0].from = ack;
	p->dupacks = 0;
	s->last_progress = s->now;
	if (p->recovery && ack < p->recover) {
		if (!p->sack) {
			send_range(s, e, p->una, p->eff);
			p->cwnd = p->cwnd > bytes ? p->cwnd - bytes + p->eff : p->eff;
		}
	} else if (p->recovery) {
		p->recovery = false;
		p->cwnd = p->ssthresh;
	} else if (p->cwnd < p->ssthresh) {
		p->cwnd += bytes < p->eff ? bytes : p->eff;
	} else {
		p->cwnd += p->eff * p->eff / p->cwnd + 1;
	}
	end_rearm(s, p);
}

/* RFC 9293 3.10.7.4, the ACK field; @seg's number is acceptable. */
void end_take_ack(struct sim *s, u8 e, const struct nst_segment *seg)
{
	struct end *p = &s->end[e];
	s64 ack = offset_of(s, e, seg->ack);
	s64 seq = distance(p->irs + 1, seg->seq);
	u32 wnd = (u32)seg->win << p->shift;
	u32 held = p->sacked.nr;
	bool same;

	must(s, ACK_OF_NOTHING, ack <= p->max, "end %u: %lld acknowledged, %lld sent", e,
	     (long long)ack, (long long)p->max);
	if (ack < p->una)
		return;
	same = p->edge == ack + wnd;
	if (p->una < 0) {	/* SYN */
		p->una = 0;
		p->nxt = p->nxt > 0 ? p->nxt : 0;
		p->max = p->max > 0 ? p->max : 0;
		p->rto_at = 0;
		p->rto = RTO_FIRST;
	}
	take_blocks(s, e, seg);
	if (ack > p->una) {
		if (seg->has_ts && p->ts && seg->tsecr)
			measure(p, ts_now(s, e) - seg->tsecr);
		else if (!p->ts && p->timed_at && ack >= p->timed)
			measure(p, s->now - p->timed_at);
		if (ack >= p->timed)
			p->timed_at = 0;
		/* As Linux has it, any progress ends the back-off. */
		set_rto(p);
		advance(s, e, ack);
	} else if (p->una < p->max && !seg->len && !(seg->flags & NST_FIN) &&
		   (p->sack ? p->sacked.nr != held || (seg->nr_sack && same) : same)) {
		duplicate(s, e);
	}
	if (p->wl1 < seq || (p->wl1 == seq && p->wl2 <= ack)) {
		p->wl1 = seq;
		p->wl2 = ack;
		if (ack + wnd > p->edge) {
			p->edge = ack + wnd;
			p->persist_at = 0;
		}
		if (wnd > p->max_wnd)
			p->max_wnd = wnd;
	}
}
