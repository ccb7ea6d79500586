// SPDX-License-Identifier: GPL-2.0-only
/*
 * A seed: hosts and connections are made, flows begin, and at each step some
 * flow does one thing, a connection ends, or time passes.
 */
#include <stdarg.h>

#include "calls.h"

void say_ladder(const struct seed *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void show(const struct seed *s, const struct msg *m)
{
	const struct call *c = m->c;
	char line[512], addr[64];
	u8 i;

	if (!s->verbose)
		return;
	text_line(s, m, line, sizeof(line));
	printf("%s\n", line);
	for (i = 0; i < c->nr_doors; i++) {
		text_addr(addr, &c->door[i].filter.addr);
		printf("              %u -> %u %s %s %u\n", c->door[i].public, c->door[i].inside,
		       c->door[i].open ? "open" : "reserved", addr, c->door[i].filter.port);
	}
}

static void compare(struct seed *s, const struct msg *m, enum invariant inv)
{
	u32 i = 0, line = 0;

	while (s->out[i] && s->out[i] == s->want[i])
		if (s->out[i++] == '\n')
			line = i;
	if (s->out[i] == s->want[i] || skip_check[inv])
		return;
	broken(s, inv, "call %u: \"%.*s\" should be \"%.*s\"", m->c->nr,
	       (int)strcspn(s->out + line, "\r"), s->out + line,
	       (int)strcspn(s->want + line, "\r"), s->want + line);
}

/* It comes a second time: nothing may change by it. */
static void repeat(struct seed *s, const struct msg *m)
{
	if (s->refused || s->no_door || !chance(s, 8))
		return;
	say_ladder(s, "          ... again");
	text_make(s, m, m->from == OUT, s->in);
	env_pass(s, m->conn, m->from, s->in, m->c);
	/* What asks for nothing new is not refused either. */
	compare(s, m, INV_REPEAT);
	judge(s);
	script_said(s, m);
}

static bool begins(const struct msg *m)
{
	return !m->status && !m->method && m->t->initial && !m->strange;
}

void send_msg(struct seed *s, struct msg *m)
{
	if (!m->conn->alive)
		abort();
	s->messages++;
	if (m->status > 100)
		m->c->rung = true;
	if (begins(m) && !m->c->live)
		model_begin(s, m->c);
	text_make(s, m, m->from == OUT, s->in);
	if (s->lean) {
		env_pass(s, m->conn, m->from, s->in, m->c);
		m->c->live = m->c->core_live;
		show(s, m);
		judge(s);
		return;
	}
	env_pass(s, m->conn, m->from, s->in, m->c);
	signal_names(s, m);
	m->left = model_names(s, m);
	text_make(s, m, m->from == IN, s->want);
	script_texts(s, m);
	signal_sent(s, m);
	model_sent(s, m);
	show(s, m);
	compare(s, m, INV_TEXT);
	judge(s);
	script_said(s, m);
	repeat(s, m);
}

/* What may have been missed is not asked for: a call lives as the core says. */
static void lean_follow(struct seed *s)
{
	struct call *c;

	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used)
			c->live = c->core_live;
}

/* Whether media flows is asked again and again only of calls without a connection. */
static u64 clock_step(const struct seed *s, u64 ms)
{
	u64 step = s->env.set.media_idle * 125ull;
	const struct call *c;

	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used && c->live && c->up && !c->talker)
			return ms < step ? ms : step;
	return ms;
}

/* Who plays a script does not wait: what takes long comes behind it. */
void clock_pass(struct seed *s, u64 ms)
{
	if (s->script)
		return;
	say_ladder(s, "%9llu %llu ms pass", (unsigned long long)s->now, (unsigned long long)ms);
	while (ms) {
		u64 n = clock_step(s, ms);

		ms -= n;
		s->now += n;
		env_look(s);
		if (s->lean)
			lean_follow(s);
		else
			model_look(s);
		judge(s);
	}
}

/* --- connections ------------------------------------------------------------ */

