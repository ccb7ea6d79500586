/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_RECORD_H
#define SIPNAT_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kind.h"
#include "table.h"

/**
 * struct column - a column of a table
 * @head: its head
 * @attr: field that it shows
 * @inner: field within that one; 0: that one itself
 * @detail: only with --details
 */
struct column {
	const char *head;
	uint16_t attr;
	uint16_t inner;
	bool detail;
};

#define COLUMN(head_, attr_, ...) { .head = head_, .attr = attr_, ##__VA_ARGS__ }

/**
 * struct records - a list of records on its way out
 * @fields: what each has; ends with @name NULL
 * @columns: what tables show of it; ends with @head NULL
 * @details: with the columns that are for --details
 * @json: where to, or NULL
 * @table: where to otherwise
 * @begun: there was something to print
 */
struct records {
	const struct field *fields;
	const struct column *columns;
	bool details;
	struct json *json;
	struct table table;
	bool begun;
};

/** records_add - one record: attributes that are @len bytes at @attrs */
void records_add(struct records *r, const void *attrs, size_t len);

/**
 * records_end - print what is left to print
 * @complete: false: reading them failed.  Then there is no empty list.
 */
void records_end(struct records *r, FILE *out, bool complete);

/** record_json - members of an object that is open */
void record_json(struct json *j, const struct field *fields, const void *attrs, size_t len);

/** record_unknown - a member "attr-N" for attributes that have no field */
void record_unknown(struct json *j, const void *attrs, size_t len, uint16_t type);

/** record_line - name=value, a blank in front of each */
void record_line(FILE *out, const struct field *fields, const void *attrs, size_t len);

/** record_nested - the same of what a nested attribute holds: outer.inner=value */
void record_nested(FILE *out, const struct nlattr *a, const struct field *outer);

#endif
