// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which ports a door may lead to, and which public ports it may take (P3).
 */
#include <linux/gcd.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/sock.h>
#include <net/udp.h>

#include "compat.h"
#include "door.h"
#include "gate.h"

/* Public ports other than the inside one come from here; even bounds. */
#define PORT_FIRST 10000
#define PORT_LAST 65000

/* Below it are services that nobody may stand in for. */
#define PORT_MIN 1024

/*
 * Ports looked at before there is "none free": all of a range of some thousands,
 * as no more than looking into our own table is done for each.
 */
#define PORT_TRIES 4096

/* Those of them for which sockets and rules are asked, which takes longer. */
#define PORT_ASKED 128

static DEFINE_PER_CPU(struct task_struct *, asking);

bool nst_port_asking(void)
{
	return this_cpu_read(asking) == current;
}

static bool port_speaks_sip(const struct nst_settings *set, const struct nst_reserve *req,
			    u16 port)
{
	return port == req->own_port || nst_settings_has_port(set, port) ||
	       nst_ranges_has(&set->signal_ports, port);
}

/* SIP is spoken at few ports; anything but them may be a media port. */
bool ports_denied(const struct nst_net *nn, const struct nst_reserve *req)
{
	const struct nst_settings *set = &nn->env.set;
	u16 first = req->inside.port;
	u8 i;

	if (first < PORT_MIN)
		return true;
	if (!req->signalling)
		return nst_ranges_meet(&set->door_deny, first, first + req->count - 1);
	for (i = 0; i < req->count; i++)
		if (!port_speaks_sip(set, req, first + i))
			return true;
	return false;
}

/*
 * Unconnected sockets only: packets for a connected one belong to a flow that
 * conntrack knows, and it looks for expectations only where it knows none.
 */
static bool udp_socket_there(const struct port_question *q)
{
	const struct gate_key *key = &q->key;
	struct net *net = q->nn->net;
	struct sock *sk = NULL;

#if IS_ENABLED(CONFIG_NF_TPROXY_IPV4) || IS_ENABLED(CONFIG_NF_SOCKET_IPV4)
	if (key->l3num == NFPROTO_IPV4)
		sk = udp4_lib_lookup(net, 0, 0, key->addr.ip, key->port, q->oif);
#endif
#if IS_ENABLED(CONFIG_IPV6) && \
	(IS_ENABLED(CONFIG_NF_TPROXY_IPV6) || IS_ENABLED(CONFIG_NF_SOCKET_IPV6))
	if (key->l3num == NFPROTO_IPV6)
		sk = udp6_lib_lookup(net, &in6addr_any, 0, &key->addr.in6,
				     key->port, q->oif);
#endif
	if (!sk)
		return false;
	sock_put(sk);
	return true;
}

static bool listener_there(const struct port_question *q)
{
	const struct gate_key *key = &q->key;

#if IS_ENABLED(CONFIG_IPV6)
	if (key->l3num == NFPROTO_IPV6)
		return nst_listener6(q->nn->net, &key->addr.in6, key->port, q->oif);
#endif
	return nst_listener4(q->nn->net, key->addr.ip, key->port, q->oif);
}

static bool socket_there(const struct port_question *q)
{
	return q->key.proto == IPPROTO_TCP ? listener_there(q) : udp_socket_there(q);
}

/*
 * Does the peer have a flow from its SIP port to there that leads elsewhere?
 * Packets of it would never come to the door.  That from the door's own inside
 * port is welcome: it is the one by which a phone registers.
 */
