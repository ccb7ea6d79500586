/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ENV_H
#define NF_NAT_SIP_TCP_ENV_H

#include "addr.h"
#include "reasons.h"
#include "settings.h"

struct nst_bindings;
struct nst_calls;
struct nst_door;
struct nst_env;
struct nst_event;
struct nst_holder;

/* Room for all public ports that one media line can ask for. */
#define NST_PORT_COUNT_MAX 8

/**
 * enum nst_trace_id - what a line of the trace tells
 *
 * One line each; which members of &struct nst_trace carry the facts is said
 * behind each.
 */
enum nst_trace_id {
	NST_TRACE_RECEIVED,	/* n[0] bytes of the segment, dir */
	NST_TRACE_HEADER,	/* n[0] header block length */
	NST_TRACE_BODY,		/* n[0] body length */
	NST_TRACE_TOTAL,	/* n[0] message length */
	/* n[0] bytes held, n[1] missing of header (~0: unknown), n[2] of body */
	NST_TRACE_STATE,
	NST_TRACE_MESSAGES,	/* n[0] messages completed by this segment */
	NST_TRACE_METHOD,	/* index, text: method */
	NST_TRACE_STATUS,	/* index, n[0] status, text: method of CSeq */
	NST_TRACE_ADDR,		/* index, from, to, text: header or SDP line */
	NST_TRACE_CONTACT,	/* index, text: the Contact value */
	NST_TRACE_EXPIRES,	/* index, n[0] 1 where found, n[1] seconds */
	NST_TRACE_REGISTER,	/* index, n[0] 1 for REGISTER, n[1] doors made */
	NST_TRACE_BODY_FOUND,	/* index, text: Content-Type */
	NST_TRACE_MEDIA_LINES,	/* index, n[0] count */
	NST_TRACE_MEDIA,	/* index, from, to, text: media type */
	NST_TRACE_SDP_LEN,	/* index, n[0] old, n[1] new length */
	NST_TRACE_SENT,		/* n[0] bytes sent on for this segment, dir */
	NST_TRACE_DOOR,		/* from: public, to: inside, text: reserved/open/closed */
	NST_TRACE_CALL,		/* text: what became of the call */
	/* from: public, to: inside, reason, n[0] seconds, text: address-of-record */
	NST_TRACE_BINDING,
	NST_TRACE_OPAQUE,	/* reason */
	NST_TRACE_UNCHANGED,	/* index, reason: why a message passed unchanged */
};

/**
 * struct nst_trace - the facts of one line of the trace
 * @id: which line
 * @dir: direction of the segment, 0 original, 1 reply
 * @conn: identity of the connection, 0 where none is concerned
 * @index: number of the message in its segment, from 0
 * @reason: enum nst_reason
 * @n: numbers
 * @from: address before
 * @to: address after
 * @text: bytes of the packet; not terminated, to be printed escaped
 * @text_len: how many
 */
struct nst_trace {
	enum nst_trace_id id;
	u8 dir;
	u64 conn;
	u16 index;
	enum nst_reason reason;
	u32 n[3];
	struct nst_endpoint from;
	struct nst_endpoint to;
	const char *text;
	u32 text_len;
};

/**
 * struct nst_reserve - a request for public ports
 * @holder: who asks; the skin keeps its anchor there
 * @transport: enum nst_transport
 * @signalling: a door for SIP: it may lead to the ports where SIP is spoken,
 *	and nowhere else, and gets no media's rules (P3)
 * @inside: the inside endpoint of the first port
 * @public_addr: address on the outside
 * @count: how many consecutive ports, 1..NST_PORT_COUNT_MAX
 * @pair: the first public port must have the parity of the inside port
 * @wanted: exactly this public port or none; 0: any, the inside port if free
 * @own_port: where @signalling: source port of the connection that asks, on
 *	its inside
 * @peer: where @signalling: address of the other end of that connection
 * @public_port: the answer: first of @count consecutive public ports
 */
struct nst_reserve {
	struct nst_holder *holder;
	u8 transport;
	bool signalling;
	struct nst_endpoint inside;
	struct nst_addr public_addr;
	u8 count;
	bool pair;
	u16 wanted;
	u16 own_port;
	struct nst_addr peer;
	u16 public_port;
};

/**
 * struct nst_host - an inside host, as far as its share of the limits goes
 * @calls: its calls; under the calls lock
 * @bindings: its bindings; under the calls lock
 */
struct nst_host {
	u32 calls;
	u32 bindings;
};

/* What each connection may hold while others have to give up theirs. */
#define NST_GUARANTEE 4096

/**
 * struct nst_account - who memory is charged to, beside the namespace
 * @host: the inside host, or NULL
 * @conn: it is a connection's, which has NST_GUARANTEE
 * @used: bytes, in true size
 *
 * Protected by what protects its owner.
 */
