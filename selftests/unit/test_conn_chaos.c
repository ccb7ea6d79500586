// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that fails at each place, and random schedules: cuts, coalescing,
 * losses, repeats and reordering on all four wires.  Never corrupt, never
 * stalled for good.
 *
 *	CHAOS_SEED=17 CHAOS_RUNS=1	one schedule again
 */
#include "unit.h"

#include "check.h"
#include "model.h"

static char text[64 * 1024];

/* What a message may become where memory is short. */
struct choice {
	char full[4096];
	u32 full_len;
	char part[4096];	/* description left alone */
	u32 part_len;
	char raw[4096];
	u32 raw_len;
};

static u32 copy(char *to, const char *from, u32 len)
{
	check(len <= 4096);
	memcpy(to, from, len);
	return len;
}

/* The header block alone is rewritten: Content-Length and description stay. */
static void choices(struct model *m, struct choice *c, const char *p, u32 len)
{
	struct sip_frame f = { .scanned = 0 };
	struct world *w = m->ref;

	check(sip_frame_scan(&f, p, len, 16384) == 1 && f.hdr_len + f.body_len == len);
	world_process(w, 0, p, f.hdr_len, f.body_len, f.hdr_len);
	c->part_len = copy(c->part, w->out, w->out_len);
	c->part_len += copy(c->part + c->part_len, p + f.hdr_len, f.body_len);
	world_process(w, 0, p, f.hdr_len, f.body_len, len);
	c->full_len = copy(c->full, w->out, w->out_len);
	c->raw_len = copy(c->raw, p, len);
}

static u32 prefix(const char *p, u32 len, const char *choice, u32 choice_len)
{
	return choice_len <= len && !memcmp(p, choice, choice_len) ? choice_len : 0;
}

static void read_choices(struct model *m, const struct choice *c, u32 nr)
{
	const char *p = m->peer[1].in.p;
	u32 len = m->peer[1].in_len;
	u32 i, n;

	for (i = 0; i < nr; i++) {
		n = prefix(p, len, c[i].full, c[i].full_len);
		if (!n)
			n = prefix(p, len, c[i].part, c[i].part_len);
		if (!n)
			n = prefix(p, len, c[i].raw, c[i].raw_len);
		judge(m, n, "message %u is none of what it may be: \"%.60s\"", i, p);
		p += n;
		len -= n;
	}
	judge(m, !len, "%u bytes too many", len);
}

/* Return: allocations that there were. */
static u32 without_memory(u32 nth, u32 variant)
{
	static struct choice c[3];
	struct model *m = model_new("allocation %u fails, variant %u", nth, variant);
	u32 n[3], i, cut, allocs;

	m->side[0].any = true;
	/* Signalling doors that fail have tests of their own: test_binding. */
	m->w->env.set.contact = NST_CONTACT_CONNECTION;
	m->ref->env.set.contact = NST_CONTACT_CONNECTION;
	model_open(m);
	m->w->fail_alloc = nth ? m->w->allocs + nth : 0;
	allocs = m->w->allocs;
	n[0] = text_options(text, 1);
	n[1] = text_invite(text + n[0], 2, 8);
	n[2] = text_options(text + n[0] + n[1], 3);
	for (i = 0, cut = 0; i < 3; cut += n[i++])
		choices(m, &c[i], text + cut, n[i]);
	cut = variant & 1 ? n[0] + 500 : variant & 2 ? n[0] / 2 : n[0] + n[1];
	if (variant & 8)
		cut = n[0] + n[1] + 100;
	peer_write(m, 0, text, cut);
	if (variant & 4)
		model_run(m, 50);
	peer_write(m, 0, text + cut, n[0] + n[1] + n[2] - cut);
	model_settle(m);
	read_choices(m, c, 3);
	allocs = m->w->allocs - allocs;
	judge(m, m->conn.state == NST_CONN_FOLLOWED, "opaque");
	model_end(m);
	return allocs;
}

static void test_no_memory(void **state)
{
	u32 v, nth, all;
	(void)state;

	for (v = 0; v < 16; v++) {
		all = without_memory(0, v);
		assert_true(all > 3);
		for (nth = 1; nth <= all; nth++)
			without_memory(nth, v);
	}
}

