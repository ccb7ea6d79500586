// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which address and port a text must say on the other side of the NAT.
 *
 *   text sent by end d:   end[d].inside    ->  end[d].outside     ("own")
 *                         end[!d].outside  ->  end[!d].inside     ("peer's")
 *
 * A client connects from one port and listens on another.  What it writes
 * about itself (Via, Contact, Record-Route) must lead back to it: by the
 * signalling door to the port that it wrote, where there is one, else over
 * this connection, by the translated source port.  What the client wrote is
 * remembered and put back into what returns.
 *
 * From and To name users, and so do P-Asserted-Identity and its like: peers
 * compare them as strings, and both directions must agree.  So a port in them
 * changes only by a rule that can be turned round without memory.
 *
 * An address is shared by many hosts outside.  Where a port says that
 * another of them is meant (a second phone behind the same address), a
 * Contact, Via or route is left alone.
 *
 * An end that knows its public address (STUN) writes that, and wants to read
 * it in what comes back.
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

u64 natmap_host(const struct nst_env *env, struct nst_natmap *map, u8 end, u16 zone)
{
	const struct nst_addr *addr = &map->end[end].inside.addr;
	struct nst_host_hash *h = &map->host[end];
	u8 key[sizeof(addr->ip) + sizeof(zone)];

	if (h->zone == zone && addr_equal(&h->addr, addr))
		return h->hash;
	memcpy(key, addr->ip, sizeof(addr->ip));
	memcpy(key + sizeof(addr->ip), &zone, sizeof(zone));
	h->addr = *addr;
	h->zone = zone;
	h->hash = nst_hash(env, key, sizeof(key));
	return h->hash;
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

bool natmap_names(const struct nst_natmap *map, u8 dir, const struct nst_addr *addr)
{
	const struct nst_mapping *own = &map->end[dir];

	if (!addr->family)
		return false;
	if (addr_equal(addr, &own->inside.addr) || addr_equal(addr, &own->outside.addr))
		return mapping_active(own) || names_peer(map, dir, addr);
	return names_peer(map, dir, addr);
}

/* The public address of whoever writes; where both ends have it, the port decides. */
static bool names_public(const struct nst_natmap *map, u8 dir, const struct nst_endpoint *ep)
{
	const struct nst_mapping *own = &map->end[dir];

	return addr_changes(own) && addr_equal(&ep->addr, &own->outside.addr) &&
	       (!shared_outside(map) || ep->port == own->outside.port);
}

/* What an end writes into its Contact comes back as Request-URI. */
static u8 place_kind(enum nst_place place)
{
	return 1u << (place == NST_PLACE_URI ? NST_PLACE_CONTACT : place);
}

static bool writes_public(const struct nst_natmap *map, u8 end, enum nst_place place)
{
	return map->alias[end].public & place_kind(place);
}

/* Would the own address be, with the port beside it, that of the other end? */
static bool mistakable(const struct nst_natmap *map, u8 dir, u16 port)
{
	return shared_outside(map) && port == map->end[!dir].outside.port &&
	       port != map->end[dir].inside.port;
}

bool natmap_addr(const struct nst_natmap *map, u8 dir, const struct nst_endpoint *ep,
		 struct nst_addr *to)
{
	const struct nst_mapping *peer = &map->end[!dir];

	if (natmap_idle(map))
		return false;
	if (names_own(map, dir, &ep->addr) && !mistakable(map, dir, ep->port))
		*to = map->end[dir].outside.addr;
	else if (names_peer(map, dir, &ep->addr) &&
		 !writes_public(map, !dir, NST_PLACE_VIA) &&
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
	else if (names_peer(map, dir, &ep->addr) && ep->port == map->end[!dir].outside.port &&
		 !writes_public(map, !dir, NST_PLACE_VIA))
		*to = map->end[!dir].inside.port;
	else
		return false;
	return true;
}

static void remember_via(struct nst_alias *a, const struct nst_written *w, u16 public_port)
{
	bool door = w->door;
	u8 i;

	if (!a->usual[door].public_port) {
		a->usual[door].port = w->ep.port;
		a->usual[door].public_port = public_port;
		return;
	}
	for (i = 0; i < NST_ALIAS_BRANCHES; i++)
		if (a->via[i].branch == w->branch)
			break;
	if (i == NST_ALIAS_BRANCHES) {
		if (w->ep.port == a->usual[door].port &&
		    public_port == a->usual[door].public_port)
			return;
		i = a->next;
		a->next = (i + 1) % NST_ALIAS_BRANCHES;
	}
	a->via[i].branch = w->branch;
	a->via[i].port = w->ep.port;
	a->via[i].public_port = public_port;
}

static void remember(struct nst_alias *a, const struct nst_written *w, u16 public_port)
{
	if (w->place == NST_PLACE_VIA) {
		if (w->branch)
			remember_via(a, w, public_port);
		return;
	}
	/* The door knows by itself. */
	if (w->door)
		return;
	if (w->place == NST_PLACE_CONTACT) {
		a->seen = true;
		a->port = w->ep.port;
	} else if (w->place == NST_PLACE_ROUTE) {
		a->route_seen = true;
		a->route_port = w->ep.port;
	}
}

/* What was written in the Via that has become @public_port? */
static bool recall_via(const struct nst_alias *a, u32 branch, u16 public_port, u16 *port)
{
	bool found = false;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(a->usual); i++) {
		if (a->usual[i].public_port != public_port)
			continue;
		*port = a->usual[i].port;
		found = true;
	}
	for (i = 0; branch && i < NST_ALIAS_BRANCHES; i++) {
		if (a->via[i].branch != branch || a->via[i].public_port != public_port)
			continue;
		*port = a->via[i].port;
		found = true;
	}
	return found;
}

/*
 * How did this end write itself where that became the port of the connection?
 * What was said in the same place comes first.
 */
static bool recall(const struct nst_alias *a, const struct nst_written *w, u16 *port)
{
	if (a->route_seen && (w->place == NST_PLACE_ROUTE || !a->seen)) {
		*port = a->route_port;
		return true;
	}
	if (a->seen)
		*port = a->port;
	return a->seen;
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
	map->alias[dir].public &= ~place_kind(w->place);
	if (place_names_user(w->place)) {
		to->port = name_port(own, w->ep.port);
		return written_name(map, own, w, own->inside.port);
	}
	/* The address stays: other ports of it can be reached as they are. */
	if (!addr_changes(own) && port_meant(w) != own->inside.port)
		return false;
	to->port = w->door ? w->door : own->outside.port;
	remember(&map->alias[dir], w, to->port);
	to->port = port_spelled(w, to->port);
	return true;
}

/* The port of a text that names the connection, or a door, of this end. */
static bool peer_port(const struct nst_natmap *map, u8 end, const struct nst_written *w,
		      u16 *port)
{
	const struct nst_mapping *m = &map->end[end];
	const struct nst_alias *a = &map->alias[end];
	bool own = port_meant(w) == m->outside.port;

	if (w->place == NST_PLACE_VIA && recall_via(a, w->branch, port_meant(w), port))
		return true;
	if (w->place != NST_PLACE_VIA && own && recall(a, w, port))
		return true;
	if (w->door) {
		*port = w->bare && w->door == w->default_port ? 0 : w->door;
		return true;
	}
	if (own && !recall_via(a, 0, m->outside.port, port))
		*port = port_spelled(w, m->inside.port);
	return own;
}

static bool written_peer(const struct nst_natmap *map, u8 dir,
			 const struct nst_written *w, struct nst_endpoint *to)
{
	const struct nst_mapping *peer = &map->end[!dir];

	to->addr = peer->inside.addr;
	if (writes_public(map, !dir, w->place))
		return false;
	if (place_names_user(w->place)) {
		to->port = name_port(peer, w->ep.port);
		return written_name(map, peer, w, peer->outside.port);
	}
	if (peer_port(map, !dir, w, &to->port))
		return true;
	/* A request that came here is for nobody else. */
	to->port = w->ep.port;
	return w->place == NST_PLACE_URI && addr_changes(peer) && !shared_outside(map);
}

bool natmap_written(struct nst_natmap *map, u8 dir, const struct nst_written *w,
		    struct nst_endpoint *to)
{
	if (natmap_idle(map))
		return false;
	if (names_own(map, dir, &w->ep.addr))
		return written_own(map, dir, w, to);
	if (w->place != NST_PLACE_URI && names_public(map, dir, &w->ep))
		map->alias[dir].public |= place_kind(w->place);
	else if (names_peer(map, dir, &w->ep.addr))
		return written_peer(map, dir, w, to);
	return false;
}
