/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A deterministic simulator of whole connections through the engine: each seed
 * is one schedule, and is the same each time.
 *
 *	client --wire 0--> gateway --wire 1--> server
 *	client <--wire 3-- gateway <--wire 2-- server
 *
 * Offsets: what an end sends is counted from the first byte behind its SYN,
 * "orig" as it wrote it, "new" as the other one reads it.  Nothing of the
 * engine is used to judge it but the memory that it says it keeps.
 */
#ifndef SELFTESTS_SIM_SIM_H
#define SELFTESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nf_nat_sip_tcp/conn.h>

/* What a failure is called; DESCRIBE says what must hold. */
#define INVARIANTS(X)							\
	X(I1_STREAM, "bytes that leave are those the receiver has to read")	\
	X(I1_READ, "the receiver reads all of them, and nothing else")	\
	X(I2_SEQ, "sequence numbers are translated by what left before them") \
	X(I2_ACK, "an acknowledgement passes on what the receiver said") \
	X(I3_KEPT, "what is acknowledged for the receiver is kept until it has it") \
	X(I4_BELOW, "nothing below the receiver's acknowledgement leaves") \
	X(I5_OPAQUE, "nothing becomes opaque without a cause")		\
	X(I7_MEMORY, "memory is accounted, bounded, and given back")	\
	X(ACK_MONOTONE, "acknowledgements never retreat")		\
	X(EDGE_MONOTONE, "right edges never retreat")			\
	X(EDGE_KEPT, "no right edge beyond what the receiver has room for") \
	X(ACK_OF_NOTHING, "nothing is acknowledged that never came")	\
	X(SACK_OF_NOTHING, "nothing is SACKed that never came")		\
	X(SACK_SHAPE, "SACK blocks are whole and stand behind the acknowledgement") \
	X(FIN_ACK, "nobody but the receiver acknowledges FIN")		\
	X(FIN_PLACE, "FIN leaves behind the last byte, and as often as it came") \
	X(WINDOW, "the receiver's window is never overrun")		\
	X(MSS, "own segments fit the receiver's MSS")			\
	X(TIMESTAMP, "own segments have the newest timestamps")		\
	X(CONNTRACK, "conntrack's window tracking takes every packet")	\
	X(CT_IDLE, "conntrack does not think that an idle connection waits") \
	X(AMPLIFIED, "a repeat makes us send no more than it or a segment") \
	X(RESEND_IDLE, "nothing is sent again where nothing was lost")	\
	X(SENDER_RTO, "no sender times out where nothing was lost")	\
	X(STALL, "what stands still is not our doing")			\
	X(FINISH, "every connection comes to its end")			\
	X(CLOSE, "both ends close cleanly")				\
	X(ENGINE, "the engine's answer is one that can be carried out")	\
	X(PLAN, "a schedule has what it must have")

enum invariant {
#define X(id, text) INV_##id,
	INVARIANTS(X)
#undef X
	INV_MAX,
};

/* A range of offsets; and sets of them, with all below @low in. */
#define RANGES_MAX 1024

struct range {
	u32 from;
	u32 to;
};

struct cover {
	u32 low;
	u32 nr;
	struct range r[RANGES_MAX];
};

bool cover_add(struct cover *c, u32 from, u32 to);
bool cover_has(const struct cover *c, u32 from, u32 to);
u32 cover_top(const struct cover *c);

/* text.c: messages as written, and as they have to be read. */
#define PHRASE_MAX 24
#define VARIANTS 4
#define MARKS_MAX 12
#define DIGITS 7

/**
 * struct text - bytes with places for a number
 * @p: the bytes
 * @len: how many
 * @mark: where the number stands
 * @nr_marks: how often
 */
struct text {
	char *p;
	u32 len;
	u32 mark[MARKS_MAX];
	u32 nr_marks;
};

/**
 * struct phrase - a message
 * @dir: who says it
 * @need: bytes that are judged as a whole; the rest streams through
 * @raw: as written; @need bytes of it
 * @full: as it has to be read
 * @part: the same where memory for its description was short
 * @body: what streams through behind
 */
struct phrase {
	u8 dir;
	u32 need;
	struct text raw;
	struct text full;
	struct text part;
	struct text body;
};

struct book {
	struct nst_natmap map;
	struct phrase phrase[PHRASE_MAX];
	u32 nr;
	u32 of[2][PHRASE_MAX];
	u32 nr_of[2];
};

