// SPDX-License-Identifier: GPL-2.0-only
/*
 * The expectation of a door, and what becomes of a flow that comes in by it.
 *
 * A reserved door is an expectation for packets from anywhere that is flagged
 * inactive: it matches no packet, and whoever wants an expectation for the
 * same port, whatever its filter, is told that it clashes.  Opening and
 * narrowing edit it in place under the kernel's own lock, as the table is
 * hashed by the destination only.  A second one with a filter could not be
 * inserted while the first is there, and between removing and inserting the
 * port would be anybody's.
 */
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_nat.h>

#include "anchor.h"
#include "compat.h"
#include "gate.h"
#include "helper.h"

static void door_expectfn(struct nf_conn *ct, struct nf_conntrack_expect *exp);

static struct nf_ct_helper_expectfn door_expectfn_desc = {
	.name = "nat-sip-tcp",
	.expectfn = door_expectfn,
};

/* No pointer to an expectation is kept: it is where its master says. */
static struct nf_conntrack_expect *expect_find(const struct nst_gate *gate)
{
	const struct nf_conn_help *help = nfct_help(gate->anchor->ct);
	struct nf_conntrack_expect *exp;

	lockdep_assert_held(&nf_conntrack_expect_lock);
	if (!help)
		return NULL;
	hlist_for_each_entry(exp, &help->expectations, lnode)
		if (exp->expectfn == door_expectfn && !nst_expect_dead(exp) &&
		    exp->tuple.dst.protonum == gate->outside.proto &&
		    exp->tuple.dst.u.all == gate->outside.port &&
		    nf_inet_addr_cmp(&exp->tuple.dst.u3, &gate->outside.addr))
			return exp;
	return NULL;
}

static void expect_filter(struct nf_conntrack_expect *exp,
			  const struct nst_endpoint *filter)
{
	const bool any = !filter->addr.family;

	addr_to_inet(&exp->tuple.src.u3, &filter->addr);
	memset(&exp->mask.src.u3, 0, sizeof(exp->mask.src.u3));
	memset(&exp->mask.src.u3, any ? 0 : 0xff, filter->addr.family == 6 ? 16 : 4);
	exp->tuple.src.u.all = htons(filter->port);
	exp->mask.src.u.all = filter->port ? htons(0xffff) : 0;
}

/* The peer writes from an address that the door's family does not have. */
static bool filter_impossible(const struct nst_gate *gate)
{
	return gate->filter.addr.family &&
	       addr_l3num(&gate->filter.addr) != gate->outside.l3num;
}

static void expect_set(struct nf_conntrack_expect *exp, const struct nst_gate *gate)
{
	static const struct nst_endpoint anybody;
	bool active = gate->open && !gate->away && !filter_impossible(gate);

	expect_filter(exp, active ? &gate->filter : &anybody);
	WRITE_ONCE(exp->flags, NF_CT_EXPECT_PERMANENT |
			       (active ? 0 : NF_CT_EXPECT_INACTIVE));
}

static struct nf_conntrack_expect *expect_new(const struct nst_gate *gate)
{
	struct nf_conntrack_expect *exp = nf_ct_expect_alloc(gate->anchor->ct);

	if (!exp)
		return NULL;
	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, gate->outside.l3num,
			  NULL, &gate->outside.addr, gate->outside.proto, NULL,
			  &gate->outside.port);
	/* Connections are followed from their SYN, media is left to flowtables. */
	nst_expect_helper(exp, gate_is_tcp(gate) ? nst_helper_get(gate->outside.l3num) : NULL);
	exp->expectfn = door_expectfn;
	exp->dir = IP_CT_DIR_REPLY;
	/* For who reads the table; door_expectfn() asks the gate. */
	exp->saved_addr = gate->inside.addr;
	exp->saved_proto.all = gate->inside.port;
	expect_set(exp, gate);
	return exp;
}

int gate_expect(struct nst_gate *gate)
{
	struct nf_conntrack_expect *exp;
	int err;

	lockdep_assert_held(&nst_gate_lock);
	rcu_read_lock();
	exp = expect_new(gate);
	if (exp) {
		err = nf_ct_expect_related(exp, 0);
		if (err >= 0)
			nst_expect_outlive(exp, NST_ANCHOR_LIFE);
		nf_ct_expect_put(exp);
	} else {
		err = -ENOMEM;
	}
	rcu_read_unlock();
	return err < 0 ? err : 0;
}

int gate_expect_update(struct nst_gate *gate)
{
	struct nf_conntrack_expect *exp;

	lockdep_assert_held(&nst_gate_lock);
	spin_lock_bh(&nf_conntrack_expect_lock);
	exp = expect_find(gate);
	if (exp)
		expect_set(exp, gate);
	spin_unlock_bh(&nf_conntrack_expect_lock);
	/* conntrack -D expect: the user takes doors away one by one */
	return exp ? 0 : gate_expect(gate);
}

