// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses and numbers against libc: what the core reads, inet_pton() and
 * strtoull() read too, and the other way round.
 */
#include <arpa/inet.h>

#include "fuzz.h"

static void check_addr(const char *p, struct span s, const char *text)
{
	int af = strchr(text, ':') ? AF_INET6 : AF_INET;
	struct nst_addr addr, back;
	char out[NST_ADDR_STRLEN];
	int ret = addr_parse(p, s, &addr);
	u8 ip[16];

	if (!strchr(text, '[') && strlen(text) == s.len)
		check(!ret == (inet_pton(af, text, ip) == 1));
	if (ret)
		return;
	if (!strchr(text, '['))
		check(!memcmp(addr.ip, ip, af == AF_INET ? 4 : 16));
	check(addr_format(out, &addr) == strlen(out) && strlen(out) < sizeof(out));
	check(inet_pton(addr.family == 6 ? AF_INET6 : AF_INET, out, ip) == 1);
	check(!addr_parse(out, span_of(0, (u32)strlen(out)), &back));
	check(addr_equal(&addr, &back));
}

static void check_number(const char *p, struct span s, const char *text)
{
	u32 val = 0;
	int ret = span_uint(p, s, 65535, &val);
	bool digits = s.len && strspn(text, "0123456789") == s.len;

	check((ret == -EINVAL) == !digits);
	if (digits)
		check(ret == (strtoull(text, NULL, 10) > 65535 ? -ERANGE : 0));
	if (!ret)
		check(val == strtoull(text, NULL, 10));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct span s = span_of(0, (u32)size);
	char *p = fuzz_copy(data, size);
	char text[64] = "";

	if (size < sizeof(text)) {
		if (size)
			memcpy(text, data, size);
		check_addr(p, s, text);
		check_number(p, s, text);
	}
	check_inside(span_trim(p, s), s);
	check(span_chr(p, s, ':') <= size);
	free(p);
	return 0;
}
