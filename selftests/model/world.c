// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nf_nat_sip_tcp/contact.h>
#include <nf_nat_sip_tcp/event.h>

#include "check.h"
#include "guard.h"
#include "world.h"

static struct world *world_of(struct nst_env *env)
{
	return (struct world *)((char *)env - offsetof(struct world, env));
}

static void *world_alloc(struct nst_env *env, size_t len)
{
	struct world *w = world_of(env);
	void *p;

	check(len);
	if (++w->allocs == w->fail_alloc)
		return NULL;
	p = malloc(len);
	check(p);
	/* Nobody may rely on zeroed memory. */
	memset(p, 0xa5, len);
	w->live += len;
	return p;
}

static void world_release(struct nst_env *env, void *p, size_t len)
{
	struct world *w = world_of(env);

	check(p && w->live >= len);
	w->live -= len;
	free(p);
}

static void *world_alloc_for(struct nst_env *env, struct nst_account *a, size_t len)
{
	void *p = world_alloc(env, len);

	if (p)
		a->used += len;
	return p;
}

static void world_release_for(struct nst_env *env, struct nst_account *a, void *p, size_t len)
{
	check(a->used >= len);
	a->used -= len;
	world_release(env, p, len);
}

static struct nst_host *world_host_get(struct nst_env *env, const struct nst_addr *inside,
				       u16 zone)
{
	struct world *w = world_of(env);
	struct world_host *h;

	for (h = w->host; h->refs; h++) {
		check(h < &w->host[WORLD_HOSTS - 1]);
		if (addr_equal(&h->inside, inside) && h->zone == zone)
			break;
	}
	if (!h->refs) {
		if (++w->allocs == w->fail_alloc)
			return NULL;
		/* One for the table: hosts of a test are few and stay. */
		h->refs = 1;
		h->inside = *inside;
		h->zone = zone;
	}
	h->refs++;
	return &h->host;
}

static void world_host_put(struct nst_env *env, struct nst_host *host)
{
	struct world_host *h = (struct world_host *)host;

	(void)env;
	if (!h)
		return;
	check(h->refs > 1);
	h->refs--;
}

static void world_count(struct nst_env *env, enum nst_reason reason)
{
	check((u32)reason < NST_R_MAX);
	world_of(env)->count[reason]++;
}

static void world_trace(struct nst_env *env, const struct nst_trace *t)
{
	static volatile char sink;
	u32 i;

	check(env->set.debug);
	check((u32)t->id < ARRAY_SIZE(world_of(env)->traces));
	world_of(env)->traces[t->id]++;
	world_of(env)->trace[t->id] = *t;
	for (i = 0; i < t->text_len; i++)
		sink = t->text[i];
	(void)sink;
}

/* In the kernel nothing is put together before somebody listens. */
bool nst_event_switch = true;

static void world_event(struct nst_env *env, const struct nst_event *e)
{
	struct world *w = world_of(env);

	check((u32)e->id < ARRAY_SIZE(w->events));
	check(e->dir < 2);
	check(e->id != NST_EVENT_OPAQUE || (u32)e->reason < NST_R_MAX);
	w->events[e->id]++;
	w->event[e->id] = *e;
}

static void world_lock(struct nst_env *env)
{
	check(!world_of(env)->locked);
	world_of(env)->locked = true;
}

static void world_unlock(struct nst_env *env)
{
	check(world_of(env)->locked);
	world_of(env)->locked = false;
}

static struct world_port *port_find(struct world *w, u8 transport,
				     const struct nst_endpoint *ep)
{
	u32 i;

	for (i = 0; i < WORLD_PORTS; i++)
		if (w->port[i].holder && w->port[i].transport == transport &&
		    endpoint_equal(&w->port[i].public_ep, ep))
			return &w->port[i];
	return NULL;
}

static void port_add(struct world *w, const struct nst_reserve *req, u8 i)
{
	struct world_port *p = w->port;

	while (p->holder)
		check(++p < w->port + WORLD_PORTS);
	memset(p, 0, sizeof(*p));
	p->holder = req->holder;
	p->transport = req->transport;
	p->inside.addr = req->inside.addr;
	p->inside.port = req->inside.port + i;
	p->public_ep.addr = req->public_addr;
	p->public_ep.port = req->public_port + i;
}

/* The ports next to the inside ones, or the next free ones with that parity. */
static bool range_is_free(struct world *w, const struct nst_reserve *req, u32 port)
{
	struct nst_endpoint ep = { .addr = req->public_addr };
	u8 i;

	for (i = 0; i < req->count; i++) {
		ep.port = port + i;
		if (ep.port == w->taken || port_find(w, req->transport, &ep))
			return false;
	}
	return true;
}

