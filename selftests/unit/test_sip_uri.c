// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "check.h"

struct host_case {
	const char *text;
	int ret;
	const char *host;
	const char *port_text;
	u8 family;
	u16 port;
};

static void reads_host_and_port(void **state)
{
	static const struct host_case cases[] = {
		{ "192.0.2.1", 0, "192.0.2.1", "", 4, 0 },
		{ "192.0.2.1:5060", 0, "192.0.2.1", "5060", 4, 5060 },
		{ "192.0.2.1:1", 0, "192.0.2.1", "1", 4, 1 },
		{ "192.0.2.1:65535", 0, "192.0.2.1", "65535", 4, 65535 },
		{ "192.0.2.1:005060", 0, "192.0.2.1", "005060", 4, 5060 },
		{ "192.0.2.1 : 5060", 0, "192.0.2.1", "5060", 4, 5060 },
		{ " 192.0.2.1\r\n :\r\n 5060 ", 0, "192.0.2.1", "5060", 4, 5060 },
		{ "example.com", 0, "example.com", "", 0, 0 },
		{ "a_b-c.example.com.:5061", 0, "a_b-c.example.com.", "5061", 0, 5061 },
		{ "1.2.3.4.example.com", 0, "1.2.3.4.example.com", "", 0, 0 },
		{ "[2001:db8::1]", 0, "[2001:db8::1]", "", 6, 0 },
		{ "[2001:db8::1]:5060", 0, "[2001:db8::1]", "5060", 6, 5060 },
		{ "[::ffff:192.0.2.1]:5060", 0, "[::ffff:192.0.2.1]", "5060", 6, 5060 },
		{ "", -EINVAL, "", "", 0, 0 },
		{ ":5060", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:0", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:65536", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:4294972356", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:-1", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:50 60", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1 5060", -EINVAL, "", "", 0, 0 },
		{ "192.0.2.1:5060x", -EINVAL, "", "", 0, 0 },
		{ "2001:db8::1", -EINVAL, "", "", 0, 0 },
		{ "[2001:db8::1", -EINVAL, "", "", 0, 0 },
		{ "[192.0.2.1]", -EINVAL, "", "", 0, 0 },
		{ "[fe80::1%eth0]", -EINVAL, "", "", 0, 0 },
		{ "[2001:db8::1]x", -EINVAL, "", "", 0, 0 },
		{ "a@b", -EINVAL, "", "", 0, 0 },
		{ "exa mple", -EINVAL, "", "", 0, 0 },
	};
	const struct host_case *c;
	struct sip_hostport hp;
	const char *p;

	(void)state;
	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		p = guard_text(c->text);
		check_uri(p, whole(c->text));
		if (sip_hostport_parse(p, whole(c->text), &hp) != c->ret)
			fail_msg("\"%s\"", c->text);
		if (c->ret)
			continue;
		assert_span(p, hp.host, c->host);
		assert_span(p, hp.port_text, c->port_text);
		assert_int_equal(hp.addr.family, c->family);
		assert_int_equal(hp.port, c->port);
	}
}

struct uri_case {
	const char *text;
	int ret;
	bool sips;
	const char *user;
	const char *host;
	u16 port;
	const char *params;
	const char *headers;
};