extern struct book book[VARIANTS];
void books_write(void);
u32 text_put(char *to, const struct text *t, u32 nr);

/* Which of its forms a piece may take. */
#define FORM_FULL 1
#define FORM_PART 2
#define FORM_RAW 4

/**
 * struct piece - consecutive bytes and what has to become of them
 * @orig: where they begin, as written
 * @len: how many
 * @fresh: where, as read; once all before it are settled
 * @fresh_len: how many, once this is settled
 * @forms: what they may become
 * @phrase: the message, or NULL: they pass
 * @nr: its number
 * @changed: they become others
 */
struct piece {
	u32 orig;
	u32 len;
	u32 fresh;
	u32 fresh_len;
	u8 forms;
	const struct phrase *phrase;
	u32 nr;
	bool changed;
};

#define PIECES_MAX 4096

/**
 * struct side - what is known of one direction, by watching
 * @piece: all that was written
 * @nr_pieces: how many
 * @settled: so many have one form
 * @expect: what has to be read, of settled pieces
 * @expect_len: how much
 * @expect_cap: room
 * @raw_now: only raw ones from here on
 * @came: what reached the gateway, orig
 * @fin_came: FIN did, and stands there
 * @sent: what left the gateway, new
 * @sent_fin: FIN left, and stands there (new); 0: none
 * @shown: the highest number that any segment behind the gateway had, without
 *	bytes, too
 * @told_ack: receiver's acknowledgement that reached the gateway, new
 * @told_edge: right edge that did
 * @told_win: window that did last
 * @edge_most: the same in numbers of the sender, at most
 * @given_ack: acknowledgement given to the sender, orig
 * @given_edge: right edge given
 * @given_sack: highest SACK edge given
 * @tsval: newest TSval that reached the gateway
 * @ts_low: newest of those that left no gap
 * @ts_seen: one did
 * @segments: data segments that did
 * @changes: size changes written
 * @largest: payload of the sender's largest segment
 * @path: most that an ICMP error left for payload, 0: none since the sender knows better
 * @heard_at: when its receiver took some of it, or said that it has no room
 * @path_from: what lies behind this it has written knowing of it
 */
struct side {
	struct piece piece[PIECES_MAX];
	u32 nr_pieces;
	u32 settled;
	char *expect;
	u32 expect_len;
	u32 expect_cap;
	bool raw_now;
	struct cover came;
	s64 fin_came;
	struct cover sent;
	s64 sent_fin;
	s64 shown;
	s64 told_ack;
	s64 told_edge;
	u32 told_win;
	s64 edge_most;
	s64 given_ack;
	s64 given_edge;
	u32 tsval;
	u32 ts_low;
	bool ts_seen;
	u32 segments;
	u32 changes;
	u32 largest;
	u32 path;
	s64 path_from;
	u64 heard_at;
};

/* ct.c: conntrack as tcp_in_window() has it. */
struct ct_side {
	u32 td_end;
	u32 td_maxend;
	u32 td_maxwin;
	u32 td_maxack;
	u8 td_scale;
	u8 flags;
	struct nst_publish pub;
};

enum ct_result {
	CT_ACCEPT,
	CT_IGNORE,
	CT_INVALID,
};

struct ct {
	struct ct_side seen[2];
	u8 state;
	u8 last_dir;
	u8 last_index;
	u32 last_seq;
	u32 last_ack;
	u32 last_end;
	u16 last_win;
	u8 retrans;
	const char *why;
	u32 by;
};

enum ct_result ct_packet(struct ct *ct, const struct nst_segment *s);
bool ct_waits(const struct ct *ct);

/* tcp*.c: an end. */
enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RCVD,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSING,
	TCP_TIME_WAIT,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
};

