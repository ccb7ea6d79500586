// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat: text, JSON, and what it makes of bytes of the kernel.
 */
#include "unit.h"

#include "attr.h"
#include "json.h"
#include "nearest.h"
#include "refusal.h"
#include "table.h"
#include "text.h"

/* --- output into memory --- */

struct paper {
	FILE *out;
	char *text;
	size_t len;
};

static void paper_take(struct paper *p)
{
	p->out = open_memstream(&p->text, &p->len);
	assert_non_null(p->out);
}

static const char *paper_read(struct paper *p)
{
	fflush(p->out);
	return p->text;
}

static void paper_burn(struct paper *p)
{
	fclose(p->out);
	free(p->text);
}

/* --- text --- */

static void assert_escaped(const char *bytes, size_t len, const char *wanted)
{
	struct paper p;

	paper_take(&p);
	text_escaped(p.out, bytes, len);
	assert_string_equal(paper_read(&p), wanted);
	paper_burn(&p);
}

static void test_escaped_is_one_harmless_word(void **state)
{
	(void)state;
	assert_escaped("", 0, "-");
	assert_escaped("sip:bob@192.0.2.4", 17, "sip:bob@192.0.2.4");
	assert_escaped("a b\\c", 5, "a\\x20b\\x5cc");
	assert_escaped("\x1b[2J\n\0\x7f", 7, "\\x1b[2J\\x0a\\x00\\x7f");
	assert_escaped("\xc3\xa4\x9b", 3, "\\xc3\\xa4\\x9b");
}

static void assert_addr(const char *ip, size_t len, const char *wanted)
{
	char text[TEXT_ADDR_MAX];

	text_addr(text, ip, len);
	assert_string_equal(text, wanted);
}

