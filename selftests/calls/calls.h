/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generated call flows: user agents inside and outside, the core in between,
 * and a model that knows the flows, because they were made here, and says
 * after each message which calls live and which public ports must be there.
 *
 *   run.c     a seed: hosts, connections, flows in random interleaving, time
 *   ring.c    calls until they are answered       talk.c  and from then on
 *   answer.c  answers to requests that wait
 *   reg.c     registrations                       stray.c what must do nothing
 *   desc.c    session descriptions: offers, answers, how they change
 *   text.c    a message as each side of the NAT must see it
 *   env.c     the core's surroundings; books of the public ports it was given
 *   model.c   what a message, or time, means for a call
 *   signal.c  the same for signalling doors and bindings
 *   judge.c   books against model
 *   script.c  a seed written down, for call_flows.py to play to a kernel
 *
 * Model and texts use types of the core and none of its functions.
 */
#ifndef SELFTESTS_CALLS_H
#define SELFTESTS_CALLS_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <nf_nat_sip_tcp/contact.h>
#include <nf_nat_sip_tcp/message.h>

typedef int8_t s8;

#define HOSTS 4
#define PEERS 4
#define CONNS 24
#define CALLS 24
#define REGS 6
#define LEGS 3
#define MEDIA 4
#define TXNS 60
#define DOORS 72
#define BOOKS 2048
#define LISTENS 48
#define TEXT 8192

/* X(id, name, meaning) */
#define INVARIANTS(X)							\
	X(CALL_LIVES, "call_lives", "a call is followed until it is over, and not longer") \
	X(DOOR_EARLY, "door_early", "no door is open before its offer was answered (I6)") \
	X(DOOR_LOST, "door_lost", "a door is there, and open, while its call needs it (D4)") \
	X(DOOR_STAYS, "door_stays", "no port is kept that no call and no binding needs (D5)") \
	X(PORT_STABLE, "port_stable", "an inside endpoint keeps its public port (R7)") \
	X(LEADS, "leads", "a door leads to the host that named it, and there to what it named (P3)") \
	X(FILTER, "filter", "a door lets in who the answer says (D7)")	\
	X(TEXT, "text", "a message says the reserved ports, and is else the same (R6)") \
	X(REPEAT, "repeat", "a repeated message changes nothing")	\
	X(BINDING, "binding", "a binding lives for as long as it was granted (D3)") \
	X(LEFT, "left", "in the end no call, binding, port or memory is left (D4)")

enum invariant {
	INV_NONE,
#define X(id, name, text) INV_##id,
	INVARIANTS(X)
#undef X
	INV_MAX,
};

enum side { IN, OUT };

enum kind { AUDIO, VIDEO, FAX };
enum rtcp { RTCP_NEXT, RTCP_NAMED, RTCP_APART, RTCP_SAME, RTCP_NONE };
enum hold { HOLD_NOT, HOLD_ZERO, HOLD_SENDONLY, HOLD_INACTIVE };

/**
 * struct medium - a medium of a description
 * @kind: what it is
 * @port: where it is wanted; 0: refused or removed
 * @rtcp: how its RTCP is told
 * @rtcp_port: where that is wanted
 * @mux: says a=rtcp-mux
 * @conn: has a c= line of its own
 */
struct medium {
	u8 kind;
	u16 port;
	u8 rtcp;
	u16 rtcp_port;
	bool mux;
	bool conn;
};

/**
 * struct desc - a session description
 * @there: there is one
 * @name: says a host name instead of @addr
 * @addr: where the media are wanted
 * @hold: on hold, and how that is said
 * @version: of o=
 * @nr: media
 */
struct desc {
	bool there;
	bool name;
	struct nst_addr addr;
	u8 hold;
	u32 version;
	u8 nr;
	struct medium m[MEDIA];
};

/**
 * struct host - an inside host
 * @addr: its address
 * @listen: port that it listens on
 * @next: its next media port
 * @one_port: all of its calls use the same media ports
 */
