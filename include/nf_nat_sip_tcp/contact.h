/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_CONTACT_H
#define NF_NAT_SIP_TCP_CONTACT_H

#include "binding.h"
#include "natmap.h"
#include "sip_uri.h"

/*
 * What the files about signalling doors (contact.c, binding.c, register.c,
 * call_contact.c) share.  All of it needs the calls lock.
 */

/* All tables together fit 32 KiB. */
#define NST_BINDING_BUCKETS 2047
#define NST_INSIDE_BUCKETS 1024
#define NST_PUBLIC_BUCKETS 1023

/*
 * Doors to one inside endpoint, and bindings of one user of one host: some
 * registrars and devices are fine, a long chain is an attack.
 */
#define NST_SAME_CONTACT_MAX 16
#define NST_SAME_BINDING_MAX 64

/**
 * struct nst_bindings - tables of bindings and of the contacts they lead to
 * @nr: bindings
 * @doors: doors of all contacts
 * @cursor: bucket at which bindings_expire() goes on
 * @bucket: bindings, chains by &nst_binding.place
 * @inside: contacts, chains by zone and inside endpoint
 * @outside: contacts, chains by zone and public endpoint
 */
struct nst_bindings {
	u32 nr;
	u32 doors;
	u32 cursor;
	struct nst_binding *bucket[NST_BINDING_BUCKETS];
	struct nst_contact *inside[NST_INSIDE_BUCKETS];
	struct nst_contact *outside[NST_PUBLIC_BUCKETS];
};

/**
 * struct contact_value - walk over the values of a message's Contact headers
 * @next: header to go on with
 * @rest: what is left of the one before
 * @value: the value
 * @uri: its URI, where it is not "*"
 * @ep: the address that this names, with the port that is meant
 *
 * Begin with all zero.
 */
struct contact_value {
	u16 next;
	struct span rest;
	struct sip_value value;
	struct sip_uri uri;
	struct nst_endpoint ep;
};

/** contact_value_next - the next "*", or SIP URI with a numeric address */
bool contact_value_next(const struct dialog *d, struct contact_value *cv);

/** contact_value_udp - may it be reached by UDP only? */
bool contact_value_udp(const struct dialog *d, const struct contact_value *cv);

/**
 * contact_take - a use of the signalling door for an inside listening endpoint
 * @d: a message of the inside host
 * @inside: the endpoint
 * @udp: a door for UDP beside the one for TCP
 *
 * A door that is there and admits the other end, else a new one, reserved.
 *
 * Return: NULL where none is to be had, counted where that is not by choice.
 */
struct nst_contact *contact_take(struct dialog *d, const struct nst_endpoint *inside,
				 bool udp);

/**
 * contact_share - a use of the door for that endpoint, if there is one already
 *
 * Return: NULL where there is none that admits the other end.
 */
struct nst_contact *contact_share(const struct dialog *d, const struct nst_endpoint *inside);

/** contact_put - give a use back; it ends with the last one */
void contact_put(struct nst_env *env, struct nst_contact *c, struct nst_work *work);

/** contact_open - let in whom the filter admits */
void contact_open(struct nst_env *env, struct nst_contact *c, struct nst_work *work);

/** contact_free - free what is not its holder's; the last reference is gone */
void contact_free(struct nst_env *env, struct nst_contact *c);

/** contact_written - fill in what a signalling door makes of what is written */
void contact_written(const struct rewrite *rw, struct nst_written *w);

/**
 * struct binding_key - whose binding
 * @place: see &nst_binding.place
 * @aor: the To URI; bytes of the message
 * @aor_len: how many
 * @aor_hash: keyed hash of it
 * @registrar: address of the registrar
 */
struct binding_key {
	u64 place;
	const char *aor;
	u32 aor_len;
	u64 aor_hash;
	struct nst_addr registrar;
};

/** binding_first - head of the chain in which bindings with this place are */
struct nst_binding *binding_first(const struct nst_env *env, u64 place);

/**
 * binding_new - a binding in the table, pending
 * @env: surroundings
 * @key: whose
 * @contact: where it leads; its use becomes the binding's
 * @user_hash: of the user part of the Contact
 *
 * Return: NULL where there is no room, counted.
 */
struct nst_binding *binding_new(struct nst_env *env, const struct binding_key *key,
				struct nst_contact *contact, u64 user_hash);

/** binding_end - take it out of the table; its use of the contact goes, too */
void binding_end(struct nst_env *env, struct nst_binding *b, struct nst_work *work);

/** binding_tell - count what became of a binding, and trace it */
void binding_tell(struct nst_env *env, const struct nst_binding *b, enum nst_reason what);

/** binding_failed - its REGISTER was refused, or got no answer until @now */
void binding_failed(struct nst_binding *b, u64 now);

/** register_begin - take the doors that a REGISTER asks for, before it is rewritten */
void register_begin(struct dialog *d);

/** register_rollback - it passes unchanged: give back what it has taken */
void register_rollback(struct dialog *d);

/** register_end - what a REGISTER, or the answer to one, means for its bindings */
void register_end(struct dialog *d);

/** call_contacts_begin - doors for the Contact of a message of a call */
void call_contacts_begin(struct dialog *d);

/** call_contacts_rollback - it passes unchanged: give back what it has taken */
void call_contacts_rollback(struct dialog *d);

/** call_contacts_end - open or give back what an answer decides about */
void call_contacts_end(struct dialog *d);

/** call_contacts_drop - the call ends */
void call_contacts_drop(struct nst_env *env, struct nst_call *call, struct nst_work *work);

#endif
