/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SPAN_H
#define NF_NAT_SIP_TCP_SPAN_H

#include "types.h"

/**
 * struct span - a view of bytes inside a message buffer
 * @off: offset from the start of the message
 * @len: number of bytes; 0 with @off 0 means "not there"
 *
 * Spans are offsets, never pointers, so they stay valid when the buffer that
 * holds the message moves.  Every reader takes the buffer's base and a span
 * and looks at nothing outside of it.
 */
struct span {
	u32 off;
	u32 len;
};

static inline struct span span_of(u32 off, u32 end)
{
	return (struct span){ .off = off, .len = end > off ? end - off : 0 };
}

static inline u32 span_end(struct span s)
{
	return s.off + s.len;
}

/* ASCII only: SIP tokens are case-insensitive in ASCII and nowhere else. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Linear white space without the line ends: SP / HTAB (RFC 3261 25.1). */
static inline bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

/* What folding makes of white space: SP, HTAB and the line ends inside a value. */
static inline bool is_lws(char c)
{
	const u64 lws = 1ULL << ' ' | 1ULL << '\t' | 1ULL << '\r' | 1ULL << '\n';

	return (u8)c <= ' ' && (lws >> (u8)c & 1);
}

/*
 * What a character is, so that a reader asks once for each: where a message is
 * read most of the time goes.
 */
#define SPAN_TOKEN	0x01	/* token (RFC 3261 25.1) */
#define SPAN_QUOTE	0x02	/* " */
#define SPAN_COMMA	0x04	/* , */
#define SPAN_SEMI	0x08	/* ; */
#define SPAN_LESS	0x10	/* < */
#define SPAN_UNCLEAN	0x20	/* stands in no URI: white space, controls, " < > */
#define SPAN_HOST	0x40	/* letters, digits, - . _ */
#define SPAN_URI	0x80	/* divides a URI: @ ; ? */

extern const u8 span_class[256];

/** is_token - may this character stand in a token (RFC 3261 25.1)? */
static inline bool is_token(char c)
{
	return span_class[(u8)c] & SPAN_TOKEN;
}

/** span_same - the same @len bytes, ignoring ASCII case?  Fast where they are alike. */
bool span_same(const char *a, const char *b, u32 len);

/**
 * span_is - does the span hold exactly this text, ignoring ASCII case?
 * @base: start of the message
 * @s: the view
 * @text: NUL-terminated literal
 */
static __always_inline bool span_is(const char *base, struct span s, const char *text)
{
	u32 len = strlen(text);		/* which the compiler knows */

	return s.len == len && span_same(base + s.off, text, len);
}

/** span_trim - drop SP, HTAB, CR and LF at both ends */
static inline struct span span_trim(const char *base, struct span s)
{
	u32 from = s.off;
	u32 end = span_end(s);

	while (end > from && is_lws(base[end - 1]))
		end--;
	while (from < end && is_lws(base[from]))
		from++;
	return (struct span){ .off = from, .len = end - from };
}

/**
 * span_chr - offset of the first @c inside the span
 *
 * Return: the offset from @base, or span_end(@s) where @c does not occur.
 */
u32 span_chr(const char *base, struct span s, char c);

/** span_class_chr - the same for the first character of one of these classes */
u32 span_class_chr(const char *base, struct span s, u8 classes);

/**
 * span_uint - read an unsigned decimal that fills the whole span
 * @base: start of the message
 * @s: the digits, at least one, nothing else
 * @max: largest value that is accepted
 * @val: where the value goes
 *
 * Return: 0, -EINVAL where it is not a number, -ERANGE where it is above @max.
 * Any count of leading zeros is fine; no overflow can wrap.
 */
int span_uint(const char *base, struct span s, u32 max, u32 *val);

#endif