struct host {
	struct nst_addr addr;
	u16 listen;
	u16 next;
	bool one_port;
};

/**
 * struct conn - a connection between an inside host and a peer
 * @alive: it is there
 * @host: of the inside
 * @peer: of the outside
 * @end: which end of @map is inside
 * @id: as the core knows it
 * @port: of the inside end
 * @public: that port outside
 * @pub: public address, by number
 */
struct conn {
	bool alive;
	u8 host;
	u8 peer;
	u8 end;
	u64 id;
	struct nst_natmap map;
	struct nst_talker talker;
	u16 port;
	u16 public;
	u8 pub;
};

/**
 * struct txn - a request and what became of it
 * @used: there is one
 * @method: enum sip_method
 * @from: who sent it
 * @cseq: its number
 * @branch: of its Via
 * @conn: it went by it
 * @conn_id: which had this identity then
 * @leg: dialog, or -1
 * @initial: INVITE that begins the call
 * @rung: a response above 100 was sent
 * @done: a final response was sent, or there will be none
 * @ok: that was a 2xx
 * @acked: and the ACK followed
 * @glare: crosses one of the other side
 * @lost: will never be answered
 * @offer: description of the request
 * @counter: description of a response, where the request had none
 * @again: challenged, and to be sent again
 * @said: the peer's description in it, which counts if it succeeds
 * @said_at: in the order of messages
 */
struct txn {
	bool used;
	u8 method;
	u8 from;
	u32 cseq;
	u32 branch;
	struct conn *conn;
	u64 conn_id;
	s8 leg;
	bool initial;
	bool rung;
	bool done;
	bool ok;
	bool acked;
	bool glare;
	bool lost;
	struct desc offer;
	struct desc counter;
	bool again;
	struct desc said;
	u64 said_at;
};

enum leg_state { LEG_EARLY, LEG_UP, LEG_GONE };

/**
 * struct leg - a dialog
 * @tag: of the called party
 * @state: enum leg_state, as the model has it
 * @ua: the same, as the user agents do
 * @since: when it was accepted, in the order of messages
 * @updated: its media were settled anew since the INVITE was answered
 * @answered: an answer to the INVITE's offer was sent in a 1xx
 * @reliable: that was sent reliably and acknowledged, so it is final
 * @rel: a reliable 1xx waits for its PRACK
 * @rel_offer: it carries an offer
 * @settled: offer and answer are exchanged
 * @acked: the ACK was sent
 * @said: last description of the called party in a response to the INVITE
 * @heard: last description of the peer
 * @agreed: the same, but nothing that was refused
 * @agreed_at: in the order of messages
 * @bye_due: BYE of each side is taken for answered then; 0: none under way
 * @session: the session expires then (RFC 4028); 0: never
 * @session_s: how long it is granted for
 */
struct leg {
	u32 tag;
	u8 state;
	u8 ua;
	u64 since;
	bool updated;
	bool answered;
	bool reliable;
	bool rel;
	bool rel_offer;
	bool settled;
	bool acked;
	struct desc said;
	struct desc heard;
	struct desc agreed;
	u64 agreed_at;
	u64 bye_due[2];
	u64 session;
	u32 session_s;
};

/**
 * struct door - a public port as the model has it
 * @nr: number, for who plays a script
 * @pub: public address, by number
 * @inside: port where it leads
 * @public: public port
 * @open: lets packets in
 * @kept: belongs to what was agreed, open or not
 * @media: index of its medium
 * @rtcp: is for RTCP
 * @offers: transactions whose answer would open it, by place in the call
 * @filter: who may send
 * @moved: place of the INVITE whose 1xx has moved the filter; -1: none
 * @before: what the filter was before that
 * @named: by the message in hand
 * @fresh: and new with it
 */
