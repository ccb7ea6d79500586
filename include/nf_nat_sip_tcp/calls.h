/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_CALLS_H
#define NF_NAT_SIP_TCP_CALLS_H

#include "dialog.h"

/*
 * What the files about calls (calls.c, doors.c, dialog.c) share.  All of it
 * needs the calls lock.
 */

/* The whole table fits 32 KiB. */
#define NST_CALL_BUCKETS 4095

/*
 * Calls of one host with the same Call-ID.  A Call-ID is unique (RFC 3261
 * 8.1.1.4); some forking and looping is fine, a long chain is an attack.
 */
#define NST_SAME_ID_MAX 16

/**
 * struct nst_calls - the call table
 * @nr: calls in it
 * @cursor: bucket at which calls_expire() goes on
 * @bucket: chains by the keyed hash of the Call-ID
 */
struct nst_calls {
	u32 nr;
	u32 cursor;
	struct nst_call *bucket[NST_CALL_BUCKETS];
};

/**
 * struct call_key - what the calls of a host with one Call-ID have in common
 * @call_id_hash: keyed hash of the Call-ID
 * @inside: address of the inside host
 * @zone: conntrack zone
 */
struct call_key {
	u64 call_id_hash;
	struct nst_addr inside;
	u16 zone;
};

/** calls_next - the next call with this key; @after NULL: the first */
struct nst_call *calls_next(const struct nst_env *env, const struct call_key *key,
			    const struct nst_call *after);

/** calls_each - walk over calls, as bindings_each() does over bindings */
bool calls_each(struct nst_env *env, u32 *pos,
		bool (*fn)(const struct nst_call *call, void *arg), void *arg);

/** call_new - a call in the table; NULL where there is no room, counted */
struct nst_call *call_new(struct nst_env *env, const struct call_key *key);

/** call_free - free what is not its holder's; the last reference is gone */
void call_free(struct nst_env *env, struct nst_call *call);

/**
 * call_end - take a call out of the table and hand it to the skin
 * @env: surroundings
 * @call: the call, stays valid until the skin takes it from @work
 * @work: where it is queued
 * @reason: what to count
 * @text: the same for the trace
 */
void call_end(struct nst_env *env, struct nst_call *call, struct nst_work *work,
	      enum nst_reason reason, const char *text);

/** call_is_over - has its time come? */
bool call_is_over(const struct nst_env *env, const struct nst_call *call, u64 now);

/** call_check_media - ask the skin whether media flows, where that matters */
void call_check_media(const struct nst_env *env, struct nst_call *call, u64 now,
		      struct nst_work *work);

/** call_trace - a line of the trace about a call */
void call_trace(struct nst_env *env, const char *text);

/** txn_find - place of a remembered request, or -ENOENT */
int txn_find(const struct nst_call *call, u64 hash);

/** txn_add - remember a request; the oldest is forgotten where there is no room */
u8 txn_add(struct nst_env *env, struct nst_call *call, const struct nst_txn *txn);

/** txn_drop - forget a request, see doors_settle() */
void txn_drop(struct nst_env *env, struct nst_call *call, u8 n, bool failed);

/** txn_acked - was the INVITE with this CSeq and sender answered with a 2xx? */
bool txn_acked(const struct nst_call *call, u32 cseq, bool from_inside);

/** txn_invite_pending - is there an INVITE whose failure would end the call? */
bool txn_invite_pending(const struct nst_call *call);

/**
 * struct door_answer - an answer that opens doors
 * @call: the call
 * @work: where the call is queued if a door changed
 * @offers: mask of transactions that it answers; doors named by the message
 *	itself count too
 * @described: &nst_call.peer_media is the peer's half of this exchange
 * @mux: the answering description where it says who uses rtcp-mux, or NULL
 */
struct door_answer {
	struct nst_call *call;
	struct nst_work *work;
	u8 offers;
	bool described;
	const struct sdp *mux;
};

/** doors_open - open what was answered, and follow a peer that moved (D7) */
void doors_open(struct nst_env *env, const struct door_answer *answer);

/** doors_offer - what this message names is offered in transaction @txn */
void doors_offer(struct nst_call *call, u8 txn);

/**
 * doors_settle - transaction @txn is over
 *
 * Where it failed, ports go back that nothing else offered and nothing opened.
 */
void doors_settle(struct nst_env *env, struct nst_call *call, u8 txn, bool failed);

/** doors_message_done - forget which doors the message has named */
void doors_message_done(struct nst_call *call);

/** peer_media_remember - where the peer wants its media, from its description */
void peer_media_remember(struct nst_env *env, struct nst_call *call, const struct sdp *sdp);

/** peer_media_forget - free what was remembered */
void peer_media_forget(struct nst_env *env, struct nst_call *call);

#endif
