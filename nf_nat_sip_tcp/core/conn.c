// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection: both directions, under one lock of the skin (I2).
 *
 *	SYN --SYN/ACK--> SYN_ACK --third packet--> FOLLOWED --+
 *	 |                  |                         |       | framing lost,
 *	 +----- anything unexpected -----> OPAQUE <---+-------+ FIN in a message,
 *	                                                        limit, setting
 *
 * OPAQUE is for good (I5).  It still delivers what was held or acknowledged,
 * and translates what is in flight; then it adds two constants.
 */
#include <nf_nat_sip_tcp/flow.h>

/* A sender repeats after 0.2, 0.4, 0.8 s ...: about a second and a half. */
#define REFUSED_MAX 3

void conn_init(struct nst_conn *c, struct nst_env *env, u64 id, u16 zone,
	       const struct nst_natmap *map)
{
	memset(c, 0, sizeof(*c));
	c->env = env;
	c->id = id;
	c->zone = zone;
	c->map = *map;
	c->reason = NST_R_MAX;
}

void conn_free(struct nst_conn *c)
{
	u8 dir;

	c->state = NST_CONN_DEAD;
	talker_gone(c->env, &c->talker);
	for (dir = 0; dir < 2; dir++) {
		retain_flush(c, &c->flow[dir]);
		seqmap_free(c, &c->flow[dir].map);
	}
}

static bool flow_quiet(const struct nst_flow *f)
{
	return !f->hold && !f->blocks && !f->order && seqmap_constant(&f->map);
}

bool conn_quiet(const struct nst_conn *c)
{
	return flow_quiet(&c->flow[0]) && flow_quiet(&c->flow[1]);
}

/* No change of its bytes was ever on its way. */
static bool flow_plain(const struct nst_conn *c, const struct nst_flow *f)
{
	return flow_quiet(f) && !f->spoke && !f->map.before && !f->map.after &&
	       !f->fin_waits && !flow_due(c, f);
}

bool conn_plain(const struct nst_conn *c)
{
	return c->state == NST_CONN_OPAQUE && !c->reset && !c->gone &&
	       flow_plain(c, &c->flow[0]) && flow_plain(c, &c->flow[1]);
}

bool conn_wants_payload(const struct nst_conn *c, u8 dir)
{
	(void)dir;
	return c->state == NST_CONN_SYN_ACK || c->state == NST_CONN_FOLLOWED;
}

static void out_init(struct nst_conn *c, const struct nst_segment *seg, u64 now,
		     struct nst_out *out)
{
	memset(out, 0, offsetof(struct nst_out, emit));
	c->now = now;
	c->sent[0] = c->flow[0].snd_nxt;
	c->sent[1] = c->flow[1].snd_nxt;
	if (!seg)
		return;
	out->verdict = NST_ACCEPT;
	out->len = seg->len;
	out->seq = seg->seq;
	out->ack = seg->ack;
	out->win = seg->win;
	out->tsval = seg->tsval;
}

/* Nothing of this step leaves: the RSTs must have the numbers before it. */
static void reset_both(struct nst_conn *c, struct nst_out *out)
{
	c->doomed = false;
	c->flow[0].snd_nxt = c->sent[0];
	c->flow[1].snd_nxt = c->sent[1];
	out->verdict = NST_DROP;
	flow_give_up(c, NST_R_RESET_ON_ERROR, out);
}

static void finish(struct nst_conn *c, const struct nst_segment *seg,
		   struct nst_out *out)
{
	u64 due[2];
	u8 dir;

	for (dir = 0; dir < 2; dir++)
		order_take(c, dir, out);
	if (c->doomed)
		reset_both(c, out);
	for (dir = 0; dir < 2; dir++) {
		flow_settle(c, dir, out);
		recover_time(c, dir);
		recover_arm(c, &c->flow[dir]);
		flow_publish(&c->flow[dir], c->new_syn, &out->publish[dir]);
		due[dir] = flow_due(c, &c->flow[dir]);
	}
	if (seg && flow_said(c, seg, out))
		out->verdict = NST_DROP;
	/* Bytes of ours leave first: with the old number it would look stale. */
	if (seg && out->verdict == NST_TRIM && out->seq == c->sent[seg->dir])
		out->seq = c->flow[seg->dir].snd_nxt;
	out->timer = due[0] && (!due[1] || due[0] < due[1]) ? due[0] : due[1];
}

