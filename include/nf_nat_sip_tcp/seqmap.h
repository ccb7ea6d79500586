/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SEQMAP_H
#define NF_NAT_SIP_TCP_SEQMAP_H

#include "types.h"

/* Changes of size that may be in flight in one direction. */
#define SEQMAP_MAX 256

/* Sequence space arithmetic (RFC 9293 3.4). */
static inline bool seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool seq_after(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

static inline u32 seq_max(u32 a, u32 b)
{
	return seq_before(a, b) ? b : a;
}

static inline u32 seq_min(u32 a, u32 b)
{
	return seq_before(a, b) ? a : b;
}

/**
 * struct seqrec - bytes of the sender that went out as other bytes
 * @orig_seq: first sequence number as the sender wrote it
 * @orig_len: how many bytes it wrote
 * @new_seq: first sequence number as the receiver sees it
 * @new_len: how many bytes went out instead
 */
struct seqrec {
	u32 orig_seq;
	u32 orig_len;
	u32 new_seq;
	u32 new_len;
};

/**
 * struct seqmap - exact translation between what one end sends and what the
 * other receives, in one direction
 * @before: new minus orig below the first record
 * @after: new minus orig beyond the last record
 * @first: index of the oldest record in @rec, a ring
 * @nr: number of records in flight
 * @cap: room in @rec
 * @rec: the records, ordered; NULL while none was ever needed
 *
 * Bytes between records go out unchanged, shifted by a constant.
 */
struct seqmap {
	u32 before;
	u32 after;
	u16 first;
	u16 nr;
	u16 cap;
	struct seqrec *rec;
};

static inline bool seqmap_constant(const struct seqmap *m)
{
	return !m->nr;
}

/** seqmap_last - the newest record, or NULL */
const struct seqrec *seqmap_last(const struct seqmap *m);

/**
 * seqmap_to_new - sequence number of the sender, as the receiver sees it
 *
 * Inside a record it maps to the record's new start.  Monotone.
 */
u32 seqmap_to_new(const struct seqmap *m, u32 orig);

/**
 * seqmap_to_orig - acknowledgement of the receiver, as the sender sees it
 *
 * Inside a record it maps to the record's original start: those bytes are
 * not all there yet.  Monotone.
 */
u32 seqmap_to_orig(const struct seqmap *m, u32 new_seq);

/**
 * seqmap_edge_to_orig - a SACK edge, exactly or not at all
 *
 * Return: false inside a record.
 */
bool seqmap_edge_to_orig(const struct seqmap *m, u32 new_seq, u32 *orig);

/**
 * seqmap_prune - forget records that the receiver has acknowledged
 * @m: the map
 * @new_ack: cumulative acknowledgement, receiver's numbers
 */
void seqmap_prune(struct seqmap *m, u32 new_ack);

/** seqmap_max_offset - largest new minus orig that is in flight, as a signed number */
s32 seqmap_max_offset(const struct seqmap *m);

#endif
