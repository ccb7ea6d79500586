// SPDX-License-Identifier: GPL-2.0-only
/*
 * The anchor of a holder: found, made, and made anew where somebody deleted
 * its conntrack entry (conntrack -F).
 */
#include <linux/err.h>
#include <linux/random.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "anchor.h"
#include "door.h"
#include "gate.h"

/* Random ids to try; with 2^24 of them the second is a rarity. */
#define ID_TRIES 4

/* Anchors that are looked at in one hold of the lock. */
#define REVIVE_BATCH 64

/* Direction in which the inside host sends on the signalling connection. */
static u8 inside_dir(const struct nf_conn *owner, const struct nst_holder *holder)
{
	union nf_inet_addr addr;

	addr_to_inet(&addr, &holder->inside);
	return nf_inet_addr_cmp(&owner->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3, &addr) ?
	       IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
}

static struct nf_conn *anchor_ct(struct nst_net *nn, const struct nst_anchor_seed *seed)
{
	struct nf_conn *ct = ERR_PTR(-EEXIST);
	unsigned int i;
	u32 id;

	for (i = 0; i < ID_TRIES; i++) {
		id = get_random_u32() >> 8;
		if (!id)
			continue;
		ct = nst_anchor_create(nn->net, seed, id);
		if (ct != ERR_PTR(-EEXIST) && ct != ERR_PTR(-EAGAIN))
			break;
	}
	return ct;
}

static u32 anchor_id(struct nst_net *nn)
{
	do
		nn->doors->last_id++;
	while (!nn->doors->last_id || anchor_find(nn, nn->doors->last_id));
	return nn->doors->last_id;
}

static void anchor_place(struct nst_anchor *anchor, const struct nf_conn *owner, u8 dir)
{
	const struct nf_conntrack_tuple *theirs = &owner->tuplehash[!dir].tuple;

	anchor->inside_zone = nf_ct_zone_id(nf_ct_zone(owner), dir);
	anchor->reflected = (owner->status & IPS_NAT_MASK) == IPS_NAT_MASK;
	anchor->peer.addr = theirs->src.u3;
	anchor->peer.port = theirs->src.u.all;
	anchor->public = theirs->dst.u3;
	anchor->l3num = theirs->src.l3num;
	anchor->oif = bind_oif(anchor);
}

bool anchor_has_device(const struct nst_anchor *anchor)
{
	return !anchor->oif || dev_get_by_index_rcu(anchor->nn->net, anchor->oif);
}

bool anchor_set_device(struct nst_anchor *anchor, int oif)
{
	struct nst_gate *gate;

	lockdep_assert_held(&nst_gate_lock);
	if (!oif)
		return false;
	anchor->oif = oif;
	list_for_each_entry(gate, &anchor->gates, list)
		WRITE_ONCE(gate->oif, oif);
	return true;
}

/*
 * The connection that speaks now knows better than the one that has gone with its
 * link.  Without a route yet the old number stays, by which it is looked for again.
 */
static void anchor_place_anew(struct nst_anchor *anchor, const struct nst_holder *holder)
{
	int old = anchor->oif;

	anchor_place(anchor, holder->owner, inside_dir(holder->owner, holder));
	if (!anchor_set_device(anchor, anchor->oif))
		anchor->oif = old;
}

static struct nst_anchor *anchor_new(struct nst_net *nn, struct nst_holder *holder, u8 l3num)
{
	const struct nf_conn *owner = holder->owner;
	u8 dir = inside_dir(owner, holder);
	struct nst_anchor_seed seed = {
		.like = owner,
		.zone = nf_ct_zone_id(nf_ct_zone(owner), !dir),
		.l3num = l3num,
	};
	struct nst_anchor *anchor;
	struct nf_conn *ct;

	anchor = anchor_alloc(nn, holder->account.host ?
			      nst_inside_of(holder->account.host) : NULL);
	if (!anchor)
		return ERR_PTR(-ENOMEM);
	ct = anchor_ct(nn, &seed);
	if (IS_ERR(ct)) {
		anchor_free(anchor);
		return ERR_CAST(ct);
	}
	anchor->signalling = holder->kind == NST_HOLDER_CONTACT;
	anchor->ct = ct;
	anchor_place(anchor, owner, dir);
	anchor_add(anchor, anchor_id(nn));
	holder->anchor = anchor->id;
	return anchor;
}

/* A new conntrack entry in place of one that somebody deleted. */
static int anchor_revive(struct nst_anchor *anchor)
{
	struct nf_conn *old = anchor->ct, *ct;
	struct nst_anchor_seed seed = {
		.like = old,
		.zone = nf_ct_zone(old)->id,
		.l3num = nf_ct_l3num(old),
	};
	struct nst_gate *gate;

	nst_count(&anchor->nn->env, NST_R_CALL_DOORLESS);
	ct = anchor_ct(anchor->nn, &seed);
	if (IS_ERR(ct))
		return PTR_ERR(ct);
	anchor->ct = ct;
	/*
	 * The old one is called dying before its expectations are removed, and
	 * one may have been added since: the new ones would clash with them.
	 */
	nf_ct_remove_expectations(old);
	list_for_each_entry(gate, &anchor->gates, list) {
		gate_master_set(gate, ct);
		if (gate_expect(gate))
			nst_count(&anchor->nn->env, NST_R_DOOR_FAILED);
	}
	nst_anchor_delete(old);
	nf_ct_put(old);
	return 0;
}

struct nst_anchor *anchor_get(struct nst_net *nn, const struct nst_holder *holder)
{
	struct nst_anchor *anchor = anchor_find(nn, holder->anchor);
	int err;

	if (!anchor || !nf_ct_is_dying(anchor->ct))
		return anchor;
	err = anchor_revive(anchor);
	return err ? ERR_PTR(err) : anchor;
}

struct nst_anchor *anchor_get_new(struct nst_net *nn, struct nst_holder *holder, u8 l3num)
{
	struct nst_anchor *anchor;

	if (!nn->doors || !nn->doors->live)
		return ERR_PTR(-ESHUTDOWN);
	anchor = anchor_get(nn, holder);
	if (!IS_ERR_OR_NULL(anchor) && holder->owner && !anchor_has_device(anchor))
		anchor_place_anew(anchor, holder);
	if (anchor)
		return anchor;
	return holder->owner ? anchor_new(nn, holder, l3num) : ERR_PTR(-ESHUTDOWN);
}

/* The list turns: who comes and goes meanwhile is looked at twice, or later. */
static u32 revive_some(struct nst_net *nn, u32 left)
{
	struct nst_anchor *anchor;
	unsigned int i;

	for (i = 0; i < REVIVE_BATCH && left && !list_empty(&nn->doors->anchors); i++, left--) {
		anchor = list_first_entry(&nn->doors->anchors, struct nst_anchor, list);
		list_rotate_left(&nn->doors->anchors);
		if (nf_ct_is_dying(anchor->ct) && anchor_revive(anchor))
			WRITE_ONCE(nn->doors_lost, true);
	}
	return i < REVIVE_BATCH ? 0 : left;
}

void nst_doors_revive(struct nst_net *nn)
{
	u32 left;

	if (!READ_ONCE(nn->doors_lost))
		return;
	WRITE_ONCE(nn->doors_lost, false);
	left = READ_ONCE(nn->nr_anchors);
	while (left) {
		spin_lock_bh(&nst_gate_lock);
		left = revive_some(nn, left);
		spin_unlock_bh(&nst_gate_lock);
		cond_resched();
	}
}
