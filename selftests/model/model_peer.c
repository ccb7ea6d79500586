// SPDX-License-Identifier: GPL-2.0-only
/*
 * One end of a connection (RFC 9293, 7323, 2018, 6298): what it is given it
 * believes, what was acknowledged it forgets.
 */
#include "check.h"
#include "model.h"

#define TS_LEN 12
#define RTO_FIRST 200
#define RTO_LAST 60000

/* So that a number out of one end's clock is never right at the other. */
static u32 ts_clock(const struct model *m, u8 end)
{
	return (u32)model_now(m) + (end ? 0xfffff000 : 70000);
}

/* The application has taken what it wants; the edge never retreats. */
static u16 peer_window(struct peer *p, bool syn)
{
	u32 taken = p->in_len < p->read_max ? p->in_len : p->read_max;
	u8 shift = syn || p->wscale == 0xff ? 0 : p->wscale;
	u32 room = p->space - (p->in_len - taken);
	u32 win;

	if (p->in_len - taken > p->space)
		room = 0;
	win = room >> shift;
	if (seq_before(p->rcv_nxt + (win << shift), p->adv))
		win = (p->adv - p->rcv_nxt + (1u << shift) - 1) >> shift;
	if (win > 0xffff)
		win = 0xffff;
	if (seq_after(p->rcv_nxt + (win << shift), p->adv))
		p->adv = p->rcv_nxt + (win << shift);
	return win;
}

static void add_sack(struct nst_segment *s, u32 left, u32 right)
{
	s->sack[s->nr_sack].left = left;
	s->sack[s->nr_sack].right = right;
	s->nr_sack++;
}

static void sack_blocks(struct peer *p, struct nst_segment *s)
{
	u32 base = p->irs + 1;
	u32 off = p->in_len;
	u32 from;

	if (!p->sack || !p->up)
		return;
	if (p->dsack.left != p->dsack.right)
		add_sack(s, p->dsack.left, p->dsack.right);
	p->dsack.left = p->dsack.right;
	while (off < p->in.len && s->nr_sack < 3) {
		while (off < p->in.len && !p->in.mark[off])
			off++;
		from = off;
		while (off < p->in.len && p->in.mark[off])
			off++;
		if (off > from)
			add_sack(s, base + from, base + off);
	}
}

/* Every segment says all that there is to say. */
static void peer_segment(struct model *m, u8 end, u8 flags, u32 seq, u32 len)
{
	struct peer *p = &m->peer[end];
	struct nst_segment s = {
		.dir = end, .flags = flags, .seq = seq, .len = len,
		.seg_size = len < p->mss ? len : p->mss,
		.has_ts = p->ts, .tsval = ts_clock(m, end), .tsecr = p->ts_recent,
	};

	s.win = peer_window(p, flags & NST_SYN);
	if (flags & NST_ACK)
		s.ack = p->rcv_nxt;
	if (flags & NST_SYN) {
		s.mss = p->mss;
		s.wscale = p->wscale;
		s.sack_ok = p->sack;
	} else {
		sack_blocks(p, &s);
	}
	p->ack_due = 0;
	p->unacked = 0;
	model_send(m, 0, &s, len ? p->out.p + (seq - p->isn - 1) : NULL);
}

/* A FIN may be one beyond the window; an acknowledgement is not. */
static void peer_ack(struct model *m, u8 end)
{
	const struct peer *p = &m->peer[end];

	peer_segment(m, end, NST_ACK, seq_min(p->nxt, seq_max(p->edge, p->una)), 0);
}

static u32 end_of_data(const struct peer *p)
{
	return p->isn + 1 + p->out.len;
}

/* Bytes of the next segment. */
static u32 next_len(const struct peer *p)
{
	u32 off = p->nxt - p->isn - 1;
	u32 mss = p->mss - (p->ts ? TS_LEN : 0);
	bool again = seq_before(p->nxt, p->max);
	u32 len = p->tso > mss ? p->tso : mss;
	u32 i;

	if (again && p->repeat == REPEAT_SPLIT)
		len = 100;
	if (off >= p->out.len || !seq_after(p->edge, p->nxt))
		return 0;
	if (len > p->out.len - off)
		len = p->out.len - off;
	if (len > p->edge - p->nxt)
		len = p->edge - p->nxt;
	if (p->cwnd && len > p->cwnd - (p->nxt - p->una))
		len = p->nxt - p->una < p->cwnd ? p->cwnd - (p->nxt - p->una) : 0;
	for (i = 1; i < len && !p->nagle && (!again || p->repeat == REPEAT_SAME); i++)
		if (p->out.mark[off + i])
			len = i;
	if (p->nagle && len < mss && p->nxt != p->una && !again)
		return 0;
	return len;
}