static void test_addresses_are_as_in_rfc_5952(void **state)
{
	(void)state;
	assert_addr("\xc0\x00\x02\x01", 4, "192.0.2.1");
	/* 4.1 no leading zeros, 4.2.1 shorten as much as possible, 4.3 lower case */
	assert_addr("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\x0a\xbc\0\1", 16,
			"2001:db8::abc:1");
	/* 4.2.2 one zero is not shortened */
	assert_addr("\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1", 16,
			"2001:db8:0:1:1:1:1:1");
	/* 4.2.3 the longest run, of equal ones the first */
	assert_addr("\x20\x01\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 16, "2001:0:0:1::1");
	assert_addr("\x20\x01\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\1", 16,
			"2001:db8::1:0:0:1");
	assert_addr("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, "::");
	assert_addr("", 0, "-");
	assert_addr("12345", 5, "-");
}

static void test_numbers_fill_their_text(void **state)
{
	static const char *const wrong[] = {
		"", " 1", "1 ", "+1", "-1", "0x1", "1k", "18446744073709551616",
	};
	uint64_t n;
	size_t i;

	(void)state;
	assert_true(text_number("0", &n) && n == 0);
	assert_true(text_number("18446744073709551615", &n) && n == UINT64_MAX);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(text_number(wrong[i], &n));
}

/* --- JSON --- */

static void assert_json_bytes(const char *bytes, size_t len, const char *wanted)
{
	struct json j = { 0 };
	struct paper p;

	paper_take(&p);
	j.out = p.out;
	json_bytes(&j, guard_put(bytes, len), len);
	assert_string_equal(paper_read(&p), wanted);
	paper_burn(&p);
}

static void test_json_strings_are_ascii(void **state)
{
	(void)state;
	assert_json_bytes("", 0, "\"\"");
	assert_json_bytes("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
	assert_json_bytes("\0\n\x1b\x7f", 4, "\"\\u0000\\u000a\\u001b\\u007f\"");
	assert_json_bytes("\xc2\x9b", 2, "\"\\u009b\"");
	assert_json_bytes("\xe2\x82\xac", 3, "\"\\u20ac\"");
	assert_json_bytes("\xf0\x9f\x93\x9e", 4, "\"\\ud83d\\udcde\"");
}

static void test_json_strings_take_no_broken_utf8(void **state)
{
	(void)state;
	assert_json_bytes("\xff" "a", 2, "\"\\ufffda\"");
	assert_json_bytes("\x80", 1, "\"\\ufffd\"");
	/* cut off, too long for what they say, a surrogate, too high */
	assert_json_bytes("\xe2\x82", 2, "\"\\ufffd\\ufffd\"");
	assert_json_bytes("\xc3(", 2, "\"\\ufffd(\"");
	assert_json_bytes("\xc0\xaf", 2, "\"\\ufffd\\ufffd\"");
	assert_json_bytes("\xe0\x80\xaf", 3, "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json_bytes("\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json_bytes("\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

static void test_json_separates_what_it_must(void **state)
{
	struct json j = { 0 };
	struct paper p;

	(void)state;
	paper_take(&p);
	j.out = p.out;
	json_open(&j, '[');
	json_open(&j, '{');
	json_key(&j, "a");
	json_uint(&j, UINT64_MAX);
	json_key(&j, "b");
	json_open(&j, '[');
	json_close(&j, ']');
	json_key(&j, "c");
	json_null(&j);
	json_close(&j, '}');
	json_open(&j, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	assert_string_equal(paper_read(&p),
			    "[\n  {\"a\": 18446744073709551615, \"b\": [], \"c\": null},\n"
			    "  {}\n]\n");
	paper_burn(&p);
}

/* --- tables --- */

/* One long cell does not push the others apart. */
#define LONG "1234567890123456789012345678901234567890123456789"

static void test_table_is_aligned(void **state)
{
	struct table t = { .columns = 3 };
	struct paper p;

	(void)state;
	table_word(&t, "NAME");
	table_word(&t, "N");
	table_word(&t, "LAST");
	table_word(&t, "x");
	table_word(&t, "12345");
	table_word(&t, "-");
	table_word(&t, "y");
	table_word(&t, LONG);
	table_word(&t, "-");
	paper_take(&p);
	table_print(&t, p.out);
	assert_string_equal(paper_read(&p), "NAME  N      LAST\nx     12345  -\n"
			    "y     " LONG "  -\n");
	paper_burn(&p);
	table_free(&t);
}

/* --- attributes --- */

/* Messages begin at a word; AddressSanitizer guards the end of this copy. */
static void *copy_of(const void *bytes, size_t len)
{
	char *copy = malloc(len + !len);

	assert_non_null(copy);
	return memcpy(copy, bytes, len);
}

static void test_attr_each_stays_inside(void **state)
{
	char bytes[32] = { 0 };
	struct nlmsghdr *msg = mnl_nlmsg_put_header(bytes);
	const struct nlattr *a = NULL;
	size_t cut, nr, len;
	char *attrs;

	(void)state;
	mnl_attr_put_u8(msg, 1, 7);
	mnl_attr_put_u32(msg, 2, 9);
	len = mnl_nlmsg_get_payload_len(msg);
	for (cut = 0; cut <= len; cut++) {
		attrs = copy_of(mnl_nlmsg_get_payload(msg), cut);
		for (nr = 0, a = NULL; (a = attr_each(attrs, cut, a)); nr++)
			attr_uint(a);
		/* The first is five bytes, with no need for the padding. */
		assert_int_equal(nr, cut == len ? 2 : cut >= 5);
		free(attrs);
	}
}

static void test_attr_table_skips_the_unknown(void **state)
{
	char bytes[64] = { 0 };
	struct nlmsghdr *msg = mnl_nlmsg_put_header(bytes);
	const struct nlattr *tb[3];

	(void)state;
	mnl_attr_put_u16(msg, 2, 80);
	mnl_attr_put_u32(msg, 999, 9);
	attr_table(mnl_nlmsg_get_payload(msg), mnl_nlmsg_get_payload_len(msg), tb, 2);
	assert_null(tb[1]);
	assert_int_equal(attr_uint(tb[2]), 80);
}

/* --- errors of the kernel --- */

struct answer {
	struct nlmsghdr head;
	struct nlmsgerr err;
	char rest[256];
};

static struct nlmsghdr *put_error(struct answer *a, int error)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(a);
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(msg, sizeof(*err));

	msg->nlmsg_type = NLMSG_ERROR;
	msg->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	err->error = -error;
	err->msg.nlmsg_len = 100;
	return msg;
}

static void test_refusal_with_everything(void **state)
{
	struct answer a = { 0 };
	struct nlmsghdr *msg = put_error(&a, ERANGE);
	struct nlattr *nest;
	struct refusal r;

	(void)state;
	mnl_attr_put_strz(msg, NLMSGERR_ATTR_MSG, "integer out of range");
	mnl_attr_put_u32(msg, NLMSGERR_ATTR_OFFS, 20);
	mnl_attr_put_u32(msg, 77, 1);
	nest = mnl_attr_nest_start(msg, NLMSGERR_ATTR_POLICY);
	mnl_attr_put_u64(msg, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 1);
	mnl_attr_put_u64(msg, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 1000);
	mnl_attr_nest_end(msg, nest);
	refusal_read(&r, msg);
	assert_int_equal(r.error, ERANGE);
	assert_string_equal(refusal_text(&r), "integer out of range");
	assert_int_equal(r.offset, 20);
	assert_true(r.has_range && r.min == 1 && r.max == 1000);
}

static void test_refusal_without_words(void **state)
{
	struct answer a = { 0 };
	struct nlmsghdr *msg = put_error(&a, EPERM);
	struct refusal r;

	(void)state;
	msg->nlmsg_flags = 0;
	refusal_read(&r, msg);
	assert_string_equal(refusal_text(&r), strerror(EPERM));
	assert_false(r.has_range || r.offset);
}

/* Without NETLINK_CAP_ACK the request comes back in front of the attributes. */
static void test_refusal_behind_the_request(void **state)
{
	struct answer a = { 0 };
	struct nlmsghdr *msg = put_error(&a, EINVAL);
	struct refusal r;

	(void)state;
	a.err.msg.nlmsg_len = sizeof(struct nlmsghdr) + 8;
	msg->nlmsg_flags = NLM_F_ACK_TLVS;
	mnl_nlmsg_put_extra_header(msg, 8);
	mnl_attr_put_strz(msg, NLMSGERR_ATTR_MSG, "no");
	refusal_read(&r, msg);
	assert_string_equal(refusal_text(&r), "no");
}

static void test_refusal_cut_anywhere(void **state)
{
	struct answer a = { 0 };
	struct nlmsghdr *msg = put_error(&a, EINVAL), *cut;
	struct refusal r;
	uint32_t len;

	(void)state;
	mnl_attr_put_str(msg, NLMSGERR_ATTR_MSG, "words without an end");
	for (len = sizeof(*msg); len <= msg->nlmsg_len; len++) {
		cut = copy_of(&a, len);
		cut->nlmsg_len = len;
		refusal_read(&r, cut);
		assert_true(r.error == 0 || r.error == EINVAL);
		free(cut);
	}
	assert_string_equal(r.text, "words without an end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escaped_is_one_harmless_word),
		cmocka_unit_test(test_addresses_are_as_in_rfc_5952),
		cmocka_unit_test(test_numbers_fill_their_text),
		cmocka_unit_test(test_json_strings_are_ascii),
		cmocka_unit_test(test_json_strings_take_no_broken_utf8),
		cmocka_unit_test(test_json_separates_what_it_must),
		cmocka_unit_test(test_table_is_aligned),
		cmocka_unit_test(test_attr_each_stays_inside),
		cmocka_unit_test(test_attr_table_skips_the_unknown),
		cmocka_unit_test(test_refusal_with_everything),
		cmocka_unit_test(test_refusal_without_words),
		cmocka_unit_test(test_refusal_behind_the_request),
		cmocka_unit_test(test_refusal_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