/* No payload, no FIN: only numbers. */
static void step_empty(struct nst_conn *c, const struct nst_segment *seg,
		       bool news, bool took, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];
	struct nst_flow *back = &c->flow[!seg->dir];
	u32 orig;
	/* Raised; or lowered to the start of a message that is partly there. */
	bool other = !seqmap_edge_to_orig(&back->map, seg->ack, &orig) || orig != out->ack;
	/* An answer to a probe takes nothing, or all; else there is more to come. */
	bool answer = back->probed && !(took && back->snd_una != back->snd_nxt);

	/*
	 * Behind bytes that are held or still to come, too: with a number too
	 * high the receiver would not believe windows that come later (SND.WL1,
	 * RFC 9293 3.10.7.4).  With this one its timestamp must not be newer than
	 * that of the bytes to come (TS.Recent, RFC 7323 4.3).
	 */
	if (!seq_before(seg->seq, f->rcv_nxt)) {
		out->seq = f->snd_nxt;
		if (seg->seq != f->rcv_nxt)
			out->tsval = f->ts_recent;
	} else if (seg->seq == f->rcv_nxt - 1) {	/* keep-alive, RFC 9293 3.8.4 */
		out->seq = f->snd_nxt - 1;
		f->probed = true;
		flow_probes(f);
		flow_say(c, seg, news, out);
	} else {
		out->seq = seq_min(seqmap_to_new(&f->map, seg->seq), f->snd_nxt);
		flow_say(c, seg, news, out);
	}
	/*
	 * To a sender with bytes under way it would look like a loss, and it may
	 * have some on their way to us.
	 */
	if (other && !news && !answer && !c->reset)
		out->verdict = NST_DROP;
	else
		back->probed = false;
}

/**
 * struct step - one data segment of a followed connection
 * @c: connection
 * @seg: segment
 * @news: its acknowledgement is worth passing on
 * @skip: so many of its bytes came before
 * @again: it passes for those, and is cut behind them
 * @shut: the window that its sender knows of is too small for the message
 * @fd: its bytes
 * @out: what to do
 */
struct step {
	struct nst_conn *c;
	const struct nst_segment *seg;
	bool news;
	u32 skip;
	bool again;
	bool shut;
	struct feed fd;
	struct nst_out *out;
};

/* What the feed made of the payload becomes the verdict. */
static void feed_verdict(struct step *st)
{
	struct nst_flow *f = st->fd.f;
	struct nst_out *out = st->out;
	u32 passed = st->fd.passed;

	feed_retain(&st->fd);
	f->rcv_nxt += st->fd.pos;
	order_take(st->c, st->seg->dir, out);
	/* What is new goes out on segments of ours. */
	if (st->again)
		return;
	if (!flow_pending(f) && (passed || !st->seg->len)) {
		out->seq = f->snd_nxt;
		out->len = passed;
		f->rend_nxt += passed;
		f->snd_nxt += passed;
		return;
	}
	if (flow_carry(st->c, st->seg->dir, out))
		return;
	/* Nothing else would tell a sender that probes with the next byte. */
	if (st->shut)
		flow_ask(st->c, st->seg, st->news, out);
	else
		out_strip(st->c, st->seg->dir, st->news, out);
}

/*
 * FIN goes behind the last byte: where this segment does not take that along,
 * on one of ours.  Nobody acknowledges it but the receiver, so the sender
 * repeats it should it be lost.
 */
static void take_fin(struct step *st)
{
	struct nst_flow *f = st->fd.f;
	struct nst_out *out = st->out;

	if (st->fd.pos != st->seg->len - st->skip) {
		out->clear_flags |= NST_FIN;
		return;
	}
	order_flush(st->c, f);	/* nothing comes behind it */
	if (flow_pending(f) || out->len != st->seg->len ||
	    (out->verdict != NST_CARRY && out->verdict != NST_ACCEPT)) {
		out->clear_flags |= NST_FIN;
		f->fin_waits = true;
	} else {
		flow_fin(f);
	}
}

static void trace_sent(struct step *st)
{
	struct nst_trace t = { .id = NST_TRACE_SENT, .dir = st->seg->dir };
	const struct nst_out *out = st->out;

	if (!nst_tracing(st->c->env) || !st->fd.n)
		return;
	t.conn = st->c->id;
	if (out->verdict == NST_CARRY)
		t.n[0] = out->carry_len;
	else if (out->verdict == NST_ACCEPT)
		t.n[0] = out->len;
	st->c->env->ops->trace(st->c->env, &t);
}

/*
 * A segment cannot go on as it is behind bytes that wait, in front of stored
 * ones that it makes the next, when cut, or where growth has used up the window
 * that its sender was told of.
 */
