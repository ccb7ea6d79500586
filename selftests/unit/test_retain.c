// SPDX-License-Identifier: GPL-2.0-only
/* Memory of a flow: blocks that grow, change hands, and go when acknowledged. */
#include "unit.h"

#include <nf_nat_sip_tcp/flow.h>

#include "world.h"

struct fixture {
	struct world *w;
	struct nst_conn c;
	struct nst_flow f;
};

static struct fixture start(u32 seq)
{
	struct fixture x = { .w = world_new() };

	x.c.env = &x.w->env;
	x.f.rend_nxt = seq;
	return x;
}

static void finish(struct fixture *x)
{
	retain_flush(&x->c, &x->f);
	assert_null(x->f.blocks);
	assert_null(x->f.hold);
	assert_int_equal(flow_memory(&x->f), 0);
	world_free(x->w);
}

static struct nst_block *block(struct fixture *x, const char *text)
{
	struct nst_block *b = NULL;

	assert_int_equal(block_room(&x->c, &b, strlen(text)), 0);
	block_append(b, text, strlen(text));
	return b;
}

static void test_room(void **state)
{
	struct fixture x = start(0);
	struct nst_block *b = NULL;
	char want[20000];
	u32 i;
	(void)state;

	for (i = 0; i < sizeof(want); i++) {
		want[i] = (char)(i * 7);
		assert_int_equal(block_room(&x.c, &b, 1), 0);
		block_append(b, want + i, 1);
	}
	assert_int_equal(b->len, sizeof(want));
	assert_memory_equal(b->data, want, sizeof(want));
	/* Doubling: as many allocations as doublings. */
	assert_true(x.w->allocs < 12);
	x.f.hold = b;
	finish(&x);
}

static void test_room_no_memory(void **state)
{
	struct fixture x = start(0);
	struct nst_block *b;
	(void)state;

	b = block(&x, "held");
	x.w->fail_alloc = x.w->allocs + 1;
	assert_int_equal(block_room(&x.c, &b, 100000), -ENOMEM);
	assert_int_equal(b->len, 4);
	assert_memory_equal(b->data, "held", 4);
	block_free(&x.c, b);
	finish(&x);
}

static void three(struct fixture *x)
{
	retain_add(&x->f, block(x, "abc"));
	retain_add(&x->f, block(x, "defgh"));
	x->f.rend_nxt += 10;
	retain_add(&x->f, block(x, "xyz"));
}

static const u32 bases[] = { 0, 7000, 0xfffffffb, 0x7ffffffb };

/* abcdefgh at 0, ten that passed, xyz at 18 */
static void test_at(void **state)
{
	static const char all[] = "abcdefgh..........xyz";
	const char *data;
	u32 b, i;
	(void)state;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct fixture x = start(bases[b]);

		three(&x);
		assert_int_equal(x.f.rend_nxt, bases[b] + 21);
		assert_int_equal(retain_at(&x.f, bases[b] - 1, &data), 0);
		assert_int_equal(retain_at(&x.f, bases[b] + 21, &data), 0);
		for (i = 0; i < 21; i++) {
			u32 len = retain_at(&x.f, bases[b] + i, &data);

			assert_int_equal(len, i < 3 ? 3 - i : i < 8 ? 8 - i : i < 18 ? 0 : 21 - i);
			if (len)
				assert_memory_equal(data, all + i, len);
		}
		finish(&x);
	}
}

static void test_ranges(void **state)
{
	u32 b, from, to, i;
	(void)state;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct fixture x = start(bases[b]);

		three(&x);
		for (from = 0; from < 24; from++) {
			for (to = from; to < 24; to++) {
				u32 first = 99, found = 0, want = 99;
				bool overlaps;

				for (i = to; i-- > from;) {
					if (i < 8 || (i >= 18 && i < 21)) {
						want = i;
						found++;
					}
				}
				overlaps = retain_overlaps(&x.f, bases[b] + from, bases[b] + to, &first);
				assert_int_equal(overlaps, !!found);
				if (found)
					assert_int_equal(first - bases[b], want);
				assert_int_equal(retain_covers(&x.f, bases[b] + from, bases[b] + to),
						 found == to - from);
			}
		}
		finish(&x);
	}
}

static void test_prune(void **state)
{
	const char *data;
	u32 b, ack;
	(void)state;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		for (ack = 0; ack < 24; ack++) {
			struct fixture x = start(bases[b]);

			three(&x);
			retain_prune(&x.c, &x.f, bases[b] + ack);
			assert_int_equal(!!retain_at(&x.f, bases[b], &data), ack < 3);
			assert_int_equal(!!retain_at(&x.f, bases[b] + 7, &data), ack < 8);
			assert_int_equal(!!retain_at(&x.f, bases[b] + 20, &data), ack < 21);
			assert_int_equal(!x.f.last_block, ack >= 21);
			assert_int_equal(!x.f.retained, ack >= 21);
			retain_add(&x.f, block(&x, "more"));
			assert_int_equal(retain_at(&x.f, bases[b] + 21, &data), 4);
			finish(&x);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_room_no_memory),
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_prune),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
