// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large a segment of ours may be, and ICMP errors, which may say so.
 *
 * Those who send through here find out about their path by the ICMP errors
 * that we pass on to them, and their segments show what they found.  Segments
 * of our own are no larger than theirs.
 */
#include <nf_nat_sip_tcp/flow.h>

/* RFC 879, 9293 3.7.1: what every receiver takes. */
#define SEGMENT_ANY 536
/* Some stacks announce less than they take; so small that nobody means it. */
#define MSS_LEAST 88
#define TS_OPTION_LEN 12

static u16 options_len(const struct nst_flow *f)
{
	return f->has_ts ? TS_OPTION_LEN : 0;
}

/**
 * path_cut - payload of one segment of ours
 * @f: the direction it goes
 *
 * The receiver's MSS option bounds it (it knows nothing of options: RFC 6691),
 * and the largest segment that came from the sender, which may know more of
 * the path than we do, and what the path itself has said.
 */
u16 path_cut(const struct nst_flow *f)
{
	u16 cut = f->mss > MSS_LEAST ? f->mss : MSS_LEAST;
	u16 seen = f->seg_max > SEGMENT_ANY ? f->seg_max : SEGMENT_ANY;

	cut -= options_len(f);
	if (cut > seen)
		cut = seen;
	return f->path_max && f->path_max < cut ? f->path_max : cut;
}

/*
 * What is on its way to us may have been written before the sender learns
 * of it.  What is beyond the right edge it was given was written later.
 */
static bool path_lower(struct nst_flow *f, u16 max)
{
	bool lower = max < path_cut(f);

	if (lower)
		f->path_max = max;
	/* Said once more it is as new: what was written since knew nothing of it. */
	if (f->path_max)
		f->path_seq = f->adv_edge;
	return lower;
}

/** path_seen - a segment of the sender; one that is larger knows a better path */
void path_seen(struct nst_flow *f, const struct nst_segment *seg)
{
	if (!f->path_max) {
		/* What comes again may be from before the path got smaller. */
		if (seg->seg_size > f->seg_max && !seq_before(seg->seq, f->rcv_nxt))
			f->seg_max = seg->seg_size;
		return;
	}
	if (seg->seg_size <= f->path_max || seq_before(seg->seq, f->path_seq))
		return;
	f->path_max = seg->seg_size < SEGMENT_ANY ? seg->seg_size : 0;
	f->seg_max = seg->seg_size;
}

/* What an error leaves for payload; a header as long as its MTU leaves little. */
static u16 told_max(const struct nst_flow *f, u16 mss)
{
	u16 least = MSS_LEAST + options_len(f);

	return (mss > least ? mss : least) - options_len(f);
}

/* The size that every path takes is left alone: then it is not the size. */
static bool path_halve(struct nst_flow *f)
{
	u16 half = path_cut(f) / 2;

	return path_lower(f, half > SEGMENT_ANY ? half : SEGMENT_ANY);
}

/**
 * path_timeout - a segment of ours was sent in vain once more
 * @c: connection
 * @f: its direction; &nst_flow.resends time-outs in a row
 *
 * Every second time it gets smaller: somebody may drop large ones and say
 * nothing (RFC 2923, 4821 7.7).
 */
void path_timeout(struct nst_conn *c, struct nst_flow *f)
{
	if (f->resends % 2 == 0 && path_halve(f))
		nst_count(c->env, NST_R_CUT_HALVED);
}

/*
 * Anybody may write such an error.  Who hits what is under way has seen it, or
 * is lucky (RFC 5927 7.2); then it costs some small segments, and one error
 * never makes us send more than one, as the size has to shrink each time.
 */
static void too_big(struct nst_conn *c, const struct nst_icmp *e, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[e->dir];
	bool lower;

	if (seq_before(e->seq, f->snd_una) || !seq_before(e->seq, f->snd_nxt)) {
		nst_count(c->env, NST_R_ICMP_STALE);
		return;
	}
	lower = e->mss ? path_lower(f, told_max(f, e->mss)) : path_halve(f);
	if (!lower)
		return;
	nst_count(c->env, NST_R_ICMP_CUT);
	/* It went nowhere, and waiting would tell nothing new (RFC 1191 6.4). */
	recover_smaller(c, e->dir, out);
}

void step_icmp(struct nst_conn *c, struct nst_icmp *e, u64 now, struct nst_out *out)
{
	c->now = now;
	memset(out, 0, sizeof(*out));
	if (!c->flow[0].seen || !c->flow[1].seen || c->state == NST_CONN_DEAD)
		return;
	/* Numbers of a plain one are not kept, and nothing of ours is on its way there. */
	if (e->too_big && !c->gone && !conn_plain(c))
		too_big(c, e, out);
	e->seq = seqmap_to_orig(&c->flow[e->dir].map, e->seq);
	e->ack = seqmap_to_new(&c->flow[!e->dir].map, e->ack);
}
