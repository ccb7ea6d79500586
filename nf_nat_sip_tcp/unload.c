// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module leaves and connections stay.  What is held goes out raw, what is
 * retained is still delivered, for unload_timeout at most; then the numbers
 * are handed over to conntrack.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/printk.h>

#include "connection.h"

/* How long connections are waited for: the longest of all namespaces. */
static u32 timeout_ms;
static unsigned int nr_busy;

static void take_timeout(struct nst_net *nn)
{
	timeout_ms = max(timeout_ms, READ_ONCE(nn->env.set.unload_timeout));
}

static void make_opaque(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (c->life != NST_LIFE_LIVE || c->core.state == NST_CONN_OPAQUE)
		return;
	step_opaque(&c->core, NST_R_OPAQUE_SETTING, nst_now(), c->out);
	nst_connection_act(c, queue);
}

static void count_busy(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (c->life == NST_LIFE_LIVE && !conn_quiet(&c->core))
		nr_busy++;
}

/* What the walk over all namespaces does with each connection. */
static void (*walk_fn)(struct nst_connection *c, struct sk_buff_head *queue);

static void walk_net(struct nst_net *nn)
{
	nst_connections_each(nn, walk_fn);
}

static void walk(void (*fn)(struct nst_connection *c, struct sk_buff_head *queue))
{
	walk_fn = fn;
	nst_net_for_each(walk_net);
}

static void drain(void)
{
	unsigned long end;

	nst_net_for_each(take_timeout);
	end = jiffies + msecs_to_jiffies(timeout_ms);
	for (;;) {
		nr_busy = 0;
		walk(count_busy);
		if (!nr_busy || time_after_eq(jiffies, end))
			return;
		msleep(20);
	}
}

void nst_connections_leave(void)
{
	walk(make_opaque);
	drain();
	/* The counters are gone in a moment, so the log has to say it. */
	if (nr_busy)
		pr_notice("%u connections are reset: what was acknowledged in their receivers' names was not taken within %u ms\n",
			  nr_busy, timeout_ms);
	walk(nst_handover_reset);
	walk(nst_handover_begin);
	synchronize_rcu();
	walk(nst_handover_end);
	synchronize_rcu();
	nst_net_for_each(nst_connections_kill);
}
