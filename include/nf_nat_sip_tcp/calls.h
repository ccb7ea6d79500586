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
 * @bucket: where they are in the table, see calls_bucket()
 */
struct call_key {
	u64 call_id_hash;
	struct nst_addr inside;
	u16 zone;
	struct nst_call **bucket;
};

/**
 * struct turn - a message as one of the calls that it belongs to sees it
 * @d: the message
 * @call: the call
 * @end: which end of the connection is the inside host of this call
 * @from_inside: that end sent the message
 * @tags: tags of both parties
 */
struct turn {
	struct dialog *d;
	struct nst_call *call;
	u8 end;
	bool from_inside;
	struct nst_tags tags;
};

/**
 * calls_bucket - where in the table calls are
 * @env: surroundings
 * @call_id_hash: keyed hash of the Call-ID
 * @host_hash: of the inside host, see natmap_host()
 *
 * The host is in it: whoever can have many hosts speak of one Call-ID must not
 * get a long chain by that.
 */
static inline struct nst_call **calls_bucket(const struct nst_env *env, u64 call_id_hash,
					     u64 host_hash)
{
	return &env->calls->bucket[(u32)(call_id_hash ^ host_hash) % NST_CALL_BUCKETS];
}

/** calls_next - the next call with this key; @after NULL: the first */
struct nst_call *calls_next(const struct call_key *key, const struct nst_call *after);

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

/**
 * txn_add - remember a request; the oldest is forgotten where there is no room
 * @env: surroundings
 * @call: its call
 * @txn: the request
 * @work: where the call is queued if a door changes by that
 *
 * Return: its place.
 */
u8 txn_add(struct nst_env *env, struct nst_call *call, const struct nst_txn *txn,
	   struct nst_work *work);

/** txn_drop - forget a request, see doors_settle() */
void txn_drop(struct nst_env *env, struct nst_call *call, u8 n, bool failed,
	      struct nst_work *work);

/** txn_accept - it was answered by a 2xx; remembered on, what answers it may come again */
void txn_accept(struct nst_env *env, struct nst_call *call, u8 n, struct nst_work *work);

/**
 * txn_countered - does this request answer an offer in a response of ours?
 *
 * The peer's INVITE had none.  Says so once.
 *
 * Return: &nst_txn.hash of that INVITE, or 0.
 */
u64 txn_countered(struct nst_call *call);

/** txn_invite_pending - is there an INVITE whose failure would end the call? */
bool txn_invite_pending(const struct nst_call *call);

/** remember_request - keep a request of the call in mind; @described: it has an offer */
u8 remember_request(const struct turn *t, bool described);

/** offer_sent - a request that may have an offer, or answer one (PRACK) */
void offer_sent(const struct turn *t, const struct sdp *sdp);

/**
 * counter_answered - a PRACK or ACK answers the offer in a response
 * @t: the request
 * @sdp: the description in it
 * @txn: &nst_txn.hash of the INVITE that the offer was a response to; 0: it does
 *	not fail any more
 *
 * The exchange is complete, and what the inside host says in it opens at once.
 */
void counter_answered(const struct turn *t, const struct sdp *sdp, u64 txn);

/**
 * offer_answered - the response to an offer, above 100
 * @t: the response
 * @n: place of its request
 * @sdp: the description in it, or NULL
 *
 * Once one fork has won, late answers of the others do not move the doors that
 * it uses; they are kept in mind.
 */
void offer_answered(const struct turn *t, u8 n, const struct sdp *sdp);

/** is_repeat - was this 2xx to the request seen before, from the same dialog? */
bool is_repeat(const struct turn *t, const struct nst_txn *txn);

/** leg_find - place of the dialog with these tags, or -ENOENT */
int leg_find(const struct nst_call *call, const struct nst_tags *tags);

/**
 * leg_confirm - a 2xx to an INVITE names both parties of a dialog
 *
 * Return: its place, or -ENOSPC.
 */
int leg_confirm(struct nst_call *call, const struct nst_tags *tags);

/** leg_was - is it a dialog of the call that has ended? */
bool leg_was(const struct nst_call *call, const struct nst_tags *tags);

/** leg_drop - dialog @i is over */
void leg_drop(struct nst_call *call, int i);

/** legs_left - is there a dialog that has not ended? */
bool legs_left(const struct nst_call *call);

/** leg_acked - the dialog in which this ACK may answer the offer of a 2xx, or NULL */
struct nst_leg *leg_acked(const struct turn *t);

/**
 * leg_bye - until when the BYE in dialog @i may be answered
 * @call: the call
 * @i: place of the dialog; negative: none
 * @from_inside: whose BYE
 * @due: ms; 0: that BYE is not under way any more
 */
void leg_bye(struct nst_call *call, int i, bool from_inside, u64 due);

/**
 * call_due - when the call ends if nobody signals any more, ms
 *
 * When it expires, or before that each dialog has ended without anybody having
 * said so: by a BYE that gets no answer, or a session that is not refreshed.
 */
u64 call_due(const struct nst_call *call);

/**
 * struct door_answer - an answer that opens doors
 * @call: the call
 * @work: where the call is queued if a door changed
 * @offers: mask of transactions that it answers; doors named by the message
 *	itself count too
 * @heard: the peer's half of this exchange, or NULL
 * @decides: that is the answering half: it says whether rtcp-mux is agreed
 * @mux: else the answering description, or NULL
 * @undo: place + 1 of the INVITE whose failure takes it back; 0: none
 */
struct door_answer {
	struct nst_call *call;
	struct nst_work *work;
	u8 offers;
	const struct nst_heard *heard;
	bool decides;
	const struct sdp *mux;
	u8 undo;
};

/** doors_open - open what was answered, and follow a peer that moved (D7) */
void doors_open(struct nst_env *env, const struct door_answer *answer);

/** doors_offer - what this message names is offered in transaction @txn */
void doors_offer(struct nst_call *call, u8 txn);

/**
 * doors_settle - a transaction is over
 * @env: surroundings
 * @call: the call
 * @txn: place of the transaction
 * @failed: ports go back that nothing else offered and nothing opened, and who
 *	may send is as it was before
 * @work: where the call is queued if a door changed
 */
void doors_settle(struct nst_env *env, struct nst_call *call, u8 txn, bool failed,
		  struct nst_work *work);

/** doors_message_done - forget which doors the message has named */
void doors_message_done(struct nst_call *call);

/**
 * heard_remember - where the peer wants its media
 * @env: surroundings
 * @call: the call
 * @who: &nst_heard.tag and &nst_heard.txn
 * @sdp: the description
 *
 * Return: what is known then; NULL without memory for it.
 */
struct nst_heard *heard_remember(struct nst_env *env, struct nst_call *call,
				 const struct nst_heard *who, const struct sdp *sdp);

/** heard_find - what the party @tag has described; @txn: see &nst_heard.txn; or NULL */
struct nst_heard *heard_find(struct nst_call *call, u64 tag, u64 txn);

/** heard_answered - the same, of an offer that is being answered */
struct nst_heard *heard_answered(struct nst_call *call, u64 tag, u64 txn);

/** heard_offer - what it has offered in a response to an INVITE, or NULL */
struct nst_heard *heard_offer(struct nst_call *call, u64 tag);

/** heard_settle - the request with this hash is over: what depended on it counts, or not */
void heard_settle(struct nst_env *env, struct nst_call *call, u64 txn, bool failed);

/** heard_forget - free all that was remembered */
void heard_forget(struct nst_env *env, struct nst_call *call);

#endif
