// SPDX-License-Identifier: GPL-2.0-only
/*
 * Media that begins inside leaves with the port that was advertised (D2), and
 * is its call's as much as what comes in by the door (D8).
 *
 * An expectation cannot do that: it matches whole destinations, and nobody
 * knows beforehand which port a peer behind a NAT will be seen with.  So two
 * hooks decide for flows that leave from the inside endpoint of a door: one
 * behind conntrack, as rules and routes go by what a flow inherits, one just
 * in front of source NAT.  The rules decide for all others, and for flows that
 * were there before the door.  A third, the last of all, stops what its call has
 * not waited for.
 */
#include <linux/inetdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/flow.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_nat.h>
#include <net/route.h>

#include "anchor.h"
#include "gate.h"

/* inet_confirm_addr() does not find the address of a point-to-point link. */
static bool addr4_on(const struct net_device *dev, __be32 addr)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa;

	if (!in_dev)
		return false;
	in_dev_for_each_ifa_rcu(ifa, in_dev)
		if (ifa->ifa_local == addr)
			return true;
	return false;
}

static bool addr_on(const struct net_device *dev, const struct gate_key *key)
{
	if (key->l3num == NFPROTO_IPV6)
		return nf_ipv6_chk_addr(dev_net(dev), &key->addr.in6, dev, 1);
	return addr4_on(dev, key->addr.ip);
}

int addr_device(struct net *net, const struct gate_key *key)
{
	const struct net_device *dev;

	for_each_netdev_rcu(net, dev)
		if (addr_on(dev, key))
			return dev->ifindex;
	return 0;
}

/*
 * Does the packet leave for the side where the public address means anything?
 * What goes back to where it came from, or to another inside network, keeps
 * its own address or what the rules say.  The side is told by the device: it
 * has the public address, or signalling leaves by it (an address of a pool is
 * on no device).  Both ends inside and through the public address is not here:
 * the expectation has settled the source of such a flow.
 */
static bool leaves_outside(const struct sk_buff *skb, const struct nst_gate *gate,
			   const struct net_device *out)
{
	int oif = READ_ONCE(gate->oif);

	if (!out || out->ifindex == skb->skb_iif || netif_is_l3_master(out))
		return false;
	if (!oif || oif == out->ifindex || addr_on(out, &gate->outside))
		return true;
	/* A link that is dialled anew is another device. */
	return READ_ONCE(gate->away) && !dev_get_by_index_rcu(dev_net(out), oif);
}

static bool may_bind(const struct nf_conn *ct)
{
	return nf_ct_protonum(ct) == IPPROTO_UDP && !nf_ct_is_confirmed(ct) &&
	       !nf_ct_is_template(ct) &&
	       (!ct->master || nst_anchor_is(ct->master)) &&
	       !(ct->status & (IPS_SRC_NAT_DONE | IPS_DST_NAT));
}

static void flow_peer(struct nst_endpoint *peer, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;

	inet_to_addr(&peer->addr, &orig->dst.u3, orig->src.l3num);
	peer->port = ntohs(orig->dst.u.udp.port);
}

struct nst_gate *bind_gate(const struct nst_net *nn, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct gate_key key = {
		.addr = orig->src.u3,
		.port = orig->src.u.udp.port,
		.zone = nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_ORIGINAL),
		.l3num = orig->src.l3num,
		.proto = IPPROTO_UDP,
	};
	struct nst_endpoint peer;

	flow_peer(&peer, ct);
	return gate_by_inside(nn, &key, &peer);
}

/*
 * Related is what goes where the call's media is known to go, to who may send
 * in by the door.  Otherwise an inside host with a call could reach anybody
 * whom the rules for new flows forbid.  From here on it is as if an
 * expectation had matched.
 */
static bool is_expected(struct nst_gate *gate, const struct nf_conn *ct)
{
	struct nst_endpoint peer;

	flow_peer(&peer, ct);
	return gate_admits_named(gate, &peer);
}

/* Has the expectation given it another source this moment, as to one from inside? */
static bool is_renamed(const struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	return ctinfo == IP_CT_RELATED && ct->master &&
	       (ct->status & IPS_NAT_MASK) == IPS_NAT_MASK && nst_anchor_is(ct->master);
}

/* A flow that begins.  Not inline, so that all other packets leave the hook at once. */
static noinline unsigned int inherit(struct sk_buff *skb, struct nf_conn *ct,
				     enum ip_conntrack_info ctinfo,
				     const struct nf_hook_state *state)
{
	struct nf_conn *master;
	struct nst_gate *gate;
	struct nst_net *nn;

	if (is_renamed(ct, ctinfo) && hairpin_forged(state->net, ct, state->in)) {
		nst_count(&nst_pernet(state->net)->env, NST_R_DOOR_SHUT);
		return NF_DROP;
	}
	if (ctinfo != IP_CT_NEW || !may_bind(ct) || ct->master)
		return NF_ACCEPT;
	nn = nst_pernet(state->net);
	gate = gate_of_flow(nn, ct);
	if (gate) {
		/* Not one of those whom its expectation lets in. */
		hairpin_enter(skb, ct, gate);
		return NF_ACCEPT;
	}
	gate = bind_gate(nn, ct);
	if (!gate)
		return NF_ACCEPT;
	master = gate_master_get(gate);
	if (!master)
		return NF_ACCEPT;
	nst_anchor_bequeath(ct, master);
	if (is_expected(gate, ct)) {
		ct->master = master;
		__set_bit(IPS_EXPECTED_BIT, &ct->status);
		nf_ct_set(skb, ct, IP_CT_RELATED);
	} else {
		nf_ct_put(master);
	}
	return NF_ACCEPT;
}

