// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat set
 */
#include <inttypes.h>
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "set.h"
#include "tool.h"

static int add_pair(struct set *s, const char *name, const char *text)
{
	const struct setting *setting = setting_find(name);
	size_t i;

	if (!setting)
		return setting_unknown("set", name);
	if (!text)
		return complain(EXIT_USAGE, "set %s: to what?", name);
	for (i = 0; i < s->nr; i++)
		if (s->pair[i].setting == setting)
			return complain(EXIT_USAGE, "set %s: given twice", name);
	if (s->nr == SET_MAX)
		return complain(EXIT_USAGE, "set: too many at once");
	s->pair[s->nr].setting = setting;
	s->pair[s->nr++].text = text;
	return EXIT_DONE;
}

int set_read(struct set *s, int argc, char **argv)
{
	int i, err;

	s->nr = 0;
	if (!argc) {
		complain(EXIT_USAGE, "set: what?");
		advise("\"sipnat set --help\" lists all settings");
		return EXIT_USAGE;
	}
	for (i = 0; i < argc; i += 2) {
		err = add_pair(s, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		if (err)
			return err;
	}
	return EXIT_DONE;
}

static void print_words(char *text, size_t size, const struct setting *s)
{
	size_t i, len = 0;

	text[0] = 0;
	for (i = 0; i < s->nr_words && len < size; i++)
		if (s->words[i])
			len += (size_t)snprintf(text + len, size - len, "%s%s",
						i ? ", " : "", s->words[i]);
}

static int bad_value(const struct setting *s, const char *text)
{
	char words[128];

	complain(EXIT_USAGE, "set %s: \"%s\" is not a value for it", s->name, text);
	print_words(words, sizeof(words), s);
	if (s->nr_words)
		advise("it takes one of: %s", words);
	else if (s->value->list)
		advise("it takes %s, or \"%s\"", s->value->form, s->empty);
	else if (value_scale(s->unit, "s"))
		advise("it takes %s: %s, or with a unit: 2s, 1m", s->value->form, s->unit);
	else if (value_scale(s->unit, "k"))
		advise("it takes %s: bytes, or with a unit: 64k, 16M, 1G", s->value->form);
	else
		advise("it takes %s", s->value->form);
	return EXIT_USAGE;
}

static bool put_list(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	char *copy, *rest, *item;

	if (!strcmp(text, s->empty)) {
		s->value->put_none(msg, s);
		return true;
	}
	copy = strdupa(text);
	rest = copy;
	while ((item = strsep(&rest, ",")))
		if (!s->value->put(msg, s, item))
			return false;
	return true;
}

int set_put(struct set *s, struct nlmsghdr *msg)
{
	const struct setting *setting;
	const char *text;
	size_t i;
	bool good;

	for (i = 0; i < s->nr; i++) {
		setting = s->pair[i].setting;
		text = s->pair[i].text;
		s->pair[i].offset = msg->nlmsg_len;
		good = setting->value->list ? put_list(msg, setting, text) :
			setting->value->put(msg, setting, text);
		if (!good)
			return bad_value(setting, text);
	}
	return EXIT_DONE;
}

/* The kernel says where it stumbled, not over what. */
static size_t find_pair(const struct set *s, const struct refusal *r)
{
	size_t i, found = s->nr;

	for (i = 0; i < s->nr; i++)
		if (r->offset >= s->pair[i].offset)
			found = i;
	return found;
}

int set_refused(const struct set *s, const struct refusal *r)
{
	size_t i = find_pair(s, r);
	const char *name;

	if (i == s->nr) {
		complain(EXIT_KERNEL, "set: %s", refusal_text(r));
		return EXIT_KERNEL;
	}
	name = s->pair[i].setting->name;
	if (!strcmp(r->text, "Unknown attribute type")) {
		complain(EXIT_KERNEL, "set %s: the module that is loaded has no such setting",
			 name);
		advise("it is older than this tool; nothing was changed");
		return EXIT_KERNEL;
	}
	complain(EXIT_KERNEL, "set %s %s: %s", name, s->pair[i].text, refusal_text(r));
	if (r->has_range)
		advise("allowed are %" PRIu64 " to %" PRIu64 " (%s)", r->min, r->max,
		       s->pair[i].setting->unit);
	if (s->nr > 1)
		advise("nothing was changed");
	return EXIT_KERNEL;
}

static int set(struct tool *t, int argc, char **argv)
{
	struct set s;
	int err;

	err = set_read(&s, argc, argv);
	if (err)
		return err;
	/* Once for the user, before the kernel is asked anything. */
	err = set_put(&s, genl_request(&t->genl, 0, 0));
	if (err)
		return err;
	err = tool_open(t);
	if (err)
		return err;
	err = set_put(&s, genl_request(&t->genl, SIPNAT_CMD_SETTINGS_SET, NLM_F_ACK));
	if (err || !genl_talk(&t->genl, NULL, NULL))
		return err;
	if (!t->genl.refusal.offset)
		return tool_refused(t, "set");
	return set_refused(&s, &t->genl.refusal);
}

static void words(FILE *out, int argc, char **argv)
{
	const struct setting *s;
	size_t i;

	if (argc % 2 == 0) {
		for (s = settings; s->name; s++)
			fprintf(out, "%s\n", s->name);
		return;
	}
	s = setting_find(argv[argc - 1]);
	if (!s)
		return;
	for (i = 0; i < s->nr_words; i++)
		if (s->words[i])
			fprintf(out, "%s\n", s->words[i]);
	if (s->value == &value_bool)
		fputs("on\noff\n", out);
	if (s->empty)
		fprintf(out, "%s\n", s->empty);
}

static void more(FILE *out)
{
	const struct setting *s;
	char words_text[128];

	fputs("\nAll of them are set, or none.  Times take ms, s, m, h, d behind the number,\n"
	      "sizes k, M, G; a list is replaced as a whole.\n\n", out);
	for (s = settings; s->name; s++) {
		fprintf(out, "  %-18s %s", s->name, s->what);
		if (strcmp(s->unit, "-"))
			fprintf(out, ", %s", s->unit);
		fputc('\n', out);
		print_words(words_text, sizeof(words_text), s);
		if (s->nr_words)
			fprintf(out, "  %-18s %s\n", "", words_text);
		else if (s->value->list)
			fprintf(out, "  %-18s %s; or %s\n", "", s->value->form, s->empty);
	}
}

const struct command command_set = {
	.name = "set",
	.usage = "NAME VALUE [NAME VALUE]...",
	.what = "change settings of this network namespace",
	.options = "",
	.run = set,
	.words = words,
	.more = more,
};
