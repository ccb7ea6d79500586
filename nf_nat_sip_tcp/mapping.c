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
#include <linux/ktime.h>
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

/* It leaves with another port than it came with. */
static bool changes_port(const struct nf_conn *ct)
{
	return !nf_ct_is_template(ct) && (ct->status & IPS_SRC_NAT) &&
	       ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port !=
	       ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port;
}

void nst_mapping_note(const struct net *net, const struct nf_conn *ct)
{
	struct nst_inside *host;
	struct nst_addr addr;
	struct nst_net *nn;

	if (nf_ct_l3num(ct) != NFPROTO_IPV4 || !changes_port(ct))
		return;
	nn = nst_pernet(net);
	inet_to_addr(&addr, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3, NFPROTO_IPV4);
	spin_lock_bh(&nn->mem.lock);
	host = nst_inside_find(nn, &addr, nf_ct_zone(ct)->id);
	if (host)
		note(&host->mapped, ct);
	spin_unlock_bh(&nn->mem.lock);
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
