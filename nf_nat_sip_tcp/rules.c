// SPDX-License-Identifier: GPL-2.0-only
/*
 * Would a rule of the user forward what arrives at a public port?
 *
 * A door comes before the rules: its expectation has settled the destination
 * when they are looked at.  A PBX that is published at port 5060 would lose
 * its callers to the first phone that registers with that port.  So they are
 * asked before, by the only way there is: a connection that nobody has opened
 * is shown to what stands at the place of DNAT, and forgotten again.
 *
 * It comes from the signalling peer, by the device that leads to it, and has
 * no mark.  Rules that go by what only other chains or other senders have are
 * not found out, nor are those that come later: there the door wins.
 */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "compat.h"
#include "gate.h"

#define HEADERS (ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr))

static void put_ipv4(struct sk_buff *skb, const struct port_question *q, unsigned int payload)
{
	struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tot_len = htons(sizeof(*iph) + payload);
	iph->frag_off = htons(IP_DF);
	iph->ttl = IPDEFTTL;
	iph->protocol = q->key.proto;
	iph->saddr = q->peer.addr.ip;
	iph->daddr = q->key.addr.ip;
	ip_send_check(iph);
	skb->protocol = htons(ETH_P_IP);
}

static void put_ipv6(struct sk_buff *skb, const struct port_question *q, unsigned int payload)
{
	struct ipv6hdr *ip6h = skb_put_zero(skb, sizeof(*ip6h));

	ip6h->version = 6;
	ip6h->payload_len = htons(payload);
	ip6h->nexthdr = q->key.proto;
	ip6h->hop_limit = IPDEFTTL;
	ip6h->saddr = q->peer.addr.in6;
	ip6h->daddr = q->key.addr.in6;
	skb->protocol = htons(ETH_P_IPV6);
}

static void put_tcp(struct sk_buff *skb, __be16 source, __be16 dest)
{
	struct tcphdr *th = skb_put_zero(skb, sizeof(*th));

	th->source = source;
	th->dest = dest;
	th->doff = sizeof(*th) / 4;
	th->syn = 1;
	th->window = htons(U16_MAX);
}

static void put_udp(struct sk_buff *skb, __be16 source, __be16 dest)
{
	struct udphdr *uh = skb_put_zero(skb, sizeof(*uh));

	uh->source = source;
	uh->dest = dest;
	uh->len = htons(sizeof(*uh));
}

static struct sk_buff *first_packet(const struct port_question *q, __be16 source,
				    struct net_device *dev)
{
	bool tcp = q->key.proto == IPPROTO_TCP;
	unsigned int payload = tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	struct sk_buff *skb = alloc_skb(HEADERS, GFP_ATOMIC | __GFP_NOWARN);

	if (!skb)
		return NULL;
	/* Rules may look at the link header, too. */
	skb_reset_mac_header(skb);
	eth_zero_addr(skb_put_zero(skb, ETH_HLEN));
	skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	skb_reset_mac_len(skb);
	if (q->key.l3num == NFPROTO_IPV6)
		put_ipv6(skb, q, payload);
	else
		put_ipv4(skb, q, payload);
	eth_hdr(skb)->h_proto = skb->protocol;
	skb_set_transport_header(skb, skb->len);
	if (tcp)
		put_tcp(skb, source, q->key.port);
	else
		put_udp(skb, source, q->key.port);
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return skb;
}

/* One reference for us, one for the packet. */
static struct nf_conn *first_conntrack(const struct port_question *q, __be16 source)
{
	struct nf_conntrack_tuple orig, reply;
	struct nf_conntrack_zone zone;
	struct nf_conn *ct;

	memset(&orig, 0, sizeof(orig));
	orig.src.l3num = q->key.l3num;
	orig.src.u3 = q->peer.addr;
	orig.src.u.all = source;
	orig.dst.u3 = q->key.addr;
	orig.dst.u.all = q->key.port;
	orig.dst.protonum = q->key.proto;
	orig.dst.dir = IP_CT_DIR_ORIGINAL;
	if (!nf_ct_invert_tuple(&reply, &orig))
		return NULL;
	nf_ct_zone_init(&zone, q->key.zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	ct = nf_conntrack_alloc(q->nn->net, &zone, &orig, &reply, GFP_ATOMIC);
	if (IS_ERR(ct))
		return NULL;
	/* As conntrack does for the first packet of a connection. */
	smp_wmb();
	refcount_set(&ct->ct_general.use, 2);
	return ct;
}

static const struct nf_hook_entries *pre_routing(const struct net *net, u16 l3num)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (l3num == NFPROTO_IPV6)
		return rcu_dereference(net->nf.hooks_ipv6[NF_INET_PRE_ROUTING]);
#endif
	return rcu_dereference(net->nf.hooks_ipv4[NF_INET_PRE_ROUTING]);
}

/* All NAT chains are behind one entry; a filter chain may have its priority. */
static bool is_nat(const struct nf_hook_ops *ops)
{
	return ops->priority == NF_IP_PRI_NAT_DST &&
	       ops->hook_ops_type == NST_HOOK_OP_NAT;
}

/* Return: the packet, where nobody has taken it away. */
static struct sk_buff *ask(struct sk_buff *skb, struct nf_hook_state *state, bool *accepted)
{
	const struct nf_hook_entries *e = pre_routing(state->net, state->pf);
	struct nf_hook_ops *const *ops;
	unsigned int i, verdict = NF_ACCEPT;

	if (!e)
		return skb;
	ops = nf_hook_entries_get_hook_ops(e);
	for (i = 0; i < e->num_hook_entries && verdict == NF_ACCEPT; i++)
		if (is_nat(READ_ONCE(ops[i])))
			verdict = nf_hook_entry_hookfn(&e->hooks[i], skb, state) &
				  NF_VERDICT_MASK;
	*accepted = verdict == NF_ACCEPT;
	return verdict == NF_STOLEN ? NULL : skb;
}

static bool conntrack_full(const struct net *net)
{
	u32 max = READ_ONCE(nf_conntrack_max);

	return max && nf_conntrack_count(net) + num_online_cpus() >= max;
}

static bool forwards(struct nf_conn *ct, const struct port_question *q, __be16 source,
		     struct net_device *dev)
{
	struct sk_buff *skb = first_packet(q, source, dev);
	struct nf_hook_state state;
	bool accepted = true;

	if (!skb) {
		nf_ct_put(ct);
		return true;
	}
	nf_ct_set(skb, ct, IP_CT_NEW);
	nf_hook_state_init(&state, NF_INET_PRE_ROUTING, q->key.l3num, dev, NULL, NULL,
			   q->nn->net, NULL);
	kfree_skb(ask(skb, &state, &accepted));
	return !accepted || (ct->status & IPS_DST_NAT);
}

/* Who cannot be asked is taken to say yes. */
bool rules_forward(const struct port_question *q)
{
	struct net *net = q->nn->net;
	__be16 source = htons(1024 + q->random % (U16_MAX - 1024));
	struct net_device *dev;
	struct nf_conn *ct;
	bool taken;

	dev = q->oif ? dev_get_by_index_rcu(net, q->oif) : NULL;
	ct = conntrack_full(net) ? NULL : first_conntrack(q, source);
	if (!ct)
		return true;
	taken = forwards(ct, q, source, dev ?: net->loopback_dev);
	/* A rule that answers in the peer's place has made it a real one. */
	if (nf_ct_is_confirmed(ct))
		nf_ct_delete(ct, 0, 0);
	nf_ct_put(ct);
	if (taken)
		nst_count(&q->nn->env, NST_R_DOOR_FORWARDED);
	return taken;
}
