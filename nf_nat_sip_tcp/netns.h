/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_NETNS_H
#define NF_NAT_SIP_TCP_NETNS_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include <nf_nat_sip_tcp/dialog.h>
#include <nf_nat_sip_tcp/env.h>

#include "memory.h"

struct nst_door_net;

/**
 * struct nst_stats - the counters of one CPU
 * @n: one for each reason
 */
struct nst_stats {
	u64 n[NST_R_MAX];
};

/**
 * struct nst_net - everything that belongs to one network namespace
 * @env: what the core sees of it
 * @net: the namespace; lives longer than this
 * @list: in the list of all namespaces
 * @stats: counters
 * @mem: memory
 * @calls_lock: protects the call table; taken inside of a connection's lock
 * @conns_lock: protects @conns and @closing; taken outside of a connection's
 *	lock where both are
 * @conns: connections that own an object
 * @closing: no connection may be added any more
 * @last_serial: &nst_connection.serial of the last one in @conns
 * @nr_conns: connection objects that are not freed yet
 * @late: connections whose end was put off
 * @late_work: brings it about
 * @doors_lost: somebody deleted anchors
 * @addrs_changed: this host has got or lost an address
 * @doors_away: doors that wait for theirs, or its device; for the tick only
 * @dying: the namespace goes, or the module: nothing here may be used by the
 *	packets that still pass
 * @lost: a connection without helper was seen
 * @tick_on: @tick has been started
 * @ticks: how often @tick ran
 * @tick: runs about once a second, from the first connection on
 * @doors: for door.c
 * @nr_anchors: owners of doors, under the lock of the gates
 * @nr_gates: doors, under the same lock
 * @events: messages for those who listen
 * @events_lost: one could not be queued
 * @events_work: sends @events
 * @attached: the helper is attached by the setting ports
 * @tracked: connections are tracked for the sake of the setting ports
 */
struct nst_net {
	struct nst_env env;
	struct net *net;
	struct list_head list;
	struct nst_stats __percpu *stats;
	struct nst_mem mem;
	spinlock_t calls_lock;
	spinlock_t conns_lock;
	struct list_head conns;
	bool closing;
	u64 last_serial;
	atomic_t nr_conns;
	struct llist_head late;
	struct work_struct late_work;
	bool doors_lost;
	bool addrs_changed;
	u32 doors_away;
	bool dying;
	bool lost;
	unsigned long tick_on;
	unsigned int ticks;
	struct delayed_work tick;
	struct nst_door_net *doors;
	u32 nr_anchors;
	u32 nr_gates;
	struct sk_buff_head events;
	bool events_lost;
	struct work_struct events_work;
	bool attached;
	bool tracked;
};

/** nst_pernet - our part of a namespace */
struct nst_net *nst_pernet(const struct net *net);

static inline struct nst_net *nst_net_of(struct nst_env *env)
{
	return container_of(env, struct nst_net, env);
}

/** nst_now - the core's clock: ms, monotone, never 0, moves with the timer wheel */
u64 nst_now(void);

/** nst_net_start_tick - there is something to expire from now on */
void nst_net_start_tick(struct nst_net *nn);

/** nst_net_tick_now - a connection that lost its helper is not to wait */
void nst_net_tick_now(struct nst_net *nn);

/** nst_net_addrs_changed - addresses of doors may be concerned */
void nst_net_addrs_changed(struct nst_net *nn);

/** nst_net_set_debug - switch the trace in all namespaces, those to come too */
void nst_net_set_debug(bool on);

/** nst_net_for_each - call @fn for every namespace, in process context */
void nst_net_for_each(void (*fn)(struct nst_net *nn));

/* stats.c: /proc/net/stat/nf_nat_sip_tcp */
int nst_stats_init(struct net *net);
void nst_stats_exit(struct net *net);

int nst_netns_init(void);
void nst_netns_exit(void);

#endif