void gate_unexpect(struct nst_gate *gate)
{
	struct nf_conntrack_expect *exp;

	lockdep_assert_held(&nst_gate_lock);
	spin_lock_bh(&nf_conntrack_expect_lock);
	exp = expect_find(gate);
	if (exp)
		nst_expect_remove(exp);
	spin_unlock_bh(&nf_conntrack_expect_lock);
}

/*
 * The flow's destination becomes the inside endpoint (where it has a helper,
 * conntrack adds what offsets are published in).  Its source stays as it is
 * unless it is an inside host (hairpin.c), and that is settled here too, lest
 * a rule translates it in POSTROUTING.  The second step also finds another
 * source port where the host inside has a flow of its own with the very same
 * peer: its tuple is taken then.
 */
void gate_nat(struct nf_conn *ct, const struct nst_gate *gate)
{
	const struct nf_conntrack_tuple *reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED,
		.min_addr = gate->inside.addr,
		.max_addr = gate->inside.addr,
		.min_proto.all = gate->inside.port,
		.max_proto.all = gate->inside.port,
	};
	struct gate_source source;

	nf_nat_setup_info(ct, &range, NF_NAT_MANIP_DST);

	hairpin_source(&source, gate, ct);
	memset(&range, 0, sizeof(range));
	range.flags = NF_NAT_RANGE_MAP_IPS;
	range.min_addr = source.addr;
	range.max_addr = source.addr;
	if (source.exact) {
		range.flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
		range.min_proto.all = source.port;
		range.max_proto.all = source.port;
	}
	nf_nat_setup_info(ct, &range, NF_NAT_MANIP_SRC);

	if (reply->dst.u.all != source.port)
		nst_count(&gate->nn->env, NST_R_DOOR_CLASH);
}

/* Under RCU. */
static struct nst_gate *flow_gate(const struct nst_net *nn, const struct nf_conn *ct)
{
	struct nst_gate *gate = gate_at_all(nn, ct);

	return gate && READ_ONCE(gate->master) == ct->master ? gate : NULL;
}

static bool flow_enter(struct nf_conn *ct, struct nst_gate *gate)
{
	const struct nf_conntrack_tuple *orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct gate_flow flow = {
		.peer = orig->src.u3,
		.port = orig->src.u.all,
	};
	struct nst_endpoint peer;

	inet_to_addr(&peer.addr, &flow.peer, orig->src.l3num);
	peer.port = ntohs(flow.port);
	return gate_admits(gate, &peer) && gate_record(gate, &flow);
}

/*
 * One that was taken away after the packet had found it: its door was given back,
 * or its call has ended.  One that is not permanent leaves as it is found.
 */
static bool expect_gone(const struct nf_conntrack_expect *exp, const struct nf_conn *ct)
{
	return (ct->master && nf_ct_is_dying(ct->master)) ||
	       (exp->flags & NF_CT_EXPECT_PERMANENT && nst_expect_removed(exp));
}

/*
 * Whoever may configure the namespace can write an expectation that names
 * this function, with any tuple and any master: nothing in it is believed.
 * What does not lead to a gate goes on untranslated; what the gate does not admit
 * this moment any more is stopped by its guard.
 */
static void door_expectfn(struct nf_conn *ct, struct nf_conntrack_expect *exp)
{
	struct nst_net *nn = nst_pernet(nf_ct_net(ct));
	struct nst_gate *gate = NULL;

	rcu_read_lock();
	if (ct->master && nst_anchor_is(ct->master) && !nf_ct_is_confirmed(ct) &&
	    !(ct->status & IPS_NAT_DONE_MASK))
		gate = flow_gate(nn, ct);
	if (gate && flow_enter(ct, gate)) {
		nst_labels_copy(ct, ct->master);
		gate_nat(ct, gate);
		nst_count(&nn->env, NST_R_DOOR_USED);
	} else if (!gate && !expect_gone(exp, ct)) {
		nst_count(&nn->env, NST_R_DOOR_FOREIGN_EXPECT);
	}
	rcu_read_unlock();
}

void gate_expect_init(void)
{
	nf_ct_helper_expectfn_register(&door_expectfn_desc);
}

static bool expect_is_ours(struct nf_conntrack_expect *exp, void *data)
{
	return exp->expectfn == door_expectfn;
}

void gate_expect_exit(void)
{
	nf_ct_helper_expectfn_unregister(&door_expectfn_desc);
	/* Who found it by name before that has inserted it now. */
	synchronize_rcu();
	nf_ct_expect_iterate_destroy(expect_is_ours, NULL);
	/* Packets that found one of these have come back from us now. */
	synchronize_rcu();
}
