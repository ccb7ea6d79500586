// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large segments of ours are: MSS options, what the sender shows, ICMP
 * errors, time-outs; and the numbers that such an error quotes.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/flow.h>

#include "check.h"
#include "model.h"

static char text[8192];

static void test_limits(void **state)
{
	static const struct {
		u16 mss, seg_max, path_max;
		bool ts;
		u16 cut;
	} cases[] = {
		{ 1460, 1460, 0, false, 1460 },
		{ 1460, 1448, 0, true, 1448 },
		{ 1460, 1460, 0, true, 1448 },
		/* A sender of small segments does not mean them as a limit. */
		{ 1460, 20, 0, false, 536 },
		{ 8960, 1300, 0, false, 1300 },
		{ 536, 1460, 0, true, 524 },
		{ 88, 1460, 0, true, 76 },
		{ 88, 76, 0, false, 88 },
		/* Nobody means that. */
		{ 0, 1460, 0, false, 88 },
		{ 1, 1460, 0, true, 76 },
		{ 1460, 1460, 1000, false, 1000 },
		{ 1460, 600, 1000, false, 600 },
		{ 200, 1460, 1000, false, 200 },
	};
	u32 i;
	(void)state;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nst_flow f = {
			.mss = cases[i].mss, .seg_max = cases[i].seg_max,
			.path_max = cases[i].path_max, .has_ts = cases[i].ts,
		};

		if (path_cut(&f) != cases[i].cut)
			fail_msg("case %u: %u", i, path_cut(&f));
	}
}

/* A sender that learned of a small path shows when it is larger again. */
static void test_sender_knows_better(void **state)
{
	struct nst_flow f = { .mss = 1460, .seg_max = 1460, .path_max = 1000, .path_seq = 5000 };
	struct nst_segment seg = { .seq = 4999, .seg_size = 1460 };
	(void)state;

	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 1000);
	seg.seq = 5000;
	seg.seg_size = 1000;
	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 1000);
	seg.seg_size = 1200;
	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 1200);
	/* Late, from before; and then something new. */
	f.rcv_nxt = 6200;
	seg.seg_size = 1400;
	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 1200);
	seg.seq = 6200;
	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 1400);
}

/* Of a path that takes less than any should it does not know more than it shows. */
static void test_sender_knows_little_better(void **state)
{
	struct nst_flow f = { .mss = 1460, .seg_max = 1460, .path_max = 480, .path_seq = 5000 };
	struct nst_segment seg = { .seq = 5000, .seg_size = 500 };
	(void)state;

	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 500);
	seg.seg_size = 536;
	path_seen(&f, &seg);
	assert_int_equal(path_cut(&f), 536);
}

/* It did not hear of the first error, or did not believe it. */
static void test_told_again(void **state)
{
	struct nst_icmp e = { .too_big = true, .mss = 600, .seq = 500 };
	static struct nst_env env;
	static struct nst_conn c = { .env = &env };
	struct nst_flow *f = &c.flow[0];
	struct nst_segment seg = { .seq = 5500, .seg_size = 1200 };
	static struct nst_out out;
	(void)state;

	*f = (struct nst_flow){ .mss = 1460, .seg_max = 1460, .path_max = 600, .path_seq = 5000,
				.snd_una = 400, .snd_nxt = 600, .adv_edge = 6000, .seen = true };
	c.flow[1].seen = true;
	step_icmp(&c, &e, 1, &out);
	assert_int_equal(out.nr_emit, 0);
	path_seen(f, &seg);
	assert_int_equal(path_cut(f), 600);
	seg.seq = 6000;
	path_seen(f, &seg);
	assert_int_equal(path_cut(f), 1200);
}

static void ignore_count(struct nst_env *env, enum nst_reason reason)
{
	(void)env;
	(void)reason;
}

static const struct nst_ops silent = { .count = ignore_count };

/* Nothing goes out any more that could be smaller. */
static void test_told_when_given_up(void **state)
{
	struct nst_icmp e = { .too_big = true, .mss = 600, .seq = 500 };
	static struct nst_env env;
	static struct nst_conn c = { .env = &env, .gone = true };
	struct nst_flow *f = &c.flow[0];
	static struct nst_out out;
	(void)state;

	*f = (struct nst_flow){ .mss = 1460, .seg_max = 1460, .path_max = 900,
				.snd_una = 400, .snd_nxt = 600, .adv_edge = 6000, .seen = true };
	c.flow[1].seen = true;
	c.env->ops = &silent;
	step_icmp(&c, &e, 1, &out);
	assert_int_equal(path_cut(f), 900);
}

static void no_count(struct nst_env *env, enum nst_reason reason)
{
	(void)env;
	fail_msg("%s", nst_reason_name(reason));
}

