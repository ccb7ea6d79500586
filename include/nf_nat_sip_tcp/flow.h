/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the TCP engine share: seqmap.c, retain.c, order.c, feed.c,
 * ack.c, send.c, recover.c, syn.c, opaque.c, conn.c.
 */
#ifndef NF_NAT_SIP_TCP_FLOW_H
#define NF_NAT_SIP_TCP_FLOW_H

#include "conn.h"

/**
 * struct nst_block - consecutive bytes that are held or retained
 * @next: next block of a list
 * @seq: number of the first byte: of a retained block as the receiver sees it,
 *	of a stored one as the sender wrote it
 * @len: bytes used
 * @cap: bytes there is room for
 * @data: the bytes
 */
struct nst_block {
	struct nst_block *next;
	u32 seq;
	u32 len;
	u32 cap;
	char data[];
};

/**
 * enum nst_mode - what the next byte of a direction belongs to
 * @NST_MODE_IDLE: between messages
 * @NST_MODE_GATHER: a message that is held until it can be judged
 * @NST_MODE_BODY: a body that streams through
 */
enum nst_mode {
	NST_MODE_IDLE,
	NST_MODE_GATHER,
	NST_MODE_BODY,
};

/* retain.c: memory of a flow */
int block_room(struct nst_conn *c, struct nst_block **b, u32 more);
void block_append(struct nst_block *b, const char *p, u32 len);
void block_free(struct nst_conn *c, struct nst_block *b);
void retain_add(struct nst_flow *f, struct nst_block *b);
void retain_prune(struct nst_conn *c, struct nst_flow *f, u32 ack);
void retain_flush(struct nst_conn *c, struct nst_flow *f);
u32 retain_at(const struct nst_flow *f, u32 seq, const char **data);
bool retain_overlaps(const struct nst_flow *f, u32 from, u32 to, u32 *first);
bool retain_covers(const struct nst_flow *f, u32 from, u32 to);

/* Is everything before the held bytes delivered, or in our hands (I3)? */
static inline bool flow_owns(const struct nst_flow *f)
{
	return retain_covers(f, f->snd_una, f->rend_nxt);
}

static inline u32 hold_len(const struct nst_flow *f)
{
	return f->hold ? f->hold->len : 0;
}

/* Memory that a flow keeps, for the limit hold_max. */
static inline u32 flow_memory(const struct nst_flow *f)
{
	return f->retained + f->stored + (f->hold ? f->hold->cap : 0);
}

static inline bool flow_pending(const struct nst_flow *f)
{
	return f->snd_nxt != f->rend_nxt;
}

/* order.c: bytes that came too early */
int order_add(struct nst_conn *c, struct nst_flow *f, u32 seq, const char *p, u32 len);
u32 order_next(struct nst_conn *c, struct nst_flow *f, const char **p);

/* Does a segment that brings the next @len bytes make stored ones the next? */
static inline bool order_joins(const struct nst_flow *f, u32 len)
{
	return f->order && !seq_after(f->order->seq, f->rcv_nxt + len);
}

void order_release(struct nst_conn *c, struct nst_flow *f);
void order_flush(struct nst_conn *c, struct nst_flow *f);
void order_sack(const struct nst_flow *f, struct nst_emit *e);
void order_segment(struct nst_conn *c, const struct nst_segment *seg, bool news,
		   struct nst_out *out);
void order_take_stored(struct nst_conn *c, u8 dir, struct nst_out *out);

/**
 * order_take - a gap may be closed: what is stored behind it is next
 * @c: connection
 * @dir: direction of the bytes
 * @out: doors to open and to close
 */
static inline void order_take(struct nst_conn *c, u8 dir, struct nst_out *out)
{
	c->flow[dir].order_due = 0;
	if (c->flow[dir].order)
		order_take_stored(c, dir, out);
}

/* FIN has gone out behind all bytes. */
static inline void flow_fin(struct nst_flow *f)
{
	f->fin = true;
	f->fin_waits = false;
	f->rcv_nxt++;
	f->snd_nxt++;
	f->rend_nxt++;
}

/* seqmap.c, for the engine only */
int seqmap_room(struct nst_conn *c, struct seqmap *m);
void seqmap_add(struct seqmap *m, const struct seqrec *r);
void seqmap_free(struct nst_conn *c, struct seqmap *m);
void seqmap_trim(struct nst_conn *c, struct seqmap *m);

/**
 * struct feed - bytes of one segment on their way through a flow
 * @c: connection
 * @f: flow of the sender
 * @dir: its direction
 * @p: payload from the first byte not seen before
 * @n: how many bytes
 * @pos: how many of them are dealt with
 * @passed: bytes that pass unchanged, while @replace is not set
 * @replace: @blk goes out in the place of @p
 * @blk: room taken for that
 * @index: messages completed
 * @work: door work
 * @room: where messages are taken apart
 * @lost: framing was lost: reason, else NST_R_MAX
 * @err: why not all bytes were taken: -ENOMEM, -ENOSPC until the receiver
 *	has acknowledged more, else 0
 */
struct feed {
	struct nst_conn *c;
	struct nst_flow *f;
	u8 dir;
	const char *p;
	u32 n;
	u32 pos;
	u32 passed;
	bool replace;
	struct nst_block *blk;
	u16 index;
	struct nst_work *work;
	struct message_room *room;
	enum nst_reason lost;
	int err;
};

