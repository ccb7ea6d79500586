// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <time.h>

#include <nf_nat_sip_tcp/env.h>

#include "check.h"

#define HEADER_MAX 16384

static const char *answer(int ret)
{
	return ret < 0 ? nst_reason_name((enum nst_reason)-ret) : ret ? "framed" : "more";
}

/* At which byte does the answer come?  check_frame() has seen that cuts don't matter. */
static int frame(const char *text, u32 len, struct sip_frame *f, u32 *decided)
{
	char *buf = guard_put(text, len);
	int ret = check_frame(f, buf, len, HEADER_MAX, 0);
	struct sip_frame step = { 0 };
	u32 n = 0;

	while (n < len && !sip_frame_scan(&step, buf, n + 1, HEADER_MAX))
		n++;
	*decided = n + 1;
	return ret;
}

struct frame_case {
	const char *text;
	int ret;
	u32 at;		/* byte that decides, counted from 1; 0: do not care */
	u32 body_len;
};

static void run_cases(const struct frame_case *c, size_t nr)
{
	struct sip_frame f;
	u32 decided;
	int ret;

	for (; nr--; c++) {
		ret = frame(c->text, (u32)strlen(c->text), &f, &decided);
		if (ret != c->ret || (c->at && ret && decided != c->at))
			fail_msg("\"%s\": %s at byte %u", c->text, answer(ret), decided);
		if (ret > 0 && f.body_len != c->body_len)
			fail_msg("\"%s\": body %u", c->text, f.body_len);
	}
}

#define NOT_SIP -NST_R_OPAQUE_START_LINE
#define NO_CLEN -NST_R_OPAQUE_NO_CLEN
#define BAD_CLEN -NST_R_OPAQUE_BAD_CLEN

static void first_bytes_tell_other_protocols(void **state)
{
	static const struct frame_case cases[] = {
		{ "\x16\x03\x01", NOT_SIP, 1, 0 },
		{ "GET / HTTP/1.1\r\n", NOT_SIP, 5, 0 },
		{ "OPTIONS * RTSP/1.0\r\n", NOT_SIP, 9, 0 },
		{ "CONNECT 10.0.0.1:443 HTTP/1.1\r\n", NOT_SIP, 9, 0 },
		{ "HTTP/1.1 200 OK\r\n", NOT_SIP, 5, 0 },
		{ "POST http://x HTTP/1.1\r\n", NOT_SIP, 24, 0 },
		{ "POST http://x SIP/2.0 HTTP/1.1\r\n", NOT_SIP, 32, 0 },
		{ "GET index.html HTTP/1.0\r\n", NOT_SIP, 15, 0 },
		{ "SSH-2.0-x\r\n", NOT_SIP, 10, 0 },
		{ "220 mail.example.net ESMTP\r\n", NOT_SIP, 21, 0 },
		{ "EHLO x\r\n", NOT_SIP, 7, 0 },
		{ "{\"json\"", NOT_SIP, 1, 0 },
		{ " INVITE sip:a@b SIP/2.0\r\n", NOT_SIP, 1, 0 },
		{ "\tINVITE", NOT_SIP, 1, 0 },
		{ "INVITE\tsip:a@b SIP/2.0", NOT_SIP, 7, 0 },
		{ "INVITE\r\n", NOT_SIP, 7, 0 },
		{ "INVITE sip:a\x01@b", NOT_SIP, 13, 0 },
		{ "INVITE sip:a@b\rSIP/2.0", NOT_SIP, 16, 0 },
		{ "INVITE sip:a@b SIP/2.0\rx", NOT_SIP, 24, 0 },
		{ "INVITE sip:a@b\r\n", NOT_SIP, 16, 0 },
		{ "INVITE sip:a@bSIP/2.0\n", NOT_SIP, 22, 0 },
		{ "INVITE sip:a@b SIP/2.0x\n", NOT_SIP, 24, 0 },
		{ "INVITE sip:a@b SIP/2\n", NOT_SIP, 21, 0 },
		{ "INVITE sip:a@b SIP\n", NOT_SIP, 19, 0 },
		{ "INVITE SIP/2.0\r\n", NOT_SIP, 11, 0 },
		{ "SIPX/2.0 200 OK\r\n", NOT_SIP, 5, 0 },
		{ "SIP/x.0 200 OK\r\n", NOT_SIP, 5, 0 },
		{ "SIP/2.0x", NOT_SIP, 8, 0 },
		{ "SIP/2.0 2x0", NOT_SIP, 10, 0 },
		{ "SIP/2.0 20 OK", NOT_SIP, 11, 0 },
		{ "SIP/2.0 200_", NOT_SIP, 12, 0 },
		{ "/", NOT_SIP, 1, 0 },
	};

	(void)state;
	run_cases(cases, ARRAY_SIZE(cases));
}

