// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module leaves and connections stay.  What is held goes out raw, what is
 * retained is still delivered; then the offset in force is left to conntrack,
 * which adjusts by itself where IPS_SEQ_ADJUST is set.
 *
 * Depending on the kernel that bit is read before help() or after it.  So that
 * no packet is translated by both or by neither, a connection's packets are
 * dropped from before the bit is set until all CPUs have seen it.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "compat.h"
#include "connection.h"

/* Default of unload_timeout. */
#define DRAIN_MS 10000

static bool all_quiet;

static void make_opaque(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (c->life != NST_LIFE_LIVE || c->core.state == NST_CONN_OPAQUE)
		return;
	step_opaque(&c->core, NST_R_OPAQUE_SETTING, nst_now(), &c->out);
	nst_connection_act(c, queue);
}

static void check_quiet(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (c->life == NST_LIFE_LIVE && !conn_quiet(&c->core))
		all_quiet = false;
}

/* Bytes that nobody would take. */
static void reset_rest(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (c->life == NST_LIFE_LIVE && !conn_quiet(&c->core))
		nst_connection_reset(c, queue);
}

static void drop_packets(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (c->life == NST_LIFE_LIVE &&
	    (c->core.flow[0].map.after || c->core.flow[1].map.after))
		c->life = NST_LIFE_HANDOVER;
}

static void leave_offset(struct nst_connection *c, struct sk_buff_head *queue)
{
	struct nf_conn_seqadj *ext = nfct_seqadj(c->ct);
	u8 dir;

	if (c->life != NST_LIFE_HANDOVER || !ext)
		return;
	spin_lock_bh(&c->ct->lock);
	for (dir = 0; dir < 2; dir++) {
		s32 offset = (s32)c->core.flow[dir].map.after;

		ext->seq[dir].correction_pos = 0;
		ext->seq[dir].offset_before = offset;
		ext->seq[dir].offset_after = offset;
	}
	set_bit(IPS_SEQ_ADJUST_BIT, &c->ct->status);
	spin_unlock_bh(&c->ct->lock);
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
	unsigned long end = jiffies + msecs_to_jiffies(DRAIN_MS);

	do {
		all_quiet = true;
		walk(check_quiet);
		if (all_quiet)
			return;
		msleep(20);
	} while (time_before(jiffies, end));
}

void nst_connections_leave(void)
{
	walk(make_opaque);
	drain();
	walk(reset_rest);
	walk(drop_packets);
	synchronize_rcu();
	walk(leave_offset);
	synchronize_rcu();
	nst_net_for_each(nst_connections_kill);
}
