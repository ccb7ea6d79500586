// SPDX-License-Identifier: GPL-2.0-only
/*
 * The doors as the kernel's side knows them, found by where they lead and by
 * what was advertised.  The tables are shared by all namespaces, so that one
 * without SIP costs nothing and one with thousands of calls finds them fast.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netns/hash.h>

#include "anchor.h"
#include "compat.h"
#include "gate.h"
#include "memory.h"

DEFINE_SPINLOCK(nst_gate_lock);

static DEFINE_HASHTABLE(gates_inside, 12);
static DEFINE_HASHTABLE(gates_public, 12);
static DEFINE_HASHTABLE(anchors, 10);

/* Buckets of the doors of all namespaces that are walked in one hold of the lock. */
#define GATES_BATCH 32

static u32 key_hash(const struct nst_net *nn, const struct gate_key *key)
{
	static u32 seed __read_mostly;

	BUILD_BUG_ON(sizeof(*key) % sizeof(u32) || sizeof(*key) != 24);
	net_get_random_once(&seed, sizeof(seed));
	return jhash2((const u32 *)key, sizeof(*key) / sizeof(u32),
		      seed ^ net_hash_mix(nn->net));
}

static bool key_equal(const struct gate_key *a, const struct gate_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

void gate_key_set(struct gate_key *key, const struct nst_addr *addr, u16 port)
{
	addr_to_inet(&key->addr, addr);
	key->l3num = addr_l3num(addr);
	key->port = htons(port);
}

void gate_key_ep(struct nst_endpoint *ep, const struct gate_key *key)
{
	inet_to_addr(&ep->addr, &key->addr, key->l3num);
	ep->port = ntohs(key->port);
}

struct nst_anchor *anchor_find(const struct nst_net *nn, u32 id)
{
	struct nst_anchor *anchor;

	lockdep_assert_held(&nst_gate_lock);
	hash_for_each_possible(anchors, anchor, node, id)
		if (anchor->id == id && anchor->nn == nn)
			return anchor;
	return NULL;
}

void anchor_add(struct nst_anchor *anchor, u32 id)
{
	lockdep_assert_held(&nst_gate_lock);
	anchor->id = id;
	hash_add(anchors, &anchor->node, id);
	list_add_tail(&anchor->list, &anchor->nn->doors->anchors);
	anchor->nn->nr_anchors++;
}

void anchor_del(struct nst_anchor *anchor)
{
	lockdep_assert_held(&nst_gate_lock);
	hash_del(&anchor->node);
	list_del(&anchor->list);
	anchor->nn->nr_anchors--;
}

/* What comes from a cache of conntrack's is charged beside what is ours. */
static void *alloc_with(struct nst_net *nn, struct nst_inside *host, size_t len,
			size_t beside)
{
	void *p = nst_alloc(nn, host, len, NST_CLAIM_HOLDER);

	if (!p)
		return NULL;
	if (!nst_charge(nn, host, beside, NST_CLAIM_HOLDER)) {
		nst_free(nn, host, p);
		return NULL;
	}
	nst_inside_hold(host);
	return memset(p, 0, len);
}

static void free_with(struct nst_net *nn, struct nst_inside *host, void *p,
		      size_t beside)
{
	nst_uncharge(nn, host, beside);
	nst_free(nn, host, p);
	nst_inside_put(host);
}

static void anchor_put(struct nst_anchor *anchor)
{
	if (refcount_dec_and_test(&anchor->users))
		free_with(anchor->nn, anchor->host, anchor, 0);
}

struct nst_anchor *anchor_alloc(struct nst_net *nn, struct nst_inside *host)
{
	struct nst_anchor *anchor = alloc_with(nn, host, sizeof(*anchor), NST_ANCHOR_CT_SIZE);

	if (!anchor)
		return NULL;
	anchor->nn = nn;
	anchor->host = host;
	refcount_set(&anchor->users, 1);
	INIT_LIST_HEAD(&anchor->gates);
	return anchor;
}

void anchor_free(struct nst_anchor *anchor)
{
	nst_uncharge(anchor->nn, anchor->host, NST_ANCHOR_CT_SIZE);
	anchor_put(anchor);
}

/* In the anchor's own memory, which is zeroed and used once; NULL: the limits forbid it. */
static struct nst_gate *gate_within(struct nst_anchor *anchor)
{
	struct nst_gate *gate = &anchor->own[anchor->nr_own];

	if (!nst_charge(anchor->nn, anchor->host, sizeof(struct nf_conntrack_expect),
			NST_CLAIM_HOLDER))
		return NULL;
	anchor->nr_own++;
	refcount_inc(&anchor->users);
	gate->block = anchor;
	return gate;
}

void gate_free(struct nst_gate *gate)
{
	struct nst_anchor *block = gate->block;

	if (!block) {
		free_with(gate->nn, gate->host, gate, sizeof(struct nf_conntrack_expect));
		return;
	}
	nst_uncharge(gate->nn, gate->host, sizeof(struct nf_conntrack_expect));
	anchor_put(block);
}

static void gate_free_rcu(struct rcu_head *rcu)
{
	struct nst_gate *gate = container_of(rcu, struct nst_gate, rcu);

	/* Flows that were on their way into the table have arrived there. */
	if (gate->ended)
		gate_end_recorded(gate);
	gate_free(gate);
}

void gate_free_later(struct nst_gate *gate)
{
	nst_call_rcu(&gate->rcu, gate_free_rcu);
}

struct nst_gate *gate_alloc(struct nst_anchor *anchor)
{
	struct nst_gate *gate;

	lockdep_assert_held(&nst_gate_lock);
	if (anchor->nr_own < ANCHOR_GATES)
		gate = gate_within(anchor);
	else
		gate = alloc_with(anchor->nn, anchor->host, sizeof(*gate),
				  sizeof(struct nf_conntrack_expect));

	if (!gate)
		return NULL;
	gate->anchor = anchor;
	gate->nn = anchor->nn;
	gate->host = anchor->host;
	WRITE_ONCE(gate->master, anchor->ct);
	spin_lock_init(&gate->lock);
	return gate;
}

void gate_add(struct nst_gate *gate)
{
	lockdep_assert_held(&nst_gate_lock);
	list_add_tail(&gate->list, &gate->anchor->gates);
	gate->anchor->nr_gates++;
	gate->nn->nr_gates++;
	hash_add_rcu(gates_inside, &gate->inside_node,
		     key_hash(gate->nn, &gate->inside));
	hash_add_rcu(gates_public, &gate->public_node,
		     key_hash(gate->nn, &gate->outside));
}

void gate_del(struct nst_gate *gate)
{
	lockdep_assert_held(&nst_gate_lock);
	/* Who comes too late must not ask for the anchor any more. */
	spin_lock_bh(&gate->lock);
	gate->closed = true;
	spin_unlock_bh(&gate->lock);
	hash_del_rcu(&gate->inside_node);
	hash_del_rcu(&gate->public_node);
	list_del(&gate->list);
	gate->anchor->nr_gates--;
	gate->nn->nr_gates--;
}

struct nst_gate *gate_by_public(const struct nst_net *nn, const struct gate_key *key)
{
	struct nst_gate *gate;

	hash_for_each_possible_rcu(gates_public, gate, public_node,
				   key_hash(nn, key),
				   lockdep_is_held(&nst_gate_lock))
		if (gate->nn == nn && key_equal(&gate->outside, key))
			return gate;
	return NULL;
}

struct nst_gate *gate_at_all(const struct nst_net *nn, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct gate_key key = {
		.addr = orig->dst.u3,
		.port = orig->dst.u.udp.port,
		.zone = nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_ORIGINAL),
		.l3num = orig->src.l3num,
		.proto = nf_ct_protonum(ct),
	};

	return gate_by_public(nn, &key);
}

