// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of values.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "attr.h"
#include "record.h"
#include "text.h"

/* --- numbers --- */

static void uint_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	if (attr_is_uint(a))
		fprintf(out, "%" PRIu64, attr_uint(a));
	else
		fputc('-', out);
}

static void uint_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	(void)f;
	if (attr_is_uint(a))
		json_uint(j, attr_uint(a));
	else
		json_null(j);
}

const struct kind kind_uint = { uint_text, uint_json };

static int64_t to_int(const struct nlattr *a)
{
	unsigned int unused = 64 - 8u * mnl_attr_get_payload_len(a);

	return (int64_t)(attr_uint(a) << unused) >> unused;
}

static void int_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	if (attr_is_uint(a))
		fprintf(out, "%" PRId64, to_int(a));
	else
		fputc('-', out);
}

static void int_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	(void)f;
	if (attr_is_uint(a))
		json_int(j, to_int(a));
	else
		json_null(j);
}

const struct kind kind_int = { int_text, int_json };

static void hash_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	if (attr_is_uint(a))
		fprintf(out, "%016" PRIx64, attr_uint(a));
	else
		fputc('-', out);
}

/* Numbers of JSON are often read as floating point, which has 53 bits. */
static void hash_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	char text[20];

	(void)f;
	if (!attr_is_uint(a)) {
		json_null(j);
		return;
	}
	snprintf(text, sizeof(text), "%016" PRIx64, attr_uint(a));
	json_string(j, text);
}

const struct kind kind_hash = { hash_text, hash_json };

/* --- times --- */

static void ms_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	if (attr_is_uint(a))
		fprintf(out, "%" PRIu64 "s", (attr_uint(a) + 500) / 1000);
	else
		fputc('-', out);
}

const struct kind kind_ms = { ms_text, uint_json };

static void s_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	uint_text(out, a, f);
	if (attr_is_uint(a))
		fputc('s', out);
}

const struct kind kind_s = { s_text, uint_json };

/* --- yes and no: a number, or a flag that is there --- */

static bool is_set(const struct nlattr *a)
{
	return !mnl_attr_get_payload_len(a) || attr_uint(a);
}

static void flag_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	fputs(is_set(a) ? "yes" : "no", out);
}

static void flag_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	(void)f;
	json_bool(j, is_set(a));
}

const struct kind kind_flag = { flag_text, flag_json };

/* --- names --- */

static const char *find_word(const struct field *f, uint64_t n)
{
	return n < f->nr_words ? f->words[n] : NULL;
}

static void word_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	const char *word = attr_is_uint(a) ? find_word(f, attr_uint(a)) : NULL;

	if (word)
		fputs(word, out);
	else
		uint_text(out, a, f);
}

/* A number that has no name here stays a number: a newer kernel's. */
static void word_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	const char *word = attr_is_uint(a) ? find_word(f, attr_uint(a)) : NULL;

	if (word)
		json_string(j, word);
	else
		uint_json(j, a, f);
}

const struct kind kind_word = { word_text, word_json };

/* --- bytes that came in a packet, and strings --- */

static size_t text_length(const struct nlattr *a)
{
	return strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

static void string_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	text_escaped(out, mnl_attr_get_payload(a), text_length(a));
}

static void string_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	(void)f;
	json_bytes(j, mnl_attr_get_payload(a), text_length(a));
}

const struct kind kind_string = { string_text, string_json };

static void bytes_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	(void)f;
	text_escaped(out, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

static void bytes_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	(void)f;
	json_bytes(j, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

const struct kind kind_bytes = { bytes_text, bytes_json };

/* --- addresses --- */

static void addr_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	char text[TEXT_ADDR_MAX];

	(void)f;
	text_addr(text, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	fputs(text, out);
}

static void addr_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	char text[TEXT_ADDR_MAX];

	(void)f;
	text_addr(text, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (strcmp(text, "-"))
		json_string(j, text);
	else
		json_null(j);
}

const struct kind kind_addr = { addr_text, addr_json };

static void endpoint_text(FILE *out, const struct nlattr *a, const struct field *f)
{
	const struct nlattr *tb[SIPNAT_A_ENDPOINT_PORT + 1];
	const struct nlattr *ip, *port;
	char text[TEXT_ADDR_MAX] = "-";

	(void)f;
	attr_nested(a, tb, SIPNAT_A_ENDPOINT_PORT);
	ip = tb[SIPNAT_A_ENDPOINT_ADDRESS];
	port = tb[SIPNAT_A_ENDPOINT_PORT];
	if (ip)
		text_addr(text, mnl_attr_get_payload(ip), mnl_attr_get_payload_len(ip));
	fprintf(out, strchr(text, ':') ? "[%s]:" : "%s:", text);
	if (port)
		uint_text(out, port, f);
	else
		fputc('*', out);
}

static const struct field fields_endpoint[] = {
	FIELD(SIPNAT_A_ENDPOINT_ADDRESS, "address", addr),
	FIELD(SIPNAT_A_ENDPOINT_PORT, "port", uint),
	{ 0 },
};

static void endpoint_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	(void)f;
	json_open(j, '{');
	record_json(j, fields_endpoint, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	json_close(j, '}');
}

const struct kind kind_endpoint = { endpoint_text, endpoint_json };

/* --- attributes within an attribute --- */

static void nest_json(struct json *j, const struct nlattr *a, const struct field *f)
{
	json_open(j, '{');
	record_json(j, f->fields, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	json_close(j, '}');
}

const struct kind kind_nest = { NULL, nest_json };