static void reads_uris(void **state)
{
	static const struct uri_case cases[] = {
		{ "sip:example.com", 0, 0, "", "example.com", 0, "", "" },
		{ "SIP:phone1@192.168.122.3:5060", 0, 0, "phone1", "192.168.122.3", 5060, "", "" },
		{ "sips:a@[2001:db8::1]:5061;lr", 0, 1, "a", "[2001:db8::1]", 5061, "lr", "" },
		{ "sip:[2001:db8::1]", 0, 0, "", "[2001:db8::1]", 0, "", "" },
		{ "sip:a:secret@h;transport=tcp;lr?Subject=x", 0, 0, "a:secret", "h", 0,
		  "transport=tcp;lr", "Subject=x" },
		{ "sip:user;par=u%40example.net@example.com", 0, 0, "user;par=u%40example.net",
		  "example.com", 0, "", "" },
		{ "sip:a?b=c;d,e/f&g+h$i@192.0.2.1:5062;x", 0, 0, "a?b=c;d,e/f&g+h$i",
		  "192.0.2.1", 5062, "x", "" },
		{ "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
		  0, 0,
		  "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
		  "example.com", 0, "", "" },
		{ "sip:%20%00%40@h", 0, 0, "%20%00%40", "h", 0, "", "" },
		{ "sip:h?Route=%3Csip:example.com%3E", 0, 0, "", "h", 0, "",
		  "Route=%3Csip:example.com%3E" },
		{ "sip:h?a;b", 0, 0, "", "h", 0, "", "a;b" },
		{ "sip:h;", 0, 0, "", "h", 0, "", "" },
		{ "sip:h;p=\xc3\xa4", 0, 0, "", "h", 0, "p=\xc3\xa4", "" },
		{ "tel:+4930123", -EPROTONOSUPPORT, 0, "", "", 0, "", "" },
		{ "urn:service:sos", -EPROTONOSUPPORT, 0, "", "", 0, "", "" },
		{ "sipx:a@b", -EPROTONOSUPPORT, 0, "", "", 0, "", "" },
		{ "mailto:a@b@c", -EPROTONOSUPPORT, 0, "", "", 0, "", "" },
		{ "", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:@h", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@b@c", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@b;x=y@c", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@b c", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a b@c", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a\"@c", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@b>", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@b:0", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@b:70000", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:a@2001:db8::1", -EINVAL, 0, "", "", 0, "", "" },
		{ "sip:;lr", -EINVAL, 0, "", "", 0, "", "" },
		{ " sip:a@b", -EINVAL, 0, "", "", 0, "", "" },
		{ "<sip:a@b>", -EINVAL, 0, "", "", 0, "", "" },
		{ "192.0.2.1", -EINVAL, 0, "", "", 0, "", "" },
	};
	const struct uri_case *c;
	struct sip_uri uri;
	const char *p;

	(void)state;
	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		p = guard_text(c->text);
		if (check_uri(p, whole(c->text)) != c->ret)
			fail_msg("\"%s\"", c->text);
		sip_uri_parse(p, whole(c->text), &uri);
		if (c->ret)
			continue;
		assert_int_equal(uri.sips, c->sips);
		assert_span(p, uri.user, c->user);
		assert_span(p, uri.hostport.host, c->host);
		assert_int_equal(uri.hostport.port, c->port);
		assert_span(p, uri.params, c->params);
		assert_span(p, uri.headers, c->headers);
	}
}

struct value_case {
	const char *text;
	int nr;			/* values, or -EINVAL */
	const char *uri;	/* of the last one that is read */
	const char *params;
	const char *whole;
};

