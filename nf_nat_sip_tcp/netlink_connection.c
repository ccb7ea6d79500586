// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dump of connections.  Their list may be long and is walked under a spinlock,
 * so a dump keeps its place by a reference to the last connection that it
 * sent.  Should that have left the list, the next one is the first with a
 * higher serial number.
 *
 * A reference lasts as long as the reader likes; the module and the namespace
 * do not go while a dump of theirs is under way.
 */
#include <nf_nat_sip_tcp/flow.h>

#include "connection.h"
#include "netlink.h"

static_assert((int)SIPNAT_CONNECTION_SYN == NST_CONN_SYN);
static_assert((int)SIPNAT_CONNECTION_SYN_ACK == NST_CONN_SYN_ACK);
static_assert((int)SIPNAT_CONNECTION_FOLLOWED == NST_CONN_FOLLOWED);
static_assert((int)SIPNAT_CONNECTION_OPAQUE == NST_CONN_OPAQUE);

/**
 * struct cursor - how far a dump has come
 * @at: the last connection that was sent, with a reference; NULL: none
 * @serial: its number
 */
struct cursor {
	struct nst_connection *at;
	u64 serial;
};

static struct cursor *cursor_of(struct netlink_callback *cb)
{
	static_assert(sizeof(struct cursor) <= sizeof(cb->ctx));
	return (struct cursor *)cb->ctx;
}

static int put_flow(struct sk_buff *skb, int attr, const struct nst_flow *f)
{
	u32 held_ms = f->hold ? nst_now() - f->hold_since : 0;
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest || nla_put_u32(skb, SIPNAT_A_FLOW_HELD, hold_len(f)) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_HELD_MS, held_ms) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_RETAINED, f->retained) ||
	    nla_put_s32(skb, SIPNAT_A_FLOW_OFFSET, (s32)f->map.after) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_IN_FLIGHT, f->map.nr) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_RESENDS, f->resends) ||
	    nla_put_u8(skb, SIPNAT_A_FLOW_SPOKE, f->spoke) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_STORED, f->stored) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_RTT, f->recovery.srtt / 8) ||
	    nla_put_u32(skb, SIPNAT_A_FLOW_RTO, f->rto))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_ends(struct sk_buff *skb, const struct nst_mapping *end)
{
	return nst_nl_put_endpoint(skb, SIPNAT_A_CONNECTION_CLIENT, &end[0].inside) ||
	       nst_nl_put_endpoint(skb, SIPNAT_A_CONNECTION_CLIENT_PUBLIC, &end[0].outside) ||
	       nst_nl_put_endpoint(skb, SIPNAT_A_CONNECTION_SERVER, &end[1].inside) ||
	       nst_nl_put_endpoint(skb, SIPNAT_A_CONNECTION_SERVER_PUBLIC, &end[1].outside);
}

static int put_reason(struct sk_buff *skb, const struct nst_conn *c)
{
	if (c->state != NST_CONN_OPAQUE)
		return 0;
	return nla_put_u32(skb, SIPNAT_A_CONNECTION_REASON, c->reason) ||
	       nla_put_string(skb, SIPNAT_A_CONNECTION_REASON_NAME,
			      nst_reason_name(c->reason)) ||
	       nla_put_string(skb, SIPNAT_A_CONNECTION_REASON_MEANING,
			      nst_reason_meaning(c->reason));
}

/* connection's lock held */
int nst_nl_put_connection(struct sk_buff *skb, const struct nst_connection *conn)
{
	const struct nst_conn *c = &conn->core;
	u64 mem = nst_connection_mem(conn);

	return nst_nl_put_u64(skb, SIPNAT_A_CONNECTION_ID, c->id, SIPNAT_A_CONNECTION_PAD) ||
	       nla_put_u16(skb, SIPNAT_A_CONNECTION_ZONE, c->zone) ||
	       put_ends(skb, c->map.end) ||
	       nla_put_u8(skb, SIPNAT_A_CONNECTION_STATE, c->state) ||
	       put_reason(skb, c) ||
	       put_flow(skb, SIPNAT_A_CONNECTION_ORIGINAL, &c->flow[0]) ||
	       put_flow(skb, SIPNAT_A_CONNECTION_REPLY, &c->flow[1]) ||
	       nst_nl_put_u64(skb, SIPNAT_A_CONNECTION_MEMORY, mem, SIPNAT_A_CONNECTION_PAD);
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		    struct nst_connection *c)
{
	void *head = nst_nl_head(skb, cb, SIPNAT_CMD_CONNECTION_GET, 0);
	int err = 0;

	if (!head)
		return -EMSGSIZE;
	spin_lock(&c->lock);
	if (c->life == NST_LIFE_DEAD)
		err = -ENOENT;
	else if (nst_nl_put_connection(skb, c))
		err = -EMSGSIZE;
	spin_unlock(&c->lock);
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err == -ENOENT ? 0 : err;
}

/* Where to go on.  Lock of the list held. */
static struct nst_connection *resume(struct nst_net *nn, const struct cursor *cur)
{
	struct nst_connection *c;

	if (cur->at && !list_empty(&cur->at->list))
		return list_next_entry(cur->at, list);
	list_for_each_entry(c, &nn->conns, list)
		if (c->serial > cur->serial)
			break;
	return c;
}

/*
 * Return: the last one dumped, with a reference; NULL: none was.  @err says
 * why it stopped.
 */
static struct nst_connection *dump_some(struct nst_net *nn, struct sk_buff *skb,
					struct netlink_callback *cb, int *err)
{
	struct nst_connection *c, *last = NULL;

	lockdep_assert_held(&nn->conns_lock);
	c = resume(nn, cursor_of(cb));
	list_for_each_entry_from(c, &nn->conns, list) {
		*err = dump_one(skb, cb, c);
		if (*err)
			break;
		last = c;
	}
	/* In the list it has the reference of its installed pointer. */
	if (last)
		refcount_inc(&last->refs);
	return last;
}

int nst_nl_connection_get_start(struct netlink_callback *cb)
{
	*cursor_of(cb) = (struct cursor){ NULL };
	return 0;
}

int nst_nl_connection_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nst_net *nn = nst_pernet(sock_net(skb->sk));
	struct nst_connection *last, *old = NULL;
	struct cursor *cur = cursor_of(cb);
	int err = 0;

	spin_lock_bh(&nn->conns_lock);
	last = dump_some(nn, skb, cb, &err);
	if (last) {
		old = cur->at;
		cur->at = last;
		cur->serial = last->serial;
	}
	spin_unlock_bh(&nn->conns_lock);
	if (old)
		nst_connection_put(old);
	return skb->len ? skb->len : err;
}

int nst_nl_connection_get_done(struct netlink_callback *cb)
{
	struct cursor *cur = cursor_of(cb);

	if (cur->at)
		nst_connection_put(cur->at);
	cur->at = NULL;
	return 0;
}
