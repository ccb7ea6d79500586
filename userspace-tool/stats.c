// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat stats
 */
#include <inttypes.h>

#include <linux/nf_nat_sip_tcp.h>

#include "attr.h"
#include "stats.h"

static const char *string_of(const struct nlattr *a, char *text, size_t size)
{
	snprintf(text, size, "%.*s", a ? (int)mnl_attr_get_payload_len(a) : 0,
		 a ? (const char *)mnl_attr_get_payload(a) : "");
	return text;
}

static void begin(struct stats *s)
{
	s->begun = true;
	if (s->tool->json) {
		s->json.out = s->tool->out;
		json_open(&s->json, '{');
		return;
	}
	s->table.columns = s->tool->explain ? 3 : 2;
	table_word(&s->table, "NAME");
	table_word(&s->table, "VALUE");
	if (s->tool->explain)
		table_word(&s->table, "MEANING");
}

static void add_json(struct stats *s, const char *name, uint64_t value, const char *meaning)
{
	json_key(&s->json, name);
	if (!s->tool->explain) {
		json_uint(&s->json, value);
		return;
	}
	json_open(&s->json, '{');
	json_key(&s->json, "value");
	json_uint(&s->json, value);
	json_key(&s->json, "meaning");
	json_string(&s->json, meaning);
	json_close(&s->json, '}');
}

static void add_line(struct stats *s, const char *name, uint64_t value, const char *meaning)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	table_word(&s->table, name);
	table_word(&s->table, text);
	if (s->tool->explain)
		table_word(&s->table, meaning);
}

void stats_add(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[SIPNAT_A_COUNTER_MAX + 1];
	char name[64], meaning[256];
	struct stats *s = arg;
	const void *attrs;
	uint64_t value;
	size_t len;

	if (!s->begun)
		begin(s);
	attrs = genl_attrs(msg, &len);
	attr_table(attrs, len, tb, SIPNAT_A_COUNTER_MAX);
	if (!tb[SIPNAT_A_COUNTER_NAME] || !tb[SIPNAT_A_COUNTER_VALUE])
		return;
	value = attr_uint(tb[SIPNAT_A_COUNTER_VALUE]);
	if (s->tool->nonzero && !value)
		return;
	string_of(tb[SIPNAT_A_COUNTER_NAME], name, sizeof(name));
	string_of(tb[SIPNAT_A_COUNTER_MEANING], meaning, sizeof(meaning));
	if (s->tool->json)
		add_json(s, name, value, meaning);
	else
		add_line(s, name, value, meaning);
}

void stats_end(struct stats *s, bool complete)
{
	if (!s->begun && !complete)
		return;
	if (!s->begun)
		begin(s);
	if (s->tool->json) {
		json_close(&s->json, '}');
		return;
	}
	table_print(&s->table, s->tool->out);
	table_free(&s->table);
}

static int stats(struct tool *t, int argc, char **argv)
{
	struct stats s = { .tool = t };
	int err;

	if (argc)
		return complain(EXIT_USAGE, "stats: \"%s\" is too much", argv[0]);
	err = tool_open(t);
	if (err)
		return err;
	genl_request(&t->genl, SIPNAT_CMD_COUNTER_GET, NLM_F_DUMP);
	err = genl_talk(&t->genl, stats_add, &s);
	stats_end(&s, !err);
	return err ? tool_refused(t, "counters") : EXIT_DONE;
}

const struct command command_stats = {
	.name = "stats",
	.usage = "",
	.what = "print the counters of this network namespace",
	.help = "Each says how often something happened since the namespace, or the module,\n"
		"began.  JSON: an object of numbers; with --explain of objects that have\n"
		"\"value\" and \"meaning\".\n",
	.options = "jez",
	.run = stats,
};
