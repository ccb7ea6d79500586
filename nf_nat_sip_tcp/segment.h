/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SEGMENT_H
#define NF_NAT_SIP_TCP_SEGMENT_H

#include <linux/skbuff.h>
#include <net/netfilter/nf_conntrack.h>

#include <nf_nat_sip_tcp/conn.h>

/**
 * struct nst_packet - a TCP segment as the kernel has it
 * @skb: the packet, after NAT
 * @ct: its connection
 * @ctinfo: what conntrack says about it
 * @protoff: offset of the TCP header
 * @hdr_len: length of the TCP header with options
 * @ts_off: offset of the timestamps option in the TCP header
 * @sack_off: offset of the SACK option in the TCP header; 0: none
 * @refused: has an option that forbids changes (MD5, AO) or that splits the
 *	stream over several connections (MPTCP)
 * @seg: what the core sees
 */
struct nst_packet {
	struct sk_buff *skb;
	struct nf_conn *ct;
	enum ip_conntrack_info ctinfo;
	unsigned int protoff;
	unsigned int hdr_len;
	unsigned int ts_off;
	unsigned int sack_off;
	bool refused;
	struct nst_segment seg;
};

/**
 * nst_packet_read - fill in what follows @protoff
 *
 * Return: false where it is not a TCP segment that can be read: an ICMP error
 * about the connection reaches helpers too, and fragments do on some ways.
 */
bool nst_packet_read(struct nst_packet *p);

/**
 * nst_packet_detour - does this packet not take the way of a routed one?
 *
 * Return: the reason, NST_R_MAX for a packet that is routed through this host.
 */
enum nst_reason nst_packet_detour(const struct sk_buff *skb);

/** nst_packet_payload - have the payload in one piece; false where memory fails */
bool nst_packet_payload(struct nst_packet *p);

/**
 * nst_packet_apply - carry out the verdict of a step on the packet itself
 *
 * Return: NF_ACCEPT or NF_DROP.
 */
unsigned int nst_packet_apply(struct nst_packet *p, const struct nst_out *out);

#endif
