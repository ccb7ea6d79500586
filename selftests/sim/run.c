// SPDX-License-Identifier: GPL-2.0-only
/* One schedule: time, and what is left of it when it fails. */
#include <stdarg.h>

#include "sim.h"

/* Longest that anything may take, ms and events that take no time. */
#define PATIENCE (4 * 3600 * 1000)
#define EVENTS_MAX 400000
/* Nobody waits longer than that: time-outs of a minute, some of them lost. */
#define GAP_LOSSY (1200 * 1000)
#define GAP_QUIET 3500

bool skip_check[INV_MAX];
bool show_flows;
bool all_troubled;

static const char *const names[][2] = {
#define X(id, text) { #id, text },
	INVARIANTS(X)
#undef X
};

const char *invariant_name(enum invariant inv)
{
	return names[inv][0];
}

const char *invariant_text(enum invariant inv)
{
	return names[inv][1];
}

void sim_fail(struct sim *s, enum invariant inv, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->broken_text, sizeof(s->broken_text), fmt, args);
	va_end(args);
	s->broken = inv;
	longjmp(*s->out, 1);
}

void sim_note(struct sim *s, u8 wire, const struct nst_segment *seg, char what)
{
	struct rung *r = &s->rung[s->nr_rungs++ % s->rungs];

	r->at = s->now;
	r->wire = wire;
	r->what = what;
	r->seg = *seg;
}

/* The client's side of the gateway on the left, the server's on the right. */
static void rung_print(const struct sim *s, const struct rung *r, FILE *to)
{
	static const char *const what[] = { ['x'] = " LOST", ['2'] = " (again)" };
	const struct nst_segment *g = &r->seg;
	int indent = r->wire == 0 || r->wire == 3 ? 0 : 60;
	u8 i;

	fprintf(to, "%8llu %*s%s %s%s%s%s %lld+%u", (unsigned long long)r->at, indent, "",
		g->dir ? "<--" : "-->", g->flags & NST_SYN ? "S" : "",
		g->flags & NST_FIN ? "F" : "", g->flags & NST_RST ? "R" : "",
		g->flags & NST_PSH ? "P" : "", (long long)offset_of(s, g->dir, g->seq), g->len);
	if (g->flags & NST_ACK)
		fprintf(to, " ack %lld win %u", (long long)offset_of(s, !g->dir, g->ack), g->win);
	for (i = 0; i < g->nr_sack; i++)
		fprintf(to, " sack %lld-%lld", (long long)offset_of(s, !g->dir, g->sack[i].left),
			(long long)offset_of(s, !g->dir, g->sack[i].right));
	if (g->flags & NST_SYN)
		fprintf(to, " mss %u ws %u", g->mss, g->wscale);
	fprintf(to, "%s\n", r->what == ' ' ? "" : what[(int)r->what]);
}

void sim_ladder(const struct sim *s, FILE *to)
{
	u32 from = s->nr_rungs > s->rungs ? s->nr_rungs - s->rungs : 0;
	u32 i;

	fprintf(to, "# %8s %-60s %s\n", "ms", "client -- gateway", "gateway -- server");
	for (i = from; i < s->nr_rungs; i++)
		rung_print(s, &s->rung[i % s->rungs], to);
}

struct sim *sim_new(u32 rungs)
{
	struct sim *s = calloc(1, sizeof(*s));

	s->rung = calloc(rungs, sizeof(*s->rung));
	s->rungs = rungs;
	return s;
}

