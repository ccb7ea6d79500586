// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection that stays and loses its helper: the offset in force is left to
 * conntrack, which adjusts by itself where IPS_SEQ_ADJUST is set.
 *
 * Depending on the kernel that bit is read before help() or after it.  So that
 * no packet is translated by both or by neither, a connection's packets are
 * dropped from before the bit is set until all CPUs have seen it.
 *
 * "conntrack -U --helper ''" takes a helper off and tells nobody; destroy() is
 * not called then.  The next packet would pass with the numbers its sender
 * wrote, which may fit the receiver's window, and bytes would be taken for
 * others.  So what has an object here and no helper is dropped in front of
 * nf_confirm() (behind.c) until it is handed over.
 */
#include <linux/rcupdate.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "compat.h"
#include "connection.h"

/* One without offsets goes on as it is. */
void nst_handover_begin(struct nst_connection *c, struct sk_buff_head *queue)
{
	lockdep_assert_held(&c->lock);
	if (c->life == NST_LIFE_LIVE &&
	    (c->core.flow[0].map.after || c->core.flow[1].map.after))
		WRITE_ONCE(c->life, NST_LIFE_HANDOVER);
}

void nst_handover_end(struct nst_connection *c, struct sk_buff_head *queue)
{
	struct nf_conn_seqadj *ext = nfct_seqadj(c->ct);
	u8 dir;

	lockdep_assert_held(&c->lock);
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
	WRITE_ONCE(c->life, NST_LIFE_OVER);
	nst_count(&c->nn->env, NST_R_CONN_HANDED_OVER);
}

void nst_handover_reset(struct nst_connection *c, struct sk_buff_head *queue)
{
	lockdep_assert_held(&c->lock);
	if (c->life != NST_LIFE_LIVE || conn_quiet(&c->core))
		return;
	nst_connection_reset(c, queue);
	nst_count(&c->nn->env, NST_R_RESET_UNLOAD);
	WRITE_ONCE(c->life, NST_LIFE_RESET);
}

/* --- connections that lost their helper ----------------------------------- */

static bool is_orphan(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);

	return !help || !rcu_access_pointer(help->helper);
}

/* What was reset is kept, to be dropped, for as long as conntrack knows it. */
static bool is_over(const struct nst_connection *c)
{
	return nf_ct_is_dying(c->ct) ||
	       (is_orphan(c->ct) && READ_ONCE(c->life) != NST_LIFE_RESET);
}

static void orphan_begin(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (!is_orphan(c->ct) || nf_ct_is_dying(c->ct))
		return;
	/* Nobody would tell us what the receiver gets of the rest. */
	nst_handover_reset(c, queue);
	nst_handover_begin(c, queue);
}

static void orphan_end(struct nst_connection *c, struct sk_buff_head *queue)
{
	if (is_orphan(c->ct))
		nst_handover_end(c, queue);
}

void nst_handover_reap(struct nst_net *nn)
{
	/* Who holds a packet of one has seen its helper go, or is done. */
	synchronize_rcu();
	nst_connections_each(nn, orphan_begin);
	synchronize_rcu();
	nst_connections_each(nn, orphan_end);
	nst_connections_forget(nn, is_over);
}

/* Its data may be another helper's, so the pointer in there is not believed. */
static bool is_listed(struct nst_net *nn, const struct nf_conn *ct)
{
	const struct nst_connection *c;
	bool found = false;

	spin_lock_bh(&nn->conns_lock);
	list_for_each_entry(c, &nn->conns, list) {
		found = c->ct == ct;
		if (found)
			break;
	}
	spin_unlock_bh(&nn->conns_lock);
	return found;
}

bool nst_orphan_waits(const struct net *net, const struct nf_conn *ct)
{
	struct nst_net *nn = nst_pernet(net);

	if (!atomic_read(&nn->nr_conns) || !is_listed(nn, ct))
		return false;
	nst_net_tick_now(nn);
	return true;
}
