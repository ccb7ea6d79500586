// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "check.h"
#include "corpus.h"

static struct sdp sdp;

static int parse(const char *text, char **base)
{
	*base = guard_text(text);
	return check_sdp(&sdp, *base, whole(text));
}

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
#define AUDIO "m=audio 6000 RTP/AVP 0\r\n"

static void reads_the_sample(void **state)
{
	struct corpus_file f = corpus_read("invite.sip");
	char *p = guard_put(f.data, f.len);

	(void)state;
	assert_int_equal(check_sdp(&sdp, p, span_of(376, 509)), 0);
	assert_span(p, sdp.origin.text, "192.168.122.3");
	assert_span(p, sdp.conn.text, "192.168.122.3");
	assert_int_equal(sdp.conn.addr.family, 4);
	assert_int_equal(sdp.nr, 1);
	assert_span(p, sdp.media[0].type, "audio");
	assert_span(p, sdp.media[0].port_text, "6000");
	assert_int_equal(sdp.media[0].port, 6000);
	assert_int_equal(sdp.media[0].count, 1);
	assert_span(p, sdp.media[0].proto, "RTP/AVP");
	assert_true(sdp.media[0].rtp && sdp.media[0].udp);
	assert_ptr_equal(sdp_media_conn(&sdp, 0), &sdp.conn);
	corpus_file_free(&f);
}

static void attributes_belong_to_their_media(void **state)
{
	char *p;

	(void)state;
	assert_int_equal(parse(HEAD "a=rtcp-mux\r\na=rtcp:1\r\n"
			       "m=audio 6000 RTP/AVP 0\r\n"
			       "c=IN IP4 192.0.2.3\r\n"
			       "a=rtcp:6011 IN IP4 192.0.2.4\r\n"
			       "m=video 7000/2 RTP/SAVPF 96\r\n"
			       "a=rtcp:7011\r\na=rtcp-mux\r\n"
			       "a=candidate:1 1 UDP 1 192.0.2.2 7000 typ host\r\n"
			       "m=audio 0 RTP/AVP 0\r\n"
			       "a=rtcp-muxer\r\na=candidates\r\na=rtcp-fb:96 nack\r\n", &p), 0);
	assert_int_equal(sdp.nr, 3);
	assert_span(p, sdp_media_conn(&sdp, 0)->text, "192.0.2.3");
	assert_int_equal(sdp.media[0].rtcp_port, 6011);
	assert_span(p, sdp.media[0].rtcp_port_text, "6011");
	assert_span(p, sdp.media[0].rtcp_addr.text, "192.0.2.4");
	assert_false(sdp.media[0].rtcp_mux || sdp.media[0].candidates);
	assert_span(p, sdp_media_conn(&sdp, 1)->text, "192.0.2.2");
	assert_int_equal(sdp.media[1].port, 7000);
	assert_span(p, sdp.media[1].port_text, "7000");
	assert_int_equal(sdp.media[1].count, 2);
	assert_int_equal(sdp.media[1].rtcp_port, 7011);
	assert_int_equal(sdp.media[1].rtcp_addr.text.len, 0);
	assert_true(sdp.media[1].rtcp_mux && sdp.media[1].candidates);
	assert_int_equal(sdp.media[2].port, 0);
	assert_false(sdp.media[2].rtcp_mux || sdp.media[2].candidates);
	assert_int_equal(sdp.media[2].rtcp_port_text.len, 0);
	assert_ptr_equal(sdp_media_conn(&sdp, 200), &sdp.conn);
}

