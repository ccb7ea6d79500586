// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only allocator: everything is charged with what it really takes, and can
 * be refused.
 */
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "memory.h"
#include "netns.h"

static struct nst_pool total;
static unsigned long total_max = 256UL << 20;

/*
 * Most messages take a block of this size, which is given back as soon as the
 * receiver has acknowledged them.  Kernels that clear what they give do most of
 * their work for nothing then; so each processor keeps one.  It is charged to
 * nobody, like the rest of what a processor has to take messages apart.
 */
#define SPARE_SIZE 2048

static DEFINE_PER_CPU(void *, spare);

static bool pool_take(struct nst_pool *pool, size_t len, unsigned long limit)
{
	unsigned long used = atomic_long_add_return(len, &pool->used);

	if (used > limit) {
		atomic_long_sub(len, &pool->used);
		return false;
	}
	if (used > READ_ONCE(pool->peak))
		WRITE_ONCE(pool->peak, used);
	return true;
}

/* A host that is alone may have half of the whole. */
static unsigned long host_max(const struct nst_net *nn)
{
	unsigned long max = READ_ONCE(nn->env.set.mem_max);

	if (nst_pool_used(&nn->mem.pool) <= max / 2)
		return max;
	return max / 100 * READ_ONCE(nn->env.set.host_share);
}

static bool pool_near(const struct nst_pool *pool, unsigned long max,
		      unsigned int eighths, unsigned long coming)
{
	return nst_pool_used(pool) > nst_eighths(max, eighths) + coming;
}

static bool total_near(unsigned int eighths, unsigned long coming)
{
	return pool_near(&total, READ_ONCE(total_max), eighths, coming);
}

bool nst_mem_near(const struct nst_net *nn, unsigned int eighths, unsigned long coming)
{
	return pool_near(&nn->mem.pool, READ_ONCE(nn->env.set.mem_max), eighths, coming) ||
	       (READ_ONCE(nn->mem.chosen) && total_near(eighths, coming));
}

bool nst_host_near(const struct nst_inside *host, unsigned int eighths,
		   unsigned long coming)
{
	return pool_near(&host->pool, host_max(host->nn), eighths, coming);
}

bool nst_mem_try_later(const struct nst_net *nn, const struct nst_inside *host)
{
	return !READ_ONCE(nn->mem.hopeless) &&
	       (nst_mem_near(nn, NST_CLAIM_LARGE, 0) || total_near(NST_CLAIM_LARGE, 0) ||
		(host && nst_host_near(host, NST_CLAIM_LARGE, 0)));
}

/* Who asks for relief early is not refused later. */
static void want_relief(struct nst_net *nn, struct nst_inside *host)
{
	if (host && nst_host_near(host, NST_CLAIM_LARGE, 0))
		nst_relief_want(nn, host);
	else if (nst_mem_near(nn, NST_CLAIM_LARGE, 0))
		nst_relief_want(nn, NULL);
	if (total_near(NST_CLAIM_LARGE, 0))
		nst_relief_want_total();
}

/* Takes it from all three sums, or from none. */
static enum nst_reason take(struct nst_net *nn, struct nst_inside *host, size_t len,
			    enum nst_claim claim)
{
	unsigned long max = READ_ONCE(nn->env.set.mem_max);
	enum nst_reason refused = NST_R_MEM_MAX;

	if (host && !pool_take(&host->pool, len, nst_eighths(host_max(nn), claim)))
		return NST_R_MEM_SHARE;
	if (pool_take(&nn->mem.pool, len, nst_eighths(max, claim))) {
		if (pool_take(&total, len, nst_eighths(READ_ONCE(total_max), claim)))
			return NST_R_MAX;
		atomic_long_sub(len, &nn->mem.pool.used);
		refused = NST_R_MEM_TOTAL;
	}
	if (host)
		atomic_long_sub(len, &host->pool.used);
	return refused;
}

bool nst_charge(struct nst_net *nn, struct nst_inside *host, size_t len,
		enum nst_claim claim)
{
	enum nst_reason refused;

	if (!READ_ONCE(nn->mem.live)) {
		if (host)
			atomic_long_add(len, &host->pool.used);
		atomic_long_add(len, &nn->mem.pool.used);
		atomic_long_add(len, &total.used);
		return true;
	}
	refused = take(nn, host, len, claim);
	if (refused != NST_R_MAX)
		nst_count(&nn->env, refused);
	want_relief(nn, host);
	return refused == NST_R_MAX;
}

void nst_uncharge(struct nst_net *nn, struct nst_inside *host, size_t len)
{
	if (host)
		atomic_long_sub(len, &host->pool.used);
	atomic_long_sub(len, &nn->mem.pool.used);
	atomic_long_sub(len, &total.used);
}

void *nst_alloc(struct nst_net *nn, struct nst_inside *host, size_t len,
		enum nst_claim claim)
{
	void *p = kmalloc(len, GFP_ATOMIC | __GFP_NOWARN);

