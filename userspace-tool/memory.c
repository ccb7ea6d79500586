// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat show memory
 */
#include <inttypes.h>

#include <linux/nf_nat_sip_tcp.h>

#include "attr.h"
#include "memory.h"
#include "record.h"

static const struct field fields[] = {
	FIELD(SIPNAT_A_MEMORY_USED, "used", uint),
	FIELD(SIPNAT_A_MEMORY_PEAK, "peak", uint),
	FIELD(SIPNAT_A_MEMORY_TOTAL, "total", uint),
	FIELD(SIPNAT_A_MEMORY_TABLES, "tables", uint),
	FIELD(SIPNAT_A_MEMORY_CONNECTIONS, "connections", uint),
	FIELD(SIPNAT_A_MEMORY_CALLS, "calls", uint),
	FIELD(SIPNAT_A_MEMORY_BINDINGS, "bindings", uint),
	FIELD(SIPNAT_A_MEMORY_ANCHORS, "anchors", uint),
	FIELD(SIPNAT_A_MEMORY_DOORS, "doors", uint),
	{ 0 },
};

static bool is_bytes(const struct field *f)
{
	return f->attr <= SIPNAT_A_MEMORY_TOTAL || f->attr == SIPNAT_A_MEMORY_TABLES;
}

static void print_table(struct tool *t, const struct nlattr **tb)
{
	struct table table = { .columns = 3 };
	const struct field *f;
	char text[24];

	table_word(&table, "NAME");
	table_word(&table, "VALUE");
	table_word(&table, "UNIT");
	for (f = fields; f->name; f++) {
		if (!tb[f->attr])
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, attr_uint(tb[f->attr]));
		table_word(&table, f->name);
		table_word(&table, text);
		table_word(&table, is_bytes(f) ? "bytes" : "-");
	}
	table_print(&table, t->out);
	table_free(&table);
}

void memory_print(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[SIPNAT_A_MEMORY_MAX + 1];
	struct tool *t = arg;
	struct json j = { .out = t->out };
	const void *attrs;
	size_t len;

	attrs = genl_attrs(msg, &len);
	if (t->json) {
		json_open(&j, '{');
		record_json(&j, fields, attrs, len);
		json_close(&j, '}');
		return;
	}
	attr_table(attrs, len, tb, SIPNAT_A_MEMORY_MAX);
	print_table(t, tb);
}

int memory_show(struct tool *t)
{
	int err = tool_open(t);

	if (err)
		return err;
	genl_request(&t->genl, SIPNAT_CMD_MEMORY_GET, NLM_F_ACK);
	if (genl_talk(&t->genl, memory_print, t))
		return tool_refused(t, "memory");
	return EXIT_DONE;
}
