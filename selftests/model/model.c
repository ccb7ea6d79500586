// SPDX-License-Identifier: GPL-2.0-only
/*
 * Setting up, time, wires, and the ladder of packets that a failure prints.
 */
#include <stdarg.h>

#include "check.h"
#include "model.h"

/* Longest time that anything may take: a receiver that is away is waited for. */
#define PATIENCE (30 * 60 * 1000)

void stream_put(struct stream *s, u32 off, const char *p, u32 len)
{
	if (off + len > s->cap) {
		u32 cap = 2 * (off + len) + 1024;

		s->p = realloc(s->p, cap);
		s->mark = realloc(s->mark, cap);
		check(s->p && s->mark);
		memset(s->mark + s->cap, 0, cap - s->cap);
		s->cap = cap;
	}
	memcpy(s->p + off, p, len);
	if (off + len > s->len)
		s->len = off + len;
}

void stream_free(struct stream *s)
{
	free(s->p);
	free(s->mark);
	memset(s, 0, sizeof(*s));
}

u32 model_rand(struct model *m, u32 below)
{
	m->seed = m->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(m->seed >> 33) % below;
}

static void peer_default(struct peer *p, u32 isn)
{
	p->isn = isn;
	p->mss = 1460;
	p->wscale = 7;
	p->ts = true;
	p->sack = true;
	p->space = 65536;
	p->read_max = ~0u;
}

struct model *model_new(const char *fmt, ...)
{
	struct model *m = calloc(1, sizeof(*m));
	va_list args;

	check(m);
	va_start(args, fmt);
	vsnprintf(m->name, sizeof(m->name), fmt, args);
	va_end(args);
	m->w = world_new();
	m->ref = world_new();
	m->w->env.set.debug = false;
	m->delay = 1;
	m->seed = 1;
	peer_default(&m->peer[0], 1000);
	peer_default(&m->peer[1], 5000000);
	model_map(m, "192.168.122.3:40000", "10.1.1.1:50000");
	return m;
}

void model_map(struct model *m, const char *inside, const char *outside)
{
	const char *server = *inside == '[' ? "[2001:db8:113::20]:5060" : "203.0.113.20:5060";

	world_map(m->w, 0, inside, outside);
	world_map(m->ref, 0, inside, outside);
	world_map(m->w, 1, server, server);
	world_map(m->ref, 1, server, server);
}

void model_open(struct model *m)
{
	conn_init(&m->conn, &m->w->env, 1, 0, &m->w->map);
	m->conn.owner = m;
	peer_open(m);
	model_run(m, 10 * m->delay);
	judge(m, m->peer[0].up && m->peer[1].up, "no connection");
	judge(m, m->conn.state == NST_CONN_FOLLOWED, "not followed");
}