static void transports(void **state)
{
	static const struct {
		const char *proto;
		bool rtp;
		bool udp;
	} cases[] = {
		{ "RTP/AVP", true, true }, { "RTP/SAVP", true, true },
		{ "RTP/AVPF", true, true }, { "RTP/SAVPF", true, true },
		{ "rtp/avp", true, true }, { "UDP/TLS/RTP/SAVPF", true, true },
		{ "UDP/TLS/RTP/SAVP", true, true },
		{ "udptl", false, true }, { "UDPTL", false, true },
		{ "UDP", false, true }, { "udp", false, true },
		{ "UDP/BFCP", false, true }, { "UDP/DTLS/SCTP", false, true },
		{ "DTLS/SCTP", false, true },
		{ "TCP", false, false }, { "TCP/MSRP", false, false },
		{ "TCP/TLS/MSRP", false, false }, { "TCP/RTP/AVP", true, false },
		{ "TCP/TLS/RTP/AVP", true, false }, { "DCCP/RTP/AVP", true, false },
		{ "RTPX/AVP", false, false }, { "SCTP", false, false }, { "/", false, false },
	};
	char text[256];
	size_t i;
	char *p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), HEAD "m=audio 9 %s 0\r\n", cases[i].proto);
		assert_int_equal(parse(text, &p), 0);
		assert_span(p, sdp.media[0].proto, cases[i].proto);
		if (sdp.media[0].rtp != cases[i].rtp || sdp.media[0].udp != cases[i].udp)
			fail_msg("%s", cases[i].proto);
	}
}

static void connection_addresses(void **state)
{
	static const struct {
		const char *line;
		int ret;
		const char *text;
		u8 family;
	} cases[] = {
		{ "c=IN IP4 192.0.2.9", 0, "192.0.2.9", 4 },
		{ "c=IN IP4 0.0.0.0", 0, "0.0.0.0", 4 },
		{ "c=IN IP4 233.252.0.1/127", 0, "233.252.0.1", 4 },
		{ "c=IN IP4 233.252.0.1/127/3", 0, "233.252.0.1", 4 },
		{ "c=IN IP6 2001:db8::1", 0, "2001:db8::1", 6 },
		{ "c=IN IP6 ff15::101/3", 0, "ff15::101", 6 },
		{ "c=IN IP4 host.example.com", 0, "host.example.com", 0 },
		{ "c=in ip4 192.0.2.9 ", 0, "192.0.2.9", 4 },
		{ "c=IN  IP4  192.0.2.9", 0, "192.0.2.9", 4 },
		{ "c=ATM NSAP 47.0091", 0, "47.0091", 0 },
		{ "c=IN IP4 2001:db8::1", -EINVAL, "", 0 },
		{ "c=IN IP6 192.0.2.9", -EINVAL, "", 0 },
		{ "c=IN IP4 /127", -EINVAL, "", 0 },
		{ "c=IN IP4", -EINVAL, "", 0 },
		{ "c=IN", -EINVAL, "", 0 },
		{ "c=", -EINVAL, "", 0 },
	};
	char text[256];
	size_t i;
	char *p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "v=0\r\n%s\r\n", cases[i].line);
		if (parse(text, &p) != cases[i].ret)
			fail_msg("%s", cases[i].line);
		if (cases[i].ret)
			continue;
		assert_span(p, sdp.conn.text, cases[i].text);
		assert_int_equal(sdp.conn.addr.family, cases[i].family);
		snprintf(text, sizeof(text), HEAD AUDIO "%s\r\n", cases[i].line);
		assert_int_equal(parse(text, &p), 0);
		assert_span(p, sdp_media_conn(&sdp, 0)->text, cases[i].text);
	}
}

