// SPDX-License-Identifier: GPL-2.0-only
/*
 * Media ends with its call.  The flows are found by what was recorded when
 * they began, never by walking the table, and what is found is looked at
 * again: the tuple may be somebody else's by now.
 */
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "gate.h"

/* The flow's tuple in its original direction. */
static void flow_tuple(struct nf_conntrack_tuple *t, const struct nst_gate *gate,
		       const struct gate_flow *flow)
{
	memset(t, 0, sizeof(*t));
	t->dst.protonum = IPPROTO_UDP;
	t->src.l3num = gate->inside.l3num;
	if (flow->bound) {
		t->src.u3 = gate->inside.addr;
		t->src.u.udp.port = gate->inside.port;
		t->dst.u3 = flow->peer;
		t->dst.u.udp.port = flow->port;
	} else {
		t->src.u3 = flow->peer;
		t->src.u.udp.port = flow->port;
		t->dst.u3 = gate->outside.addr;
		t->dst.u.udp.port = gate->outside.port;
	}
}

static bool flow_is(const struct nf_conn *ct, const struct nst_gate *gate,
		    const struct gate_flow *flow)
{
	const struct nf_conntrack_tuple *reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	bool at_door;

	if (!flow->bound)
		return ct->master == gate->master;
	if (!(ct->status & IPS_SRC_NAT))
		return false;
	at_door = nf_inet_addr_cmp(&reply->dst.u3, &gate->outside.addr);
	/* In a stray's place there may be the one that leaves by the door again. */
	return flow->stray ? !at_door || reply->dst.u.udp.port != gate->outside.port : at_door;
}

static u16 flow_zone(const struct nst_gate *gate, const struct gate_flow *flow)
{
	return flow->bound ? gate->inside.zone : gate->outside.zone;
}

void gate_end_flow(const struct nst_gate *gate, const struct gate_flow *flow)
{
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	struct nf_conn *ct;

	flow_tuple(&tuple, gate, flow);
	nf_ct_zone_init(&zone, flow_zone(gate, flow), NF_CT_DEFAULT_ZONE_DIR, 0);
	h = nf_conntrack_find_get(gate->nn->net, &zone, &tuple);
	if (!h)
		return;
	ct = nf_ct_tuplehash_to_ctrack(h);
	if (flow_is(ct, gate, flow))
		nf_ct_delete(ct, 0, 0);
	nf_ct_put(ct);
}

/* A closed gate's flows do not change any more. */
void gate_end_recorded(const struct nst_gate *gate)
{
	unsigned int i;

	for (i = 0; i < gate->nr_flows; i++)
		gate_end_flow(gate, &gate->flows[i]);
}

void gate_end_flows(struct nst_gate *gate)
{
	spin_lock_bh(&gate->lock);
	gate->closed = true;
	gate->ended = true;
	spin_unlock_bh(&gate->lock);
	gate_end_recorded(gate);
}

void gate_end_marked(struct nst_gate *gate)
{
	struct gate_flow flow;
	unsigned int i;

	for (i = 0; gate_marked(gate, i, &flow); i++)
		gate_end_flow(gate, &flow);
}

void gate_drop_marked(struct nst_gate *gate)
{
	struct gate_flow flow;

	while (gate_forget_marked(gate, &flow))
		gate_end_flow(gate, &flow);
}

/* @skip: of all flows so many are left out; it counts down. */
static void probe_add(struct gate_probe *p, struct nst_gate *gate, u32 *skip)
{
	unsigned int i;

	spin_lock_bh(&gate->lock);
	i = min_t(u32, *skip, gate->nr_flows);
	*skip -= i;
	for (; i < gate->nr_flows && p->nr < GATE_PROBES; i++, p->nr++) {
		flow_tuple(&p->flow[p->nr].tuple, gate, &gate->flows[i]);
		p->flow[p->nr].zone = flow_zone(gate, &gate->flows[i]);
	}
	if (i < gate->nr_flows)
		p->more = true;
	spin_unlock_bh(&gate->lock);
}

struct gate_probe *gate_probe_new(struct nst_anchor *anchor, u32 first)
{
	struct gate_probe *p = kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN);
	struct nst_gate *gate;

	lockdep_assert_held(&nst_gate_lock);
	if (!p)
		return NULL;
	p->net = anchor->nn->net;
	p->first = first;
	list_for_each_entry(gate, &anchor->gates, list)
		probe_add(p, gate, &first);
	return p;
}

/* A look-up may reap other entries, and those may be connections of ours. */
bool gate_probe_alive(struct gate_probe *p)
{
	struct nf_conntrack_tuple_hash *h = NULL;
	struct nf_conntrack_zone zone;
	bool alive = false;
	unsigned int i;

	for (i = 0; i < p->nr && !alive; i++) {
		nf_ct_zone_init(&zone, p->flow[i].zone, NF_CT_DEFAULT_ZONE_DIR, 0);
		h = nf_conntrack_find_get(p->net, &zone, &p->flow[i].tuple);
		alive = h;
	}
	if (h)
		nf_ct_put(nf_ct_tuplehash_to_ctrack(h));
	kfree(p);
	return alive;
}
