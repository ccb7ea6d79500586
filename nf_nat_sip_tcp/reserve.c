// SPDX-License-Identifier: GPL-2.0-only
/*
 * Public ports for the core: taken, closed for now, and given back.
 *
 * Looking for one that nobody else has takes a while, and asks rules; only
 * taking it needs the lock of the gates.
 */
#include <linux/err.h>
#include <linux/random.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "door.h"
#include "events.h"
#include "gate.h"

/* As many the kernel counts for one master, in eight bits. */
#define GATES_MAX 255

/* What has left by it before its answer ends when it is freed, as no lock is held then. */
static void gate_remove(struct nst_gate *gate)
{
	gate_unexpect(gate);
	gate->ended = true;
	gate_del(gate);
	gate_free_later(gate);
}

static int gate_make(struct nst_anchor *anchor, const struct nst_reserve *req,
		     u16 index, u16 public_port)
{
	struct nst_gate *gate = gate_alloc(anchor);
	int err;

	if (!gate)
		return -ENOMEM;
	gate_key_set(&gate->inside, &req->inside.addr, req->inside.port + index);
	gate_key_set(&gate->outside, &req->public_addr, public_port);
	gate->outside.zone = nf_ct_zone(anchor->ct)->id;
	gate->inside.zone = anchor->inside_zone;
	gate->outside.proto = req->transport;
	gate->inside.proto = req->transport;
	WRITE_ONCE(gate->oif, anchor->oif);
	gate->reflected = anchor->reflected;
	gate->has_addr = nst_addr_here(anchor->nn->net, &gate->outside);
	err = gate_by_public(anchor->nn, &gate->outside) ? -EBUSY : gate_expect(gate);
	if (err) {
		gate_free(gate);
		return err;
	}
	gate_add(gate);
	return 0;
}

static void count_reserved(struct nst_anchor *anchor, const struct nst_reserve *req)
{
	struct nst_env *env = &anchor->nn->env;
	struct nst_gate *gate;
	u8 i = 0;

	list_for_each_entry_reverse(gate, &anchor->gates, list) {
		if (i++ == req->count)
			return;
		nst_count(env, NST_R_DOOR_RESERVED);
		if (gate->inside.port != gate->outside.port)
			nst_count(env, NST_R_DOOR_PORT_CHANGED);
		nst_event_door(gate, "reserved");
	}
}

/* All ports of the range or none. */
static int range_make(struct nst_anchor *anchor, const struct nst_reserve *req,
		      u16 public_port)
{
	struct nst_gate *gate;
	u16 i;
	int err = 0;

	spin_lock_bh(&nst_gate_lock);
	for (i = 0; i < req->count && !err; i++)
		err = gate_make(anchor, req, i, public_port + i);
	if (err) {
		while (--i) {
			gate = list_last_entry(&anchor->gates, struct nst_gate, list);
			gate_remove(gate);
		}
	} else {
		count_reserved(anchor, req);
	}
	spin_unlock_bh(&nst_gate_lock);
	return err;
}

/*
 * One Contact has one port: where it is for SIP it must be free for both
 * transports, whichever is asked for first.
 */
static bool both_usable(struct port_question *q, const struct nst_reserve *req)
{
	if (!port_usable(q))
		return false;
	if (!req->signalling || req->wanted)
		return true;
	q->key.proto = req->transport == NST_TCP ? IPPROTO_UDP : IPPROTO_TCP;
	q->inside.proto = q->key.proto;
	return port_usable(q);
}

static bool range_usable(struct port_question *q, const struct nst_reserve *req, u16 port)
{
	bool usable = port + req->count - 1 <= U16_MAX;
	u16 i;

	for (i = 0; i < req->count && usable; i++) {
		q->key.port = htons(port + i);
		q->key.proto = req->transport;
		q->inside.port = htons(req->inside.port + i);
		q->inside.proto = req->transport;
		q->chosen = port == req->inside.port || req->wanted;
		usable = both_usable(q, req);
	}
	return usable;
}

static int range_find(struct nst_anchor *anchor, struct port_question *q,
		      struct nst_reserve *req)
{
	unsigned int nr = 0;
	u16 port;
	int err;

	if (anchor->nr_gates + req->count > GATES_MAX)
		return -ENOSPC;
	while ((port = port_candidate(q, req, nr++))) {
		err = range_usable(q, req, port) ? range_make(anchor, req, port) : -EBUSY;
		if (!err)
			req->public_port = port;
		if (err != -EBUSY && err != -EALREADY)
			return err;
	}
	return -EADDRINUSE;
}

static void question_begin(struct port_question *q, const struct nst_anchor *anchor,
			   const struct nst_reserve *req)
{
	memset(q, 0, sizeof(*q));
	q->nn = anchor->nn;
	gate_key_set(&q->key, &req->public_addr, 0);
	gate_key_set(&q->inside, &req->inside.addr, 0);
	q->key.zone = nf_ct_zone(anchor->ct)->id;
	q->inside.zone = anchor->inside_zone;
	q->signalling = req->signalling;
	q->random = get_random_u32();
	q->oif = anchor->oif;
	q->peer = anchor->peer;
	if (req->signalling && req->peer.family == req->public_addr.family)
		addr_to_inet(&q->peer.addr, &req->peer);
}

static bool is_sane(const struct nst_reserve *req)
{
	return req->count && req->count <= NST_PORT_COUNT_MAX &&
	       (u32)req->inside.port + req->count - 1 <= U16_MAX &&
	       req->inside.addr.family == req->public_addr.family;
}

/*
 * The holder keeps its anchor while the calls lock is held; the lock of the
 * gates is for what others see of it.
 */
int nst_door_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct nst_net *nn = nst_net_of(env);
	struct nst_anchor *anchor;
	struct port_question q;
	int err;

	if (!is_sane(req) || ports_denied(nn, req))
		return -EACCES;
	rcu_read_lock();
	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_get_new(nn, req->holder, addr_l3num(&req->public_addr));
	err = PTR_ERR_OR_ZERO(anchor);
	if (!err)
		question_begin(&q, anchor, req);
	spin_unlock_bh(&nst_gate_lock);
	if (!err)
		err = range_find(anchor, &q, req);
	rcu_read_unlock();
	if (err)
		nst_count(env, err == -EMFILE ? NST_R_DOOR_EXPECT_FULL : NST_R_DOOR_FAILED);
	return err;
}

struct nst_gate *holder_gate(const struct nst_anchor *anchor, const struct nst_door *door)
{
	struct nst_gate *gate;
	struct gate_key key;

	gate_key_set(&key, &door->public_ep.addr, door->public_ep.port);
	list_for_each_entry(gate, &anchor->gates, list)
		if (gate->outside.port == key.port && gate->outside.l3num == key.l3num &&
		    gate->outside.proto == door->transport &&
		    nf_inet_addr_cmp(&gate->outside.addr, &key.addr))
			return gate;
	return NULL;
}

void nst_door_release(struct nst_env *env, struct nst_holder *holder,
		      const struct nst_door *door)
{
	struct nst_net *nn = nst_net_of(env);
	struct nst_anchor *anchor;
	struct nst_gate *gate;

	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_find(nn, holder->anchor);
	gate = anchor ? holder_gate(anchor, door) : NULL;
	if (gate) {
		nst_event_door(gate, "released");
		gate_remove(gate);
	}
	spin_unlock_bh(&nst_gate_lock);
}
