// SPDX-License-Identifier: GPL-2.0-only
/*
 * An end, what it receives: acceptance (RFC 9293 3.10.7.4, 5961), PAWS (RFC
 * 7323 5), delayed acknowledgements (RFC 1122), SACK (RFC 2018, 2883), states.
 */
#include "sim.h"

/* 2 MSL, which is longer than any time-out. */
#define LINGER 240000
/* Of keep-alives: longer than any round trip. */
#define KEEP_INTERVAL 1000

static void enter(struct sim *s, u8 e, enum tcp_state state)
{
	struct end *p = &s->end[e];

	p->state = state;
	if (state == TCP_TIME_WAIT)
		p->wait_at = s->now + LINGER;
	if (state != TCP_TIME_WAIT && state != TCP_CLOSED)
		return;
	p->rto_at = 0;
	p->persist_at = 0;
	p->delack_at = 0;
}

void end_open(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	p->una = -1;
	p->nxt = 0;
	p->max = 0;
	p->fin_at = -1;
	p->rto = 1000;
	p->eff = p->mss;
	p->recover = -1;
	if (e) {
		p->state = TCP_LISTEN;
		return;
	}
	p->state = TCP_SYN_SENT;
	p->rto_at = s->now + p->rto;
	end_send(s, e, NST_SYN, -1, 0);
}

static void reset(struct sim *s, u8 e)
{
	s->end[e].reset = true;
	enter(s, e, TCP_CLOSED);
}

void end_write(struct sim *s, u8 e, const char *p, u32 len)
{
	(void)p;
	s->end[e].out_len += len;
	end_output(s, e);
}

void end_close(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	if (p->state == TCP_ESTABLISHED)
		p->state = TCP_FIN_WAIT_1;
	else if (p->state == TCP_CLOSE_WAIT)
		p->state = TCP_LAST_ACK;
	else
		return;
	p->fin = true;
	end_output(s, e);
}

void end_abort(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	s->rst = true;
	s->rst_of_end = true;
	p->aborted = true;
	end_send(s, e, NST_RST | NST_ACK, p->max, 0);
	enter(s, e, TCP_CLOSED);
}

/* The application takes so many bytes; a larger window is told of. */
void end_read(struct sim *s, u8 e, u32 len)
{
	struct end *p = &s->end[e];
	u32 used = p->got.low - p->taken;
	u32 least = p->space / 2 < 2 * p->eff ? p->space / 2 : 2 * p->eff;
	s64 most = p->rcv_nxt + (0xffffll << (p->wscale == 0xff ? 0 : p->wscale));
	s64 edge;

	if (len > used)
		len = used;
	p->taken += len;
	used -= len;
	if (!len || p->state < TCP_ESTABLISHED || p->state == TCP_TIME_WAIT)
		return;
	edge = (s64)p->got.low + p->space - used;
	if (edge > most)
		edge = most;
	if (edge >= p->adv + least && p->adv - p->rcv_nxt < p->space / 2)
		end_ack(s, e);
}

/* RFC 1191 6.1; what is in flight goes again in smaller ones. */
void end_icmp(struct sim *s, u8 e, const struct nst_icmp *error)
{
	struct end *p = &s->end[e];
	s64 at = offset_of(s, e, error->seq);
	u32 most = error->mss ? error->mss : p->eff * 3 / 4 + 12;

	if (most < PATH_LEAST)
		most = PATH_LEAST;
	most -= p->ts ? 12 : 0;
	/* RFC 5927 4.1: it is about something that is under way. */
	if (!error->too_big || p->state < TCP_ESTABLISHED || at < p->una || at >= p->max || most >= p->eff)
		return;
	p->eff = most;
	p->recovery = false;
	p->timed_at = 0;
	p->nxt = p->una;
	p->rexmit = p->una;
	end_output(s, e);
}

