// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which address and port a text must say on the other side of the NAT.
 *
 *   text sent by end d:   end[d].inside    ->  end[d].outside     ("own")
 *                         end[!d].outside  ->  end[!d].inside     ("peer's")
 *
 * A client connects from one port and listens on another.  What it writes
 * about itself (Via, Contact, Record-Route) must lead back to it over this
 * connection, so outside it always says the translated source port; what the
 * client wrote is remembered and put back into what returns.
 *
 * From and To name users: peers compare them as strings, and both directions
 * must agree.  So a port in them changes only by a rule that can be turned
 * round without memory.
 *
 * An address is shared by many hosts outside.  Where a port says that
 * another of them is meant (a second phone behind the same address), a
 * Contact, Via or route is left alone.
 *
 * Nothing that results is subject to a rule again, so that a second pass
 * changes nothing.
 */
#include <nf_nat_sip_tcp/natmap.h>

static bool addr_changes(const struct nst_mapping *m)
{
	return !addr_equal(&m->inside.addr, &m->outside.addr);
}

static bool mapping_active(const struct nst_mapping *m)
{
	return !endpoint_equal(&m->inside, &m->outside);
}

/* A host that talks to itself by way of its public address understands both. */
static bool same_host(const struct nst_natmap *map)
{
	return addr_equal(&map->end[0].inside.addr, &map->end[1].inside.addr);
}

/* Both ends show the same address outside: only the port tells them apart. */
static bool shared_outside(const struct nst_natmap *map)
{
	return addr_changes(&map->end[0]) && addr_changes(&map->end[1]) &&
	       addr_equal(&map->end[0].outside.addr, &map->end[1].outside.addr);
}

bool natmap_translates(const struct nst_natmap *map, u8 end)
{
	return addr_changes(&map->end[end]);
}

bool natmap_idle(const struct nst_natmap *map)
{
	return same_host(map) ||
	       (!mapping_active(&map->end[0]) && !mapping_active(&map->end[1]));
}

static bool names_own(const struct nst_natmap *map, u8 dir, const struct nst_addr *addr)
{
	const struct nst_mapping *own = &map->end[dir];

	return mapping_active(own) && addr_equal(addr, &own->inside.addr);
}

static bool names_peer(const struct nst_natmap *map, u8 dir, const struct nst_addr *addr)
{
	const struct nst_mapping *peer = &map->end[!dir];

	return mapping_active(peer) && addr_equal(addr, &peer->outside.addr);
}

bool natmap_addr(const struct nst_natmap *map, u8 dir, const struct nst_endpoint *ep,
		 struct nst_addr *to)
{
	const struct nst_mapping *peer = &map->end[!dir];

	if (natmap_idle(map))
		return false;
	if (names_own(map, dir, &ep->addr))
		*to = map->end[dir].outside.addr;
	else if (names_peer(map, dir, &ep->addr) &&
		 (ep->port == peer->outside.port || !shared_outside(map)))
		*to = peer->inside.addr;
	else
		return false;
	return true;
}

bool natmap_rport(const struct nst_natmap *map, u8 dir, const struct nst_endpoint *ep,
		  u16 *to)
{
	if (natmap_idle(map))
		return false;
	if (names_own(map, dir, &ep->addr) && ep->port == map->end[dir].inside.port)
		*to = map->end[dir].outside.port;
	else if (names_peer(map, dir, &ep->addr) && ep->port == map->end[!dir].outside.port)
		*to = map->end[!dir].inside.port;
	else
		return false;
	return true;
}

static void remember_via(struct nst_alias *a, u64 branch, u16 port)
{
	u8 i;

	if (!a->via_seen) {
		a->via_seen = true;
		a->via_port = port;
		return;
	}
	for (i = 0; i < NST_ALIAS_BRANCHES; i++)
		if (a->via[i].branch == branch)
			break;
	if (i == NST_ALIAS_BRANCHES) {
		if (port == a->via_port)
			return;
		i = a->next;
		a->next = (i + 1) % NST_ALIAS_BRANCHES;
	}
	a->via[i].branch = branch;
	a->via[i].port = port;
}

