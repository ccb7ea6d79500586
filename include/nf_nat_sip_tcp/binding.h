/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_BINDING_H
#define NF_NAT_SIP_TCP_BINDING_H

#include "dialog.h"
#include "holder.h"

/*
 * Registrations (RFC 3261 section 10) and the signalling doors that they, and
 * calls, need.  All of it needs the calls lock.
 */

/* Longest address-of-record that is kept to be shown. */
#define NST_AOR_TEXT 64

/**
 * struct nst_contact - an inside listening endpoint as the outside knows it
 * @h: its doors: one for TCP, one for UDP where a Contact says transport=udp
 * @inside_next: next in the table by @inside
 * @public_next: next in the table by @public_ep
 * @inside: the listening endpoint that was written
 * @public_ep: what is written instead
 * @peer: who may connect; family 0: everybody.  Part of the key: another
 *	registrar, or another call's peer, gets another public port
 * @users: bindings, calls and pending requests that name it; it ends with
 *	the last of them
 * @bare: the inside host leaves the port out where it names it in a Contact
 * @route_bare: the same for its Record-Routes
 */
struct nst_contact {
	struct nst_holder h;
	struct nst_contact *inside_next;
	struct nst_contact *public_next;
	struct nst_endpoint inside;
	struct nst_endpoint public_ep;
	struct nst_addr peer;
	u32 users;
	bool bare;
	bool route_bare;
};

/**
 * enum nst_binding_state - life of a binding
 * @NST_BINDING_PENDING: asked for, no answer yet
 * @NST_BINDING_ACTIVE: the registrar granted it
 */
enum nst_binding_state {
	NST_BINDING_PENDING,
	NST_BINDING_ACTIVE,
};

/**
 * struct nst_binding - address-of-record to Contact (RFC 3261 10.2)
 * @next: next in its table
 * @place: keyed hash of the inside host and of the user part of the To URI,
 *	which is the same on both sides of the NAT: where in the table it is
 * @contact: where it leads, with a use of it
 * @state: enum nst_binding_state
 * @aor_hash: keyed hash of the To URI
 * @user_hash: keyed hash of the user part of the Contact
 * @registrar: address of the server it was asked of
 * @txn: of the REGISTER under way: &dialog_ids.txn and Call-ID, hashed;
 *	0: none
 * @asked: ms, when that was sent
 * @wanted: seconds that it asks for
 * @removes: that asks to remove it
 * @named: the message that is being processed names it
 * @fresh: and is the first one to do so
 * @granted: seconds the registrar granted last
 * @expires: ms of the core's clock
 * @aor: the To URI, cut, as written; bytes of the packet, to be printed escaped
 * @aor_len: how many
 */
struct nst_binding {
	struct nst_binding *next;
	u64 place;
	struct nst_contact *contact;
	u8 state;
	u64 aor_hash;
	u64 user_hash;
	struct nst_addr registrar;
	u64 txn;
	u64 asked;
	u32 wanted;
	bool removes;
	bool named;
	bool fresh;
	u32 granted;
	u64 expires;
	char aor[NST_AOR_TEXT];
	u8 aor_len;
};

/** bindings_create - empty tables in env->bindings; 0 or -ENOMEM */
int bindings_create(struct nst_env *env);

/** bindings_destroy - frees the tables, which must be empty */
void bindings_destroy(struct nst_env *env);

/** bindings_expire - as calls_expire() */
void bindings_expire(struct nst_env *env, u64 now, u32 max, struct nst_work *work);

/**
 * bindings_flush - end all bindings (namespace exit, unload)
 *
 * Contacts end with their last user: with calls_flush() all are gone.
 */
void bindings_flush(struct nst_env *env, struct nst_work *work);

/**
 * bindings_each - walk over bindings, for a dump that goes on where it left off
 * @env: surroundings
 * @pos: where to begin; 0: at the start.  Moved on bucket by bucket.
 * @fn: called for each; false stops the walk, and its bucket is walked again
 * @arg: for @fn
 *
 * Return: true where the end was reached.
 */
bool bindings_each(struct nst_env *env, u32 *pos,
		   bool (*fn)(const struct nst_binding *b, void *arg), void *arg);

#endif