struct nst_gate *gate_of_flow(const struct nst_net *nn, const struct nf_conn *ct)
{
	struct nst_gate *gate = gate_at_all(nn, ct);

	return gate && !READ_ONCE(gate->away) ? gate : NULL;
}

static bool filter_passes(const struct nst_endpoint *filter,
			  const struct nst_endpoint *peer)
{
	if (filter->addr.family && !addr_equal(&filter->addr, &peer->addr))
		return false;
	return !filter->port || filter->port == peer->port;
}

static unsigned int gate_rank(struct nst_gate *gate, const struct nst_endpoint *peer)
{
	unsigned int rank;

	spin_lock_bh(&gate->lock);
	if (gate->away)
		rank = 1;
	else if (!gate->open)
		rank = 3;
	else if (!filter_passes(&gate->filter, peer))
		rank = 2;
	else
		rank = gate->filter.addr.family ? 5 : 4;
	spin_unlock_bh(&gate->lock);
	return rank;
}

struct nst_gate *gate_by_inside(const struct nst_net *nn, const struct gate_key *key,
				const struct nst_endpoint *peer)
{
	struct nst_gate *gate, *best = NULL;
	unsigned int rank, best_rank = 0;

	hash_for_each_possible_rcu(gates_inside, gate, inside_node,
				   key_hash(nn, key)) {
		if (gate->nn != nn || !key_equal(&gate->inside, key))
			continue;
		rank = gate_rank(gate, peer);
		if (rank > best_rank) {
			best = gate;
			best_rank = rank;
		}
	}
	return best;
}

