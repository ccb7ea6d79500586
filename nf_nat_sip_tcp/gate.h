/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_GATE_H
#define NF_NAT_SIP_TCP_GATE_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/spinlock.h>
#include <net/netfilter/nf_conntrack.h>

#include <nf_nat_sip_tcp/addr.h>
#include <nf_nat_sip_tcp/dialog.h>

#include "netns.h"

/* Flows of a door that are ended with their call. */
#define GATE_FLOWS 8

/* Flows of a call that are looked at to see whether it is alive. */
#define GATE_PROBES 16

/**
 * struct nst_door_net - doors of a namespace
 * @live: new anchors may be made; under the lock of the gates
 * @anchors: all &struct nst_anchor
 */
struct nst_door_net {
	bool live;
	struct list_head anchors;
};

/**
 * struct nst_anchor - master of a call's expectations
 * @node: in the table of all, by @id
 * @list: in &nst_door_net.anchors
 * @nn: namespace
 * @id: what &nst_holder.anchor says
 * @ct: the conntrack entry, with a reference.  A look-up each time would
 *	collect expired entries on its way, and their destroy() needs the very
 *	locks that are held.  nst_door_net_exit() drops it in time.
 * @inside_zone: conntrack zone of packets that the inside host sends
 * @oif: device by which the signalling leaves, 0 where unknown
 * @gates: its doors
 * @nr_gates: how many
 */
struct nst_anchor {
	struct hlist_node node;
	struct list_head list;
	struct nst_net *nn;
	u32 id;
	struct nf_conn *ct;
	u16 inside_zone;
	int oif;
	struct list_head gates;
	u16 nr_gates;
};

/**
 * struct gate_key - an endpoint as hashed and compared: bytewise
 * @addr: address
 * @port: UDP port
 * @zone: conntrack zone of the packets that show it
 * @l3num: NFPROTO_IPV4 or NFPROTO_IPV6
 */
struct gate_key {
	union nf_inet_addr addr;
	__be16 port;
	u16 zone;
	u32 l3num;
};

/**
 * struct gate_flow - a flow that runs through a door
 * @peer: who is at the other end
 * @port: its port
 * @bound: began inside; otherwise it came in by the expectation
 */
struct gate_flow {
	union nf_inet_addr peer;
	__be16 port;
	bool bound;
};

/**
 * struct nst_gate - a door as the kernel's side knows it
 * @inside_node: in the table by @inside
 * @public_node: in the table by @outside
 * @list: in &nst_anchor.gates
 * @anchor: its anchor; under nst_gate_lock only
 * @master: conntrack entry of the anchor, for comparison only
 * @nn: namespace
 * @inside: where it leads; zone of packets that the inside host sends
 * @outside: what was advertised; zone of packets that arrive there
 * @oif: as in the anchor
 * @lock: protects what follows
 * @open: flows may come in
 * @closed: the call has ended, no flow may be added
 * @filter: who may send
 * @nr_flows: flows seen; up to GATE_FLOWS are in @flows
 * @flows: to be ended with the call
 * @rcu: to free it
 */
struct nst_gate {
	struct hlist_node inside_node;
	struct hlist_node public_node;
	struct list_head list;
	struct nst_anchor *anchor;
	const struct nf_conn *master;
	struct nst_net *nn;
	struct gate_key inside;
	struct gate_key outside;
	int oif;
	spinlock_t lock;
	bool open;
	bool closed;
	struct nst_endpoint filter;
	u8 nr_flows;
	struct gate_flow flows[GATE_FLOWS];
	struct rcu_head rcu;
};

/* Protects the tables and all lists of anchors and gates.  Taken inside of
 * the calls lock, outside of the expectation lock and of nst_gate.lock.
 */
extern spinlock_t nst_gate_lock;

static inline u8 addr_l3num(const struct nst_addr *addr)
{
	return addr->family == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static inline void addr_to_inet(union nf_inet_addr *to, const struct nst_addr *addr)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, addr->ip, addr->family == 6 ? 16 : 4);
}

