// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core calls a door, carried out: reserve, open, close.
 */
#include <linux/err.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "anchor.h"
#include "door.h"
#include "gate.h"

/* As many the kernel counts for one master, in eight bits. */
#define GATES_MAX 255

/* Random ids to try; with 2^24 of them the second is a rarity. */
#define ID_TRIES 4

static void door_trace(struct nst_gate *gate, const char *what)
{
	struct nst_env *env = &gate->nn->env;
	struct nst_trace t;

	if (!nst_tracing(env))
		return;
	memset(&t, 0, sizeof(t));
	t.id = NST_TRACE_DOOR;
	gate_key_ep(&t.from, &gate->outside);
	gate_key_ep(&t.to, &gate->inside);
	t.text = what;
	t.text_len = strlen(what);
	env->ops->trace(env, &t);
}

/* Direction in which the inside host sends on the signalling connection. */
static u8 inside_dir(const struct nf_conn *owner, const struct nst_holder *holder)
{
	union nf_inet_addr addr;

	addr_to_inet(&addr, &holder->inside);
	return nf_inet_addr_cmp(&owner->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3, &addr) ?
	       IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
}

static struct nf_conn *anchor_ct(struct nst_net *nn, const struct nst_anchor_seed *seed,
				 u32 *id)
{
	struct nf_conn *ct = ERR_PTR(-EEXIST);
	unsigned int i;

	for (i = 0; i < ID_TRIES; i++) {
		*id = get_random_u32() >> 8;
		if (!*id || anchor_find(nn, *id))
			continue;
		ct = nst_anchor_create(nn->net, seed, *id);
		if (ct != ERR_PTR(-EEXIST) && ct != ERR_PTR(-EAGAIN))
			break;
	}
	return ct;
}

static struct nst_anchor *anchor_new(struct nst_net *nn, struct nst_holder *holder, u8 l3num)
{
	const struct nf_conn *owner = holder->owner;
	u8 dir = inside_dir(owner, holder);
	struct nst_anchor_seed seed = {
		.like = owner,
		.zone = nf_ct_zone_id(nf_ct_zone(owner), !dir),
		.l3num = l3num,
	};
	struct nst_anchor *anchor;
	struct nf_conn *ct;
	u32 id;

	anchor = kzalloc(sizeof(*anchor), GFP_ATOMIC);
	if (!anchor)
		return ERR_PTR(-ENOMEM);
	ct = anchor_ct(nn, &seed, &id);
	if (IS_ERR(ct)) {
		kfree(anchor);
		return ERR_CAST(ct);
	}
	anchor->nn = nn;
	anchor->ct = ct;
	anchor->inside_zone = nf_ct_zone_id(nf_ct_zone(owner), dir);
	anchor->oif = bind_oif(nn->net, owner, dir);
	INIT_LIST_HEAD(&anchor->gates);
	anchor_add(anchor, id);
	holder->anchor = id;
	return anchor;
}

/* A new conntrack entry in place of one that somebody deleted. */
static int anchor_revive(struct nst_anchor *anchor, struct nst_holder *holder)
{
	struct nf_conn *old = anchor->ct, *ct;
	struct nst_anchor_seed seed = {
		.like = old,
		.zone = nf_ct_zone(old)->id,
		.l3num = nf_ct_l3num(old),
	};
	struct nst_gate *gate;
	u32 id;

	nst_count(&anchor->nn->env, NST_R_CALL_DOORLESS);
	ct = anchor_ct(anchor->nn, &seed, &id);
	if (IS_ERR(ct))
		return PTR_ERR(ct);
	anchor->ct = ct;
	anchor_rename(anchor, id);
	holder->anchor = id;
	list_for_each_entry(gate, &anchor->gates, list) {
		WRITE_ONCE(gate->master, ct);
		if (gate_expect(gate))
			nst_count(&anchor->nn->env, NST_R_DOOR_FAILED);
	}
	nst_anchor_delete(old);
	nf_ct_put(old);
	return 0;
}

/* The call's anchor, good for expectations. */
static struct nst_anchor *anchor_get(struct nst_net *nn, struct nst_holder *holder)
{
	struct nst_anchor *anchor = anchor_find(nn, holder->anchor);
	int err;

	if (!anchor || !nf_ct_is_dying(anchor->ct))
		return anchor;
	err = anchor_revive(anchor, holder);
	return err ? ERR_PTR(err) : anchor;
}

static struct nst_anchor *anchor_get_new(struct nst_net *nn, struct nst_holder *holder,
					 u8 l3num)
{
	struct nst_anchor *anchor;

	if (!nn->doors || !nn->doors->live)
		return ERR_PTR(-ESHUTDOWN);
	anchor = anchor_get(nn, holder);
	if (anchor)
		return anchor;
	return holder->owner ? anchor_new(nn, holder, l3num) : ERR_PTR(-ESHUTDOWN);
}