void end_keepalive(struct sim *s, u8 e, u32 garbage)
{
	struct end *p = &s->end[e];

	if (p->state != TCP_ESTABLISHED || p->una != p->max || p->una < 1)
		return;
	/*
	 * Once an interval (RFC 9293 3.8.4): answers to more would be duplicates to
	 * whoever has sent bytes meanwhile.
	 */
	if (s->quiet_wires && s->now < p->keep_at)
		return;
	p->keep_at = s->now + KEEP_INTERVAL;
	/* One byte that was acknowledged, or none. */
	end_send(s, e, NST_ACK, p->una - 1, garbage);
}

static void take_options(struct end *p, const struct nst_segment *seg)
{
	bool scaled = seg->wscale != 0xff && p->wscale != 0xff;
	u32 most = p->mss < seg->mss ? p->mss : seg->mss;

	p->irs = seg->seq;
	p->peer_known = true;
	p->ts = p->ts && seg->has_ts;
	p->sack = p->sack && seg->sack_ok;
	p->shift = scaled ? seg->wscale : 0;
	if (!scaled)
		p->wscale = 0xff;
	p->eff = most - (p->ts ? 12 : 0);
	p->ts_recent = seg->tsval;
	p->cwnd = p->cwnd ? p->cwnd * p->eff : 10 * p->eff;
	p->ssthresh = 1 << 30;
	p->edge = seg->win;
	p->max_wnd = seg->win;
	p->wl1 = -1;
	p->wl2 = 0;
}

static void take_syn(struct sim *s, u8 e, const struct nst_segment *seg)
{
	struct end *p = &s->end[e];

	if (p->state == TCP_LISTEN && !(seg->flags & NST_ACK)) {
		take_options(p, seg);
		enter(s, e, TCP_SYN_RCVD);
		p->rto_at = s->now + p->rto;
		end_send(s, e, NST_SYN | NST_ACK, -1, 0);
	} else if (p->state == TCP_SYN_SENT && seg->flags & NST_ACK &&
		   offset_of(s, e, seg->ack) == 0) {
		take_options(p, seg);
		p->una = 0;
		p->rto_at = 0;
		enter(s, e, TCP_ESTABLISHED);
		end_ack(s, e);
		end_output(s, e);
	} else if (p->state == TCP_SYN_RCVD && seg->seq == p->irs) {
		end_send(s, e, NST_SYN | NST_ACK, -1, 0);
	} else if (p->state >= TCP_ESTABLISHED) {
		end_ack(s, e);	/* RFC 5961 4 */
	}
}

/* RFC 9293 table 6. */
static bool acceptable(const struct end *p, s64 seq, u32 len)
{
	if (p->adv == p->rcv_nxt)
		return !len && seq == p->rcv_nxt;
	if (!len)
		return seq >= p->rcv_nxt && seq < p->adv + 1;
	return seq < p->adv && seq + len > p->rcv_nxt;
}

static void remember(struct end *p, u32 off)
{
	p->recent[2] = p->recent[1];
	p->recent[1] = p->recent[0];
	p->recent[0] = off;
}

/* In the window; the first byte that comes to a place counts. */
static void store(struct sim *s, struct end *p, s64 seq, const char *data, s64 len)
{
	if (seq < p->rcv_nxt) {
		data += p->rcv_nxt - seq;
		len -= p->rcv_nxt - seq;
		seq = p->rcv_nxt;
	}
	if (seq + len > p->adv)
		len = p->adv - seq;
	if (len <= 0)
		return;
	if (p->sack && p->dsack && cover_has(&p->got, seq, seq + len)) {
		p->dup.from = seq;
		p->dup.to = seq + len;
	}
	if (seq + len > p->in_cap) {
		p->in_cap = 2 * (seq + len) + 16384;
		p->in = realloc(p->in, p->in_cap);
	}
	memcpy(p->in + seq, data, len);
	cover_add(&p->got, seq, seq + len);
	if (seq > p->got.low)
		remember(p, seq);
	(void)s;
}

