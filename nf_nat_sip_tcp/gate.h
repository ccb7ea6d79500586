/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_GATE_H
#define NF_NAT_SIP_TCP_GATE_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <net/netfilter/nf_conntrack.h>

#include <nf_nat_sip_tcp/addr.h>
#include <nf_nat_sip_tcp/dialog.h>

#include "netns.h"

/* Flows of a door that are ended with their call. */
#define GATE_FLOWS 8

/* RTP and RTCP, or TCP and UDP: of few anchors more is wanted. */
#define ANCHOR_GATES 2

/* Flows of a call that are looked at to see whether it is alive. */
#define GATE_PROBES 16

/**
 * struct nst_door_net - doors of a namespace; under the lock of the gates
 * @live: new anchors may be made
 * @last_id: &nst_anchor.id of the newest
 * @anchors: all &struct nst_anchor
 */
struct nst_door_net {
	bool live;
	u32 last_id;
	struct list_head anchors;
};

/**
 * struct gate_peer - an end outside
 * @addr: its address
 * @port: its port
 */
struct gate_peer {
	union nf_inet_addr addr;
	__be16 port;
};

struct nst_anchor;

/**
 * struct gate_key - an endpoint as hashed and compared: bytewise
 * @addr: address
 * @port: port
 * @zone: conntrack zone of the packets that show it
 * @l3num: NFPROTO_IPV4 or NFPROTO_IPV6
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 */
struct gate_key {
	union nf_inet_addr addr;
	__be16 port;
	u16 zone;
	u16 l3num;
	u16 proto;
};

/**
 * struct gate_flow - a flow that runs through a door
 * @peer: who is at the other end
 * @port: its port
 * @bound: began inside; otherwise it came in by the expectation
 * @stray: and left as the rules have it, for the door was away
 */
struct gate_flow {
	union nf_inet_addr peer;
	__be16 port;
	bool bound;
	bool stray;
};

/**
 * struct nst_gate - a door as the kernel's side knows it
 * @inside_node: in the table by @inside
 * @public_node: in the table by @outside
 * @list: in &nst_anchor.gates
 * @anchor: its anchor; under nst_gate_lock only
 * @block: the anchor in whose memory it is, NULL: it has its own
 * @master: conntrack entry of the anchor; a reference to it is to be had from
 *	gate_master_get() only
 * @nn: namespace
 * @host: as in the anchor
 * @inside: where it leads; zone of packets that the inside host sends
 * @outside: what was advertised; zone of packets that arrive there
 * @oif: as in the anchor; written under nst_gate_lock
 * @reflected: as in the anchor
 * @lock: protects what follows
 * @open: flows may come in
 * @closed: the call has ended, no flow may be added
 * @ended: and those that there were end with it
 * @away: this host has lost the address; set under nst_gate_lock, too
 * @has_addr: this host had it; under nst_gate_lock only
 * @filter: who may send
 * @nr_flows: how many of @flows there are
 * @nr_marked: how many of them, from the first on, have to begin anew
 * @flows: to be ended with the door, the oldest first
 * @rcu: to free it
 */
struct nst_gate {
	struct hlist_node inside_node;
	struct hlist_node public_node;
	struct list_head list;
	struct nst_anchor *anchor;
	struct nst_anchor *block;
	struct nf_conn *master;
	struct nst_net *nn;
	struct nst_inside *host;
	struct gate_key inside;
	struct gate_key outside;
	int oif;
	bool reflected;
	spinlock_t lock;
	bool open;
	bool closed;
	bool ended;
	bool away;
	bool has_addr;
	struct nst_endpoint filter;
	u8 nr_flows;
	u8 nr_marked;
	struct gate_flow flows[GATE_FLOWS];
	struct rcu_head rcu;
};

