/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_VALUE_H
#define SIPNAT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libmnl/libmnl.h>

#include "json.h"

struct setting;

/**
 * struct value - a type of values that settings have
 * @list: a comma list of such values, an attribute each
 * @text: print one, as set reads it
 * @json: the same
 * @none: is this the entry that stands for an empty list?
 * @put: add to a request what the text says; false where it is none such
 * @put_none: add that entry
 * @form: what @put reads, for people
 */
struct value {
	bool list;
	void (*text)(FILE *out, const struct nlattr *a, const struct setting *s);
	void (*json)(struct json *j, const struct nlattr *a, const struct setting *s);
	bool (*none)(const struct nlattr *a);
	bool (*put)(struct nlmsghdr *msg, const struct setting *s, const char *text);
	void (*put_none)(struct nlmsghdr *msg, const struct setting *s);
	const char *form;
};

extern const struct value value_bool, value_u32, value_u64, value_word;
extern const struct value value_ports, value_ranges, value_prefixes;

/**
 * value_scale - factor of a unit behind a number, in the setting's own unit
 * @unit: the setting's: "ms", "s", "bytes", or another, which has none
 * @suffix: what was written, ended by NUL
 *
 * Return: the factor, or 0.
 */
uint64_t value_scale(const char *unit, const char *suffix);

#endif
