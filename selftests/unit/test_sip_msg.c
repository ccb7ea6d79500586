// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>

#include "unit.h"

#include "check.h"
#include "corpus.h"

static struct sip_msg msg;

/* The message in @text, header block and body told apart as framing does. */
static int parse(const char *text, char **base)
{
	u32 len = (u32)strlen(text);

	*base = guard_put(text, len);
	return check_msg(&msg, *base, header_end(*base, len), len);
}

#define VIA "Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK-1\r\n"
#define FROM "From: <sip:a@b>;tag=f1\r\n"
#define TO "To: <sip:c@d>\r\n"
#define CALL_ID "Call-ID: 1@b\r\n"
#define CSEQ "CSeq: 7 BYE\r\n"
#define BYE_LINE "BYE sip:c@d SIP/2.0\r\n"
/* All that tracking needs. */
#define ALL "" VIA FROM TO CALL_ID CSEQ

static void reads_a_request(void **state)
{
	struct corpus_file f = corpus_read("invite.sip");
	char *p = guard_put(f.data, f.len);

	(void)state;
	assert_int_equal(f.len, 509);
	assert_int_equal(check_msg(&msg, p, 376, 509), 0);
	assert_true(msg.is_request);
	assert_int_equal(msg.method, SIP_INVITE);
	assert_span(p, msg.method_text, "INVITE");
	assert_span(p, msg.uri, "sip:service@203.0.113.20:5060");
	assert_int_equal(msg.cseq, 1);
	assert_span(p, msg.call_id, "1-4711@192.168.122.3");
	assert_span(p, msg.from_tag, "4711a1");
	assert_int_equal(msg.to_tag.len, 0);
	assert_span(p, msg.branch, "z9hG4bK-phone1-4711-1a");
	assert_span(p, msg.content_type, "application/sdp");
	assert_int_equal(msg.body.off, 376);
	assert_int_equal(msg.body.len, 133);
	assert_false(msg.encoded);
	assert_int_equal(msg.nr, 8);
	corpus_file_free(&f);
}

static void reads_a_response(void **state)
{
	struct corpus_file f = corpus_read("unauthorized-401-bye.sip");
	char *p = guard_put(f.data, f.len);

	(void)state;
	assert_int_equal(check_msg(&msg, p, (u32)f.len, (u32)f.len), 0);
	assert_false(msg.is_request);
	assert_int_equal(msg.status, 401);
	assert_int_equal(msg.method, SIP_BYE);
	assert_span(p, msg.method_text, "BYE");
	assert_int_equal(msg.cseq, 2);
	assert_span(p, msg.to_tag, "5922b2");
	corpus_file_free(&f);
}

static void folding_belongs_to_its_header(void **state)
{
	struct corpus_file f = corpus_read("invite-folded.sip");
	char *p = guard_put(f.data, f.len);
	const struct sip_header *h;

	(void)state;
	assert_int_equal(check_msg(&msg, p, header_end(p, (u32)f.len), (u32)f.len), 0);
	assert_span(p, msg.branch, "z9hG4bK-f1");
	assert_span(p, msg.from_tag, "f1");
	assert_span(p, msg.call_id, "f-1@192.168.122.3");
	assert_int_equal(msg.cseq, 1);
	h = sip_msg_header(&msg, SIP_HDR_FROM, 0);
	assert_non_null(h);
	assert_span(p, h->value,
		    "\"A \\\"quoted\\\" name, with sip:phone9@192.168.122.9 in it\"\r\n"
		    " <sip:phone1@192.168.122.3>\r\n ; tag\r\n = f1");
	h = sip_msg_header(&msg, SIP_HDR_TO, 0);
	assert_span(p, h->name, "TO");
	h = sip_msg_header(&msg, SIP_HDR_CONTENT_LENGTH, 0);
	assert_span(p, h->value, "0133");
	corpus_file_free(&f);
}