static void broken_lines(void **state)
{
	static const char *const broken[] = {
		"", "v=1\r\n", "v=00\r\n", "\r\nv=0\r\n", "v\r\n", "=0\r\n", "s=-\r\nv=0\r\n",
		HEAD "c=IN IP4 192.0.2.3\r\n",
		HEAD AUDIO "c=IN IP4 192.0.2.3\r\nc=IN IP4 192.0.2.4\r\n",
		HEAD "m=audio\r\n", HEAD "m=audio 1\r\n", HEAD "m=\r\n",
		HEAD "m=audio 65536 RTP/AVP 0\r\n", HEAD "m=audio -1 RTP/AVP 0\r\n",
		HEAD "m=audio 6000/ RTP/AVP 0\r\n", HEAD "m=audio 6000/0 RTP/AVP 0\r\n",
		HEAD "m=audio 6000/256 RTP/AVP 0\r\n", HEAD "m=audio /2 RTP/AVP 0\r\n",
		HEAD "m=audio x RTP/AVP 0\r\n", HEAD "m=audio 4294973296 RTP/AVP 0\r\n",
		HEAD AUDIO "a=rtcp:\r\n", HEAD AUDIO "a=rtcp\r\n",
		HEAD AUDIO "a=rtcp:65536\r\n", HEAD AUDIO "a=rtcp:x\r\n",
		HEAD AUDIO "a=rtcp:6001 IN\r\n", HEAD AUDIO "a=rtcp:6001 IN IP4\r\n",
		HEAD AUDIO "a=rtcp:6001\r\na=rtcp:6003\r\n",
	};
	size_t i;
	char *p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(broken); i++)
		if (parse(broken[i], &p) != -EINVAL)
			fail_msg("%s", broken[i]);
}

static void what_does_not_matter_is_skipped(void **state)
{
	char *p;

	(void)state;
	assert_int_equal(parse("v=0\nx\n\n\r\nm:x\nc x\nz=9\r\no=broken\nc=IN IP4 192.0.2.2\n"
			       "m=audio 6000 RTP/AVP\na=sendonly\n=\nX", &p), 0);
	assert_int_equal(sdp.nr, 1);
	assert_int_equal(sdp.origin.text.len, 0);
	assert_span(p, sdp.media[0].proto, "RTP/AVP");
	/* o= counts at session level only, and once */
	assert_int_equal(parse(HEAD "o=- 1 1 IN IP4 192.0.2.7\r\n" AUDIO
			       "o=- 1 1 IN IP4 192.0.2.8\r\n", &p), 0);
	assert_span(p, sdp.origin.text, "192.0.2.1");
}

static void media_lines_have_a_limit(void **state)
{
	static char text[2048] = HEAD;
	char *p;
	int i;

	(void)state;
	for (i = 0; i < SDP_MEDIA_MAX; i++)
		strcat(text, AUDIO);
	assert_int_equal(parse(text, &p), 0);
	assert_int_equal(sdp.nr, SDP_MEDIA_MAX);
	strcat(text, AUDIO);
	assert_int_equal(parse(text, &p), -E2BIG);
}

/* A description in the middle of a body: nothing outside is looked at. */
static void a_part_is_a_bound(void **state)
{
	static const char text[] = "--x\r\n\r\n" HEAD AUDIO "m=video 9 RTP/AVP 1\r\n--x--\r\n";
	u32 from = 7;
	u32 to = from + (u32)strlen(HEAD AUDIO);
	char *p = guard_text(text);

	(void)state;
	assert_int_equal(check_sdp(&sdp, p, span_of(from, to)), 0);
	assert_int_equal(sdp.nr, 1);
}

static void truncations_stay_inside(void **state)
{
	static const char text[] = HEAD "m=audio 6000/2 RTP/AVP 0\r\nc=IN IP6 2001:db8::1/3\r\n"
		"a=rtcp:6011 IN IP4 192.0.2.4\r\na=rtcp-mux\r\na=candidate:1\r\n";
	u32 n;

	(void)state;
	for (n = 0; n < sizeof(text); n++)
		check_sdp(&sdp, guard_put(text, n), span_of(0, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_sample),
		cmocka_unit_test(attributes_belong_to_their_media),
		cmocka_unit_test(transports),
		cmocka_unit_test(connection_addresses),
		cmocka_unit_test(broken_lines),
		cmocka_unit_test(what_does_not_matter_is_skipped),
		cmocka_unit_test(media_lines_have_a_limit),
		cmocka_unit_test(a_part_is_a_bound),
		cmocka_unit_test(truncations_stay_inside),
	};

	return cmocka_run_group_tests_name("sdp", tests, NULL, NULL);
}