bool gate_admits(struct nst_gate *gate, const struct nst_endpoint *peer)
{
	bool ok;

	spin_lock_bh(&gate->lock);
	ok = gate->open && !gate->closed && !gate->away &&
	     filter_passes(&gate->filter, peer);
	spin_unlock_bh(&gate->lock);
	return ok;
}

bool gate_admits_named(struct nst_gate *gate, const struct nst_endpoint *peer)
{
	/* A filter changes, but not from one that names somebody to none. */
	return READ_ONCE(gate->filter.addr.family) && gate_admits(gate, peer);
}

struct nf_conn *gate_master_get(struct nst_gate *gate)
{
	struct nf_conn *ct = NULL;

	/* The anchor's own reference is dropped after the gate is closed. */
	spin_lock_bh(&gate->lock);
	if (!gate->closed && !nf_ct_is_dying(gate->master)) {
		ct = gate->master;
		nf_conntrack_get(&ct->ct_general);
	}
	spin_unlock_bh(&gate->lock);
	return ct;
}

void gate_master_set(struct nst_gate *gate, struct nf_conn *ct)
{
	spin_lock_bh(&gate->lock);
	WRITE_ONCE(gate->master, ct);
	spin_unlock_bh(&gate->lock);
}

static bool flow_known(const struct nst_gate *gate, const struct gate_flow *flow)
{
	unsigned int i;

	for (i = 0; i < gate->nr_flows; i++)
		if (gate->flows[i].port == flow->port &&
		    gate->flows[i].bound == flow->bound &&
		    gate->flows[i].stray == flow->stray &&
		    nf_inet_addr_cmp(&gate->flows[i].peer, &flow->peer))
			return true;
	return false;
}

static bool flow_forget(struct nst_gate *gate, struct gate_flow *flow)
{
	lockdep_assert_held(&gate->lock);
	if (!gate->nr_flows)
		return false;
	*flow = gate->flows[0];
	gate->nr_flows--;
	if (gate->nr_marked)
		WRITE_ONCE(gate->nr_marked, gate->nr_marked - 1);
	memmove(gate->flows, gate->flows + 1, gate->nr_flows * sizeof(*flow));
	return true;
}

bool gate_marked(struct nst_gate *gate, unsigned int n, struct gate_flow *flow)
{
	bool is;

	spin_lock_bh(&gate->lock);
	is = n < gate->nr_marked;
	if (is)
		*flow = gate->flows[n];
	spin_unlock_bh(&gate->lock);
	return is;
}

bool gate_forget_marked(struct nst_gate *gate, struct gate_flow *flow)
{
	bool was;

	spin_lock_bh(&gate->lock);
	was = gate->nr_marked && flow_forget(gate, flow);
	spin_unlock_bh(&gate->lock);
	return was;
}

bool gate_record(struct nst_gate *gate, const struct gate_flow *flow)
{
	struct gate_flow oldest;
	bool ok, full = false;

	spin_lock_bh(&gate->lock);
	ok = !gate->closed && gate->away == flow->stray;
	if (ok && !gate_is_tcp(gate) && !flow_known(gate, flow)) {
		full = gate->nr_flows == GATE_FLOWS && flow_forget(gate, &oldest);
		gate->flows[gate->nr_flows++] = *flow;
	}
	spin_unlock_bh(&gate->lock);
	if (full)
		gate_end_flow(gate, &oldest);
	return ok;
}

bool gates_each(const struct nst_net *nn, u32 *pos,
		bool (*fn)(struct nst_gate *gate, void *arg), void *arg)
{
	u32 end = min_t(u32, *pos + GATES_BATCH, HASH_SIZE(gates_public));
	struct nst_gate *gate;

	lockdep_assert_held(&nst_gate_lock);
	for (; *pos < end; ++*pos)
		hlist_for_each_entry(gate, &gates_public[*pos], public_node)
			if (gate->nn == nn && !fn(gate, arg))
				return false;
	return end < HASH_SIZE(gates_public);
}
