// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling doors: where an inside host listens, as the outside knows it (D3).
 *
 *   Contact: <sip:alice@10.0.0.5:5060>  ->  <sip:alice@203.0.113.1:5062>
 *
 * A phone listens on one port and connects from another.  Who is given the
 * port of its connection can reach it by that connection alone, and not at all
 * once it is closed.  So the port that it listens on gets a public one of its
 * own.  Bindings and calls share it; it lasts as long as one of them.
 *
 * Where a phone connects from the port that it listens on, its text says the
 * port of the connection, and the door is at the same public port, or there is
 * none.
 *
 * A door leads to the host that signalled, and there to ports where SIP may be
 * expected (P3): the connection's own, those of the helper, signal_ports.
 */
#include <nf_nat_sip_tcp/contact.h>

static u64 endpoint_hash(const struct nst_env *env, u16 zone, const struct nst_endpoint *ep)
{
	struct {
		u16 zone;
		u16 port;
		u8 ip[16];
	} key;

	key.zone = zone;
	key.port = ep->port;
	memcpy(key.ip, ep->addr.ip, sizeof(key.ip));
	return nst_hash(env, &key, sizeof(key));
}

static struct nst_contact **inside_bucket(const struct nst_env *env, u16 zone,
					  const struct nst_endpoint *ep)
{
	return &env->bindings->inside[(u32)endpoint_hash(env, zone, ep) % NST_INSIDE_BUCKETS];
}

static struct nst_contact **public_bucket(const struct nst_env *env, u16 zone,
					  const struct nst_endpoint *ep)
{
	return &env->bindings->outside[(u32)endpoint_hash(env, zone, ep) % NST_PUBLIC_BUCKETS];
}

static bool value_has_addr(const struct dialog *d, struct contact_value *cv)
{
	if (cv->value.star)
		return true;
	if (sip_uri_parse(d->buf, cv->value.uri, &cv->uri) ||
	    !cv->uri.hostport.addr.family)
		return false;
	cv->ep.addr = cv->uri.hostport.addr;
	cv->ep.port = cv->uri.hostport.port;
	if (!cv->ep.port)
		cv->ep.port = sip_default_port(d->buf, &cv->uri);
	return true;
}

bool contact_value_next(const struct dialog *d, struct contact_value *cv)
{
	const struct sip_header *h;

	for (;;) {
		while (sip_value_next(d->buf, &cv->rest, &cv->value) > 0)
			if (value_has_addr(d, cv))
				return true;
		h = sip_msg_header(d->msg, SIP_HDR_CONTACT, cv->next);
		if (!h)
			return false;
		cv->next = h - d->msg->headers + 1;
		cv->rest = h->value;
	}
}

bool contact_value_udp(const struct dialog *d, const struct contact_value *cv)
{
	struct span transport;

	return sip_param_find(d->buf, cv->uri.params, "transport", &transport) &&
	       span_is(d->buf, transport, "udp");
}

static bool doors_wanted(const struct nst_env *env)
{
	return env->set.contact == NST_CONTACT_DOOR &&
	       env->set.signalling_filter != NST_FILTER_OFF;
}

/**
 * struct contact_key - which door
 * @zone: conntrack zone
 * @inside: where it leads
 * @public_addr: address on the outside
 * @wanted: port there, 0: any
 * @peer: who must be admitted
 */
struct contact_key {
	u16 zone;
	struct nst_endpoint inside;
	struct nst_addr public_addr;
	u16 wanted;
	struct nst_addr peer;
};

static struct contact_key key_for(const struct nst_natmap *map, u8 dir, u16 zone, u16 port)
{
	const struct nst_mapping *own = &map->end[dir];
	struct contact_key key = {
		.zone = zone,
		.inside = { own->inside.addr, port },
		.public_addr = own->outside.addr,
		.wanted = port == own->inside.port ? own->outside.port : 0,
		/* As its packets come to us, before any translation. */
		.peer = map->end[!dir].inside.addr,
	};

	return key;
}

static bool is_at(const struct nst_contact *c, const struct contact_key *key)
{
	return c->h.zone == key->zone && endpoint_equal(&c->inside, &key->inside) &&
	       addr_equal(&c->public_ep.addr, &key->public_addr) &&
	       (!key->wanted || c->public_ep.port == key->wanted);
}

/* One for this peer comes before one for everybody. */
static struct nst_contact *contact_find(const struct nst_env *env,
					const struct contact_key *key)
{
	struct nst_contact *c, *any = NULL;

	if (!env->bindings->doors)
		return NULL;
	for (c = *inside_bucket(env, key->zone, &key->inside); c; c = c->inside_next) {
		if (!is_at(c, key))
			continue;
		if (addr_equal(&c->peer, &key->peer))
			return c;
		if (!c->peer.family)
			any = c;
	}
	return any;
}