static void reads_lists_of_values(void **state)
{
	static const struct value_case cases[] = {
		{ "<sip:a@b>", 1, "sip:a@b", "", "<sip:a@b>" },
		{ "sip:a@b", 1, "sip:a@b", "", "sip:a@b" },
		{ "sip:a@b;tag=1", 1, "sip:a@b", "tag=1", "sip:a@b;tag=1" },
		{ "sip:a@b ; tag = 1 ", 1, "sip:a@b", "tag = 1", "sip:a@b ; tag = 1" },
		{ "sip:a@b?Route=%3Csip:c%3E", 1, "sip:a@b?Route=%3Csip:c%3E", "",
		  "sip:a@b?Route=%3Csip:c%3E" },
		{ "<sip:a@b;lr>;x=1;y", 1, "sip:a@b;lr", "x=1;y", "<sip:a@b;lr>;x=1;y" },
		{ "Phone One <sip:a@b>", 1, "sip:a@b", "", "Phone One <sip:a@b>" },
		{ "caller<sip:a@b>;tag=3", 1, "sip:a@b", "tag=3", "caller<sip:a@b>;tag=3" },
		{ "\"sip:x@y, <sip:z>\" <sip:a@b>", 1, "sip:a@b", "",
		  "\"sip:x@y, <sip:z>\" <sip:a@b>" },
		{ "\"a \\\" b \\\\\"<sip:a@b>;q=1", 1, "sip:a@b", "q=1",
		  "\"a \\\" b \\\\\"<sip:a@b>;q=1" },
		{ "\"\" <sip:a@b>", 1, "sip:a@b", "", "\"\" <sip:a@b>" },
		{ "< sip:a@b >", 1, "sip:a@b", "", "< sip:a@b >" },
		{ "\r\n \"x\"\r\n <sip:a@b>\r\n ;\r\n tag\r\n =\r\n 7\r\n", 1, "sip:a@b",
		  "tag\r\n =\r\n 7", "\"x\"\r\n <sip:a@b>\r\n ;\r\n tag\r\n =\r\n 7" },
		{ "<sip:user,with?odd;chars@b,c>", 1, "sip:user,with?odd;chars@b,c", "",
		  "<sip:user,with?odd;chars@b,c>" },
		{ "<sip:a@b>,<sip:c@d>;x", 2, "sip:c@d", "x", "<sip:c@d>;x" },
		{ "sip:a@b , sip:c@d;x", 2, "sip:c@d", "x", "sip:c@d;x" },
		{ "<sip:a@b>;x=\"1,2;3\",\r\n <sip:c@d>", 2, "sip:c@d", "", "<sip:c@d>" },
		{ "<sip:a@b>;x=\"1,\\\",2\"", 1, "sip:a@b", "x=\"1,\\\",2\"",
		  "<sip:a@b>;x=\"1,\\\",2\"" },
		{ "<sip:a@b>, ,<sip:c@d>,", 2, "sip:c@d", "", "<sip:c@d>" },
		{ "<sip:c@d> ,", 1, "sip:c@d", "", "<sip:c@d>" },
		{ "<tel:+4930123>;x", 1, "tel:+4930123", "x", "<tel:+4930123>;x" },
		{ "*", 1, "", "", "*" },
		{ " * ", 1, "", "", "*" },
		{ "<sip:a@b>, *", 2, "", "", "*" },
		{ "", 0, "", "", "" },
		{ " \r\n ", 0, "", "", "" },
		{ ",", 0, "", "", "" },
		{ "<sip:a@b", -EINVAL, "", "", "" },
		{ "\"x <sip:a@b>", -EINVAL, "", "", "" },
		{ "\"x\\\" <sip:a@b>", -EINVAL, "", "", "" },
		{ "\"x\\", -EINVAL, "", "", "" },
		{ "\"x\" sip:a@b", -EINVAL, "", "", "" },
		{ "\"x\"", -EINVAL, "", "", "" },
		{ "<sip:a@b>;x=\"1", -EINVAL, "", "", "" },
		{ "<sip:a@b> x", -EINVAL, "", "", "" },
		{ "<sip:a@b><sip:c@d>", -EINVAL, "", "", "" },
		{ "sip:a@b c", -EINVAL, "", "", "" },
		{ "sip:a\"b\"@c", -EINVAL, "", "", "" },
		{ "Bell, Alexander <sip:a@b>", -EINVAL, "", "", "" },
		{ "no-uri", -EINVAL, "", "", "" },
		{ "<>", -EINVAL, "", "", "" },
		{ "<a@b>", -EINVAL, "", "", "" },
		{ "*x", -EINVAL, "", "", "" },
		{ ";x", -EINVAL, "", "", "" },
		{ ">", -EINVAL, "", "", "" },
	};
	const struct value_case *c;
	struct sip_value v, last = { .star = false };
	struct span rest;
	const char *p;

	(void)state;
	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		p = guard_text(c->text);
		if (check_values(p, whole(c->text)) != c->nr)
			fail_msg("\"%s\"", c->text);
		if (c->nr <= 0)
			continue;
		rest = whole(c->text);
		while (sip_value_next(p, &rest, &v) == 1)
			last = v;
		assert_span(p, last.uri, c->uri);
		assert_span(p, last.params, c->params);
		assert_span(p, last.whole, c->whole);
		assert_int_equal(last.star, !last.uri.len);
	}
}

/* Values in front of a broken one are read all the same. */
static void a_broken_value_ends_the_list(void **state)
{
	static const char text[] = "<sip:a@b>, <sip:c";
	const char *p = guard_text(text);
	struct span rest = whole(text);
	struct sip_value v;

	(void)state;
	assert_int_equal(sip_value_next(p, &rest, &v), 1);
	assert_span(p, v.whole, "<sip:a@b>");
	assert_int_equal(sip_value_next(p, &rest, &v), -EINVAL);
}

/* Whoever reads text as C does would see another URI than who reads on. */
static void a_nul_breaks_a_value(void **state)
{
	static const char *const texts[] = {
		"sip:a@b\0", "sip:a\0b@c", "sip:a@b\0;tag=1", "sip:\0a@b,<sip:c>",
	};
	static const u32 lens[] = { 8, 9, 14, 17 };
	struct sip_value v;
	struct span rest;
	const char *p;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		p = guard_put(texts[i], lens[i]);
		rest = span_of(0, lens[i]);
		assert_int_equal(check_values(p, rest), -EINVAL);
		assert_int_equal(sip_value_next(p, &rest, &v), -EINVAL);
	}
}

struct via_case {
	const char *text;
	int nr;			/* values, or -EINVAL */
	const char *transport;	/* of the first one */
	const char *host;
	u16 port;
	const char *branch;
	const char *received;
	const char *rport;
	const char *maddr;
};

