// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounded readers: every function looks at the bytes of its span only.
 */
#include <nf_nat_sip_tcp/span.h>

#define NAME	(SPAN_TOKEN | SPAN_HOST)

const u8 span_class[256] = {
	[0x00 ... 0x20] = SPAN_UNCLEAN,
	['!'] = SPAN_TOKEN, ['%'] = SPAN_TOKEN, ['*'] = SPAN_TOKEN, ['+'] = SPAN_TOKEN,
	['`'] = SPAN_TOKEN, ['\''] = SPAN_TOKEN, ['~'] = SPAN_TOKEN,
	['-'] = NAME, ['.'] = NAME, ['_'] = NAME,
	['0' ... '9'] = NAME, ['A' ... 'Z'] = NAME, ['a' ... 'z'] = NAME,
	['"'] = SPAN_QUOTE | SPAN_UNCLEAN,
	['<'] = SPAN_LESS | SPAN_UNCLEAN,
	['>'] = SPAN_UNCLEAN,
	[','] = SPAN_COMMA,
	[';'] = SPAN_SEMI | SPAN_URI,
	['@'] = SPAN_URI,
	['?'] = SPAN_URI,
	[0x7f] = SPAN_UNCLEAN,
};

bool span_same(const char *a, const char *b, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

#define EACH_BYTE 0x0101010101010101ULL

/* Which of eight bytes is the first that has a bit? */
static u32 first_byte(u64 bits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (u32)__builtin_ctzll(bits) >> 3;
#else
	return 0;	/* a loop goes on from here */
#endif
}

/* Eight bytes at a time: the kernel's memchr() takes each alone. */
u32 span_chr(const char *base, struct span s, char c)
{
	const u64 wanted = (u8)c * EACH_BYTE;
	u32 end = span_end(s);
	u32 at = s.off;
	u64 word;
	u64 bits;

	for (; end - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, base + at, sizeof(word));
		word ^= wanted;
		/* A byte that is 0 now borrows from its highest bit, and from those above. */
		bits = (word - EACH_BYTE) & ~word & (EACH_BYTE << 7);
		if (bits) {
			at += first_byte(bits);
			break;
		}
	}
	while (at < end && base[at] != c)
		at++;
	return at;
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
