/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection through the engine: two ends that speak TCP strictly, a gateway
 * that carries out the engine's actions as the kernel skin does, wires that may
 * lose, repeat and reorder, and judges that look at each packet.
 *
 *	client --hop 0--> gateway --hop 1--> server
 *	client <--hop 1-- gateway <--hop 0-- server
 *
 * The clock is moved by hand.  What a judge refuses prints the packets that
 * led there and fails the test.
 */
#ifndef SELFTESTS_MODEL_MODEL_H
#define SELFTESTS_MODEL_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nf_nat_sip_tcp/conn.h>

#include "world.h"

/**
 * struct stream - bytes by their offset, each with a mark
 * @p: the bytes
 * @mark: what the user makes of it: a cut, "is there"
 * @len: highest offset with a byte, plus 1
 * @cap: room
 */
struct stream {
	char *p;
	u8 *mark;
	u32 len;
	u32 cap;
};

void stream_put(struct stream *s, u32 off, const char *p, u32 len);
void stream_free(struct stream *s);

/**
 * struct packet - a segment on the wire
 * @next: next one to arrive
 * @at: when, ms
 * @nr: order among those of the same time
 * @hop: 0 on its way to the gateway, 1 behind it
 * @s: header; payload is @data
 * @data: payload
 */
struct packet {
	struct packet *next;
	u64 at;
	u64 nr;
	u8 hop;
	struct nst_segment s;
	char data[];
};

/* How a sender cuts what it repeats. */
enum repeat {
	REPEAT_SAME,		/* as it was written */
	REPEAT_JOINED,		/* as full segments */
	REPEAT_SPLIT,		/* in pieces of 100 bytes */
};

/**
 * struct peer - one end, RFC 9293
 *
 * Settings, before model_open():
 * @isn: its initial sequence number
 * @mss: its MSS option, and the largest payload it sends
 * @tso: largest packet it gives to the wire, 0: @mss
 * @wscale: its window shift count, 0xff: no option
 * @ts: timestamps
 * @sack: SACK, with duplicates (RFC 2883)
 * @nagle: RFC 9293 3.7.4; without it each peer_write() begins a segment
 * @space: receive buffer
 * @read_max: so many bytes the application reads
 * @delack: an acknowledgement may wait so long, ms
 * @cwnd: so many bytes at most under way, 0: no limit
 * @repeat: how it cuts what it repeats
 *
 * Sending:
 * @out: what was written; mark: a segment begins here
 * @fin: and nothing comes behind it
 * @una: oldest byte not acknowledged
 * @nxt: next to send
 * @max: highest one sent
 * @edge: right edge given
 * @win: window field of the last acknowledgement
 * @shift: of the windows it is given
 * @rto: time-out, ms
 * @rto_due: when it ends
 * @dup_acks: in a row
 * @rtos: time-outs so far
 * @fast: fast retransmits so far
 *
 * Receiving:
 * @in: what came; mark: it is there
 * @in_len: what came without a gap
 * @irs: the other's initial sequence number
 * @rcv_nxt: next to come
 * @adv: right edge announced
 * @ack_due: when a delayed acknowledgement goes, 0: none waits
 * @unacked: segments that wait for one
 * @dsack: block to report as a duplicate
 * @ts_recent: TSval to echo
 * @fin_seen: FIN is at @fin_seq
 * @got_fin: everything up to it has come
 * @up: handshake done
 * @reset: RST came
 */
struct peer {
	u32 isn;
	u16 mss;
	u32 tso;
	u8 wscale;
	bool ts;
	bool sack;
	bool nagle;
	u32 space;
	u32 read_max;
	u32 delack;
	u32 cwnd;
	enum repeat repeat;

	struct stream out;
	bool fin;
	u32 una;
	u32 nxt;
	u32 max;
	u32 edge;
	u16 win;
	u8 shift;
	u32 rto;
	u64 rto_due;
	u32 dup_acks;
	u32 rtos;
	u32 fast;

	struct stream in;
	u32 in_len;
	u32 irs;
	u32 rcv_nxt;
	u32 adv;
	u64 ack_due;
	u32 unacked;
	struct { u32 left; u32 right; } dsack;
	u32 ts_recent;
	bool fin_seen;
	u32 fin_seq;
	bool got_fin;
	bool up;
	bool reset;
};

/**
 * enum piece_kind - what becomes of bytes
 * @PIECE_RAW: they pass
 * @PIECE_MESSAGE: they are held until complete, and rewritten
 * @PIECE_LOOSE: they may be held for a while, and stay the same
 */
enum piece_kind {
	PIECE_RAW,
	PIECE_MESSAGE,
	PIECE_LOOSE,
};

/**
 * struct piece - consecutive bytes of a stream with what they have to become
 * @orig: offset as written
 * @len: bytes written
 * @fresh: offset as it has to be read
 * @fresh_len: bytes to be read
 * @kind: how it comes about
 */
struct piece {
	u32 orig;
	u32 len;
	u32 fresh;
	u32 fresh_len;
	enum piece_kind kind;
};

/**
 * struct side - what is known of one direction, by watching
 * @expected: what the receiver has to read
 * @piece: how it comes about
 * @nr_pieces: how many
 * @any: nothing is expected, but repeats have to be the same
 * @sent: what left the gateway, by offset; mark: it did
 * @told_ack: receiver's acknowledgement that reached the gateway
 * @told_edge: right edge that did
 * @given_ack: acknowledgement given to the sender
 * @given_edge: right edge given
 * @seen_end: end of what reached the gateway
 * @tsval: newest TSval that did
 * @ct_end: td_end of conntrack, and so on
 */