static void start_lines_that_still_may_be_sip_wait(void **state)
{
	static const struct frame_case cases[] = {
		{ "", 0, 0, 0 }, { "I", 0, 0, 0 }, { "S", 0, 0, 0 },
		{ "SIP", 0, 0, 0 }, { "SIP/", 0, 0, 0 }, { "SIP/2.0 20", 0, 0, 0 },
		{ "INVITE ", 0, 0, 0 }, { "INVITE s", 0, 0, 0 },
		{ "POST http://x HTTP/1.1\r", 0, 0, 0 },
		{ "INVITE sip:a@b SIP/2.0\r\n", 0, 0, 0 },
	};

	(void)state;
	run_cases(cases, ARRAY_SIZE(cases));
}

/* What RFC 4475 calls odd, and what it calls broken but can be framed. */
static void start_lines_of_sip_are_known(void **state)
{
#define REST "\r\nl: 7\r\n\r\n"
	static const struct frame_case cases[] = {
		{ "INVITE sip:a@b SIP/2.0" REST, 1, 0, 7 },
		{ "invite SIPS:a@b sip/2.0" REST, 1, 0, 7 },
		{ "INVITE  sip:a@b  SIP/2.0" REST, 1, 0, 7 },
		{ "INVITE sip:a@b SIP/2.0  " REST, 1, 0, 7 },
		{ "INVITE sip:a@b; lr SIP/2.0" REST, 1, 0, 7 },
		{ "INVITE <sip:a@b> SIP/2.0" REST, 1, 0, 7 },
		{ "OPTIONS sip:a@b SIP/7.0" REST, 1, 0, 7 },
		{ "OPTIONS soap.beep://192.0.2.1 SIP/2.0" REST, 1, 0, 7 },
		{ "A.!%*_+`'~-9 tel:1 SIP/2.0" REST, 1, 0, 7 },
		{ "SIP sip:a@b SIP/2.0" REST, 1, 0, 7 },
		{ "SIP/2.0 200 OK" REST, 1, 0, 7 },
		{ "sip/2.0 200 OK" REST, 1, 0, 7 },
		{ "SIP/2.0 100 " REST, 1, 0, 7 },
		{ "SIP/2.0 100" REST, 1, 0, 7 },
		{ "SIP/2.0 100\nl: 7\n\n", 1, 0, 7 },
		{ "SIP/2.0 4294967301 x" REST, 1, 0, 7 },
		{ "SIP/3.0 200 OK" REST, 1, 0, 7 },
		{ "SIP/2.0 200 \x01\xd0\xbf\r x" REST, 1, 0, 7 },
	};

	(void)state;
	run_cases(cases, ARRAY_SIZE(cases));
}

static void content_length_in_all_its_spellings(void **state)
{
#define REQ "BYE sip:a@b SIP/2.0\r\n"
	static const struct frame_case cases[] = {
		{ REQ "Content-Length: 12\r\n\r\n", 1, 0, 12 },
		{ REQ "content-length:12\r\n\r\n", 1, 0, 12 },
		{ REQ "CONTENT-LENGTH \t : \t 12 \t \r\n\r\n", 1, 0, 12 },
		{ REQ "l:12\r\n\r\n", 1, 0, 12 },
		{ REQ "L : 0012\r\n\r\n", 1, 0, 12 },
		{ REQ "Content-Length:\r\n 12\r\n\r\n", 1, 0, 12 },
		{ REQ "Content-Length:\r\n\t\r\n 12\r\n \r\n\r\n", 1, 0, 12 },
		{ REQ "Content-Length:\n 12\n\n", 1, 0, 12 },
		{ REQ "Content-Length\r\n : 12\r\n\r\n", 1, 0, 12 },
		{ REQ "l: 12\r\nContent-Length: 012\r\n\r\n", 1, 0, 12 },
		{ REQ "l: 2147483647\r\n\r\n", 1, 0, 0x7fffffff },
		{ REQ "l: 0\r\n\r\n", 1, 0, 0 },
		/* none of these is the header */
		{ REQ "Content-Length2: 12\r\nX-Content-Length: 5\r\n\r\n", NO_CLEN, 0, 0 },
		{ REQ "Subject: x\r\n Content-Length: 12\r\n\r\n", NO_CLEN, 0, 0 },
		{ REQ "Content-Length 12\r\n\r\n", NO_CLEN, 0, 0 },
		{ REQ " Content-Length: 12\r\n\r\n", NO_CLEN, 0, 0 },
		{ REQ "\r\nContent-Length: 12\r\n\r\n", NO_CLEN, 23, 0 },
		{ REQ "\r\n", NO_CLEN, 23, 0 },
		{ REQ "Subject: \"l: 12\"\r\n\r\nl: 12\r\n\r\n", NO_CLEN, 41, 0 },
	};

	(void)state;
	run_cases(cases, ARRAY_SIZE(cases));
}

