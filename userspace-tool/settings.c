// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat show settings
 */
#include <stdlib.h>

#include <linux/nf_nat_sip_tcp.h>

#include "attr.h"
#include "record.h"
#include "setting.h"
#include "settings.h"

static bool is_wanted(const struct settings_view *v, const struct setting *s)
{
	int i;

	for (i = 0; i < v->argc; i++)
		if (setting_find(v->argv[i]) == s)
			return true;
	return !v->argc;
}

/* Of a newer kernel: shown where all are, and only as what came. */
static bool is_unknown(const void *attrs, size_t len, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a);
	const struct setting *s;

	for (s = settings; s->name; s++)
		if (s->attr == type)
			return false;
	return mnl_attr_get_payload_len(a) && a == attr_first(attrs, len, type);
}

static void add_row(struct table *t, const char *name, char *text, const char *unit)
{
	table_word(t, name);
	table_cell(t, text);
	table_word(t, unit);
}

static void print_table(struct settings_view *v, const void *attrs, size_t len)
{
	struct table t = { .columns = 3 };
	const struct nlattr *a = NULL;
	const struct setting *s;
	char name[16];

	table_word(&t, "NAME");
	table_word(&t, "VALUE");
	table_word(&t, "UNIT");
	for (s = settings; s->name; s++)
		if (is_wanted(v, s) && attr_first(attrs, len, s->attr))
			add_row(&t, s->name, setting_text(s, attrs, len), s->unit);
	while (!v->argc && (a = attr_each(attrs, len, a))) {
		if (!is_unknown(attrs, len, a))
			continue;
		snprintf(name, sizeof(name), "attr-%u", mnl_attr_get_type(a));
		add_row(&t, name, attr_hex(attrs, len, mnl_attr_get_type(a)), "hex");
	}
	table_print(&t, v->tool->out);
	table_free(&t);
}

static void json_values(struct json *j, const struct setting *s, const void *attrs, size_t len)
{
	const struct nlattr *a = attr_first(attrs, len, s->attr);

	json_key(j, s->name);
	if (!s->value->list) {
		s->value->json(j, a, s);
		return;
	}
	json_open(j, '[');
	for (; a; a = attr_same(attrs, len, a))
		if (!s->value->none(a))
			s->value->json(j, a, s);
	json_close(j, ']');
}

static void print_json(struct settings_view *v, const void *attrs, size_t len)
{
	struct json j = { .out = v->tool->out };
	const struct nlattr *a = NULL;
	const struct setting *s;

	json_open(&j, '{');
	for (s = settings; s->name; s++)
		if (is_wanted(v, s) && attr_first(attrs, len, s->attr))
			json_values(&j, s, attrs, len);
	while (!v->argc && (a = attr_each(attrs, len, a)))
		if (is_unknown(attrs, len, a))
			record_unknown(&j, attrs, len, mnl_attr_get_type(a));
	json_close(&j, '}');
}

void settings_print(const struct nlmsghdr *msg, void *arg)
{
	struct settings_view *v = arg;
	const void *attrs;
	size_t len;
	int i;

	attrs = genl_attrs(msg, &len);
	for (i = 0; i < v->argc; i++)
		if (!attr_first(attrs, len, setting_find(v->argv[i])->attr))
			v->missing = v->argv[i];
	if (v->tool->json)
		print_json(v, attrs, len);
	else
		print_table(v, attrs, len);
}

int settings_show(struct tool *t, int argc, char **argv)
{
	struct settings_view v = { .tool = t, .argc = argc, .argv = argv };
	int err, i;

	for (i = 0; i < argc; i++)
		if (!setting_find(argv[i]))
			return setting_unknown("show settings", argv[i]);
	err = tool_open(t);
	if (err)
		return err;
	genl_request(&t->genl, SIPNAT_CMD_SETTINGS_GET, NLM_F_ACK);
	if (genl_talk(&t->genl, settings_print, &v))
		return tool_refused(t, "settings");
	if (v.missing)
		return complain(EXIT_KERNEL, "the module that is loaded has no setting \"%s\"",
				v.missing);
	return EXIT_DONE;
}

void settings_names(FILE *out)
{
	const struct setting *s;

	for (s = settings; s->name; s++)
		fprintf(out, "%s\n", s->name);
}
