// SPDX-License-Identifier: GPL-2.0-only
/*
 * All connections of a namespace, one after another, in process context.
 */
#include <linux/delay.h>

#include "connection.h"

/* Takes one that fits off the list, with a reference. */
static struct nst_connection *pick(struct nst_net *nn,
				   bool (*fits)(const struct nst_connection *c))
{
	struct nst_connection *c, *found = NULL;

	spin_lock_bh(&nn->conns_lock);
	list_for_each_entry(c, &nn->conns, list) {
		if ((!fits || fits(c)) && refcount_inc_not_zero(&c->refs)) {
			list_del_init(&c->list);
			found = c;
			break;
		}
	}
	spin_unlock_bh(&nn->conns_lock);
	return found;
}

void nst_connections_each(struct nst_net *nn,
			  void (*fn)(struct nst_connection *c, struct sk_buff_head *queue))
{
	struct nst_connection *c;
	struct sk_buff_head queue;

	__skb_queue_head_init(&queue);
	spin_lock_bh(&nn->conns_lock);
	list_for_each_entry(c, &nn->conns, list) {
		nst_connection_lock(c);
		fn(c, &queue);
		nst_connection_unlock(c);
	}
	spin_unlock_bh(&nn->conns_lock);
	local_bh_disable();
	nst_emit_send(nn->net, &queue);
	local_bh_enable();
}

void nst_connections_forget(struct nst_net *nn,
			    bool (*fits)(const struct nst_connection *c))
{
	struct nst_connection *c;
	struct sk_buff_head reset;

	__skb_queue_head_init(&reset);
	while ((c = pick(nn, fits)))
		nst_connection_forget(c, NST_LINK_DEAD, &reset);
	local_bh_disable();
	nst_emit_send(nn->net, &reset);
	local_bh_enable();
}

void nst_connections_kill(struct nst_net *nn)
{
	struct nst_connection *c;

	spin_lock_bh(&nn->conns_lock);
	nn->closing = true;
	spin_unlock_bh(&nn->conns_lock);
	while ((c = pick(nn, NULL)))
		nst_connection_forget(c, NST_LINK_DEAD, NULL);
	/* A timer that is just running is the last one to let go. */
	while (atomic_read(&nn->nr_conns))
		msleep(20);
}
