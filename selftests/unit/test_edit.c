// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <nf_nat_sip_tcp/edit.h>

static struct edits e;
static char out[EDITS_TEXT_MAX + 1024];

static int fresh(void **state)
{
	(void)state;
	memset(&e, 0xa5, sizeof(e));
	edits_init(&e);
	return 0;
}

static void replace(const char *base, u32 off, u32 len, const char *text)
{
	edits_replace(&e, base, span_of(off, off + len), text, (u32)strlen(text));
}

static void expect(const char *base, const char *result)
{
	u32 n;

	assert_false(e.full);
	n = edits_render(&e, guard_text(base), (u32)strlen(base), out);
	assert_int_equal(n, (s64)strlen(base) + e.delta);
	assert_int_equal(n, strlen(result));
	assert_memory_equal(out, result, n);
}

static void nothing_changes_nothing(void **state)
{
	(void)state;
	expect("hello", "hello");
	expect("", "");
	assert_int_equal(e.delta, 0);
}

static void same_bytes_are_no_change(void **state)
{
	(void)state;
	replace("hello", 1, 3, "ell");
	assert_int_equal(e.nr, 0);
	replace("hello", 2, 0, "");
	assert_int_equal(e.nr, 0);
}

static void any_order_gives_the_same_text(void **state)
{
	static const u8 orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		fresh(state);
		for (j = 0; j < 3; j++) {
			if (orders[i][j] == 0)
				replace("one two three", 0, 3, "1");
			else if (orders[i][j] == 1)
				replace("one two three", 4, 3, "second");
			else
				replace("one two three", 8, 5, "");
		}
		expect("one two three", "1 second ");
		assert_int_equal(e.delta, -4);
	}
}

static void insertions_at_both_ends_and_beside_an_edit(void **state)
{
	(void)state;
	replace("host;lr", 4, 0, ":5060");
	replace("host;lr", 0, 4, "10.0.0.1");
	replace("host;lr", 7, 0, "!");
	expect("host;lr", "10.0.0.1:5060;lr!");
}

static void overlaps_are_refused(void **state)
{
	static const struct { u32 off, len; } cases[] = {
		{ 4, 4 }, { 2, 3 }, { 7, 3 }, { 5, 1 }, { 3, 8 }, { 5, 0 }, { 4, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		replace("0123456789abc", 4, 4, "x");
		assert_false(e.full);
		replace("0123456789abc", cases[i].off, cases[i].len, "yy");
		assert_true(e.full);
	}
}

/* They would have no order. */
static void two_insertions_at_one_place_are_refused(void **state)
{
	(void)state;
	replace("0123456789", 4, 0, "x");
	assert_false(e.full);
	replace("0123456789", 4, 0, "y");
	assert_true(e.full);
}

static void neighbours_are_no_overlap(void **state)
{
	(void)state;
	replace("0123456789", 4, 2, "x");
	replace("0123456789", 6, 2, "y");
	replace("0123456789", 2, 2, "z");
	expect("0123456789", "01zxy89");
}

static void too_many_edits_are_refused(void **state)
{
	static char text[2 * EDITS_MAX + 2];
	u32 i;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (i = 0; i < EDITS_MAX; i++)
		replace(text, 2 * i, 1, "b");
	assert_false(e.full);
	replace(text, 2 * i, 1, "b");
	assert_true(e.full);
	assert_int_equal(e.nr, EDITS_MAX);
}

static void too_much_text_is_refused(void **state)
{
	static char text[EDITS_TEXT_MAX + 2];
	char buf[4] = "abc";

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	edits_replace(&e, buf, span_of(0, 1), text, EDITS_TEXT_MAX - 1);
	assert_false(e.full);
	edits_replace(&e, buf, span_of(1, 2), "yy", 2);
	assert_true(e.full);
	fresh(state);
	edits_replace(&e, buf, span_of(0, 1), text, EDITS_TEXT_MAX + 1);
	assert_true(e.full);
	fresh(state);
	edits_replace(&e, buf, span_of(0, 1), text, EDITS_TEXT_MAX);
	assert_false(e.full);
	assert_int_equal(edits_render(&e, buf, 3, out), EDITS_TEXT_MAX + 2);
}

static void delta_of_a_part(void **state)
{
	const char *base = "head: 1\r\n\r\nbody 22 tail";

	(void)state;
	replace(base, 6, 1, "123");
	replace(base, 16, 2, "7");
	replace(base, 23, 0, "!!");
	assert_int_equal(edits_delta_within(&e, span_of(0, 11)), 2);
	assert_int_equal(edits_delta_within(&e, span_of(11, 23)), 1);
	assert_int_equal(edits_delta_within(&e, span_of(19, 23)), 2);
	assert_int_equal(e.delta, 3);
}

static void numbers(void **state)
{
	(void)state;
	edits_replace_uint(&e, "a1b2c3", span_of(1, 2), 0, 0);
	edits_replace_uint(&e, "a1b2c3", span_of(3, 4), 4294967295u, 0);
	edits_replace_uint(&e, "a1b2c3", span_of(5, 6), 42, 5);
	expect("a1b2c3", "a0b4294967295c00042");
	fresh(state);
	edits_replace_uint(&e, "5060", span_of(0, 4), 5060, 0);
	assert_int_equal(e.nr, 0);
	edits_replace_uint(&e, "x", span_of(0, 1), 7, 200);
	expect("x", "0000000007");
}

static void addresses_keep_their_brackets(void **state)
{
	static const char text[] = "[fd00::1] fd00::1 10.0.0.1";
	struct nst_addr six, four;

	(void)state;
	assert_int_equal(addr_parse("2001:db8::2", whole("2001:db8::2"), &six), 0);
	assert_int_equal(addr_parse("192.0.2.1", whole("192.0.2.1"), &four), 0);
	edits_replace_addr(&e, text, span_of(0, 9), &six);
	edits_replace_addr(&e, text, span_of(10, 17), &six);
	edits_replace_addr(&e, text, span_of(18, 26), &four);
	expect(text, "[2001:db8::2] 2001:db8::2 192.0.2.1");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_changes_nothing, fresh),
		cmocka_unit_test_setup(same_bytes_are_no_change, fresh),
		cmocka_unit_test_setup(any_order_gives_the_same_text, fresh),
		cmocka_unit_test_setup(insertions_at_both_ends_and_beside_an_edit, fresh),
		cmocka_unit_test_setup(overlaps_are_refused, fresh),
		cmocka_unit_test_setup(two_insertions_at_one_place_are_refused, fresh),
		cmocka_unit_test_setup(neighbours_are_no_overlap, fresh),
		cmocka_unit_test_setup(too_many_edits_are_refused, fresh),
		cmocka_unit_test_setup(too_much_text_is_refused, fresh),
		cmocka_unit_test_setup(delta_of_a_part, fresh),
		cmocka_unit_test_setup(numbers, fresh),
		cmocka_unit_test_setup(addresses_keep_their_brackets, fresh),
	};

	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
