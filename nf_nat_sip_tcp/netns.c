// SPDX-License-Identifier: GPL-2.0-only
/*
 * What belongs to a network namespace, and what the core asks of it.
 */
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netns/generic.h>

#include "connection.h"
#include "door.h"
#include "netns.h"
#include "trace.h"

/* Most memory of one namespace's connections and calls. */
#define MEM_MAX (64L << 20)

/* Every so many ticks connections that lost their helper are looked for. */
#define REAP_TICKS 16
#define EXPIRE_BUCKETS 256

static unsigned int net_id __read_mostly;
static DEFINE_MUTEX(nets_mutex);
static LIST_HEAD(nets);
static bool debug_on;

struct nst_net *nst_pernet(const struct net *net)
{
	return net_generic(net, net_id);
}

u64 nst_now(void)
{
	return jiffies64_to_msecs(get_jiffies_64()) + 1;
}

bool nst_net_charge(struct nst_net *nn, size_t len)
{
	return atomic_long_add_return(len, &nn->mem) <= MEM_MAX;
}

void nst_net_uncharge(struct nst_net *nn, size_t len)
{
	atomic_long_sub(len, &nn->mem);
}

static void *ops_alloc(struct nst_env *env, size_t len)
{
	struct nst_net *nn = nst_net_of(env);
	void *p = NULL;

	if (nst_net_charge(nn, len))
		p = kmalloc(len, GFP_ATOMIC | __GFP_NOWARN);
	if (!p)
		nst_net_uncharge(nn, len);
	return p;
}

static void ops_free(struct nst_env *env, void *p, size_t len)
{
	if (!p)
		return;
	kfree(p);
	nst_net_uncharge(nst_net_of(env), len);
}

static void ops_count(struct nst_env *env, enum nst_reason reason)
{
	if ((unsigned int)reason < NST_R_MAX)
		this_cpu_inc(nst_net_of(env)->stats->n[reason]);
}

static void ops_calls_lock(struct nst_env *env) __acquires(nst_calls)
{
	spin_lock_bh(&nst_net_of(env)->calls_lock);
}

static void ops_calls_unlock(struct nst_env *env) __releases(nst_calls)
{
	spin_unlock_bh(&nst_net_of(env)->calls_lock);
}

static const struct nst_ops ops = {
	.alloc		= ops_alloc,
	.free		= ops_free,
	.count		= ops_count,
	.trace		= nst_trace_print,
	.calls_lock	= ops_calls_lock,
	.calls_unlock	= ops_calls_unlock,
	.door_reserve	= nst_door_reserve,
	.door_release	= nst_door_release,
};

static void on_tick(struct work_struct *work)
{
	struct nst_net *nn = container_of(to_delayed_work(work), struct nst_net, tick);
	struct nst_work ended = { NULL };

	ops_calls_lock(&nn->env);
	calls_expire(&nn->env, nst_now(), EXPIRE_BUCKETS, &ended);
	ops_calls_unlock(&nn->env);
	nst_door_work(nn, &ended);
	if (++nn->ticks % REAP_TICKS == 0)
		nst_connections_reap(nn);
	queue_delayed_work(system_power_efficient_wq, &nn->tick, HZ);
}

void nst_net_start_tick(struct nst_net *nn)
{
	if (test_bit(0, &nn->tick_on) || test_and_set_bit(0, &nn->tick_on))
		return;
	queue_delayed_work(system_power_efficient_wq, &nn->tick, HZ);
}

void nst_net_set_debug(bool on)
{
	struct nst_net *nn;

	mutex_lock(&nets_mutex);
	debug_on = on;
	list_for_each_entry(nn, &nets, list)
		WRITE_ONCE(nn->env.set.debug, on);
	mutex_unlock(&nets_mutex);
}

void nst_net_for_each(void (*fn)(struct nst_net *nn))
{
	struct nst_net *nn;

	mutex_lock(&nets_mutex);
	list_for_each_entry(nn, &nets, list)
		fn(nn);
	mutex_unlock(&nets_mutex);
}

static void list_net(struct nst_net *nn)
{
	mutex_lock(&nets_mutex);
	nn->env.set.debug = debug_on;
	list_add_tail(&nn->list, &nets);
	mutex_unlock(&nets_mutex);
}

static void unlist_net(struct nst_net *nn)
{
	mutex_lock(&nets_mutex);
	list_del(&nn->list);
	mutex_unlock(&nets_mutex);
}

static void net_prepare(struct nst_net *nn, struct net *net)
{
	nn->net = net;
	spin_lock_init(&nn->calls_lock);
	spin_lock_init(&nn->conns_lock);
	INIT_LIST_HEAD(&nn->conns);
	INIT_DELAYED_WORK(&nn->tick, on_tick);
	nn->env.ops = &ops;
	get_random_bytes(nn->env.key, sizeof(nn->env.key));
	nst_settings_default(&nn->env.set);
	nn->env.set.calls_max = max(nf_conntrack_max / 4, 1U);
}

static int __net_init net_init(struct net *net)
{
	struct nst_net *nn = nst_pernet(net);
	int err = -ENOMEM;

	net_prepare(nn, net);
	nn->stats = alloc_percpu(struct nst_stats);
	if (!nn->stats)
		return err;
	if (calls_create(&nn->env))
		goto no_calls;
	err = nst_stats_init(net);
	if (err)
		goto no_stats;
	err = nst_door_net_init(nn);
	if (err)
		goto no_doors;
	list_net(nn);
	return 0;

no_doors:
	nst_stats_exit(net);
no_stats:
	calls_destroy(&nn->env);
no_calls:
	free_percpu(nn->stats);
	return err;
}

/* Packets may still pass: no connection is added after this. */
static void __net_exit net_pre_exit(struct net *net)
{
	unlist_net(nst_pernet(net));
	nst_connections_kill(nst_pernet(net));
}

static void end_calls(struct nst_net *nn)
{
	struct nst_work ended = { NULL };

	ops_calls_lock(&nn->env);
	calls_flush(&nn->env, &ended);
	ops_calls_unlock(&nn->env);
	nst_door_work(nn, &ended);
}

static void __net_exit net_exit(struct net *net)
{
	struct nst_net *nn = nst_pernet(net);

	cancel_delayed_work_sync(&nn->tick);
	/* Doors go with their namespace or module, running media does not. */
	nst_door_net_exit(nn);
	end_calls(nn);
	nst_stats_exit(net);
	calls_destroy(&nn->env);
	/* Routes that connections kept are counted until they are freed. */
	if (nn->tick_on)
		rcu_barrier();
	WARN_ON_ONCE(atomic_long_read(&nn->mem));
	free_percpu(nn->stats);
}

static struct pernet_operations net_ops = {
	.init		= net_init,
	.pre_exit	= net_pre_exit,
	.exit		= net_exit,
	.id		= &net_id,
	.size		= sizeof(struct nst_net),
};

int nst_netns_init(void)
{
	return register_pernet_subsys(&net_ops);
}

void nst_netns_exit(void)
{
	unregister_pernet_subsys(&net_ops);
	/* The softirq that dropped the last reference may still be running. */
	synchronize_rcu();
}