/* Its packets are not looked at: what it has under way is not known, nor stale. */
static void test_told_of_a_plain_one(void **state)
{
	static const struct nst_ops ops = { .count = no_count };
	struct nst_icmp e = { .too_big = true, .mss = 600, .seq = 1000600, .ack = 5 };
	struct nst_env env = { .ops = &ops };
	static struct nst_conn c;
	static struct nst_out out;
	(void)state;

	c.env = &env;
	c.state = NST_CONN_OPAQUE;
	c.flow[0] = (struct nst_flow){ .mss = 1460, .snd_una = 400, .snd_nxt = 600,
				       .rend_nxt = 600, .seen = true };
	c.flow[1].seen = true;
	step_icmp(&c, &e, 1, &out);
	assert_int_equal(e.seq, 1000600);
	assert_int_equal(e.ack, 5);
	assert_int_equal(out.nr_emit, 0);
}

/* --- through a connection ------------------------------------------------- */

static struct {
	u16 max;		/* payload that the path takes */
	bool silent;		/* and says nothing where it does not */
	u32 dropped;
	bool pending;
	struct nst_icmp e;
} narrow;

static u32 narrow_wire(struct model *m, struct packet *p)
{
	(void)m;
	if (p->hop != 1 || p->s.dir != 0 || p->s.len <= narrow.max)
		return 1;
	narrow.dropped++;
	narrow.pending = !narrow.silent;
	narrow.e = (struct nst_icmp){
		.dir = 0, .too_big = true, .mss = narrow.max + (p->s.has_ts ? 12 : 0),
		.seq = p->s.seq, .ack = p->s.ack,
	};
	return 0;
}

static struct model *start(const char *name, u32 variant, u16 max)
{
	struct model *m = model_new("%s %u", name, variant);

	memset(&narrow, 0, sizeof(narrow));
	narrow.max = max;
	model_map(m, "192.168.122.3:40000",
		  variant & 1 ? "203.100.113.200:50000" : "10.1.1.1:50000");
	m->own_last = variant & 2;
	m->fate = narrow_wire;
	m->peer[0].mss = 1460;
	m->peer[1].mss = 1460;
	return m;
}

/* As the error is seen by the gateway, and by the sender behind it. */
static void errors_arrive(struct model *m)
{
	u32 i;

	for (i = 0; i < 400 && !narrow.dropped; i++)
		model_run(m, 1);
	for (i = 0; i < 400; i++) {
		if (narrow.pending) {
			narrow.pending = false;
			gateway_icmp(m, &narrow.e);
			m->peer[0].mss = narrow.max;
		}
		model_run(m, 1);
	}
}

/* An own segment that does not fit is repeated at once, smaller. */
static void test_too_big(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("too big", v, 900);

		m->peer[0].nagle = true;
		m->peer[0].repeat = REPEAT_JOINED;
		m->peer[1].delack = v & 1 ? 40 : 0;
		model_open(m);
		n = text_invite(text, 1, 45);
		n += text_invite(text + n, 2, 20);
		say(m, 0, text, n);
		errors_arrive(m);
		judge(m, narrow.dropped, "nothing was too big");
		judge(m, m->conn.flow[0].path_max == 900, "path_max %u", m->conn.flow[0].path_max);
		judge(m, m->w->count[NST_R_ICMP_CUT] == 1, "%llu cuts",
		      (unsigned long long)m->w->count[NST_R_ICMP_CUT]);
		narrow.dropped = 0;
		model_settle(m);
		judge(m, !narrow.dropped, "too big once more");
		judge(m, m->w->count[NST_R_CUT_HALVED] == 0, "guessed");
		/* What was lost, and not a time-out later. */
		judge(m, m->w->count[NST_R_EMIT_RESENT] == 3 && !m->peer[0].rtos,
		      "%llu times sent again", (unsigned long long)m->w->count[NST_R_EMIT_RESENT]);
		model_end(m);
	}
}

/* A router of old says no size (RFC 1191 5): half of it, and half of that. */
static void test_too_big_without_size(void **state)
{
	struct model *m = start("no size", 1, 900);
	u32 n = text_invite(text, 1, 45);
	struct nst_icmp e;
	(void)state;

	model_open(m);
	say(m, 0, text, n);
	model_run(m, 20);
	judge(m, narrow.dropped, "nothing was too big");
	e = narrow.e;
	e.mss = 0;
	gateway_icmp(m, &e);
	judge(m, m->conn.flow[0].path_max == 724, "path_max %u", m->conn.flow[0].path_max);
	m->peer[0].mss = 700;
	model_end(m);
}

/* The quoted header is as long as the MTU: the sender of such a one is a liar. */
static void test_too_big_for_nothing(void **state)
{
	u16 mss[] = { 1, 12, 20, 99 };
	u32 i, n;
	(void)state;

	for (i = 0; i < ARRAY_SIZE(mss); i++) {
		struct model *m = start("for nothing", i, 1460);
		struct nst_icmp e = { .dir = 0, .too_big = true, .mss = mss[i] };

		n = text_invite(text, 1, 45);
		model_open(m);
		say(m, 0, text, n);
		model_run(m, 1);
		e.seq = m->conn.flow[0].snd_una;
		judge(m, e.seq != m->conn.flow[0].snd_nxt, "nothing is under way");
		gateway_icmp(m, &e);
		judge(m, m->conn.flow[0].path_max >= 87, "path_max %u", m->conn.flow[0].path_max);
		model_free(m);
	}
}

