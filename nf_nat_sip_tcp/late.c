// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection ends because its conntrack entry does.
 *
 * conntrack calls destroy() for any entry that it finds expired on the way to
 * another: from under a lock of a rule that counts connections, or from under
 * ours, while rules are asked about a port.  Freeing needs locks that whoever
 * called may hold or wait for, so that is left to a work item.
 */
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <net/dst.h>

#include "connection.h"
#include "door.h"

/*
 * Before any packet can pass that nobody translates, if the lock is to be had.
 * Return: false where it is not.
 */
static bool reset_now(struct nst_connection *c, struct sk_buff_head *reset)
{
	if (nst_port_asking() || !spin_trylock_bh(&c->lock))
		return false;
	if (nst_connection_must_reset(c)) {
		nst_connection_reset(c, reset);
		c->life = NST_LIFE_RESET;
	}
	spin_unlock_bh(&c->lock);
	return true;
}

/* With a reference, for the list: the reaper may be faster. */
static void end_later(struct nst_connection *c)
{
	if (llist_add(&c->late, &c->nn->late))
		queue_work(system_power_efficient_wq, &c->nn->late_work);
}

void nst_connection_destroy(struct nf_conn *ct)
{
	struct nst_private *priv = nst_private(ct);
	struct nst_connection *c;
	struct sk_buff_head reset;
	unsigned long link;

	if (!priv)
		return;
	/* Until it is known what has become of it nothing passes. */
	link = xchg(&priv->link, NST_LINK_DEAD | NST_LINK_RESET);
	dst_release(nst_link_route(link));
	c = nst_link_connection(link);
	/*
	 * The reaper, the relief or the end of the namespace may have given back
	 * the last reference since the pointer was read: only RCU keeps it then,
	 * and whoever was faster has done all there is to do.
	 */
	if (c && !refcount_inc_not_zero(&c->refs))
		return;
	__skb_queue_head_init(&reset);
	if ((!c || reset_now(c, &reset)) && skb_queue_empty(&reset))
		WRITE_ONCE(priv->link, NST_LINK_DEAD);
	nst_emit_send(nf_ct_net(ct), &reset);
	if (c)
		end_later(c);
}

static void end_now(struct nst_connection *c, struct sk_buff_head *reset)
{
	unsigned int before = skb_queue_len(reset);
	bool had_reset = READ_ONCE(c->life) == NST_LIFE_RESET;

	nst_connection_end(c, reset);
	if (!had_reset && skb_queue_len(reset) == before)
		WRITE_ONCE(nst_private(c->ct)->link, NST_LINK_DEAD);
}

void nst_connections_late(struct work_struct *work)
{
	struct nst_net *nn = container_of(work, struct nst_net, late_work);
	struct nst_connection *c, *next;
	struct sk_buff_head reset;

	__skb_queue_head_init(&reset);
	llist_for_each_entry_safe(c, next, llist_del_all(&nn->late), late) {
		end_now(c, &reset);
		nst_connection_put(c);
	}
	local_bh_disable();
	nst_emit_send(nn->net, &reset);
	local_bh_enable();
}
