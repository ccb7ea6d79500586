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

#include <nf_nat_sip_tcp/binding.h>

#include "attach.h"
#include "connection.h"
#include "door.h"
#include "events.h"
#include "netlink.h"
#include "netns.h"
#include "trace.h"

/* Every so many ticks connections that lost their helper are looked for. */
#define REAP_TICKS 16
/* All calls in four seconds: the shortest media_idle is ten. */
#define EXPIRE_BUCKETS 1024
/* A binding's time is told in seconds: all of them in two ticks. */
#define EXPIRE_BINDINGS 1024

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
	.alloc		= nst_ops_alloc,
	.free		= nst_ops_free,
	.alloc_for	= nst_ops_alloc_for,
	.free_for	= nst_ops_free_for,
	.host_get	= nst_ops_host_get,
	.host_put	= nst_ops_host_put,
	.count		= ops_count,
	.trace		= nst_trace_print,
	.event		= nst_event_tell,
	.notify		= nst_nl_notify,
	.calls_lock	= ops_calls_lock,
	.calls_unlock	= ops_calls_unlock,
	.door_reserve	= nst_door_reserve,
	.port_mapped	= nst_port_mapped,
	.door_release	= nst_door_release,
};

static void on_tick(struct work_struct *work)
{
	struct nst_net *nn = container_of(to_delayed_work(work), struct nst_net, tick);
	struct nst_work ended = { NULL };

	ops_calls_lock(&nn->env);
	calls_expire(&nn->env, nst_now(), EXPIRE_BUCKETS, &ended);
	bindings_expire(&nn->env, nst_now(), EXPIRE_BINDINGS, &ended);
	ops_calls_unlock(&nn->env);
	nst_door_work(nn, &ended);
	nst_doors_revive(nn);
	nst_doors_look(nn);
	if (xchg(&nn->lost, false) || ++nn->ticks % REAP_TICKS == 0)
		nst_handover_reap(nn);
	queue_delayed_work(system_power_efficient_wq, &nn->tick, HZ);
}

void nst_net_start_tick(struct nst_net *nn)
{
	if (test_bit(0, &nn->tick_on) || test_and_set_bit(0, &nn->tick_on))
		return;
	queue_delayed_work(system_power_efficient_wq, &nn->tick, HZ);
}

void nst_net_tick_now(struct nst_net *nn)
{
	WRITE_ONCE(nn->lost, true);
	mod_delayed_work(system_power_efficient_wq, &nn->tick, 0);
}

/* Where no tick has been started yet there is no door. */
void nst_net_addrs_changed(struct nst_net *nn)
{
	if (!test_bit(0, &nn->tick_on))
		return;
	WRITE_ONCE(nn->addrs_changed, true);
	mod_delayed_work(system_power_efficient_wq, &nn->tick, 0);
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
	init_llist_head(&nn->late);
	INIT_WORK(&nn->late_work, nst_connections_late);
	spin_lock_init(&nn->calls_lock);
	spin_lock_init(&nn->conns_lock);
	INIT_LIST_HEAD(&nn->conns);
	INIT_DELAYED_WORK(&nn->tick, on_tick);
	nst_nl_events_net_init(nn);
	nn->env.ops = &ops;
	get_random_bytes(nn->env.key, sizeof(nn->env.key));
	nst_settings_default(&nn->env.set);
	nst_mem_init(nn);
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
	if (bindings_create(&nn->env))
		goto no_bindings;
	err = nst_stats_init(net);
	if (err)
		goto no_stats;
	err = nst_door_net_init(nn);
	if (err)
		goto no_doors;
	err = nst_behind_net_init(net);
	if (err)
		goto no_behind;
	nst_mem_start(nn);
	list_net(nn);
	return 0;

no_behind:
	nst_door_net_exit(nn);
no_doors:
	nst_stats_exit(net);
no_stats:
	bindings_destroy(&nn->env);
no_bindings:
	calls_destroy(&nn->env);
no_calls:
	free_percpu(nn->stats);
	return err;
}

/*
 * Packets still pass, for the hooks of conntrack and the devices outlive us.
 * Those of followed connections are dropped from now on: the ends may be alive,
 * and must not read bytes with numbers that nobody translates.
 */
static void __net_exit net_pre_exit(struct net *net)
{
	struct nst_net *nn = nst_pernet(net);

	WRITE_ONCE(nn->dying, true);
	unlist_net(nn);
	nst_attach_end(nn);
	nst_behind_net_exit(net);
	nst_connections_kill(nn);
}

static void end_calls(struct nst_net *nn)
{
	struct nst_work ended = { NULL };

	ops_calls_lock(&nn->env);
	calls_flush(&nn->env, &ended);
	bindings_flush(&nn->env, &ended);
	ops_calls_unlock(&nn->env);
	nst_door_work(nn, &ended);
}

static void __net_exit net_exit(struct net *net)
{
	struct nst_net *nn = nst_pernet(net);

	cancel_delayed_work_sync(&nn->tick);
	flush_work(&nn->late_work);
	nst_mem_stop(nn);
	/* Doors go with their namespace or module, running media does not. */
	nst_door_net_exit(nn);
	end_calls(nn);
	nst_stats_exit(net);
	bindings_destroy(&nn->env);
	calls_destroy(&nn->env);
	/*
	 * Routes that connections kept are counted until they are freed.  One
	 * that was never installed starts no tick; no packet makes another now.
	 */
	if (nn->tick_on || atomic_read(&nn->nr_conns))
		rcu_barrier();
	nst_nl_events_net_exit(nn);
	WARN_ON_ONCE(nst_pool_used(&nn->mem.pool));
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
	int err = nst_connections_init();

	if (!err) {
		err = register_pernet_subsys(&net_ops);
		if (err)
			nst_connections_exit();
	}
	return err;
}

void nst_netns_exit(void)
{
	unregister_pernet_subsys(&net_ops);
	/* The softirq that dropped the last reference may still be running. */
	synchronize_rcu();
	/* So may be the callback that freed what it referred to. */
	rcu_barrier();
	nst_relief_exit();
	nst_mem_exit();
	nst_connections_exit();
}
