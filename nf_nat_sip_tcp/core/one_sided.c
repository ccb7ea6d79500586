// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does one direction of a connection go another way?
 *
 * What its two ends have told each other then went past us: one acknowledges
 * bytes that never came by, or writes where it was never allowed to.  That is
 * nothing that a one-way talk does, for its acknowledgements come by here.
 */
#include <nf_nat_sip_tcp/flow.h>

/* One such segment may be a forgery, or broken. */
#define PROOFS 3

/* It was given another window: it is further than one beyond what we know of. */
static bool writes_beyond(const struct nst_flow *f, const struct nst_segment *seg)
{
	u32 edge = seq_max(f->adv_edge, f->edge - f->map.after);

	return seg->len && seq_after(seg->seq, edge + f->max_win);
}

/* It was given other bytes. */
static bool reads_beyond(const struct nst_flow *back, const struct nst_segment *seg)
{
	return (seg->flags & NST_ACK) && seq_after(seg->ack, back->snd_nxt);
}

/**
 * one_sided - does this segment prove it?
 * @c: connection
 * @seg: a segment of it, before anything is done with it
 *
 * Return: true where several in a row do, and nothing came the other way.
 */
bool one_sided(struct nst_conn *c, const struct nst_segment *seg)
{
	struct nst_flow *f = &c->flow[seg->dir];
	struct nst_flow *back = &c->flow[!seg->dir];

	back->beyond = 0;
	if (!writes_beyond(f, seg) && !reads_beyond(back, seg))
		return false;
	if (f->beyond < PROOFS)
		f->beyond++;
	return f->beyond == PROOFS;
}