/**
 * struct end - one end of the connection
 *
 * Settings:
 * @iss: initial sequence number
 * @mss: its MSS option
 * @tso: largest packet it gives to the wire, 0: a segment
 * @wscale: its shift count, 0xff: no option
 * @ts: timestamps
 * @sack: SACK
 * @dsack: duplicates are reported (RFC 2883)
 * @trust_sack: what was SACKed is not sent again, time-out or not
 * @nagle: RFC 9293 3.7.4
 * @byte_probe: windows are probed with a byte, not with an old number
 * @piecemeal: repeats go out in pieces of another size
 * @space: receive buffer
 * @delack: ms
 * @rto_min: ms
 *
 * Sending, offsets of what was written; FIN counts for one:
 * @out: bytes
 * @out_len: how many
 * @out_cap: room
 * @fin: nothing comes behind
 * @fin_beyond: it went out in front of a window that was shut
 * @una: oldest not acknowledged
 * @nxt: next to send
 * @max: highest one sent
 * @edge: right edge, @wl1, @wl2: RFC 9293 3.10.7.4
 * @max_wnd: largest window
 * @eff: payload of a full segment
 * @cwnd: congestion window, @ssthresh, @dupacks, @recover: RFC 5681, 6582
 * @recovery: in fast recovery
 * @sacked: scoreboard of RFC 6675, @rexmit its HighRxt
 * @rto: time-out, @srtt, @rttvar: RFC 6298; times 8, times 4
 * @timed: offset whose acknowledgement is timed, since @timed_at
 * @rtos: time-outs so far
 * @fast: fast retransmits so far
 */
struct end {
	u32 iss;
	u16 mss;
	u32 tso;
	u8 wscale;
	bool ts;
	bool sack;
	bool dsack;
	bool trust_sack;
	bool nagle;
	bool byte_probe;
	bool piecemeal;
	u32 space;
	u32 delack;
	u32 rto_min;

	enum tcp_state state;
	char *out;
	u32 out_len;
	u32 out_cap;
	bool fin;
	bool fin_beyond;
	s64 una;
	s64 nxt;
	s64 max;
	s64 edge;
	s64 wl1;
	s64 wl2;
	u32 max_wnd;
	u8 shift;
	u32 eff;
	u32 cwnd;
	u32 ssthresh;
	u32 dupacks;
	s64 recover;
	bool recovery;
	struct cover sacked;
	s64 rexmit;
	u32 rto;
	u32 srtt;
	u32 rttvar;
	s64 timed;
	u64 timed_at;
	u64 rto_at;
	u64 persist_at;
	u32 backoff;
	u64 keep_at;
	u32 rtos;
	u32 fast;

	/* Receiving. */
	u32 irs;
	bool peer_known;
	struct cover got;
	char *in;
	u32 in_cap;
	s64 rcv_nxt;
	s64 adv;
	s64 fin_at;
	u32 taken;
	u32 ts_recent;
	s64 last_ack;
	u64 delack_at;
	u32 unacked;
	struct range dup;
	u32 recent[3];
	u64 wait_at;
	bool reset;
	bool aborted;
	u64 rst_at;
	u32 rsts;
	u32 tries;
};

struct sim;
void end_open(struct sim *s, u8 e);
void end_write(struct sim *s, u8 e, const char *p, u32 len);
void end_close(struct sim *s, u8 e);
void end_abort(struct sim *s, u8 e);
void end_read(struct sim *s, u8 e, u32 len);
void end_icmp(struct sim *s, u8 e, const struct nst_icmp *error);
void end_keepalive(struct sim *s, u8 e, u32 garbage);
void end_input(struct sim *s, u8 e, const struct nst_segment *seg, const char *data);
void end_timer(struct sim *s, u8 e);
u64 end_due(const struct end *p);
void end_free(struct end *p);
/* tcp_out.c */
void end_output(struct sim *s, u8 e);
void end_send(struct sim *s, u8 e, u8 flags, s64 at, u32 len);
void end_ack(struct sim *s, u8 e);
void end_rearm(struct sim *s, struct end *p);
void end_timeout(struct sim *s, u8 e);
void end_take_ack(struct sim *s, u8 e, const struct nst_segment *seg);
u32 ts_now(const struct sim *s, u8 e);
s64 end_of_stream(const struct end *p);

/* What everybody believes of an ICMP error at least: payload and TCP options. */
#define PATH_LEAST 472
#define JUNK_MAX 300

/* wire.c */
struct packet {
	u64 at;
	u64 nr;
	u32 room;
	u8 wire;
	bool again;
	bool is_error;
	struct nst_icmp error;
	struct nst_segment seg;
	struct packet *next;
	char data[];
};

/**
 * struct wire - from an end to the gateway, or from there to an end
 * @delay: ms
 * @jitter: up to so many ms more, now and then
 * @loss: of a thousand
 * @dup: of a thousand
 * @late: of a thousand come so late that others overtake them
 * @split: of a thousand are cut
 * @gro: what fits together becomes one
 * @lost: were
 */
struct wire {
	u32 delay;
	u32 jitter;
	u32 loss;
	u32 dup;
	u32 late;
	u32 split;
	bool gro;
	u32 lost;
};