static bool flow_there(const struct port_question *q)
{
	const struct nf_conntrack_tuple *inside;
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	struct nf_conn *ct;
	bool other;

	memset(&tuple, 0, sizeof(tuple));
	tuple.src.l3num = q->key.l3num;
	tuple.src.u3 = q->peer.addr;
	tuple.src.u.all = q->peer.port;
	tuple.dst.u3 = q->key.addr;
	tuple.dst.u.all = q->key.port;
	tuple.dst.protonum = q->key.proto;
	nf_ct_zone_init(&zone, q->key.zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	h = nf_conntrack_find_get(q->nn->net, &zone, &tuple);
	if (!h)
		return false;
	ct = nf_ct_tuplehash_to_ctrack(h);
	inside = &ct->tuplehash[!NF_CT_DIRECTION(h)].tuple;
	other = !nf_inet_addr_cmp(&inside->src.u3, &q->inside.addr) ||
		inside->src.u.all != q->inside.port;
	nf_ct_put(ct);
	return other;
}

static bool port_allowed(const struct port_question *q, u16 port)
{
	const struct nst_settings *set = &q->nn->env.set;

	if (port < PORT_MIN)
		return false;
	/* By ports_denied() it may be asked for, or has been found to be good. */
	if (!(q->chosen && (q->signalling || q->key.port == q->inside.port)) &&
	    nst_ranges_has(&set->door_deny, port))
		return false;
	return nst_ranges_empty(&set->door_public_ports) ||
	       nst_ranges_has(&set->door_public_ports, port);
}

static bool free_of_flows_and_rules(const struct port_question *q)
{
	bool usable;

	/* Whatever expires meanwhile must not wait for locks that we hold. */
	local_bh_disable();
	this_cpu_write(asking, current);
	usable = !(q->signalling && flow_there(q)) && !rules_forward(q);
	this_cpu_write(asking, NULL);
	local_bh_enable();
	return usable;
}

bool port_usable(struct port_question *q)
{
	u16 port = ntohs(q->key.port);

	if (!port_allowed(q, port) || inet_is_local_reserved_port(q->nn->net, port) ||
	    gate_by_public(q->nn, &q->key))
		return false;
	q->asked++;
	return !socket_there(q) && free_of_flows_and_rules(q);
}

static u32 range_first(u32 range)
{
	return range >> 16;
}

static u32 range_size(u32 range)
{
	return range ? (range & 0xffff) - range_first(range) + 1 : 0;
}

/* How many ports there are to choose from; settings may change while they are read. */
static u32 ports_total(const struct nst_ranges *set)
{
	u32 total = 0;
	unsigned int i;

	for (i = 0; i < NST_RANGES_MAX; i++)
		total += range_size(READ_ONCE(set->range[i]));
	return total ?: PORT_LAST - PORT_FIRST;
}

static u16 nth_port(const struct nst_ranges *set, u32 n)
{
	unsigned int i;
	u32 range;

	if (nst_ranges_empty(set))
		return PORT_FIRST + n;
	for (i = 0; i < NST_RANGES_MAX; i++) {
		range = READ_ONCE(set->range[i]);
		if (n < range_size(range))
			return range_first(range) + n;
		n -= range_size(range);
	}
	return PORT_FIRST;
}

/*
 * Each place is far from the one before, as what takes one port often takes its
 * neighbours: a rule that forwards thousands of them.  When all have been tried
 * they are once more, one further: places of pairs would leave out every second.
 */
static u32 nth_place(u32 total, u32 step, u32 nr, u32 start)
{
	u32 places = DIV_ROUND_UP(total, step);
	u32 stride = places * 5 / 8 + 1;

	while (gcd(stride, places) != 1)
		stride++;
	return ((start % places + nr * stride) % places * step + nr / places) % total;
}

u16 port_candidate(const struct port_question *q, const struct nst_reserve *req,
		   unsigned int nr)
{
	const struct nst_ranges *set = &q->nn->env.set.door_public_ports;
	const u32 width = max_t(u32, req->pair ? 2 : 1, req->count);
	u32 total;
	u16 port;

	if (req->wanted)
		return nr ? 0 : req->wanted;
	/* Peers that look at the port alone see what they would without NAT. */
	if (nr == 0)
		return req->inside.port;
	total = ports_total(set);
	/* In so many each place has had its turn. */
	if (nr >= PORT_TRIES || nr > roundup(total, width) || q->asked >= PORT_ASKED)
		return 0;
	port = nth_port(set, nth_place(total, width, nr - 1, q->random));
	/* The last port has none behind it, and 0 would end the search. */
	if (req->pair && (port & 1) != (req->inside.port & 1))
		port += port == U16_MAX ? -1 : 1;
	return port;
}