struct door {
	u32 nr;
	u8 pub;
	u16 inside;
	u16 public;
	bool open;
	bool kept;
	u8 media;
	bool rtcp;
	u64 offers;
	struct nst_endpoint filter;
	s8 moved;
	struct nst_endpoint before;
	bool named;
	bool fresh;
};

/**
 * struct listen - a signalling door as the model has it
 * @used: there is one
 * @nr: number, for who plays a script
 * @host: where it leads
 * @pub: public address, by number
 * @inside: port there
 * @public: public port
 * @peer: who may connect; family 0: everybody
 * @open: for TCP and for UDP
 * @udp: has a port for UDP, too
 * @users: calls and bindings that need it
 */
struct listen {
	bool used;
	u32 nr;
	u8 host;
	u8 pub;
	u16 inside;
	u16 public;
	struct nst_addr peer;
	bool open[2];
	bool udp;
	u32 users;
};

#define USES 2

/**
 * struct use - a signalling door that a call needs
 * @door: it, or NULL
 * @branch: request that names it and waits for its answer; 0: none
 * @settled: an answer has confirmed it
 */
struct use {
	struct listen *door;
	u32 branch;
	bool settled;
};

enum phase { IDLE, RING, TALK, WAIT, OVER };
enum plan { ANSWER, BUSY, CANCEL, CANCEL_LATE, LOST, VANISH };

/**
 * struct call - a call, as its user agents and the model know it
 * @used: there is one
 * @nr: number, for the ladder
 * @host: inside host
 * @caller: enum side
 * @id: number of its Call-ID
 * @tag: of the calling party
 * @conn: where its next request goes
 * @conn_id: which had this identity then
 * @phase: where its flow is
 * @plan: what shall become of it
 * @budget: how much happens before it goes on
 * @challenges: how often it may be challenged
 * @legs: dialogs, @nr_legs of them
 * @main: the one that is kept
 * @cseq: of each side
 * @version: of each side's descriptions
 * @mine: the inside's description
 * @txn: its transactions
 * @replaces: call that it takes the place of, or NULL
 * @transfer: a REFER was sent; its BYE follows
 * @listens: names the host's listening port in its Contact
 * @udp: with transport=udp
 * @media: flows
 * @rung: some response above 100 was sent
 * @live: model: is followed
 * @up: model: was answered
 * @expires: model: time when it is over without signalling
 * @talker: model: connection that spoke for it last, by identity; 0: none
 * @quiet: model: neither message nor media since then, without a connection
 * @followed: model: dialog whose description the filters follow; -1: none
 * @followed_before: what that was before the 1xx to an INVITE changed it
 * @followed_txn: place of that INVITE; -1: none
 * @door: model: its public ports, @nr_doors of them
 * @holder: what the core has for it
 * @uses: model: signalling doors that it needs
 * @core_live: the core follows it
 * @twice: or did so with two of its own, as it had missed something
 */
struct call {
	bool used;
	u32 nr;
	u8 host;
	u8 caller;
	u32 id;
	u32 tag;
	struct conn *conn;
	u64 conn_id;
	u8 phase;
	u8 plan;
	u8 budget;
	u8 challenges;
	struct leg legs[LEGS];
	u8 nr_legs;
	s8 main;
	u32 cseq[2];
	u32 version[2];
	struct desc mine;
	struct txn txn[TXNS];
	struct call *replaces;
	bool transfer;
	bool listens;
	bool udp;
	bool media;
	bool rung;
	bool live;
	bool up;
	u64 expires;
	u64 talker;
	u64 quiet;
	s8 followed;
	s8 followed_before;
	s8 followed_txn;
	struct door door[DOORS];
	u8 nr_doors;
	const void *holder;
	struct use uses[USES];
	bool core_live;
	bool twice;
};

