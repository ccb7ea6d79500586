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

static __always_inline u64 load_eight(const char *p)
{
	u64 word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static __always_inline u32 load_four(const char *p)
{
	u32 word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Are they the same, case and all?  The last word may overlap the one before. */
static bool alike(const char *a, const char *b, u32 len)
{
	u32 i;

	if (len < 4)
		return false;	/* not worth it */
	if (len < 8)
		return load_four(a) == load_four(b) &&
		       load_four(a + len - 4) == load_four(b + len - 4);
	for (i = 0; i < len - 8; i += 8)
		if (load_eight(a + i) != load_eight(b + i))
			return false;
	return load_eight(a + len - 8) == load_eight(b + len - 8);
}

bool span_same(const char *a, const char *b, u32 len)
{
	u32 i;

	/* Most texts are written in the case in which they are asked for. */
	if (alike(a, b, len))
		return true;
	for (i = 0; i < len; i++)
		if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

#define EACH_BYTE 0x0101010101010101ULL
#define HIGH_BITS (EACH_BYTE << 7)

/* Which of eight bytes is the first that has a bit? */
static __always_inline u32 first_byte(u64 bits)
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
	const char *p = base + s.off;
	const char *end = p + s.len;
	u64 word;
	u64 bits;

	for (; p + sizeof(word) <= end; p += sizeof(word)) {
		word = load_eight(p) ^ wanted;
		/*
		 * A byte that is 0 now borrows from its highest bit, and from
		 * those above; another one has it where the text is not ASCII.
		 */
		bits = (word - EACH_BYTE) & HIGH_BITS;
		if (bits && (bits & ~word)) {
			p += first_byte(bits & ~word);
			break;
		}
	}
	while (p < end && *p != c)
		p++;
	return (u32)(p - base);
}

/* Of the classes of four characters those that any has. */
static __always_inline u8 class_of_four(const char *p)
{
	return span_class[(u8)p[0]] | span_class[(u8)p[1]] |
	       span_class[(u8)p[2]] | span_class[(u8)p[3]];
}

u32 span_class_chr(const char *base, struct span s, u8 classes)
{
	const char *p = base + s.off;
	const char *end = p + s.len;

	while (end - p >= 4 && !(class_of_four(p) & classes))
		p += 4;
	while (p < end && !(span_class[(u8)*p] & classes))
		p++;
	return (u32)(p - base);
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