static void compact_names_are_the_same_headers(void **state)
{
	static const u8 ids[] = {
		SIP_HDR_VIA, SIP_HDR_FROM, SIP_HDR_TO, SIP_HDR_CALL_ID, SIP_HDR_CSEQ,
		SIP_HDR_CONTACT, SIP_HDR_SESSION_EXPIRES, SIP_HDR_CONTENT_TYPE,
		SIP_HDR_CONTENT_ENCODING, SIP_HDR_IDENTITY, SIP_HDR_CONTENT_LENGTH,
	};
	size_t i;
	char *p;

	(void)state;
	assert_int_equal(parse("BYE sip:c@d SIP/2.0\r\n"
			       "v:SIP/2.0/TCP h\r\nF:<sip:a@b>\r\nt:<sip:c@d>\r\n"
			       "I:1\r\nCSEQ:7 BYE\r\nm:<sip:a@b>\r\nX:90\r\nc:a/b\r\n"
			       "e:gzip\r\ny:sig\r\nl:0\r\n\r\n", &p), 0);
	assert_int_equal(msg.nr, ARRAY_SIZE(ids));
	for (i = 0; i < msg.nr; i++)
		assert_int_equal(msg.headers[i].id, ids[i]);
	assert_true(msg.encoded);
}

static void names_match_whole(void **state)
{
	char *p;

	(void)state;
	assert_int_equal(parse(BYE_LINE "Via2: x\r\nXVia: x\r\nContact-X: x\r\nConta: x\r\n"
			       "a: x\r\nno colon\r\n: x\r\n@Via: x\r\n" ALL "\r\n", &p), 0);
	assert_int_equal(msg.nr, 5);
	/* Who unfolds first sees this one, too. */
	assert_int_equal(parse(BYE_LINE ALL "Expires\r\n : 7\r\n\r\n", &p), 0);
	assert_int_equal(msg.nr, 6);
}

static void routes_and_expiries_are_recorded_in_order(void **state)
{
	const struct sip_header *h;
	char *p;

	(void)state;
	assert_int_equal(parse(BYE_LINE ALL "Route: <sip:r1>\r\nRecord-Route: <sip:rr>\r\n"
			       "ROUTE: <sip:r2>\r\nExpires: 60\r\nMax-Forwards: 7\r\n\r\n", &p), 0);
	h = sip_msg_header(&msg, SIP_HDR_ROUTE, 0);
	assert_span(p, h->value, "<sip:r1>");
	h = sip_msg_header(&msg, SIP_HDR_ROUTE, (u16)(h - msg.headers + 1));
	assert_span(p, h->value, "<sip:r2>");
	assert_null(sip_msg_header(&msg, SIP_HDR_ROUTE, (u16)(h - msg.headers + 1)));
	assert_non_null(sip_msg_header(&msg, SIP_HDR_RECORD_ROUTE, 0));
	assert_non_null(sip_msg_header(&msg, SIP_HDR_EXPIRES, 0));
	assert_int_equal(msg.nr, 9);
}

static void methods_are_case_sensitive(void **state)
{
	static const struct {
		const char *name;
		enum sip_method method;
	} cases[] = {
		{ "INVITE", SIP_INVITE }, { "ACK", SIP_ACK }, { "BYE", SIP_BYE },
		{ "CANCEL", SIP_CANCEL }, { "OPTIONS", SIP_OPTIONS },
		{ "REGISTER", SIP_REGISTER }, { "PRACK", SIP_PRACK },
		{ "UPDATE", SIP_UPDATE }, { "INFO", SIP_INFO },
		{ "SUBSCRIBE", SIP_SUBSCRIBE }, { "NOTIFY", SIP_NOTIFY },
		{ "REFER", SIP_REFER }, { "MESSAGE", SIP_MESSAGE },
		{ "PUBLISH", SIP_PUBLISH }, { "SERVICE", SIP_SERVICE },
		{ "invite", SIP_METHOD_OTHER }, { "INVITEX", SIP_METHOD_OTHER },
		{ "INVIT", SIP_METHOD_OTHER }, { "!odd'~", SIP_METHOD_OTHER },
	};
	char text[512];
	size_t i;
	char *p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s sip:c@d SIP/2.0\r\n" VIA FROM TO CALL_ID
			 "CSeq: 1 %s\r\n\r\n", cases[i].name, cases[i].name);
		assert_int_equal(parse(text, &p), 0);
		assert_int_equal(msg.method, cases[i].method);
		snprintf(text, sizeof(text), "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID
			 "CSeq: 1 %s\r\n\r\n", cases[i].name);
		assert_int_equal(parse(text, &p), 0);
		assert_int_equal(msg.method, cases[i].method);
	}
}

