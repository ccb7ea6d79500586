// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages as wholes: what must hold for every message of the corpus, and the
 * limits of what is rewritten.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/sip_frame.h>

#include "corpus.h"
#include "world.h"

/* The corpus: whatever a message says, these hold. */

static void each_message(const struct corpus *all,
			 void (*f)(const struct corpus_file *, struct world *))
{
	struct sip_frame frame;
	struct world *w;
	size_t i;

	for (i = 0; i < all->nr; i++) {
		const struct corpus_file *m = &all->file[i];

		memset(&frame, 0, sizeof(frame));
		if (sip_frame_scan(&frame, m->data, (u32)m->len, 65535) != 1 ||
		    frame.hdr_len + frame.body_len != m->len)
			continue;
		w = world_new();
		f(m, w);
		world_free(w);
	}
}

static void passes_as_it_is(const struct corpus_file *m, struct world *w)
{
	u8 dir;

	for (dir = 0; dir < 2; dir++) {
		if (world_send(w, dir, m->data, (u32)m->len))
			fail_msg("%s was changed: %s", m->name, w->out);
		assert_int_equal(w->out_len, m->len);
		assert_memory_equal(w->out, m->data, m->len);
	}
	assert_int_equal(w->count[NST_R_MSG_REWRITTEN], 0);
}

static void map_no_message_names(const struct corpus_file *m, struct world *w)
{
	world_map(w, 0, "10.99.98.97:40000", "203.0.113.250:40000");
	passes_as_it_is(m, w);
}

static void map_without_nat(const struct corpus_file *m, struct world *w)
{
	world_map(w, 0, "192.168.122.3:5060", "192.168.122.3:5060");
	passes_as_it_is(m, w);
}

static void twice_is_once(const struct corpus_file *m, struct world *w)
{
	static const char *const inside[] = {
		"192.168.122.3:40000", "10.0.0.5:5060", "192.0.2.1:5060",
		"[fd00::5]:40000", "[2001:db8::9:1]:5060",
	};
	static char once[WORLD_TEXT];
	u32 len;
	size_t i;
	u8 dir;

	for (i = 0; i < ARRAY_SIZE(inside); i++)
		for (dir = 0; dir < 2; dir++) {
			world_map(w, 0, inside[i], inside[i][0] == '[' ?
				  "[2001:db8:ffff::1]:61234" : "203.0.113.1:61234");
			world_send(w, dir, m->data, (u32)m->len);
			len = w->out_len;
			memcpy(once, w->out, len);
			w->conn++;
			if (world_send(w, dir, once, len))
				fail_msg("%s changes once more: %s", m->name, w->out);
		}
}

/* Memory may be missing at any place: no leak, and a whole message comes out. */
static void memory_fails(const struct corpus_file *m, struct world *good)
{
	struct world *w;
	u32 n;

	world_map(good, 0, "192.168.122.3:40000", "203.0.113.1:61234");
	world_send(good, 0, m->data, (u32)m->len);
	for (n = 1; n <= good->allocs; n++) {
		w = world_new();
		world_map(w, 0, "192.168.122.3:40000", "203.0.113.1:61234");
		w->fail_alloc = n + w->allocs;
		world_send(w, 0, m->data, (u32)m->len);
		if (w->count[NST_R_MSG_NOMEM])
			assert_memory_equal(w->out, m->data, m->len);
		world_free(w);
	}
}

static void on_corpus(void (*f)(const struct corpus_file *, struct world *))
{
	struct corpus own = corpus_load("", ".sip");
	struct corpus torture = corpus_load("rfc4475", ".dat");

	each_message(&own, f);
	each_message(&torture, f);
	corpus_free(&own);
	corpus_free(&torture);
}

static void foreign_messages_pass_byte_for_byte(void **state)
{
	(void)state;
	on_corpus(map_no_message_names);
	on_corpus(map_without_nat);
}

static void a_second_time_changes_nothing(void **state)
{
	(void)state;
	on_corpus(twice_is_once);
}

