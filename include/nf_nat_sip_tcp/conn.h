/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_CONN_H
#define NF_NAT_SIP_TCP_CONN_H

#include "dialog.h"
#include "env.h"
#include "message.h"
#include "rewrite.h"
#include "seqmap.h"
#include "sip_frame.h"

/* TCP flags as they stand in the header (RFC 9293 3.1). */
#define NST_FIN 0x01
#define NST_SYN 0x02
#define NST_RST 0x04
#define NST_PSH 0x08
#define NST_ACK 0x10
#define NST_URG 0x20
#define NST_ECE 0x40
#define NST_CWR 0x80

#define NST_SACK_MAX 4

/* Most bytes that one skb carries; the rest is emitted (design section 4). */
#define NST_CARRY_MAX 16384

/**
 * struct nst_segment - a TCP segment as the core sees it, host byte order
 * @dir: 0 sent by the client (original direction), 1 by the server
 * @flags: NST_FIN ...
 * @seq: sequence number as the sender wrote it
 * @ack: acknowledgement number as the sender wrote it
 * @win: window field, not scaled
 * @len: payload bytes
 * @seg_size: payload bytes of the largest segment on the wire: gso_size of a
 *	GRO skb, else @len
 * @payload: the payload, in one piece; may be NULL where conn_wants_payload() said
 *	no or @len is 0
 * @has_ts: timestamps option is there
 * @tsval: its TSval
 * @tsecr: its TSecr
 * @nr_sack: SACK blocks
 * @sack: the blocks, as the sender of this segment sees the numbers
 * @mss: of a SYN: MSS option, 536 where missing
 * @wscale: of a SYN: shift count, 0xff where the option is missing
 * @sack_ok: of a SYN: SACK-permitted
 */
struct nst_segment {
	u8 dir;
	u8 flags;
	u32 seq;
	u32 ack;
	u16 win;
	u32 len;
	u16 seg_size;
	const char *payload;
	bool has_ts;
	u32 tsval;
	u32 tsecr;
	u8 nr_sack;
	struct { u32 left; u32 right; } sack[NST_SACK_MAX];
	u16 mss;
	u8 wscale;
	bool sack_ok;
};

/**
 * enum nst_verdict - what becomes of the segment itself
 * @NST_ACCEPT: goes on with the payload it has; header fields as in
 *	&struct nst_out
 * @NST_TRIM: goes on without payload (and without FIN and PSH)
 * @NST_CARRY: payload is replaced by @nst_out.carry_len bytes of
 *	@nst_out.carry
 * @NST_DROP: NF_DROP
 */
enum nst_verdict {
	NST_ACCEPT,
	NST_TRIM,
	NST_CARRY,
	NST_DROP,
};

/**
 * struct nst_emit - bytes of our own to send
 * @to: direction the bytes go, 0 towards the server, 1 towards the client
 * @seq: first sequence number, as the receiver sees it
 * @len: how many; 0 for a pure ACK
 * @data: the bytes, valid until the connection is unlocked
 * @ack: acknowledgement number, as the receiver sees it
 * @win: window field
 * @has_ts: put a timestamps option
 * @tsval: newest TSval seen in this direction
 * @tsecr: what to echo
 * @mss: payload at most so many bytes a segment, room for a timestamps option
 *	already taken off; the skin lowers it to what the route's MTU leaves
 * @rst: send a RST instead
 * @psh: set PSH on the last segment
 * @fin: and FIN
 * @nr_sack: SACK blocks of a pure ACK, with a timestamps option at most 3
 * @sack: the blocks, as the receiver of this segment sees the numbers
 */
struct nst_emit {
	u8 to;
	u32 seq;
	u32 len;
	const char *data;
	u32 ack;
	u16 win;
	bool has_ts;
	u32 tsval;
	u32 tsecr;
	u16 mss;
	bool rst;
	bool psh;
	bool fin;
	u8 nr_sack;
	struct { u32 left; u32 right; } sack[NST_SACK_MAX];
};

/**
 * struct nst_icmp - an ICMP error about a segment that passed or was ours
 * @dir: direction of that segment
 * @too_big: it did not fit (RFC 1191, 8201)
 * @mss: where @too_big: payload and TCP options that fit, at least what every
 *	path takes; 0: not said
 * @seq: its sequence number: in as it is quoted, out as its sender wrote it
 * @ack: its acknowledgement number, alike
 */
