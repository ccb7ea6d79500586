/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_DIALOG_H
#define NF_NAT_SIP_TCP_DIALOG_H

#include "env.h"
#include "holder.h"
#include "rewrite.h"
#include "sdp.h"
#include "sip_msg.h"

enum nst_call_state {
	NST_CALL_EARLY,		/* INVITE seen, no final answer */
	NST_CALL_CONFIRMED,	/* answered with 2xx */
	NST_CALL_ENDED,		/* out of the table, doors to be closed */
};

/* Transactions that a call remembers, and dialogs that forks may leave it. */
#define NST_TXN_MAX 8
#define NST_LEGS_MAX 8

/**
 * struct nst_txn - a request of a call, remembered for its response
 * @hash: connection, direction, branch, CSeq, method and From tag; 0: unused
 * @cseq: CSeq number
 * @method: enum sip_method
 * @from_inside: the inside host sent the request
 * @initial: an INVITE whose failure is the failure of the call
 * @described: the request carried a session description
 * @counter: it did not, but a response of the inside host to it did: the offer
 *	that a PRACK answers, or after a 2xx the ACK (see &nst_leg.counter)
 * @answered: a 2xx was seen
 */
struct nst_txn {
	u64 hash;
	u32 cseq;
	u8 method;
	bool from_inside;
	bool initial;
	bool described;
	bool counter;
	bool answered;
};

/**
 * struct nst_tags - what tells the dialogs of a call apart, hashed; 0: not known yet
 * @inside: tag of the inside party
 * @peer: tag of the other party
 */
struct nst_tags {
	u64 inside;
	u64 peer;
};

/**
 * enum nst_counter - an offer in the response to an INVITE that had none
 * @NST_COUNTER_NONE: there is none
 * @NST_COUNTER_OPEN: the ACK has to answer it
 * @NST_COUNTER_ANSWERED: it did; what comes again says nothing new
 */
enum nst_counter {
	NST_COUNTER_NONE,
	NST_COUNTER_OPEN,
	NST_COUNTER_ANSWERED,
};

/**
 * struct nst_leg - a dialog
 * @tags: its tags
 * @over: it has ended, and is remembered for what of it comes again
 * @counter: enum nst_counter, of the last INVITE that was accepted
 * @acked_by_inside: who sent that INVITE, and has to send the ACK
 * @cseq: its CSeq number
 * @bye_due: when the BYE of the peer [0], of the inside host [1] is taken for
 *	answered, ms; 0: none is under way
 * @session_due: when the session expires (RFC 4028), ms; 0: never
 */
struct nst_leg {
	struct nst_tags tags;
	bool over;
	u8 counter;
	bool acked_by_inside;
	u32 cseq;
	u64 bye_due[2];
	u64 session_due;
};

/**
 * struct nst_peer_media - where the peer wants a medium sent to
 * @addr: address; family 0 where it is a name
 * @port: RTP or other port; 0: refused
 * @rtcp_port: RTCP port
 * @mux: wants both on one port (RFC 5761)
 */
struct nst_peer_media {
	struct nst_addr addr;
	u16 port;
	u16 rtcp_port;
	bool mux;
};

/**
 * struct nst_heard - what a party on the peer's side has described last
 * @tag: its tag, hashed; 0: unused
 * @txn: &nst_txn.hash of the request whose failure would make it void; 0: it is
 *	agreed
 * @seq: of what was said to the same effect, the higher counts
 * @offer: that is an offer in a response to an INVITE, to be answered by PRACK
 *	or ACK
 * @media: the description's media, or NULL
 * @nr: how many
 */
struct nst_heard {
	u64 tag;
	u64 txn;
	u32 seq;
	bool offer;
	struct nst_peer_media *media;
	u8 nr;
};

struct contact_value;
struct nst_call;
struct nst_contact;

/* Inside listening endpoints that the messages of a call may name. */
#define NST_CALL_CONTACTS 2

/**
 * struct nst_call_contact - a signalling door that a call uses
 * @contact: it, with a use of it; NULL: unused
 * @txn: the request that named it and waits for its answer, see
 *	&dialog_ids.txn; 0: none
 * @settled: an answer has confirmed it; it stays as long as the call
 * @named: the message that is being processed names it
 * @fresh: and is the first one to do so
 */
struct nst_call_contact {
	struct nst_contact *contact;
	u64 txn;
	bool settled;
	bool named;
	bool fresh;
};

/**
 * struct nst_talker - a connection that may speak for calls
 * @first: calls whose last message came by it; under the calls lock
 */
struct nst_talker {
	struct nst_call *first;
};

/**
 * struct nst_call - a call of one inside host (RFC 3261 section 12)
 * @h: its doors; @h.inside and @h.zone are part of its key
 * @hash_next: next in its bucket of the call table
 * @bucket: that bucket
 * @state: enum nst_call_state
 * @call_id_hash: keyed hash of the Call-ID
 * @legs: its dialogs; the first one from the start, without the tag of the
 *	called party until a 2xx has come
 * @nr_legs: how many
 * @legs_lost: there were more than there is room for: a BYE in the last of
 *	@legs need not be the end
 * @peer: address that signals for the other party
 * @expires: when it ends without signalling, ms of the core's clock
 * @bye_due: when the BYEs of all its dialogs, where they get no answer, are
 *	taken for answered, ms; 0: not all have one under way
 * @talker: connection that its last message came by, NULL once that is gone
 * @talk_next: next call of the same
 * @talk_prev: where the one before points to this
 * @quiet_since: neither a message nor media since then, ms; 0: to be set when
 *	the call is looked at next.  Means something without @talker
 * @outgoing: the inside host sent the INVITE
 * @txn: requests that it remembers
 * @next_txn: where the next one goes when all are in use
 * @heard: the peer's descriptions, by who said them: forks have one each
 * @next_heard: where the next one goes when all are in use
 * @heard_seq: &nst_heard.seq of the last one
 * @followed: tag of the one that the doors' filters follow, hashed
 * @followed_before: what that was before a provisional response changed it
 * @followed_txn: and that was to the INVITE of @txn @followed_txn - 1; 0: it
 *	was not
 * @contact: signalling doors that it uses
 *
 * @legs, @txn, @heard and @contact are the core's own; nobody else reads them.
 */
