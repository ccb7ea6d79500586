// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounded readers: every function looks at the bytes of its span only.
 */
#include <nf_nat_sip_tcp/span.h>

bool is_token(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("-.!%*_+`'~", c));
}

bool span_is(const char *base, struct span s, const char *text)
{
	u32 i;

	for (i = 0; i < s.len; i++)
		if (!text[i] || ascii_lower(base[s.off + i]) != ascii_lower(text[i]))
			return false;
	return !text[i];
}

struct span span_trim(const char *base, struct span s)
{
	while (s.len && is_lws(base[span_end(s) - 1]))
		s.len--;
	while (s.len && is_lws(base[s.off])) {
		s.off++;
		s.len--;
	}
	return s;
}

u32 span_chr(const char *base, struct span s, char c)
{
	const char *p = s.len ? memchr(base + s.off, c, s.len) : NULL;

	return p ? (u32)(p - base) : span_end(s);
}

int span_uint(const char *base, struct span s, u32 max, u32 *val)
{
	u64 v = 0;
	u32 i;

	if (!s.len)
		return -EINVAL;
	/* All digits are looked at, so that "9999999999x" is no number at all. */
	for (i = 0; i < s.len; i++) {
		if (!is_digit(base[s.off + i]))
			return -EINVAL;
		if (v <= max)
			v = v * 10 + (u32)(base[s.off + i] - '0');
	}
	if (v > max)
		return -ERANGE;
	*val = (u32)v;
	return 0;
}