/* feed.c */
void feed_run(struct feed *fd);
void feed_lost(struct feed *fd);
void feed_retain(struct feed *fd);
void flow_release(struct nst_flow *f);

/* ack.c: what an acknowledgement says, and what is said to the sender */
bool flow_ack(struct nst_conn *c, const struct nst_segment *seg,
	      struct nst_out *out);
u16 flow_window(struct nst_conn *c, u8 dir, u32 ack);
bool flow_outside(const struct nst_flow *f, const struct nst_segment *seg);
void flow_answer(struct nst_conn *c, const struct nst_segment *seg, struct nst_out *out);
void flow_send_ack(struct nst_conn *c, u8 dir, struct nst_out *out);
void flow_say(struct nst_conn *c, const struct nst_segment *seg, bool news,
	      struct nst_out *out);
void flow_publish(struct nst_flow *f, bool anew, struct nst_publish *pub);

/* send.c: bytes of our own */
struct nst_emit *emit_add(struct nst_conn *c, u8 to, struct nst_out *out);
bool flow_carry(struct nst_conn *c, u8 dir, struct nst_out *out);
void flow_push(struct nst_conn *c, u8 dir, struct nst_out *out);
bool flow_said(const struct nst_conn *c, const struct nst_segment *seg,
	       const struct nst_out *out);
void flow_ask(struct nst_conn *c, const struct nst_segment *seg, bool news,
	      struct nst_out *out);
bool flow_again(struct nst_flow *f, const struct nst_segment *seg, struct nst_out *out);
void flow_repeat(struct nst_conn *c, const struct nst_segment *seg, bool news,
		 struct nst_out *out);
void flow_timer(struct nst_conn *c, u8 dir, struct nst_out *out);
u64 flow_due(const struct nst_conn *c, const struct nst_flow *f);
u16 flow_cut(const struct nst_flow *f);
void hold_arm(struct nst_conn *c, struct nst_flow *f);
bool hold_shut(struct nst_conn *c, u8 dir);
void flow_settle(struct nst_conn *c, u8 dir, struct nst_out *out);

/*
 * A probe goes to the receiver, which answers with what it said before: once it
 * acknowledges what was sent behind the probe, it has answered.
 */
static inline void flow_probes(struct nst_flow *f)
{
	f->recovery.probe_seq = f->snd_nxt;
	if (f->recovery.probes < 0xff)
		f->recovery.probes++;
}

/* recover.c: what is lost behind us is sent again */
void recover_ack(struct nst_conn *c, const struct nst_segment *seg, u32 bytes,
		 struct nst_out *out);
void recover_resend(struct nst_conn *c, u8 dir, u32 max, struct nst_out *out);
void recover_time(struct nst_conn *c, u8 dir);
void recover_arm(struct nst_conn *c, struct nst_flow *f);
void recover_restart(const struct nst_conn *c, struct nst_flow *f);
void recover_smaller(struct nst_conn *c, u8 dir, struct nst_out *out);
void recover_timeout(struct nst_conn *c, u8 dir, struct nst_out *out);

/* reset.c: the end of a connection, of theirs or of ours */
void flow_rst(struct nst_conn *c, const struct nst_segment *seg, struct nst_out *out);
void flow_give_up(struct nst_conn *c, enum nst_reason reason, struct nst_out *out);
void flow_gone(struct nst_conn *c, const struct nst_segment *seg, struct nst_out *out);

/* path.c: how large a segment of ours may be */
u16 path_cut(const struct nst_flow *f);
void path_seen(struct nst_flow *f, const struct nst_segment *seg);
void path_timeout(struct nst_conn *c, struct nst_flow *f);

/* paws.c */
bool paws_old(const struct nst_conn *c, const struct nst_flow *f,
	      const struct nst_segment *seg);
void paws_take(const struct nst_conn *c, struct nst_flow *f, const struct nst_segment *seg);

/* one_sided.c */
bool one_sided(struct nst_conn *c, const struct nst_segment *seg);

/*
 * The segment leaves its payload here; what else it says goes on, with the next
 * number, and so with a timestamp that may stand beside that one (paws.c).
 */
static inline void out_strip(struct nst_conn *c, u8 dir, bool news,
			     struct nst_out *out)
{
	out->verdict = news ? NST_TRIM : NST_DROP;
	out->seq = c->flow[dir].snd_nxt;
	out->tsval = c->flow[dir].ts_recent;
	if (news)
		nst_count(c->env, NST_R_SEG_TRIMMED);
}

/* syn.c */
void conn_syn(struct nst_conn *c, const struct nst_segment *seg);
void conn_handshake(struct nst_conn *c, const struct nst_segment *seg);

/* opaque.c */
void conn_unfollow(struct nst_conn *c, enum nst_reason reason);
void conn_opaque(struct nst_conn *c, enum nst_reason reason);
void opaque_at_rest(struct nst_conn *c, const struct nst_segment *seg,
		    struct nst_out *out);
void opaque_segment(struct nst_conn *c, const struct nst_segment *seg, bool news,
		    struct nst_out *out);

#endif