/**
 * struct nst_anchor - master of the expectations of a call or a contact
 * @node: in the table of all, by @id
 * @list: in &nst_door_net.anchors
 * @nn: namespace
 * @host: inside host that it and its gates are charged to, or NULL
 * @id: what &nst_holder.anchor says
 * @signalling: its doors are a contact's
 * @ct: the conntrack entry, with a reference; nst_door_net_exit() drops it in
 *	time
 * @inside_zone: conntrack zone of packets that the inside host sends
 * @oif: device by which the signalling leaves, 0 where unknown
 * @reflected: the signalling peer is inside, too, and shows by its public address
 * @peer: the other end of the signalling, as its packets come in
 * @public: where they come to
 * @l3num: family of both
 * @gates: its doors
 * @nr_gates: how many
 * @users: of this memory: the anchor, and each gate in @own
 * @nr_own: so many of @own are in use, or were
 * @own: room for the first of its doors
 */
struct nst_anchor {
	struct hlist_node node;
	struct list_head list;
	struct nst_net *nn;
	struct nst_inside *host;
	u32 id;
	bool signalling;
	struct nf_conn *ct;
	u16 inside_zone;
	int oif;
	bool reflected;
	struct gate_peer peer;
	union nf_inet_addr public;
	u8 l3num;
	struct list_head gates;
	u16 nr_gates;
	refcount_t users;
	u8 nr_own;
	struct nst_gate own[ANCHOR_GATES];
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

/** gate_key_set - address and port; zone and protocol are kept */
void gate_key_set(struct gate_key *key, const struct nst_addr *addr, u16 port);

/** gate_key_ep - the other way round, for the trace */
void gate_key_ep(struct nst_endpoint *ep, const struct gate_key *key);

/*
 * A door for connections?  They are SIP, so they are followed; and they go on
 * when the door closes, with the calls in them.
 */
static inline bool gate_is_tcp(const struct nst_gate *gate)
{
	return gate->outside.proto == IPPROTO_TCP;
}

/* gate.c: tables */
struct nst_anchor *anchor_find(const struct nst_net *nn, u32 id);
void anchor_add(struct nst_anchor *anchor, u32 id);
void anchor_del(struct nst_anchor *anchor);

/** anchor_alloc - zeroed, charged to @host, which may be NULL */
struct nst_anchor *anchor_alloc(struct nst_net *nn, struct nst_inside *host);
void anchor_free(struct nst_anchor *anchor);

struct nst_gate *gate_alloc(struct nst_anchor *anchor);
/** gate_free - free one that was never added */
void gate_free(struct nst_gate *gate);
/**
 * gate_free_later - free one that was, when nobody sees it any more
 *
 * What was not in conntrack's table yet when its flows were ended is by then.
 */
void gate_free_later(struct nst_gate *gate);
void gate_add(struct nst_gate *gate);
/** gate_del - out of tables and lists; freed after a grace period */
void gate_del(struct nst_gate *gate);
/** gate_by_public - under RCU or nst_gate_lock; @key with zone */
struct nst_gate *gate_by_public(const struct nst_net *nn, const struct gate_key *key);
/**
 * gate_of_flow - the door that a flow's first destination is; under RCU
 *
 * One whose address this host has lost is none.
 */
struct nst_gate *gate_of_flow(const struct nst_net *nn, const struct nf_conn *ct);
/** gate_at_all - the same, also while its address is lost */
struct nst_gate *gate_at_all(const struct nst_net *nn, const struct nf_conn *ct);
/**
 * gate_by_inside - the door that media from inside to @peer belongs to
 *
 * A host that uses one port for several calls has several doors to it: the
 * one whose filter names the peer is the best, then an open one without
 * filter, one that waits for its answer, any; one that is away is the last.
 */
struct nst_gate *gate_by_inside(const struct nst_net *nn, const struct gate_key *key,
				const struct nst_endpoint *peer);
/**
 * gates_each - some doors of a namespace, as bindings_each(); nst_gate_lock held
 *
 * The table is that of all namespaces, and all wait for its lock.
 *
 * Return: call again, after the lock was given back?
 */
bool gates_each(const struct nst_net *nn, u32 *pos,
		bool (*fn)(struct nst_gate *gate, void *arg), void *arg);
/** gate_admits - may this peer come in? */
bool gate_admits(struct nst_gate *gate, const struct nst_endpoint *peer);
/** gate_admits_named - is it among those whom the door's filter names? */
bool gate_admits_named(struct nst_gate *gate, const struct nst_endpoint *peer);
/** gate_master_get - the anchor's entry with a reference; NULL where it has gone */
struct nf_conn *gate_master_get(struct nst_gate *gate);
/** gate_master_set - another entry takes the place of the anchor's */
void gate_master_set(struct nst_gate *gate, struct nf_conn *ct);
/**
 * gate_record - remember a flow that ends with the door; under RCU, no lock held
 *
 * Beyond GATE_FLOWS the oldest one ends: where it is alive it begins anew with
 * its next packet.
 *
 * Return: false where the door is closed, or away and the flow is no stray.
 */
bool gate_record(struct nst_gate *gate, const struct gate_flow *flow);
/** gate_marked - the nth marked flow; false: there is none */
bool gate_marked(struct nst_gate *gate, unsigned int n, struct gate_flow *flow);
/** gate_forget_marked - take the oldest marked flow off the list; false: none is left */
bool gate_forget_marked(struct nst_gate *gate, struct gate_flow *flow);

/* expect.c: the expectation of a gate; nst_gate_lock held, except expectfn */
int gate_expect(struct nst_gate *gate);
int gate_expect_update(struct nst_gate *gate);
void gate_unexpect(struct nst_gate *gate);
void gate_expect_init(void);
void gate_expect_exit(void);
/** gate_nat - translate both ends of a flow that a door lets in */
void gate_nat(struct nf_conn *ct, const struct nst_gate *gate);

/* hairpin.c: from inside to a door, and in again */
/**
 * struct gate_source - what the source of a flow becomes
 * @addr: address
 * @port: port that is wanted
 * @exact: no other will do
 */
struct gate_source {
	union nf_inet_addr addr;
	__be16 port;
	bool exact;
};

/**
 * hairpin_source - who a flow through this door is to be seen from; under RCU
 *
 * That is who began it, unless an inside host did.  The destination is
 * translated already.
 */
void hairpin_source(struct gate_source *source, const struct nst_gate *gate,
		    const struct nf_conn *ct);
/**
 * hairpin_forged - does a flow that a door has just let in lie about its source? under RCU
 *
 * It names an inside host, and its first packet came by another device than
 * leads to that.
 */
bool hairpin_forged(struct net *net, const struct nf_conn *ct, const struct net_device *in);
/** hairpin_enter - let in by this door what its filter knows by the public name; under RCU */
bool hairpin_enter(struct sk_buff *skb, struct nf_conn *ct, struct nst_gate *gate);

/* port.c: which ports can be had */
/** ports_denied - may no door lead there? (P3) */
bool ports_denied(const struct nst_net *nn, const struct nst_reserve *req);
/**
 * struct port_question - may this public port be given away?
 * @nn: namespace
 * @key: the port
 * @inside: where it would lead
 * @signalling: it is for SIP
 * @chosen: it is not one of many, but the one that was asked for
 * @asked: how often more was asked than our own table
 * @random: where the search begins, and who asks
 * @oif: device by which the peer is reached, 0 where unknown
 * @peer: the other end of the signalling
 */
struct port_question {
	struct nst_net *nn;
	struct gate_key key;
	struct gate_key inside;
	bool signalling;
	bool chosen;
	unsigned int asked;
	u32 random;
	int oif;
	struct gate_peer peer;
};

/**
 * port_usable - nobody on this host uses, reserves or forwards it
 *
 * Under RCU.  Takes a while, as rules are asked: the locks of connection and
 * calls may be held, that of the gates must not.
 */
bool port_usable(struct port_question *q);
/**
 * port_candidate - ports to try, one after another
 * @q: what was asked so far
 * @req: what is asked for
 * @nr: number of the attempt, from 0
 *
 * Return: first port of the range to try, 0 where nothing is left to try.
 */
u16 port_candidate(const struct port_question *q, const struct nst_reserve *req,
		   unsigned int nr);

/* rules.c: what the user's rules would do */
/** rules_forward - does a rule send what arrives there somewhere else? */
bool rules_forward(const struct port_question *q);

/* master.c: anchors of holders; nst_gate_lock held */
/** anchor_get - good for expectations; NULL: there is none, or an ERR_PTR */
struct nst_anchor *anchor_get(struct nst_net *nn, const struct nst_holder *holder);
/** anchor_has_device - is it there, or known to be unknown?  Under RCU */
bool anchor_has_device(const struct nst_anchor *anchor);
/** anchor_set_device - for its doors, too; 0, and false: it is not to be found */
bool anchor_set_device(struct nst_anchor *anchor, int oif);
/** anchor_get_new - the same, made where there is none; under RCU */
struct nst_anchor *anchor_get_new(struct nst_net *nn, struct nst_holder *holder, u8 l3num);

/* reserve.c */
/** holder_gate - the gate of a door; nst_gate_lock held */
struct nst_gate *holder_gate(const struct nst_anchor *anchor, const struct nst_door *door);

/* flows.c */
/**
 * gate_end_flows - close it and delete its running flows; no lock held
 *
 * Those that were recorded: connections go on.
 */
void gate_end_flows(struct nst_gate *gate);
/** gate_end_recorded - the second half of it, once more */
void gate_end_recorded(const struct nst_gate *gate);
/** gate_end_flow - one of them; no lock held */
void gate_end_flow(const struct nst_gate *gate, const struct gate_flow *flow);
/** gate_end_marked - delete the marked flows of a gate that stays; no lock held */
void gate_end_marked(struct nst_gate *gate);
/** gate_drop_marked - and forget them */
void gate_drop_marked(struct nst_gate *gate);

/**
 * struct gate_probe - flows of which one may still carry media
 * @net: namespace
 * @more: there are some for which there is no room
 * @first: so many are before these
 * @nr: number of @flow
 * @flow: how each is found
 */
struct gate_probe {
	struct net *net;
	bool more;
	u32 first;
	u16 nr;
	struct {
		struct nf_conntrack_tuple tuple;
		u16 zone;
	} flow[GATE_PROBES];
};

/**
 * gate_probe_new - flows of the doors of an anchor, as many as there is room for
 * @first: so many were looked at before
 *
 * Atomic.  Return: NULL without memory.
 */
struct gate_probe *gate_probe_new(struct nst_anchor *anchor, u32 first);
/** gate_probe_alive - does conntrack know one of them?  Frees @p; no lock held */
bool gate_probe_alive(struct gate_probe *p);

/* away.c */
/** nst_addr_here - is it an address of this host? */
bool nst_addr_here(struct net *net, const struct gate_key *key);
int nst_away_init(void);
void nst_away_exit(void);

/* guard.c */
int guard_net_init(struct net *net);
void guard_net_exit(struct net *net);

/* bind.c */
int bind_net_init(struct net *net);
void bind_net_exit(struct net *net);
/** bind_gate - the door that a flow of UDP from inside belongs to, or NULL; under RCU */
struct nst_gate *bind_gate(const struct nst_net *nn, const struct nf_conn *ct);
/** bind_oif - device by which packets for the signalling peer leave, or 0 */
int bind_oif(const struct nst_anchor *anchor);
/** addr_device - device that has this address, or 0; under RCU */
int addr_device(struct net *net, const struct gate_key *key);

#endif
