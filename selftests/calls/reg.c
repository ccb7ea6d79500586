// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations: their flows, and what the model makes of them.
 *
 *  - A binding that is asked for has a reserved port; a 2xx that lists it opens
 *    that for as long as it grants, a 2xx that does not ends the binding.
 *  - What fails, or gets no answer, leaves a binding as it was; one that was
 *    never granted lasts for the next attempt: 32 s.
 */
#include "calls.h"

#define WAIT_MS 32000

static bool is_asked(const struct binding *b, const struct msg *m)
{
	return b->used && b->branch == m->t->branch;
}

static void binding_over(struct binding *b)
{
	listen_put(b->door);
	b->used = false;
}

static struct binding *binding_find(struct reg *r, u32 user, u8 peer, const struct listen *door)
{
	struct binding *b;

	for (b = r->binding; b < r->binding + BINDINGS; b++)
		if (b->used && b->user == user && b->peer == peer && (!door || b->door == door))
			return b;
	return NULL;
}

static bool same_registrar(const struct seed *s, u8 a, u8 b)
{
	return same_addr(&s->peer[a], &s->peer[b]);
}

static void ask(struct seed *s, struct binding *b, const struct msg *m, bool removes)
{
	b->branch = m->t->branch;
	b->asked = s->now;
	b->removes = removes;
}

static void ask_removal(struct seed *s, const struct msg *m, const struct value *v)
{
	struct binding *b;

	for (b = m->reg->binding; b < m->reg->binding + BINDINGS; b++)
		if (b->used && same_registrar(s, b->peer, m->conn->peer) &&
		    (m->reg->star || b->user == v->user))
			ask(s, b, m, true);
}

static void ask_binding(struct seed *s, const struct msg *m, const struct value *v)
{
	struct reg *r = m->reg;
	struct listen *l = listen_take(s, m->conn, s->host[r->c.host].listen, v->udp);
	struct binding *b;

	if (!l)
		return;
	b = binding_find(r, v->user, m->conn->peer, l);
	if (b) {
		listen_put(l);
	} else {
		for (b = r->binding; b->used; b++)
			if (b == r->binding + BINDINGS - 1)
				abort();
		*b = (struct binding){ .used = true, .user = v->user, .peer = m->conn->peer,
				       .door = l };
	}
	ask(s, b, m, false);
}

/* A registrar may spell the user in its own way: then any will do. */
static u32 granted(const struct reg *r, u32 user)
{
	const struct value *v;
	u32 most = 0;

	for (v = r->value; v < r->value + r->nr; v++) {
		if (v->user == user)
			return v->expires;
		if (v->expires > most)
			most = v->expires;
	}
	return most;
}

static void accepted(struct seed *s, const struct msg *m, struct binding *b)
{
	u32 expires = granted(m->reg, b->user);
	u32 most = s->env.set.binding_max;

	b->branch = 0;
	if (b->removes || !expires) {
		binding_over(b);
		return;
	}
	b->active = true;
	b->expires = s->now + (expires < most ? expires : most) * 1000ull;
	listen_open(b->door);
}

static void failed(struct seed *s, struct binding *b)
{
	b->branch = 0;
	if (!b->active)
		b->expires = s->now + WAIT_MS;
}

/* Before the message's text is compared: it may take doors. */
static void reg_asked(struct seed *s, const struct msg *m)
{
	const struct value *v;

	if (m->reg->star)
		ask_removal(s, m, NULL);
	for (v = m->reg->value; v < m->reg->value + m->reg->nr; v++) {
		if (v->expires)
			ask_binding(s, m, v);
		else
			ask_removal(s, m, v);
	}
}

void reg_names(struct seed *s, struct msg *m)
{
	if (!m->status)
		reg_asked(s, m);
}

void reg_sent(struct seed *s, struct msg *m)
{
	struct binding *b;

	if (m->status < 200)
		return;
	for (b = m->reg->binding; b < m->reg->binding + BINDINGS; b++) {
		if (!is_asked(b, m))
			continue;
		if (m->status < 300)
			accepted(s, m, b);
		else
			failed(s, b);
	}
}

static void binding_look(struct seed *s, struct binding *b)
{
	if (b->branch && s->now >= b->asked + WAIT_MS)
		failed(s, b);
	if (b->branch && (!b->active || s->now < b->expires + 2 * WAIT_MS))
		return;
	if (s->now >= b->expires)
		binding_over(b);
}

void regs_look(struct seed *s)
{
	struct reg *r;
	u8 i;

	for (r = s->reg; r < s->reg + REGS; r++)
		for (i = 0; i < BINDINGS; i++)
			if (r->binding[i].used)
				binding_look(s, &r->binding[i]);
}

