// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat: look at the SIP helper of the NAT, and steer it.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "help.h"
#include "nearest.h"
#include "netns.h"
#include "tool.h"

static const struct command *const commands[] = {
	&command_show, &command_stats, &command_set, &command_trace, &command_monitor, NULL,
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "details", no_argument, NULL, 'd' },
	{ "explain", no_argument, NULL, 'e' },
	{ "nonzero", no_argument, NULL, 'z' },
	{ "netns", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/**
 * struct line - the command line
 * @tool: what is wanted
 * @given: letters of the options that only some commands take
 * @netns: network namespace, or NULL
 * @help: --help
 * @version: --version
 */
struct line {
	struct tool tool;
	char given[8];
	const char *netns;
	bool help;
	bool version;
};

/* Not every command has these. */
static bool take_output_option(struct line *l, int letter)
{
	if (letter == 'j')
		l->tool.json = true;
	else if (letter == 'd')
		l->tool.details = true;
	else if (letter == 'e')
		l->tool.explain = true;
	else
		l->tool.nonzero = true;
	if (!strchr(l->given, letter))
		l->given[strlen(l->given)] = (char)letter;
	return true;
}

static bool take_option(struct line *l, int letter)
{
	switch (letter) {
	case 'j':
	case 'd':
	case 'e':
	case 'z':
		return take_output_option(l, letter);
	case 'n':
		l->netns = optarg;
		return true;
	case 'h':
		l->help = true;
		return true;
	case 'V':
		l->version = true;
		return true;
	}
	return false;
}

static const char *command_name(const void *list, size_t i)
{
	const struct command *const *c = list;

	return c[i] ? c[i]->name : NULL;
}

static const struct command *find_command(const char *word)
{
	size_t i;

	for (i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, word))
			return commands[i];
	complain(EXIT_USAGE, "there is no command \"%s\"", word);
	advise_nearest(word, command_name, commands);
	advise("\"sipnat --help\" lists them");
	return NULL;
}

static int check_given(const struct line *l, const struct command *c)
{
	const struct option *o;

	for (o = long_options; o->name; o++)
		if (strchr(l->given, o->val) && !strchr(c->options, o->val))
			return complain(EXIT_USAGE, "\"%s\" takes no --%s", c->name, o->name);
	return EXIT_DONE;
}

static int run_command(struct line *l, const struct command *c, int argc, char **argv)
{
	int err = check_given(l, c);

	if (!err && l->netns)
		err = netns_enter(l->netns);
	if (!err)
		err = c->run(&l->tool, argc, argv);
	genl_close(&l->tool.genl);
	return err;
}

static int run_line(struct line *l, int argc, char **argv)
{
	const struct command *c;

	if (l->version) {
		fputs("sipnat " SIPNAT_VERSION "\n", stdout);
		return EXIT_DONE;
	}
	if (!argc && l->help) {
		help_general(stdout, commands);
		return EXIT_DONE;
	}
	if (!argc) {
		help_general(stderr, commands);
		return EXIT_USAGE;
	}
	c = find_command(argv[0]);
	if (!c)
		return EXIT_USAGE;
	if (!l->help)
		return run_command(l, c, argc - 1, argv + 1);
	help_command(stdout, c);
	return EXIT_DONE;
}

/* What was not written was not done: a full disk, a closed pipe. */
static int close_output(int err)
{
	bool failed = ferror(stdout);

	/* Both, for it is here that most of it is written. */
	failed |= fclose(stdout) != 0;
	if (failed && !err)
		return complain(EXIT_KERNEL, "cannot write what was found: %m");
	return err;
}

int main(int argc, char **argv)
{
	struct line l = { .tool = { .out = stdout } };
	int letter;

	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return close_output(complete(stdout, commands, argc - 2, argv + 2));
	while ((letter = getopt_long(argc, argv, "jdezn:hV", long_options, NULL)) != -1) {
		if (take_option(&l, letter))
			continue;
		advise("\"sipnat --help\" lists the options");
		return EXIT_USAGE;
	}
	return close_output(run_line(&l, argc - optind, argv + optind));
}
