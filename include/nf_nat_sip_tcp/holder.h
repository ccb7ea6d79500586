/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_HOLDER_H
#define NF_NAT_SIP_TCP_HOLDER_H

#include "env.h"

/*
 * Who owns doors: calls (media) and contacts (signalling).  All of it needs
 * the calls lock.
 */

enum nst_door_state {
	NST_DOOR_RESERVED,	/* public port taken, lets nothing in */
	NST_DOOR_OPEN,
};

/**
 * enum nst_transport - transport protocol of a door, as in the IP header
 * @NST_TCP: signalling
 * @NST_UDP: media, and signalling to a Contact with transport=udp
 */
enum nst_transport {
	NST_TCP = 6,
	NST_UDP = 17,
};

/**
 * struct nst_door - a public port that leads to an inside port
 * @next: next door of its holder
 * @transport: enum nst_transport
 * @inside: where it leads
 * @public_ep: what was advertised
 * @state: enum nst_door_state
 * @reopen: state or filter changed; the skin has to carry it out
 * @filter: who may send; addr.family 0: everybody, port 0: any port
 * @before: what @filter was before a provisional response moved it
 * @moved: and that was to the INVITE of &nst_call.txn @moved - 1; 0: it was not
 * @offers: bit n: offered in the request of &nst_call.txn n, not answered (I6)
 * @kept: an exchange that was completed names it, open or not
 * @media: bit n: it is for medium n of the description; several may share it
 *	(RFC 9143)
 * @offset: of the ports that a medium has in a row (RFC 8866 5.14), how many go
 *	before this one, or before the RTP port of this pair
 * @rtcp: it is for RTCP
 * @fresh: reserved by the message that is being processed
 * @named: advertised by the message that is being processed
 */
struct nst_door {
	struct nst_door *next;
	u8 transport;
	struct nst_endpoint inside;
	struct nst_endpoint public_ep;
	u8 state;
	bool reopen;
	struct nst_endpoint filter;
	struct nst_endpoint before;
	u8 moved;
	u8 offers;
	bool kept;
	u32 media;
	u8 offset;
	bool rtcp;
	bool fresh;
	bool named;
};

enum nst_holder_kind {
	NST_HOLDER_CALL,
	NST_HOLDER_CONTACT,
};

/* RTP and RTCP, or TCP and UDP: few holders have more, and need memory for them. */
#define NST_OWN_DOORS 2

/**
 * struct nst_holder - what owns doors; first member of those who do
 * @op_next: next in the list of holders with work for the skin
 * @op_queued: it is in such a list
 * @ended: out of its table, doors to be closed
 * @kind: enum nst_holder_kind
 * @check_media: does media flow? the skin clears it, and answers by
 *	call_media_seen() if so
 * @refs: one for the table, one for each list of work it is in; changed and
 *	  read under the calls lock
 * @inside: address of the inside host that signalled
 * @zone: conntrack zone id of that host's packets, part of the key
 * @anchor: the skin's handle: id of the anchor conntrack, 0: none
 * @owner: the skin's handle of the connection whose message is processed;
 *	   valid while that goes on only, else NULL
 * @account: who its memory is charged to
 * @doors: its doors
 * @nr_doors: how many
 * @own: room for the first of them; @transport 0: unused
 */
struct nst_holder {
	struct nst_holder *op_next;
	bool op_queued;
	bool ended;
	u8 kind;
	bool check_media;
	u32 refs;
	struct nst_addr inside;
	u16 zone;
	u32 anchor;
	void *owner;
	struct nst_account account;
	struct nst_door *doors;
	u8 nr_doors;
	struct nst_door own[NST_OWN_DOORS];
};

/**
 * struct nst_work - holders with work for the skin, run after unlocking
 * @first: first of them; each holds a reference
 */
struct nst_work {
	struct nst_holder *first;
};

/**
 * holder_new - a holder, zeroed, charged to its inside host
 * @env: surroundings
 * @size: of the structure that it is the first member of
 * @kind: which that is
 * @inside: address of the inside host
 * @zone: conntrack zone of that address
 *
 * The one reference is the table's.  Return: NULL without memory.
 */
void *holder_new(struct nst_env *env, u32 size, enum nst_holder_kind kind,
		 const struct nst_addr *inside, u16 zone);

/** holder_free - free it; what it owns is gone already */
void holder_free(struct nst_env *env, struct nst_holder *h, u32 size);

/** holder_queue - there is work for the skin */
void holder_queue(struct nst_holder *h, struct nst_work *work);

/**
 * holder_end - it has left its table: hand it to the skin, to close its doors
 *
 * Stays valid until the skin takes it from @work.
 */
void holder_end(struct nst_env *env, struct nst_holder *h, struct nst_work *work);

/**
 * work_pop - take the next holder off the list
 *
 * The caller takes the calls lock, looks at the holder's state and doors
 * (@ended: remove the anchor; else those doors with reopen set), copies what
 * it needs, clears reopen, and gives the reference back with holder_put(), all
 * in one hold of the lock: what changes behind it queues the holder again.
 *
 * The skin counts and traces doors, the core calls and bindings.
 */
struct nst_holder *work_pop(struct nst_work *work);

/** holder_put - give back a reference of work_pop(); frees at the last */
void holder_put(struct nst_env *env, struct nst_holder *h);

/** holder_unref - give back a reference that was taken by hand */
void holder_unref(struct nst_env *env, struct nst_holder *h);

/** door_new - a door, zeroed, that is in no list yet; NULL without memory for it */
struct nst_door *door_new(struct nst_env *env, struct nst_holder *h, u8 transport);

/** door_free - free one that is in no list */
void door_free(struct nst_env *env, struct nst_holder *h, struct nst_door *door);

/** doors_free - free the memory of all doors of a holder that is gone */
void doors_free(struct nst_env *env, struct nst_holder *h);

#endif
