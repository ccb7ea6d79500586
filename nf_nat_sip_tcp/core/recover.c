// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is lost between us and a receiver is sent again, of the bytes that we
 * retain.  Those of the sender's own segments it repeats by itself.
 *
 *	3 duplicate ACKs	the first hole, one segment; and the next one
 *				with each ACK that ends in a hole (RFC 6582)
 *	RTO			one segment; then each ACK lets go what it took
 *				and a segment more (RFC 5681 3.1)
 *	no answer		both ends get a RST
 *
 * The sender may notice the same loss and repeat: then send.c answers that.
 */
#include <nf_nat_sip_tcp/flow.h>

/* RFC 6298 2.1: before any measurement. */
#define RTO_FIRST 1000
/*
 * Above the longest usual delay of an acknowledgement.  RFC 6298 2.4 wants a
 * second in all, but senders have long been faster, and the user waits.
 */
#define RTO_SLACK 300
/* RFC 6298 2.5: at least a minute where there is a bound. */
#define RTO_LAST 60000
/* RFC 5681 3.2 */
#define DUP_ACKS 3
/*
 * How long bytes wait for a receiver that says nothing, by the number of FINs
 * that conntrack has seen: it forgets such a connection after 300 s, 60 s
 * (CLOSE_WAIT) and 30 s (LAST_ACK), and with it whom to tell.
 */
static const u32 patience[] = { 120000, 45000, 20000 };

/* One that waits here has come by conntrack already. */
static u8 nr_fins(const struct nst_conn *c)
{
	const struct nst_flow *f = c->flow;

	return (f[0].fin || f[0].fin_waits) + (f[1].fin || f[1].fin_waits);
}

static u32 rto_base(const struct nst_recovery *r)
{
	u32 rto;

	if (!r->srtt)
		return RTO_FIRST;
	rto = r->srtt / 8 + (r->rttvar > RTO_SLACK ? r->rttvar : RTO_SLACK);
	return rto < RTO_LAST ? rto : RTO_LAST;
}

/* RFC 6298 2.2 and 2.3 */
static void rtt_sample(struct nst_recovery *r, u64 ms)
{
	s32 rtt = ms < RTO_LAST ? (s32)ms : RTO_LAST;
	s32 err;

	if (!r->srtt) {
		r->srtt = 8 * rtt + 1;
		r->rttvar = 2 * rtt;
		return;
	}
	err = rtt - (s32)(r->srtt / 8);
	r->srtt += err;
	if (err < 0)
		err = -err;
	r->rttvar = (u32)((s32)r->rttvar + err - (s32)(r->rttvar / 4));
}

/**
 * recover_time - measure the round trip of what this step has sent
 * @c: connection
 * @dir: direction
 */
void recover_time(struct nst_conn *c, u8 dir)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;

	if (r->timing || r->active || !seq_after(f->snd_nxt, c->sent[dir]))
		return;
	r->timing = true;
	r->timed_seq = f->snd_nxt;
	r->timed_at = c->now;
}

/** recover_arm - bytes of ours wait for an acknowledgement */
void recover_arm(struct nst_conn *c, struct nst_flow *f)
{
	if (!f->blocks || f->rto_due)
		return;
	if (!f->resends) {
		f->recovery.heard = c->now;
		f->rto = rto_base(&f->recovery);
	}
	f->rto_due = c->now + f->rto;
}

/** recover_restart - bytes go out, maybe after a time of probing for a window */
void recover_restart(const struct nst_conn *c, struct nst_flow *f)
{
	if (f->snd_una != f->snd_nxt)
		return;
	f->resends = 0;
	f->rto_due = 0;
	f->recovery.since = c->now;
}

/* Is the byte behind a gap that the receiver has it?  Then where that ends. */
static u32 skip_sacked(const struct nst_recovery *r, u32 seq)
{
	u8 i = 0;

	while (i < r->nr_sacked) {
		if (seq_before(seq, r->sacked[i].left) || !seq_before(seq, r->sacked[i].right)) {
			i++;
			continue;
		}
		seq = r->sacked[i].right;
		i = 0;
	}
	return seq;
}