struct nst_icmp {
	u8 dir;
	bool too_big;
	u16 mss;
	u32 seq;
	u32 ack;
};

/**
 * struct nst_publish - what the seqadj extension of a direction must say
 * @changed: write it
 * @correction_pos: see nf_ct_seq_offset()
 * @offset_before: at or before @correction_pos
 * @offset_after: behind it
 */
struct nst_publish {
	bool changed;
	u32 correction_pos;
	s32 offset_before;
	s32 offset_after;
};

#define NST_EMIT_MAX 12

/**
 * struct nst_out - bounded list of actions of one step
 * @verdict: for a segment: what becomes of it
 * @len: of NST_ACCEPT: payload bytes that stay; what is behind them is cut off
 *	(and FIN and PSH cleared where anything is)
 * @seq: sequence number to put in
 * @ack: acknowledgement number to put in
 * @win: window field to put in
 * @tsval: TSval to put in, where there is one
 * @clear_flags: TCP flags to clear
 * @nr_sack: SACK blocks to keep, at most those that came
 * @sack: their translated edges; a removed block is overwritten with NOPs
 * @carry: bytes of NST_CARRY, valid until the connection is unlocked
 * @carry_len: how many, at most NST_CARRY_MAX
 * @carry_mss: cut size of the carrying skb, as &nst_emit.mss; longer payload
 *	becomes GSO segments of that size
 * @nr_emit: number of @emit
 * @publish: per direction
 * @timer: when step_timer() wants to be called, ms; 0: not at all
 * @work: calls with doors to open or close, after unlocking
 * @closing: tell conntrack that the connection is closing (after a RST of ours)
 * @emit: own segments, to be built under the lock and sent after it; last, as each
 *	is cleared when it is taken, and most steps take none
 * @room: where messages are taken apart; says nothing
 */
struct nst_out {
	enum nst_verdict verdict;
	u32 len;
	u32 seq;
	u32 ack;
	u16 win;
	u32 tsval;
	u8 clear_flags;
	u8 nr_sack;
	struct { u32 left; u32 right; } sack[NST_SACK_MAX];
	const char *carry;
	u32 carry_len;
	u16 carry_mss;
	u8 nr_emit;
	struct nst_publish publish[2];
	u64 timer;
	struct nst_work work;
	bool closing;
	struct nst_emit emit[NST_EMIT_MAX];
	struct message_room room;
};

enum nst_conn_state {
	NST_CONN_SYN,		/* SYN seen */
	NST_CONN_SYN_ACK,	/* SYN/ACK seen */
	NST_CONN_FOLLOWED,	/* third packet seen: text is followed */
	NST_CONN_OPAQUE,	/* translate what is in flight, look at nothing */
	NST_CONN_DEAD,		/* gone */
};

struct nst_block;

/**
 * struct nst_recovery - loss and round-trip time between us and a receiver
 * @srtt: smoothed round-trip time, ms, times 8; 0: not measured
 * @rttvar: its variation, ms, times 4 (RFC 6298 2)
 * @timing: an acknowledgement of @timed_seq is waited for
 * @timed_seq: end of the bytes whose round trip is measured, new
 * @timed_at: when they were sent, ms
 * @since: when bytes went out after all before them were acknowledged, ms
 * @heard: when the receiver last took bytes, or said that it has no room, ms
 * @win: window field of its last acknowledgement
 * @dup_acks: duplicate acknowledgements in a row
 * @probes: probes that were sent, or passed, and whose answers look like those
 * @probe_seq: end of the bytes in front of the last of them, new
 * @active: bytes up to @recover are being sent again
 * @slow_start: after a time-out: each acknowledgement lets more go than it took
 * @recover: end of what was under way when the loss was noticed, new
 * @rtx_nxt: next of them to send again, new
 * @hole: what was sent again last began there, new
 * @hole_at: when, ms; 0: never
 * @nr_sacked: number of @sacked
 * @sacked: what the receiver said it has behind a gap, new
 */
