// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core calls a door, carried out: opened, narrowed, closed.
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
#include "events.h"
#include "gate.h"
#include "mapping.h"
#include "netlink.h"

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
		nst_event_door(gate, "open");
		nst_nl_notify_door(gate, false);
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
		gate = IS_ERR_OR_NULL(anchor) ? NULL : holder_gate(anchor, door);
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
 * this moment and is not in the table yet is missed here, and found when the
 * gate is freed.  No lock held.
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
		nst_event_door(gate, "closed");
		nst_nl_notify_door(gate, true);
		spin_lock_bh(&nst_gate_lock);
		gate_del(gate);
		spin_unlock_bh(&nst_gate_lock);
		gate_free_later(gate);
	}
	nf_ct_put(anchor->ct);
	anchor_free(anchor);
}

/*
 * Flows of a call from the @first on, to ask whether media flows; without
 * memory it does.  calls lock held.
 */
static struct gate_probe *probe_from(struct nst_net *nn, struct nst_holder *holder, u32 first)
{
	struct gate_probe *probe = NULL;
	struct nst_anchor *anchor;

	spin_lock_bh(&nst_gate_lock);
	anchor = anchor_find(nn, holder->anchor);
	if (anchor)
		probe = gate_probe_new(anchor, first);
	spin_unlock_bh(&nst_gate_lock);
	if (anchor && !probe)
		call_media_seen(holder, nst_now());
	return probe;
}

/* Does media of this call flow?  calls lock held; takes a reference where it asks. */
static struct gate_probe *media_probe(struct nst_net *nn, struct nst_holder *holder)
{
	struct gate_probe *probe;

	if (!holder->check_media || holder->ended)
		return NULL;
	holder->check_media = false;
	probe = probe_from(nn, holder, 0);
	if (probe)
		holder->refs++;
	return probe;
}

/* Some flows at a time: of a call that was long there may be many, all of them dead. */
static void media_answer(struct nst_net *nn, struct nst_holder *holder,
			 struct gate_probe *probe)
{
	struct nst_env *env = &nn->env;
	bool alive;
	u32 next;

	do {
		next = probe->more ? probe->first + probe->nr : 0;
		alive = gate_probe_alive(probe);
		probe = NULL;
		env->ops->calls_lock(env);
		if (alive)
			call_media_seen(holder, nst_now());
		else if (next && !holder->ended)
			probe = probe_from(nn, holder, next);
		if (!probe)
			holder_unref(env, holder);
		env->ops->calls_unlock(env);
	} while (probe);
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
			media_answer(nn, holder, probe);
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
	int err = nst_away_init();

	if (!err)
		gate_expect_init();
	return err;
}

void nst_door_exit(void)
{
	nst_away_exit();
	gate_expect_exit();
}