/**
 * struct msg - a message
 * @c: its call
 * @t: its transaction
 * @conn: where it goes
 * @from: who sends it
 * @method: of an ACK or CANCEL, which are part of another's transaction; 0:
 *	that of @t
 * @status: 0: a request
 * @leg: dialog, or -1
 * @desc: description, or NULL
 * @answer: @desc answers an offer
 * @contact: has a Contact
 * @session: Session-Expires, s; 0: none
 * @more: header lines that are the same on both sides
 * @strange: a tag, branch or Call-ID that nobody knows: it means nothing
 * @again: it was sent before
 * @reg: address-of-record whose Contacts it has, or NULL
 * @left: result: the description passed as it was
 */
struct msg {
	struct call *c;
	struct txn *t;
	struct conn *conn;
	u8 from;
	u8 method;
	u16 status;
	s8 leg;
	const struct desc *desc;
	bool answer;
	bool contact;
	u32 session;
	const char *more;
	u8 strange;
	bool again;
	struct reg *reg;
	bool left;
};

#define VALUES 3
#define BINDINGS 16

/**
 * struct value - a Contact of a REGISTER, or of the answer to one
 * @user: number of its user part
 * @udp: with transport=udp
 * @expires: parameter
 */
struct value {
	u32 user;
	bool udp;
	u32 expires;
};

/**
 * struct binding - a binding as the model has it
 * @used: there is one
 * @user: of its Contact
 * @peer: registrar
 * @door: where it leads
 * @active: was granted
 * @expires: is over then
 * @branch: REGISTER under way; 0: none
 * @asked: when that was sent
 * @removes: it asks to remove it
 */
struct binding {
	bool used;
	u32 user;
	u8 peer;
	struct listen *door;
	bool active;
	u64 expires;
	u32 branch;
	u64 asked;
	bool removes;
};

/**
 * struct reg - an address-of-record that an inside host registers
 * @used: there is one
 * @c: what its messages have in common with those of calls
 * @budget: how many REGISTERs follow
 * @t: the one under way, or NULL
 * @star: it says "Contact: *"
 * @value: Contacts of the message in hand, @nr of them
 * @asked: those of the REGISTER, @nr_asked of them
 * @binding: model: its bindings
 */
struct reg {
	bool used;
	struct call c;
	u8 budget;
	struct txn *t;
	bool star;
	struct value value[BINDINGS];
	u8 nr;
	struct value asked[VALUES];
	u8 nr_asked;
	struct binding binding[BINDINGS];
};

enum strange { STRANGE_NOT, STRANGE_BRANCH, STRANGE_TAG, STRANGE_ID, STRANGE_CONN };

/**
 * struct book - a public port that the core was given
 * @holder: whose it is; NULL: free
 * @call: call whose message asked for it, or NULL
 * @transport: enum nst_transport
 * @inside: where it leads
 * @public: what it is
 * @open: lets packets in
 * @filter: who may send
 */
struct book {
	const struct nst_holder *holder;
	struct call *call;
	u8 transport;
	struct nst_endpoint inside;
	struct nst_endpoint public;
	bool open;
	struct nst_endpoint filter;
};

/**
 * struct seed - all of it
 * @number: what it is made from
 * @rnd: state of the generator of random numbers
 * @verbose: print the ladder
 * @script: print what happens as a script
 * @marks: texts have marks instead of ports
 * @place: of the seed among those of a script
 * @broken: invariant that does not hold, and @why
 * @end: where to go then
 * @env: what the core sees
 * @now: ms
 * @lean: allocations fail: no more is asked than that nothing goes wrong
 * @v6: IPv6
 * @no_port: one in so many requests for ports is refused; 0: none
 * @no_mem: the same for memory
 * @refused: requests for media refused while the message in hand was processed
 * @no_door: the same for signalling
 * @hand: the call whose message is in hand
 * @locked: the calls lock is held
 * @live: bytes
 * @live_calls: calls of the core
 * @hosts: inside hosts, @nr_hosts of them
 * @peer: outside addresses, @nr_peers of them
 * @server: addresses of media servers
 * @pub: public addresses
 * @next_door: numbers of doors, @next_listen: of signalling doors
 * @flows: flows begun
 * @messages: messages sent
 * @doors: ports given
 * @count: reasons counted by the core
 * @wrote: message in hand, for a script, as its sender writes it
 * @read: as it must be read
 */
