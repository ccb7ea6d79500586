// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-order bytes of one direction: CRLF keep-alives, messages, bodies.
 *
 *	        CRLF passes              header or wanted body incomplete
 *	       +--------+                  +-------+
 *	       v        |                  v       |
 *	     IDLE ------+--- a byte ---> GATHER ---+
 *	       ^  ^                        |   |
 *	       |  +--- message complete ---+   | body need not be changed
 *	       |                               v
 *	       +------ body has passed ------ BODY
 *
 * What leaves is either the segment's own payload (while everything so far
 * passes unchanged) or a block that replaces it.  A message is parsed where
 * it lies if the segment has all of it, and is copied only to be held.
 */
#include <nf_nat_sip_tcp/event.h>
#include <nf_nat_sip_tcp/flow.h>
#include <nf_nat_sip_tcp/message.h>

/* What a rewritten message usually grows by, at most. */
#define GROWTH 768

static void trace_line(const struct feed *fd, enum nst_trace_id id, u32 a, u32 b, u32 c)
{
	struct nst_trace t = {
		.id = id, .dir = fd->dir, .index = fd->index, .conn = fd->c->id,
		.n = { a, b, c },
	};

	fd->c->env->ops->trace(fd->c->env, &t);
}

/* Mostly nobody watches, and nothing is put together for that. */
static inline void trace_n(const struct feed *fd, enum nst_trace_id id, u32 a, u32 b, u32 c)
{
	if (nst_tracing(fd->c->env))
		trace_line(fd, id, a, b, c);
}

static void trace_message(const struct feed *fd, const struct message *m)
{
	if (!nst_tracing(m->env))
		return;
	trace_line(fd, NST_TRACE_HEADER, m->hdr_len, 0, 0);
	trace_line(fd, NST_TRACE_BODY, m->body_len, 0, 0);
	trace_line(fd, NST_TRACE_TOTAL, m->hdr_len + m->body_len, 0, 0);
	trace_line(fd, NST_TRACE_STATE, 0, 0, m->hdr_len + m->body_len - m->len);
}

static void tell(const struct feed *fd, enum nst_event_id id, u32 a, u32 b, u32 c)
{
	struct nst_event e = { .id = id, .dir = fd->dir, .conn = fd->c->id };

	e.n[0] = a;
	e.n[1] = b;
	e.n[2] = c;
	fd->c->env->ops->event(fd->c->env, &e);
}

/* Take room for @more bytes of output, so that writing them cannot fail. */
static int feed_room(struct feed *fd, u32 more)
{
	if (!fd->replace)
		more += fd->passed;
	return block_room(fd->c, &fd->blk, more);
}

/* From here on a block goes out in the place of the payload. */
static int feed_replace(struct feed *fd, u32 more)
{
	int err = feed_room(fd, more);

	if (err)
		return err;
	if (!fd->replace)
		block_append(fd->blk, fd->p, fd->passed);
	fd->passed = 0;
	fd->replace = true;
	return 0;
}

/* The next @len bytes of the payload pass as they are; -ENOMEM: nothing has. */
static int feed_pass(struct feed *fd, u32 len)
{
	if (fd->replace) {
		if (feed_room(fd, len))
			return -ENOMEM;
		block_append(fd->blk, fd->p + fd->pos, len);
	} else {
		fd->passed += len;
	}
	fd->pos += len;
	return 0;
}

/*
 * How much of the payload may belong to the message: what is behind it needs no
 * room beside it.
 */
static u32 hold_most(const struct feed *fd)
{
	u32 most = fd->f->need ? fd->f->need : fd->c->env->set.header_max;
	u32 len = fd->n - fd->pos, have = hold_len(fd->f);

	return most > have && most - have < len ? most - have : len;
}

/* The rest of the payload has to wait. */
static int feed_hold(struct feed *fd)
{
	struct nst_flow *f = fd->f;
	u32 len = hold_most(fd);
	int err;

	/* In front of held bytes the payload must be cut: it needs a block. */
	if (fd->passed && feed_replace(fd, 0))
		return -ENOMEM;
	/*
	 * What is stored has left room for this, unless the limit was lowered.
	 * Bytes count, not blocks: what header_max and body_max allow must fit.
	 */
	if (f->retained + hold_len(f) + len > fd->c->env->set.hold_max) {
		/* What is retained goes away by itself, what is held does not. */
		if (!f->blocks)
			fd->lost = NST_R_OPAQUE_HOLD_MAX;
		return -ENOSPC;
	}
	err = block_room(fd->c, &f->hold, len);
	if (err)
		return err;
	if (!f->hold->len)
		f->hold_since = fd->c->now;
	block_append(f->hold, fd->p + fd->pos, len);
	fd->pos += len;
	return 0;
}

/*
 * Note what became of a message.  The record spans from the first to the last
 * changed byte: what is the same at both ends needs no exactness lost to it.
 */