static void remember(struct nst_alias *a, const struct nst_written *w)
{
	switch (w->place) {
	case NST_PLACE_CONTACT:
		a->seen = true;
		a->port = w->ep.port;
		break;
	case NST_PLACE_ROUTE:
		a->route_seen = true;
		a->route_port = w->ep.port;
		break;
	case NST_PLACE_VIA:
		if (w->branch)
			remember_via(a, w->branch, w->ep.port);
		break;
	default:
		break;
	}
}

static bool recall_via(const struct nst_alias *a, u64 branch, u16 *port)
{
	u8 i;

	if (!a->via_seen)
		return false;
	*port = a->via_port;
	for (i = 0; branch && i < NST_ALIAS_BRANCHES; i++)
		if (a->via[i].branch == branch)
			*port = a->via[i].port;
	return true;
}

/* How did this end write itself?  What was said in the same place comes first. */
static bool recall(const struct nst_alias *a, const struct nst_written *w, u16 *port)
{
	if (w->place == NST_PLACE_VIA)
		return recall_via(a, w->branch, port);
	if (a->route_seen && (w->place == NST_PLACE_ROUTE || !a->seen)) {
		*port = a->route_port;
		return true;
	}
	if (a->seen) {
		*port = a->port;
		return true;
	}
	return recall_via(a, 0, port);
}

static u16 port_meant(const struct nst_written *w)
{
	return w->ep.port ? w->ep.port : w->default_port;
}

/* @port, but left out where none was written and none means the same. */
static u16 port_spelled(const struct nst_written *w, u16 port)
{
	return !w->ep.port && port == w->default_port ? 0 : port;
}

/*
 * From and To: the two ports of the mapping change places, every other one
 * stays.  That is its own inverse, which "inside becomes outside" alone would
 * not be where a text has the outside port by chance.
 */
static u16 name_port(const struct nst_mapping *m, u16 port)
{
	if (port == m->inside.port)
		return m->outside.port;
	if (port == m->outside.port)
		return m->inside.port;
	return port;
}

static bool written_name(const struct nst_natmap *map, const struct nst_mapping *m,
			 const struct nst_written *w, u16 mapped)
{
	/* Where the address alone is not enough, the whole endpoint must fit. */
	if (shared_outside(map) || !addr_changes(m))
		return w->ep.port == mapped;
	return true;
}

static bool written_own(struct nst_natmap *map, u8 dir, const struct nst_written *w,
			struct nst_endpoint *to)
{
	const struct nst_mapping *own = &map->end[dir];

	to->addr = own->outside.addr;
	if (w->place == NST_PLACE_NAME) {
		to->port = name_port(own, w->ep.port);
		return written_name(map, own, w, own->inside.port);
	}
	/* The address stays: other ports of it can be reached as they are. */
	if (!addr_changes(own) && port_meant(w) != own->inside.port)
		return false;
	remember(&map->alias[dir], w);
	to->port = port_spelled(w, own->outside.port);
	return true;
}

static bool written_peer(const struct nst_natmap *map, u8 dir,
			 const struct nst_written *w, struct nst_endpoint *to)
{
	const struct nst_mapping *peer = &map->end[!dir];

	to->addr = peer->inside.addr;
	if (w->place == NST_PLACE_NAME) {
		to->port = name_port(peer, w->ep.port);
		return written_name(map, peer, w, peer->outside.port);
	}
	if (port_meant(w) != peer->outside.port) {
		/* A request that came here is for nobody else. */
		to->port = w->ep.port;
		return w->place == NST_PLACE_URI && addr_changes(peer) &&
		       !shared_outside(map);
	}
	if (!recall(&map->alias[!dir], w, &to->port))
		to->port = port_spelled(w, peer->inside.port);
	return true;
}

bool natmap_written(struct nst_natmap *map, u8 dir, const struct nst_written *w,
		    struct nst_endpoint *to)
{
	if (natmap_idle(map))
		return false;
	if (names_own(map, dir, &w->ep.addr))
		return written_own(map, dir, w, to);
	if (names_peer(map, dir, &w->ep.addr))
		return written_peer(map, dir, w, to);
	return false;
}
