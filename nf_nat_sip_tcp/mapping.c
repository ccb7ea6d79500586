// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which inside port is behind a public one that a phone has learned (N2).
 *
 * A phone that asks a server how its packets are seen (STUN) writes the answer
 * into its description.  Where source NAT has changed the port, only what NAT
 * did with that request tells which inside port is meant.  conntrack cannot be
 * asked for it without the server's address, so it is noted as it happens, for
 * inside hosts that are known already, the last few for each.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/timekeeping.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include <nf_nat_sip_tcp/holder.h>

#include "gate.h"
#include "mapping.h"
#include "memory.h"

/* As long as NAT keeps a mapping that is used now and then (RFC 4787 REQ-5), s. */
#define MAPPING_LIFE 300

static u32 now(void)
{
	return (u32)ktime_get_boottime_seconds() + 1;
}

/* The place of a public port: its own, or else the one used longest ago. */
static u8 place_of(struct nst_mapped *m, __be32 addr, __be16 outside)
{
	u8 i;

	for (i = 0; i < NST_MAPPINGS; i++)
		if (m->port[i].seen && m->port[i].addr == addr &&
		    m->port[i].outside == outside)
			return i;
	i = m->next;
	m->next = (i + 1) % NST_MAPPINGS;
	return i;
}

static void note(struct nst_mapped *m, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	u8 i = place_of(m, reply->dst.u3.ip, reply->dst.u.udp.port);

	m->port[i].addr = reply->dst.u3.ip;
	m->port[i].outside = reply->dst.u.udp.port;
	m->port[i].inside = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port;
	m->port[i].seen = now();
}

/* A flow that begins now, and leaves with another port than it came with. */
static bool changes_port(const struct nf_conn *ct)
{
	return nf_ct_protonum(ct) == IPPROTO_UDP && !nf_ct_is_confirmed(ct) &&
	       !nf_ct_is_template(ct) && (ct->status & IPS_SRC_NAT) &&
	       ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port !=
	       ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port;
}

static unsigned int mapping_hook(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nst_inside *host;
	struct nst_addr addr;
	struct nst_net *nn;
	struct nf_conn *ct;

	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || !changes_port(ct))
		return NF_ACCEPT;
	nn = nst_pernet(state->net);
	inet_to_addr(&addr, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3, NFPROTO_IPV4);
	spin_lock_bh(&nn->mem.lock);
	host = nst_inside_find(nn, &addr, nf_ct_zone(ct)->id);
	if (host)
		note(&host->mapped, ct);
	spin_unlock_bh(&nn->mem.lock);
	return NF_ACCEPT;
}

u16 nst_port_mapped(struct nst_env *env, const struct nst_reserve *req)
{
	struct nst_net *nn = nst_net_of(env);
	union nf_inet_addr public;
	struct nst_inside *host;
	u16 port = 0;
	u8 i;

	if (req->public_addr.family != 4)
		return 0;
	addr_to_inet(&public, &req->public_addr);
	spin_lock_bh(&nn->mem.lock);
	host = nst_inside_find(nn, &req->holder->inside, req->holder->zone);
	for (i = 0; host && i < NST_MAPPINGS; i++)
		if (host->mapped.port[i].seen && host->mapped.port[i].addr == public.ip &&
		    host->mapped.port[i].outside == htons(req->wanted) &&
		    now() - host->mapped.port[i].seen < MAPPING_LIFE)
			port = ntohs(host->mapped.port[i].inside);
	spin_unlock_bh(&nn->mem.lock);
	return port;
}

/* Behind source NAT, which has chosen the port, in front of the confirmation. */
static const struct nf_hook_ops mapping_ops = {
	.hook = mapping_hook,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_POST_ROUTING,
	.priority = NF_IP_PRI_NAT_SRC + 1,
};

int nst_mapping_net_init(struct net *net)
{
	return nf_register_net_hook(net, &mapping_ops);
}

void nst_mapping_net_exit(struct net *net)
{
	nf_unregister_net_hook(net, &mapping_ops);
}
