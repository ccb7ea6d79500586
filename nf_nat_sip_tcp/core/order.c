// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes that came before those in front of them.
 *
 *	         rcv_nxt                               adv_edge
 *	taken in |  gap  |=====|  gap  |===========|      |
 *	                 stored, by the sender's numbers
 *
 * What was stored is announced to a sender that knows SACK, and is not given
 * away again: RFC 2018 section 8 would allow that, at the price of a time-out.
 * Of two that are stored the first counts, of stored ones and those that are
 * next the latter.
 */
#include <nf_nat_sip_tcp/flow.h>

/* Small segments share a block; a large one would only be copied once more. */
#define SHARED_MAX 4096
/* Rendered bytes are handed over in pieces: no block has to become large. */
#define PIECE_MAX 8192
/* Time to find memory for stored bytes whose turn it is, ms; and how often. */
#define AGAIN 100
#define AGAIN_MAX 16

static u32 block_end(const struct nst_block *b)
{
	return b->seq + b->len;
}

/* Behind the bytes of a block that they touch, if it takes them. */
static bool join(struct nst_conn *c, struct nst_flow *f, struct nst_block **at,
		 const char *p, u32 len)
{
	u32 cap = (*at)->cap;

	if ((*at)->len + len > SHARED_MAX || block_room(c, at, len))
		return false;
	f->stored += (*at)->cap - cap;
	block_append(*at, p, len);
	return true;
}

/* A block of their own, in front of @at. */
static struct nst_block *insert(struct nst_conn *c, struct nst_flow *f,
				struct nst_block **at, const char *p, u32 len)
{
	struct nst_block *b = NULL;

	if (block_room(c, &b, len))
		return NULL;
	block_append(b, p, len);
	b->next = *at;
	*at = b;
	f->stored += b->cap;
	return b;
}

/*
 * What was announced stays, so the message in front of it must find room beside
 * it, in blocks that are twice as large at most: the gap must be able to close.
 */
static bool has_room(const struct nst_conn *c, const struct nst_flow *f, u32 len)
{
	const struct nst_settings *set = &c->env->set;

	return f->retained + f->stored + len + 2 * (set->header_max + set->body_max) <=
	       set->hold_max;
}

/**
 * order_add - store bytes that are not next
 * @c: connection
 * @f: flow of their sender
 * @seq: number of the first, sender's numbers, beyond &nst_flow.rcv_nxt
 * @p: the bytes
 * @len: how many
 *
 * Return: 0, -ENOSPC or -ENOMEM where some of them could not be stored.
 */
int order_add(struct nst_conn *c, struct nst_flow *f, u32 seq, const char *p, u32 len)
{
	struct nst_block **last = NULL, **at = &f->order;
	u32 end = seq + len;
	struct nst_block *b;

	f->order_last = seq;
	while (seq_before(seq, end)) {
		u32 stop = end;

		if (*at && !seq_after((*at)->seq, seq)) {
			/* Stored before, up to the end of this block. */
			stop = seq_max(seq, block_end(*at));
			p += stop - seq;
			seq = stop;
			last = at;
			at = &(*at)->next;
			continue;
		}
		if (*at)
			stop = seq_min(end, (*at)->seq);
		if (!has_room(c, f, stop - seq))
			return -ENOSPC;
		if (last && block_end(*last) == seq && join(c, f, last, p, stop - seq)) {
			at = &(*last)->next;
		} else {
			b = insert(c, f, at, p, stop - seq);
			if (!b)
				return -ENOMEM;
			b->seq = seq;
		}
		p += stop - seq;
		seq = stop;
	}
	return 0;
}

/* The first block is not stored any more; whose it is the caller says. */
static struct nst_block *take_first(struct nst_flow *f)
{
	struct nst_block *b = f->order;

	f->order = b->next;
	f->stored -= b->cap;
	b->next = NULL;
	return b;
}

/**
 * order_next - stored bytes whose turn it is
 * @c: connection
 * @f: flow of their sender
 * @p: where they are
 *
 * Return: how many follow on at &nst_flow.rcv_nxt; 0: none.
 */
u32 order_next(struct nst_conn *c, struct nst_flow *f, const char **p)
{
	const struct nst_block *b;

	while ((b = f->order) && !seq_after(block_end(b), f->rcv_nxt))
		block_free(c, take_first(f));
	if (!b || seq_after(b->seq, f->rcv_nxt))
		return 0;
	*p = b->data + (f->rcv_nxt - b->seq);
	return block_end(b) - f->rcv_nxt;
}

/**
 * order_release - stored bytes whose turn it is go out as they are
 * @c: connection
 * @f: flow of their sender
 *
 * No memory is needed: blocks change hands.
 */
void order_release(struct nst_conn *c, struct nst_flow *f)
{
	const char *p;
	u32 len;

	while ((len = order_next(c, f, &p))) {
		struct nst_block *b = take_first(f);

		memmove(b->data, p, len);
		b->len = len;
		f->rcv_nxt += len;
		retain_add(f, b);
	}
}

void order_flush(struct nst_conn *c, struct nst_flow *f)
{
	while (f->order)
		block_free(c, take_first(f));
}

