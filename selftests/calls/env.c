// SPDX-License-Identifier: GPL-2.0-only
/*
 * Surroundings of the core: memory that is counted and can fail, public ports
 * that are written down and can be refused, doors as the skin would make them.
 */
#include <stdio.h>
#include <stdlib.h>

#include <nf_nat_sip_tcp/contact.h>
#include <nf_nat_sip_tcp/event.h>
#include <nf_nat_sip_tcp/sip_frame.h>

#include "calls.h"

bool nst_event_switch;

#define insist(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "calls: %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

static struct seed *seed_of(struct nst_env *env)
{
	return (struct seed *)((char *)env - offsetof(struct seed, env));
}

static void *env_alloc(struct nst_env *env, size_t len)
{
	struct seed *s = seed_of(env);
	char *p;

	if (s->no_mem && !below(s, s->no_mem))
		return NULL;
	p = malloc(len);
	insist(p);
	/* Nobody may rely on zeroed memory. */
	memset(p, 0xa5, len < 512 ? len : 512);
	s->live += len;
	return p;
}

static void env_free(struct nst_env *env, void *p, size_t len)
{
	struct seed *s = seed_of(env);

	insist(p && s->live >= len);
	s->live -= len;
	free(p);
}

static void *env_alloc_for(struct nst_env *env, struct nst_account *a, size_t len)
{
	void *p = env_alloc(env, len);

	if (p)
		a->used += len;
	return p;
}

static void env_free_for(struct nst_env *env, struct nst_account *a, void *p, size_t len)
{
	insist(a->used >= len);
	a->used -= len;
	env_free(env, p, len);
}

static struct nst_host *env_host_get(struct nst_env *env, const struct nst_addr *inside,
				     u16 zone)
{
	struct seed *s = seed_of(env);
	u8 i;

	(void)zone;
	if (s->no_mem && !below(s, s->no_mem))
		return NULL;
	for (i = 0; i < s->nr_hosts; i++) {
		if (!same_addr(&s->host[i].addr, inside))
			continue;
		s->account_refs[i]++;
		return &s->account[i];
	}
	broken(s, INV_LEADS, "the core accounts for a host that is none");
}

static void env_host_put(struct nst_env *env, struct nst_host *host)
{
	struct seed *s = seed_of(env);

	if (!host)
		return;
	insist(s->account_refs[host - s->account]);
	s->account_refs[host - s->account]--;
}

static void env_count(struct nst_env *env, enum nst_reason reason)
{
	insist((u32)reason < NST_R_MAX);
	seed_of(env)->count[reason]++;
}

static void env_trace(struct nst_env *env, const struct nst_trace *t)
{
	(void)env;
	(void)t;
}

static void env_event(struct nst_env *env, const struct nst_event *e)
{
	(void)env;
	(void)e;
}

/* A call begins with a message of its own; one that ends is known by then. */
static void env_notify(struct nst_env *env, enum nst_notice what, const void *object,
		       enum nst_reason reason)
{
	struct seed *s = seed_of(env);
	struct call *c;

	if (what != NST_NOTICE_CALL)
		return;
	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used && c->core_live && c->holder == object)
			break;
	if (reason != NST_R_MAX) {
		s->live_calls--;
		if (c < s->call + CALLS)
			c->core_live = false;
		else
			insist(s->lean);
		return;
	}
	/* Confirmed: it was told when it began. */
	if (c < s->call + CALLS || ((const struct nst_call *)object)->state != NST_CALL_EARLY)
		return;
	insist(s->hand);
	s->live_calls++;
	/* What missed a 2xx takes the next request for that of another call. */
	if (s->lean && s->hand->core_live) {
		s->hand->twice = true;
		return;
	}
	if (s->hand->core_live)
		broken(s, INV_CALL_LIVES, "the core follows call %u twice", s->hand->nr);
	s->hand->holder = object;
	s->hand->core_live = true;
}

static void env_lock(struct nst_env *env)
{
	insist(!seed_of(env)->locked);
	seed_of(env)->locked = true;
}

static void env_unlock(struct nst_env *env)
{
	insist(seed_of(env)->locked);
	seed_of(env)->locked = false;
}

static struct book *book_at(struct seed *s, u8 transport, const struct nst_endpoint *public)
{
	struct book *b;