static void start_lines(void **state)
{
	static const struct {
		const char *line;
		int ret;
		u16 status;
	} cases[] = {
		{ "BYE sip:c@d SIP/2.0", 0, 0 },
		{ "BYE sip:c@d sip/2.0", 0, 0 },
		{ "BYE  sip:c@d   SIP/2.0 \t", 0, 0 },
		{ "BYE tel:+49 SIP/2.0", 0, 0 },
		{ "BYE sip:c@d SIP/7.0", -EINVAL, 0 },
		{ "BYE sip:c@d SIP/2.00", -EINVAL, 0 },
		{ "BYE sip:c@d; lr SIP/2.0", -EINVAL, 0 },
		{ "BYE <sip:c@d> SIP/2.0", -EINVAL, 0 },
		{ "BYE SIP/2.0", -EINVAL, 0 },
		{ "BYE", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "sip/2.0 100", 0, 100 },
		{ "SIP/2.0 200 OK", 0, 200 },
		{ "SIP/2.0 699 ", 0, 699 },
		{ "SIP/2.0 700 x", -EINVAL, 0 },
		{ "SIP/2.0 099 x", -EINVAL, 0 },
		{ "SIP/2.0 4294967301 x", -EINVAL, 0 },
		{ "SIP/2.0 2000 x", -EINVAL, 0 },
		{ "SIP/2.0 20 x", -EINVAL, 0 },
		{ "SIP/2.0 ", -EINVAL, 0 },
		{ "SIP/3.0 200 OK", -EINVAL, 0 },
	};
	char text[512];
	size_t i;
	char *p;
	u32 n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s\r\n" ALL "\r\n", cases[i].line);
		p = guard_text(text);
		n = (u32)strlen(text);
		if (check_msg(&msg, p, n, n) != cases[i].ret)
			fail_msg("\"%s\"", cases[i].line);
		if (!cases[i].ret)
			assert_int_equal(msg.status, cases[i].status);
	}
}

