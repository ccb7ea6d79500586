// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records out of attributes: a line of a table, a line of name=value, or a JSON
 * object.
 */
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "complain.h"
#include "record.h"

static const struct field *find_field(const struct field *fields, uint16_t type)
{
	for (; fields->name; fields++)
		if (fields->attr == type)
			return fields;
	return NULL;
}

/* --- JSON --- */

/* What a newer kernel says that this program does not know. */
void record_unknown(struct json *j, const void *attrs, size_t len, uint16_t type)
{
	char *text = attr_hex(attrs, len, type);
	char name[16];

	snprintf(name, sizeof(name), "attr-%u", type);
	json_key(j, name);
	json_string(j, text);
	free(text);
}

void record_json(struct json *j, const struct field *fields, const void *attrs, size_t len)
{
	const struct nlattr *a = NULL;
	const struct field *f;

	while ((a = attr_each(attrs, len, a))) {
		/* A name once. */
		if (a != attr_first(attrs, len, mnl_attr_get_type(a)))
			continue;
		f = find_field(fields, mnl_attr_get_type(a));
		if (f) {
			json_key(j, f->name);
			f->kind->json(j, a, f);
		} else if (mnl_attr_get_payload_len(a)) {
			/* An empty one aligns the next. */
			record_unknown(j, attrs, len, mnl_attr_get_type(a));
		}
	}
}

/* --- lines --- */

/* As text, a time has its unit behind the number. */
static int name_length(const struct field *f)
{
	const char *unit = strrchr(f->name, '_');

	if (unit && (f->kind == &kind_ms || f->kind == &kind_s))
		return (int)(unit - f->name);
	return (int)strlen(f->name);
}

static void print_pair(FILE *out, const char *outer, const struct field *f,
		       const struct nlattr *a)
{
	if (!f->kind->text) {
		record_nested(out, a, f);
		return;
	}
	fprintf(out, " %s%s%.*s=", outer, *outer ? "." : "", name_length(f), f->name);
	f->kind->text(out, a, f);
}

static void print_pairs(FILE *out, const char *outer, const struct field *fields,
			const void *attrs, size_t len)
{
	const struct nlattr *a;

	for (; fields->name; fields++) {
		a = attr_first(attrs, len, fields->attr);
		if (a)
			print_pair(out, outer, fields, a);
	}
}

void record_nested(FILE *out, const struct nlattr *a, const struct field *outer)
{
	print_pairs(out, outer->name, outer->fields, mnl_attr_get_payload(a),
		    mnl_attr_get_payload_len(a));
}

void record_line(FILE *out, const struct field *fields, const void *attrs, size_t len)
{
	print_pairs(out, "", fields, attrs, len);
}

/* --- tables --- */

static void add_cell(struct table *t, const struct field *f, const struct nlattr *a)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!a) {
		table_word(t, "-");
		return;
	}
	out = need(open_memstream(&text, &size));
	f->kind->text(out, a, f);
	fclose(out);
	table_cell(t, need(text));
}

static void add_column(struct records *r, const struct column *c, const void *attrs, size_t len)
{
	const struct field *f = find_field(r->fields, c->attr);
	const struct nlattr *a = attr_first(attrs, len, c->attr);

	if (c->inner) {
		f = find_field(f->fields, c->inner);
		a = a ? attr_first(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a),
				  c->inner) : NULL;
	}
	add_cell(&r->table, f, a);
}

static bool is_shown(const struct records *r, const struct column *c)
{
	return r->details || !c->detail;
}

static void begin(struct records *r)
{
	const struct column *c;

	r->begun = true;
	if (r->json) {
		json_open(r->json, '[');
		return;
	}
	for (c = r->columns; c->head; c++) {
		if (!is_shown(r, c))
			continue;
		r->table.columns++;
		table_word(&r->table, c->head);
	}
}

void records_add(struct records *r, const void *attrs, size_t len)
{
	const struct column *c;

	if (!r->begun)
		begin(r);
	if (r->json) {
		json_open(r->json, '{');
		record_json(r->json, r->fields, attrs, len);
		json_close(r->json, '}');
		return;
	}
	for (c = r->columns; c->head; c++)
		if (is_shown(r, c))
			add_column(r, c, attrs, len);
}

void records_end(struct records *r, FILE *out, bool complete)
{
	if (!r->begun && !complete)
		return;
	if (!r->begun)
		begin(r);
	if (r->json) {
		json_close(r->json, ']');
		return;
	}
	table_print(&r->table, out);
	table_free(&r->table);
}