struct nst_call {
	struct nst_holder h;
	struct nst_call *hash_next;
	struct nst_call **bucket;
	u8 state;
	u64 call_id_hash;
	struct nst_leg legs[NST_LEGS_MAX];
	u8 nr_legs;
	bool legs_lost;
	struct nst_addr peer;
	u64 expires;
	u64 bye_due;
	struct nst_talker *talker;
	struct nst_call *talk_next;
	struct nst_call **talk_prev;
	u64 quiet_since;
	bool outgoing;
	struct nst_txn txn[NST_TXN_MAX];
	u8 next_txn;
	struct nst_heard heard[NST_LEGS_MAX];
	u8 next_heard;
	u32 heard_seq;
	u64 followed;
	u64 followed_before;
	u8 followed_txn;
	struct nst_call_contact contact[NST_CALL_CONTACTS];
};

/**
 * struct dialog_ids - what a message is recognised by, hashed; 0: not there
 * @call_id: Call-ID
 * @from_tag: tag of From
 * @to_tag: tag of To
 * @branch: of the topmost Via
 * @txn: see &nst_txn.hash
 */
struct dialog_ids {
	u64 call_id;
	u64 from_tag;
	u64 to_tag;
	u64 branch;
	u64 txn;
};

/**
 * struct dialog - one message on its way through the call table
 * @env: surroundings
 * @map: address map of the connection; tells which end is inside
 * @dir: who sent the message
 * @zone: conntrack zone of the connection
 * @conn: identity of the connection, for transaction matching
 * @owner: the skin's handle of the connection, goes to &nst_holder.owner
 * @talker: the connection, or NULL where nobody will say when it goes
 * @now: ms
 * @buf: the message
 * @msg: parsed
 * @ids: result: hashes of what identifies it
 * @calls: result: the call it belongs to, for each end of the connection that
 *	is translated
 * @call: result: the call whose media the message may describe, or NULL where
 *	it may not
 * @contact: result: the Contact that call_contacts_begin() has found; @next 0: none
 * @work: calls that got work for the skin
 */
struct dialog {
	struct nst_env *env;
	struct nst_natmap *map;
	u8 dir;
	u16 zone;
	u64 conn;
	void *owner;
	struct nst_talker *talker;
	u64 now;
	const char *buf;
	const struct sip_msg *msg;
	struct dialog_ids ids;
	struct nst_call *calls[2];
	struct nst_call *call;
	struct contact_value *contact;
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
 * enum nst_port_use - what consecutive ports of a medium are for
 * @NST_PORTS_PLAIN: all alike: RTP alone, or a medium without RTCP
 * @NST_PORTS_PAIRS: RTP and RTCP by turns (RFC 3550 section 11)
 * @NST_PORTS_RTCP: RTCP alone, from an a=rtcp line (RFC 3605)
 */
enum nst_port_use {
	NST_PORTS_PLAIN,
	NST_PORTS_PAIRS,
	NST_PORTS_RTCP,
};

/**
 * dialog_media_port - public ports for a medium of the inside host (D1)
 * @env: surroundings
 * @req: call, inside endpoint, public address, count and parity; the answer
 *	goes to @req->public_port
 * @media: index of the medium in its description
 * @use: what the ports are for
 *
 * Idempotent: the same inside endpoint keeps its public port for the life of
 * the call.  calls lock held.
 *
 * Return: 0 or what nst_ops.door_reserve returned, -ENOSPC above
 * doors_per_call, -ENOMEM, -ERANGE where the ports run over 65535 or
 * NST_PORT_COUNT_MAX, -EADDRINUSE where a port next to one given earlier is
 * taken.
 */
int dialog_media_port(struct nst_env *env, struct nst_reserve *req, u8 media,
		      enum nst_port_use use);

/**
 * dialog_public_port - a door at a public port that the inside host has named (N2)
 * @env: surroundings
 * @req: as for dialog_media_port(), of one port, which is @req->wanted;
 *	@req->inside.port is where it leads unless more is known of it, and then
 *	where it leads in truth
 * @media: index of the medium in its description
 * @use: what the port is for
 *
 * calls lock held.
 *
 * Return: as dialog_media_port(); -EADDRINUSE where somebody else has that port.
 */
int dialog_public_port(struct nst_env *env, struct nst_reserve *req, u8 media,
		       enum nst_port_use use);

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
 *
 * calls lock held.
 */
void calls_expire(struct nst_env *env, u64 now, u32 max, struct nst_work *work);

/**
 * call_talks - a message of the call came by this connection
 * @call: the call
 * @talker: the connection, or NULL
 * @now: ms
 */
void call_talks(struct nst_call *call, struct nst_talker *talker, u64 now);

/**
 * talker_gone - a connection ends, or is not looked into any more (D4)
 *
 * Takes the calls lock.
 */
void talker_gone(struct nst_env *env, struct nst_talker *talker);

/** call_media_seen - what was asked by &nst_holder.check_media: it flows */
void call_media_seen(struct nst_holder *h, u64 now);

/** calls_flush - end all calls (namespace exit, unload).  calls lock held */
void calls_flush(struct nst_env *env, struct nst_work *work);

#endif