static void what_tracking_needs_must_be_there_once_and_whole(void **state)
{
	static const char *const broken[] = {
		FROM TO CALL_ID CSEQ, VIA TO CALL_ID CSEQ, VIA FROM CALL_ID CSEQ,
		VIA FROM TO CSEQ, VIA FROM TO CALL_ID,
		ALL FROM, ALL TO, ALL CALL_ID, ALL CSEQ,
		VIA FROM TO CALL_ID "CSeq: BYE\r\n",
		VIA FROM TO CALL_ID "CSeq: 7\r\n",
		VIA FROM TO CALL_ID "CSeq: 7BYE\r\n",
		VIA FROM TO CALL_ID "CSeq: 7 BYE x\r\n",
		VIA FROM TO CALL_ID "CSeq: 7 ACK\r\n",
		VIA FROM TO CALL_ID "CSeq: 7 bye\r\n",
		VIA FROM TO CALL_ID "CSeq: 4294967296 BYE\r\n",
		VIA FROM TO "Call-ID:\r\n" CSEQ,
		VIA FROM "To: *\r\n" CALL_ID CSEQ,
		VIA FROM "To:\r\n" CALL_ID CSEQ,
		VIA FROM "To: <sip:c@d>, <sip:e@f>\r\n" CALL_ID CSEQ,
		VIA "From: \"x <sip:a@b>\r\n" TO CALL_ID CSEQ,
		"Via: SIP/2.0/TCP\r\n" FROM TO CALL_ID CSEQ,
		"Via:\r\n" FROM TO CALL_ID CSEQ,
	};
	char text[1024];
	size_t i;
	char *p;

	(void)state;
	assert_int_equal(parse(BYE_LINE ALL "\r\n", &p), 0);
	for (i = 0; i < ARRAY_SIZE(broken); i++) {
		snprintf(text, sizeof(text), BYE_LINE "%s\r\n", broken[i]);
		if (parse(text, &p) != -EINVAL)
			fail_msg("%s", text);
	}
	/* A response has no other word for its method. */
	assert_int_equal(parse("SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID
			       "CSeq: 7 BYE x\r\n\r\n", &p), -EINVAL);
	/* More than one Via is the rule; the topmost one counts. */
	assert_int_equal(parse(BYE_LINE ALL "Via: broken\r\n\r\n", &p), 0);
	assert_span(p, msg.branch, "z9hG4bK-1");
}

static void headers_that_matter_have_a_limit(void **state)
{
	static char text[32 * 1024];
	size_t n;
	char *p;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int room = SIP_HEADERS_MAX - 5 + i;

		n = (size_t)snprintf(text, sizeof(text), BYE_LINE ALL);
		while (room--)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "Max-Forwards: 7\r\nRoute: <sip:h>\r\n");
		snprintf(text + n, sizeof(text) - n, "\r\n");
		assert_int_equal(parse(text, &p), i ? -E2BIG : 0);
	}
	assert_int_equal(msg.nr, SIP_HEADERS_MAX);
}

/* Header text in the body is a body, also where the message is cut short. */
static void the_header_block_is_the_bound(void **state)
{
	static const char text[] = BYE_LINE VIA FROM TO CALL_ID "\r\n" CSEQ "\r\n";
	struct corpus_file f = corpus_read("message-with-register.sip");
	char *p = guard_put(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(check_msg(&msg, p, header_end(p, sizeof(text) - 1),
				   sizeof(text) - 1), -EINVAL);
	p = guard_put(f.data, f.len);
	assert_int_equal(check_msg(&msg, p, header_end(p, (u32)f.len), (u32)f.len), 0);
	assert_int_equal(msg.method, SIP_MESSAGE);
	assert_null(sip_msg_header(&msg, SIP_HDR_CONTACT, 0));
	corpus_file_free(&f);
}

static void encodings(void **state)
{
	char *p;

	(void)state;
	assert_int_equal(parse(BYE_LINE ALL "Content-Encoding: identity\r\n\r\n", &p), 0);
	assert_false(msg.encoded);
	assert_int_equal(parse(BYE_LINE ALL "Content-Encoding:\r\n\r\n", &p), 0);
	assert_false(msg.encoded);
	assert_int_equal(parse(BYE_LINE ALL "Content-Encoding: identity\r\n"
			       "e: GZIP\r\n\r\n", &p), 0);
	assert_true(msg.encoded);
}

/* What @line is, read in three cases; -1 where it is no header. */
static int id_of(const char *format, const char *name)
{
	struct sip_header h;
	char line[64];
	int id[3];
	char *p;
	int i;
	int j;

	for (i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), format, name);
		for (j = 0; line[j] && i; j++)
			line[j] = (char)(i == 1 ? toupper(line[j]) : tolower(line[j]));
		p = guard_text(line);
		id[i] = sip_header_split(p, whole(line), &h) ? h.id : -1;
		assert_int_equal(sip_header_known(p, whole(line), &h), id[i] > SIP_HDR_OTHER);
	}
	assert_int_equal(id[0], id[1]);
	assert_int_equal(id[0], id[2]);
	return id[0];
}

