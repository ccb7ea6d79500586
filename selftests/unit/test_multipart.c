// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multipart bodies: the reader alone, with every length and every damage, and the
 * doors of several descriptions.  What becomes of their text is in cases/.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/multipart.h>

#include "check.h"
#include "talk.h"

#define TYPE "multipart/mixed;boundary=o"

/* Reads to the end.  Return: parts, or -EINVAL. */
static int read_all(const char *base, u32 len, struct mime_part *last)
{
	static const char type[] = TYPE;
	struct mime_part part;
	struct multipart mp;
	struct span body;
	int nr = 0;
	int r;

	/* Type and body are views of one message. */
	body = span_of(sizeof(type) - 1, len);
	if (multipart_begin(&mp, base, span_of(0, body.off), body))
		return -EINVAL;
	while ((r = multipart_next(&mp, base, &part)) > 0) {
		check(mp.depth && mp.depth <= MULTIPART_DEPTH);
		check_inside(mp.rest, body);
		check_inside(part.body, body);
		check_inside(part.type, body);
		check_inside(part.length, body);
		check_inside(part.disposition, body);
		check(span_end(part.body) <= mp.rest.off);
		*last = part;
		nr++;
	}
	return r ? r : nr;
}

static const char nested[] = TYPE
	"preamble\r\n--o \r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\none\r\n"
	"--o\r\nContent-Type: multipart/alternative;\r\n boundary=\"o-in\"\r\n\r\n"
	"--o-in\r\n\r\ntwo\r\n--o-in\r\nContent-Disposition: x\r\n\r\n\r\n--o-in--\r\nepilogue\r\n"
	"--o\r\nContent-Encoding: gzip\r\nContent-Type: application/sdp\r\n\r\nfour\n--o--\r\nepilogue";

static void parts_of_parts(void **state)
{
	struct mime_part last;
	char *p = guard_put(nested, sizeof(nested) - 1);

	(void)state;
	assert_int_equal(read_all(p, sizeof(nested) - 1, &last), 4);
	assert_span(p, last.body, "four");
	assert_span(p, last.type, "application/sdp");
	assert_true(last.encoded);
}

/* Cut anywhere it is broken, up to the "--" that closes it. */
static void every_length(void **state)
{
	u32 end = strstr(nested, "\n--o--") + strlen("\n--o--") - nested;
	struct mime_part last;
	u32 n;

	(void)state;
	for (n = sizeof(TYPE) - 1; n < sizeof(nested); n++) {
		char *p = guard_put(nested, n);

		assert_int_equal(read_all(p, n, &last), n < end ? -EINVAL : 4);
	}
}

static void every_damage(void **state)
{
	static const char damage[] = { 0, ' ', '\r', '\n', '"', '-', ';', ':', 'o', '=' };
	struct mime_part last;
	size_t j;
	u32 n;

	(void)state;
	for (n = sizeof(TYPE) - 1; n < sizeof(nested) - 1; n++)
		for (j = 0; j < sizeof(damage); j++) {
			char *p = guard_put(nested, sizeof(nested) - 1);

			p[n] = damage[j];
			read_all(p, sizeof(nested) - 1, &last);
		}
}

/**
 * struct talk_body - an INVITE or a response to one, with a body of any type
 * @status: response code; 0: a request
 * @cseq: number; 0: 1
 * @to: tag of To; NULL: none
 * @type: Content-Type; NULL: TYPE
 * @body: the body
 */
struct talk_body {
	int status;
	int cseq;
	const char *to;
	const char *type;
	const char *body;
};

static void send_body(struct world *w, u8 dir, struct talk_body b)
{
	static char text[16384];
	char start[64] = "INVITE sip:x@host.example SIP/2.0", to[64] = "";
	int n;

	b.cseq = b.cseq ? b.cseq : 1;
	b.type = b.type ? b.type : TYPE;
	if (b.status)
		snprintf(start, sizeof(start), "SIP/2.0 %d Text", b.status);
	if (b.to)
		snprintf(to, sizeof(to), ";tag=%s", b.to);
	n = snprintf(text, sizeof(text),
		     "%s\r\nVia: SIP/2.0/TCP 10.0.0.5:40000;branch=z9hG4bK%d\r\n"
		     "From: <sip:from@x.example>;tag=a\r\nTo: <sip:to@y.example>%s\r\n"
		     "Call-ID: c1\r\nCSeq: %d INVITE\r\nContent-Type: %s\r\n"
		     "Content-Length: %zu\r\n\r\n%s",
		     start, b.cseq, to, b.cseq, b.type, strlen(b.body), b.body);
	check(n > 0 && (size_t)n < sizeof(text));
	world_send(w, dir, text, (u32)n);
}

#define tell(w, dir, ...)						\
	send_body(w, dir, (struct talk_body){ __VA_ARGS__ })