/* Bytes from @seq on that the receiver does not say it has. */
static u32 hole_len(const struct nst_recovery *r, u32 seq, u32 len)
{
	u8 i;

	for (i = 0; i < r->nr_sacked; i++)
		if (seq_after(r->sacked[i].left, seq) && r->sacked[i].left - seq < len)
			len = r->sacked[i].left - seq;
	return len;
}

/*
 * One piece of at most @max bytes at the first hole from @seq on.  Return: the
 * end of it; @seq where there is nothing of ours to send.
 */
static u32 resend_at(struct nst_conn *c, u8 dir, u32 seq, u32 max, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;
	u32 from = skip_sacked(r, seq);
	const char *data = NULL;
	struct nst_emit *e;
	u32 len;

	if (!seq_before(from, f->snd_nxt))
		return seq;
	len = retain_at(f, from, &data);
	if (len > f->snd_nxt - from)
		len = f->snd_nxt - from;
	len = hole_len(r, from, len < max ? len : max);
	e = len ? emit_add(c, dir, out) : NULL;
	if (!e)
		return seq;
	e->seq = from;
	e->len = len;
	e->data = data;
	e->psh = true;
	/* Karn: whose acknowledgement that will be nobody knows. */
	r->timing = false;
	r->hole = from;
	r->hole_at = c->now;
	return from + len;
}

/**
 * recover_resend - send retained bytes again, from the receiver's first hole
 * @c: connection
 * @dir: direction they go
 * @max: most bytes
 * @out: gets one action more
 *
 * Not where it was done less than a round trip ago: a sender that repeats all
 * that it has sent asks for the same bytes with each segment.
 */
void recover_resend(struct nst_conn *c, u8 dir, u32 max, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;

	if (r->hole_at && r->hole == skip_sacked(r, f->snd_una) &&
	    c->now - r->hole_at <= r->srtt / 8)
		return;
	resend_at(c, dir, f->snd_una, max, out);
}

/* Go on with what is to be sent again, at most @budget bytes. */
static void resend_more(struct nst_conn *c, u8 dir, u32 budget, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;
	u32 cut = flow_cut(f);

	r->rtx_nxt = seq_max(r->rtx_nxt, f->snd_una);
	while (budget && seq_before(r->rtx_nxt, r->recover)) {
		u32 max = budget < cut ? budget : cut;
		u32 next = resend_at(c, dir, r->rtx_nxt, max, out);

		if (next == r->rtx_nxt)
			break;
		nst_count(c->env, NST_R_EMIT_RESENT);
		budget -= seq_min(next - r->rtx_nxt, budget);
		r->rtx_nxt = next;
	}
}

static void recovery_start(struct nst_flow *f, bool slow_start)
{
	struct nst_recovery *r = &f->recovery;

	r->active = true;
	r->slow_start = slow_start;
	r->recover = f->snd_nxt;
	r->rtx_nxt = f->snd_una;
	r->dup_acks = 0;
}

/* What the receiver has taken, and what it lacks now. */
static void took_bytes(struct nst_conn *c, u8 dir, u32 bytes, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;
	u32 cut = flow_cut(f);

	if (r->timing && !seq_before(f->snd_una, r->timed_seq)) {
		r->timing = false;
		rtt_sample(r, c->now - r->timed_at);
	}
	f->resends = 0;
	f->rto_due = 0;
	r->dup_acks = 0;
	if (seq_after(f->snd_una, r->probe_seq))
		r->probes = 0;
	if (!r->active)
		return;
	if (!seq_before(f->snd_una, r->recover))
		r->active = false;
	else if (r->slow_start)
		resend_more(c, dir, bytes + cut, out);
	else if (!seq_before(f->snd_una, r->rtx_nxt))
		resend_more(c, dir, cut, out);
}

/* An acknowledgement that says nothing new. */
static bool is_bare(const struct nst_flow *f, const struct nst_segment *seg)
{
	return seg->ack == f->snd_una && !seg->len && !(seg->flags & (NST_FIN | NST_RST));
}

/*
 * RFC 5681 2; with SACK the window may change meanwhile, but there must be a block
 * (RFC 6675 2): a window may have grown by less than its field can say.
 */
