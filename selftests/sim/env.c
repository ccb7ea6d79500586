// SPDX-License-Identifier: GPL-2.0-only
/*
 * Surroundings of the engine: memory that is counted and can fail, public ports
 * that are always to be had, one inside host.
 */
#include <nf_nat_sip_tcp/binding.h>
#include <nf_nat_sip_tcp/contact.h>
#include <nf_nat_sip_tcp/event.h>
#include <nf_nat_sip_tcp/message.h>

#include "sim.h"

bool nst_event_switch;

#define insist(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "sim: %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

static struct env *env_of(struct nst_env *env)
{
	return (struct env *)((char *)env - offsetof(struct env, env));
}

static void *env_alloc(struct nst_env *env, size_t len)
{
	struct env *v = env_of(env);
	char *p;

	if (++v->allocs == v->fail_at)
		return NULL;
	p = malloc(len);
	insist(p);
	/* Nobody may rely on zeroed memory. */
	memset(p, 0xa5, len < 256 ? len : 256);
	v->live += len;
	return p;
}

static void env_free(struct nst_env *env, void *p, size_t len)
{
	struct env *v = env_of(env);

	insist(p && v->live >= len);
	v->live -= len;
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

static struct nst_host *env_host_get(struct nst_env *env, const struct nst_addr *inside, u16 zone)
{
	(void)inside;
	(void)zone;
	env_of(env)->host_refs++;
	return &env_of(env)->host;
}

static void env_host_put(struct nst_env *env, struct nst_host *host)
{
	if (!host)
		return;
	insist(env_of(env)->host_refs);
	env_of(env)->host_refs--;
}

static void env_count(struct nst_env *env, enum nst_reason reason)
{
	env_of(env)->count[reason]++;
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

static void env_notify(struct nst_env *env, enum nst_notice what, const void *object,
		       enum nst_reason reason)
{
	(void)env;
	(void)what;
	(void)object;
	(void)reason;
}

static void env_lock(struct nst_env *env)
{
	insist(!env_of(env)->locked);
	env_of(env)->locked = true;
}

static void env_unlock(struct nst_env *env)
{
	insist(env_of(env)->locked);
	env_of(env)->locked = false;
}

static struct env_port *port_find(struct env *v, u8 transport, const struct nst_endpoint *ep)
{
	u32 i;

	for (i = 0; i < v->nr_ports; i++)
		if (v->port[i].holder && v->port[i].transport == transport &&
		    v->port[i].ep.port == ep->port)
			return &v->port[i];
	return NULL;
}

/* The inside ones, or what is free behind. */
static int env_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct env *v = env_of(env);
	struct nst_endpoint ep = { .addr = req->public_addr };
	u32 port = req->wanted ? req->wanted : req->inside.port;
	u8 i;

	req->holder->anchor = 1;
	for (ep.port = port; port_find(v, req->transport, &ep); ep.port += 2)
		;
	req->public_port = ep.port;
	for (i = 0; i < req->count; i++) {
		insist(v->nr_ports < ENV_PORTS);
		v->port[v->nr_ports].holder = req->holder;
		v->port[v->nr_ports].transport = req->transport;
		v->port[v->nr_ports].ep.port = req->public_port + i;
		v->port[v->nr_ports++].open = false;
	}
	return 0;
}

static u16 env_mapped(struct nst_env *env, const struct nst_reserve *req)
{
	(void)env;
	(void)req;
	return 0;
}

static void env_release(struct nst_env *env, struct nst_holder *holder, const struct nst_door *door)
{
	struct env_port *p = port_find(env_of(env), door->transport, &door->public_ep);

	insist(p && p->holder == holder);
	p->holder = NULL;
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
	.port_mapped = env_mapped,
	.door_release = env_release,
};

/* @v is zeroed. */
void env_open(struct env *v)
{
	v->env.ops = &env_ops;
	v->env.key[0] = 1;
	v->env.key[1] = 2;
	nst_settings_default(&v->env.set);
	v->env.set.contact = NST_CONTACT_CONNECTION;
	insist(!calls_create(&v->env));
	insist(!bindings_create(&v->env));
}

void env_work(struct env *v, struct nst_work *work)
{
	struct nst_holder *holder;
	struct nst_door *door;
	u32 i;

	while ((holder = work_pop(work))) {
		env_lock(&v->env);
		holder->check_media = false;
		for (i = 0; holder->ended && i < v->nr_ports; i++)
			if (v->port[i].holder == holder)
				v->port[i].holder = NULL;
		for (door = holder->doors; door && !holder->ended; door = door->next)
			door->reopen = false;
		holder_put(&v->env, holder);
		env_unlock(&v->env);
	}
}

size_t env_close(struct env *v)
{
	struct nst_work work = { NULL };

	env_lock(&v->env);
	calls_flush(&v->env, &work);
	bindings_flush(&v->env, &work);
	env_unlock(&v->env);
	env_work(v, &work);
	bindings_destroy(&v->env);
	calls_destroy(&v->env);
	return v->live;
}
