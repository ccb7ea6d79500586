/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_MEMORY_H
#define NF_NAT_SIP_TCP_MEMORY_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <nf_nat_sip_tcp/env.h>

#include "mapping.h"

struct nst_connection;
struct nst_net;

/*
 * Three sums are kept of everything that the traffic of a namespace takes, in
 * true size: of the inside host, of the namespace, of all namespaces.  Each has
 * its limit (a share of mem_max, mem_max, mem_total), and how near to it an
 * allocation may still go depends on what it is for.  From the lowest of these
 * thresholds on memory is taken back from who holds most (relief.c), so that
 * there is room when it is asked for.
 */

/**
 * enum nst_claim - how much of a limit may be in use afterwards, in eighths
 * @NST_CLAIM_LARGE: what a connection holds beyond NST_GUARANTEE
 * @NST_CLAIM_HOLDER: calls, bindings and their doors
 * @NST_CLAIM_SMALL: a connection itself and its guaranteed room; memory that
 *	is given back before the packet leaves
 */
enum nst_claim {
	NST_CLAIM_LARGE = 6,
	NST_CLAIM_HOLDER = 7,
	NST_CLAIM_SMALL = 8,
};

/* Classes of connections by what they hold: up to 4 KiB, 8 KiB ... more than 256 KiB. */
#define NST_RANKS 8

/* In &nst_connection.rank: opaque, gives back all it can. */
#define NST_RANK_OPAQUE (NST_RANKS + 1)

#define NST_HOST_BUCKETS 256

/**
 * struct nst_pool - a sum of memory
 * @used: bytes now
 * @peak: most that there were
 */
struct nst_pool {
	atomic_long_t used;
	unsigned long peak;
};

/**
 * struct nst_ranks - connections by what they hold
 * @list: one for each class, who has been in it longest comes first
 */
struct nst_ranks {
	struct list_head list[NST_RANKS];
};

/**
 * struct nst_inside - an inside host
 * @host: what the core sees of it
 * @node: in &nst_mem.hosts
 * @over: in &nst_mem.over, or empty
 * @nn: namespace
 * @addr: its address
 * @zone: conntrack zone of that address
 * @refs: connections, calls and doors that are charged to it
 * @pool: memory
 * @holders: its connections
 * @run: run of the relief that @coming is of
 * @coming: bytes that its opaque connections are about to give back
 * @mapped: what source NAT made of its ports
 *
 * @node, @over, @refs, @holders and @mapped are under &nst_mem.lock; @run and @coming
 * are the relief's.
 */
struct nst_inside {
	struct nst_host host;
	struct hlist_node node;
	struct list_head over;
	struct nst_net *nn;
	struct nst_addr addr;
	u16 zone;
	u32 refs;
	struct nst_pool pool;
	struct nst_ranks holders;
	u32 run;
	u32 coming;
	struct nst_mapped mapped;
};

/**
 * struct nst_mem - memory of a namespace
 * @pool: what its traffic takes; limited
 * @tables: what its tables take without any traffic; not limited
 * @live: limits are in force; not while it comes or goes
 * @chosen: it has most while mem_total is near
 * @hopeless: nobody holds what could be taken back
 * @lock: protects what follows but @relief; no other lock is taken inside of it
 * @hosts: inside hosts
 * @holders: connections that hold something
 * @opaque: connections that are opaque
 * @over: inside hosts that have used up their share
 * @run: number of the relief that runs
 * @relief: takes memory back
 */
struct nst_mem {
	struct nst_pool pool;
	unsigned long tables;
	bool live;
	bool chosen;
	bool hopeless;
	spinlock_t lock;
	struct hlist_head hosts[NST_HOST_BUCKETS];
	struct nst_ranks holders;
	struct list_head opaque;
	struct list_head over;
	u32 run;
	struct delayed_work relief;
};

/**
 * struct nst_mem_figures - memory as it is shown to users, bytes
 * @used: in use now
 * @limit: most that may be in use
 * @peak: most that ever was
 * @tables: taken by a namespace without any traffic, not in the others
 */
struct nst_mem_figures {
	u64 used;
	u64 limit;
	u64 peak;
	u64 tables;
};

static inline struct nst_inside *nst_inside_of(struct nst_host *host)
{
	return container_of(host, struct nst_inside, host);
}

/* Of a limit, in eighths; see enum nst_claim. */
static inline unsigned long nst_eighths(unsigned long max, unsigned int n)
{
	return max / 8 * n;
}