/* One in a hundred is lost or comes twice, and all are late by turns. */
static u32 bad_wire(struct model *m, struct packet *p)
{
	u32 luck = model_rand(m, 100);

	if (model_rand(m, 3) == 0)
		p->at += model_rand(m, 6);
	return luck < 4 ? 0 : luck < 7 ? 2 : 1;
}

static u32 pick(struct model *m, const u32 *from, u32 nr)
{
	return from[model_rand(m, nr)];
}

#define PICK(m, ...) \
	pick(m, (const u32[]){ __VA_ARGS__ }, sizeof((u32[]){ __VA_ARGS__ }) / sizeof(u32))

static void random_peer(struct model *m, struct peer *p)
{
	p->isn = PICK(m, 1, 0xfffffa00, 0x7ffffa00, 0xffffffff);
	p->mss = PICK(m, 1460, 1460, 536, 200, 9000);
	p->tso = PICK(m, 0, 0, 3000);
	p->wscale = PICK(m, 7, 0, 0xff, 2);
	p->ts = model_rand(m, 4);
	p->sack = model_rand(m, 4);
	p->nagle = model_rand(m, 2);
	p->delack = PICK(m, 0, 40, 5);
	p->space = PICK(m, 65536, 65536, 4000, 2500);
	p->cwnd = PICK(m, 0, 0, 3000, 500);
	p->repeat = model_rand(m, 3);
}

static u32 random_text(struct model *m, char *buf, u8 dir, u32 nr)
{
	if (dir)
		return text_answer(buf, nr, m->seed & 1 ? "10.1.1.1:50000" : "192.0.2.1");
	switch (model_rand(m, 6)) {
	case 0:
		return sprintf(buf, "\r\n\r\n");
	case 1:
		return text_message(buf, nr, model_rand(m, 1500));
	case 2:
		return text_invite(buf, nr, model_rand(m, 20));
	default:
		return text_options(buf, nr);
	}
}

/* In pieces, with pauses. */
static void random_write(struct model *m, u8 dir, const char *p, u32 len)
{
	while (len) {
		u32 n = 1 + model_rand(m, model_rand(m, 2) ? len : 60);

		n = n < len ? n : len;
		peer_write(m, dir, p, n);
		if (!model_rand(m, 3))
			model_run(m, model_rand(m, 20));
		p += n;
		len -= n;
	}
}

static void schedule(u32 seed, u32 oom)
{
	struct model *m = model_new("seed %u", seed);
	u32 nr, n;
	u8 dir;

	m->seed = seed * 2654435761u + 1;
	model_rand(m, 2);
	if (seed & 1)
		model_map(m, "192.168.122.3:40000", "203.100.113.200:50000");
	random_peer(m, &m->peer[0]);
	random_peer(m, &m->peer[1]);
	m->own_last = seed & 2;
	m->oom = oom;
	m->side[0].any = m->side[1].any = oom;
	m->w->env.set.hold_timeout = 600 * 1000;
	model_open(m);
	/* So that how the client writes itself is known, whatever comes first. */
	say(m, 0, text, text_options(text, 0));
	model_run(m, 2000);
	m->fate = bad_wire;
	m->lossy = true;
	for (nr = 1; nr < 12; nr++) {
		dir = model_rand(m, 3) == 0;
		n = random_text(m, text, dir, nr);
		expect_text(m, dir, text, n);
		random_write(m, dir, text, n);
	}
	if (!model_rand(m, 4)) {
		dir = model_rand(m, 2);
		model_settle(m);
		expect_raw(m, dir, "\x16\x03\x01 no SIP", 10);
		peer_write(m, dir, "\x16\x03\x01 no SIP", 10);
	}
	for (dir = 0; dir < 2; dir++)
		if (model_rand(m, 2))
			peer_fin(m, dir);
	model_end(m);
}

static u32 setting(const char *name, u32 def)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : def;
}

static void test_schedules(void **state)
{
	u32 seed = setting("CHAOS_SEED", 1);
	u32 end = seed + setting("CHAOS_RUNS", 4000);
	(void)state;

	for (; seed < end; seed++)
		schedule(seed, 0);
}

static void test_schedules_no_memory(void **state)
{
	u32 seed = setting("CHAOS_SEED", 1);
	u32 end = seed + setting("CHAOS_RUNS", 1000);
	(void)state;

	for (; seed < end; seed++)
		schedule(seed, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_schedules_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