static void content_length_that_is_not_one_number(void **state)
{
	static const struct frame_case cases[] = {
		{ REQ "l: -999\r\n\r\n", BAD_CLEN, 31, 0 },
		{ REQ "l: +1\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l:\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: x\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 1 2\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 1\r\n 2\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 1,1\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 0x10\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 2147483648\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 4294967296\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 18446744073709551617\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 1\r\nContent-Length: 2\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 0\r\nl: 1\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 1\r\nl: x\r\n\r\n", BAD_CLEN, 0, 0 },
		{ REQ "l: 1\rl: 1\r\n\r\n", BAD_CLEN, 0, 0 },
	};

	(void)state;
	run_cases(cases, ARRAY_SIZE(cases));
}

static void lines_end_in_crlf_or_lf_but_not_in_cr(void **state)
{
	static const struct frame_case cases[] = {
		{ "BYE sip:a@b SIP/2.0\nl: 3\n\n", 1, 26, 3 },
		{ "BYE sip:a@b SIP/2.0\r\nl: 3\n\r\n", 1, 28, 3 },
		{ "BYE sip:a@b SIP/2.0\nl: 3\r\n\n", 1, 27, 3 },
		{ REQ "l: 3\r\n\r\r\n", 0, 0, 0 },
		{ REQ "l: 3\r\n \r\n", 0, 0, 0 },
		{ REQ "s: x\r\ry\r\nl: 3\r\n\r\n", 1, 0, 3 },
	};

	(void)state;
	run_cases(cases, ARRAY_SIZE(cases));
}

/* The body is never looked at, not even for a header. */
static void the_body_is_not_searched(void **state)
{
	static const char text[] = REQ "l: 5\r\n\r\nl: 9\r\n\r\n";
	struct sip_frame f;
	u32 decided;

	(void)state;
	assert_int_equal(frame(text, sizeof(text) - 1, &f, &decided), 1);
	assert_int_equal(f.hdr_len, 29);
	assert_int_equal(f.body_len, 5);
	assert_span(text, f.clen, "5");
	assert_int_equal(f.scanned, 29);
}

/* Length of the header block exactly at, one below and one above the limit. */
static void header_max_is_exact(void **state)
{
	static const char text[] = REQ "Subject: 1234567890\r\nl: 5\r\n\r\n12345";
	u32 hdr_len = sizeof(text) - 1 - 5;
	char *buf = guard_put(text, sizeof(text) - 1);
	struct sip_frame f;

	(void)state;
	assert_int_equal(check_frame(&f, buf, sizeof(text) - 1, hdr_len, 0), 1);
	assert_int_equal(check_frame(&f, buf, sizeof(text) - 1, hdr_len - 1, 0),
			 -NST_R_OPAQUE_HEADER_SIZE);
	assert_int_equal(check_frame(&f, buf, hdr_len - 1, hdr_len, 0), 0);
	assert_int_equal(check_frame(&f, buf, hdr_len - 1, hdr_len - 1, 0),
			 -NST_R_OPAQUE_HEADER_SIZE);
	/* Within the start line, too. */
	assert_int_equal(check_frame(&f, buf, sizeof(text) - 1, 12, 0),
			 -NST_R_OPAQUE_HEADER_SIZE);
	/* What the limit hides is not judged: the answer would depend on cuts. */
	buf = guard_text(REQ "l: x\r\n\r\n");
	assert_int_equal(check_frame(&f, buf, 29, 25, 0), -NST_R_OPAQUE_HEADER_SIZE);
}

/*
 * A header block of 64 KiB, a byte at a time, as one line, as many lines and
 * as one start line: more than a linear cost would take minutes.
 */
