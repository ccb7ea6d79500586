// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a flow: the bytes of a message that is not complete yet, and the
 * rewritten bytes that the receiver has not acknowledged yet.
 *
 * What is held becomes retained by handing over its block, so bytes that were
 * acknowledged to the sender never need memory again to be delivered (I3).
 */
#include <nf_nat_sip_tcp/flow.h>

/*
 * Blocks are as large as the kernel's caches are, from this size on: what they
 * are charged with is all in use.
 */
#define BLOCK_MIN 256

/* Room of a block for so many bytes. */
static u32 block_cap(u32 len)
{
	u32 size = BLOCK_MIN;

	while (size - sizeof(struct nst_block) < len)
		size *= 2;
	return size - sizeof(struct nst_block);
}

static struct nst_block *block_new(struct nst_conn *c, u32 cap)
{
	struct nst_block *b;

	b = c->env->ops->alloc_for(c->env, &c->account, sizeof(*b) + cap);

	if (!b)
		return NULL;
	b->next = NULL;
	b->seq = 0;
	b->len = 0;
	b->cap = cap;
	return b;
}

void block_free(struct nst_conn *c, struct nst_block *b)
{
	if (b)
		c->env->ops->free_for(c->env, &c->account, b, sizeof(*b) + b->cap);
}

/**
 * block_room - make room in a block, or make a block
 * @c: its connection
 * @b: the block, NULL for a new one; may move
 * @more: bytes that are going to be appended
 *
 * Return: 0, or -ENOMEM with @b as it was.
 */
int block_room(struct nst_conn *c, struct nst_block **b, u32 more)
{
	u32 used = *b ? (*b)->len : 0;
	struct nst_block *nb;

	if (*b && (*b)->cap - used >= more)
		return 0;
	nb = block_new(c, block_cap(used + more));
	if (!nb)
		return -ENOMEM;
	if (*b) {
		memcpy(nb->data, (*b)->data, used);
		nb->len = used;
		nb->seq = (*b)->seq;
		nb->next = (*b)->next;
		block_free(c, *b);
	}
	*b = nb;
	return 0;
}

void block_append(struct nst_block *b, const char *p, u32 len)
{
	memcpy(b->data + b->len, p, len);
	b->len += len;
}

/* Hand a rendered block over; it goes out behind everything before it. */
void retain_add(struct nst_flow *f, struct nst_block *b)
{
	b->next = NULL;
	b->seq = f->rend_nxt;
	if (f->last_block)
		f->last_block->next = b;
	else
		f->blocks = b;
	f->last_block = b;
	f->retained += b->cap;
	f->rend_nxt += b->len;
}

/* The receiver has acknowledged everything before @ack. */
void retain_prune(struct nst_conn *c, struct nst_flow *f, u32 ack)
{
	struct nst_block *b;

	while ((b = f->blocks) && !seq_after(b->seq + b->len, ack)) {
		f->blocks = b->next;
		if (!f->blocks)
			f->last_block = NULL;
		f->retained -= b->cap;
		block_free(c, b);
	}
}

void retain_flush(struct nst_conn *c, struct nst_flow *f)
{
	struct nst_block *b;

	while ((b = f->blocks)) {
		f->blocks = b->next;
		block_free(c, b);
	}
	f->last_block = NULL;
	f->retained = 0;
	block_free(c, f->hold);
	f->hold = NULL;
	order_flush(c, f);
}

/**
 * retain_at - retained bytes at a sequence number
 * @f: the flow
 * @seq: number as the receiver sees it
 * @data: where they are
 *
 * Return: how many follow on in one piece; 0 where that byte is not retained.
 */
u32 retain_at(const struct nst_flow *f, u32 seq, const char **data)
{
	const struct nst_block *b;

	for (b = f->blocks; b; b = b->next) {
		u32 into = seq - b->seq;

		if (seq_before(seq, b->seq))
			return 0;
		if (into < b->len) {
			*data = b->data + into;
			return b->len - into;
		}
	}
	return 0;
}

/* Is any byte of [from, to) retained?  @first: the first that is. */
bool retain_overlaps(const struct nst_flow *f, u32 from, u32 to, u32 *first)
{
	const struct nst_block *b;

	if (!seq_before(from, to))
		return false;
	for (b = f->blocks; b; b = b->next) {
		if (!seq_after(b->seq + b->len, from))
			continue;
		if (!seq_before(b->seq, to))
			return false;
		*first = seq_max(from, b->seq);
		return true;
	}
	return false;
}

/*
 * Is every byte of [from, to) retained?  In one pass: somebody who sends single
 * bytes to a receiver without a window makes the list long, and this is asked
 * for each segment.
 */
bool retain_covers(const struct nst_flow *f, u32 from, u32 to)
{
	const struct nst_block *b;

	for (b = f->blocks; b && seq_before(from, to); b = b->next) {
		if (seq_after(b->seq, from))
			return false;
		from = seq_max(from, b->seq + b->len);
	}
	return !seq_before(from, to);
}