struct heap {
	struct packet **p;
	u32 nr;
	u32 cap;
};

void wire_send(struct sim *s, u8 wire, const struct nst_segment *seg, const char *data);
void wire_deliver(struct sim *s);
void wire_flush(struct sim *s, u8 dir);
void wire_put(struct sim *s, struct packet *p);
struct packet *packet_new(struct sim *s, u32 len);
void packet_free(struct sim *s, struct packet *p);

/* env.c: surroundings of the engine. */
#define ENV_PORTS 512

struct env_port {
	const struct nst_holder *holder;
	u8 transport;
	struct nst_endpoint ep;
	bool open;
};

struct env {
	struct nst_env env;
	struct nst_host host;
	u32 host_refs;
	size_t live;
	u32 allocs;
	u32 fail_at;
	bool locked;
	u32 count[NST_R_MAX];
	u32 nr_ports;
	struct env_port port[ENV_PORTS];
};

void env_open(struct env *v);
/** env_close - ends all calls.  Return: bytes still allocated. */
size_t env_close(struct env *v);
void env_work(struct env *v, struct nst_work *work);

/* How a schedule ends. */
enum ending {
	END_FIN_FIRST,		/* the client closes, then the server */
	END_FIN_SECOND,		/* the other way round */
	END_FIN_BOTH,		/* both at once */
	END_HALF_CLIENT,	/* the client closes, the server goes on */
	END_HALF_SERVER,
	END_RST,		/* one of them aborts */
	END_RST_IN_DATA,	/* with bytes under way */
	END_CUT,		/* FIN in the middle of a message */
	END_IDLE,		/* neither */
	ENDINGS,
	END_VANISH,		/* one of them is gone and says nothing */
};

/**
 * struct writer - an application
 * @at: when it writes again
 * @messages: written so far
 * @text: what it is about to write
 * @text_len: how much
 * @pos: how much of it is written
 * @pause: longest pause, ms
 * @cut: of a hundred writes end within a message
 * @done: all is written
 * @read_at: when it reads again
 * @read_step: so much at once, 0: all
 * @read_pause: so often, ms
 * @extra: messages still to come behind the others
 */
struct writer {
	u64 at;
	u32 messages;
	char *text;
	u32 text_len;
	u32 pos;
	u32 pause;
	u32 cut;
	bool done;
	u64 read_at;
	u32 read_step;
	u32 read_pause;
	u32 extra;
};

/**
 * struct trouble - see trouble.c
 * @path: by direction: most that gets through behind the gateway, payload and
 *	TCP options; 0: all
 * @path_from: and since which segment of the sender
 * @path_silent: of a thousand ICMP errors that are not sent
 * @path_unsaid: they do not say what gets through
 * @forged: of a thousand segments that make somebody forge an error
 * @replay: of a thousand packets that come again, much later
 * @junk: by end: which of its messages is none, less one; 0: all are
 * @vanished: an end is gone
 */
struct trouble {
	u32 path[2];
	u32 path_from[2];
	u32 path_silent;
	bool path_unsaid;
	u32 forged;
	u32 replay;
	u32 junk[2];
	bool vanished;
};

struct rung {
	u64 at;
	u8 wire;
	char what;
	struct nst_segment seg;
};

/* Segments of one step. */
#define DEFERRED_MAX 1024

/**
 * struct sim - a schedule
 * @quiet_wires: nothing is lost, late, twice or out of order
 * @oom: one step in so many finds no memory, 0: none
 * @contradict: repeats bring other bytes
 * @settings: they change
 * @may_opaque: a cause for it is part of the plan
 * @urgent: now and then a segment is
 * @ecn: acknowledgements echo congestion
 * @junk_at: message in whose place something else comes, 0: never
 * @opaque_at: messages until step_opaque(), 0: never
 * @hold_max: the largest so far
 */
struct sim {
	u64 seed;
	u64 dice;
	u64 fate;
	u64 now;
	u64 nr;
	jmp_buf *out;
	enum invariant broken;
	char broken_text[200];

	struct trouble trouble;
	bool quiet_wires;
	u32 oom;
	bool contradict;
	bool settings;
	bool may_opaque;
	bool slow_reader;
	bool urgent;
	bool ecn;
	u32 junk_at;
	u32 opaque_at;
	u32 hold_max;
	u32 variant;
	enum ending ending;
	u32 stage;
	u64 stage_at;