static void take_fin(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	if (p->fin_at < 0 || p->rcv_nxt != p->fin_at)
		return;
	p->rcv_nxt++;
	s->last_progress = s->now;
	if (p->state == TCP_ESTABLISHED)
		enter(s, e, TCP_CLOSE_WAIT);
	else if (p->state == TCP_FIN_WAIT_1)
		enter(s, e, p->una == end_of_stream(p) ? TCP_TIME_WAIT : TCP_CLOSING);
	else if (p->state == TCP_FIN_WAIT_2)
		enter(s, e, TCP_TIME_WAIT);
}

/* Return: true where it must be acknowledged at once. */
static bool take_data(struct sim *s, u8 e, const struct nst_segment *seg, const char *data)
{
	struct end *p = &s->end[e];
	s64 seq = distance(p->irs + 1, seg->seq);
	s64 before = p->rcv_nxt;
	bool gap = p->got.nr;

	if (!seg->len && !(seg->flags & NST_FIN))
		return false;
	if (seg->len && p->fin_at < 0)
		store(s, p, seq, data, seg->len);
	else if (seg->len && p->rcv_nxt <= p->fin_at)
		store(s, p, seq, data, seg->len);
	if (seg->flags & NST_FIN)
		p->fin_at = seq + seg->len;
	if (p->got.low > p->rcv_nxt)
		p->rcv_nxt = p->got.low;
	if (p->rcv_nxt != before)
		s->last_progress = s->now;
	take_fin(s, e);
	if (!s->writer[e].read_step)
		p->taken = p->got.low;
	if (gap || p->got.nr || p->rcv_nxt == before || p->fin_at >= 0)
		return true;
	p->unacked += seg->len;
	if (!p->delack || p->unacked >= 2 * p->eff)
		return true;
	if (!p->delack_at)
		p->delack_at = s->now + p->delack;
	return false;
}

/* What an acknowledgement of our FIN means. */
static void after_ack(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	if (!p->fin || p->una != end_of_stream(p))
		return;
	if (p->state == TCP_FIN_WAIT_1)
		enter(s, e, TCP_FIN_WAIT_2);
	else if (p->state == TCP_CLOSING)
		enter(s, e, TCP_TIME_WAIT);
	else if (p->state == TCP_LAST_ACK)
		enter(s, e, TCP_CLOSED);
	p->persist_at = 0;
}

static void take_rst(struct sim *s, u8 e, s64 seq)
{
	struct end *p = &s->end[e];

	if (seq == p->rcv_nxt)
		reset(s, e);
	else if (seq > p->rcv_nxt && seq < p->adv)
		end_ack(s, e);	/* RFC 5961 3 */
}

/* Return: false where the segment is dropped. */
static bool check_segment(struct sim *s, u8 e, const struct nst_segment *seg, s64 seq)
{
	struct end *p = &s->end[e];
	u32 len = seg->len + !!(seg->flags & NST_FIN);

	if (p->ts && !seg->has_ts && !(seg->flags & NST_RST))
		return false;
	if (p->ts && seg->has_ts && distance(p->ts_recent, seg->tsval) < 0 &&
	    !(seg->flags & NST_RST)) {
		must(s, TIMESTAMP, !s->quiet_wires, "end %u refuses an old timestamp", e);
		end_ack(s, e);
		return false;
	}
	if (acceptable(p, seq, len))
		return true;
	/* RFC 9293 3.10.7.4: with a window of 0 ACKs count, too. */
	if (p->adv == p->rcv_nxt && seq == p->rcv_nxt && seg->flags & NST_ACK &&
	    !(seg->flags & NST_RST) && p->state >= TCP_ESTABLISHED)
		end_take_ack(s, e, seg);
	if (seg->flags & NST_RST)
		return false;
	if (seg->len && p->sack && p->dsack && seq + seg->len <= p->rcv_nxt && seq >= 0) {
		p->dup.from = seq;
		p->dup.to = seq + seg->len;
	}
	end_ack(s, e);
	if (p->state == TCP_TIME_WAIT && seg->flags & NST_FIN)
		p->wait_at = s->now + LINGER;
	return false;
}

