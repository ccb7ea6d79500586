// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps of calls, bindings and doors.
 */
#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/conn.h>
#include <nf_nat_sip_tcp/contact.h>

#include "gate.h"
#include "netlink.h"

static_assert((int)SIPNAT_CALL_EARLY == NST_CALL_EARLY);
static_assert((int)SIPNAT_CALL_CONFIRMED == NST_CALL_CONFIRMED);
static_assert((int)SIPNAT_CALL_ENDED == NST_CALL_ENDED);
static_assert((int)SIPNAT_BINDING_PENDING == NST_BINDING_PENDING);
static_assert((int)SIPNAT_BINDING_ACTIVE == NST_BINDING_ACTIVE);

static u64 ms_left(u64 then)
{
	u64 now = nst_now();

	return then > now ? then - now : 0;
}

static int put_anchor(struct sk_buff *skb, int attr, u32 anchor)
{
	return anchor ? nla_put_u32(skb, attr, anchor) : 0;
}

/* --- calls --- */

static int put_talker(struct sk_buff *skb, const struct nst_call *call)
{
	const struct nst_conn *conn;

	if (!call->talker)
		return 0;
	conn = container_of(call->talker, struct nst_conn, talker);
	return nst_nl_put_u64(skb, SIPNAT_A_CALL_CONNECTION, conn->id, SIPNAT_A_CALL_PAD);
}

static int put_call_key(struct sk_buff *skb, const struct nst_call *call)
{
	return nst_nl_put_u64(skb, SIPNAT_A_CALL_ID, call->call_id_hash, SIPNAT_A_CALL_PAD) ||
	       nla_put_u16(skb, SIPNAT_A_CALL_ZONE, call->h.zone) ||
	       nst_nl_put_addr(skb, SIPNAT_A_CALL_INSIDE, &call->h.inside) ||
	       nst_nl_put_addr(skb, SIPNAT_A_CALL_PEER, &call->peer);
}

int nst_nl_put_call(struct sk_buff *skb, const struct nst_call *call)
{
	return put_call_key(skb, call) || put_talker(skb, call) ||
	       nla_put_u8(skb, SIPNAT_A_CALL_STATE, call->state) ||
	       nla_put_u8(skb, SIPNAT_A_CALL_OUTGOING, call->outgoing) ||
	       nla_put_u8(skb, SIPNAT_A_CALL_BYE, !!call->bye_due) ||
	       put_anchor(skb, SIPNAT_A_CALL_ANCHOR, call->h.anchor) ||
	       nla_put_u32(skb, SIPNAT_A_CALL_DOORS, call->h.nr_doors) ||
	       nst_nl_put_u64(skb, SIPNAT_A_CALL_EXPIRES, ms_left(call_due(call)),
			      SIPNAT_A_CALL_PAD);
}

/* --- bindings --- */

static int put_binding_contact(struct sk_buff *skb, const struct nst_contact *c)
{
	return nla_put_u16(skb, SIPNAT_A_BINDING_ZONE, c->h.zone) ||
	       nst_nl_put_endpoint(skb, SIPNAT_A_BINDING_INSIDE, &c->inside) ||
	       nst_nl_put_endpoint(skb, SIPNAT_A_BINDING_PUBLIC, &c->public_ep) ||
	       (c->peer.family &&
		nst_nl_put_addr(skb, SIPNAT_A_BINDING_FILTER, &c->peer)) ||
	       put_anchor(skb, SIPNAT_A_BINDING_ANCHOR, c->h.anchor);
}

int nst_nl_put_binding(struct sk_buff *skb, const struct nst_binding *b, bool ended)
{
	return nla_put(skb, SIPNAT_A_BINDING_AOR, b->aor_len, b->aor) ||
	       put_binding_contact(skb, b->contact) ||
	       nst_nl_put_addr(skb, SIPNAT_A_BINDING_REGISTRAR, &b->registrar) ||
	       nla_put_u8(skb, SIPNAT_A_BINDING_STATE,
			  ended ? SIPNAT_BINDING_ENDED : b->state) ||
	       nla_put_u32(skb, SIPNAT_A_BINDING_GRANTED, b->granted) ||
	       nst_nl_put_u64(skb, SIPNAT_A_BINDING_EXPIRES, ms_left(b->expires),
			      SIPNAT_A_BINDING_PAD);
}

/* --- doors --- */

static int put_gate_key(struct sk_buff *skb, int attr, const struct gate_key *key)
{
	struct nst_endpoint ep;

	gate_key_ep(&ep, key);
	return nst_nl_put_endpoint(skb, attr, &ep);
}

