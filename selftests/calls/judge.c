// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core has done, as the books have it, against what the model says.
 */
#include <stdarg.h>

#include "calls.h"

bool skip_check[INV_MAX];

static const struct {
	const char *name;
	const char *text;
} invariants[INV_MAX] = {
	{ "none", "" },
#define X(id, name, text) { name, text },
	INVARIANTS(X)
#undef X
};

const char *invariant_name(enum invariant inv)
{
	return invariants[inv].name;
}

const char *invariant_text(enum invariant inv)
{
	return invariants[inv].text;
}

void broken(struct seed *s, enum invariant inv, const char *fmt, ...)
{
	va_list ap;

	s->broken = inv;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	longjmp(s->end, 1);
}

#define demand(s, cond, inv, ...)					\
	do {								\
		if (!(cond) && !skip_check[INV_##inv])			\
			broken(s, INV_##inv, __VA_ARGS__);		\
	} while (0)

static struct book *door_book(struct seed *s, const struct call *c, const struct door *d)
{
	struct book *b;

	for (b = s->book; b < s->book + s->top; b++)
		if (b->holder && b->call == c && b->inside.port == d->inside &&
		    same_addr(&b->public.addr, &s->pub[d->pub]))
			return b;
	return NULL;
}

static void judge_door(struct seed *s, const struct call *c, const struct door *d)
{
	const struct book *b = door_book(s, c, d);
	char have[ADDR_TEXT], want[ADDR_TEXT];

	demand(s, b, DOOR_LOST, "call %u: door to %u is gone", c->nr, d->inside);
	if (!b)
		return;
	demand(s, b->public.port == d->public, PORT_STABLE, "call %u: door to %u is %u now, not %u",
	       c->nr, d->inside, b->public.port, d->public);
	demand(s, same_addr(&b->inside.addr, &s->host[c->host].addr), LEADS,
	       "call %u: door to %u leads to another host", c->nr, d->inside);
	demand(s, d->open || !b->open, DOOR_EARLY, "call %u: door to %u is open without an answer",
	       c->nr, d->inside);
	demand(s, !d->open || b->open, DOOR_LOST, "call %u: door to %u is not open",
	       c->nr, d->inside);
	if (!d->open || same_endpoint(&b->filter, &d->filter))
		return;
	text_addr(have, &b->filter.addr);
	text_addr(want, &d->filter.addr);
	demand(s, false, FILTER, "call %u: door to %u lets in %s port %u, not %s port %u", c->nr,
	       d->inside, have, b->filter.port, want, d->filter.port);
}

static u32 judge_call(struct seed *s, const struct call *c)
{
	u8 i;

	demand(s, !c->live || c->core_live, CALL_LIVES, "call %u is not followed any more", c->nr);
	demand(s, c->live || !c->core_live, CALL_LIVES, "call %u is over, and followed", c->nr);
	for (i = 0; i < c->nr_doors; i++)
		judge_door(s, c, &c->door[i]);
	return c->nr_doors;
}

/* Memory was short: some of it may have been missed, but nothing may be wrong. */
static void judge_lean(struct seed *s)
{
	const struct book *b;

	for (b = s->book; b < s->book + s->top; b++) {
		if (!b->holder || !b->call)
			continue;
		demand(s, !b->open || b->call->rung, DOOR_EARLY,
		       "call %u: door to %u is open without an answer", b->call->nr, b->inside.port);
		demand(s, same_addr(&b->inside.addr, &s->host[b->call->host].addr), LEADS,
		       "call %u: door to %u leads to another host", b->call->nr, b->inside.port);
		demand(s, b->call->core_live || b->call->twice, DOOR_STAYS, "call %u: a port outlives it", b->call->nr);
	}
}

void judge(struct seed *s)
{
	const struct book *b;
	const struct call *c;
	u32 wanted = 0, have = 0;

	if (s->lean) {
		judge_lean(s);
		return;
	}
	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used)
			wanted += judge_call(s, c);
	for (b = s->book; b < s->book + s->top; b++)
		have += !!b->holder;
	wanted += judge_signal(s);
	demand(s, s->env.bindings->nr == regs_bindings(s), BINDING, "%u bindings, not %u",
	       s->env.bindings->nr, regs_bindings(s));
	demand(s, have <= wanted, DOOR_STAYS, "%u public ports are held, and %u needed", have, wanted);
}

void judge_end(struct seed *s)
{
	const struct book *b;
	u8 i;

	demand(s, !s->live_calls, LEFT, "%u calls are left", s->live_calls);
	for (b = s->book; b < s->book + s->top; b++)
		demand(s, !b->holder, LEFT, "port %u is left", b->public.port);
	demand(s, !s->env.bindings->nr, LEFT, "%u bindings are left", s->env.bindings->nr);
	demand(s, !s->env.bindings->doors, LEFT, "%u signalling doors are left",
	       s->env.bindings->doors);
	env_close(s);
	demand(s, !s->live, LEFT, "%zu bytes are left", s->live);
	for (i = 0; i < s->nr_hosts; i++)
		demand(s, !s->account_refs[i] && !s->account[i].calls && !s->account[i].bindings,
		       LEFT, "host %u is still accounted for", i);
}