static void gate_remove(struct nst_gate *gate)
{
	gate_unexpect(gate);
	gate_del(gate);
	kfree_rcu(gate, rcu);
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
	gate->oif = anchor->oif;
	err = port_usable(anchor->nn, &gate->outside) ? gate_expect(gate) : -EBUSY;
	if (err) {
		kfree(gate);
		return err;
	}
	gate_add(gate);
	return 0;
}

/* All ports of the range or none. */
static int range_make(struct nst_anchor *anchor, const struct nst_reserve *req,
		      u16 public_port)
{
	struct nst_gate *gate;
	u16 i;
	int err = 0;

	if (public_port + req->count - 1 > U16_MAX)
		return -EBUSY;
	for (i = 0; i < req->count && !err; i++)
		err = gate_make(anchor, req, i, public_port + i);
	if (!err)
		return 0;
	while (--i) {
		gate = list_last_entry(&anchor->gates, struct nst_gate, list);
		gate_remove(gate);
	}
	return err;
}

static int range_find(struct nst_anchor *anchor, struct nst_reserve *req)
{
	u32 start = get_random_u32();
	unsigned int nr = 0;
	u16 port;
	int err;

	if (anchor->nr_gates + req->count > GATES_MAX)
		return -ENOSPC;
	while ((port = port_candidate(req, nr++, start))) {
		err = range_make(anchor, req, port);
		if (!err)
			req->public_port = port;
		if (err != -EBUSY && err != -EALREADY)
			return err;
	}
	return -EADDRINUSE;
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
		door_trace(gate, "reserved");
	}
}

static bool inside_denied(const struct nst_reserve *req)
{
	u32 port = req->inside.port;
	u8 i;

	if (!req->count || req->count > NST_PORT_COUNT_MAX ||
	    port + req->count - 1 > U16_MAX ||
	    req->inside.addr.family != req->public_addr.family)
		return true;
	for (i = 0; i < req->count; i++)
		if (port_denied(port + i))
			return true;
	return false;
}

int nst_door_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct nst_net *nn = nst_net_of(env);
	struct nst_anchor *anchor;
	int err;

	if (inside_denied(req))
		return -EACCES;
	rcu_read_lock();
	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_get_new(nn, req->holder, addr_l3num(&req->public_addr));
	err = PTR_ERR_OR_ZERO(anchor);
	if (!err)
		err = range_find(anchor, req);
	if (!err)
		count_reserved(anchor, req);
	spin_unlock_bh(&nst_gate_lock);
	rcu_read_unlock();
	if (err)
		nst_count(env, err == -EMFILE ? NST_R_DOOR_EXPECT_FULL : NST_R_DOOR_FAILED);
	return err;
}

