/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_KIND_H
#define SIPNAT_KIND_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libmnl/libmnl.h>

#include "array.h"
#include "json.h"

struct field;

/**
 * struct kind - how a value is shown
 * @text: as a word without blanks; NULL: it consists of fields
 * @json: as a JSON value
 */
struct kind {
	void (*text)(FILE *out, const struct nlattr *a, const struct field *f);
	void (*json)(struct json *j, const struct nlattr *a, const struct field *f);
};

/**
 * struct field - an attribute that users know
 * @attr: its type
 * @name: key in JSON, and in lines of events
 * @kind: how it is shown
 * @words: of kind_word: names of 0, 1 ..., some may be NULL; the last one is not
 * @nr_words: how many
 * @fields: of kind_nest: what is in there; ends with @name NULL
 */
struct field {
	uint16_t attr;
	const char *name;
	const struct kind *kind;
	const char *const *words;
	size_t nr_words;
	const struct field *fields;
};

#define FIELD(attr_, name_, type, ...) \
	{ .attr = attr_, .name = name_, .kind = &kind_##type, ##__VA_ARGS__ }
#define WORDS(list) .words = (list), .nr_words = ARRAY_SIZE(list)

/* A value of an unexpected length is shown as none: "-", and null. */
extern const struct kind kind_uint;	/* a number */
extern const struct kind kind_int;	/* one that may be negative */
extern const struct kind kind_hash;	/* 64 bits, in hex, a string in JSON */
extern const struct kind kind_ms;	/* milliseconds; text: rounded to seconds */
extern const struct kind kind_s;	/* seconds */
extern const struct kind kind_flag;	/* yes or no */
extern const struct kind kind_word;	/* a name out of a list */
extern const struct kind kind_string;	/* ends with a NUL */
extern const struct kind kind_bytes;	/* bytes of a packet */
extern const struct kind kind_addr;	/* an address */
extern const struct kind kind_endpoint;	/* a nest with address and port */
extern const struct kind kind_nest;	/* a nest with fields of its own */

#endif