static void endpoint_set(struct nst_endpoint *ep, const struct nst_addr *addr, u16 port)
{
	ep->addr = *addr;
	ep->port = port;
}

static bool port_in_use(const struct seed *s, u8 host, u16 port, bool public)
{
	const struct conn *n;

	for (n = s->conn; n < s->conn + CONNS; n++)
		if (n->alive && (public ? n->public == port : n->host == host && n->port == port))
			return true;
	return false;
}

static void conn_ports(struct seed *s, struct conn *conn)
{
	while (!conn->port || port_in_use(s, conn->host, conn->port, false))
		conn->port = 40000 + below(s, 5000);
	conn->public = conn->port;
	while (chance(s, 30) || port_in_use(s, conn->host, conn->public, true))
		conn->public = 45000 + below(s, 5000);
}

/* @peer: -1: any */
static struct conn *conn_new(struct seed *s, u8 host, s8 peer)
{
	struct conn *conn = s->conn;
	struct nst_mapping *in, *out;

	while (conn->alive)
		if (++conn == s->conn + CONNS)
			return NULL;
	memset(conn, 0, sizeof(*conn));
	conn->host = host;
	conn->peer = peer < 0 ? below(s, s->nr_peers) : (u8)peer;
	conn->end = chance(s, 20);
	conn->pub = chance(s, 90) ? host % 2 : !(host % 2);
	conn_ports(s, conn);
	conn->id = ++s->next_conn;
	conn->alive = true;
	in = &conn->map.end[conn->end];
	out = &conn->map.end[!conn->end];
	endpoint_set(&in->inside, &s->host[host].addr, conn->port);
	endpoint_set(&in->outside, &s->pub[conn->pub], conn->public);
	endpoint_set(&out->inside, &s->peer[conn->peer], conn->end ? 33000 : 5060);
	out->outside = out->inside;
	say_ladder(s, "%9llu conn %llu: host %u port %u (%u) peer %u", (unsigned long long)s->now,
		   (unsigned long long)conn->id, host, conn->port, conn->public, conn->peer);
	script_conn(s, conn);
	return conn;
}

struct conn *conn_for(struct seed *s, u8 host, const struct conn *other_than)
{
	struct conn *fit[CONNS];
	struct conn *n;
	u32 nr = 0;

	for (n = s->conn; n < s->conn + CONNS; n++)
		if (n->alive && n->host == host && n != other_than)
			fit[nr++] = n;
	if (nr && (nr > 3 || chance(s, 80)))
		return fit[below(s, nr)];
	n = conn_new(s, host, -1);
	return n || !nr ? n : fit[0];
}

struct conn *conn_to(struct seed *s, u8 host, u8 peer)
{
	struct conn *n;

	for (n = s->conn; n < s->conn + CONNS; n++)
		if (n->alive && n->host == host && n->peer == peer)
			return n;
	n = conn_new(s, host, peer);
	if (n)
		return n;
	conn_end(s, s->conn);
	return conn_new(s, host, peer);
}

void conn_end(struct seed *s, struct conn *conn)
{
	say_ladder(s, "%9llu conn %llu ends", (unsigned long long)s->now,
		   (unsigned long long)conn->id);
	conn->alive = false;
	script_conn_gone(s, conn);
	env_talker_gone(s, conn);
	model_conn_gone(s, conn);
	env_look(s);
	if (!s->lean)
		model_look(s);
	judge(s);
}

/* --- calls ------------------------------------------------------------------- */

bool txn_alive(const struct txn *t)
{
	return t->used && !t->done && !t->lost && t->conn->alive && t->conn->id == t->conn_id;
}

struct txn *txn_begin(struct seed *s, struct call *c, u8 method, u8 from, s8 leg)
{
	struct txn *t = c->txn;

	while (t->used)
		if (++t == c->txn + TXNS)
			return NULL;
	memset(t, 0, sizeof(*t));
	t->used = true;
	t->method = method;
	t->from = from;
	t->cseq = ++c->cseq[from];
	t->branch = ++s->next_id * 16 + 1;
	t->conn = c->conn;
	t->conn_id = c->conn->id;
	t->leg = leg;
	return t;
}

