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
 * @NST_LIFE_HANDOVER: the helper leaves: all its packets are dropped for a
 *	moment, so that none is translated twice or not at all
 * @NST_LIFE_OVER: handed over; what packets need no longer depends on it
 * @NST_LIFE_RESET: both ends were told that it is over: its packets are dropped
 * @NST_LIFE_DEAD: its memory in the core is gone
 */
enum nst_life {
	NST_LIFE_LIVE,
	NST_LIFE_HANDOVER,
	NST_LIFE_OVER,
	NST_LIFE_RESET,
	NST_LIFE_DEAD,
};

/**
 * struct nst_connection - a followed connection
 * @lock: protects all but @refs, @timer and @list, and those that
 *	&nst_mem.lock does: @rank, @seen, @ranked, @by_net and @by_host
 * @core: state of the core
 * @out: actions of a step, see nst_connection_lock()
 * @life: enum nst_life
 * @plain: conn_plain(), which it stays: packets need no look, and no lock
 * @rank: its class by what it holds, see relief.c
 * @seen: &nst_mem.run that looked at it last
 * @ranked: when it came into that class, by nst_now()
 * @by_net: in a list of &struct nst_mem
 * @by_host: in a list of @host
 * @host: inside host that it is charged to
 * @nn: namespace; it outlives the object
 * @ct: the conntrack entry, with a reference until the object is freed:
 *	ctnetlink can take the helper off it, and then nobody calls destroy()
 * @path: how packets of each direction leave
 * @timer: calls step_timer()
 * @refs: one for the pointer in the helper's data, one while @timer is armed
 * @list: in &nst_net.conns
 * @late: in &nst_net.late
 * @serial: grows from one to the next in @list
 * @rcu: to free it
 */
struct nst_connection {
	spinlock_t lock;
	struct nst_conn core;
	struct nst_out *out;
	u8 life;
	bool plain;
	u8 rank;
	u32 seen;
	u64 ranked;
	struct list_head by_net;
	struct list_head by_host;
	struct nst_inside *host;
	struct nst_net *nn;
	struct nf_conn *ct;
	struct nst_path path[2];
	struct timer_list timer;
	refcount_t refs;
	struct list_head list;
	struct llist_node late;
	u64 serial;
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
 * Return: the object if this is the first data of a connection to follow;
 * ERR_PTR(-EAGAIN) if it has to come again.
 */
struct nst_connection *nst_handshake(struct nst_packet *p, struct nst_private *priv);

/* connection.c */
/** nst_connection_lock - take the lock, and a place for the actions of a step */
void nst_connection_lock(struct nst_connection *c);
void nst_connection_unlock(struct nst_connection *c);
/** nst_connection_put - give a reference back */
void nst_connection_put(struct nst_connection *c);
/**
 * nst_connection_forget - the connection goes on without an object
 * @c: the object, with a reference that is given up
 * @link: what stands in its place in the private data
 * @reset: where RSTs go, NULL if there shall be none
 */
void nst_connection_forget(struct nst_connection *c, unsigned long link,
			   struct sk_buff_head *reset);
/** nst_connection_mem - memory that it takes; its lock is held */
u32 nst_connection_mem(const struct nst_connection *c);
/**
 * nst_connection_alloc - an object that nobody knows yet
 *
 * Return: the object, or an ERR_PTR: -ENOMEM, -EAGAIN where there will be memory
 * when the sender repeats.
 */
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
/** nst_connection_must_reset - would bytes go missing, or come twice, without us?  Lock held */
bool nst_connection_must_reset(const struct nst_connection *c);
/**
 * nst_connection_end - out of life; the first caller drops the pointer's reference
 * @c: the object
 * @reset: where RSTs go, NULL if there shall be none
 */
void nst_connection_end(struct nst_connection *c, struct sk_buff_head *reset);
/** nst_connections_forget - forget those that fit, and reset what would break */
void nst_connections_forget(struct nst_net *nn,
			    bool (*fits)(const struct nst_connection *c));
/** nst_connections_kill - forget all connections of a namespace, for good; sleeps */
void nst_connections_kill(struct nst_net *nn);

/* handover.c: for nst_connections_each(), in this order */
/** nst_handover_reset - reset one whose bytes are not all where they belong */
void nst_handover_reset(struct nst_connection *c, struct sk_buff_head *queue);
/** nst_handover_begin - from now on its packets are dropped; then synchronize_rcu() */
void nst_handover_begin(struct nst_connection *c, struct sk_buff_head *queue);
/** nst_handover_end - conntrack adjusts numbers from now on */
void nst_handover_end(struct nst_connection *c, struct sk_buff_head *queue);
/** nst_handover_reap - hand over connections that lost their helper; sleeps */
void nst_handover_reap(struct nst_net *nn);
/** nst_orphan_waits - it has no helper any more: is it one to hand over? */
bool nst_orphan_waits(const struct net *net, const struct nf_conn *ct);

/* behind.c */
int nst_behind_net_init(struct net *net);
void nst_behind_net_exit(struct net *net);

/* late.c */
/**
 * nst_connection_destroy - take the object, or what stands in its place, away for good
 *
 * Waits for no lock, so that it may be called from under any.
 */
void nst_connection_destroy(struct nf_conn *ct);
/** nst_connections_late - free what nst_connection_destroy() has put off */
void nst_connections_late(struct work_struct *work);

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
/** nst_connections_init - before the first namespace comes; 0 or -ENOMEM */
int nst_connections_init(void);
/** nst_connections_exit - after the last object was freed */
void nst_connections_exit(void);
/** nst_connection_act - carry out what c->out says, but verdict and work; lock held */
void nst_connection_act(struct nst_connection *c, struct sk_buff_head *queue);

#endif