static void check_reserve(const struct world *w, const struct nst_reserve *req)
{
	check(w->locked);
	check(req->holder && req->holder->owner);
	check(req->count && req->count <= NST_PORT_COUNT_MAX);
	check(addr_equal(&req->inside.addr, &req->holder->inside) ||
	      (!req->signalling && nst_prefixes_have(w->env.set.media_hosts,
						     &req->inside.addr)));
	check(req->signalling == (req->holder->kind == NST_HOLDER_CONTACT));
	if (!req->signalling) {
		check(req->transport == NST_UDP);
		check(!req->wanted || req->count == 1);
		return;
	}
	check(req->count == 1 && req->own_port && req->peer.family);
	check(req->inside.port >= 1024);
	check(req->inside.port == req->own_port ||
	      nst_settings_has_port(&w->env.set, req->inside.port) ||
	      nst_ranges_has(&w->env.set.signal_ports, req->inside.port));
}

static int world_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct world *w = world_of(env);
	u32 port = req->inside.port + w->shift;
	u8 i;

	check_reserve(w, req);
	/* What a holder has of the skin's goes with its end, not with a failure. */
	req->holder->anchor = 1;
	if (++w->reserves == w->fail_reserve)
		return w->reserve_error;
	if (req->inside.port < 1024)
		return -EACCES;
	if (req->wanted && !range_is_free(w, req, req->wanted))
		return -EADDRINUSE;
	if (req->wanted)
		port = req->wanted;
	while (port + req->count <= 65536 && !range_is_free(w, req, port))
		port += req->pair ? 2 : 1;
	if (port + req->count > 65536)
		return -EADDRINUSE;
	req->public_port = port;
	for (i = 0; i < req->count; i++)
		port_add(w, req, i);
	return 0;
}

static u16 world_port_mapped(struct nst_env *env, const struct nst_reserve *req)
{
	struct world *w = world_of(env);

	check(w->locked && req->wanted && req->public_addr.family);
	return req->wanted == w->mapped[0] ? w->mapped[1] : 0;
}

static void world_give_back(struct nst_env *env, struct nst_holder *holder,
			    const struct nst_door *door)
{
	struct world_port *p = port_find(world_of(env), door->transport, &door->public_ep);

	check(world_of(env)->locked);
	check(p && p->holder == holder && !p->open);
	p->holder = NULL;
}

static void world_notify(struct nst_env *env, enum nst_notice what, const void *object,
			 enum nst_reason reason)
{
	struct world *w = world_of(env);

	(void)object;
	check((u32)what < ARRAY_SIZE(w->notices) && reason <= NST_R_MAX);
	w->notices[what]++;
	w->notice_reason = reason;
}

static const struct nst_ops world_ops = {
	.alloc = world_alloc,
	.free = world_release,
	.alloc_for = world_alloc_for,
	.free_for = world_release_for,
	.host_get = world_host_get,
	.host_put = world_host_put,
	.count = world_count,
	.trace = world_trace,
	.event = world_event,
	.notify = world_notify,
	.calls_lock = world_lock,
	.calls_unlock = world_unlock,
	.door_reserve = world_reserve,
	.port_mapped = world_port_mapped,
	.door_release = world_give_back,
};

struct nst_endpoint world_endpoint(const char *text)
{
	struct nst_endpoint ep = { .port = 0 };
	struct sip_hostport hp;

	check(!sip_hostport_parse(text, span_of(0, strlen(text)), &hp));
	check(hp.addr.family);
	ep.addr = hp.addr;
	ep.port = hp.port;
	return ep;
}

void world_map(struct world *w, u8 end, const char *inside, const char *outside)
{
	w->map.end[end].inside = world_endpoint(inside);
	w->map.end[end].outside = world_endpoint(outside);
}

struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	check(w);
	w->env.ops = &world_ops;
	w->env.key[0] = 1;
	w->env.key[1] = 2;
	w->conn = 1;
	w->now = 1000;
	nst_settings_default(&w->env.set);
	w->env.set.debug = true;
	check(!calls_create(&w->env));
	check(!bindings_create(&w->env));
	world_map(w, 0, "10.0.0.5:40000", "203.0.113.1:40000");
	world_map(w, 1, "198.51.100.9:5060", "198.51.100.9:5060");
	return w;
}

/* As the skin does it: ENDED takes all ports away, else what is said of doors. */
static void holder_work(struct world *w, struct nst_holder *holder)
{
	struct nst_door *door;
	struct world_port *p;
	u32 i;

	for (i = 0; holder->ended && i < WORLD_PORTS; i++)
		if (w->port[i].holder == holder)
			w->port[i].holder = NULL;
	if (holder->ended)
		return;
	for (door = holder->doors; door; door = door->next) {
		if (!door->reopen)
			continue;
		door->reopen = false;
		p = port_find(w, door->transport, &door->public_ep);
		check(p && p->holder == holder);
		check(endpoint_equal(&p->inside, &door->inside));
		p->open = door->state == NST_DOOR_OPEN;
		p->filter = door->filter;
	}
}

