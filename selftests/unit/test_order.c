// SPDX-License-Identifier: GPL-2.0-only
/* Bytes that come too early: stored once, announced, handed over in order. */
#include "unit.h"

#include <nf_nat_sip_tcp/flow.h>

#include "check.h"
#include "world.h"

#define SPACE 4000

struct fixture {
	struct world *w;
	struct nst_conn c;
	struct nst_flow *f;
	u32 base;
	char bytes[SPACE];
	bool there[SPACE];
	u64 seed;
};

static struct fixture *start(u32 base)
{
	struct fixture *x = calloc(1, sizeof(*x));
	u32 i;

	check(x);
	x->w = world_new();
	x->c.env = &x->w->env;
	x->f = &x->c.flow[0];
	x->base = base;
	x->f->rcv_nxt = base;
	x->seed = base;
	for (i = 0; i < SPACE; i++)
		x->bytes[i] = (char)(i * 31 + i / 256);
	return x;
}

static void finish(struct fixture *x)
{
	order_flush(&x->c, x->f);
	assert_int_equal(x->f->stored, 0);
	assert_int_equal(x->c.account.used, 0);
	world_free(x->w);
	free(x);
}

static u32 random_below(struct fixture *x, u32 below)
{
	x->seed = x->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(x->seed >> 33) % below;
}

static int add(struct fixture *x, u32 from, u32 len)
{
	int err = order_add(&x->c, x->f, x->base + from, x->bytes + from, len);

	if (!err)
		memset(x->there + from, true, len);
	return err;
}

/* Every run in the table is a block of the option, and the other way round. */
static void sacks_match(struct fixture *x)
{
	struct nst_emit e = { .ack = x->base };
	u32 off = 0, runs = 0, from;
	u8 i;

	order_sack(x->f, &e);
	while (off < SPACE) {
		while (off < SPACE && !x->there[off])
			off++;
		from = off;
		while (off < SPACE && x->there[off])
			off++;
		if (from == off)
			break;
		runs++;
		for (i = 0; i < e.nr_sack; i++)
			if (e.sack[i].left == x->base + from)
				assert_int_equal(e.sack[i].right, x->base + off);
	}
	assert_int_equal(e.nr_sack, runs < NST_SACK_MAX ? runs : NST_SACK_MAX);
}

/* Bytes come out in order, each once, and only those that were put in. */
static void drain(struct fixture *x)
{
	u32 off = 0, len;
	const char *p;

	while (off < SPACE) {
		x->f->rcv_nxt = x->base + off;
		len = order_next(&x->c, x->f, &p);
		assert_int_equal(!!len, x->there[off]);
		assert_memory_equal(p, x->bytes + off, len);
		off += len ? len : 1;
	}
	x->f->rcv_nxt = x->base + SPACE;
	assert_int_equal(order_next(&x->c, x->f, &p), 0);
	assert_null(x->f->order);
}

static void test_any_order(void **state)
{
	u32 seed, i;
	(void)state;

	for (seed = 1; seed < 400; seed++) {
		struct fixture *x = start(seed * 0x0f000000u + 0xfffff800u);

		for (i = random_below(x, 40); i; i--) {
			u32 from = 1 + random_below(x, SPACE - 1);
			u32 len = 1 + random_below(x, random_below(x, 3) ? 40 : 1500);

			assert_int_equal(add(x, from, len < SPACE - from ? len : SPACE - from), 0);
			sacks_match(x);
		}
		drain(x);
		finish(x);
	}
}

static void test_newest_first(void **state)
{
	struct fixture *x = start(5);
	struct nst_emit e = { .ack = 5, .has_ts = true };
	u32 i;
	(void)state;

	for (i = 1; i <= 5; i++)
		assert_int_equal(add(x, i * 100, 10), 0);
	assert_int_equal(add(x, 310, 5), 0);
	order_sack(x->f, &e);
	/* With timestamps there is room for three. */
	assert_int_equal(e.nr_sack, 3);
	assert_int_equal(e.sack[0].left, 5 + 300);
	assert_int_equal(e.sack[0].right, 5 + 315);
	assert_int_equal(e.sack[1].left, 5 + 100);
	finish(x);
}

/* What is next, but could not be taken yet, is no block behind a gap. */
static void test_next_is_no_block(void **state)
{
	struct fixture *x = start(77);
	struct nst_emit e = { .ack = 77 + 100 };
	(void)state;

	assert_int_equal(add(x, 50, 100), 0);
	assert_int_equal(add(x, 300, 10), 0);
	x->f->rcv_nxt += 100;
	order_sack(x->f, &e);
	assert_int_equal(e.nr_sack, 1);
	assert_int_equal(e.sack[0].left, 77 + 300);
	finish(x);
}

/* The first of two that contradict each other counts. */
static void test_contradiction(void **state)
{
	struct fixture *x = start(7);
	char other[SPACE];
	(void)state;

	memset(other, '?', sizeof(other));
	assert_int_equal(add(x, 100, 50), 0);
	assert_int_equal(order_add(&x->c, x->f, 7 + 90, other, 70), 0);
	memset(x->bytes + 90, '?', 10);
	memset(x->bytes + 150, '?', 10);
	memset(x->there + 90, true, 70);
	drain(x);
	finish(x);
}

static void test_limits(void **state)
{
	struct fixture *x = start(9);
	u32 from = 1;
	(void)state;

	/* What the message in front of them may need is not theirs. */
	x->w->env.set.hold_max = 2 * (x->w->env.set.header_max + x->w->env.set.body_max) + 4096;
	while (!add(x, from, 100))
		from += 101;
	assert_true(flow_memory(x->f) <= x->w->env.set.hold_max);
	assert_true(from > 500);
	drain(x);
	finish(x);
}

static void test_no_memory(void **state)
{
	struct fixture *x = start(11);
	(void)state;

	assert_int_equal(add(x, 100, 10), 0);
	x->w->fail_alloc = x->w->allocs + 1;
	assert_int_equal(order_add(&x->c, x->f, 11 + 200, x->bytes, 10), -ENOMEM);
	drain(x);
	finish(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_newest_first),
		cmocka_unit_test(test_next_is_no_block),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
