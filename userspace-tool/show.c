// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat show
 */
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "array.h"
#include "memory.h"
#include "nearest.h"
#include "noun.h"
#include "settings.h"
#include "tool.h"

const struct noun *const nouns[] = {
	&noun_connections, &noun_calls, &noun_bindings, &noun_doors, NULL,
};

/* What is no list comes behind the lists. */
static const char *const others[] = { "settings", "memory", NULL };

static const char *noun_name(const void *list, size_t i)
{
	const struct noun *const *n = list;
	size_t lists = ARRAY_SIZE(nouns) - 1;

	return i < lists ? n[i]->name : others[i - lists];
}

static void add_record(const struct nlmsghdr *msg, void *arg)
{
	const void *attrs;
	size_t len;

	attrs = genl_attrs(msg, &len);
	records_add(arg, attrs, len);
}

static int show_list(struct tool *t, const struct noun *n)
{
	struct json json = { .out = t->out };
	struct records r = {
		.fields = n->fields,
		.columns = n->columns,
		.details = t->details,
		.json = t->json ? &json : NULL,
	};
	int err = tool_open(t);

	if (err)
		return err;
	genl_request(&t->genl, n->get, NLM_F_DUMP);
	err = genl_talk(&t->genl, add_record, &r);
	records_end(&r, t->out, !err);
	if (err)
		return tool_refused(t, n->name);
	tool_interrupted(t, n->name);
	return EXIT_DONE;
}

static int no_noun(const char *word)
{
	if (!word) {
		complain(EXIT_USAGE, "show: what?");
	} else {
		complain(EXIT_USAGE, "show: there is no \"%s\"", word);
		advise_nearest(word, noun_name, nouns);
	}
	advise("\"sipnat show --help\" lists what there is");
	return EXIT_USAGE;
}

static int show(struct tool *t, int argc, char **argv)
{
	size_t i;

	if (!argc)
		return no_noun(NULL);
	if (!strcmp(argv[0], "settings"))
		return settings_show(t, argc - 1, argv + 1);
	for (i = 0; noun_name(nouns, i); i++)
		if (!strcmp(noun_name(nouns, i), argv[0]))
			break;
	if (!noun_name(nouns, i))
		return no_noun(argv[0]);
	if (argc > 1)
		return complain(EXIT_USAGE, "show %s: \"%s\" is too much", argv[0], argv[1]);
	if (!strcmp(argv[0], "memory"))
		return memory_show(t);
	return show_list(t, nouns[i]);
}

static void words(FILE *out, int argc, char **argv)
{
	size_t i;

	if (argc && !strcmp(argv[0], "settings"))
		settings_names(out);
	if (argc)
		return;
	for (i = 0; noun_name(nouns, i); i++)
		fprintf(out, "%s\n", noun_name(nouns, i));
}

static void more(FILE *out)
{
	const struct noun *const *n;

	fputc('\n', out);
	for (n = nouns; *n; n++)
		fprintf(out, "  %-20s %s\n", (*n)->name, (*n)->what);
	fprintf(out, "  %-20s what is in use of memory and of everything else\n", "memory");
	fprintf(out, "  %-20s all settings, or those named\n", "settings [NAME]...");
	fputs("\nA line a record; columns are parted by blanks, and hold none.  What is not\n"
	      "there is \"-\".  sipnat(8) says what the columns mean.\n", out);
}

const struct command command_show = {
	.name = "show",
	.usage = "connections|calls|bindings|doors|memory|settings",
	.what = "list what the module keeps, or its settings",
	.options = "jd",
	.run = show,
	.words = words,
	.more = more,
};