/* A multipart of a description of the session and one of an early session. */
static const char *two(const char *addr, const char *media, const char *early_addr,
		       const char *early)
{
	static char ring[2][8192];
	static int next;
	char *out = ring[next++ % 2];

	snprintf(out, sizeof(ring[0]),
		 "--o\r\nContent-Type: application/sdp\r\n"
		 "Content-Disposition: early-session\r\n\r\n%s\r\n"
		 "--o\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--o--",
		 talk_sdp(early_addr, early), talk_sdp(addr, media));
	return out;
}

static const char *early_only(const char *addr, const char *early)
{
	static char out[8192];

	snprintf(out, sizeof(out), "--o\r\nContent-Type: application/sdp\r\n"
		 "Content-Disposition: early-session\r\n\r\n%s\r\n--o--", talk_sdp(addr, early));
	return out;
}

#define EARLY "m=audio 6010 RTP/AVP 0\n"

/* Each has the filter of its own answer, whichever is written first. */
static void doors_of_an_early_session(void **state)
{
	struct world *w = *state;

	tell(w, CLIENT, .body = two("10.0.0.5", AUDIO, "10.0.0.5", EARLY));
	assert_doors(w, 4, 0);
	tell(w, SERVER, .status = 183, .to = "b",
	     .body = two("198.51.100.20", AUDIO, "198.51.100.30", EARLY));
	assert_doors(w, 4, 4);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6001", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6010", "198.51.100.30");
	assert_filter(w, "10.0.0.5:6011", "198.51.100.30");
}

/* What is said of the early session alone does not move the session's media. */
static void early_media_move_alone(void **state)
{
	struct world *w = *state;

	tell(w, CLIENT, .body = two("10.0.0.5", AUDIO, "10.0.0.5", EARLY));
	tell(w, SERVER, .status = 183, .to = "b", .type = "application/sdp", .body = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6010", "198.51.100.9");
	tell(w, SERVER, .status = 183, .to = "b", .body = early_only("198.51.100.30", EARLY));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6010", "198.51.100.30");
	tell(w, SERVER, .status = 200, .to = "b",
	     .body = two("198.51.100.21", AUDIO, "198.51.100.31", EARLY));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.21");
	assert_filter(w, "10.0.0.5:6010", "198.51.100.31");
}

/* Nor does it make forgotten where the peer has them, when a port is added. */
static void early_media_leave_the_session(void **state)
{
	struct world *w = *state;

	tell(w, CLIENT, .type = "application/sdp", .body = OFFER);
	tell(w, SERVER, .status = 200, .to = "b", .type = "application/sdp", .body = ANSWER);
	tell(w, CLIENT, .cseq = 2, .to = "b",
	     .body = two("10.0.0.5", "m=audio 6020 RTP/AVP 0\n", "10.0.0.5", EARLY));
	tell(w, SERVER, .cseq = 2, .status = 183, .to = "b",
	     .body = early_only("198.51.100.30", EARLY));
	assert_filter(w, "10.0.0.5:6020", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6010", "198.51.100.30");
}

/* rtcp-mux is agreed upon for each description apart (RFC 5761). */
static void mux_of_one_of_two(void **state)
{
	static const char mux[] = EARLY "a=rtcp-mux\n";
	struct world *w = *state;

	tell(w, CLIENT, .body = two("10.0.0.5", AUDIO, "10.0.0.5", mux));
	tell(w, SERVER, .status = 200, .to = "b",
	     .body = two("198.51.100.20", AUDIO, "198.51.100.20", mux));
	assert_doors(w, 4, 3);
	assert_filter(w, "10.0.0.5:6001", "198.51.100.20");
	assert_false(world_door(w, "10.0.0.5:6011")->open);
}

/* Alternatives are one medium; the answer is to it. */
static void doors_of_alternatives(void **state)
{
	struct world *w = *state;
	char body[4096];

	snprintf(body, sizeof(body), "--o\r\nContent-Type: application/sdp\r\n\r\n%s\r\n"
		 "--o\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--o--", OFFER, OFFER);
	tell(w, CLIENT, .type = "multipart/alternative;boundary=o", .body = body);
	assert_doors(w, 2, 0);
	tell(w, SERVER, .status = 200, .to = "b", .type = "application/sdp", .body = ANSWER);
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
}

/* No memory for the descriptions: the message passes whole, nothing is reserved. */
static void memory_fails(void **state)
{
	struct world *w = *state;

	w->fail_alloc = w->allocs + 1;
	tell(w, CLIENT, .body = two("10.0.0.5", AUDIO, "10.0.0.5", EARLY));
	assert_count(w, MSG_NOMEM, 1);
	assert_count(w, MSG_REWRITTEN, 0);
	assert_out(w, "Via: SIP/2.0/TCP 10.0.0.5:40000;");
	assert_doors(w, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_parts),
		cmocka_unit_test(every_length),
		cmocka_unit_test(every_damage),
		case_of(doors_of_an_early_session),
		case_of(early_media_move_alone),
		case_of(early_media_leave_the_session),
		case_of(mux_of_one_of_two),
		case_of(doors_of_alternatives),
		case_of(memory_fails),
	};

	return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