u32 regs_bindings(const struct seed *s)
{
	const struct reg *r;
	u32 i, n = 0;

	for (r = s->reg; r < s->reg + REGS; r++)
		for (i = 0; i < BINDINGS; i++)
			n += r->binding[i].used;
	return n;
}

/* --- flows ------------------------------------------------------------------- */

static void send_reg(struct seed *s, struct reg *r, u16 status)
{
	struct msg m = { .c = &r->c, .t = r->t, .conn = r->t->conn, .from = status ? OUT : IN,
			 .status = status, .leg = -1, .reg = r,
			 .more = r->star ? "Expires: 0\r\n" : NULL };

	send_msg(s, &m);
}

static void ask_again(struct seed *s, struct reg *r)
{
	memcpy(r->value, r->asked, sizeof(r->asked));
	r->nr = r->nr_asked;
	r->t = txn_begin(s, &r->c, SIP_REGISTER, IN, -1);
	send_reg(s, r, 0);
	r->star = false;
	r->nr = 0;
}

static void ask_new(struct seed *s, struct reg *r)
{
	u8 i;

	r->budget--;
	r->star = chance(s, 8);
	/* Of two that ask for one port it could not be said which was refused. */
	r->nr_asked = r->star ? 0 : s->no_port ? 1 : 1 + below(s, VALUES - 1);
	for (i = 0; i < r->nr_asked; i++) {
		r->asked[i].user = i;
		r->asked[i].udp = chance(s, 15);
		r->asked[i].expires = chance(s, 15) ? 0 : 20 + below(s, 300);
	}
	if (!call_connect(s, &r->c, chance(s, 20)))
		return;
	ask_again(s, r);
}

/* What the registrar has by then, as it was told; one may be missing. */
static void list(struct seed *s, struct reg *r)
{
	u8 i;

	r->nr = 0;
	for (i = 0; i < r->nr_asked; i++) {
		struct value v = r->asked[i];

		if (!v.expires || chance(s, 8))
			continue;
		if (chance(s, 30))
			v.expires = 1 + v.expires / 2;
		if (listen_find(s, r->t->conn, s->host[r->c.host].listen))
			r->value[r->nr++] = v;
	}
}

static void reg_answer(struct seed *s, struct reg *r)
{
	u32 what = below(s, 100);

	if (what < 10) {
		send_reg(s, r, 100);
		return;
	}
	if (what < 75) {
		list(s, r);
		send_reg(s, r, 200);
	} else if (what < 85 && r->nr_asked) {
		send_reg(s, r, chance(s, 50) ? 401 : 407);
		r->t->used = false;
		ask_again(s, r);
		return;
	} else if (what < 92) {
		send_reg(s, r, chance(s, 50) ? 423 : 503);
	}
	r->nr = 0;
	r->t->used = false;
	r->t = NULL;
}

/* Who leaves says so, to whom it was registered with. */
static bool reg_leaves(struct seed *s, struct reg *r)
{
	struct binding *b = r->binding;

	while (!b->used)
		if (++b == r->binding + BINDINGS)
			return false;
	r->c.conn = conn_to(s, r->c.host, b->peer);
	r->c.conn_id = r->c.conn->id;
	r->star = true;
	r->nr_asked = 0;
	ask_again(s, r);
	send_reg(s, r, 200);
	r->t->used = false;
	r->t = NULL;
	return true;
}

static void reg_step(struct seed *s, struct reg *r)
{
	if (r->t && !txn_alive(r->t)) {
		r->t->used = false;
		r->t = NULL;
	}
	if (r->t)
		reg_answer(s, r);
	else if (r->budget)
		ask_new(s, r);
	else if (!s->script || !reg_leaves(s, r))
		r->used = false;
}

void regs_begin(struct seed *s)
{
	struct reg *r;

	for (r = s->reg; r < s->reg + REGS; r++) {
		if (!chance(s, 25))
			continue;
		r->used = true;
		r->budget = 1 + below(s, 5);
		r->c.nr = 100 + (r - s->reg);
		r->c.host = below(s, s->nr_hosts);
		r->c.caller = IN;
		r->c.id = ++s->next_id * 16 + 6;
		r->c.tag = ++s->next_id * 16 + 7;
		s->flows++;
	}
}

bool regs_left(const struct seed *s)
{
	const struct reg *r;

	for (r = s->reg; r < s->reg + REGS; r++)
		if (r->used)
			return true;
	return false;
}

void regs_step(struct seed *s)
{
	struct reg *r = &s->reg[below(s, REGS)];

	if (r->used)
		reg_step(s, r);
}

/* Nobody refreshes them any more. */
void regs_end(struct seed *s)
{
	while (regs_bindings(s))
		clock_pass(s, 60000);
}