static bool looks_duplicate(const struct nst_conn *c, const struct nst_flow *f,
			    const struct nst_segment *seg)
{
	bool sack = c->flow[0].sack_ok && c->flow[1].sack_ok;

	return sack ? seg->nr_sack : seg->win == f->recovery.win;
}

/*
 * Neither the answer to a probe, nor said before the first bytes were there.  What
 * comes while nothing is under way, or does not look like a duplicate, may be the
 * answer, too, and then no other one is to come.
 */
static bool is_duplicate(const struct nst_conn *c, struct nst_flow *f,
			 const struct nst_segment *seg)
{
	struct nst_recovery *r = &f->recovery;

	if (!is_bare(f, seg))
		return false;
	if (f->snd_una != f->snd_nxt && c->now - r->since < r->srtt / 16)
		return false;
	if (r->probes) {
		r->probes--;
		return false;
	}
	return f->snd_una != f->snd_nxt && looks_duplicate(c, f, seg);
}

/* Blocks beyond the acknowledgement; others report duplicates (RFC 2883). */
static void note_sack(struct nst_flow *f, const struct nst_segment *seg)
{
	struct nst_recovery *r = &f->recovery;
	u8 i;

	if (seg->ack != f->snd_una)
		return;
	r->nr_sacked = 0;
	for (i = 0; i < seg->nr_sack; i++) {
		if (!seq_after(seg->sack[i].left, f->snd_una) ||
		    !seq_after(seg->sack[i].right, seg->sack[i].left) ||
		    seq_after(seg->sack[i].right, f->snd_nxt))
			continue;
		r->sacked[r->nr_sacked].left = seg->sack[i].left;
		r->sacked[r->nr_sacked].right = seg->sack[i].right;
		r->nr_sacked++;
	}
}

/**
 * recover_ack - an acknowledgement of the receiver
 * @c: connection; its numbers are taken over already
 * @seg: the segment that brings it
 * @bytes: how many it acknowledges that were not before
 * @out: gets what is sent again
 */
void recover_ack(struct nst_conn *c, const struct nst_segment *seg, u32 bytes,
		 struct nst_out *out)
{
	u8 dir = !seg->dir;
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;

	note_sack(f, seg);
	if (bytes) {
		took_bytes(c, dir, bytes, out);
	} else if (is_duplicate(c, f, seg) && !r->active && ++r->dup_acks == DUP_ACKS) {
		nst_count(c->env, NST_R_LOSS_FAST);
		recovery_start(f, false);
		resend_more(c, dir, flow_cut(f), out);
	}
	r->win = seg->win;
	/* It is alive and has no room: it is asked for as long as it answers. */
	if (!seq_after(f->edge, f->snd_una))
		r->heard = c->now;
}

/** recover_smaller - what did not fit goes again at once, as after a time-out */
void recover_smaller(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	recovery_start(&c->flow[dir], true);
	resend_more(c, dir, flow_cut(&c->flow[dir]), out);
}

/* A window that stays shut is probed: one below, as Linux does it. */
static void probe(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_emit *e = emit_add(c, dir, out);

	if (!e)
		return;
	e->seq = c->flow[dir].snd_una - 1;
	nst_count(c->env, NST_R_EMIT_PROBE);
	flow_probes(&c->flow[dir]);
}

/** recover_timeout - the receiver has not answered in time */
void recover_timeout(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct nst_recovery *r = &f->recovery;
	u64 end = r->heard + patience[nr_fins(c)];

	f->rto_due = 0;
	if (!f->blocks)
		return;
	if (c->now >= end) {
		flow_give_up(c, NST_R_RESET, out);
		return;
	}
	if (f->resends < 0xff)
		f->resends++;
	if (f->snd_una == f->snd_nxt) {
		probe(c, dir, out);
	} else {
		/* What it said it has it may have dropped (RFC 2018 8). */
		r->nr_sacked = 0;
		nst_count(c->env, NST_R_LOSS_TIMEOUT);
		path_timeout(c, f);
		recovery_start(f, true);
		resend_more(c, dir, flow_cut(f), out);
	}
	f->rto = f->rto < RTO_LAST / 2 ? 2 * f->rto : RTO_LAST;
	f->rto_due = c->now + f->rto < end ? c->now + f->rto : end;
}
