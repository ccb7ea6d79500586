// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nf_nat_sip_tcp/sip_uri.h>

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
	for (i = 0; i < t->text_len; i++)
		sink = t->text[i];
	(void)sink;
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
		if (port_find(w, req->transport, &ep))
			return false;
	}
	return true;
}

static int world_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct world *w = world_of(env);
	u32 port = req->inside.port + w->shift;
	u8 i;

	check(w->locked);
	check(req->holder && req->holder->owner);
	check(req->count && req->count <= NST_PORT_COUNT_MAX);
	check(addr_equal(&req->inside.addr, &req->holder->inside));
	if (++w->reserves == w->fail_reserve)
		return w->reserve_error;
	if (req->inside.port < 1024)
		return -EACCES;
	while (port + req->count <= 65536 && !range_is_free(w, req, port))
		port += req->pair ? 2 : 1;
	if (port + req->count > 65536)
		return -EADDRINUSE;
	req->public_port = port;
	for (i = 0; i < req->count; i++)
		port_add(w, req, i);
	req->holder->anchor = 1;
	return 0;
}

static void world_give_back(struct nst_env *env, struct nst_holder *holder,
			    const struct nst_door *door)
{
	struct world_port *p = port_find(world_of(env), door->transport, &door->public_ep);

	check(world_of(env)->locked);
	check(p && p->holder == holder && !p->open);
	p->holder = NULL;
}

static const struct nst_ops world_ops = {
	.alloc = world_alloc,
	.free = world_release,
	.count = world_count,
	.trace = world_trace,
	.calls_lock = world_lock,
	.calls_unlock = world_unlock,
	.door_reserve = world_reserve,
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
		check(p && p->holder == holder && door->state == NST_DOOR_OPEN);
		check(endpoint_equal(&p->inside, &door->inside));
		p->open = true;
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
	world_unlock(&w->env);
	world_work(w, &work);
}

void world_free(struct world *w)
{
	struct nst_work work = { NULL };

	world_lock(&w->env);
	calls_flush(&w->env, &work);
	world_unlock(&w->env);
	world_work(w, &work);
	check(!world_ports(w, false));
	calls_destroy(&w->env);
	check(!w->live);
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
		.body_len = body_len, .len = len, .edits = &w->edits, .work = &work,
	};

	message_process(&m);
	world_work(w, &work);
	check_edits(&w->edits, len);
	check((s64)len + w->edits.delta < WORLD_TEXT);
	w->out_len = edits_render(&w->edits, buf, len, w->out);
	check(w->out_len == len + w->edits.delta);
	w->out[w->out_len] = 0;
	return w->edits.nr;
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

u32 world_ports(const struct world *w, bool open)
{
	u32 i, n = 0;

	for (i = 0; i < WORLD_PORTS; i++)
		n += w->port[i].holder && (!open || w->port[i].open);
	return n;
}
