/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ICMP_H
#define NF_NAT_SIP_TCP_ICMP_H

#include <linux/types.h>

struct nf_conn;
struct nf_hook_state;
struct sk_buff;

/** nst_icmp_is_error - conntrack says it is about a TCP connection: is it ICMP? */
bool nst_icmp_is_error(const struct sk_buff *skb);

/**
 * nst_icmp_error - an ICMP error about a TCP connection, behind NAT
 * @skb: the packet
 * @ct: the connection
 * @dir: direction of the segment that it quotes
 * @state: where it passes
 *
 * Return: NF_ACCEPT or NF_DROP.
 */
unsigned int nst_icmp_error(struct sk_buff *skb, struct nf_conn *ct, u8 dir,
			    const struct nf_hook_state *state);

#endif
