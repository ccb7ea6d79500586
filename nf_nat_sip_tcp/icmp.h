/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ICMP_H
#define NF_NAT_SIP_TCP_ICMP_H

#include <linux/types.h>

struct net;
struct sk_buff;

/** nst_icmp_is_error - conntrack says it is about a TCP connection: is it ICMP? */
bool nst_icmp_is_error(const struct sk_buff *skb);

int nst_icmp_net_init(struct net *net);
void nst_icmp_net_exit(struct net *net);

#endif