/* What the core has made of it in error, for want of memory, lasts longer. */
static bool has_ports(const struct seed *s, const struct call *c)
{
	const struct book *b;

	for (b = s->book; b < s->book + s->top; b++)
		if (b->holder && b->call == c)
			return true;
	return false;
}

struct call *call_begin(struct seed *s, u8 host, u8 caller)
{
	struct call *c = s->call;

	while (c->used || has_ports(s, c))
		if (++c == s->call + CALLS)
			return NULL;
	memset(c, 0, sizeof(*c));
	c->used = true;
	c->nr = ++s->next_call;
	c->host = host;
	c->caller = caller;
	c->id = ++s->next_id * 16 + 2;
	c->tag = ++s->next_id * 16 + 3;
	c->main = -1;
	c->followed = -1;
	c->cseq[IN] = 1 + below(s, 3);
	c->cseq[OUT] = 1 + below(s, 3);
	c->plan = chance(s, 70) ? ANSWER : below(s, VANISH + 1);
	c->budget = below(s, 9);
	c->challenges = chance(s, 20) ? 1 + below(s, 2) : 0;
	c->listens = chance(s, 40);
	c->udp = c->listens && chance(s, 20);
	c->media = chance(s, 50);
	c->phase = IDLE;
	return c;
}

static void call_step(struct seed *s, struct call *c)
{
	switch (c->phase) {
	case IDLE:
		c->conn = conn_for(s, c->host, NULL);
		c->phase = OVER;
		if (c->conn)
			invite(s, c);
		break;
	case RING:
		ring_step(s, c);
		break;
	case TALK:
		talk_step(s, c);
		break;
	case WAIT:
		if (chance(s, 10))
			c->media = false;
		clock_pass(s, 1000 + below(s, 40000));
		break;
	default:
		break;
	}
	if (!c->live && (c->phase == WAIT || c->phase == TALK))
		c->phase = OVER;
	/* Nobody has more to say: what is left of it goes by time. */
	if (c->phase == OVER && c->live)
		c->phase = WAIT;
	else if (c->phase == OVER)
		c->used = false;
}

/* --- the seed ---------------------------------------------------------------- */

static void addr_set(struct seed *s, struct nst_addr *a, u8 net, u8 host)
{
	static const u8 nets4[][3] = { { 10, 0, 0 }, { 203, 0, 113 }, { 198, 51, 100 }, { 192, 0, 2 },
				       { 10, 9, 9 } };
	static const u8 nets6[] = { 0xfd, 0x21, 0x22, 0x23, 0xfd };

	memset(a, 0, sizeof(*a));
	a->family = s->v6 ? 6 : 4;
	if (s->v6) {
		a->ip[0] = nets6[net];
		a->ip[1] = net == 0 || net == 4 ? 0 : 1;
		a->ip[2] = 0xd + net;
		a->ip[15] = host;
		return;
	}
	memcpy(a->ip, nets4[net], 3);
	a->ip[3] = host;
}

static void settings(struct seed *s)
{
	struct nst_settings *set = &s->env.set;

	nst_settings_default(set);
	set->debug = chance(s, 10);
	set->media_filter = chance(s, 60) ? NST_FILTER_PEER :
			    chance(s, 50) ? NST_FILTER_ANY : NST_FILTER_PEER_PORT;
	set->signalling_filter = chance(s, 70) ? NST_FILTER_PEER : NST_FILTER_ANY;
	set->doors_per_call = chance(s, 70) ? 32 : 2 + below(s, 12);
	set->ringing_timeout = 10 + below(s, 170);
	set->call_timeout = 200 + below(s, 1000);
	set->media_idle = 40 + below(s, 300);
	s->no_port = chance(s, 15) ? 2 + below(s, 20) : 0;
	s->lean = chance(s, 10);
	s->no_mem = s->lean ? 3 + below(s, 60) : 0;
	if (!s->script)
		return;
	/* A kernel has what it needs. */
	s->lean = set->debug = false;
	s->no_port = s->no_mem = 0;
}