/* Somebody in between drops what is large, and is silent. */
static void test_black_hole(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("black hole", v, v & 1 ? 1000 : 540);

		narrow.silent = true;
		m->peer[0].nagle = true;
		m->peer[0].repeat = REPEAT_JOINED;
		model_open(m);
		n = text_invite(text, 1, 45);
		say(m, 0, text, n);
		model_run(m, 60 * 1000);
		judge(m, narrow.dropped, "nothing was too big");
		judge(m, m->w->count[NST_R_CUT_HALVED] == (v & 1 ? 1 : 2), "%llu times halved",
		      (unsigned long long)m->w->count[NST_R_CUT_HALVED]);
		judge(m, m->conn.flow[0].path_max == (v & 1 ? 724 : 536), "path_max %u",
		      m->conn.flow[0].path_max);
		model_end(m);
	}
}

/* Neither what was acknowledged nor what was never sent can be too big. */
static void test_forged(void **state)
{
	struct model *m = start("forged", 1, 65535);
	static const s32 off[] = { -1000000, -1, 0, 1, 1000000 };
	const struct nst_flow *f = &m->conn.flow[0];
	u32 i;
	(void)state;

	model_open(m);
	say(m, 0, text, text_invite(text, 1, 3));
	model_settle(m);
	for (i = 0; i < ARRAY_SIZE(off); i++) {
		struct nst_icmp e = { .too_big = true, .mss = 100, .seq = f->snd_nxt + off[i] };

		gateway_icmp(m, &e);
		judge(m, !f->path_max && m->w->count[NST_R_ICMP_STALE] == i + 1,
		      "taken: %d", off[i]);
	}
	model_end(m);
}

/* What is on its way may lower it, once. */
static void test_first_and_last_byte(void **state)
{
	u32 v;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("edge", v, 65535);
		struct nst_flow *f = &m->conn.flow[0];
		struct nst_icmp e = { .too_big = true, .mss = 1012 };

		m->delay = 50;
		model_open(m);
		say(m, 0, text, text_invite(text, 1, 3));
		for (; f->snd_nxt == f->snd_una;)
			model_run(m, 1);
		e.seq = v & 1 ? f->snd_nxt - 1 : f->snd_una;
		f->seg_max = 1460;
		gateway_icmp(m, &e);
		judge(m, f->path_max == 1000, "path_max %u", f->path_max);
		/* Larger than what it is: nothing to learn. */
		e.mss = 1200;
		e.seq = f->snd_una;
		gateway_icmp(m, &e);
		judge(m, f->path_max == 1000, "path_max %u", f->path_max);
		judge(m, m->w->count[NST_R_ICMP_CUT] == 1, "count");
		model_end(m);
	}
}

/* The sender gets its own numbers to read. */
static void test_numbers(void **state)
{
	struct model *m = start("numbers", 1, 65535);
	const struct nst_flow *f = &m->conn.flow[0];
	u32 n = text_options(text, 1);
	struct nst_icmp e;
	u32 orig, fresh;
	(void)state;

	m->delay = 50;
	model_open(m);
	orig = f->rcv_nxt;
	fresh = f->snd_nxt;
	say(m, 0, text, n);
	for (; f->snd_nxt == f->snd_una;)
		model_run(m, 1);
	judge(m, f->map.after, "not changed");
	e = (struct nst_icmp){ .seq = fresh, .ack = m->conn.flow[1].isn + 1 };
	gateway_icmp(m, &e);
	judge(m, e.seq == orig && e.ack == m->conn.flow[1].isn + 1, "first byte");
	e.seq = f->snd_nxt;
	gateway_icmp(m, &e);
	judge(m, e.seq == orig + n, "next byte");
	e.seq = fresh + 40;
	gateway_icmp(m, &e);
	judge(m, !seq_before(e.seq, orig) && seq_before(e.seq, orig + n), "in the message");
	model_settle(m);
	/* Other numbers in the other direction: there is an offset to add now. */
	e = (struct nst_icmp){ .dir = 1, .seq = m->conn.flow[1].snd_nxt, .ack = orig + n };
	gateway_icmp(m, &e);
	judge(m, e.seq == m->conn.flow[1].rcv_nxt && e.ack == f->snd_nxt, "ack %u", e.ack - f->isn);
	model_end(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sender_knows_better),
		cmocka_unit_test(test_sender_knows_little_better),
		cmocka_unit_test(test_told_again),
		cmocka_unit_test(test_told_when_given_up),
		cmocka_unit_test(test_told_of_a_plain_one),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_too_big_without_size),
		cmocka_unit_test(test_too_big_for_nothing),
		cmocka_unit_test(test_black_hole),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_first_and_last_byte),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