static void reads_lists_of_vias(void **state)
{
	static const struct via_case cases[] = {
		{ "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK-1", 1, "TCP", "192.0.2.1", 5060,
		  "z9hG4bK-1", "", "", "" },
		{ "SIP/2.0/TLS h.example.com", 1, "TLS", "h.example.com", 0, "", "", "", "" },
		{ "SIP / 2.0\r\n /\tUDP\r\n  192.0.2.2 : 5061 ;branch=\r\n x", 1, "UDP",
		  "192.0.2.2",
		  5061, "x", "", "", "" },
		{ "sip/2.0/tcp [2001:db8::1]:5060;received=[2001:db8::2];rport=7;branch=b",
		  1, "tcp",
		  "[2001:db8::1]", 5060, "b", "[2001:db8::2]", "7", "" },
		{ "SIP/2.0/TCP h;received=2001:db8::2;rport;maddr=224.2.0.1;branch=b", 1, "TCP",
		  "h", 0,
		  "b", "2001:db8::2", "", "224.2.0.1" },
		{ "SIP/2.0/TCP h;x=\"a,b;branch=no\";BRANCH=yes", 1, "TCP", "h", 0, "yes", "", "",
		  "" },
		{ "SIP/2.0/UDP h;branch=1 , SIP/2.0/TCP i;branch=2", 2, "UDP", "h", 0, "1", "",
		  "", "" },
		{ "SIP/7.0/UNKNOWN h", 1, "UNKNOWN", "h", 0, "", "", "", "" },
		{ "", 0, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP[::1]", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP ", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP;branch=x", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/ 192.0.2.1", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0 192.0.2.1", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP//TCP h", -EINVAL, "", "", 0, "", "", "", "" },
		{ "/2.0/TCP h", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP h:0", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP h:65536", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP 2001:db8::1", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP a b", -EINVAL, "", "", 0, "", "", "", "" },
		{ "SIP/2.0/TCP h;x=\"", -EINVAL, "", "", 0, "", "", "", "" },
	};
	const struct via_case *c;
	struct sip_via via;
	struct span rest;
	const char *p;

	(void)state;
	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		p = guard_text(c->text);
		if (check_vias(p, whole(c->text)) != c->nr)
			fail_msg("\"%s\"", c->text);
		if (c->nr <= 0)
			continue;
		rest = whole(c->text);
		assert_int_equal(sip_via_next(p, &rest, &via), 1);
		assert_span(p, via.transport, c->transport);
		assert_span(p, via.sent_by.host, c->host);
		assert_int_equal(via.sent_by.port, c->port);
		assert_span(p, via.branch, c->branch);
		assert_span(p, via.received, c->received);
		assert_span(p, via.rport, c->rport);
		assert_span(p, via.maddr, c->maddr);
	}
}

static void finds_parameters(void **state)
{
	static const char text[] =
		"lr;Transport = tcp ;x=\"a;tag=no\";xtag=1;tag=\r\n 7;tag=8;=9;empty=;;end";
	const char *p = guard_text(text);
	struct span s = whole(text);
	struct span v;

	(void)state;
	assert_true(sip_param_find(p, s, "transport", &v));
	assert_span(p, v, "tcp");
	assert_true(sip_param_find(p, s, "LR", &v));
	assert_int_equal(v.len | v.off, 0);
	assert_true(sip_param_find(p, s, "tag", &v));
	assert_span(p, v, "7");
	assert_true(sip_param_find(p, s, "x", &v));
	assert_span(p, v, "\"a;tag=no\"");
	assert_true(sip_param_find(p, s, "empty", &v));
	assert_int_equal(v.len, 0);
	assert_true(sip_param_find(p, s, "end", &v));
	assert_false(sip_param_find(p, s, "ta", &v));
	assert_false(sip_param_find(p, s, "tag1", &v));
	assert_false(sip_param_find(p, s, "no", &v));
	assert_false(sip_param_find(p, span_of(0, 0), "x", &v));
}

/* Every truncation of every case keeps inside of its bytes: the walls tell. */
static void truncations_stay_inside(void **state)
{
	static const char *const texts[] = {
		"\"q \\\" uoted\" <sip:user;p=1@[2001:db8::1]:5060;lr?h=1>;tag=\"x\\\"y\";z, *",
		"sip:a:b@192.0.2.1:5060 ; tag = 1 , <tel:+49>",
		"SIP / 2.0 / TCP [2001:db8::1] : 5060 ; branch = z9 ; received=[::1] , SIP/2.0/UDP h",
	};
	size_t i;
	u32 n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		for (n = 0; n <= strlen(texts[i]); n++) {
			const char *p = guard_put(texts[i], n);

			check_values(p, span_of(0, n));
			check_vias(p, span_of(0, n));
			check_uri(p, span_of(0, n));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_host_and_port),
		cmocka_unit_test(reads_uris),
		cmocka_unit_test(reads_lists_of_values),
		cmocka_unit_test(a_broken_value_ends_the_list),
		cmocka_unit_test(a_nul_breaks_a_value),
		cmocka_unit_test(reads_lists_of_vias),
		cmocka_unit_test(finds_parameters),
		cmocka_unit_test(truncations_stay_inside),
	};

	return cmocka_run_group_tests_name("sip_uri", tests, NULL, NULL);
}