struct side {
	struct stream expected;
	struct piece *piece;
	u32 nr_pieces;
	bool any;
	struct stream sent;
	u32 told_ack;
	u32 told_edge;
	u32 given_ack;
	u32 given_edge;
	u32 seen_end;
	u32 tsval;
	u32 ct_end;
	u32 ct_maxend;
	u32 ct_maxwin;
	u8 ct_scale;
	struct nst_publish pub;
};

/* One line of the ladder. */
struct rung {
	u64 at;
	u8 hop;
	const char *what;
	struct nst_segment s;
};

#define RUNGS 400

/**
 * struct model - a connection and its surroundings
 * @w: namespace of the engine, and the clock
 * @ref: another one, where whole messages are rewritten for comparison
 * @conn: the engine
 * @timer: when it wants to be called
 * @peer: [0] client, [1] server
 * @side: [0] bytes of the client, [1] of the server
 * @packets: on the wires, by time of arrival
 * @nr: packets so far
 * @delay: ms a hop
 * @fate: what a wire does to a packet: sets its time; returns copies
 * @seed: state of model_rand()
 * @own_last: own segments leave behind the one that passes, else in front
 * @lossy: bytes may be late
 * @oom: one step in so many finds no memory, 0: none
 * @emitted: own segments with bytes
 * @acks: own pure ACKs to each end
 * @closing: conntrack was told that the end has come
 * @name: of the case
 * @rung: last packets
 * @nr_rungs: how many there were
 */
struct model {
	struct world *w;
	struct world *ref;
	struct nst_conn conn;
	u64 timer;
	struct peer peer[2];
	struct side side[2];
	struct packet *packets;
	u64 nr;
	u32 delay;
	u32 (*fate)(struct model *m, struct packet *p);
	u64 seed;
	bool own_last;
	bool lossy;
	u32 oom;
	u32 emitted;
	u32 acks[2];
	bool closing;
	char name[96];
	struct rung rung[RUNGS];
	u32 nr_rungs;
};

/* model.c */
struct model *model_new(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** model_map - address of the client, inside and outside, in both worlds */
void model_map(struct model *m, const char *inside, const char *outside);
/** model_open - the handshake */
void model_open(struct model *m);
/** model_run - time passes */
void model_run(struct model *m, u64 ms);
/** model_settle - until nothing is left to do, or fail */
void model_settle(struct model *m);
/** model_end - settle, compare what was read with what was expected, free */
void model_end(struct model *m);
/** model_free - no comparison */
void model_free(struct model *m);
u32 model_rand(struct model *m, u32 below);
void model_send(struct model *m, u8 hop, const struct nst_segment *s, const char *data);
void model_note(struct model *m, u8 hop, const struct nst_segment *s, const char *what);
void model_fail(struct model *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/** model_failed - what the program makes of a failure: it has one of these */
void model_failed(const char *what) __attribute__((noreturn));

#define judge(m, cond, ...)						\
	do {								\
		if (!(cond))						\
			model_fail(m, __VA_ARGS__);			\
	} while (0)

static inline u64 model_now(const struct model *m)
{
	return m->w->now;
}

/* model_gateway.c: what the kernel skin does */
void gateway_packet(struct model *m, struct packet *p);
void gateway_timer(struct model *m);
void gateway_opaque(struct model *m, enum nst_reason reason);
void gateway_icmp(struct model *m, struct nst_icmp *e);

/* model_peer.c */
void peer_open(struct model *m);
void peer_write(struct model *m, u8 end, const char *p, u32 len);
void peer_fin(struct model *m, u8 end);
void peer_rst(struct model *m, u8 end);
/** peer_read - the application takes so many bytes more */
void peer_read(struct model *m, u8 end, u32 more);
/** peer_repeat - send [from, to) of what was written, whether it is due or not */
void peer_repeat(struct model *m, u8 end, u32 from, u32 to);
/** peer_probe - a keep-alive or window probe, one below @seq, with @len garbage bytes */
void peer_probe(struct model *m, u8 end, u32 len);
void peer_input(struct model *m, u8 end, const struct packet *p);
u64 peer_due(const struct peer *p);
void peer_timer(struct model *m, u8 end);

/* model_judge.c */
void judge_arrival(struct model *m, const struct nst_segment *s);
void judge_departure(struct model *m, const struct nst_segment *s, const char *data, bool own);
void judge_state(struct model *m);
void judge_read(struct model *m, u8 end);
/** expect_text - what the receiver of @dir has to read for these bytes, by whole messages */
void expect_text(struct model *m, u8 dir, const char *p, u32 len);
/** expect_raw - the same bytes */
void expect_raw(struct model *m, u8 dir, const char *p, u32 len);
/** expect_loose - the same bytes, which may be held for a while */
void expect_loose(struct model *m, u8 dir, const char *p, u32 len);

/* model_text.c: messages into @buf; @nr tells them apart */
u32 text_options(char *buf, u32 nr);
/** text_message - with a body of text, which passes */
u32 text_message(char *buf, u32 nr, u32 body);
/** text_invite - with a description of about 50 bytes an attribute */
u32 text_invite(char *buf, u32 nr, u32 attributes);
/** text_answer - a 200 from the server; @via: sent-by of the client as the server has it */
u32 text_answer(char *buf, u32 nr, const char *via);

/** say - write and expect */
static inline void say(struct model *m, u8 dir, const char *p, u32 len)
{
	expect_text(m, dir, p, len);
	peer_write(m, dir, p, len);
}

#endif