/* What a schedule uses, but for memory that the next one uses again. */
static void wipe(struct sim *s, u64 seed)
{
	struct sim keep = { .rung = s->rung, .rungs = s->rungs, .heap = s->heap };
	u8 i;

	for (i = 0; i < s->heap.nr; i++)
		packet_free(s, s->heap.p[i]);
	for (i = 0; i < 2; i++) {
		if (s->gro[i])
			packet_free(s, s->gro[i]);
		free(s->end[i].out);
		free(s->end[i].in);
		free(s->side[i].expect);
	}
	memcpy(keep.pool, s->pool, sizeof(keep.pool));
	memset(s, 0, offsetof(struct sim, end));
	memset(s->writer, 0, sizeof(s->writer));
	for (i = 0; i < 2; i++) {
		memset(&s->end[i], 0, sizeof(s->end[i]));
		s->side[i].nr_pieces = 0;
		memset(&s->side[i].settled, 0, sizeof(s->side[i]) - offsetof(struct side, settled));
	}
	memset(s->wire, 0, sizeof(struct sim) - offsetof(struct sim, wire));
	s->rung = keep.rung;
	s->rungs = keep.rungs;
	s->heap.p = keep.heap.p;
	s->heap.cap = keep.heap.cap;
	memcpy(s->pool, keep.pool, sizeof(s->pool));
	s->seed = seed;
	/* Not a multiple of what dice() adds: streams must not be each other's. */
	s->dice = (seed ^ 0x5bf0363512d42c61ull) * 0xd1342543de82ef95ull;
	s->dice ^= s->dice >> 29;
}

void sim_delete(struct sim *s)
{
	free(s->rung);
	free(s);
}

static bool outstanding(const struct sim *s)
{
	return s->end[0].una < end_of_stream(&s->end[0]) ||
	       s->end[1].una < end_of_stream(&s->end[1]);
}

static void judge_progress(struct sim *s)
{
	u64 gap = s->now - s->last_progress;
	u64 most = s->quiet_wires ? GAP_QUIET : GAP_LOSSY;

	must(s, FINISH, s->now < PATIENCE, "%llu ms", (unsigned long long)s->now);
	if (!outstanding(s)) {
		s->last_progress = s->now;
		return;
	}
	must(s, STALL, gap <= most || s->rst || s->closing, "nothing moves for %llu ms",
	     (unsigned long long)gap);
}

/* The next thing that happens.  Return: false where nothing does any more. */
static bool step(struct sim *s)
{
	u64 due = sooner(sooner(end_due(&s->end[0]), end_due(&s->end[1])), s->timer);
	u64 at = s->heap.nr ? s->heap.p[0]->at : 0;
	u8 e;

	due = sooner(due, plan_due(s));
	if (!sooner(at, due) && !s->gro[0] && !s->gro[1])
		return false;
	/* What a receiver joins comes within the same moment. */
	if ((s->gro[0] || s->gro[1]) && (!sooner(at, due) || sooner(at, due) > s->now)) {
		wire_flush(s, 0);
		wire_flush(s, 1);
		return true;
	}
	/* An application that waits for room looks again and again: that takes time only. */
	if (sooner(at, due) > s->now)
		s->now = sooner(at, due);
	else
		must(s, FINISH, ++s->events < EVENTS_MAX, "%llu steps",
		     (unsigned long long)s->events);
	judge_progress(s);
	if (at && (!due || at <= due)) {
		wire_deliver(s);
		return true;
	}
	if (s->timer && s->timer <= s->now)
		gate_timer(s);
	for (e = 0; e < 2; e++)
		if (end_due(&s->end[e]) && end_due(&s->end[e]) <= s->now)
			end_timer(s, e);
	plan_step(s);
	return true;
}

static void run(struct sim *s)
{
	conn_init(&s->conn, &s->env.env, 1, 0, &book[s->variant].map);
	s->conn.owner = s;
	end_open(s, 0);
	end_open(s, 1);
	while (!plan_over(s)) {
		bool more = step(s);
		u32 stage = s->stage;

		plan_step(s);
		if (!more && stage == s->stage)
			break;
	}
	/* What the engine still has to do: retained bytes have no receiver now. */
	while (s->timer && s->timer < s->now + 3600 * 1000) {
		s->now = s->timer;
		gate_timer(s);
	}
	judge_end(s);
	must(s, I7_MEMORY, !env_close(&s->env), "memory is lost");
}

bool sim_run(struct sim *s, u64 seed)
{
	jmp_buf out;

	wipe(s, seed);
	env_open(&s->env);
	s->out = &out;
	s->broken = INV_MAX;
	if (setjmp(out))
		return false;
	plan_make(s);
	run(s);
	return true;
}
