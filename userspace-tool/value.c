// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values of settings: from attributes to text and back.  What is printed can be
 * given to "sipnat set" again.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "array.h"
#include "attr.h"
#include "genl.h"
#include "setting.h"
#include "text.h"

static bool put(struct nlmsghdr *msg, uint16_t type, size_t len, const void *data)
{
	return mnl_attr_put_check(msg, GENL_REQUEST_MAX, type, len, data);
}

/* --- yes and no --- */

static void bool_text(FILE *out, const struct nlattr *a, const struct setting *s)
{
	(void)s;
	fputs(attr_uint(a) ? "on" : "off", out);
}

static void bool_json(struct json *j, const struct nlattr *a, const struct setting *s)
{
	(void)s;
	json_bool(j, attr_uint(a) != 0);
}

static bool bool_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	static const char *const words[] = { "off", "on", "no", "yes", "0", "1", "false", "true" };
	uint8_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i]))
			return put(msg, s->attr, 1, &(uint8_t){ i % 2 });
	return false;
}

const struct value value_bool = {
	.text = bool_text, .json = bool_json, .put = bool_put,
	.form = "on or off",
};

/* --- numbers --- */

static void uint_text(FILE *out, const struct nlattr *a, const struct setting *s)
{
	(void)s;
	fprintf(out, "%" PRIu64, attr_uint(a));
}

static void uint_json(struct json *j, const struct nlattr *a, const struct setting *s)
{
	(void)s;
	json_uint(j, attr_uint(a));
}

uint64_t value_scale(const char *unit, const char *suffix)
{
	static const struct {
		const char *unit;
		const char *suffix;
		uint64_t scale;
	} scales[] = {
		{ "bytes", "k", 1 << 10 }, { "bytes", "M", 1 << 20 }, { "bytes", "G", 1 << 30 },
		{ "ms", "ms", 1 }, { "ms", "s", 1000 }, { "ms", "m", 60000 },
		{ "s", "s", 1 }, { "s", "m", 60 }, { "s", "h", 3600 }, { "s", "d", 86400 },
	};
	size_t i;

	if (!*suffix)
		return 1;
	for (i = 0; i < ARRAY_SIZE(scales); i++)
		if (!strcmp(scales[i].unit, unit) && !strcmp(scales[i].suffix, suffix))
			return scales[i].scale;
	return 0;
}

static bool read_scaled(const char *text, const char *unit, uint64_t *n)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t scale = value_scale(unit, text + digits);
	char number[24];

	if (digits >= sizeof(number) || !scale)
		return false;
	memcpy(number, text, digits);
	number[digits] = 0;
	return text_number(number, n) && !__builtin_mul_overflow(*n, scale, n);
}

static bool u32_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	uint32_t u32;
	uint64_t n;

	if (!read_scaled(text, s->unit, &n) || n > UINT32_MAX)
		return false;
	u32 = (uint32_t)n;
	return put(msg, s->attr, sizeof(u32), &u32);
}

static bool u64_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	uint64_t n;

	return read_scaled(text, s->unit, &n) && put(msg, s->attr, sizeof(n), &n);
}

const struct value value_u32 = {
	.text = uint_text, .json = uint_json, .put = u32_put,
	.form = "a number below 4294967296",
};

const struct value value_u64 = {
	.text = uint_text, .json = uint_json, .put = u64_put,
	.form = "a number",
};

/* --- names --- */

static const char *word_of(const struct nlattr *a, const struct setting *s)
{
	uint64_t n = attr_uint(a);

	return n < s->nr_words ? s->words[n] : NULL;
}

static void word_text(FILE *out, const struct nlattr *a, const struct setting *s)
{
	const char *word = word_of(a, s);

	/* A newer kernel may know more of them. */
	if (word)
		fputs(word, out);
	else
		uint_text(out, a, s);
}

static void word_json(struct json *j, const struct nlattr *a, const struct setting *s)
{
	const char *word = word_of(a, s);

	if (word)
		json_string(j, word);
	else
		uint_json(j, a, s);
}

static bool word_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	uint64_t n;
	uint8_t i;

	for (i = 0; i < s->nr_words; i++)
		if (s->words[i] && !strcmp(s->words[i], text))
			return put(msg, s->attr, 1, &i);
	/* As it was printed. */
	if (!text_number(text, &n) || n > UINT8_MAX)
		return false;
	i = (uint8_t)n;
	return put(msg, s->attr, 1, &i);
}

const struct value value_word = {
	.text = word_text, .json = word_json, .put = word_put,
	.form = "one of",
};