static int put_gate_ends(struct sk_buff *skb, const struct nst_gate *gate)
{
	return nla_put_u16(skb, SIPNAT_A_DOOR_ZONE, gate->outside.zone) ||
	       put_gate_key(skb, SIPNAT_A_DOOR_INSIDE, &gate->inside) ||
	       put_gate_key(skb, SIPNAT_A_DOOR_PUBLIC, &gate->outside) ||
	       put_anchor(skb, SIPNAT_A_DOOR_ANCHOR, gate->anchor->id);
}

/* What packets change, and the filter, are under the gate's own lock. */
static int put_gate_state(struct sk_buff *skb, struct nst_gate *gate, bool closed)
{
	struct nst_endpoint filter;
	bool open;
	u8 flows;

	spin_lock_bh(&gate->lock);
	open = gate->open;
	filter = gate->filter;
	flows = gate->nr_flows;
	spin_unlock_bh(&gate->lock);
	return nla_put_u8(skb, SIPNAT_A_DOOR_STATE, closed ? SIPNAT_DOOR_CLOSED :
			  open ? SIPNAT_DOOR_OPEN : SIPNAT_DOOR_RESERVED) ||
	       (open && filter.addr.family &&
		nst_nl_put_endpoint(skb, SIPNAT_A_DOOR_FILTER, &filter)) ||
	       nla_put_u32(skb, SIPNAT_A_DOOR_FLOWS, flows);
}

int nst_nl_put_gate(struct sk_buff *skb, struct nst_gate *gate, bool closed)
{
	u8 kind = gate->anchor->signalling ? SIPNAT_DOOR_KIND_SIGNALLING :
		  SIPNAT_DOOR_KIND_MEDIA;

	return nla_put_u8(skb, SIPNAT_A_DOOR_TRANSPORT, gate->outside.proto) ||
	       nla_put_u8(skb, SIPNAT_A_DOOR_KIND, kind) ||
	       put_gate_ends(skb, gate) || put_gate_state(skb, gate, closed);
}

/* --- walks --- */

/**
 * put_entry - send an entry of a table, if it is its turn
 * @w: the walk
 * @cmd: command of its message
 * @put: writes the entry
 * @entry: the entry
 *
 * Return: go on?
 */
static bool put_entry(struct nst_nl_walk *w, u8 cmd,
		      int (*put)(struct sk_buff *skb, void *entry), void *entry)
{
	void *head;

	if (!nst_nl_walk_wants(w))
		return true;
	head = nst_nl_head(w->skb, w->cb, cmd, nst_nl_walk_flags(w));
	if (!head)
		return nst_nl_walk_full(w);
	if (put(w->skb, entry)) {
		genlmsg_cancel(w->skb, head);
		return nst_nl_walk_full(w);
	}
	genlmsg_end(w->skb, head);
	return true;
}

static int put_call_entry(struct sk_buff *skb, void *call)
{
	return nst_nl_put_call(skb, call);
}

static bool dump_call(const struct nst_call *call, void *w)
{
	return put_entry(w, SIPNAT_CMD_CALL_GET, put_call_entry, (void *)call);
}

int nst_nl_call_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nst_net *nn = nst_pernet(sock_net(skb->sk));
	struct nst_nl_walk w;

	nst_nl_walk_begin(&w, skb, cb);
	spin_lock_bh(&nn->calls_lock);
	calls_each(&nn->env, &w.pos, dump_call, &w);
	spin_unlock_bh(&nn->calls_lock);
	return nst_nl_walk_end(&w);
}

static int put_binding_entry(struct sk_buff *skb, void *b)
{
	return nst_nl_put_binding(skb, b, false);
}

static bool dump_binding(const struct nst_binding *b, void *w)
{
	return put_entry(w, SIPNAT_CMD_BINDING_GET, put_binding_entry, (void *)b);
}

int nst_nl_binding_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nst_net *nn = nst_pernet(sock_net(skb->sk));
	struct nst_nl_walk w;

	nst_nl_walk_begin(&w, skb, cb);
	spin_lock_bh(&nn->calls_lock);
	bindings_each(&nn->env, &w.pos, dump_binding, &w);
	spin_unlock_bh(&nn->calls_lock);
	return nst_nl_walk_end(&w);
}

static int put_gate_entry(struct sk_buff *skb, void *gate)
{
	return nst_nl_put_gate(skb, gate, false);
}

static bool dump_gate(struct nst_gate *gate, void *w)
{
	return put_entry(w, SIPNAT_CMD_DOOR_GET, put_gate_entry, gate);
}

int nst_nl_door_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nst_net *nn = nst_pernet(sock_net(skb->sk));
	struct nst_nl_walk w;
	bool more;

	nst_nl_walk_begin(&w, skb, cb);
	do {
		spin_lock_bh(&nst_gate_lock);
		more = gates_each(nn, &w.pos, dump_gate, &w);
		spin_unlock_bh(&nst_gate_lock);
	} while (more);
	return nst_nl_walk_end(&w);
}