static void feed_record(struct feed *fd, const struct edits *e, u32 orig_seq, u32 new_seq)
{
	struct seqrec r;
	u32 first = e->list[0].at.off;
	u32 last = span_end(e->list[e->nr - 1].at);

	r.orig_seq = orig_seq + first;
	r.orig_len = last - first;
	r.new_seq = new_seq + first;
	r.new_len = last - first + e->delta;
	seqmap_add(&fd->f->map, &r);
}

/* No method has a slash in it (RFC 3261 7.1, 7.2). */
static bool is_response(const char *buf, u32 len)
{
	return len > 4 && buf[3] == '/';
}

/*
 * A message of @len bytes is complete, at the start of what is held or at
 * @fd->pos of the payload.  All memory is taken before message_process():
 * what it does to calls is done once.
 */
static int feed_message(struct feed *fd, const char *buf, u32 len)
{
	struct nst_flow *f = fd->f;
	struct nst_env *env = fd->c->env;
	struct edits *e = &fd->room->edits;
	struct message m = {
		.env = env, .map = &fd->c->map, .dir = fd->dir, .zone = fd->c->zone,
		.conn = fd->c->id, .owner = fd->c->owner,
		.talker = &fd->c->talker, .index = fd->index,
		.now = fd->c->now, .buf = buf, .hdr_len = f->frame.hdr_len,
		.body_len = f->frame.body_len, .len = len, .work = fd->work,
		.room = fd->room,
	};
	bool held = f->hold;
	u32 orig_seq = f->rcv_nxt + fd->pos - (held ? len : 0);
	u32 start;

	trace_message(fd, &m);
	if (nst_events_wanted())
		tell(fd, NST_EVENT_MESSAGE, m.hdr_len, m.body_len, is_response(buf, len));

	message_process(&m);
	if (e->nr && feed_room(fd, len + e->delta)) {
		nst_count(env, NST_R_MSG_NOMEM);
		edits_init(e);
	}
	fd->index++;
	if (!e->nr && !held)
		return feed_pass(fd, len);
	if (feed_replace(fd, len + e->delta))
		return -ENOMEM;

	start = fd->blk->len;
	if (e->nr)
		feed_record(fd, e, orig_seq, f->rend_nxt + start);
	fd->blk->len += edits_render(e, buf, len, fd->blk->data + start);
	if (e->nr && nst_events_wanted())
		tell(fd, NST_EVENT_EDITS, len, len + e->delta, e->nr);
	if (!held)
		fd->pos += len;
	return 0;
}

static int feed_complete(struct feed *fd, const char *buf, u32 len)
{
	int err;

	err = seqmap_room(fd->c, &fd->f->map);
	if (!err)
		err = feed_room(fd, len + GROWTH);
	return err ?: feed_message(fd, buf, len);
}

/*
 * After the header block: what must be there before the message can go on?
 * Asked once: what was held for it must not turn out to be too much.
 */
static u32 feed_need(struct feed *fd, const char *buf)
{
	const struct sip_frame *fr = &fd->f->frame;
	struct nst_flow *f = fd->f;

	if (f->need)
		return f->need;
	f->need = fr->hdr_len;
	if (message_wants_body(fd->c->env, buf, fr->hdr_len, fr->body_len, fd->room))
		f->need += fr->body_len;
	return f->need;
}

static void feed_reset(struct nst_flow *f)
{
	memset(&f->frame, 0, sizeof(f->frame));
	f->need = 0;
}

static void feed_next_mode(struct feed *fd, u32 len)
{
	struct nst_flow *f = fd->f;

	f->spoke = true;
	f->body_left = f->frame.hdr_len + f->frame.body_len - len;
	f->mode = f->body_left ? NST_MODE_BODY : NST_MODE_IDLE;
	feed_reset(f);
}

static void trace_missing(struct feed *fd, u32 have)
{
	const struct sip_frame *fr = &fd->f->frame;

	if (fr->hdr_len)
		trace_n(fd, NST_TRACE_STATE, have, 0, fr->hdr_len + fr->body_len - have);
	else
		trace_n(fd, NST_TRACE_STATE, have, ~0u, 0);
}

/* Who has not said anything in SIP yet does not speak it (P1). */
static enum nst_reason lost_reason(const struct nst_flow *f, enum nst_reason reason)
{
	if (reason == NST_R_OPAQUE_START_LINE && !f->spoke)
		return NST_R_OPAQUE_NOT_SIP;
	return reason;
}

/* The message lies in the payload from @fd->pos on. */
static int gather_in_place(struct feed *fd)
{
	const char *buf = fd->p + fd->pos;
	u32 have = fd->n - fd->pos;
	int r, err;
	u32 need;

	r = sip_frame_lines(&fd->f->frame, buf, have, fd->c->env->set.header_max,
			    &fd->room->lines);
	if (r < 0) {
		fd->lost = lost_reason(fd->f, -r);
		return -EPROTO;
	}
	need = r ? feed_need(fd, buf) : have + 1;
	if (need > have) {
		trace_missing(fd, have);
		return feed_hold(fd);
	}
	err = feed_complete(fd, buf, need);
	if (err)
		feed_reset(fd->f);
	else
		feed_next_mode(fd, need);
	return err;
}