	if (!p || nst_charge(nn, host, ksize(p), claim))
		return p;
	kfree(p);
	return NULL;
}

void nst_free(struct nst_net *nn, struct nst_inside *host, void *p)
{
	if (!p)
		return;
	nst_uncharge(nn, host, ksize(p));
	kfree(p);
}

void *nst_ops_alloc(struct nst_env *env, size_t len)
{
	return nst_alloc(nst_net_of(env), NULL, len, NST_CLAIM_SMALL);
}

void nst_ops_free(struct nst_env *env, void *p, size_t len)
{
	nst_free(nst_net_of(env), NULL, p);
}

static enum nst_claim claim_of(const struct nst_account *a, size_t len)
{
	if (!a->conn)
		return NST_CLAIM_HOLDER;
	return a->used + len <= NST_GUARANTEE ? NST_CLAIM_SMALL : NST_CLAIM_LARGE;
}

static struct nst_inside *host_of(const struct nst_account *a)
{
	return a->host ? nst_inside_of(a->host) : NULL;
}

static void *spare_get(size_t len)
{
	void *p = NULL;

	if (len == SPARE_SIZE && this_cpu_read(spare))
		p = this_cpu_xchg(spare, NULL);
	return p ?: kmalloc(len, GFP_ATOMIC | __GFP_NOWARN);
}

/* Not where it is watched who uses what was freed. */
static void spare_put(void *p, size_t len)
{
	if (len == SPARE_SIZE && !IS_ENABLED(CONFIG_KASAN))
		p = this_cpu_xchg(spare, p);
	kfree(p);
}

static size_t true_size(const void *p, size_t len)
{
	return len == SPARE_SIZE ? len : ksize(p);
}

void *nst_ops_alloc_for(struct nst_env *env, struct nst_account *a, size_t len)
{
	void *p = spare_get(len);
	size_t size;

	if (!p)
		return NULL;
	size = true_size(p, len);
	if (!nst_charge(nst_net_of(env), host_of(a), size, claim_of(a, len))) {
		spare_put(p, len);
		return NULL;
	}
	a->used += size;
	return p;
}

void nst_ops_free_for(struct nst_env *env, struct nst_account *a, void *p, size_t len)
{
	size_t size;

	if (!p)
		return;
	size = true_size(p, len);
	a->used -= size;
	nst_uncharge(nst_net_of(env), host_of(a), size);
	spare_put(p, len);
}

struct nst_mem_figures nst_net_mem(const struct nst_net *nn)
{
	return (struct nst_mem_figures){
		.used = nst_pool_used(&nn->mem.pool),
		.limit = READ_ONCE(nn->env.set.mem_max),
		.peak = READ_ONCE(nn->mem.pool.peak),
		.tables = nn->mem.tables + sizeof(*nn) +
			  num_possible_cpus() * sizeof(*nn->stats),
	};
}

struct nst_mem_figures nst_mem_total(void)
{
	return (struct nst_mem_figures){
		.used = nst_pool_used(&total),
		.limit = READ_ONCE(total_max),
		.peak = READ_ONCE(total.peak),
	};
}

static int set_total(u64 bytes)
{
	if (bytes < NST_MEM_TOTAL_MIN || bytes > NST_MEM_TOTAL_MAX || bytes > ULONG_MAX)
		return -ERANGE;
	WRITE_ONCE(total_max, bytes);
	return 0;
}

int nst_mem_total_set(const struct nst_net *nn, u64 bytes)
{
	return net_eq(nn->net, &init_net) ? set_total(bytes) : -EPERM;
}

static int param_set_total(const char *val, const struct kernel_param *kp)
{
	unsigned long long bytes;
	int err = kstrtoull(val, 0, &bytes);

	return err ?: set_total(bytes);
}

static const struct kernel_param_ops total_ops = {
	.set	= param_set_total,
	.get	= param_get_ulong,
};

module_param_cb(mem_total, &total_ops, &total_max, 0644);
MODULE_PARM_DESC(mem_total, "most memory of the traffic of all namespaces together, bytes (default: 268435456)");

void nst_mem_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu(spare, cpu));
}

void nst_mem_init(struct nst_net *nn)
{
	spin_lock_init(&nn->mem.lock);
	nst_ranks_init(&nn->mem.holders);
	INIT_LIST_HEAD(&nn->mem.opaque);
	INIT_LIST_HEAD(&nn->mem.over);
	nst_relief_init(nn);
}

void nst_mem_start(struct nst_net *nn)
{
	nn->mem.tables = nst_pool_used(&nn->mem.pool);
	nst_uncharge(nn, NULL, nn->mem.tables);
	WRITE_ONCE(nn->mem.live, true);
}

void nst_mem_stop(struct nst_net *nn)
{
	WRITE_ONCE(nn->mem.live, false);
	cancel_delayed_work_sync(&nn->mem.relief);
	nst_charge(nn, NULL, nn->mem.tables, NST_CLAIM_SMALL);
}