/* RFC 9293 3.10.7.1, for who has aborted or was reset; others have been forgotten. */
static void answer_closed(struct sim *s, u8 e, const struct nst_segment *seg)
{
	struct end *p = &s->end[e];
	struct nst_segment rst = {
		.dir = e, .flags = NST_RST, .seq = seg->ack, .wscale = 0xff, .mss = 536,
	};

	if (!(p->aborted || p->reset) || !(seg->flags & NST_ACK) || seg->flags & NST_RST || p->rst_at > s->now)
		return;
	p->rst_at = s->now + 10;
	must(s, CLOSE, ++p->rsts < 300, "end %u does not take a RST", !e);
	wire_send(s, 2 * e, &rst, NULL);
}

void end_input(struct sim *s, u8 e, const struct nst_segment *seg, const char *data)
{
	struct end *p = &s->end[e];
	u64 sent;
	bool now;
	s64 seq;

	if (p->state == TCP_CLOSED) {
		answer_closed(s, e, seg);
		return;
	}
	if (seg->flags & NST_SYN) {
		take_syn(s, e, seg);
		return;
	}
	if (!p->peer_known)
		return;
	seq = distance(p->irs + 1, seg->seq);
	if (!check_segment(s, e, seg, seq))
		return;
	if (seg->flags & NST_RST) {
		take_rst(s, e, seq);
		return;
	}
	if (!(seg->flags & NST_ACK))
		return;
	if (seg->has_ts && seq <= p->last_ack)
		p->ts_recent = seg->tsval;
	if (p->state == TCP_SYN_RCVD)
		enter(s, e, TCP_ESTABLISHED);
	end_take_ack(s, e, seg);
	now = take_data(s, e, seg, data);
	after_ack(s, e);
	sent = s->sends;
	end_output(s, e);
	if (now && s->sends == sent)
		end_ack(s, e);
}

u64 end_due(const struct end *p)
{
	u64 due = sooner(sooner(p->rto_at, p->persist_at), p->delack_at);

	return p->state == TCP_TIME_WAIT ? sooner(due, p->wait_at) : due;
}

static u64 backed_off(const struct end *p)
{
	u64 ms = (u64)p->rto << p->backoff;

	return ms < 60000 ? ms : 60000;
}

/* A probe, or the bytes that the window has room for after all. */
static void persist(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];
	s64 room = p->edge - p->nxt;
	s64 left = p->out_len - p->nxt;

	p->persist_at = 0;
	if (p->una != p->max || left <= 0 || trouble_tired(s, e))
		return;
	if (p->backoff < 6)
		p->backoff++;
	p->persist_at = s->now + backed_off(p);
	if (room > 0) {
		if (room > left)
			room = left;
		if (room > p->eff)
			room = p->eff;
		end_send(s, e, NST_ACK, p->nxt, room);
		p->nxt += room;
		p->max = p->nxt;
		end_rearm(s, p);
	} else if (p->byte_probe) {
		end_send(s, e, NST_ACK, p->nxt, 1);
		p->max = p->nxt + 1;
		p->nxt = p->max;
		p->persist_at = 0;
		p->rto_at = s->now + backed_off(p);
	} else {
		end_send(s, e, NST_ACK, p->una - 1, 0);
	}
}

void end_timer(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	if (p->delack_at && p->delack_at <= s->now)
		end_ack(s, e);
	if (p->rto_at && p->rto_at <= s->now) {
		if (p->una < p->max || p->una < 0)
			end_timeout(s, e);
		else
			p->rto_at = 0;
	}
	if (p->persist_at && p->persist_at <= s->now)
		persist(s, e);
	if (p->state == TCP_TIME_WAIT && p->wait_at <= s->now)
		enter(s, e, TCP_CLOSED);
}

void end_free(struct end *p)
{
	free(p->out);
	free(p->in);
}