/* Undo an append: these bytes belong to what comes behind the message. */
static void unhold(struct feed *fd, u32 len)
{
	fd->f->hold->len -= len;
	fd->pos -= len;
}

/* The start of the message is held; the payload goes on with it. */
static int gather_held(struct feed *fd)
{
	struct nst_flow *f = fd->f;
	struct sip_frame frame = f->frame;
	u32 before = f->hold->len;
	u32 asked = f->need;
	u32 need;
	int r, err;

	err = feed_hold(fd);
	if (err)
		return err;
	r = sip_frame_lines(&f->frame, f->hold->data, f->hold->len,
			    fd->c->env->set.header_max, &fd->room->lines);
	if (r < 0) {
		fd->lost = lost_reason(fd->f, -r);
		return -EPROTO;
	}
	need = r ? feed_need(fd, f->hold->data) : f->hold->len + 1;
	if (need > f->hold->len) {
		trace_missing(fd, f->hold->len);
		return 0;
	}
	unhold(fd, f->hold->len - need);
	err = feed_complete(fd, f->hold->data, need);
	if (err) {
		/* Other bytes may come in their place. */
		unhold(fd, f->hold->len - before);
		f->frame = frame;
		f->need = asked;
		return err;
	}
	block_free(fd->c, f->hold);
	f->hold = NULL;
	feed_next_mode(fd, need);
	return 0;
}

static int feed_idle(struct feed *fd)
{
	u32 crlf = sip_frame_crlf(fd->p + fd->pos, fd->n - fd->pos);

	if (crlf) {
		nst_count(fd->c->env, NST_R_KEEPALIVE);
		return feed_pass(fd, crlf);
	}
	fd->f->mode = NST_MODE_GATHER;
	feed_reset(fd->f);
	return 0;
}

static int feed_body(struct feed *fd)
{
	struct nst_flow *f = fd->f;
	u32 len = fd->n - fd->pos;
	int err;

	if (len > f->body_left)
		len = f->body_left;
	err = feed_pass(fd, len);
	if (err)
		return err;
	f->body_left -= len;
	if (!f->body_left)
		f->mode = NST_MODE_IDLE;
	return 0;
}

static int feed_gather(struct feed *fd)
{
	/* What is there may be of a message that was to go on another time. */
	message_forget(fd->room);
	return fd->f->hold ? gather_held(fd) : gather_in_place(fd);
}

static int feed_step(struct feed *fd)
{
	switch (fd->f->mode) {
	case NST_MODE_IDLE:
		return feed_idle(fd);
	case NST_MODE_BODY:
		return feed_body(fd);
	default:
		return feed_gather(fd);
	}
}

/*
 * What is held goes out as it is.  No memory is needed: the block changes
 * hands.
 */
void flow_release(struct nst_flow *f)
{
	struct nst_block *b = f->hold;

	f->hold = NULL;
	f->mode = NST_MODE_IDLE;
	f->body_left = 0;
	f->ack_due = 0;
	f->ack_late = false;
	if (b)
		retain_add(f, b);
}

/* Room that turned out not to be needed. */
static void feed_trim(struct feed *fd)
{
	if (!fd->replace) {
		block_free(fd->c, fd->blk);
		fd->blk = NULL;
	}
}

/** feed_retain - what replaces the payload goes out behind all before it */
void feed_retain(struct feed *fd)
{
	if (fd->blk && fd->blk->len)
		retain_add(fd->f, fd->blk);
	else
		block_free(fd->c, fd->blk);
	fd->blk = NULL;
}

/** feed_lost - framing is lost: behind what is held the rest passes raw */
void feed_lost(struct feed *fd)
{
	struct nst_block *rest = NULL;
	u32 len = fd->n - fd->pos;

	if (!fd->f->hold && !feed_pass(fd, len))
		len = 0;
	feed_retain(fd);
	conn_opaque(fd->c, fd->lost);
	if (!len || block_room(fd->c, &rest, len))
		return;
	block_append(rest, fd->p + fd->pos, len);
	retain_add(fd->f, rest);
	fd->pos += len;
}

/**
 * feed_run - take in-order bytes of a followed direction
 * @fd: the bytes; @fd->pos tells afterwards how many were taken
 *
 * Bytes beyond @fd->pos could not be taken for want of memory or of room for
 * records: the sender repeats them.  With @fd->lost set framing is lost, and
 * they pass raw.
 */
void feed_run(struct feed *fd)
{
	trace_n(fd, NST_TRACE_RECEIVED, fd->n, 0, 0);
	while (fd->pos < fd->n && !fd->err)
		fd->err = feed_step(fd);
	/* Bytes that were not taken come again, perhaps cut in another way. */
	if (!fd->f->hold && fd->f->mode == NST_MODE_GATHER)
		fd->f->mode = NST_MODE_IDLE;
	feed_trim(fd);
	if (fd->index)
		trace_n(fd, NST_TRACE_MESSAGES, fd->index, 0, 0);
}