static inline unsigned long nst_pool_used(const struct nst_pool *pool)
{
	return atomic_long_read(&pool->used);
}

/* memory.c */
void nst_mem_init(struct nst_net *nn);
/** nst_mem_start - what was charged so far is tables; limits are in force */
void nst_mem_start(struct nst_net *nn);
/** nst_mem_exit - after the last namespace has gone */
void nst_mem_exit(void);
/** nst_mem_stop - the opposite, before the tables are freed; sleeps */
void nst_mem_stop(struct nst_net *nn);

/**
 * nst_charge - may there be so much more?
 * @nn: namespace
 * @host: inside host that it is for, or NULL
 * @len: true size
 * @claim: what it is for
 *
 * Return: false where a limit is reached; that is counted.
 */
bool nst_charge(struct nst_net *nn, struct nst_inside *host, size_t len,
		enum nst_claim claim);
void nst_uncharge(struct nst_net *nn, struct nst_inside *host, size_t len);

/** nst_alloc - charged memory, not zeroed; atomic */
void *nst_alloc(struct nst_net *nn, struct nst_inside *host, size_t len,
		enum nst_claim claim);
/** nst_free - gives it back; @host as it was given to nst_alloc() */
void nst_free(struct nst_net *nn, struct nst_inside *host, void *p);

/* The callbacks of struct nst_ops; see there. */
void *nst_ops_alloc(struct nst_env *env, size_t len);
void nst_ops_free(struct nst_env *env, void *p, size_t len);
void *nst_ops_alloc_for(struct nst_env *env, struct nst_account *a, size_t len);
void nst_ops_free_for(struct nst_env *env, struct nst_account *a, void *p, size_t len);

/**
 * nst_mem_near - is a limit near?
 * @nn: namespace; mem_total counts where it is chosen to give way
 * @eighths: so much of the limit is in use
 * @coming: bytes that do not count any more
 */
bool nst_mem_near(const struct nst_net *nn, unsigned int eighths, unsigned long coming);
/** nst_host_near - the same for the share of an inside host */
bool nst_host_near(const struct nst_inside *host, unsigned int eighths,
		   unsigned long coming);
/** nst_mem_try_later - will there be memory for a host soon, where there is none now? */
bool nst_mem_try_later(const struct nst_net *nn, const struct nst_inside *host);

/** nst_net_mem - memory of a namespace */
struct nst_mem_figures nst_net_mem(const struct nst_net *nn);
/** nst_mem_total - memory of all namespaces */
struct nst_mem_figures nst_mem_total(void);

/* Least and most for mem_total; mem_max has its own range. */
#define NST_MEM_TOTAL_MIN BIT(20)
#define NST_MEM_TOTAL_MAX BIT_ULL(40)

/**
 * nst_mem_total_set - set mem_total, one for all namespaces
 * @nn: namespace that asks
 * @bytes: the new limit
 *
 * Return: 0, -EPERM for others than the initial namespace, -ERANGE.
 */
int nst_mem_total_set(const struct nst_net *nn, u64 bytes);

/* inside.c */
struct nst_host *nst_ops_host_get(struct nst_env *env, const struct nst_addr *inside,
				  u16 zone);
void nst_ops_host_put(struct nst_env *env, struct nst_host *host);
/** nst_inside_find - the inside host, if it is known; &nst_mem.lock held */
struct nst_inside *nst_inside_find(struct nst_net *nn, const struct nst_addr *addr,
				   u16 zone);
/** nst_inside_hold - one reference more; NULL is fine */
void nst_inside_hold(struct nst_inside *host);
/** nst_inside_put - gives it back; NULL is fine */
void nst_inside_put(struct nst_inside *host);

/* relief.c */
void nst_relief_init(struct nst_net *nn);
void nst_ranks_init(struct nst_ranks *ranks);
/** nst_relief_want - a limit is near; @host: that of this host, or NULL */
void nst_relief_want(struct nst_net *nn, struct nst_inside *host);
/** nst_relief_want_total - mem_total is near */
void nst_relief_want_total(void);
/** nst_relief_exit - after the last namespace has gone */
void nst_relief_exit(void);
/** nst_rank - after a step: note what the connection holds; its lock is held */
void nst_rank(struct nst_connection *c);
/** nst_rank_out - it has ended */
void nst_rank_out(struct nst_connection *c);

#endif
