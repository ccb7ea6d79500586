// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a connection begins: who is followed, and from which numbers on; and
 * another one that begins on the same tuple.
 */
#include <nf_nat_sip_tcp/flow.h>

/* A SYN or SYN/ACK says where its direction starts. */
static void flow_start(struct nst_conn *c, const struct nst_segment *seg)
{
	struct nst_flow *f = &c->flow[seg->dir];

	retain_flush(c, f);
	seqmap_free(c, &f->map);
	memset(&f->map, 0, sizeof(f->map));
	f->seen = true;
	f->isn = seg->seq;
	f->rcv_nxt = seg->seq + 1;
	f->acked = f->rcv_nxt;
	f->adv_edge = f->rcv_nxt;
	f->snd_una = f->rcv_nxt;
	f->snd_nxt = f->rcv_nxt;
	f->rend_nxt = f->rcv_nxt;
	f->edge = f->rcv_nxt;
	f->ct_edge = f->rcv_nxt;
	f->wscale = seg->wscale;
	f->win = seg->win;
	f->has_ts = seg->has_ts;
	f->spoke = false;
	f->fin = false;
	f->fin_waits = false;
	f->ts_recent = seg->tsval;
	f->ts_at = c->now;
	memset(&f->recovery, 0, sizeof(f->recovery));
	f->sack_ok = seg->sack_ok;
	c->flow[!seg->dir].mss = seg->mss;
}

/* What is in use only where both ends offered it (RFC 7323 2.2 and 3.2). */
static void settle_options(struct nst_conn *c)
{
	u8 *a = &c->flow[0].wscale, *b = &c->flow[1].wscale;

	if (*a == 0xff || *b == 0xff) {
		*a = 0;
		*b = 0;
	}
	if (*a > 14)
		*a = 14;
	if (*b > 14)
		*b = 14;
	c->flow[0].has_ts &= c->flow[1].has_ts;
	c->flow[1].has_ts = c->flow[0].has_ts;
}

static void take_syn_ack(struct nst_conn *c, const struct nst_segment *seg)
{
	struct nst_flow *back = &c->flow[1];

	flow_start(c, seg);
	settle_options(c);
	c->flow[0].edge = c->flow[0].snd_una + seg->win;
	c->flow[0].ct_edge = c->flow[0].edge;
	c->flow[0].adv_edge = c->flow[0].edge;
	/* The SYN has allowed so much already. */
	back->edge = back->rcv_nxt + c->flow[0].win;
	back->ct_edge = back->edge;
	back->adv_edge = back->edge;
	/* Windows to come are multiples: this one must not be out of their reach. */
	c->flow[0].max_win = seg->win >> c->flow[1].wscale << c->flow[1].wscale;
}

/* The tuple has a new connection: the old one is history, and its offsets. */
static void restart(struct nst_conn *c, const struct nst_segment *syn_ack)
{
	struct nst_flow *f = &c->flow[0];

	conn_opaque(c, NST_R_OPAQUE_NEW_SYN);
	flow_start(c, syn_ack);
	retain_flush(c, f);
	seqmap_free(c, &f->map);
	memset(&f->map, 0, sizeof(f->map));
	f->isn = c->new_isn;
	f->spoke = false;
	f->fin = false;
	f->fin_waits = false;
	f->snd_nxt = syn_ack->ack;
	f->rend_nxt = syn_ack->ack;
	c->new_syn = false;
	c->reset = false;
	c->gone = false;
}

/*
 * A SYN on a live connection passes as it is and changes nothing: conntrack
 * lets it through with any number, so anybody may have sent it.  Only the
 * answer that fits it makes a new connection; the live one would answer with
 * a challenge (RFC 5961 4), and that forgets it.
 */
static void step_new_syn(struct nst_conn *c, const struct nst_segment *seg)
{
	if (!(seg->flags & NST_ACK)) {
		c->new_syn = seg->dir == 0;
		c->new_isn = seg->seq;
	} else if (seg->dir == 1 && c->new_syn && seg->ack == c->new_isn + 1) {
		restart(c, seg);
	}
}

/** conn_syn - a SYN or SYN/ACK; it passes as it is */
void conn_syn(struct nst_conn *c, const struct nst_segment *seg)
{
	bool answer = seg->flags & NST_ACK;
	struct nst_flow *f = &c->flow[seg->dir];

	if (f->seen && f->isn == seg->seq) {
		/* The one that the other end got: older TSvals are refused there. */
		if (f->has_ts && seg->has_ts && seq_after(seg->tsval, f->ts_recent))
			f->ts_recent = seg->tsval;
		return;
	}
	if (seg->dir == answer && c->state == NST_CONN_SYN && !seg->len) {
		if (!answer) {
			flow_start(c, seg);
		} else if (c->flow[0].seen) {
			take_syn_ack(c, seg);
			c->state = NST_CONN_SYN_ACK;
		}
		return;
	}
	if (c->state < NST_CONN_FOLLOWED)
		conn_opaque(c, NST_R_OPAQUE_NEW_SYN);
	else
		step_new_syn(c, seg);
}

/** conn_handshake - a packet that is expected to be the third of a handshake */
void conn_handshake(struct nst_conn *c, const struct nst_segment *seg)
{
	if (seg->flags & NST_RST)
		return;
	if (c->state == NST_CONN_SYN_ACK && seg->dir == 0 && (seg->flags & NST_ACK)) {
		c->state = NST_CONN_FOLLOWED;
		nst_count(c->env, NST_R_CONN_FOLLOWED);
		return;
	}
	conn_opaque(c, NST_R_OPAQUE_ONE_SIDED);
}
