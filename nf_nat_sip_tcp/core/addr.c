// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses as text: RFC 4291 section 2.2 in, RFC 5952 out.
 */
#include <nf_nat_sip_tcp/addr.h>

/*
 * One decimal number of a dotted quad; leading zeros could mean octal.
 * Return: behind it, NULL where there is none.
 */
static inline const char *take_octet(const char *p, const char *end, u8 *out)
{
	u32 val;

	if (p == end || !is_digit(*p))
		return NULL;
	val = (u32)(*p - '0');
	for (p++; p < end && is_digit(*p); p++) {
		if (!val)
			return NULL;
		val = val * 10 + (u32)(*p - '0');
		if (val > 255)
			return NULL;
	}
	*out = (u8)val;
	return p;
}

u32 addr_v4_end(const char *base, struct span s, u8 *ip)
{
	const char *p = base + s.off;
	const char *end = p + s.len;
	int i;

	for (i = 0; i < 4; i++) {
		if (i) {
			if (p == end || *p != '.')
				return 0;
			p++;
		}
		p = take_octet(p, end, &ip[i]);
		if (!p)
			return 0;
	}
	return (u32)(p - base);
}

static int parse_v4(const char *base, struct span s, u8 *ip)
{
	return s.len && addr_v4_end(base, s, ip) == span_end(s) ? 0 : -EINVAL;
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_group(const char *base, struct span s, u8 *out)
{
	u32 val = 0;
	u32 i;
	int h;

	if (!s.len || s.len > 4)
		return -EINVAL;
	for (i = 0; i < s.len; i++) {
		h = hex_value(base[s.off + i]);
		if (h < 0)
			return -EINVAL;
		val = val << 4 | (u32)h;
	}
	out[0] = (u8)(val >> 8);
	out[1] = (u8)val;
	return 0;
}

/*
 * Groups separated by single colons, the last one may be a dotted quad.
 * Return: bytes written, at most @room, or -EINVAL.
 */
static int parse_groups(const char *base, struct span s, u8 *out, int room)
{
	u32 end = span_end(s);
	int n = 0;
	u32 colon;

	if (!s.len)
		return 0;
	for (;;) {
		colon = span_chr(base, s, ':');
		if (colon == end && span_chr(base, s, '.') != end) {
			if (n + 4 > room || parse_v4(base, s, out + n))
				return -EINVAL;
			return n + 4;
		}
		if (n + 2 > room || parse_group(base, span_of(s.off, colon), out + n))
			return -EINVAL;
		n += 2;
		if (colon == end)
			return n;
		s = span_of(colon + 1, end);
	}
}

/* Offset of "::", or the end of the span. */
static u32 find_gap(const char *base, struct span s)
{
	u32 at;

	for (at = s.off; at + 1 < span_end(s); at++)
		if (base[at] == ':' && base[at + 1] == ':')
			return at;
	return span_end(s);
}

static int parse_v6(const char *base, struct span s, u8 *ip)
{
	u32 gap = find_gap(base, s);
	u32 end = span_end(s);
	u8 tail[16];
	int head;
	int n;

	if (gap == end)
		return parse_groups(base, s, ip, 16) == 16 ? 0 : -EINVAL;
	/* A dotted quad can only be last: not in front of the gap. */
	if (span_chr(base, span_of(s.off, gap), '.') != gap)
		return -EINVAL;
	head = parse_groups(base, span_of(s.off, gap), ip, 14);
	if (head < 0)
		return head;
	/* The gap stands for one group at least. */
	n = parse_groups(base, span_of(gap + 2, end), tail, 14 - head);
	if (n < 0)
		return n;
	memset(ip + head, 0, (size_t)(16 - head - n));
	memcpy(ip + 16 - n, tail, (size_t)n);
	return 0;
}

int addr_parse(const char *base, struct span s, struct nst_addr *addr)
{
	struct nst_addr a = { .family = 4 };
	bool brackets;

	if (!parse_v4(base, s, a.ip)) {
		*addr = a;
		return 0;
	}
	brackets = s.len >= 2 && base[s.off] == '[' && base[span_end(s) - 1] == ']';
	if (brackets)
		s = span_of(s.off + 1, span_end(s) - 1);
	/* Most names are told by that. */
	if (span_chr(base, s, ':') == span_end(s) || parse_v6(base, s, a.ip))
		return -EINVAL;
	a.family = 6;
	*addr = a;
	return 0;
}

static u32 format_hex(char *out, u32 val)
{
	char tmp[8];
	u32 n = 0;
	u32 i;

	do {
		tmp[n++] = "0123456789abcdef"[val & 0xf];
		val >>= 4;
	} while (val);
	for (i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

static u32 format_v4(char *out, const u8 *ip)
{
	u32 n = 0;
	int i;

	for (i = 0; i < 4; i++) {
		if (i)
			out[n++] = '.';
		if (ip[i] >= 100)
			out[n++] = '0' + ip[i] / 100;
		if (ip[i] >= 10)
			out[n++] = '0' + ip[i] / 10 % 10;
		out[n++] = '0' + ip[i] % 10;
	}
	return n;
}

static u32 group_of(const u8 *ip, int i)
{
	return (u32)ip[2 * i] << 8 | ip[2 * i + 1];
}

/* The longest run of zero groups, the first among equals (RFC 5952 4.2). */
static int zero_run(const u8 *ip, int groups, int *len)
{
	int best = -1;
	int run = 0;
	int i;

	*len = 1;	/* a single zero group is written out */
	for (i = 0; i < groups; i++) {
		run = group_of(ip, i) ? 0 : run + 1;
		if (run > *len) {
			*len = run;
			best = i + 1 - run;
		}
	}
	return best;
}

static bool is_v4_mapped(const u8 *ip)
{
	static const u8 prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(ip, prefix, sizeof(prefix));
}

static u32 format_v6(char *out, const u8 *ip)
{
	int groups = is_v4_mapped(ip) ? 6 : 8;
	int i = 0;
	u32 n = 0;
	int len;
	int gap;

	gap = zero_run(ip, groups, &len);
	while (i < groups) {
		if (i == gap) {
			out[n++] = ':';
			out[n++] = ':';
			i += len;
			continue;
		}
		if (n && out[n - 1] != ':')
			out[n++] = ':';
		n += format_hex(out + n, group_of(ip, i++));
	}
	if (groups == 6) {
		out[n++] = ':';
		n += format_v4(out + n, ip + 12);
	}
	return n;
}

u32 addr_format(char *out, const struct nst_addr *addr)
{
	u32 n = 0;

	if (addr->family == 4)
		n = format_v4(out, addr->ip);
	else if (addr->family == 6)
		n = format_v6(out, addr->ip);
	out[n] = '\0';
	return n;
}

bool addr_is_any(const struct nst_addr *addr)
{
	static const u8 zero[16];

	return addr->family &&
	       !memcmp(addr->ip, zero, addr->family == 6 ? 16 : 4);
}

static bool v4_is_private(const u8 *ip)
{
	return ip[0] == 10 || ip[0] == 127 ||
	       (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	       (ip[0] == 192 && ip[1] == 168) ||
	       (ip[0] == 100 && (ip[1] & 0xc0) == 64) ||
	       (ip[0] == 169 && ip[1] == 254);
}

static bool v6_is_private(const u8 *ip)
{
	static const u8 loopback[16] = { [15] = 1 };

	if (is_v4_mapped(ip))
		return v4_is_private(ip + 12);
	return (ip[0] & 0xfe) == 0xfc ||
	       (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) ||
	       !memcmp(ip, loopback, sizeof(loopback));
}

bool addr_is_private(const struct nst_addr *addr)
{
	if (addr->family == 6)
		return v6_is_private(addr->ip);
	return addr->family == 4 && v4_is_private(addr->ip);
}
