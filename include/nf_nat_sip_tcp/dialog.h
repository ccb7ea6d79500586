/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_DIALOG_H
#define NF_NAT_SIP_TCP_DIALOG_H

#include "env.h"
#include "rewrite.h"
#include "sdp.h"
#include "sip_msg.h"

enum nst_door_state {
	NST_DOOR_RESERVED,	/* public port taken, lets nothing in */
	NST_DOOR_OPEN,
};

/**
 * struct nst_door - a public port that leads to an inside port, UDP
 * @next: next door of the call
 * @inside: where it leads
 * @public_ep: what was advertised
 * @state: enum nst_door_state
 * @reopen: state or filter changed; the skin has to carry it out
 * @filter: who may send; addr.family 0: everybody, port 0: any port
 * @txn: hash of the transaction that reserved it (I6)
 */
struct nst_door {
	struct nst_door *next;
	struct nst_endpoint inside;
	struct nst_endpoint public_ep;
	u8 state;
	bool reopen;
	struct nst_endpoint filter;
	u64 txn;
};

enum nst_call_state {
	NST_CALL_EARLY,		/* INVITE seen, no final answer */
	NST_CALL_CONFIRMED,	/* answered with 2xx */
	NST_CALL_ENDED,		/* out of the table, doors to be closed */
};

/**
 * struct nst_call - a call of one inside host (RFC 3261 section 12)
 * @hash_next: next in its bucket of the call table
 * @op_next: next in the list of calls with work for the skin
 * @op_queued: it is in such a list
 * @refs: one for the table, one for each list of work it is in; changed and
 *	  read under the calls lock
 * @state: enum nst_call_state
 * @inside: address of the inside host that signalled
 * @call_id_hash: keyed hash of the Call-ID
 * @inside_tag: hash of the tag of the inside party; 0: not known yet
 * @peer_tag: hash of the tag of the other party; 0: not known yet (forks)
 * @peer: address that signals for the other party
 * @doors: its doors
 * @nr_doors: how many
 * @expires: when it ends without signalling, ms of the core's clock
 * @bye: hash of the BYE transaction under way, 0: none
 * @anchor: the skin's handle: id of the anchor conntrack, 0: none
 * @zone: conntrack zone id, part of the key
 * @owner: the skin's handle of the connection whose message is processed;
 *	   valid from dialog_begin() to dialog_end() only, else NULL
 *
 * Members that dialog.c needs for itself follow; nobody else reads them.
 */
struct nst_call {
	struct nst_call *hash_next;
	struct nst_call *op_next;
	bool op_queued;
	u32 refs;
	u8 state;
	struct nst_addr inside;
	u64 call_id_hash;
	u64 inside_tag;
	u64 peer_tag;
	struct nst_addr peer;
	struct nst_door *doors;
	u8 nr_doors;
	u64 expires;
	u64 bye;
	u64 invite_branch;
	u32 invite_cseq;
	u32 anchor;
	u16 zone;
	void *owner;
};

/**
 * struct nst_work - calls with work for the skin, run after unlocking
 * @first: first call; each holds a reference
 */
struct nst_work {
	struct nst_call *first;
};

/**
 * struct dialog - one message on its way through the call table
 * @env: surroundings
 * @map: address map of the connection; tells which end is inside
 * @dir: who sent the message
 * @zone: conntrack zone of the connection
 * @conn: identity of the connection, for transaction matching
 * @owner: the skin's handle of the connection, goes to &nst_call.owner
 * @now: ms
 * @buf: the message
 * @msg: parsed
 * @call: result: the call it belongs to, or NULL
 * @work: calls that got work for the skin
 */
struct dialog {
	struct nst_env *env;
	const struct nst_natmap *map;
	u8 dir;
	u16 zone;
	u64 conn;
	void *owner;
	u64 now;
	const char *buf;
	const struct sip_msg *msg;
	struct nst_call *call;
	struct nst_work *work;
};

/** calls_create - an empty call table in env->calls; 0 or -ENOMEM */
int calls_create(struct nst_env *env);

/** calls_destroy - frees the table, which must be empty of calls */
void calls_destroy(struct nst_env *env);

/**
 * dialog_begin - find or make the call of a message, before it is rewritten
 *
 * calls lock held from here to dialog_end().
 */
void dialog_begin(struct dialog *d);

/**
 * dialog_media_port - public ports for a medium of the inside host (D1)
 * @env: surroundings
 * @call: the call
 * @inside: inside RTP endpoint
 * @public_addr: address on the outside
 * @count: consecutive ports wanted (2 for an RTP/RTCP pair)
 * @pair: keep the parity
 * @public_port: result
 *
 * Idempotent: the same inside endpoint keeps its public port for the life of
 * the call.  calls lock held.
 *
 * Return: 0 or what nst_ops.door_reserve returned, -ENOSPC above
 * doors_per_call, -ENOMEM.
 */
int dialog_media_port(struct nst_env *env, struct nst_call *call,
		      const struct nst_endpoint *inside,
		      const struct nst_addr *public_addr, u8 count, bool pair,
		      u16 *public_port);

/**
 * dialog_rollback - give back the ports that were reserved since dialog_begin()
 *
 * For a message whose SDP is left alone after all.  calls lock held.
 */
void dialog_rollback(struct nst_env *env, struct nst_call *call);

/**
 * dialog_end - what the message means for its call, after it was rewritten
 * @d: as given to dialog_begin()
 * @sdp: the description in the message, or NULL
 *
 * Opens and closes doors by the rules of D4, D5 and I6, queues calls with
 * changes on @d->work.
 */
void dialog_end(struct dialog *d, const struct sdp *sdp);

/**
 * calls_expire - end calls whose time has come
 * @env: surroundings
 * @now: ms
 * @max: look at so many buckets at most, going on where the last left off
 * @work: calls that ended
 */
void calls_expire(struct nst_env *env, u64 now, u32 max, struct nst_work *work);

/** calls_flush - end all calls (namespace exit, unload) */
void calls_flush(struct nst_env *env, struct nst_work *work);

/**
 * work_pop - take the next call off the list
 *
 * The caller takes the calls lock, looks at the call's state and doors
 * (state ENDED: remove the anchor; else those with reopen set), copies what
 * it needs, clears reopen, and gives the reference back with call_put().
 */
struct nst_call *work_pop(struct nst_work *work);

/** call_put - drop a reference; frees at the last.  calls lock held */
void call_put(struct nst_env *env, struct nst_call *call);

#endif