/* In order of arrival, and of departure among those that arrive at once. */
static void enqueue(struct model *m, struct packet *p)
{
	struct packet **at = &m->packets;

	while (*at && (*at)->at <= p->at)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

static struct packet *packet_copy(const struct packet *p)
{
	size_t size = sizeof(*p) + p->s.len;
	struct packet *q = malloc(size);

	check(q);
	memcpy(q, p, size);
	q->s.payload = q->s.len ? q->data : NULL;
	return q;
}

void model_send(struct model *m, u8 hop, const struct nst_segment *s, const char *data)
{
	struct packet *p = malloc(sizeof(*p) + s->len);
	u32 copies = 1;

	check(p);
	p->at = model_now(m) + m->delay;
	p->nr = m->nr++;
	p->hop = hop;
	p->s = *s;
	p->s.payload = s->len ? p->data : NULL;
	if (s->len)
		memcpy(p->data, data, s->len);
	if (m->fate)
		copies = m->fate(m, p);
	model_note(m, hop, s, copies == 1 ? "" : copies ? "twice" : "lost");
	if (copies > 1)
		enqueue(m, packet_copy(p));
	if (copies)
		enqueue(m, p);
	else
		free(p);
}

static void deliver(struct model *m)
{
	struct packet *p = m->packets;

	m->packets = p->next;
	if (p->hop)
		peer_input(m, !p->s.dir, p);
	else
		gateway_packet(m, p);
	free(p);
}

static u64 earlier(u64 a, u64 b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* The next thing that happens, if it does so by @until. */
static bool model_step(struct model *m, u64 until)
{
	u64 due = earlier(peer_due(&m->peer[0]), peer_due(&m->peer[1]));
	u64 at = m->packets ? m->packets->at : 0;
	u8 end;

	due = earlier(due, m->timer);
	if (!earlier(at, due) || earlier(at, due) > until)
		return false;
	if (earlier(at, due) > m->w->now)
		m->w->now = earlier(at, due);
	if (at && (!due || at <= due)) {
		deliver(m);
		return true;
	}
	if (m->timer && m->timer <= m->w->now)
		gateway_timer(m);
	for (end = 0; end < 2; end++)
		if (peer_due(&m->peer[end]) && peer_due(&m->peer[end]) <= m->w->now)
			peer_timer(m, end);
	return true;
}

void model_run(struct model *m, u64 ms)
{
	u64 until = model_now(m) + ms;

	while (model_step(m, until))
		;
	m->w->now = until;
}

void model_settle(struct model *m)
{
	u64 until = model_now(m) + PATIENCE;

	while (model_step(m, until))
		;
	judge(m, !m->packets && !m->timer && !peer_due(&m->peer[0]) &&
	      !peer_due(&m->peer[1]), "does not come to rest");
}

void model_end(struct model *m)
{
	u8 end;

	model_settle(m);
	for (end = 0; end < 2; end++) {
		struct peer *p = &m->peer[end];

		judge(m, p->una == p->max && p->una - p->isn - 1 >= p->out.len,
		      "%u of %u bytes of end %u acknowledged", p->una - p->isn - 1,
		      p->out.len, end);
		judge_read(m, end);
		judge(m, !p->fin || m->peer[!end].got_fin, "FIN of end %u not read", end);
	}
	judge(m, conn_quiet(&m->conn), "not quiet at the end");
	model_free(m);
}

void model_free(struct model *m)
{
	u8 i;

	conn_free(&m->conn);
	world_free(m->w);
	world_free(m->ref);
	for (i = 0; i < 2; i++) {
		stream_free(&m->peer[i].in);
		stream_free(&m->peer[i].out);
		stream_free(&m->side[i].expected);
		stream_free(&m->side[i].sent);
		free(m->side[i].piece);
	}
	while (m->packets) {
		struct packet *p = m->packets;

		m->packets = p->next;
		free(p);
	}
	free(m);
}

void model_note(struct model *m, u8 hop, const struct nst_segment *s, const char *what)
{
	struct rung *r = &m->rung[m->nr_rungs++ % RUNGS];

	r->at = model_now(m);
	r->hop = hop;
	r->what = what;
	r->s = *s;
}

/*
 * What passes on the client's side of the gateway is printed on the left, the
 * server's side on the right.  Numbers count from the first byte of each end.
 */
static void rung_print(const struct model *m, const struct rung *r)
{
	const struct nst_segment *s = &r->s;
	u32 seq = s->seq - m->peer[s->dir].isn - 1;
	u32 ack = s->ack - m->peer[!s->dir].isn - 1;
	int indent = s->dir == r->hop ? 0 : 56;
	u8 i;

	fprintf(stderr, "%8llu %*s%s %s%s%s%s %d+%u ack %d win %u%s%s",
		(unsigned long long)r->at, indent, "", s->dir ? "<--" : "-->",
		s->flags & NST_SYN ? "S" : "", s->flags & NST_FIN ? "F" : "",
		s->flags & NST_RST ? "R" : "", s->flags & NST_PSH ? "P" : "",
		(int)seq, s->len, (int)ack, s->win, *r->what ? " " : "", r->what);
	for (i = 0; i < s->nr_sack; i++)
		fprintf(stderr, " sack %d-%d", (int)(s->sack[i].left - m->peer[!s->dir].isn - 1),
			(int)(s->sack[i].right - m->peer[!s->dir].isn - 1));
	fprintf(stderr, "\n");
}

void model_fail(struct model *m, const char *fmt, ...)
{
	u32 from = m->nr_rungs > RUNGS ? m->nr_rungs - RUNGS : 0;
	char text[256];
	char line[512];
	va_list args;
	u32 i;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (i = from; i < m->nr_rungs; i++)
		rung_print(m, &m->rung[i % RUNGS]);
	snprintf(line, sizeof(line), "%s: at %llu ms: %s", m->name,
		 (unsigned long long)model_now(m), text);
	model_failed(line);
}