/* In a script each seed has hosts of its own, one of each network. */
static void host_place(struct seed *s, struct nst_addr *a, u8 i)
{
	u8 high = s->place >> 8, low = s->place;

	if (s->v6) {
		a->ip[3] = i + 1;
		a->ip[13] = high;
		a->ip[14] = low;
	} else {
		a->ip[1] = 16 * (i + 1) + high;
		a->ip[2] = low;
	}
}

static void topology(struct seed *s)
{
	u8 i;

	s->v6 = chance(s, 25);
	s->nr_hosts = 1 + below(s, HOSTS);
	s->nr_peers = 1 + below(s, PEERS);
	for (i = 0; i < HOSTS; i++) {
		addr_set(s, &s->host[i].addr, 0, 10 + i);
		if (s->script)
			host_place(s, &s->host[i].addr, i);
		s->host[i].listen = chance(s, 80) ? 5060 : 5061;
		s->host[i].next = 7000;
		s->host[i].one_port = chance(s, 40);
	}
	for (i = 0; i < 2; i++)
		addr_set(s, &s->pub[i], 1, 1 + i);
	for (i = 0; i < PEERS; i++) {
		addr_set(s, &s->peer[i], 2, 1 + i);
		addr_set(s, &s->server[i], 3, 1 + i);
	}
	addr_set(s, &s->server[PEERS - 1], 4, 7);
	/* In a laboratory all addresses are private. */
	if (chance(s, 15))
		addr_set(s, &s->peer[0], 4, 1);
}

static void begin_flows(struct seed *s)
{
	u32 n = 1 + below(s, chance(s, 10) ? 20 : 6);

	while (n--)
		if (call_begin(s, below(s, s->nr_hosts), chance(s, 60) ? IN : OUT))
			s->flows++;
}

static struct call *some_call(struct seed *s)
{
	struct call *fit[CALLS];
	struct call *c;
	u32 nr = 0;

	for (c = s->call; c < s->call + CALLS; c++)
		if (c->used && !(s->script && c->phase == WAIT))
			fit[nr++] = c;
	return nr ? fit[below(s, nr)] : NULL;
}

static void incident(struct seed *s)
{
	struct conn *conn = &s->conn[below(s, CONNS)];

	switch (below(s, 40)) {
	case 0:
		if (conn->alive && chance(s, 60))
			conn_end(s, conn);
		break;
	case 1:
	case 2:
	case 3:
		clock_pass(s, below(s, chance(s, 10) ? 100000 : 3000));
		break;
	case 4:
		stray_step(s);
		break;
	default:
		break;
	}
}

static void play(struct seed *s)
{
	struct call *c;
	u32 steps = 0;

	while ((c = some_call(s)) || regs_left(s)) {
		incident(s);
		if (++steps > 20000)
			broken(s, INV_CALL_LIVES, "the flows don't come to an end");
		if (c && chance(s, 95))
			call_step(s, c);
		else
			regs_step(s);
	}
}

static void finish(struct seed *s)
{
	u8 n;

	if (s->script) {
		script_end(s);
		s->script = false;
		play(s);
	}

	/* A registration that failed lasts for another attempt. */
	for (n = 0; s->lean && n < 3; n++)
		clock_pass(s, 2000000);
	regs_end(s);
	judge_end(s);
}

bool seed_run(struct seed *s, u64 number)
{
	bool verbose = s->verbose, script = s->script;
	u32 place = s->place;

	memset(s, 0, sizeof(*s));
	s->script = script;
	s->place = place;
	s->number = number;
	s->rnd = number * 0x2545f4914f6cdd1dull + 99;
	s->verbose = verbose;
	s->now = 1000;
	settings(s);
	topology(s);
	env_open(s);
	script_begin(s);
	if (setjmp(s->end))
		return false;
	regs_begin(s);
	begin_flows(s);
	play(s);
	finish(s);
	return true;
}
