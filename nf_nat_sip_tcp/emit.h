/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_EMIT_H
#define NF_NAT_SIP_TCP_EMIT_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/dst.h>

#include <nf_nat_sip_tcp/conn.h>

struct nf_conn;
struct nst_packet;
struct nst_private;

/**
 * struct nst_path - how packets of one direction leave this host
 * @dst: route of the last real packet, with a reference; NULL before the first
 * @cookie: for dst_check()
 * @mark: mark of that packet
 * @priority: its priority
 * @l3mdev: ifindex of the VRF that it left in; 0: none
 * @secured: it left by IPsec; before there is one: what it answers came by IPsec
 * @via: before there is one: ifindex of the xfrm interface that what it answers
 *	came by, and that no other will do for; 0: none
 * @l3num: NFPROTO_IPV4 or NFPROTO_IPV6
 * @ip4: its header, after NAT
 * @ip6: its header, after NAT
 * @sport: source port
 * @dport: destination port
 *
 * Protected by the connection's lock.
 */
struct nst_path {
	struct dst_entry *dst;
	u32 cookie;
	u32 mark;
	u32 priority;
	int l3mdev;
	int via;
	bool secured;
	u8 l3num;
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
	};
	__be16 sport;
	__be16 dport;
};

/** nst_path_learn - take over how this packet leaves */
void nst_path_learn(struct nst_path *path, const struct nst_packet *p);

/**
 * nst_path_seed - how packets left before the first one that is learned from
 * @path: path of direction 1
 * @ct: the connection, with a SYN/ACK seen
 * @dst: route of the SYN/ACK; under RCU
 * @priv: what else is known of the SYN/ACK
 *
 * Return: false where the route is gone.
 */
bool nst_path_seed(struct nst_path *path, const struct nf_conn *ct,
		   struct dst_entry *dst, const struct nst_private *priv);

/**
 * nst_path_guess - how packets to the server left, where it speaks first
 * @path: path of direction 0, of which no packet was seen with an object
 * @p: its first data
 * @priv: what is known of the SYN/ACK
 *
 * A server that speaks first, in pieces, is to be acknowledged before the
 * client has anything to say.
 */
void nst_path_guess(struct nst_path *path, const struct nst_packet *p,
		    const struct nst_private *priv);

/** nst_path_drop - give back the route */
void nst_path_drop(struct nst_path *path);

/**
 * nst_emit_build - make packets of one action
 * @net: namespace
 * @path: way of its direction
 * @e: the action
 * @queue: where the packets go, to be sent by nst_emit_send()
 *
 * Return: false where there is no route or no memory.
 */
bool nst_emit_build(struct net *net, struct nst_path *path,
		    const struct nst_emit *e, struct sk_buff_head *queue);

/** nst_emit_send - send them; no lock may be held */
void nst_emit_send(struct net *net, struct sk_buff_head *queue);

#endif