struct nst_account {
	struct nst_host *host;
	bool conn;
	u32 used;
};

/**
 * enum nst_notice - what something is that user space may hear of
 * @NST_NOTICE_CALL: &struct nst_call: began, was answered, ended
 * @NST_NOTICE_BINDING: &struct nst_binding: was granted, ends
 * @NST_NOTICE_CONNECTION: &struct nst_conn: became opaque
 */
enum nst_notice {
	NST_NOTICE_CALL,
	NST_NOTICE_BINDING,
	NST_NOTICE_CONNECTION,
};

/**
 * struct nst_ops - what the core asks of its surroundings
 * @alloc: memory, not zeroed; NULL where there is none.  May fail at any time.
 * @free: gives back what @alloc gave, with the same length
 * @alloc_for: the same, charged to an account; refused at its limits, too
 * @free_for: gives back what @alloc_for gave for that account
 * @host_get: the inside host with this address, with a reference; NULL where
 *	there is no memory for it
 * @host_put: gives the reference back; NULL is fine
 * @count: counts a reason
 * @trace: prints a line of the trace; called only while settings.debug is set
 * @event: tells those who listen; called only where nst_events_wanted()
 * @notify: tells user space what becomes of an object; called with the locks
 *	that protect it.  The reason is that of its end, NST_R_MAX before that.
 * @calls_lock: takes the lock over the call table (connection lock is held)
 * @calls_unlock: gives it back
 * @door_reserve: reserves public ports for a holder, closed for now.  Return: 0,
 *	-EMFILE where the kernel's expectation table is full, -EACCES where no
 *	door may lead to that inside port, -EADDRINUSE where no port is free,
 *	another negative error.  Called with both locks held; must not free,
 *	transmit or re-enter the core.
 * @port_mapped: inside port of the holder's host that source NAT is known to
 *	show as @wanted, a port of @public_addr; 0: unknown.  Same context.
 * @door_release: gives back one port that @door_reserve gave and that was
 *	never opened.  Same context.
 */
struct nst_ops {
	void *(*alloc)(struct nst_env *env, size_t len);
	void (*free)(struct nst_env *env, void *p, size_t len);
	void *(*alloc_for)(struct nst_env *env, struct nst_account *a, size_t len);
	void (*free_for)(struct nst_env *env, struct nst_account *a, void *p, size_t len);
	struct nst_host *(*host_get)(struct nst_env *env, const struct nst_addr *inside,
				     u16 zone);
	void (*host_put)(struct nst_env *env, struct nst_host *host);
	void (*count)(struct nst_env *env, enum nst_reason reason);
	void (*trace)(struct nst_env *env, const struct nst_trace *t);
	void (*event)(struct nst_env *env, const struct nst_event *e);
	void (*notify)(struct nst_env *env, enum nst_notice what, const void *object,
		       enum nst_reason reason);
	void (*calls_lock)(struct nst_env *env);
	void (*calls_unlock)(struct nst_env *env);
	int (*door_reserve)(struct nst_env *env, struct nst_reserve *req);
	u16 (*port_mapped)(struct nst_env *env, const struct nst_reserve *req);
	void (*door_release)(struct nst_env *env, struct nst_holder *holder,
			     const struct nst_door *door);
};

/**
 * struct nst_env - the surroundings of the core, one per network namespace
 * @ops: callbacks
 * @set: settings; single words, read without a lock
 * @key: random key of all hashes over packet content
 * @calls: the call table, under the lock of @ops->calls_lock
 * @bindings: contacts and bindings, under the same lock
 */
struct nst_env {
	const struct nst_ops *ops;
	struct nst_settings set;
	u64 key[2];
	struct nst_calls *calls;
	struct nst_bindings *bindings;
};

static inline void nst_count(struct nst_env *env, enum nst_reason reason)
{
	env->ops->count(env, reason);
}

static inline bool nst_tracing(const struct nst_env *env)
{
	return env->set.debug;
}

/**
 * nst_share_used - has an inside host its share of something?
 * @env: surroundings
 * @own: how many it has
 * @nr: how many there are
 * @max: how many there may be
 *
 * The share counts once half of the whole is in use: a host that is alone may
 * have that much, and with host_share at 100 everything.
 */
static inline bool nst_share_used(const struct nst_env *env, u32 own, u32 nr, u32 max)
{
	u32 share = (u64)max * env->set.host_share / 100;

	return nr >= max / 2 && own >= (share ? share : 1);
}

/** nst_hash - SipHash-1-3 of bytes with the key of the environment */
u64 nst_hash(const struct nst_env *env, const void *p, u32 len);

/**
 * nst_reason_name - name of a reason as users see it
 * nst_reason_meaning - one line that says what it counts
 */
const char *nst_reason_name(enum nst_reason reason);
const char *nst_reason_meaning(enum nst_reason reason);

#endif