static struct nst_contact *contact_by_public(const struct nst_env *env, u16 zone,
					     const struct nst_endpoint *ep,
					     const struct nst_addr *host)
{
	struct nst_contact *c;

	if (!env->bindings->doors)
		return NULL;
	for (c = *public_bucket(env, zone, ep); c; c = c->public_next)
		if (c->h.zone == zone && endpoint_equal(&c->public_ep, ep) &&
		    addr_equal(&c->inside.addr, host))
			break;
	return c;
}

static bool contacts_full(const struct nst_env *env, const struct contact_key *key)
{
	const struct nst_contact *c;
	u32 same = 0;

	for (c = *inside_bucket(env, key->zone, &key->inside); c; c = c->inside_next)
		same += c->h.zone == key->zone && endpoint_equal(&c->inside, &key->inside);
	return same >= NST_SAME_CONTACT_MAX;
}

static void contact_link(struct nst_env *env, struct nst_contact *c)
{
	struct nst_contact **p = inside_bucket(env, c->h.zone, &c->inside);

	c->inside_next = *p;
	*p = c;
	p = public_bucket(env, c->h.zone, &c->public_ep);
	c->public_next = *p;
	*p = c;
	env->bindings->doors += c->h.nr_doors;
}

static void contact_unlink(struct nst_env *env, struct nst_contact *c)
{
	struct nst_contact **p = inside_bucket(env, c->h.zone, &c->inside);

	while (*p != c)
		p = &(*p)->inside_next;
	*p = c->inside_next;
	p = public_bucket(env, c->h.zone, &c->public_ep);
	while (*p != c)
		p = &(*p)->public_next;
	*p = c->public_next;
	env->bindings->doors -= c->h.nr_doors;
}

/* Memory first: a port that was given must never be lost for want of it. */
static int door_add(struct dialog *d, struct nst_contact *c, u8 transport, u16 wanted)
{
	struct nst_env *env = d->env;
	struct nst_reserve req = {
		.holder = &c->h, .transport = transport, .signalling = true,
		.inside = c->inside, .public_addr = c->public_ep.addr, .count = 1,
		.wanted = wanted, .own_port = d->map->end[d->dir].inside.port,
		.peer = d->map->end[!d->dir].inside.addr,
	};
	struct nst_door *door;
	int err;

	door = door_new(env, &c->h, transport);
	if (!door)
		return -ENOMEM;
	c->h.owner = d->owner;
	err = env->ops->door_reserve(env, &req);
	c->h.owner = NULL;
	if (err) {
		door_free(env, &c->h, door);
		return err;
	}
	door->inside = req.inside;
	door->public_ep.addr = req.public_addr;
	door->public_ep.port = req.public_port;
	door->state = NST_DOOR_RESERVED;
	door->next = c->h.doors;
	c->h.doors = door;
	c->h.nr_doors++;
	return 0;
}

/*
 * Both transports at one public port, or none: a Contact has one port.  What
 * fails half way goes the way of all holders, for the skin may have made
 * something for it.
 */
static struct nst_contact *contact_make(struct dialog *d, const struct contact_key *key,
					bool udp)
{
	struct nst_env *env = d->env;
	struct nst_contact *c;
	int err;

	c = holder_new(env, sizeof(*c), NST_HOLDER_CONTACT, &key->inside.addr, key->zone);
	if (!c)
		return NULL;
	c->inside = key->inside;
	c->public_ep.addr = key->public_addr;
	if (env->set.signalling_filter != NST_FILTER_ANY)
		c->peer = key->peer;
	err = door_add(d, c, NST_TCP, key->wanted);
	if (!err) {
		c->public_ep.port = c->h.doors->public_ep.port;
		err = udp ? door_add(d, c, NST_UDP, c->public_ep.port) : 0;
	}
	if (err) {
		holder_end(env, &c->h, d->work);
		return NULL;
	}
	contact_link(env, c);
	return c;
}

/* One for everybody is none for who asks for a filter. */
static struct nst_contact *contact_known(const struct nst_env *env,
					 const struct contact_key *key)
{
	struct nst_contact *c = contact_find(env, key);

	if (c && !c->peer.family && env->set.signalling_filter != NST_FILTER_ANY)
		return NULL;
	return c;
}

static bool has_transport(const struct nst_contact *c, u8 transport)
{
	const struct nst_door *door;

	for (door = c->h.doors; door; door = door->next)
		if (door->transport == transport)
			return true;
	return false;
}

