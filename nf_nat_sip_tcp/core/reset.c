// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets: those of the ends, and ours where bytes cannot be delivered (RFC 9293
 * 3.5.2, RFC 5961 3).
 */
#include <nf_nat_sip_tcp/flow.h>

/* Behind both FINs it only answers what comes late, and ends nothing. */
static void rst_ends(struct nst_conn *c)
{
	if (c->flow[0].fin && c->flow[1].fin) {
		c->state = NST_CONN_OPAQUE;
		return;
	}
	if (c->state != NST_CONN_OPAQUE)
		nst_count(c->env, NST_R_OPAQUE_RST);
	conn_unfollow(c, NST_R_OPAQUE_RST);
}

/**
 * flow_rst - an end resets the connection
 * @c: connection
 * @seg: the RST
 * @out: what to do
 *
 * It ends the connection where both ends believe it is (RFC 5961 3): behind
 * all that was sent.  Where bytes of that are lost the receiver asks, and is
 * answered with the number that the sender was given; what the receiver waits
 * for is the one it gave itself.
 */
void flow_rst(struct nst_conn *c, const struct nst_segment *seg, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];
	bool exact = seg->seq == f->rcv_nxt;
	u8 dir;

	out->seq = exact ? f->snd_nxt : seqmap_to_new(&f->map, seg->seq);
	if (seg->seq == f->acked && (c->reset || !exact))
		out->seq = f->snd_una;
	else if (!exact)
		return;
	c->reset = true;
	rst_ends(c);
	/* Bytes that were to go out again point into what is freed here. */
	out->nr_emit = 0;
	for (dir = 0; dir < 2; dir++) {
		retain_flush(c, &c->flow[dir]);
		c->flow[dir].rend_nxt = c->flow[dir].snd_nxt;
		c->flow[dir].ack_due = 0;
		c->flow[dir].rto_due = 0;
		c->flow[dir].order_due = 0;
		/* Behind bytes that are gone it would look like their end. */
		c->flow[dir].fin_waits = false;
		c->flow[dir].mode = NST_MODE_IDLE;
	}
}

/**
 * conn_reset_seq - the numbers with which an end takes a RST for the other's
 * @c: connection
 * @to: direction the RST goes
 * @seq: gets them, as the receiver sees them
 *
 * It counts only with the number that the receiver waits for (RFC 5961 3): what
 * it acknowledged or, if that acknowledgement was lost, all that it was sent.
 *
 * Return: how many, 1 or 2.
 */
u8 conn_reset_seq(const struct nst_conn *c, u8 to, u32 seq[2])
{
	const struct nst_flow *f = &c->flow[to];

	seq[0] = f->snd_una;
	seq[1] = f->snd_nxt;
	return f->snd_nxt == f->snd_una ? 1 : 2;
}

static void reset_at(struct nst_conn *c, u8 to, u32 seq, struct nst_out *out)
{
	struct nst_emit *e = emit_add(c, to, out);

	if (!e)
		return;
	e->seq = seq;
	e->rst = true;
}

/**
 * flow_give_up - both ends learn that bytes cannot be delivered
 * @c: connection
 * @reason: what to count
 * @out: gets the RSTs, and nothing else goes out
 */
void flow_give_up(struct nst_conn *c, enum nst_reason reason, struct nst_out *out)
{
	u32 seq[2];
	u8 to, i;

	/* Bytes that were to go out point into what is freed here. */
	out->nr_emit = 0;
	nst_count(c->env, reason);
	conn_unfollow(c, reason);
	for (to = 0; to < 2; to++) {
		struct nst_flow *f = &c->flow[to];

		retain_flush(c, f);
		seqmap_prune(&f->map, f->snd_nxt);
		f->rend_nxt = f->snd_nxt;
		f->rto_due = 0;
		f->ack_due = 0;
		f->order_due = 0;
		f->fin_waits = false;
		for (i = 0; i < conn_reset_seq(c, to, seq); i++)
			reset_at(c, to, seq[i], out);
	}
	c->gone = true;
	out->closing = true;
}

/**
 * flow_gone - an end whose RST was lost is told again
 * @c: connection that was given up
 * @seg: what it sends; with that number it takes a RST (RFC 9293 3.10.7.1)
 * @out: gets the RST, and nothing else goes out
 *
 * The other end would not: it may live, too, and what was acknowledged to this
 * one is thrown away.  A RST passes.  If it answers a SYN/ACK, of one who has heard
 * nothing yet, its number lies in front of changes that are forgotten.
 */
void flow_gone(struct nst_conn *c, const struct nst_segment *seg, struct nst_out *out)
{
	const struct nst_flow *f = &c->flow[seg->dir];

	if (seg->flags & NST_RST) {
		opaque_at_rest(c, seg, out);
		if (seq_before(seg->seq, f->rcv_nxt))
			out->seq = f->snd_una;
		return;
	}
	out->verdict = NST_DROP;
	if (seg->flags & NST_ACK)
		reset_at(c, !seg->dir, seg->ack, out);
}