static int feed_start(struct step *st, u32 skip)
{
	struct feed *fd = &st->fd;
	struct nst_flow *f = &st->c->flow[st->seg->dir];
	u32 room = seq_after(f->adv_edge, f->rcv_nxt) ? f->adv_edge - f->rcv_nxt : 0;
	u32 len = st->seg->len - skip;

	fd->c = st->c;
	fd->f = f;
	fd->dir = st->seg->dir;
	fd->p = st->seg->len ? st->seg->payload + skip : NULL;
	fd->n = len < room ? len : room;
	st->skip = skip;
	fd->work = &st->out->work;
	fd->room = &st->out->room;
	fd->lost = NST_R_MAX;
	if (!skip && !flow_pending(fd->f) && !order_joins(fd->f, fd->n) &&
	    !seq_after(fd->f->snd_nxt + fd->n, fd->f->edge))
		return 0;
	fd->replace = true;
	return block_room(st->c, &fd->blk, fd->n);
}

/*
 * Bytes that found no memory come again.  Where that does not help the
 * connection goes on without us: a lack of memory must not stop calls (P4).
 */
static void step_refused(struct step *st)
{
	struct feed *fd = &st->fd;

	if (fd->pos || !fd->err)
		fd->f->refused = 0;
	if (!fd->err || fd->lost != NST_R_MAX)
		return;
	nst_count(st->c->env, fd->err == -ENOMEM ? NST_R_SEG_NOMEM : NST_R_SEG_BACKLOG);
	if (fd->err == -ENOMEM && ++fd->f->refused > REFUSED_MAX)
		fd->lost = NST_R_OPAQUE_NOMEM;
}

/*
 * All of it is beyond the right edge: a probe of those that send a byte
 * (RFC 9293 3.8.6.1).  The receiver is asked, and that byte comes again:
 * conntrack would not take it for valid once it is acknowledged.
 */
static bool beyond_window(struct step *st, u32 skip)
{
	const struct nst_flow *f = &st->c->flow[st->seg->dir];

	if (st->seg->len == skip || seq_after(f->adv_edge, f->rcv_nxt))
		return false;
	nst_count(st->c->env, NST_R_SEG_OUT_OF_WINDOW);
	flow_ask(st->c, st->seg, st->news, st->out);
	return true;
}

/* The next bytes of a followed direction; the first @skip came before. */
static void step_in_order(struct step *st, u32 skip)
{
	struct nst_flow *f = &st->c->flow[st->seg->dir];
	bool fin = st->seg->flags & NST_FIN;

	if (beyond_window(st, skip))
		return;
	if (f->blocks && flow_memory(f) + st->seg->len - skip > st->c->env->set.hold_max) {
		nst_count(st->c->env, NST_R_SEG_BACKLOG);
		/* What came before may be what the receiver waits for. */
		if (skip)
			flow_repeat(st->c, st->seg, st->news, st->out);
		else
			out_strip(st->c, st->seg->dir, st->news, st->out);
		return;
	}
	st->again = skip && flow_again(f, st->seg, st->out);
	st->shut = hold_shut(st->c, st->seg->dir);
	if (feed_start(st, skip))
		st->fd.err = -ENOMEM;
	else
		feed_run(&st->fd);
	step_refused(st);
	if (st->fd.lost != NST_R_MAX)
		feed_lost(&st->fd);
	if (fin && f->hold && st->fd.pos == st->fd.n) {
		feed_retain(&st->fd);
		conn_opaque(st->c, NST_R_OPAQUE_FIN);
	}
	feed_verdict(st);
	if (f->hold && st->fd.pos)
		nst_count(st->c->env, NST_R_SEG_HELD);
	if (fin)
		take_fin(st);
	trace_sent(st);
}

/* Bytes of a followed connection, by where they stand in its order. */
static void step_data(struct step *st)
{
	struct nst_conn *c = st->c;
	const struct nst_segment *seg = st->seg;
	const struct nst_flow *f = &c->flow[seg->dir];

	if (paws_old(c, f, seg)) {
		/* RFC 7323 5.3 R1: so says the receiver, if it gets that far. */
		nst_count(c->env, NST_R_SEG_OLD_TIMESTAMP);
		flow_send_ack(c, seg->dir, st->out);
		out_strip(c, seg->dir, st->news, st->out);
	} else if (seg->seq == f->rcv_nxt) {
		step_in_order(st, 0);
	} else if (seq_after(seg->seq, f->rcv_nxt)) {
		order_segment(c, seg, st->news, st->out);
	} else if (seq_after(seg->seq + seg->len + !!(seg->flags & NST_FIN), f->rcv_nxt)) {
		step_in_order(st, f->rcv_nxt - seg->seq);
	} else {
		flow_repeat(c, seg, st->news, st->out);
	}
}

