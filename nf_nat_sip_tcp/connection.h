/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_CONNECTION_H
#define NF_NAT_SIP_TCP_CONNECTION_H

#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <net/netfilter/nf_conntrack.h>

#include <nf_nat_sip_tcp/conn.h>

#include "emit.h"
#include "netns.h"
#include "segment.h"

/**
 * enum nst_life - life of a connection object
 * @NST_LIFE_LIVE: in use
 * @NST_LIFE_HANDOVER: the module leaves: all its packets are dropped for a
 *	moment, so that none is translated twice or not at all
 * @NST_LIFE_DEAD: its memory in the core is gone
 */
enum nst_life {
	NST_LIFE_LIVE,
	NST_LIFE_HANDOVER,
	NST_LIFE_DEAD,
};

/**
 * struct nst_connection - a followed connection
 * @lock: protects all but @refs, @timer and @list
 * @core: state of the core
 * @out: actions of a step; too large for the stack
 * @life: enum nst_life
 * @nn: namespace; it outlives the object's being live
 * @ct: the conntrack entry, with a reference until the object is freed:
 *	ctnetlink can take the helper off it, and then nobody calls destroy()
 * @path: how packets of each direction leave
 * @timer: calls step_timer()
 * @refs: one for the pointer in the helper's data, one while @timer is armed
 * @list: in &nst_net.conns
 * @rcu: to free it
 */
struct nst_connection {
	spinlock_t lock;
	struct nst_conn core;
	struct nst_out out;
	u8 life;
	struct nst_net *nn;
	struct nf_conn *ct;
	struct nst_path path[2];
	struct timer_list timer;
	refcount_t refs;
	struct list_head list;
	struct rcu_head rcu;
};

/* Facts of the handshake, in &nst_private.flags. */
#define NST_SEEN_SYN 0x01
#define NST_SEEN_SYN_ACK 0x02
#define NST_SEEN_THIRD 0x04
#define NST_SCALED_WIN 0x08	/* win[1] is of a later segment than the SYN/ACK */
#define NST_SACK_OK(dir) (0x10 << (dir))
#define NST_HAS_TS(dir) (0x40 << (dir))

/* In &nst_private.wscale: no such option. */
#define NST_NO_WSCALE 0xf

/**
 * struct nst_private - the helper's private data in the conntrack extension
 * @link: 0, see below, or address of the object once there is data
 * @isn: initial sequence numbers
 * @mss: MSS options
 * @win: newest window fields
 * @mark: mark of the SYN/ACK
 * @wscale: shift counts, the client's in the low four bits
 * @flags: NST_SEEN_SYN ...; 0: not followed
 * @ttl: time to live, or hop limit, of the SYN/ACK
 * @tos: its type of service, or traffic class
 *
 * Connections without data own no object, and one whose SYN was not seen
 * never gets beyond all zero.  A server may stay silent while the client's
 * first message comes in pieces that are to be acknowledged in its name; so
 * the way of its SYN/ACK is kept.
 */
struct nst_private {
	unsigned long link;
	u32 isn[2];
	u16 mss[2];
	u16 win[2];
	u32 mark;
	u8 wscale;
	u8 flags;
	u8 ttl;
	u8 tos;
};

/* destroy() was called. */
#define NST_LINK_DEAD 1UL
/* Both ends were reset, and nothing may pass untranslated. */
#define NST_LINK_RESET 4UL
/* The rest is the address of the SYN/ACK's route, with a reference. */
#define NST_LINK_ROUTE 2UL

static inline struct nst_connection *nst_link_connection(unsigned long link)
{
	return link & (NST_LINK_DEAD | NST_LINK_ROUTE | NST_LINK_RESET) ? NULL :
	       (struct nst_connection *)link;
}

static inline struct dst_entry *nst_link_route(unsigned long link)
{
	return link & NST_LINK_ROUTE ? (struct dst_entry *)(link & ~NST_LINK_ROUTE) : NULL;
}

struct nst_private *nst_private(const struct nf_conn *ct);

/* handshake.c */
/**
 * nst_handshake - a packet of a connection without object
 * @p: the packet, read
 * @priv: its connection's private data
 *
 * Return: the object if this is the first data of a connection to follow.
 */
struct nst_connection *nst_handshake(struct nst_packet *p, struct nst_private *priv);

/* connection.c */
/** nst_connection_alloc - an object that nobody knows yet; NULL without memory */
struct nst_connection *nst_connection_alloc(struct nf_conn *ct);
/** nst_connection_discard - free one that was never installed */
void nst_connection_discard(struct nst_connection *c);
/**
 * nst_connection_install - make it the connection's object
 * @c: the object
 * @priv: the connection's private data
 * @link: what stood there when @c was made
 *
 * Return: the object that is there now, perhaps another CPU's; NULL where the
 * connection or its namespace is about to go.
 */
struct nst_connection *nst_connection_install(struct nst_connection *c,
					      struct nst_private *priv,
					      unsigned long link);
/** nst_connection_segment - a packet passes.  Return: NF_ACCEPT or NF_DROP */
unsigned int nst_connection_segment(struct nst_connection *c, struct nst_packet *p);
/** nst_connection_destroy - take the object, or what stands in its place, away for good */
void nst_connection_destroy(struct nf_conn *ct);
/** nst_connections_reap - forget connections that lost their helper */
void nst_connections_reap(struct nst_net *nn);
/** nst_connections_kill - forget all connections of a namespace, for good; sleeps */
void nst_connections_kill(struct nst_net *nn);

/* unload.c */
/** nst_connections_leave - hand all connections over to conntrack; sleeps */
void nst_connections_leave(void);

/**
 * nst_connections_each - call @fn for every connection of a namespace
 *
 * @fn has the connection's lock, and sends by putting packets into @queue.
 */
void nst_connections_each(struct nst_net *nn,
			  void (*fn)(struct nst_connection *c, struct sk_buff_head *queue));
/** nst_connection_reset - tell both ends that it cannot go on; lock held */
void nst_connection_reset(struct nst_connection *c, struct sk_buff_head *queue);
/** nst_connection_act - carry out what c->out says, but verdict and work; lock held */
void nst_connection_act(struct nst_connection *c, struct sk_buff_head *queue);

#endif
