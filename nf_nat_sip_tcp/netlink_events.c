// SPDX-License-Identifier: GPL-2.0-only
/*
 * The group "events".  What happens is written down on the spot, under the
 * locks that protect it, and sent by a worker, for sending wakes up readers
 * and may take long where there are many.
 */
#include <nf_nat_sip_tcp/contact.h>

#include "connection.h"
#include "gate.h"
#include "netlink.h"

/* Messages that may wait for the worker; then listeners are told of a loss. */
#define EVENTS_MAX 1024

/* Longest of them: that of a connection. */
#define EVENT_SIZE 768

static bool started;

static void send_events(struct work_struct *work)
{
	struct nst_net *nn = container_of(work, struct nst_net, events_work);
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&nn->events)))
		genlmsg_multicast_netns(&nst_nl_family, nn->net, skb, 0,
					NST_NL_GROUP_EVENTS, GFP_KERNEL);
	if (xchg(&nn->events_lost, false))
		genl_set_err(&nst_nl_family, nn->net, 0, NST_NL_GROUP_EVENTS, -ENOBUFS);
}

void nst_nl_events_net_init(struct nst_net *nn)
{
	skb_queue_head_init(&nn->events);
	INIT_WORK(&nn->events_work, send_events);
}

void nst_nl_events_net_exit(struct nst_net *nn)
{
	cancel_work_sync(&nn->events_work);
	skb_queue_purge(&nn->events);
}

void nst_nl_events_start(void)
{
	WRITE_ONCE(started, true);
}

/* Who saw the family started has queued his message after the grace period. */
void nst_nl_events_stop(void)
{
	WRITE_ONCE(started, false);
	synchronize_rcu();
	nst_net_for_each(nst_nl_events_net_exit);
}

/* --- messages --- */

/**
 * struct notice - something to be told
 * @nn: namespace
 * @cmd: command of its message
 * @object: what it is about
 * @reason: counter of its end; NST_R_MAX: none
 * @closed: of a door: it was closed, not opened
 */
struct notice {
	struct nst_net *nn;
	u8 cmd;
	const void *object;
	enum nst_reason reason;
	bool closed;
};

static int put_reason(struct sk_buff *skb, const struct notice *n, int id, int name)
{
	if (n->reason == NST_R_MAX)
		return 0;
	return nla_put_u32(skb, id, n->reason) ||
	       nla_put_string(skb, name, nst_reason_name(n->reason));
}

static int put_connection(struct sk_buff *skb, const struct notice *n)
{
	return nst_nl_put_connection(skb, container_of((struct nst_conn *)n->object,
						       struct nst_connection, core));
}

static int put_object(struct sk_buff *skb, const struct notice *n)
{
	switch (n->cmd) {
	case SIPNAT_CMD_CALL_NTF:
		return nst_nl_put_call(skb, n->object) ||
		       put_reason(skb, n, SIPNAT_A_CALL_REASON, SIPNAT_A_CALL_REASON_NAME);
	case SIPNAT_CMD_BINDING_NTF:
		return nst_nl_put_binding(skb, n->object, n->reason != NST_R_MAX) ||
		       put_reason(skb, n, SIPNAT_A_BINDING_REASON,
				  SIPNAT_A_BINDING_REASON_NAME);
	case SIPNAT_CMD_DOOR_NTF:
		return nst_nl_put_gate(skb, (void *)n->object, n->closed);
	default:
		return put_connection(skb, n);
	}
}

static struct sk_buff *message(const struct notice *n)
{
	struct sk_buff *skb = genlmsg_new(EVENT_SIZE, GFP_ATOMIC);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put(skb, 0, 0, &nst_nl_family, 0, n->cmd);
	if (!head || put_object(skb, n)) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

static void queue(const struct notice *n)
{
	struct nst_net *nn = n->nn;
	struct sk_buff *skb = NULL;

	if (skb_queue_len_lockless(&nn->events) < EVENTS_MAX)
		skb = message(n);
	if (skb)
		skb_queue_tail(&nn->events, skb);
	else
		WRITE_ONCE(nn->events_lost, true);
	schedule_work(&nn->events_work);
}

static void tell(const struct notice *n)
{
	rcu_read_lock();
	if (READ_ONCE(started) &&
	    genl_has_listeners(&nst_nl_family, n->nn->net, NST_NL_GROUP_EVENTS))
		queue(n);
	rcu_read_unlock();
}

void nst_nl_notify(struct nst_env *env, enum nst_notice what, const void *object,
		   enum nst_reason reason)
{
	static const u8 cmds[] = {
		[NST_NOTICE_CALL] = SIPNAT_CMD_CALL_NTF,
		[NST_NOTICE_BINDING] = SIPNAT_CMD_BINDING_NTF,
		[NST_NOTICE_CONNECTION] = SIPNAT_CMD_CONNECTION_NTF,
	};
	struct notice n = {
		.nn = nst_net_of(env), .cmd = cmds[what], .object = object, .reason = reason,
	};

	tell(&n);
}

void nst_nl_notify_door(struct nst_gate *gate, bool closed)
{
	struct notice n = {
		.nn = gate->nn, .cmd = SIPNAT_CMD_DOOR_NTF, .object = gate, .closed = closed,
	};

	tell(&n);
}