static void memory_may_fail_anywhere(void **state)
{
	(void)state;
	on_corpus(memory_fails);
}

/* More changes than the list holds: the message passes as it is. */
static void too_many_changes_change_nothing(void **state)
{
	static char text[WORLD_TEXT];
	struct world *w = world_new();
	int n, i;

	(void)state;
	n = sprintf(text, "INVITE sip:b@198.51.100.9 SIP/2.0\r\n"
		    "Via: SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK1\r\n"
		    "From: <sip:a@10.0.0.5>;tag=1\r\nTo: <sip:b@198.51.100.9>\r\n"
		    "Call-ID: 1\r\nCSeq: 1 INVITE\r\n"
		    "Content-Type: application/sdp\r\nContact: ");
	for (i = 0; i < 300; i++)
		n += sprintf(text + n, "<sip:%d@10.0.0.5:5070>, ", i);
	n += sprintf(text + n, "<sip:10.0.0.5>\r\nContent-Length: 73\r\n\r\n"
		     "v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\nc=IN IP4 10.0.0.5\r\n"
		     "m=audio 6000 RTP/AVP 0\r\n");
	assert_false(world_send(w, 0, text, n));
	assert_memory_equal(w->out, text, n);
	assert_int_equal(w->count[NST_R_MSG_TOO_COMPLEX], 1);
	assert_int_equal(w->count[NST_R_MSG_REWRITTEN], 0);
	assert_int_equal(world_ports(w, false), 0);
	world_free(w);
}

/*
 * A gateway's SERVICE request between two inside hosts behind one public address
 * (N9): its Route names the other one, and of 1792 bytes of XML and certificate
 * none changes.
 */
static void a_service_request_keeps_its_body(void **state)
{
	static const char was[] = "Route: <sip:64.100.0.10:4401;";
	static const char is[] = "Route: <sip:10.0.30.2:27901;";
	struct corpus_file f = corpus_read("service-multipart.sip");
	struct world *w = world_new();
	static char want[8192];
	u32 at;

	(void)state;
	world_map(w, 0, "10.0.30.2:27901", "64.100.0.10:4401");
	world_map(w, 1, "10.0.10.2:5060", "64.100.0.10:7003");
	f.data[f.len - 1] = 0;
	at = (u32)(strstr(f.data, was) - f.data);
	f.data[f.len - 1] = '\n';
	memcpy(want, f.data, at);
	memcpy(want + at, is, strlen(is));
	memcpy(want + at + strlen(is), f.data + at + strlen(was), f.len - at - strlen(was));
	assert_true(world_send(w, 1, f.data, (u32)f.len));
	assert_int_equal(w->out_len, f.len + strlen(is) - strlen(was));
	assert_memory_equal(w->out, want, w->out_len);
	assert_int_equal(w->count[NST_R_SDP_REWRITTEN], 0);
	assert_int_equal(w->count[NST_R_MULTIPART_UNPARSED], 0);
	world_free(w);
	corpus_file_free(&f);
}

/*
 * Hundreds of requests can be pending: each Via comes back as it was written,
 * also where some name another port than the first one.
 */
static void every_pending_via_comes_back(void **state)
{
	static const char form[] = "%s\r\n"
		"Via: SIP/2.0/TCP %s;branch=z9hG4bK%d\r\nFrom: <sip:a@x>;tag=1\r\n"
		"To: <sip:b@y>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
	struct world *w = world_new();
	char text[512];
	int n, i;

	(void)state;
	for (i = 0; i < 400; i++) {
		n = sprintf(text, form, "OPTIONS sip:b@y SIP/2.0",
			    i % 25 != 24 ? "10.0.0.5:5060" : "10.0.0.5:5080", i, i);
		assert_true(world_send(w, 0, text, n));
	}
	for (i = 399; i >= 0; i--) {
		char want[512];

		n = sprintf(text, form, "SIP/2.0 200 OK", "203.0.113.1:40000", i, i);
		sprintf(want, form, "SIP/2.0 200 OK",
			i % 25 != 24 ? "10.0.0.5:5060" : "10.0.0.5:5080", i, i);
		assert_true(world_send(w, 1, text, n));
		assert_string_equal(w->out, want);
	}
	world_free(w);
}

