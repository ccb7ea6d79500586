// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat trace
 */
#include <string.h>

#include "settings.h"
#include "tool.h"

static int trace(struct tool *t, int argc, char **argv)
{
	if (argc > 1)
		return complain(EXIT_USAGE, "trace: \"%s\" is too much", argv[1]);
	if (!argc || (strcmp(argv[0], "on") && strcmp(argv[0], "off"))) {
		complain(EXIT_USAGE, "trace: it is \"on\" or \"off\"");
		advise("\"sipnat show settings debug\" says which it is");
		return EXIT_USAGE;
	}
	return command_set.run(t, 2, (char *[]){ (char *)"debug", argv[0], NULL });
}

static void words(FILE *out, int argc, char **argv)
{
	(void)argv;
	if (!argc)
		fputs("on\noff\n", out);
}

const struct command command_trace = {
	.name = "trace",
	.usage = "on|off",
	.what = "print what is done with each message to the kernel log, or stop it",
	.help = "For this network namespace; the same as \"sipnat set debug on\".  Read it with\n"
		"\"dmesg -w\" or \"journalctl -kf\".\n",
	.options = "",
	.run = trace,
	.words = words,
};
