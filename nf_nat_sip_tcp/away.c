// SPDX-License-Identifier: GPL-2.0-only
/*
 * Public addresses that go, and may come back: a lease that ends, a link that
 * is dialled anew.
 *
 * A door at an address that this host has lost lets nobody in, and no flow gets
 * its source.  What ran through it ends, so that the host's next packet leaves as
 * the rules have it.  That flow ends, too, when the address is back and the door
 * is what it was, or when a later description got a door at another address.  What
 * begins while that is settled is not meant, and what had begun, but was on its way
 * into conntrack's table, is: so flows are marked, ended, and ended once more.  An
 * address that was on no device, one of a pool, does not go.
 *
 * A link that is dialled anew is another device, which is looked for then: rules
 * and routes go by it.
 */
#include <linux/inetdevice.h>
#include <linux/netfilter_ipv6.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>

#include "door.h"
#include "events.h"
#include "gate.h"

/* Doors whose flows are ended behind one hold of the lock. */
#define GONE_MAX 32

/**
 * struct look - looking for doors whose address is not what it was
 * @addr: the address of the last door
 * @here: this host has it
 * @away: doors that wait for their address, or for its device
 * @marked: there are flows that have to begin anew
 * @nr: number of @gone
 * @gone: doors that have some of them
 */
struct look {
	struct gate_key addr;
	bool here;
	u32 away;
	bool marked;
	unsigned int nr;
	struct nst_gate *gone[GONE_MAX];
};

bool nst_addr_here(struct net *net, const struct gate_key *key)
{
	if (key->l3num == NFPROTO_IPV6)
		return nf_ipv6_chk_addr(net, &key->addr.in6, NULL, 1);
	return __ip_dev_find(net, key->addr.ip, false);
}

/* Doors next to each other in the table may well have one address. */
static bool is_here(struct look *l, const struct nst_gate *gate)
{
	if (l->addr.l3num != gate->outside.l3num ||
	    !nf_inet_addr_cmp(&l->addr.addr, &gate->outside.addr)) {
		l->addr = gate->outside;
		l->here = nst_addr_here(gate->nn->net, &gate->outside);
	}
	return l->here;
}

static void set_away(struct nst_gate *gate, bool away)
{
	struct nst_env *env = &gate->nn->env;

	spin_lock_bh(&gate->lock);
	WRITE_ONCE(gate->away, away);
	gate->nr_marked = gate->nr_flows;
	spin_unlock_bh(&gate->lock);
	if (gate_expect_update(gate))
		nst_count(env, NST_R_DOOR_FAILED);
	nst_count(env, away ? NST_R_DOOR_AWAY : NST_R_DOOR_BACK);
	nst_event_door(gate, away ? "away" : "back");
}

/* Its call has told the peer of another address meanwhile. */
static bool is_replaced(const struct nst_gate *gate)
{
	const struct nst_gate *other;

	list_for_each_entry(other, &gate->anchor->gates, list)
		if (!other->away && other->inside.port == gate->inside.port &&
		    nf_inet_addr_cmp(&other->inside.addr, &gate->inside.addr))
			return true;
	return false;
}

/*
 * What is back is where its address is, and the route to the peer may come a
 * little later.  With an address that has been there all the time the route
 * tells, as it did when the door was made.
 */
static bool find_device(const struct nst_gate *gate)
{
	struct nst_anchor *anchor = gate->anchor;

	return anchor_has_device(anchor) ||
	       anchor_set_device(anchor, gate->away ?
				 addr_device(gate->nn->net, &gate->outside) : bind_oif(anchor));
}

static void mark_flows(struct nst_gate *gate)
{
	spin_lock_bh(&gate->lock);
	gate->nr_marked = gate->nr_flows;
	spin_unlock_bh(&gate->lock);
}

/* Where there is no room for it the door is found by the next walk. */
static bool look_at(struct nst_gate *gate, void *arg)
{
	struct look *l = arg;
	bool away;

	/* Of a holder that is over no expectation may be made any more. */
	if (l->nr == GONE_MAX || hlist_unhashed(&gate->anchor->node))
		return true;
	away = !is_here(l, gate);
	gate->has_addr |= !away;
	away &= gate->has_addr;
	l->away += away || !find_device(gate);
	if (away != gate->away)
		set_away(gate, away);
	else if (away && READ_ONCE(gate->nr_flows) != READ_ONCE(gate->nr_marked) &&
		 is_replaced(gate))
		mark_flows(gate);
	else
		return true;
	l->gone[l->nr++] = gate;
	return true;
}

static bool collect_marked(struct nst_gate *gate, void *arg)
{
	struct look *l = arg;

	if (READ_ONCE(gate->nr_marked) && l->nr < GONE_MAX)
		l->gone[l->nr++] = gate;
	return true;
}

static bool walk(struct nst_net *nn, u32 *pos, struct look *l,
		 bool (*fn)(struct nst_gate *gate, void *arg),
		 void (*end)(struct nst_gate *gate))
{
	bool more, full;

	cond_resched();
	/* Which keeps the doors: no lock may be held as flows are ended. */
	rcu_read_lock();
	spin_lock_bh(&nst_gate_lock);
	more = gates_each(nn, pos, fn, l);
	spin_unlock_bh(&nst_gate_lock);
	full = l->nr == GONE_MAX;
	l->marked |= l->nr;
	while (l->nr)
		end(l->gone[--l->nr]);
	rcu_read_unlock();
	/* Some doors of these buckets may have been left out. */
	if (full)
		*pos = 0;
	return more || full;
}

void nst_doors_look(struct nst_net *nn)
{
	struct look l = { .away = 0 };
	bool changed = xchg(&nn->addrs_changed, false);
	u32 pos = 0;

	/* That an IPv6 address can be used is told by nobody. */
	if (!changed && !nn->doors_away)
		return;
	do {
		if (!pos)
			l.away = 0;
	} while (walk(nn, &pos, &l, look_at, gate_end_marked));
	nn->doors_away = l.away;
	if (!l.marked)
		return;
	/* A flow that was between its record and the table is in the table then. */
	synchronize_rcu();
	pos = 0;
	while (walk(nn, &pos, &l, collect_marked, gate_drop_marked))
		;
}

static int addr_changed(const struct net_device *dev)
{
	struct nst_net *nn = nst_pernet(dev_net(dev));

	nst_net_addrs_changed(nn);
	return NOTIFY_DONE;
}

static int inet_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct in_ifaddr *ifa = ptr;

	return addr_changed(ifa->ifa_dev->dev);
}

static struct notifier_block inet_notifier = {
	.notifier_call = inet_event,
};

#if IS_ENABLED(CONFIG_IPV6)
static int inet6_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;

	return addr_changed(ifa->idev->dev);
}

static struct notifier_block inet6_notifier = {
	.notifier_call = inet6_event,
};

static int inet6_register(void)
{
	return register_inet6addr_notifier(&inet6_notifier);
}

static void inet6_unregister(void)
{
	unregister_inet6addr_notifier(&inet6_notifier);
}
#else
static int inet6_register(void)
{
	return 0;
}

static void inet6_unregister(void)
{
}
#endif

int nst_away_init(void)
{
	int err = register_inetaddr_notifier(&inet_notifier);

	if (err)
		return err;
	err = inet6_register();
	if (err)
		unregister_inetaddr_notifier(&inet_notifier);
	return err;
}

void nst_away_exit(void)
{
	inet6_unregister();
	unregister_inetaddr_notifier(&inet_notifier);
}