	for (b = s->book; b < s->book + s->top; b++)
		if (b->holder && b->transport == transport &&
		    same_endpoint(&b->public, public))
			return b;
	return NULL;
}

struct book *book_of(struct seed *s, const struct call *c, u8 pub, u16 inside)
{
	struct book *b;

	for (b = s->book; b < s->book + s->top; b++)
		if (b->holder && b->call == c && b->inside.port == inside &&
		    same_addr(&b->public.addr, &s->pub[pub]))
			return b;
	return NULL;
}

static void book_add(struct seed *s, const struct nst_reserve *req, u8 i)
{
	struct book *b = s->book;

	while (b < s->book + s->top && b->holder)
		b++;
	insist(b < s->book + BOOKS);
	if (b == s->book + s->top)
		s->top++;
	memset(b, 0, sizeof(*b));
	b->holder = req->holder;
	b->call = req->signalling ? NULL : s->hand;
	b->transport = req->transport;
	b->inside = req->inside;
	b->inside.port += i;
	b->public.addr = req->public_addr;
	b->public.port = req->public_port + i;
	s->doors++;
}

static bool range_free(struct seed *s, const struct nst_reserve *req, u32 port)
{
	struct nst_endpoint ep = { .addr = req->public_addr };
	u8 i;

	for (i = 0; i < req->count; i++) {
		ep.port = port + i;
		if (port + i > 65535 || book_at(s, req->transport, &ep))
			return false;
		/* As in the skin: a Contact's port is free for both transports. */
		if (req->signalling && !req->wanted &&
		    (book_at(s, NST_TCP, &ep) || book_at(s, NST_UDP, &ep)))
			return false;
	}
	return true;
}

/* The inside port where it is free, and sometimes where it is not wanted. */
static u32 range_find(struct seed *s, const struct nst_reserve *req)
{
	u32 port = req->inside.port;

	if (req->wanted)
		return range_free(s, req, req->wanted) ? req->wanted : 0;
	if (chance(s, 30))
		port = 10000 + below(s, 200) * 2 + (req->inside.port & 1);
	while (port < 65536 && !range_free(s, req, port))
		port += req->pair ? 2 : 1;
	return port < 65536 ? port : 0;
}

static void check_reserve(struct seed *s, const struct nst_reserve *req)
{
	insist(s->locked && s->hand_conn && req->holder && req->holder->owner);
	insist(req->count && req->count <= NST_PORT_COUNT_MAX);
	insist(req->signalling == (req->holder->kind == NST_HOLDER_CONTACT));
	if (!same_addr(&req->inside.addr, &s->host[s->hand_conn->host].addr) ||
	    !same_addr(&req->holder->inside, &req->inside.addr))
		broken(s, INV_LEADS, "a port is asked for another host");
	if (!same_addr(&req->public_addr, &s->pub[s->hand_conn->pub]))
		broken(s, INV_LEADS, "a port is asked at another public address");
}

static u32 *refused(struct seed *s, const struct nst_reserve *req)
{
	return req->signalling ? &s->no_door : &s->refused;
}

static int env_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct seed *s = seed_of(env);
	u32 port;
	u8 i;

	check_reserve(s, req);
	req->holder->anchor = 1;
	if (s->no_port && !below(s, s->no_port)) {
		*refused(s, req) += 1;
		return chance(s, 50) ? -EMFILE : -EADDRINUSE;
	}
	port = range_find(s, req);
	if (!port) {
		*refused(s, req) += 1;
		return -EADDRINUSE;
	}
	req->public_port = port;
	for (i = 0; i < req->count; i++)
		book_add(s, req, i);
	return 0;
}

static u16 env_port_mapped(struct nst_env *env, const struct nst_reserve *req)
{
	(void)env;
	(void)req;
	return 0;
}

static void env_release(struct nst_env *env, struct nst_holder *holder,
			const struct nst_door *door)
{
	struct seed *s = seed_of(env);
	struct book *b = book_at(s, door->transport, &door->public_ep);

	insist(s->locked);
	if (!b || b->holder != holder)
		broken(s, INV_DOOR_LOST, "a port is given back that was not given");
	if (b->open)
		broken(s, INV_DOOR_LOST, "port %u is given back while it is open", b->public.port);
	b->holder = NULL;
}