static const char header_only[] =
	"INVITE sip:b@198.51.100.9 SIP/2.0\r\n"
	"Via: SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK1\r\n"
	"From: <sip:a@10.0.0.5>;tag=1\r\nTo: <sip:b@198.51.100.9>\r\n"
	"Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: %s\r\n"
	"%sContent-Length: 300\r\n\r\n";

static void which_bodies_are_waited_for(void **state)
{
	static const struct {
		const char *type;
		const char *more;
		u32 body_len;
		bool wanted;
	} cases[] = {
		{ "application/sdp", "", 300, true },
		{ "Application/SDP ; charset=utf-8", "", 300, true },
		{ "application/sdp", "", 0, false },
		{ "application/sdp", "", 40 * 1024, true },
		{ "application/sdp", "", 40 * 1024 + 1, false },
		{ "application/sdp", "", 0x7fffffff, false },
		{ "application/sdp", "Content-Encoding: gzip\r\n", 300, false },
		{ "application/sdpx", "", 300, false },
		{ "text/plain", "", 300, false },
		{ "multipart/mixed;boundary=x", "", 300, true },
		{ "Multipart / Alternative ; boundary=x", "", 300, true },
		{ "multipart/related;boundary=x", "", 40 * 1024 + 1, false },
		{ "multipart/mixed;boundary=x", "Content-Encoding: gzip\r\n", 300, false },
		{ "application/sdp", "Content-Transfer-Encoding: base64\r\n", 300, false },
		{ "application/sdp", "Content-Transfer-Encoding: BINARY\r\n", 300, true },
		{ "multipart/signed;boundary=x", "", 300, false },
		{ "multipart/encrypted;boundary=x", "", 300, false },
		{ "application/pkcs7-mime", "", 300, false },
	};
	struct world *w = world_new();
	char text[1024];
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		n = sprintf(text, header_only, cases[i].type, cases[i].more);
		assert_int_equal(message_wants_body(&w->env, guard_put(text, n), n,
						    cases[i].body_len, &w->room), cases[i].wanted);
	}
	world_free(w);
}

/* A body that streams through: headers are translated, its length stays. */
static void headers_of_a_streaming_message(void **state)
{
	struct world *w = world_new();
	char text[1024];
	int n;

	(void)state;
	n = sprintf(text, header_only, "application/sdp", "");
	w->env.set.body_max = 299;
	assert_true(world_process(w, 0, guard_put(text, n), n, 300, n));
	assert_non_null(strstr(w->out, "Via: SIP/2.0/TCP 203.0.113.1:40000;"));
	assert_non_null(strstr(w->out, "Content-Length: 300\r\n"));
	assert_int_equal(w->count[NST_R_MSG_BODY_TOO_LARGE], 1);
	/* It may also stream for want of memory. */
	w->env.set.body_max = 300;
	assert_true(world_process(w, 0, guard_put(text, n), n, 300, n));
	assert_int_equal(w->count[NST_R_MSG_BODY_TOO_LARGE], 1);
	assert_int_equal(w->count[NST_R_SDP_UNPARSED], 0);
	assert_int_equal(world_ports(w, false), 0);
	world_free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_messages_pass_byte_for_byte),
		cmocka_unit_test(a_second_time_changes_nothing),
		cmocka_unit_test(memory_may_fail_anywhere),
		cmocka_unit_test(too_many_changes_change_nothing),
		cmocka_unit_test(a_service_request_keeps_its_body),
		cmocka_unit_test(every_pending_via_comes_back),
		cmocka_unit_test(which_bodies_are_waited_for),
		cmocka_unit_test(headers_of_a_streaming_message),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