/* One more block, unless the option is full. */
static void add_sack(struct nst_emit *e, u32 left, u32 right)
{
	u8 max = e->has_ts ? NST_SACK_MAX - 1 : NST_SACK_MAX;

	if (e->nr_sack == max)
		return;
	e->sack[e->nr_sack].left = left;
	e->sack[e->nr_sack].right = right;
	e->nr_sack++;
}

/* From @b on without a gap; what comes behind that. */
static const struct nst_block *run_end(const struct nst_block *b, u32 *right)
{
	*right = block_end(b);
	while ((b = b->next) && b->seq == *right)
		*right = block_end(b);
	return b;
}

/*
 * The run that has what came last, or all others.  What is next, but waits for
 * memory, is none: a block that begins at the acknowledgement looks as if it had
 * been announced and then given away (RFC 2018 section 8).
 */
static void add_runs(const struct nst_flow *f, struct nst_emit *e, bool newest)
{
	const struct nst_block *b, *next;
	u32 right;

	for (b = f->order; b; b = next) {
		next = run_end(b, &right);
		if (!seq_after(b->seq, f->rcv_nxt))
			continue;
		if (newest == (f->order_last - b->seq < right - b->seq))
			add_sack(e, b->seq, right);
	}
}

/**
 * order_sack - tell the sender what is stored (RFC 2018 section 4)
 * @f: flow of the sender
 * @e: an acknowledgement towards it
 *
 * First the block that has what came last.
 */
void order_sack(const struct nst_flow *f, struct nst_emit *e)
{
	u32 held = f->rcv_nxt - hold_len(f);

	add_runs(f, e, true);
	/*
	 * Held bytes that cannot be acknowledged yet are there, too.  Alone they
	 * would look as if those before them were lost.
	 */
	if (f->order && hold_len(f) && seq_after(held, e->ack))
		add_sack(e, held, f->rcv_nxt);
	add_runs(f, e, false);
}

/* Store what the sender was allowed to send. */
static void store(struct nst_conn *c, const struct nst_segment *seg)
{
	struct nst_flow *f = &c->flow[seg->dir];
	u32 room = seq_after(f->adv_edge, seg->seq) ? f->adv_edge - seg->seq : 0;

	if (!seg->len)
		return;
	if (!room)
		nst_count(c->env, NST_R_SEG_OUT_OF_WINDOW);
	else if (order_add(c, f, seg->seq, seg->payload, seg->len < room ? seg->len : room))
		nst_count(c->env, NST_R_SEG_NOT_STORED);
	else
		nst_count(c->env, NST_R_SEG_OUT_OF_ORDER);
}

/**
 * order_segment - a segment with bytes behind a gap
 * @c: connection
 * @seg: the segment
 * @news: its acknowledgement is worth passing on
 * @out: verdict
 *
 * The sender hears of it at once (RFC 5681 3.2), and of what is held in front of
 * it: else it would repeat that, too.
 */
void order_segment(struct nst_conn *c, const struct nst_segment *seg, bool news,
		   struct nst_out *out)
{
	struct nst_flow *f = &c->flow[seg->dir];

	if (c->state == NST_CONN_FOLLOWED)
		store(c, seg);
	if (f->hold && flow_owns(f))
		f->acked = f->rcv_nxt;
	flow_send_ack(c, seg->dir, out);
	out_strip(c, seg->dir, news, out);
}

/* One block, or what is left of it.  Return: false where that has to wait. */
static bool take_piece(struct feed *fd)
{
	struct nst_conn *c = fd->c;
	struct nst_flow *f = fd->f;

	fd->n = order_next(c, f, &fd->p);
	fd->pos = 0;
	if (!fd->n)
		return false;
	feed_run(fd);
	f->rcv_nxt += fd->pos;
	if (fd->lost != NST_R_MAX) {
		feed_retain(fd);
		conn_opaque(c, fd->lost);
		return false;
	}
	if (fd->blk && fd->blk->len > PIECE_MAX)
		feed_retain(fd);
	return !fd->err;
}

/* No memory for so long: the connection goes on without us (P4). */
static void take_again(struct feed *fd)
{
	struct nst_flow *f = fd->f;

	if (!fd->err || fd->lost != NST_R_MAX) {
		f->refused = 0;
		return;
	}
	f->order_due = fd->c->now + AGAIN;
	if (fd->err == -ENOMEM && ++f->refused > AGAIN_MAX)
		conn_opaque(fd->c, NST_R_OPAQUE_NOMEM);
}

/* See order_take(): there is something. */
void order_take_stored(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	struct nst_flow *f = &c->flow[dir];
	struct feed fd = {
		.c = c, .f = f, .dir = dir, .replace = true, .work = &out->work,
		.room = &out->room, .lost = NST_R_MAX,
	};

	const char *p;

	if (!order_next(c, f, &p))
		return;
	if (c->state == NST_CONN_OPAQUE) {
		order_release(c, f);
		return;
	}
	while (take_piece(&fd))
		;
	feed_retain(&fd);
	take_again(&fd);
	if (c->state == NST_CONN_OPAQUE)
		order_release(c, f);
}