static const struct nst_ops env_ops = {
	.alloc = env_alloc,
	.free = env_free,
	.alloc_for = env_alloc_for,
	.free_for = env_free_for,
	.host_get = env_host_get,
	.host_put = env_host_put,
	.count = env_count,
	.trace = env_trace,
	.event = env_event,
	.notify = env_notify,
	.calls_lock = env_lock,
	.calls_unlock = env_unlock,
	.door_reserve = env_reserve,
	.port_mapped = env_port_mapped,
	.door_release = env_release,
};

void env_open(struct seed *s)
{
	u32 no_mem = s->no_mem;

	s->no_mem = 0;
	s->env.ops = &env_ops;
	s->env.key[0] = rnd_next(s);
	s->env.key[1] = rnd_next(s);
	insist(!calls_create(&s->env));
	insist(!bindings_create(&s->env));
	s->no_mem = no_mem;
}

/* What a broken seed leaves behind is nobody's business. */
void env_close(struct seed *s)
{
	bindings_destroy(&s->env);
	calls_destroy(&s->env);
}

static void door_work(struct seed *s, struct nst_holder *holder)
{
	struct nst_door *door;
	struct book *b;

	for (door = holder->doors; door; door = door->next) {
		if (!door->reopen)
			continue;
		door->reopen = false;
		b = book_at(s, door->transport, &door->public_ep);
		if (!b || b->holder != holder)
			broken(s, INV_DOOR_LOST, "a door is opened whose port is not its own");
		if (!same_endpoint(&b->inside, &door->inside))
			broken(s, INV_LEADS, "a door leads somewhere else than was asked for");
		b->open = door->state == NST_DOOR_OPEN;
		b->filter = door->filter;
	}
}

static bool media_flows(const struct seed *s, const struct nst_holder *holder)
{
	const struct call *c;

	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used && c->core_live && c->holder == holder)
			return c->media;
	return false;
}

static void holder_work(struct seed *s, struct nst_holder *holder)
{
	struct book *b;

	insist(!holder->owner);
	if (holder->check_media && media_flows(s, holder))
		call_media_seen(holder, s->now);
	holder->check_media = false;
	if (!holder->ended) {
		door_work(s, holder);
		return;
	}
	for (b = s->book; b < s->book + s->top; b++)
		if (b->holder == holder)
			b->holder = NULL;
}

static void env_work(struct seed *s, struct nst_work *work)
{
	struct nst_holder *holder;

	insist(!s->locked);
	while ((holder = work_pop(work))) {
		env_lock(&s->env);
		holder_work(s, holder);
		holder_put(&s->env, holder);
		env_unlock(&s->env);
	}
}

void env_look(struct seed *s)
{
	struct nst_work work = { NULL };

	env_lock(&s->env);
	calls_expire(&s->env, s->now, ~0u, &work);
	bindings_expire(&s->env, s->now, ~0u, &work);
	env_unlock(&s->env);
	env_work(s, &work);
}

void env_talker_gone(struct seed *s, struct conn *conn)
{
	talker_gone(&s->env, &conn->talker);
	insist(!conn->talker.first);
}

/* On the heap and of the right length, so that sanitizers see the ends. */
void env_pass(struct seed *s, struct conn *conn, u8 from, const char *text, struct call *c)
{
	struct nst_work work = { NULL };
	struct sip_frame f = { .scanned = 0 };
	u32 len = strlen(text), out;
	struct message m;
	char *buf = malloc(len);

	insist(buf);
	memcpy(buf, text, len);
	insist(sip_frame_scan(&f, buf, len, s->env.set.header_max) == 1);
	insist(f.hdr_len + f.body_len == len);
	m = (struct message){
		.env = &s->env, .map = &conn->map,
		.dir = from == IN ? conn->end : !conn->end,
		.conn = conn->id, .owner = s, .talker = &conn->talker, .now = s->now,
		.buf = buf, .hdr_len = f.hdr_len, .body_len = f.body_len, .len = len,
		.work = &work, .room = &s->room,
	};
	s->hand = c;
	s->hand_conn = conn;
	s->refused = s->no_door = 0;
	message_process(&m);
	env_work(s, &work);
	insist(len + s->room.edits.delta < TEXT);
	out = edits_render(&s->room.edits, buf, len, s->out);
	s->out[out] = 0;
	s->hand = NULL;
	s->hand_conn = NULL;
	free(buf);
}
