// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opaque connections (I5): nothing is looked at any more.  What was held,
 * stored or retained is still delivered, what is in flight is translated; then
 * two constants are added.
 */
#include <nf_nat_sip_tcp/event.h>
#include <nf_nat_sip_tcp/flow.h>

/*
 * Is this the end of following what was SIP?  What never was, and what the
 * ends or the user themselves decide, is no error.
 */
static bool is_error(enum nst_reason reason)
{
	switch (reason) {
	case NST_R_OPAQUE_START_LINE:
	case NST_R_OPAQUE_HEADER_SIZE:
	case NST_R_OPAQUE_NO_CLEN:
	case NST_R_OPAQUE_BAD_CLEN:
	case NST_R_OPAQUE_HOLD_TIMEOUT:
	case NST_R_OPAQUE_HOLD_MAX:
	case NST_R_OPAQUE_WINDOW:
	case NST_R_OPAQUE_NOMEM:
	case NST_R_OPAQUE_MEM:
	case NST_R_OPAQUE_SHARE:
		return true;
	default:
		return false;
	}
}

static void tell_opaque(struct nst_conn *c)
{
	struct nst_trace t = { .id = NST_TRACE_OPAQUE, .reason = c->reason, .conn = c->id };
	struct nst_event e = { .id = NST_EVENT_OPAQUE, .reason = c->reason, .conn = c->id };

	if (nst_tracing(c->env))
		c->env->ops->trace(c->env, &t);
	if (nst_events_wanted())
		c->env->ops->event(c->env, &e);
}

/*
 * What is stored out of order stays until its turn comes: a sender that was
 * told of it may not have it any more.  Others repeat it.
 */
static void release(struct nst_conn *c, struct nst_flow *f)
{
	flow_release(f);
	if (!c->flow[0].sack_ok || !c->flow[1].sack_ok)
		order_flush(c, f);
}

/** conn_unfollow - nothing is looked at any more; whoever watches is told why, once */
void conn_unfollow(struct nst_conn *c, enum nst_reason reason)
{
	if (c->state == NST_CONN_OPAQUE)
		return;
	c->state = NST_CONN_OPAQUE;
	c->reason = reason;
	talker_gone(c->env, &c->talker);
	tell_opaque(c);
	c->env->ops->notify(c->env, NST_NOTICE_CONNECTION, c, reason);
}

/** conn_opaque - from now on look at nothing; what is held goes out as it is */
void conn_opaque(struct nst_conn *c, enum nst_reason reason)
{
	u8 dir;

	if (c->state == NST_CONN_OPAQUE)
		return;
	c->doomed = c->state == NST_CONN_FOLLOWED && is_error(reason) &&
		    c->env->set.on_error == NST_ON_ERROR_RESET;
	nst_count(c->env, reason);
	conn_unfollow(c, reason);
	for (dir = 0; dir < 2; dir++)
		release(c, &c->flow[dir]);
}

/* Should it have to be reset: a RST must name the number of the day. */
static void note_numbers(struct nst_conn *c, const struct nst_segment *seg,
			 const struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];
	struct nst_flow *back = &c->flow[!seg->dir];

	f->snd_nxt = seq_max(f->snd_nxt, out->seq + seg->len + !!(seg->flags & NST_FIN));
	f->rend_nxt = f->snd_nxt;
	if (!(seg->flags & NST_ACK) || seq_after(seg->ack, back->snd_nxt))
		return;
	back->snd_una = seq_max(back->snd_una, seg->ack);
	back->acked = seq_max(back->acked, out->ack);
}

/** opaque_at_rest - both numbers are off by constants */
void opaque_at_rest(struct nst_conn *c, const struct nst_segment *seg,
		    struct nst_out *out)
{
	const struct nst_flow *f = &c->flow[seg->dir];
	const struct nst_flow *back = &c->flow[!seg->dir];
	u32 end = seg->seq + seg->len + !!(seg->flags & NST_FIN);
	u8 i;

	out->seq = seg->seq + f->map.after;
	out->ack = seg->ack - back->map.after;
	/*
	 * Maybe from before the last change: the receiver has it in another
	 * shape (I4).  With this number it says so once more.  Where there is a
	 * FIN behind them it takes that, and no bytes.
	 */
	if (seg->len && f->spoke && !seq_after(end, f->acked)) {
		nst_count(c->env, NST_R_SEG_STALE);
		out->verdict = NST_TRIM;
	}
	/* Behind bytes that a reset threw away none may follow. */
	if (c->reset && f->spoke)
		out->verdict = NST_TRIM;
	out->nr_sack = seg->nr_sack;
	for (i = 0; i < seg->nr_sack; i++) {
		out->sack[i].left = seg->sack[i].left - back->map.after;
		out->sack[i].right = seg->sack[i].right - back->map.after;
	}
	note_numbers(c, seg, out);
}

/**
 * opaque_segment - bytes of an opaque connection pass
 * @c: connection
 * @seg: segment with payload or FIN
 * @news: its acknowledgement is worth passing on
 * @out: verdict
 *
 * Behind waiting bytes they must not.
 */
void opaque_segment(struct nst_conn *c, const struct nst_segment *seg, bool news,
		    struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];
	u32 end = seg->seq + seg->len + !!(seg->flags & NST_FIN);

	if (seq_before(seg->seq, f->rcv_nxt)) {
		flow_repeat(c, seg, news, out);
		return;
	}
	if (f->order && seg->seq != f->rcv_nxt) {
		/* Ours are behind this gap: the order must be kept until then. */
		flow_send_ack(c, seg->dir, out);
		out_strip(c, seg->dir, news, out);
		return;
	}
	/* What waits may go now, in front of it. */
	flow_push(c, seg->dir, out);
	if (flow_pending(f)) {
		out_strip(c, seg->dir, news, out);
		return;
	}
	if (seg->flags & NST_FIN) {
		order_flush(c, f);
		f->fin = true;
		f->fin_waits = false;
	}
	out->seq = seqmap_to_new(&f->map, seg->seq);
	f->rcv_nxt = end;
	f->snd_nxt = out->seq + (end - seg->seq);
	f->rend_nxt = f->snd_nxt;
}
