// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two inside hosts that reach each other by way of their public address (N9).
 *
 *	a 10.0.0.3:6000 -----> 203.0.113.1:6010, a door that leads to
 *	                       b 10.0.0.4:6000
 *	b is to see this come from 203.0.113.1:6000, the door that leads to a
 *
 * Each knows of the other what its signalling said: the public endpoint.  It
 * must hear it from there (RFC 4787 REQ-9).  With its inside address a
 * stranger would speak; and b would answer that address, past this host, so
 * that a in its turn hears one that it has never heard of.
 *
 * The filter of a door names the public endpoint, too, and no expectation can
 * match packets that do not have it yet: what the filter lets in is found
 * behind conntrack, by the door that the sender has itself.
 */
#include <net/dst.h>
#include <net/flow.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_nat.h>

#include "anchor.h"
#include "gate.h"
#include "memory.h"

static bool host_known(struct nst_net *nn, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct nst_addr addr;
	bool known;

	inet_to_addr(&addr, &orig->src.u3, orig->src.l3num);
	spin_lock_bh(&nn->mem.lock);
	known = nst_inside_find(nn, &addr, nf_ct_zone(ct)->id);
	spin_unlock_bh(&nn->mem.lock);
	return known;
}

/* The device behind which the sender is, by the table of routes (of a VRF) alone; or 0. */
static int sender_oif(struct net *net, const struct nf_conn *ct, int vrf)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct dst_entry *dst = NULL;
	struct flowi fl;
	int oif;

	memset(&fl, 0, sizeof(fl));
	fl.flowi_l3mdev = vrf;
	if (orig->src.l3num == NFPROTO_IPV4)
		fl.u.ip4.daddr = orig->src.u3.ip;
	else
		fl.u.ip6.daddr = orig->src.u3.in6;
	if (nf_route(net, &dst, &fl, false, orig->src.l3num) || !dst)
		return 0;
	oif = dst->error ? 0 : dst->dev->ifindex;
	dst_release(dst);
	return oif;
}

/*
 * Does an inside host come to the public side from within?  One that is where
 * the door's own peer is has its place there (it may be inside of another NAT),
 * unless that peer itself is seen by its public address.
 */
static bool from_within(const struct nst_gate *gate, const struct nf_conn *ct)
{
	int oif = READ_ONCE(gate->oif);

	return host_known(gate->nn, ct) &&
	       (gate->reflected || !oif || sender_oif(gate->nn->net, ct, 0) != oif);
}

/*
 * Whoever writes an inside address outside is not inside: it has to come by the
 * device that leads to that address, as rp_filter wants it where that is on.
 */
static bool comes_from_there(struct net *net, const struct nf_conn *ct,
			     const struct net_device *in)
{
	/* In a VRF it was looked at before, when it came by the device itself. */
	return netif_is_l3_master(in) ||
	       sender_oif(net, ct, l3mdev_master_ifindex_rcu(in)) == in->ifindex;
}

/* The expectation's function is not told the device, so it has let all of them in. */
bool hairpin_forged(struct net *net, const struct nf_conn *ct, const struct net_device *in)
{
	const struct nst_gate *gate = gate_of_flow(nst_pernet(net), ct);

	return gate && from_within(gate, ct) && !comes_from_there(net, ct, in);
}

static struct nst_gate *sender_gate(const struct nst_gate *gate, const struct nf_conn *ct)
{
	struct nst_gate *sender = NULL;

	if (nf_ct_protonum(ct) == IPPROTO_UDP)
		sender = bind_gate(gate->nn, ct);
	/* What it was known as this host has lost. */
	return sender && !READ_ONCE(sender->away) ? sender : NULL;
}

static void record_at(struct nst_gate *sender, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct gate_flow flow = {
		.peer = orig->dst.u3,
		.port = orig->dst.u.udp.port,
		.bound = true,
	};

	gate_record(sender, &flow);
}

/* A range of one port would be taken although it is in use. */
static bool source_taken(const struct nf_conn *ct, const struct gate_key *source)
{
	struct nf_conntrack_tuple reply = ct->tuplehash[IP_CT_DIR_REPLY].tuple;

	reply.dst.u3 = source->addr;
	reply.dst.u.all = source->port;
	return nf_conntrack_tuple_taken(&reply, ct);
}

void hairpin_source(struct gate_source *source, const struct nst_gate *gate,
		    const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct nst_gate *sender;

	source->addr = orig->src.u3;
	source->port = orig->src.u.all;
	source->exact = false;
	if (!from_within(gate, ct))
		return;
	nst_count(&gate->nn->env, NST_R_DOOR_HAIRPIN);
	source->addr = gate->outside.addr;
	sender = sender_gate(gate, ct);
	if (!sender)
		return;
	source->addr = sender->outside.addr;
	source->port = sender->outside.port;
	source->exact = !source_taken(ct, &sender->outside);
	record_at(sender, ct);
}

/* Does the door let in what its sender is known as outside? */
static bool admits_sender(struct nst_gate *gate, const struct nf_conn *ct)
{
	struct nst_gate *sender = sender_gate(gate, ct);
	struct nst_endpoint peer;

	if (!sender)
		return false;
	gate_key_ep(&peer, &sender->outside);
	return gate_admits(gate, &peer) && from_within(gate, ct);
}

bool hairpin_enter(struct sk_buff *skb, struct nf_conn *ct, struct nst_gate *gate)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct gate_flow flow = { .peer = orig->src.u3, .port = orig->src.u.udp.port };
	struct nf_conn *master;

	/* Both ends of one whose NAT is settled stay as they are. */
	if (ct->status & IPS_NAT_DONE_MASK)
		return false;
	if (!admits_sender(gate, ct) || !comes_from_there(gate->nn->net, ct, skb->dev))
		return false;
	master = gate_master_get(gate);
	if (!master)
		return false;
	if (!gate_record(gate, &flow)) {
		nf_ct_put(master);
		return false;
	}
	/* From here on it is as if an expectation had matched. */
	nst_anchor_bequeath(ct, master);
	ct->master = master;
	__set_bit(IPS_EXPECTED_BIT, &ct->status);
	nf_ct_set(skb, ct, IP_CT_RELATED);
	gate_nat(ct, gate);
	nst_count(&gate->nn->env, NST_R_DOOR_USED);
	return true;
}
