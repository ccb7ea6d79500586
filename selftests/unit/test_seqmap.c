// SPDX-License-Identifier: GPL-2.0-only
/* Translation of sequence numbers, against a byte-by-byte table. */
#include "unit.h"

#include <nf_nat_sip_tcp/flow.h>

#include "world.h"

/* orig: 0-99 same, 100-149 -> 90 bytes, 150-199 same, 200-299 -> 0 bytes, 300-309 -> 10, same. */
static const struct seqrec shape[] = {
	{ 100, 50, 100, 90 },
	{ 200, 100, 240, 0 },
	{ 300, 10, 240, 10 },
};

struct fixture {
	struct world *w;
	struct nst_conn c;
	struct seqmap map;
	u32 base;
};

static struct fixture begin(u32 base)
{
	struct fixture x = { .w = world_new(), .base = base };

	x.c.env = &x.w->env;
	return x;
}

static void add(struct fixture *x, struct seqrec r)
{
	r.orig_seq += x->base;
	r.new_seq += x->base;
	assert_int_equal(seqmap_room(&x->c, &x->map), 0);
	seqmap_add(&x->map, &r);
}

static struct fixture start(u32 base)
{
	struct fixture x = begin(base);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shape); i++)
		add(&x, shape[i]);
	return x;
}

static void finish(struct fixture *x)
{
	seqmap_free(&x->c, &x->map);
	world_free(x->w);
}

/* What the drawing says for an orig number. */
static u32 table_new(u32 orig)
{
	if (orig < 100)
		return orig;
	if (orig < 150)
		return 100;
	if (orig < 200)
		return orig + 40;
	if (orig < 310)
		return 240;
	return orig - 60;
}

static u32 table_orig(u32 fresh)
{
	if (fresh < 100)
		return fresh;
	if (fresh < 190)
		return 100;
	if (fresh < 240)
		return fresh - 40;
	if (fresh < 250)
		return 300;
	return fresh + 60;
}

static const u32 bases[] = { 0, 1000, 0xffffff00, 0xffffff70, 0xfffffff0, 0x7fffff80 };

static void test_every_number(void **state)
{
	u32 b, i, orig;
	(void)state;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct fixture x = start(bases[b]);

		for (i = 0; i < 400; i++) {
			bool inside = (i > 100 && i < 190) || (i > 240 && i < 250);

			assert_int_equal((u32)(seqmap_to_new(&x.map, x.base + i) - x.base), table_new(i));
			assert_int_equal((u32)(seqmap_to_orig(&x.map, x.base + i) - x.base), table_orig(i));
			assert_int_equal(seqmap_edge_to_orig(&x.map, x.base + i, &orig), !inside);
		}
		assert_int_equal((s32)x.map.after, -60);
		assert_int_equal(seqmap_max_offset(&x.map), 40);
		finish(&x);
	}
}

/* Below what is acknowledged nothing is asked; above it nothing changes. */
static void test_prune(void **state)
{
	u32 b, ack, i;
	(void)state;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		for (ack = 0; ack < 300; ack++) {
			struct fixture x = start(bases[b]);

			seqmap_prune(&x.map, x.base + ack);
			for (i = ack; i < 400; i++)
				assert_int_equal((u32)(seqmap_to_orig(&x.map, x.base + i) - x.base),
						 table_orig(i));
			for (i = table_orig(ack); i < 400; i++)
				assert_int_equal((u32)(seqmap_to_new(&x.map, x.base + i) - x.base),
						 table_new(i));
			assert_int_equal(seqmap_constant(&x.map), ack >= 250);
			finish(&x);
		}
	}
}

/* The ring grows, goes round, and is full at SEQMAP_MAX. */
static void test_ring(void **state)
{
	struct fixture x = begin(0xfffffff0);
	struct seqrec r = { 0, 10, 0, 11 };
	u32 i, n, out = 0;
	(void)state;

	for (i = 0; i < 3000; i++) {
		add(&x, r);
		r.orig_seq += 10;
		r.new_seq += 11;
		n = i % 7 == 3 ? x.map.nr : i % 3;
		seqmap_prune(&x.map, x.base + 11 * (out + n));
		out += n;
		if (x.map.nr)
			assert_int_equal(seqmap_to_orig(&x.map, x.base + 11 * out), x.base + 10 * out);
		assert_int_equal(seqmap_to_new(&x.map, x.base + 10 * (i + 1)), x.base + 11 * (i + 1));
	}
	while (!seqmap_room(&x.c, &x.map)) {
		add(&x, r);
		r.orig_seq += 10;
		r.new_seq += 11;
	}
	assert_int_equal(x.map.nr, SEQMAP_MAX);
	finish(&x);
}

static void test_no_memory(void **state)
{
	struct fixture x = begin(0);
	struct seqrec r = { 0, 1, 0, 2 };
	(void)state;

	x.w->fail_alloc = x.w->allocs + 1;
	assert_int_equal(seqmap_room(&x.c, &x.map), -ENOMEM);
	assert_true(seqmap_constant(&x.map));
	add(&x, r);
	assert_int_equal(seqmap_to_new(&x.map, 1), 2);
	finish(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