static void take_facts(const struct nst_conn *c, struct nst_flow *f,
		       const struct nst_segment *seg)
{
	paws_take(c, f, seg);
	path_seen(f, seg);
	f->win = seg->win;
}

/* Everything behind the handshake. */
static void step_established(struct step *st)
{
	struct nst_conn *c = st->c;
	const struct nst_segment *seg = st->seg;
	u32 una = c->flow[!seg->dir].snd_una;

	if (flow_outside(&c->flow[seg->dir], seg)) {
		flow_answer(c, seg, st->out);
		return;
	}
	if (one_sided(c, seg))
		conn_opaque(c, NST_R_OPAQUE_ONE_SIDED);
	take_facts(c, &c->flow[seg->dir], seg);
	if (seg->flags & NST_ACK)
		st->news = flow_ack(c, seg, st->out);
	if (seg->flags & NST_RST) {
		flow_rst(c, seg, st->out);
		return;
	}
	if (seg->flags & NST_URG)
		conn_opaque(c, NST_R_OPAQUE_URGENT);
	if (!seg->len && !(seg->flags & NST_FIN))
		step_empty(c, seg, st->news, c->flow[!seg->dir].snd_una != una, st->out);
	else if (c->reset)
		out_strip(c, seg->dir, true, st->out);
	else if (c->state == NST_CONN_OPAQUE)
		opaque_segment(c, seg, st->news, st->out);
	else
		step_data(st);
}

/*
 * Going opaque lifts a limit, perhaps behind acknowledgements of this step: all
 * that leaves now says the same, as what leaves first is not told.
 */
static void agree_on_edges(struct nst_conn *c, const struct nst_segment *seg,
			   struct nst_out *out)
{
	struct nst_emit *e;

	for (e = out->emit; e < out->emit + out->nr_emit; e++)
		e->win = flow_window(c, !e->to, e->ack);
	if (seg && (seg->flags & (NST_ACK | NST_RST)) == NST_ACK)
		out->win = flow_window(c, !seg->dir, out->ack);
}

/*
 * The edge that flow_ack() has told of is moved by what makes a connection opaque,
 * by stored bytes whose turn has come, and in segments of ours it may be older.
 */
static void step_look(struct nst_conn *c, const struct nst_segment *seg,
		      struct nst_out *out)
{
	struct step st = { .c = c, .seg = seg, .out = out };
	bool stored = c->flow[!seg->dir].order;
	enum nst_conn_state was = c->state;

	step_established(&st);
	finish(c, seg, out);
	if (stored || c->state != was || out->nr_emit)
		agree_on_edges(c, seg, out);
}

void step_segment(struct nst_conn *c, const struct nst_segment *seg, u64 now,
		  struct nst_out *out)
{
	out_init(c, seg, now, out);
	if (!(seg->flags & NST_SYN) && seg->dir == 1)
		c->new_syn = false;
	if (seg->flags & NST_SYN)
		conn_syn(c, seg);
	else if (c->state < NST_CONN_FOLLOWED)
		conn_handshake(c, seg);
	if (!c->flow[1].seen)
		return;
	if (!(seg->flags & NST_SYN) && !c->gone &&
	    (c->state != NST_CONN_OPAQUE || !conn_quiet(c))) {
		step_look(c, seg, out);
		return;
	}
	if (seg->flags & NST_SYN)
		;	/* passes as it is */
	else if (c->gone)
		flow_gone(c, seg, out);
	else
		opaque_at_rest(c, seg, out);
	finish(c, seg, out);
}

void step_timer(struct nst_conn *c, u64 now, struct nst_out *out)
{
	out_init(c, NULL, now, out);
	if (c->state == NST_CONN_DEAD)
		return;
	flow_timer(c, 0, out);
	flow_timer(c, 1, out);
	finish(c, NULL, out);
	agree_on_edges(c, NULL, out);
}

void step_opaque(struct nst_conn *c, enum nst_reason reason, u64 now,
		 struct nst_out *out)
{
	out_init(c, NULL, now, out);
	conn_opaque(c, reason);
	finish(c, NULL, out);
	agree_on_edges(c, NULL, out);
}