struct nst_recovery {
	u32 srtt;
	u32 rttvar;
	bool timing;
	u32 timed_seq;
	u64 timed_at;
	u64 since;
	u64 heard;
	u16 win;
	u8 dup_acks;
	u8 probes;
	u32 probe_seq;
	bool active;
	bool slow_start;
	u32 recover;
	u32 rtx_nxt;
	u32 hole;
	u64 hole_at;
	u8 nr_sacked;
	struct { u32 left; u32 right; } sacked[NST_SACK_MAX];
};

/**
 * struct nst_flow - one direction of a connection
 *
 * "orig" numbers are as the sender of this direction writes them, "new" ones
 * as its receiver sees them.
 *
 * @map: translation between the two
 * @seen: the SYN of this direction was seen
 * @isn: its initial sequence number
 * @rcv_nxt: next orig byte to be taken in (RFC 9293 RCV.NXT of a receiver)
 * @acked: highest acknowledgement the sender was given, orig
 * @adv_edge: right edge the sender was given, orig; never retreats
 * @snd_una: receiver's cumulative acknowledgement, new
 * @snd_nxt: next new number to send
 * @rend_nxt: end of what is rendered, new; beyond @snd_nxt it waits for window
 * @edge: receiver's right edge, new
 * @edge_at: when it moved last, ms
 * @max_win: largest window the receiver announced, bytes
 * @slow: it was less than half of that, and has not been about that since
 * @ct_edge: right edge as conntrack has it (td_maxend), orig
 * @mss: MSS option of the receiver's SYN
 * @seg_max: largest payload seen from the sender
 * @path_max: payload that the path was found to take; 0: nothing is known
 * @path_seq: where @path_max: what the sender writes from here on, orig, it
 *	writes knowing what we know
 * @wscale: shift count of the windows that this sender announces
 * @win: window field this sender announced last
 * @has_ts: timestamps are in use
 * @ts_recent: newest TSval of this sender in a segment that left no gap
 *	(RFC 7323 TS.Recent)
 * @ts_at: when, ms
 * @sack_ok: this sender permits SACK
 * @fin: FIN of this direction has passed
 * @fin_waits: it has come, and goes out behind bytes that wait
 * @probed: this sender asks whether the receiver is there: the next answer
 *	passes
 * @refused: segments in a row that found no memory
 * @beyond: segments in a row that show that the other direction goes past us
 * @spoke: a SIP message of this direction was framed
 * @mode: what the next byte belongs to
 * @frame: framing state of the message being gathered
 * @need: bytes of it that must be there before it can go on; 0: not known
 * @body_left: bytes of the body that still stream through
 * @hold: bytes of the message being gathered, ending at @rcv_nxt; NULL: none
 * @hold_since: when the first of them came, ms
 * @order: bytes that came before those in front of them, orig, in order
 * @order_last: where the newest of them begins, orig
 * @order_due: when to try again with those whose turn it is, ms; 0: not waiting
 * @stored: memory of @order, bytes
 * @blocks: retained bytes, oldest first; unchanged bytes that passed in the
 *	sender's own segment are not among them, its repeats serve those
 * @last_block: newest of @blocks
 * @retained: memory of @blocks, bytes
 * @pub: what the seqadj extension was told last
 * @ack_due: when to acknowledge held bytes, ms; 0: nothing due
 * @ack_late: they will be as soon as all in front of them is ours or delivered
 * @rto_due: when to send again, ms; 0: nothing
 * @rto: current time-out, ms
 * @resends: time-outs in a row
 * @recovery: what is known of the way to the receiver
 */
struct nst_flow {
	struct seqmap map;
	bool seen;
	u32 isn;
	u32 rcv_nxt;
	u32 acked;
	u32 adv_edge;
	u32 snd_una;
	u32 snd_nxt;
	u32 rend_nxt;
	u32 edge;
	u64 edge_at;
	u32 max_win;
	bool slow;
	u32 ct_edge;
	u16 mss;
	u16 seg_max;
	u16 path_max;
	u32 path_seq;
	u8 wscale;
	u16 win;
	bool has_ts;
	u32 ts_recent;
	u64 ts_at;
	bool sack_ok;
	bool fin;
	bool fin_waits;
	bool probed;
	u8 refused;
	u8 beyond;
	bool spoke;
	u8 mode;
	struct sip_frame frame;
	u32 need;
	u32 body_left;
	struct nst_block *hold;
	u64 hold_since;
	struct nst_block *order;
	u32 order_last;
	u32 stored;
	u64 order_due;
	struct nst_block *blocks;
	struct nst_block *last_block;
	u32 retained;
	struct nst_publish pub;
	u64 ack_due;
	bool ack_late;
	u64 rto_due;
	u32 rto;
	u8 resends;
	struct nst_recovery recovery;
};

