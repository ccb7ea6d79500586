/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SKIN_NATMAP_H
#define NF_NAT_SIP_TCP_SKIN_NATMAP_H

#include <net/netfilter/nf_conntrack.h>

#include <nf_nat_sip_tcp/rewrite.h>

/** nst_tuples_to_map - both ends of a connection as the core sees them */
void nst_tuples_to_map(const struct nf_conn *ct, struct nst_natmap *map);

#endif