static struct nst_contact *contact_get(struct dialog *d, const struct contact_key *key,
				       bool udp)
{
	struct nst_contact *c = contact_known(d->env, key);

	if (!c)
		return contacts_full(d->env, key) ? NULL : contact_make(d, key, udp);
	if (udp && !has_transport(c, NST_UDP)) {
		if (door_add(d, c, NST_UDP, c->public_ep.port))
			nst_count(d->env, NST_R_CONTACT_NO_DOOR);
		else
			d->env->bindings->doors++;
	}
	return c;
}

/* The skin looks again, and at the public side, too (P3). */
static bool may_listen(const struct nst_env *env, const struct contact_key *key)
{
	u16 port = key->inside.port;

	return port >= 1024 && (key->wanted || nst_settings_has_port(&env->set, port) ||
				nst_ranges_has(&env->set.signal_ports, port));
}

struct nst_contact *contact_take(struct dialog *d, const struct nst_endpoint *inside,
				 bool udp)
{
	struct contact_key key = key_for(d->map, d->dir, d->zone, inside->port);
	struct nst_contact *c = NULL;

	if (!doors_wanted(d->env))
		return NULL;
	if (may_listen(d->env, &key))
		c = contact_get(d, &key, udp);
	if (c)
		c->users++;
	else if (!key.wanted)
		nst_count(d->env, NST_R_CONTACT_NO_DOOR);
	return c;
}

struct nst_contact *contact_share(const struct dialog *d, const struct nst_endpoint *inside)
{
	struct contact_key key = key_for(d->map, d->dir, d->zone, inside->port);
	struct nst_contact *c = NULL;

	if (doors_wanted(d->env))
		c = contact_known(d->env, &key);
	if (c)
		c->users++;
	return c;
}

void contact_put(struct nst_env *env, struct nst_contact *c, struct nst_work *work)
{
	if (--c->users)
		return;
	contact_unlink(env, c);
	holder_end(env, &c->h, work);
}

void contact_open(struct nst_env *env, struct nst_contact *c, struct nst_work *work)
{
	struct nst_door *door;

	/* What was meant for one is for everybody, if that is wanted now. */
	if (env->set.signalling_filter == NST_FILTER_ANY)
		memset(&c->peer, 0, sizeof(c->peer));
	for (door = c->h.doors; door; door = door->next) {
		if (door->state == NST_DOOR_OPEN &&
		    addr_equal(&door->filter.addr, &c->peer))
			continue;
		door->state = NST_DOOR_OPEN;
		door->filter.addr = c->peer;
		door->reopen = true;
		holder_queue(&c->h, work);
	}
}

void contact_free(struct nst_env *env, struct nst_contact *c)
{
	holder_free(env, &c->h, sizeof(*c));
}

/* Its own port is that of the connection, which natmap knows. */
static void written_own(const struct rewrite *rw, struct nst_written *w, u16 port)
{
	struct contact_key key = key_for(rw->map, rw->dir, rw->zone, port);
	struct nst_contact *c;

	if (key.wanted || !doors_wanted(rw->env))
		return;
	c = contact_find(rw->env, &key);
	if (!c)
		return;
	w->door = c->public_ep.port;
	if (w->place == NST_PLACE_CONTACT)
		c->bare = !w->ep.port;
	else if (w->place == NST_PLACE_ROUTE)
		c->route_bare = !w->ep.port;
}

static void written_peer(const struct rewrite *rw, struct nst_written *w, u16 port)
{
	const struct nst_addr *host = &rw->map->end[!rw->dir].inside.addr;
	struct nst_endpoint ep = { w->ep.addr, port };
	struct nst_contact *c;

	c = contact_by_public(rw->env, rw->zone, &ep, host);
	if (!c)
		return;
	w->door = c->inside.port;
	w->bare = w->place == NST_PLACE_ROUTE ? c->route_bare : c->bare;
}

void contact_written(const struct rewrite *rw, struct nst_written *w)
{
	const struct nst_natmap *map = rw->map;
	u16 port = w->ep.port ? w->ep.port : w->default_port;
	u8 dir = rw->dir;

	w->door = 0;
	w->bare = false;
	if (place_names_user(w->place) || !w->ep.addr.family)
		return;
	if (addr_equal(&w->ep.addr, &map->end[dir].inside.addr)) {
		if (natmap_translates(map, dir))
			written_own(rw, w, port);
	} else if (addr_equal(&w->ep.addr, &map->end[!dir].outside.addr)) {
		if (natmap_translates(map, !dir))
			written_peer(rw, w, port);
	}
}