static inline void inet_to_addr(struct nst_addr *to, const union nf_inet_addr *addr,
				u8 l3num)
{
	memset(to, 0, sizeof(*to));
	to->family = l3num == NFPROTO_IPV6 ? 6 : 4;
	memcpy(to->ip, addr, l3num == NFPROTO_IPV6 ? 16 : 4);
}

/** gate_key_set - address and port; zone is kept */
void gate_key_set(struct gate_key *key, const struct nst_addr *addr, u16 port);

/** gate_key_ep - the other way round, for the trace */
void gate_key_ep(struct nst_endpoint *ep, const struct gate_key *key);

/* gate.c: tables */
struct nst_anchor *anchor_find(const struct nst_net *nn, u32 id);
void anchor_add(struct nst_anchor *anchor, u32 id);
void anchor_rename(struct nst_anchor *anchor, u32 id);
void anchor_del(struct nst_anchor *anchor);

struct nst_gate *gate_alloc(struct nst_anchor *anchor);
void gate_add(struct nst_gate *gate);
/** gate_del - out of tables and lists; freed after a grace period */
void gate_del(struct nst_gate *gate);
/** gate_by_public - under RCU or nst_gate_lock; @key with zone */
struct nst_gate *gate_by_public(const struct nst_net *nn, const struct gate_key *key);
/** gate_of_flow - the door that a UDP flow's first destination is; under RCU */
struct nst_gate *gate_of_flow(const struct nst_net *nn, const struct nf_conn *ct);
/**
 * gate_by_inside - the door that media from inside to @peer belongs to
 *
 * A host that uses one port for several calls has several doors to it: the
 * one whose filter names the peer is the best, then an open one without
 * filter, one that waits for its answer, any.
 */
struct nst_gate *gate_by_inside(const struct nst_net *nn, const struct gate_key *key,
				const struct nst_endpoint *peer);
/** gate_admits - may this peer come in? */
bool gate_admits(struct nst_gate *gate, const struct nst_endpoint *peer);
/** gate_record - remember a flow; false where the call has ended */
bool gate_record(struct nst_gate *gate, const struct gate_flow *flow);

/* expect.c: the expectation of a gate; nst_gate_lock held, except expectfn */
int gate_expect(struct nst_gate *gate);
int gate_expect_update(struct nst_gate *gate);
void gate_unexpect(struct nst_gate *gate);
void gate_expect_init(void);
void gate_expect_exit(void);

/* port.c: which ports can be had */
/** port_denied - may no door lead there? (P3) */
bool port_denied(u16 port);
/** port_usable - nobody on this host uses or reserves it; @key: public endpoint */
bool port_usable(const struct nst_net *nn, const struct gate_key *key);
/**
 * port_candidate - ports to try, one after another
 * @req: what is asked for
 * @nr: number of the attempt, from 0
 * @start: random, the same for all attempts of a request
 *
 * Return: first port of the range to try, 0 where nothing is left to try.
 */
u16 port_candidate(const struct nst_reserve *req, unsigned int nr, u32 start);

/* flows.c */
/** gate_end_flows - delete the running flows of a closed gate; no lock held */
void gate_end_flows(struct nst_gate *gate);

/**
 * struct gate_probe - flows of which one may still carry media
 * @net: namespace
 * @more: there are some that nobody recorded
 * @nr: number of @flow
 * @flow: how each is found
 */
struct gate_probe {
	struct net *net;
	bool more;
	u16 nr;
	struct {
		struct nf_conntrack_tuple tuple;
		u16 zone;
	} flow[GATE_PROBES];
};

/** gate_probe_new - the flows of all doors of an anchor; NULL without memory; atomic */
struct gate_probe *gate_probe_new(struct nst_anchor *anchor);
/** gate_probe_alive - does conntrack know one of them?  Frees @p; no lock held */
bool gate_probe_alive(struct gate_probe *p);

/* guard.c */
int guard_net_init(struct net *net);
void guard_net_exit(struct net *net);

/* bind.c */
int bind_net_init(struct net *net);
void bind_net_exit(struct net *net);
/** bind_oif - device by which packets for the signalling peer leave, or 0 */
int bind_oif(struct net *net, const struct nf_conn *owner, u8 inside_dir);

#endif