void world_work(struct world *w, struct nst_work *work)
{
	struct nst_holder *holder;

	check(!w->locked);
	while ((holder = work_pop(work))) {
		world_lock(&w->env);
		check(!holder->owner);
		if (holder->check_media && w->media)
			call_media_seen(holder, w->now);
		w->asked += holder->check_media;
		holder->check_media = false;
		holder_work(w, holder);
		holder_put(&w->env, holder);
		world_unlock(&w->env);
	}
}

void world_expire(struct world *w, u64 ms)
{
	struct nst_work work = { NULL };

	w->now += ms;
	world_lock(&w->env);
	calls_expire(&w->env, w->now, ~0u, &work);
	bindings_expire(&w->env, w->now, ~0u, &work);
	world_unlock(&w->env);
	world_work(w, &work);
}

static void hosts_are_gone(const struct world *w)
{
	u32 i;

	for (i = 0; i < WORLD_HOSTS; i++)
		check(w->host[i].refs <= 1 && !w->host[i].host.calls && !w->host[i].host.bindings);
}

void world_free(struct world *w)
{
	struct nst_work work = { NULL };

	world_lock(&w->env);
	calls_flush(&w->env, &work);
	bindings_flush(&w->env, &work);
	check(!w->env.bindings->nr && !w->env.bindings->doors);
	world_unlock(&w->env);
	world_work(w, &work);
	check(!world_ports(w, false));
	bindings_destroy(&w->env);
	calls_destroy(&w->env);
	check(!w->live);
	hosts_are_gone(w);
	free(w);
}

static void check_edits(const struct edits *e, u32 len)
{
	u32 end = 0;
	s32 delta = 0;
	u16 i;

	check(!e->full && e->nr <= EDITS_MAX && e->text_len <= EDITS_TEXT_MAX);
	for (i = 0; i < e->nr; i++) {
		const struct edit *ed = &e->list[i];

		check(ed->at.off >= end && span_end(ed->at) <= len);
		check((u32)ed->text + ed->text_len <= e->text_len);
		check(ed->at.len || ed->text_len);
		end = span_end(ed->at);
		delta += (s32)ed->text_len - (s32)ed->at.len;
	}
	check(delta == e->delta);
}

bool world_process(struct world *w, u8 dir, const char *buf, u32 hdr_len, u32 body_len, u32 len)
{
	struct nst_work work = { NULL };
	struct message m = {
		.env = &w->env, .map = &w->map, .dir = dir, .zone = w->zone,
		.conn = w->conn,
		.owner = w, .talker = &w->talker, .now = w->now, .buf = buf, .hdr_len = hdr_len,
		.body_len = body_len, .len = len, .work = &work, .room = &w->room,
	};

	message_process(&m);
	world_work(w, &work);
	check_edits(&w->room.edits, len);
	check((s64)len + w->room.edits.delta < WORLD_TEXT);
	w->out_len = edits_render(&w->room.edits, buf, len, w->out);
	check(w->out_len == len + w->room.edits.delta);
	w->out[w->out_len] = 0;
	return w->room.edits.nr;
}

bool world_send(struct world *w, u8 dir, const char *text, u32 len)
{
	struct sip_frame f = { .scanned = 0 };
	char *buf = guard_put(text, len);
	int r = sip_frame_scan(&f, buf, len, w->env.set.header_max);

	if (r != 1 || f.hdr_len + f.body_len != len)
		fprintf(stderr, "scan %d, header %u, body %u of %u bytes:\n%.*s\n",
			r, f.hdr_len, f.body_len, len, len < 2000 ? (int)len : 2000, text);
	check(r == 1 && f.hdr_len + f.body_len == len);
	return world_process(w, dir, buf, f.hdr_len, f.body_len, len);
}

const struct world_port *world_door(const struct world *w, const char *inside)
{
	struct nst_endpoint ep = world_endpoint(inside);
	u32 i;

	for (i = 0; i < WORLD_PORTS; i++)
		if (w->port[i].holder && endpoint_equal(&w->port[i].inside, &ep))
			return &w->port[i];
	return NULL;
}

const struct world_port *world_public(const struct world *w, u8 transport, const char *ep)
{
	struct nst_endpoint public_ep = world_endpoint(ep);

	return port_find((struct world *)w, transport, &public_ep);
}

u32 world_ports(const struct world *w, bool open)
{
	u32 i, n = 0;

	for (i = 0; i < WORLD_PORTS; i++)
		n += w->port[i].holder && (!open || w->port[i].open);
	return n;
}
