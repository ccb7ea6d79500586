// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

static void compares_whole_texts(void **state)
{
	char *p = guard_text("Via");
	struct span s = whole("Via");

	(void)state;
	assert_true(span_is(p, s, "via"));
	assert_true(span_is(p, s, "VIA"));
	assert_false(span_is(p, s, "vi"));
	assert_false(span_is(p, s, "via2"));
	assert_true(span_is(p, span_of(3, 3), ""));
	assert_false(span_is(p, span_of(3, 3), "v"));
	/* ASCII case only: '[' and '{' are not a pair of letters. */
	assert_false(span_is("{", whole("{"), "["));
	/* A NUL in the packet does not match the end of the text. */
	assert_false(span_is("via\0", span_of(0, 4), "via"));
}

/* Whole words are looked at where there are some: no length is left out. */
static void finds_the_byte_that_differs(void **state)
{
	static const char text[] = "aBcDeFgHiJkLmNoPqRsTuVwXyZ";
	char *p;
	u32 len;
	u32 i;

	(void)state;
	for (len = 0; len < sizeof(text); len++) {
		p = guard_put(text, len);
		assert_true(span_same(p, text, len));
		for (i = 0; i < len; i++) {
			p[i] ^= 0x20;
			assert_true(span_same(p, text, len));
			p[i] ^= 0x01;
			assert_false(span_same(p, text, len));
			p[i] = text[i];
		}
	}
}

/* What stands around it is the next one up, or that with the highest bit set. */
static void finds_it_at_every_place(void **state)
{
	char text[26];
	char *p;
	u32 len;
	u32 i;

	(void)state;
	memset(text, 0x8b, sizeof(text));
	for (len = 0; len <= sizeof(text); len++) {
		p = guard_put(text, len);
		assert_int_equal(span_chr(p, span_of(0, len), '\n'), len);
		for (i = 0; i < len; i++) {
			p[i] = '\n';
			assert_int_equal(span_chr(p, span_of(0, len), '\n'), i);
			assert_int_equal(span_chr(p, span_of(i / 2, len), '\n'), i);
			assert_int_equal(span_chr(p, span_of(i + 1, len), '\n'),
					 i + 1 < len ? len : i + 1);
			p[i] = (char)(i % 2 ? 0x0b : 0x8b);
		}
	}
}

static void trims_white_space(void **state)
{
	const char *p = guard_text(" \t\r\n a b \r\n\t");

	(void)state;
	assert_span(p, span_trim(p, span_of(0, 12)), "a b");
	assert_int_equal(span_trim(p, span_of(0, 5)).len, 0);
	p = guard_text("a");
	assert_span(p, span_trim(p, whole("a")), "a");
	assert_int_equal(span_trim(p, span_of(1, 1)).len, 0);
}

static void finds_characters(void **state)
{
	const char *p = guard_text("a:b:c");

	(void)state;
	assert_int_equal(span_chr(p, span_of(0, 5), ':'), 1);
	assert_int_equal(span_chr(p, span_of(2, 5), ':'), 3);
	assert_int_equal(span_chr(p, span_of(2, 3), ':'), 3);
	assert_int_equal(span_chr(p, span_of(4, 5), ':'), 5);
	assert_int_equal(span_chr(p, span_of(5, 5), ':'), 5);
}

static void span_of_never_wraps(void **state)
{
	(void)state;
	assert_int_equal(span_of(7, 5).len, 0);
	assert_int_equal(span_of(5, 7).len, 2);
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		u32 max;
		int ret;
		u32 val;
	} cases[] = {
		{ "0", 10, 0, 0 },
		{ "10", 10, 0, 10 },
		{ "11", 10, -ERANGE, 0 },
		{ "000000000000000000000010", 10, 0, 10 },
		{ "4294967295", 0xffffffff, 0, 0xffffffff },
		{ "4294967296", 0xffffffff, -ERANGE, 0 },
		/* 2^32 + 5 and 2^64 + 5 must not come out as 5 */
		{ "4294967301", 65535, -ERANGE, 0 },
		{ "18446744073709551621", 0xffffffff, -ERANGE, 0 },
		{ "99999999999999999999999999999999", 65535, -ERANGE, 0 },
		{ "99999999999999999999999999999999x", 65535, -EINVAL, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1 ", 10, -EINVAL, 0 },
		{ "0x1", 10, -EINVAL, 0 },
	};
	u32 val;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *p = guard_text(cases[i].text);
		int ret = span_uint(p, whole(cases[i].text), cases[i].max, &val);

		if (ret != cases[i].ret || (!ret && val != cases[i].val))
			fail_msg("\"%s\": %d", cases[i].text, ret);
	}
}

static void knows_token_characters(void **state)
{
	static const char token[] = "azAZ09-.!%*_+`'~";
	static const char other[] = " \t\r\n()<>@,;:\\\"/[]?={}\x7f\x80\xff";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(token) - 1; i++)
		assert_true(is_token(token[i]));
	/* The closing NUL is none either. */
	for (i = 0; i < sizeof(other); i++)
		assert_false(is_token(other[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_whole_texts),
		cmocka_unit_test(finds_the_byte_that_differs),
		cmocka_unit_test(finds_it_at_every_place),
		cmocka_unit_test(trims_white_space),
		cmocka_unit_test(finds_characters),
		cmocka_unit_test(span_of_never_wraps),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(knows_token_characters),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