static void arm(struct model *m, struct peer *p)
{
	if (!p->rto_due)
		p->rto_due = model_now(m) + p->rto;
}

static void peer_transmit(struct model *m, u8 end)
{
	struct peer *p = &m->peer[end];
	u32 len;
	bool fin;

	while (p->up && !p->reset) {
		len = next_len(p);
		fin = p->fin && p->nxt + len == end_of_data(p);
		if (!len && !fin)
			break;
		peer_segment(m, end, NST_ACK | NST_PSH | (fin ? NST_FIN : 0), p->nxt, len);
		p->nxt += len + fin;
		p->max = seq_max(p->max, p->nxt);
		arm(m, p);
	}
	/* Zero window: persist (RFC 9293 3.8.6.1). */
	if (p->up && p->una == p->nxt && seq_before(p->nxt, end_of_data(p)))
		arm(m, p);
}

void peer_open(struct model *m)
{
	u8 i;

	for (i = 0; i < 2; i++) {
		struct peer *p = &m->peer[i];

		p->una = p->isn;
		p->nxt = p->isn + 1;
		p->max = p->nxt;
		p->rto = RTO_FIRST;
		p->ts_recent = 0;
	}
	peer_segment(m, 0, NST_SYN, m->peer[0].isn, 0);
}

void peer_write(struct model *m, u8 end, const char *p, u32 len)
{
	struct stream *out = &m->peer[end].out;
	u32 off = out->len;

	if (!len)
		return;
	stream_put(out, off, p, len);
	out->mark[off] = 1;
	peer_transmit(m, end);
}

void peer_fin(struct model *m, u8 end)
{
	m->peer[end].fin = true;
	peer_transmit(m, end);
}

static void peer_reset(struct peer *p)
{
	p->reset = true;
	p->rto_due = 0;
	p->ack_due = 0;
}

void peer_rst(struct model *m, u8 end)
{
	peer_segment(m, end, NST_ACK | NST_RST, m->peer[end].nxt, 0);
	peer_reset(&m->peer[end]);
}

void peer_read(struct model *m, u8 end, u32 more)
{
	struct peer *p = &m->peer[end];

	p->read_max = p->read_max + more < more ? ~0u : p->read_max + more;
	peer_ack(m, end);
}

void peer_repeat(struct model *m, u8 end, u32 from, u32 to)
{
	struct peer *p = &m->peer[end];
	bool fin = to > p->out.len;

	peer_segment(m, end, NST_ACK | NST_PSH | (fin ? NST_FIN : 0), p->isn + 1 + from,
		     to - from - fin);
}

void peer_probe(struct model *m, u8 end, u32 len)
{
	struct peer *p = &m->peer[end];

	peer_segment(m, end, NST_ACK, p->una - 1, len);
}

static void peer_syn(struct model *m, u8 end, const struct nst_segment *s)
{
	struct peer *p = &m->peer[end];
	bool scaled = s->wscale != 0xff && p->wscale != 0xff;

	p->irs = s->seq;
	p->rcv_nxt = s->seq + 1;
	p->adv = p->rcv_nxt;
	p->ts &= s->has_ts;
	p->sack &= s->sack_ok;
	p->shift = scaled ? s->wscale : 0;
	if (!scaled)
		p->wscale = 0xff;
	p->mss = p->mss < s->mss ? p->mss : s->mss;
	p->ts_recent = s->tsval;
	p->edge = p->isn + 1 + s->win;
	if (!end) {
		p->una = p->isn + 1;
		p->up = true;
		peer_ack(m, end);
	} else {
		peer_segment(m, end, NST_SYN | NST_ACK, p->isn, 0);
	}
}

static void repeat_head(struct model *m, u8 end)
{
	struct peer *p = &m->peer[end];
	u32 nxt = p->nxt;
	u32 len;
	bool fin;

	p->fast++;
	p->nxt = p->una;
	len = next_len(p);
	fin = p->fin && p->una + len == end_of_data(p);
	peer_segment(m, end, NST_ACK | (fin ? NST_FIN : 0), p->una, len);
	/* It may take bytes along that were written since. */
	p->nxt = seq_max(nxt, p->una + len + fin);
	p->max = seq_max(p->max, p->nxt);
}