/**
 * struct nst_conn - a connection, both directions under one lock of the skin
 * @env: surroundings
 * @now: time of the step that is being taken, ms
 * @state: enum nst_conn_state
 * @reason: why it is opaque
 * @id: identity, unique per boot
 * @owner: the skin's handle, passed through to &nst_call.owner
 * @talker: calls that it speaks for
 * @zone: conntrack zone
 * @account: who its memory is charged to
 * @map: address map
 * @doomed: on_error says that both ends are reset at the end of this step
 * @reset: a RST that counts has passed
 * @gone: we have reset both ends
 * @sent: &nst_flow.snd_nxt of both directions when this step began
 * @new_syn: a SYN with another number passed on the live connection
 * @new_isn: its number
 * @flow: [0] sent by the client, [1] sent by the server
 */
struct nst_conn {
	struct nst_env *env;
	u64 now;
	enum nst_conn_state state;
	enum nst_reason reason;
	u64 id;
	void *owner;
	struct nst_talker talker;
	u16 zone;
	struct nst_account account;
	struct nst_natmap map;
	bool doomed;
	bool reset;
	bool gone;
	u32 sent[2];
	bool new_syn;
	u32 new_isn;
	struct nst_flow flow[2];
};

/** conn_init - a connection whose SYN is about to be given to step_segment() */
void conn_init(struct nst_conn *c, struct nst_env *env, u64 id, u16 zone,
	       const struct nst_natmap *map);

/** conn_free - give back all memory of a connection; not the object itself */
void conn_free(struct nst_conn *c);

/**
 * conn_wants_payload - does step_segment() need the payload?
 *
 * False for an opaque connection with nothing waiting.
 */
bool conn_wants_payload(const struct nst_conn *c, u8 dir);

/**
 * step_segment - one segment passes
 * @c: the connection, locked
 * @seg: the segment
 * @now: ms, monotone, never 0
 * @out: what to do
 */
void step_segment(struct nst_conn *c, const struct nst_segment *seg, u64 now,
		  struct nst_out *out);

/** step_timer - time has passed; @out->verdict means nothing */
void step_timer(struct nst_conn *c, u64 now, struct nst_out *out);

/**
 * step_icmp - an ICMP error passes
 * @c: the connection, locked
 * @e: the error; its numbers are translated
 * @now: ms
 * @out: what to send; its verdict means nothing
 */
void step_icmp(struct nst_conn *c, struct nst_icmp *e, u64 now, struct nst_out *out);

/**
 * step_opaque - from now on look at nothing (setting, unload, traversal)
 *
 * What is held is released unchanged; what is retained is still delivered.
 */
void step_opaque(struct nst_conn *c, enum nst_reason reason, u64 now,
		 struct nst_out *out);

/**
 * conn_holds_since - does it hold bytes of a message that began by then?
 * @c: the connection, need not be locked
 * @when: ms
 *
 * So does one whose receiver does not take what it was sent.
 */
bool conn_holds_since(const struct nst_conn *c, u64 when);

/** conn_owes - are there bytes acknowledged that the receiver has not got? */
bool conn_owes(const struct nst_conn *c);

/** conn_depends - do bytes acknowledged, or an offset, depend on us? */
bool conn_depends(const struct nst_conn *c);

/** conn_reset_seq - one or two numbers with which an end takes a RST for the other's */
u8 conn_reset_seq(const struct nst_conn *c, u8 to, u32 seq[2]);

/** conn_quiet - nothing held, nothing retained, nothing in flight: constant offsets */
bool conn_quiet(const struct nst_conn *c);

/**
 * conn_plain - all that will ever come passes as it is
 *
 * It is opaque, which is for good (I5), and none of its bytes was changed or
 * acknowledged by us: step_segment() would accept each segment with the numbers
 * that it has, and do nothing else.
 */
bool conn_plain(const struct nst_conn *c);

#endif