struct seed {
	u64 number;
	u64 rnd;
	bool verbose;
	bool script;
	bool marks;
	u32 place;
	enum invariant broken;
	char why[256];
	jmp_buf end;
	struct nst_env env;
	u64 now;
	bool lean;
	bool v6;
	u32 no_port;
	u32 no_mem;
	u32 refused;
	u32 no_door;
	struct reg reg[REGS];
	struct call *hand;
	struct conn *hand_conn;
	bool locked;
	size_t live;
	u32 live_calls;
	struct host host[HOSTS];
	u8 nr_hosts;
	struct nst_host account[HOSTS];
	u32 account_refs[HOSTS];
	struct nst_addr peer[PEERS];
	struct nst_addr server[PEERS];
	u8 nr_peers;
	struct nst_addr pub[2];
	struct conn conn[CONNS];
	u64 next_conn;
	struct call call[CALLS];
	u32 next_call;
	u32 next_id;
	struct listen listen[LISTENS];
	u32 next_door;
	u32 next_listen;
	struct book book[BOOKS];
	u32 top;
	u32 flows;
	u64 messages;
	u64 doors;
	u64 count[NST_R_MAX];
	struct message_room room;
	char in[TEXT];
	char out[TEXT];
	char want[TEXT];
	char wrote[TEXT];
	char read[TEXT];
};

