// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tuples to plain addresses.
 *
 *	original tuple	src: the client itself	dst: the server as the client sees it
 *	reply tuple	src: the server itself	dst: the client as the server sees it
 */
#include "natmap.h"

static void endpoint_set(struct nst_endpoint *ep, u8 l3num,
			 const union nf_inet_addr *addr, __be16 port)
{
	memset(ep, 0, sizeof(*ep));
	ep->addr.family = l3num == NFPROTO_IPV6 ? 6 : 4;
	memcpy(ep->addr.ip, addr, l3num == NFPROTO_IPV6 ? 16 : 4);
	ep->port = ntohs(port);
}

void nst_tuples_to_map(const struct nf_conn *ct, struct nst_natmap *map)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conntrack_tuple *reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	u8 l3num = nf_ct_l3num(ct);

	memset(map, 0, sizeof(*map));
	endpoint_set(&map->end[0].inside, l3num, &orig->src.u3, orig->src.u.tcp.port);
	endpoint_set(&map->end[0].outside, l3num, &reply->dst.u3, reply->dst.u.tcp.port);
	endpoint_set(&map->end[1].inside, l3num, &reply->src.u3, reply->src.u.tcp.port);
	endpoint_set(&map->end[1].outside, l3num, &orig->dst.u3, orig->dst.u.tcp.port);
}
