// SPDX-License-Identifier: GPL-2.0-only
/*
 * A JSON writer.  Members of the outermost array or object are a line each.
 */
#include <inttypes.h>
#include <string.h>

#include "json.h"

/* What stands before a value or a name. */
static void separate(struct json *j)
{
	if (j->key) {
		j->key = false;
		return;
	}
	if (!j->depth)
		return;
	if (j->some[j->depth - 1])
		fputc(',', j->out);
	if (j->depth == 1 && !j->line)
		fputs("\n  ", j->out);
	else if (j->some[j->depth - 1])
		fputc(' ', j->out);
	j->some[j->depth - 1] = true;
}

void json_open(struct json *j, char bracket)
{
	separate(j);
	fputc(bracket, j->out);
	/* Depth is that of our own calls, never of what was read. */
	j->some[j->depth++] = false;
}

void json_close(struct json *j, char bracket)
{
	j->depth--;
	if (!j->depth && j->some[0] && !j->line)
		fputc('\n', j->out);
	fputc(bracket, j->out);
	if (!j->depth)
		fputc('\n', j->out);
}

void json_key(struct json *j, const char *name)
{
	json_string(j, name);
	fputs(": ", j->out);
	j->key = true;
}

/* Length of the UTF-8 sequence that this byte begins (RFC 3629 section 4). */
static size_t sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* Is that a code point that is written with so many bytes, and with no fewer? */
static bool is_scalar(uint32_t c, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

/*
 * Takes a code point off the bytes; one that is none is U+FFFD and one byte
 * long.
 */
static size_t take_scalar(const unsigned char *s, size_t len, uint32_t *scalar)
{
	size_t n = sequence_length(*s), i;
	uint32_t c;

	*scalar = 0xfffd;
	if (!n || n > len)
		return 1;
	c = n == 1 ? *s : *s & (0xff >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (!is_scalar(c, n))
		return 1;
	*scalar = c;
	return n;
}

static void put_escaped(FILE *out, uint32_t c)
{
	if (c >= 0x10000) {
		c -= 0x10000;
		fprintf(out, "\\u%04" PRIx32, 0xd800 | c >> 10);
		c = 0xdc00 | (c & 0x3ff);
	}
	fprintf(out, "\\u%04" PRIx32, c);
}

void json_bytes(struct json *j, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;
	uint32_t c;
	size_t n;

	separate(j);
	fputc('"', j->out);
	for (; len; s += n, len -= n) {
		n = take_scalar(s, len, &c);
		if (c == '"' || c == '\\')
			fprintf(j->out, "\\%c", (char)c);
		else if (c >= 0x20 && c < 0x7f)
			fputc((int)c, j->out);
		else
			put_escaped(j->out, c);
	}
	fputc('"', j->out);
}

void json_string(struct json *j, const char *text)
{
	json_bytes(j, text, strlen(text));
}

void json_uint(struct json *j, uint64_t n)
{
	separate(j);
	fprintf(j->out, "%" PRIu64, n);
}

void json_int(struct json *j, int64_t n)
{
	separate(j);
	fprintf(j->out, "%" PRId64, n);
}

void json_bool(struct json *j, bool yes)
{
	separate(j);
	fputs(yes ? "true" : "false", j->out);
}

void json_null(struct json *j)
{
	separate(j);
	fputs("null", j->out);
}