/* random numbers */
static inline u64 rnd_next(struct seed *s)
{
	u64 z = s->rnd += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/** below - a number less than @n */
static inline u32 below(struct seed *s, u32 n)
{
	return (u32)((rnd_next(s) >> 32) * n >> 32);
}

/** chance - true @percent times in a hundred */
static inline bool chance(struct seed *s, u32 percent)
{
	return below(s, 100) < percent;
}

static inline bool same_addr(const struct nst_addr *a, const struct nst_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static inline bool same_endpoint(const struct nst_endpoint *a, const struct nst_endpoint *b)
{
	return a->port == b->port && same_addr(&a->addr, &b->addr);
}

/* judge.c */
const char *invariant_name(enum invariant inv);
const char *invariant_text(enum invariant inv);
/** broken - an invariant does not hold: the seed ends here */
__attribute__((noreturn, format(printf, 3, 4)))
void broken(struct seed *s, enum invariant inv, const char *fmt, ...);
/** judge - books against model */
void judge(struct seed *s);
/** judge_end - is anything left? */
void judge_end(struct seed *s);
extern bool skip_check[INV_MAX];

/* env.c */
void env_open(struct seed *s);
void env_close(struct seed *s);
/** env_pass - a message goes through the core; the result is in @s->out */
void env_pass(struct seed *s, struct conn *conn, u8 from, const char *text, struct call *c);
/** env_look - the timer of calls and bindings */
void env_look(struct seed *s);
void env_talker_gone(struct seed *s, struct conn *conn);
struct book *book_of(struct seed *s, const struct call *c, u8 pub, u16 inside);

/* text.c */
/** text_make - a message as it is on the inside, or outside */
void text_make(struct seed *s, const struct msg *m, bool public, char *out);
void text_addr(char *out, const struct nst_addr *addr);
const char *method_name(u8 method);
/** text_line - a message on one line of the ladder */
void text_line(const struct seed *s, const struct msg *m, char *out, size_t room);

/* desc.c */
void desc_offer(struct seed *s, struct call *c, u8 side, struct desc *d, const struct desc *last);
void desc_answer(struct seed *s, struct call *c, u8 side, struct desc *d,
		 const struct desc *offer, const struct desc *last);

#define ADDR_TEXT 64

/* signal.c, reg.c */
/** signal_names - the signalling doors that a message takes */
void signal_names(struct seed *s, struct msg *m);
/** signal_sent - what it means for those that its request has taken */
void signal_sent(struct seed *s, struct msg *m);
void signal_over(struct call *c);
u32 judge_signal(struct seed *s);
struct listen *listen_find(struct seed *s, const struct conn *conn, u16 inside);
struct listen *listen_take(struct seed *s, const struct conn *conn, u16 inside, bool udp);
void listen_open(struct listen *l);
void listen_put(struct listen *l);
void reg_names(struct seed *s, struct msg *m);
void reg_sent(struct seed *s, struct msg *m);
u32 regs_bindings(const struct seed *s);
void regs_look(struct seed *s);
void regs_begin(struct seed *s);
bool regs_left(const struct seed *s);
void regs_step(struct seed *s);
void regs_end(struct seed *s);

/* script.c */
void script_begin(struct seed *s);
void script_conn(struct seed *s, const struct conn *conn);
void script_conn_gone(struct seed *s, const struct conn *conn);
/** script_texts - render the message in hand, while its ports are known */
void script_texts(struct seed *s, const struct msg *m);
/** script_said - it was sent, and this is what it leads to */
void script_said(struct seed *s, const struct msg *m);
void script_end(struct seed *s);

/* model.c */
/** door_find - a call's door to that inside port */
struct door *door_find(struct call *c, u8 pub, u16 inside);
void model_begin(struct seed *s, struct call *c);
/** model_names - the ports that a message names; before it is sent */
bool model_names(struct seed *s, struct msg *m);
/** model_sent - what a message means, once the core has had it */
void model_sent(struct seed *s, struct msg *m);
void model_over(struct seed *s, struct call *c, const char *why);
void model_look(struct seed *s);
void model_conn_gone(struct seed *s, const struct conn *conn);
/** speaks - does it say anything about its call? */
bool speaks(const struct msg *m);
/** model_has - has each port of the inside's description a door already? */
bool model_has(struct call *c, const struct conn *conn, const struct desc *d);
/** is_gone - has its dialog ended? */
bool is_gone(const struct msg *m);

/* run.c */
bool seed_run(struct seed *s, u64 number);
/** send_msg - one message, with all that is asked of it */
void send_msg(struct seed *s, struct msg *m);
/** clock_pass - time passes, ms */
void clock_pass(struct seed *s, u64 ms);
struct conn *conn_for(struct seed *s, u8 host, const struct conn *other_than);
/** conn_to - one to this very peer */
struct conn *conn_to(struct seed *s, u8 host, u8 peer);
void conn_end(struct seed *s, struct conn *conn);
struct call *call_begin(struct seed *s, u8 host, u8 caller);
struct txn *txn_begin(struct seed *s, struct call *c, u8 method, u8 from, s8 leg);
bool txn_alive(const struct txn *t);
void say_ladder(const struct seed *s, const char *fmt, ...);

/* ring.c, talk.c, answer.c, stray.c */
bool call_connect(struct seed *s, struct call *c, bool other);
u32 pending(const struct call *c);
struct txn *initial_txn(struct call *c);
void send_request(struct seed *s, struct txn *t, struct call *c, struct msg m);
void respond(struct seed *s, struct call *c, struct txn *t, struct msg m);
void exchanged(struct call *c, u8 side, const struct desc *first, const struct desc *second);
const struct desc *last_desc(struct call *c, u8 side, s8 leg);
void ack_failure(struct seed *s, struct call *c, struct txn *t, s8 leg);
void ring_step(struct seed *s, struct call *c);
void invite(struct seed *s, struct call *c);
void talk_step(struct seed *s, struct call *c);
/** pending_answer - answer some request that waits; false: there is none */
bool pending_answer(struct seed *s, struct call *c);
void leg_ack(struct seed *s, struct call *c, struct txn *t, s8 leg);
void stray_step(struct seed *s);
s8 heard_at(const struct call *c, s8 leg);

#endif
