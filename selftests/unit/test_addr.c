// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <arpa/inet.h>

#include <nf_nat_sip_tcp/addr.h>

static int parse(const char *text, struct nst_addr *addr)
{
	return addr_parse(guard_text(text), whole(text), addr);
}

static const char *const good[] = {
	"0.0.0.0", "192.168.122.3", "255.255.255.255", "1.2.3.4",
	"::", "::1", "1::", "2001:db8::1", "2001:DB8:0:0:8:800:200C:417A",
	"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8",
	"::ffff:192.0.2.1", "::192.0.2.1", "1:2:3:4:5:6:1.2.3.4",
	"fd00:122::3", "2001:db8:0:0:1:0:0:1", "2001:0:0:1:0:0:0:1",
	"1:0:2:3:4:5:6:7", "0:0:0:0:0:0:0:0", "::ffff:0:0", "64:ff9b::1.2.3.4",
};

static const char *const bad[] = {
	"", ".", ":", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3",
	"256.1.1.1", "1.2.3.1000", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
	"1.2.3.x", "-1.2.3.4", "0x1.2.3.4", "example.com", "1.2.3.4:5060",
	":::", "1:::2", "1::2::3", ":1::2", "1::2:", "1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "12345::", "g::",
	"fe80::1%eth0", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
	"::1/64", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
};

static void reads_what_inet_pton_reads(void **state)
{
	struct nst_addr addr;
	u8 want[16];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		int af = strchr(good[i], ':') ? AF_INET6 : AF_INET;

		assert_int_equal(inet_pton(af, good[i], want), 1);
		if (parse(good[i], &addr))
			fail_msg("\"%s\" is not read", good[i]);
		assert_int_equal(addr.family, af == AF_INET ? 4 : 6);
		assert_memory_equal(addr.ip, want, af == AF_INET ? 4 : 16);
	}
}

static void refuses_everything_else(void **state)
{
	struct nst_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse(bad[i], &addr) != -EINVAL)
			fail_msg("\"%s\" is read", bad[i]);
}

static void fills_unused_bytes_with_zero(void **state)
{
	static const u8 zero[12];
	struct nst_addr addr;

	(void)state;
	memset(&addr, 0xff, sizeof(addr));
	assert_int_equal(parse("1.2.3.4", &addr), 0);
	assert_memory_equal(addr.ip + 4, zero, sizeof(zero));
}

static void takes_brackets_for_ipv6_only(void **state)
{
	struct nst_addr a, b;

	(void)state;
	assert_int_equal(parse("[2001:db8::1]", &a), 0);
	assert_int_equal(parse("2001:db8::1", &b), 0);
	assert_true(addr_equal(&a, &b));
	assert_int_equal(parse("[1.2.3.4]", &a), -EINVAL);
	assert_int_equal(parse("[2001:db8::1", &a), -EINVAL);
	assert_int_equal(parse("2001:db8::1]", &a), -EINVAL);
	assert_int_equal(parse("[]", &a), -EINVAL);
	assert_int_equal(parse("[", &a), -EINVAL);
}

/* RFC 5952 section 4, and its section 5 for IPv4-mapped addresses. */
static void writes_canonical_text(void **state)
{
	static const char *const cases[][2] = {
		{ "192.168.122.3", "192.168.122.3" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
		{ "2001:DB8::A", "2001:db8::a" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "0:0:0:0:0:0:0:0", "::" },
		{ "0:0:0:0:0:0:0:1", "::1" },
		{ "1:0:0:0:0:0:0:0", "1::" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char out[NST_ADDR_STRLEN];
	struct nst_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i][0], &addr), 0);
		assert_int_equal(addr_format(out, &addr), strlen(cases[i][1]));
		assert_string_equal(out, cases[i][1]);
	}
	memset(&addr, 0, sizeof(addr));
	assert_int_equal(addr_format(out, &addr), 0);
	assert_string_equal(out, "");
}

/* Any address there is: inet_pton() reads back what addr_format() wrote. */
static void text_and_address_agree(void **state)
{
	struct nst_addr addr = { .family = 6 };
	char out[NST_ADDR_STRLEN];
	struct nst_addr back;
	u8 ip[16];
	int i, j;

	(void)state;
	srand(5952);
	for (i = 0; i < 20000; i++) {
		/* Zero groups often, so that runs of all lengths come up. */
		for (j = 0; j < 16; j++)
			addr.ip[j] = rand() % 3 ? 0 : (u8)rand();
		addr.family = i % 4 ? 6 : 4;
		if (addr.family == 4)
			memset(addr.ip + 4, 0, 12);
		addr_format(out, &addr);
		assert_int_equal(inet_pton(addr.family == 4 ? AF_INET : AF_INET6, out, ip), 1);
		assert_memory_equal(ip, addr.ip, addr.family == 4 ? 4 : 16);
		assert_int_equal(parse(out, &back), 0);
		assert_true(addr_equal(&addr, &back));
	}
}

static void knows_private_addresses(void **state)
{
	static const struct {
		const char *text;
		bool private;
	} cases[] = {
		{ "9.255.255.255", false }, { "10.0.0.0", true },
		{ "10.255.255.255", true }, { "11.0.0.0", false },
		{ "172.15.255.255", false }, { "172.16.0.0", true },
		{ "172.31.255.255", true }, { "172.32.0.0", false },
		{ "192.167.255.255", false }, { "192.168.0.0", true },
		{ "192.169.0.0", false }, { "100.63.255.255", false },
		{ "100.64.0.0", true }, { "100.127.255.255", true },
		{ "100.128.0.0", false }, { "169.253.1.1", false },
		{ "169.254.1.1", true }, { "127.0.0.1", true },
		{ "203.0.113.1", false }, { "0.0.0.0", false },
		{ "::1", true }, { "::2", false }, { "::", false },
		{ "fbff::1", false }, { "fc00::1", true }, { "fdff::1", true },
		{ "fe7f::1", false }, { "fe80::1", true }, { "febf::1", true },
		{ "fec0::1", false }, { "2001:db8::1", false },
		{ "::ffff:10.0.0.1", true }, { "::ffff:192.0.2.1", false },
	};
	struct nst_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text, &addr), 0);
		if (addr_is_private(&addr) != cases[i].private)
			fail_msg("%s", cases[i].text);
	}
	memset(&addr, 0, sizeof(addr));
	assert_false(addr_is_private(&addr));
}

static void knows_the_hold_address(void **state)
{
	struct nst_addr addr = { 0 };

	(void)state;
	assert_false(addr_is_any(&addr));
	assert_int_equal(parse("0.0.0.0", &addr), 0);
	assert_true(addr_is_any(&addr));
	assert_int_equal(parse("0.0.0.1", &addr), 0);
	assert_false(addr_is_any(&addr));
	assert_int_equal(parse("::", &addr), 0);
	assert_true(addr_is_any(&addr));
	assert_int_equal(parse("::1", &addr), 0);
	assert_false(addr_is_any(&addr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_inet_pton_reads),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(fills_unused_bytes_with_zero),
		cmocka_unit_test(takes_brackets_for_ipv6_only),
		cmocka_unit_test(writes_canonical_text),
		cmocka_unit_test(text_and_address_agree),
		cmocka_unit_test(knows_private_addresses),
		cmocka_unit_test(knows_the_hold_address),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