	struct end end[2];
	struct writer writer[2];
	struct side side[2];
	struct wire wire[4];
	struct heap heap;
	struct packet *gro[2];
	struct packet *pool[2];
	struct ct ct;
	struct env env;
	struct nst_conn conn;
	u64 timer;
	u64 timer_moved;
	bool own_last;
	bool closing;
	bool rst;
	bool rst_of_end;
	u64 last_progress;
	u64 quiet_from;

	/* Of the step at hand. */
	const struct nst_segment *seg;
	bool seg_is_repeat;
	s64 top[2];
	u32 resent[2];
	struct deferred {
		u8 dir;
		u32 at;
		u32 len;
		const char *data;
	} deferred[DEFERRED_MAX];
	u32 nr_deferred;
	u32 resends;

	struct rung *rung;
	u32 rungs;
	u32 nr_rungs;
	u64 packets;
	u64 sends;
	u64 events;
};

void sim_fail(struct sim *s, enum invariant inv, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void sim_note(struct sim *s, u8 wire, const struct nst_segment *seg, char what);
void sim_ladder(const struct sim *s, FILE *to);
const char *invariant_name(enum invariant inv);
const char *invariant_text(enum invariant inv);

/* What a check that is to be passed over is called: -x NAME. */
extern bool skip_check[INV_MAX];
extern bool show_flows;

/* Something befalls each connection, not one in a few: sim -t. */
extern bool all_troubled;

#define must(s, inv, cond, ...)						\
	do {								\
		if (!(cond) && !skip_check[INV_##inv])			\
			sim_fail(s, INV_##inv, __VA_ARGS__);		\
	} while (0)

/* plan.c */
void plan_make(struct sim *s);
u64 plan_due(const struct sim *s);
void plan_step(struct sim *s);
bool plan_over(const struct sim *s);
/* run.c */
struct sim *sim_new(u32 rungs);
/* Return: true where every invariant held. */
bool sim_run(struct sim *s, u64 seed);
void sim_delete(struct sim *s);

/* trouble.c */
void trouble_plan(struct sim *s);
u32 trouble_junk(struct sim *s, u8 e, char *to);
bool trouble_path(struct sim *s, u8 wire, const struct nst_segment *seg);
u64 trouble_again(struct sim *s, u8 wire);
void trouble_vanish(struct sim *s);
bool trouble_tired(struct sim *s, u8 e);

/* gate.c */
void gate_icmp(struct sim *s, struct packet *p);
void gate_packet(struct sim *s, struct packet *p);
void gate_timer(struct sim *s);
void gate_opaque(struct sim *s);

/* judge*.c */
void judge_written(struct sim *s, u8 dir, const struct phrase *ph, u32 nr, u32 len);
void judge_arrival(struct sim *s, const struct nst_segment *seg);
void judge_departure(struct sim *s, const struct nst_segment *seg, const char *data, bool own);
void judge_step(struct sim *s);
void judge_closing(struct sim *s, bool closing);
void judge_error(struct sim *s);
void judge_error_passed(struct sim *s, const struct nst_icmp *e, const struct nst_icmp *was,
			bool same);
void judge_error_answered(struct sim *s, const struct nst_icmp *e);
void judge_idle(struct sim *s);
void judge_end(struct sim *s);
bool judge_bytes(struct sim *s, u8 dir, u32 off, const char *data, u32 len);
void settle_pieces(struct sim *s, u8 dir);
s64 orig_floor(const struct side *d, s64 fresh);
s64 orig_ceil(const struct side *d, s64 fresh);
s64 fresh_floor(const struct side *d, s64 orig);
s64 fresh_ceil(const struct side *d, s64 orig);
s64 edge_ceil(const struct side *d);
bool judge_constant(const struct sim *s);

static inline u32 dice(struct sim *s, u32 below)
{
	u64 z = s->dice += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (u32)((z ^ (z >> 31)) >> 16) % below;
}

static inline bool chance(struct sim *s, u32 of_thousand)
{
	return of_thousand && dice(s, 1000) < of_thousand;
}

/* How far a number lies behind another one, in sequence space. */
static inline s64 distance(u32 from, u32 to)
{
	u32 d = to - from;

	return d < 0x80000000u ? (s64)d : (s64)d - 0x100000000ll;
}

/* Offset of a number in the stream of an end: 0 is the first byte behind SYN. */
static inline s64 offset_of(const struct sim *s, u8 dir, u32 seq)
{
	return distance(s->end[dir].iss + 1, seq);
}

static inline u64 sooner(u64 a, u64 b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

#endif