static struct nst_gate *holder_gate(const struct nst_anchor *anchor,
				  const struct nst_endpoint *public_ep)
{
	struct nst_gate *gate;
	struct gate_key key;

	gate_key_set(&key, &public_ep->addr, public_ep->port);
	list_for_each_entry(gate, &anchor->gates, list)
		if (gate->outside.port == key.port && gate->outside.l3num == key.l3num &&
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
	gate = anchor ? holder_gate(anchor, &door->public_ep) : NULL;
	if (gate) {
		door_trace(gate, "released");
		gate_remove(gate);
	}
	spin_unlock_bh(&nst_gate_lock);
}

static void gate_set(struct nst_gate *gate, const struct nst_door *door)
{
	bool opens = !gate->open && door->state == NST_DOOR_OPEN;
	int err;

	spin_lock_bh(&gate->lock);
	gate->open = door->state == NST_DOOR_OPEN;
	gate->filter = door->filter;
	spin_unlock_bh(&gate->lock);

	err = gate_expect_update(gate);
	if (err) {
		nst_count(&gate->nn->env, NST_R_DOOR_FAILED);
	} else if (opens) {
		nst_count(&gate->nn->env, NST_R_DOOR_OPENED);
		door_trace(gate, "open");
	}
}

/* calls lock held */
static void holder_update(struct nst_net *nn, struct nst_holder *holder)
{
	struct nst_anchor *anchor;
	struct nst_gate *gate;
	struct nst_door *door;

	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_get(nn, holder);
	for (door = holder->doors; door; door = door->next) {
		if (!door->reopen)
			continue;
		door->reopen = false;
		gate = IS_ERR_OR_NULL(anchor) ? NULL : holder_gate(anchor, &door->public_ep);
		if (gate)
			gate_set(gate, door);
		else
			nst_count(&nn->env, NST_R_DOOR_FAILED);
	}
	spin_unlock_bh(&nst_gate_lock);
}

/* Off the tables: from now on no packet finds the doors.  calls lock held */
static struct nst_anchor *holder_detach(struct nst_net *nn, struct nst_holder *holder)
{
	struct nst_anchor *anchor;

	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_find(nn, holder->anchor);
	if (anchor)
		anchor_del(anchor);
	spin_unlock_bh(&nst_gate_lock);
	holder->anchor = 0;
	return anchor;
}

/*
 * Deleting the entry takes its expectations away.  A flow that has come in at
 * this moment and is not in the table yet is missed, and lasts until its own
 * time-out.  No lock held.
 */
static void anchor_close(struct nst_anchor *anchor, bool end_flows)
{
	struct nst_net *nn = anchor->nn;
	struct nst_gate *gate, *next;

	nst_anchor_delete(anchor->ct);
	list_for_each_entry_safe(gate, next, &anchor->gates, list) {
		if (end_flows)
			gate_end_flows(gate);
		nst_count(&nn->env, NST_R_DOOR_CLOSED);
		door_trace(gate, "closed");
		spin_lock_bh(&nst_gate_lock);
		gate_del(gate);
		spin_unlock_bh(&nst_gate_lock);
		kfree_rcu(gate, rcu);
	}
	nf_ct_put(anchor->ct);
	kfree(anchor);
}

/* Does media of this call flow?  calls lock held; takes a reference where it asks. */
static struct gate_probe *media_probe(struct nst_net *nn, struct nst_holder *holder)
{
	struct gate_probe *probe = NULL;
	struct nst_anchor *anchor;

	if (!holder->check_media || holder->ended)
		return NULL;
	holder->check_media = false;
	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_find(nn, holder->anchor);
	if (anchor)
		probe = gate_probe_new(anchor);
	spin_unlock_bh(&nst_gate_lock);
	if (probe)
		holder->refs++;
	else if (anchor)
		call_media_seen(holder, nst_now());
	return probe;
}

static void media_answer(struct nst_env *env, struct nst_holder *holder,
			 struct gate_probe *probe)
{
	bool alive = gate_probe_alive(probe);

	env->ops->calls_lock(env);
	if (alive)
		call_media_seen(holder, nst_now());
	holder_unref(env, holder);
	env->ops->calls_unlock(env);
}

void nst_door_work(struct nst_net *nn, struct nst_work *work)
{
	struct gate_probe *probe;
	struct nst_env *env = &nn->env;
	struct nst_anchor *anchor;
	struct nst_holder *holder;

	while ((holder = work_pop(work))) {
		anchor = NULL;
		env->ops->calls_lock(env);
		if (holder->ended)
			anchor = holder_detach(nn, holder);
		else
			holder_update(nn, holder);
		probe = media_probe(nn, holder);
		holder_put(env, holder);
		env->ops->calls_unlock(env);
		if (anchor)
			anchor_close(anchor, true);
		if (probe)
			media_answer(env, holder, probe);
	}
}

int nst_door_net_init(struct nst_net *nn)
{
	struct nst_door_net *doors;
	int err;

	doors = kzalloc(sizeof(*doors), GFP_KERNEL);
	if (!doors)
		return -ENOMEM;
	INIT_LIST_HEAD(&doors->anchors);
	doors->live = true;
	nn->doors = doors;
	err = guard_net_init(nn->net);
	if (err)
		goto out_free;
	err = bind_net_init(nn->net);
	if (err)
		goto out_guard;
	return 0;

out_guard:
	guard_net_exit(nn->net);
out_free:
	nn->doors = NULL;
	kfree(doors);
	return err;
}

void nst_door_net_exit(struct nst_net *nn)
{
	struct nst_door_net *doors = nn->doors;
	struct nst_anchor *anchor, *next;
	LIST_HEAD(gone);

	bind_net_exit(nn->net);
	guard_net_exit(nn->net);
	spin_lock_bh(&nst_gate_lock);
	doors->live = false;
	list_for_each_entry_safe(anchor, next, &doors->anchors, list) {
		anchor_del(anchor);
		list_add(&anchor->list, &gone);
	}
	spin_unlock_bh(&nst_gate_lock);
	list_for_each_entry_safe(anchor, next, &gone, list)
		anchor_close(anchor, false);
	/* Packets may still be in our hook or in the expectations' function. */
	synchronize_net();
	nn->doors = NULL;
	kfree(doors);
}

int nst_door_init(void)
{
	gate_expect_init();
	return 0;
}

void nst_door_exit(void)
{
	gate_expect_exit();
}