static void cost_is_linear(void **state)
{
	static const char *const filler[] = { "x", "a:\r\n", "a:\r\n b\r\n c\r\n", "\r" };
	static const char *const head[] = {
		"BYE sip:a@b SIP/2.0\r\nx", "BYE sip:", "BYE", "SIP/2.0 200 ",
	};
	u32 max = 65535;
	struct sip_frame f;
	clock_t start;
	size_t i, j;
	char *text;
	u32 n;

	(void)state;
	text = malloc(max);
	assert_non_null(text);
	start = clock();
	for (i = 0; i < ARRAY_SIZE(head); i++)
		for (j = 0; j < ARRAY_SIZE(filler); j++) {
			memcpy(text, head[i], strlen(head[i]));
			for (n = (u32)strlen(head[i]); n < max; n++)
				text[n] = filler[j][(n - strlen(head[i])) % strlen(filler[j])];
			memset(&f, 0, sizeof(f));
			for (n = 1; n < max; n++)
				if (sip_frame_scan(&f, text, n, max))
					break;
		}
	free(text);
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
}

static void lines_are_noted_in_one_look(void **state)
{
	static const char text[] = REQ "a: b\r\n c\r\nl: 0\n\r\n";
	const u32 start = sizeof(REQ) - 1;
	const char *buf = guard_text(text);
	u32 len = sizeof(text) - 1;
	struct sip_frame f = { 0 };
	struct sip_lines lines;

	(void)state;
	assert_int_equal(sip_frame_lines(&f, buf, len, HEADER_MAX, &lines), 1);
	assert_true(sip_lines_noted(&lines));
	assert_int_equal(lines.nr, 3);
	assert_int_equal(lines.at[0], start);
	assert_int_equal(lines.at[1], start + 10);
	assert_int_equal(lines.at[2], len - 2);
	/* Known already, and in two looks: what the first has seen is not noted. */
	assert_int_equal(sip_frame_lines(&f, buf, len, HEADER_MAX, &lines), 1);
	assert_false(sip_lines_noted(&lines));
	memset(&f, 0, sizeof(f));
	assert_int_equal(sip_frame_lines(&f, buf, 3, HEADER_MAX, &lines), 0);
	assert_int_equal(sip_frame_lines(&f, buf, len, HEADER_MAX, &lines), 1);
	assert_false(sip_lines_noted(&lines));
	assert_false(sip_lines_noted(NULL));
}

static void too_many_lines_are_not_noted(void **state)
{
	char text[sizeof(REQ) + 4 * SIP_LINES_MAX + 16] = REQ;
	u32 more;

	(void)state;
	for (more = SIP_LINES_MAX - 3; more < SIP_LINES_MAX; more++) {
		u32 len = sizeof(REQ) - 1;
		struct sip_frame f = { 0 };
		struct sip_lines lines;
		u32 i;

		for (i = 0; i < more; i++, len += 3)
			memcpy(text + len, "a:\n", 3);
		memcpy(text + len, "l:0\n\n", 5);
		len += 5;
		assert_int_equal(sip_frame_lines(&f, guard_put(text, len), len, HEADER_MAX,
						 &lines), 1);
		assert_int_equal(lines.nr, more + 2);
		assert_int_equal(sip_lines_noted(&lines), more + 2 <= SIP_LINES_MAX);
	}
}

static void keep_alives_are_counted(void **state)
{
	(void)state;
	assert_int_equal(sip_frame_crlf(guard_text("\r\n\r\n"), 4), 4);
	assert_int_equal(sip_frame_crlf(guard_text("\r\n\r\nBYE"), 7), 4);
	assert_int_equal(sip_frame_crlf(guard_text("\r"), 1), 1);
	assert_int_equal(sip_frame_crlf(guard_text("BYE"), 3), 0);
	assert_int_equal(sip_frame_crlf(guard_text(""), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bytes_tell_other_protocols),
		cmocka_unit_test(start_lines_that_still_may_be_sip_wait),
		cmocka_unit_test(start_lines_of_sip_are_known),
		cmocka_unit_test(content_length_in_all_its_spellings),
		cmocka_unit_test(content_length_that_is_not_one_number),
		cmocka_unit_test(lines_end_in_crlf_or_lf_but_not_in_cr),
		cmocka_unit_test(the_body_is_not_searched),
		cmocka_unit_test(header_max_is_exact),
		cmocka_unit_test(cost_is_linear),
		cmocka_unit_test(lines_are_noted_in_one_look),
		cmocka_unit_test(too_many_lines_are_not_noted),
		cmocka_unit_test(keep_alives_are_counted),
	};

	return cmocka_run_group_tests_name("sip_frame", tests, NULL, NULL);
}