static void every_name_is_known(void **state)
{
	static const struct {
		const char *name;
		const char *compact;
		int id;
	} names[] = {
		{ "Via", "v", SIP_HDR_VIA }, { "From", "f", SIP_HDR_FROM },
		{ "To", "t", SIP_HDR_TO }, { "Contact", "m", SIP_HDR_CONTACT },
		{ "Route", NULL, SIP_HDR_ROUTE },
		{ "Record-Route", NULL, SIP_HDR_RECORD_ROUTE },
		{ "Call-ID", "i", SIP_HDR_CALL_ID }, { "CSeq", NULL, SIP_HDR_CSEQ },
		{ "Content-Length", "l", SIP_HDR_CONTENT_LENGTH },
		{ "Content-Type", "c", SIP_HDR_CONTENT_TYPE },
		{ "Content-Encoding", "e", SIP_HDR_CONTENT_ENCODING },
		{ "Expires", NULL, SIP_HDR_EXPIRES },
		{ "Session-Expires", "x", SIP_HDR_SESSION_EXPIRES },
		{ "Identity", "y", SIP_HDR_IDENTITY }, { "Path", NULL, SIP_HDR_PATH },
		{ "Service-Route", NULL, SIP_HDR_SERVICE_ROUTE },
		{ "Refer-To", "r", SIP_HDR_REFER_TO },
		{ "Referred-By", "b", SIP_HDR_REFERRED_BY },
		{ "P-Asserted-Identity", NULL, SIP_HDR_ASSERTED_IDENTITY },
		{ "P-Preferred-Identity", NULL, SIP_HDR_PREFERRED_IDENTITY },
		{ "Diversion", NULL, SIP_HDR_DIVERSION },
		{ "Call-Info", NULL, SIP_HDR_CALL_INFO },
		{ "Alert-Info", NULL, SIP_HDR_ALERT_INFO },
		{ "Content-Disposition", NULL, SIP_HDR_CONTENT_DISPOSITION },
		{ "Content-Transfer-Encoding", NULL, SIP_HDR_TRANSFER_ENCODING },
	};
	u32 i;

	(void)state;
	/* Each id but that of the others has a name. */
	assert_int_equal(ARRAY_SIZE(names), SIP_HDR_TRANSFER_ENCODING);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(id_of("%s:", names[i].name), names[i].id);
		assert_int_equal(id_of("%s \t: x\r\n", names[i].name), names[i].id);
		assert_int_equal(id_of("%s2: x", names[i].name), SIP_HDR_OTHER);
		assert_int_equal(id_of("%s x: x", names[i].name), -1);
		assert_int_equal(id_of("%s", names[i].name), -1);
		if (names[i].compact)
			assert_int_equal(id_of("%s: x", names[i].compact), names[i].id);
	}
	assert_int_equal(id_of("%s: x", "z"), SIP_HDR_OTHER);
	assert_int_equal(id_of("%s: x", "1"), SIP_HDR_OTHER);
	assert_int_equal(id_of("%s: x", ""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_request),
		cmocka_unit_test(reads_a_response),
		cmocka_unit_test(folding_belongs_to_its_header),
		cmocka_unit_test(compact_names_are_the_same_headers),
		cmocka_unit_test(names_match_whole),
		cmocka_unit_test(every_name_is_known),
		cmocka_unit_test(routes_and_expiries_are_recorded_in_order),
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(start_lines),
		cmocka_unit_test(what_tracking_needs_must_be_there_once_and_whole),
		cmocka_unit_test(headers_that_matter_have_a_limit),
		cmocka_unit_test(the_header_block_is_the_bound),
		cmocka_unit_test(encodings),
	};

	return cmocka_run_group_tests_name("sip_msg", tests, NULL, NULL);
}