static void take_ack(struct model *m, u8 end, const struct nst_segment *s)
{
	struct peer *p = &m->peer[end];
	u32 edge = s->ack + ((u32)s->win << p->shift);

	judge(m, !seq_after(s->ack, p->max), "end %u: %u acknowledged, %u sent", end,
	      s->ack - p->isn - 1, p->max - p->isn - 1);
	p->up = true;
	if (seq_before(s->ack, p->una))
		return;
	if (s->ack == p->una && !s->len && s->ack != p->max && s->win == p->win) {
		if (++p->dup_acks == 3)
			repeat_head(m, end);
	} else if (s->ack != p->una) {
		p->dup_acks = 0;
		p->rto = RTO_FIRST;
		p->rto_due = 0;
	}
	p->win = s->win;
	p->una = s->ack;
	p->nxt = seq_max(p->nxt, p->una);
	p->edge = seq_max(p->edge, edge);
	if (p->una != p->max)
		arm(m, p);
}

/* In the window, byte by byte: the first one that comes counts. */
static void store(struct peer *p, const struct packet *pk)
{
	u32 i;

	for (i = 0; i < pk->s.len; i++) {
		u32 seq = pk->s.seq + i;
		u32 off = seq - p->irs - 1;

		if (seq_before(seq, p->rcv_nxt) || !seq_before(seq, p->adv) ||
		    (off < p->in.len && p->in.mark[off]))
			continue;
		stream_put(&p->in, off, pk->data + i, 1);
		p->in.mark[off] = 1;
	}
	while (p->in_len < p->in.len && p->in.mark[p->in_len]) {
		p->in_len++;
		p->rcv_nxt++;
	}
}

/* Return: true where it must be acknowledged at once. */
static bool take_data(struct model *m, u8 end, const struct packet *pk)
{
	struct peer *p = &m->peer[end];
	u32 stop = pk->s.seq + pk->s.len;
	u32 before = p->rcv_nxt;

	if (!pk->s.len && !(pk->s.flags & NST_FIN))
		return seq_before(pk->s.seq, p->rcv_nxt) || seq_after(pk->s.seq, p->adv);
	if (pk->s.len && !seq_after(stop, p->rcv_nxt)) {
		p->dsack.left = pk->s.seq;
		p->dsack.right = stop;
	}
	if (pk->s.flags & NST_FIN) {
		p->fin_seen = true;
		p->fin_seq = stop;
	}
	store(p, pk);
	if (p->fin_seen && !p->got_fin && p->rcv_nxt == p->fin_seq) {
		p->got_fin = true;
		p->rcv_nxt++;
	}
	judge_read(m, end);
	if (p->rcv_nxt == before || p->got_fin || p->in.len > p->in_len)
		return true;
	if (!p->delack || ++p->unacked >= 2)
		return true;
	if (!p->ack_due)
		p->ack_due = model_now(m) + p->delack;
	return false;
}

void peer_input(struct model *m, u8 end, const struct packet *pk)
{
	const struct nst_segment *s = &pk->s;
	struct peer *p = &m->peer[end];
	u64 nr;
	bool now;

	if (p->reset)
		return;
	if (s->flags & NST_SYN) {
		peer_syn(m, end, s);
		return;
	}
	if (s->flags & NST_RST) {
		if (s->seq == p->rcv_nxt)
			peer_reset(p);
		return;
	}
	/* PAWS (RFC 7323 section 5). */
	if (s->has_ts && seq_before(s->tsval, p->ts_recent)) {
		judge(m, m->lossy, "end %u refuses an old timestamp", end);
		peer_ack(m, end);
		return;
	}
	if (s->has_ts)
		judge(m, !seq_after(s->tsecr, ts_clock(m, end)), "echo of a time to come");
	if (s->has_ts && !seq_after(s->seq, p->rcv_nxt))
		p->ts_recent = s->tsval;
	if (s->flags & NST_ACK)
		take_ack(m, end, s);
	now = take_data(m, end, pk);
	nr = m->nr;
	peer_transmit(m, end);
	if (now && m->nr == nr)
		peer_ack(m, end);
}

u64 peer_due(const struct peer *p)
{
	if (!p->ack_due || !p->rto_due)
		return p->ack_due ? p->ack_due : p->rto_due;
	return p->ack_due < p->rto_due ? p->ack_due : p->rto_due;
}

/* Everything from the oldest byte on again; with nothing under way, a probe. */
void peer_timer(struct model *m, u8 end)
{
	struct peer *p = &m->peer[end];

	if (p->ack_due && p->ack_due <= model_now(m))
		peer_ack(m, end);
	if (!p->rto_due || p->rto_due > model_now(m))
		return;
	p->rto_due = 0;
	p->rto = p->rto < RTO_LAST / 2 ? 2 * p->rto : RTO_LAST;
	if (p->una == p->max) {
		if (seq_before(p->nxt, end_of_data(p)))
			peer_probe(m, end, 0);
	} else {
		p->rtos++;
		p->nxt = p->una;
	}
	peer_transmit(m, end);
	if (p->una != p->max)
		arm(m, p);
}
