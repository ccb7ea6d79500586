// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timestamps of a sender, as its receiver judges them (PAWS, RFC 7323 section 5).
 */
#include <nf_nat_sip_tcp/flow.h>

/*
 * So long after a TSval the clock may have gone half way round (RFC 7323 5.5).
 * Some clocks count microseconds; ms.
 */
#define TS_LIFE (0x7fffffff / 1000)

/** paws_old - is a segment from before what came in order since? */
bool paws_old(const struct nst_conn *c, const struct nst_flow *f,
	      const struct nst_segment *seg)
{
	return seg->has_ts && seq_before(seg->tsval, f->ts_recent) &&
	       c->now - f->ts_at <= TS_LIFE;
}

/**
 * paws_take - note the TSval of a segment (RFC 7323 4.3)
 * @c: connection
 * @f: its direction
 * @seg: the segment
 *
 * Of one that the receiver takes for valid.  That is none that ends in front of
 * what it has: to write such a one nobody need know any number.
 */
void paws_take(const struct nst_conn *c, struct nst_flow *f, const struct nst_segment *seg)
{
	if (!seg->has_ts || seq_after(seg->seq, f->rcv_nxt) ||
	    seq_before(seg->seq + seg->len, seqmap_to_orig(&f->map, f->snd_una)))
		return;
	if (f->has_ts && paws_old(c, f, seg))
		return;
	f->ts_recent = seg->tsval;
	f->ts_at = c->now;
}
