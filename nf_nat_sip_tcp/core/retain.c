// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a flow: the bytes of a message that is not complete yet, and the
 * rewritten bytes that the receiver has not acknowledged yet.
 *
 * What is held becomes retained by handing over its block, so bytes that were
 * acknowledged to the sender never need memory again to be delivered (I3).
 */
#include <nf_nat_sip_tcp/flow.h>

/* Blocks start at this size; a short request fits without growing. */
#define BLOCK_MIN 1024

static struct nst_block *block_new(struct nst_env *env, u32 cap)
{
	struct nst_block *b = env->ops->alloc(env, sizeof(*b) + cap);

	if (!b)
		return NULL;
	b->next = NULL;
	b->seq = 0;
	b->len = 0;
	b->cap = cap;
	return b;
}

void block_free(struct nst_env *env, struct nst_block *b)
{
	if (b)
		env->ops->free(env, b, sizeof(*b) + b->cap);
}

/**
 * block_room - make room in a block, or make a block
 * @env: surroundings
 * @b: the block, NULL for a new one; may move
 * @more: bytes that are going to be appended
 *
 * Return: 0, or -ENOMEM with @b as it was.
 */
int block_room(struct nst_env *env, struct nst_block **b, u32 more)
{
	u32 used = *b ? (*b)->len : 0;
	u32 cap = *b ? (*b)->cap : 0;
	struct nst_block *nb;

	if (*b && cap - used >= more)
		return 0;
	cap = cap ? 2 * cap : BLOCK_MIN - sizeof(*nb);
	if (cap < used + more)
		cap = used + more;
	nb = block_new(env, cap);
	if (!nb)
		return -ENOMEM;
	if (*b) {
		memcpy(nb->data, (*b)->data, used);
		nb->len = used;
		nb->seq = (*b)->seq;
		block_free(env, *b);
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
void retain_prune(struct nst_env *env, struct nst_flow *f, u32 ack)
{
	struct nst_block *b;

	while ((b = f->blocks) && !seq_after(b->seq + b->len, ack)) {
		f->blocks = b->next;
		if (!f->blocks)
			f->last_block = NULL;
		f->retained -= b->cap;
		block_free(env, b);
	}
}

void retain_flush(struct nst_env *env, struct nst_flow *f)
{
	struct nst_block *b;

	while ((b = f->blocks)) {
		f->blocks = b->next;
		block_free(env, b);
	}
	f->last_block = NULL;
	f->retained = 0;
	block_free(env, f->hold);
	f->hold = NULL;
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

/* Is every byte of [from, to) retained? */
bool retain_covers(const struct nst_flow *f, u32 from, u32 to)
{
	const char *data;

	while (seq_before(from, to)) {
		u32 len = retain_at(f, from, &data);

		if (!len)
			return false;
		from += len;
	}
	return true;
}