static unsigned int inherit_hook(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return ct && !nf_ct_is_confirmed(ct) ? inherit(skb, ct, ctinfo, state) : NF_ACCEPT;
}

/* Somebody has a flow between the public endpoint and this very peer. */
static bool public_taken(const struct nf_conn *ct, const struct nst_gate *gate)
{
	struct nf_conntrack_tuple reply = ct->tuplehash[IP_CT_DIR_REPLY].tuple;

	reply.dst.u3 = gate->outside.addr;
	reply.dst.u.udp.port = gate->outside.port;
	return nf_conntrack_tuple_taken(&reply, ct);
}

static unsigned int bind_source(struct nf_conn *ct, struct nst_gate *gate)
{
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED,
		.min_addr = gate->outside.addr,
		.max_addr = gate->outside.addr,
		.min_proto.udp.port = gate->outside.port,
		.max_proto.udp.port = gate->outside.port,
	};

	/* A range of one port would be taken although it is in use. */
	if (public_taken(ct, gate)) {
		range.flags = NF_NAT_RANGE_MAP_IPS;
		nst_count(&gate->nn->env, NST_R_DOOR_CLASH);
	}
	nst_count(&gate->nn->env, NST_R_DOOR_BOUND);
	return nf_nat_setup_info(ct, &range, NF_NAT_MANIP_SRC);
}

/* Its first packet, likewise. */
static noinline unsigned int bind_first(struct sk_buff *skb, struct nf_conn *ct,
					const struct nf_hook_state *state)
{
	struct gate_flow flow = { .bound = true };
	struct nst_gate *gate;
	bool recorded;

	gate = bind_gate(nst_pernet(state->net), ct);
	if (!gate || !leaves_outside(skb, gate, state->out))
		return NF_ACCEPT;
	flow.peer = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u3;
	flow.port = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u.udp.port;
	/* Its address may go or come back this moment: the door knows which it is. */
	do {
		flow.stray = READ_ONCE(gate->away);
		recorded = gate_record(gate, &flow);
	} while (!recorded && flow.stray != READ_ONCE(gate->away));
	return recorded && !flow.stray ? bind_source(ct, gate) : NF_ACCEPT;
}

static unsigned int bind_hook(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || (ctinfo != IP_CT_NEW && ctinfo != IP_CT_RELATED) || !may_bind(ct))
		return NF_ACCEPT;
	return bind_first(skb, ct, state);
}

/*
 * A first packet may have waited in a queue while its call ended.  Who passes
 * here is in the table before this CPU leaves RCU, for nothing is behind this
 * hook but the confirmation: who frees the door after that still finds it.
 */
static unsigned int late_hook(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct;

	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || nf_ct_is_confirmed(ct) || nf_ct_protonum(ct) != IPPROTO_UDP ||
	    !ct->master || !nst_anchor_gone(ct->master))
		return NF_ACCEPT;
	nst_count(&nst_pernet(state->net)->env, NST_R_DOOR_SHUT);
	return NF_DROP;
}

static const struct nf_hook_ops bind_ops[] = {
	{
		.hook = inherit_hook,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK + 1,
	},
	{
		.hook = bind_hook,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_NAT_SRC - 1,
	},
	{
		.hook = late_hook,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK_CONFIRM - 1,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook = inherit_hook,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_CONNTRACK + 1,
	},
	{
		.hook = bind_hook,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_NAT_SRC - 1,
	},
	{
		.hook = late_hook,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_LAST - 1,
	},
#endif
};

int bind_net_init(struct net *net)
{
	return nf_register_net_hooks(net, bind_ops, ARRAY_SIZE(bind_ops));
}

void bind_net_exit(struct net *net)
{
	nf_unregister_net_hooks(net, bind_ops, ARRAY_SIZE(bind_ops));
}

/*
 * The route a packet of the signalling connection takes once it is translated;
 * rules for the public address or for the connection's mark are honoured.
 */
int bind_oif(const struct nst_anchor *anchor)
{
	struct dst_entry *dst = NULL;
	struct flowi fl;
	int oif;

	memset(&fl, 0, sizeof(fl));
#ifdef CONFIG_NF_CONNTRACK_MARK
	fl.flowi_mark = READ_ONCE(anchor->ct->mark);
#endif
	fl.flowi_flags = FLOWI_FLAG_ANYSRC;
	if (anchor->l3num == NFPROTO_IPV4) {
		fl.u.ip4.daddr = anchor->peer.addr.ip;
		fl.u.ip4.saddr = anchor->public.ip;
	} else {
		fl.u.ip6.daddr = anchor->peer.addr.in6;
		fl.u.ip6.saddr = anchor->public.in6;
	}
	if (nf_route(anchor->nn->net, &dst, &fl, false, anchor->l3num) || !dst)
		return 0;
	oif = dst->error ? 0 : dst->dev->ifindex;
	dst_release(dst);
	return oif;
}
