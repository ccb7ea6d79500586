/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ANCHOR_H
#define NF_NAT_SIP_TCP_ANCHOR_H

#include <net/netfilter/nf_conntrack.h>

/*
 * For experiments (RFC 3692 2.1): no connection that passes a gateway has it,
 * so an anchor's tuple is nobody else's.
 */
#define NST_ANCHOR_PROTO 253

/* What conntrack takes for one: the entry, and room for its extensions. */
#define NST_ANCHOR_CT_SIZE (ALIGN(sizeof(struct nf_conn), SMP_CACHE_BYTES) + 128)

/* Longest life of an anchor and its doors, s; calls end long before. */
#define NST_ANCHOR_LIFE (7 * 24 * 3600)

/**
 * struct nst_anchor_seed - what a new anchor is made from
 * @like: connection whose mark, secmark and labels the flows shall have
 * @zone: conntrack zone that the packets of the public side carry
 * @l3num: family of the doors
 */
struct nst_anchor_seed {
	const struct nf_conn *like;
	u16 zone;
	u8 l3num;
};

/**
 * nst_anchor_create - a conntrack entry to be master of a call's expectations
 * @net: namespace
 * @seed: what it is like
 * @id: identity, 24 bits, not 0; part of its tuple
 *
 * Atomic; frees no other entry.
 *
 * Return: the entry, in the table, with a reference for the caller; or an
 * ERR_PTR: -EEXIST where the id is taken, -ENFILE where the table is near its
 * end, another one.
 */
struct nf_conn *nst_anchor_create(struct net *net,
				  const struct nst_anchor_seed *seed, u32 id);

/**
 * nst_anchor_delete - take it and its expectations out of the tables
 * @ct: the entry; may have been deleted by somebody else
 *
 * Flows that came in by them stay, and keep the memory of their master: it
 * must not point to a helper that may be unloaded before they end.  No lock
 * may be held.  The caller's reference remains his.
 */
void nst_anchor_delete(struct nf_conn *ct);

/** nst_anchor_lost - an entry of our helper goes: an anchor that somebody else deletes? */
bool nst_anchor_lost(const struct nf_conn *ct);

/** nst_anchor_is - is this conntrack entry one that nst_anchor_create() made? */
bool nst_anchor_is(const struct nf_conn *ct);

/** nst_anchor_gone - was it one, until somebody deleted it? */
static inline bool nst_anchor_gone(const struct nf_conn *ct)
{
	return nf_ct_protonum(ct) == NST_ANCHOR_PROTO && nf_ct_is_dying(ct);
}

/** nst_labels_copy - give a connection the labels of another, where it can have any */
void nst_labels_copy(struct nf_conn *to, const struct nf_conn *from);

/**
 * nst_anchor_bequeath - give an unconfirmed entry mark, secmark and labels of another
 *
 * An anchor has what the signalling connection had when the call's first
 * description passed, and hands that on: the flows of a call are alike,
 * whichever connection speaks for it later.
 */
void nst_anchor_bequeath(struct nf_conn *ct, const struct nf_conn *like);

#endif
