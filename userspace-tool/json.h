/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_JSON_H
#define SIPNAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 8

/**
 * struct json - a JSON text being written (RFC 8259)
 * @out: where to
 * @depth: objects and arrays that are open
 * @some: by depth: there is a member already
 * @key: a member's name was just written
 * @line: all of it goes on one line
 */
struct json {
	FILE *out;
	unsigned int depth;
	bool some[JSON_DEPTH];
	bool key;
	bool line;
};

/** json_open - begin an object ('{') or an array ('[') */
void json_open(struct json *j, char bracket);

/** json_close - end it with '}' or ']'; the outermost ends its line, too */
void json_close(struct json *j, char bracket);

/** json_key - name of the member that comes next */
void json_key(struct json *j, const char *name);

/**
 * json_bytes - a string out of bytes that may be anything
 *
 * Written in ASCII alone, so that no terminal and no parser can take offence:
 * what is not plain text is escaped, what is not UTF-8 becomes U+FFFD.
 */
void json_bytes(struct json *j, const void *bytes, size_t len);

/** json_string - a string out of a string */
void json_string(struct json *j, const char *text);

/** json_uint - a number */
void json_uint(struct json *j, uint64_t n);

/** json_int - a number that may be negative */
void json_int(struct json *j, int64_t n);

/** json_bool - true or false */
void json_bool(struct json *j, bool yes);

/** json_null - null */
void json_null(struct json *j);

#endif
