// SPDX-License-Identifier: GPL-2.0-only
/*
 * What --help says.
 */
#include <string.h>

#include "array.h"
#include "help.h"

static const struct {
	char letter;
	const char *text;
} options[] = {
	{ 'j', "  -j, --json        print JSON\n" },
	{ 'd', "  -d, --details     every field of a record\n" },
	{ 'e', "  -e, --explain     say what each counter counts\n" },
	{ 'z', "  -z, --nonzero     leave out counters that are zero\n" },
	{ 'n', "  -n, --netns NAME  work in this network namespace\n" },
	{ 'h', "  -h, --help        this text; after a command: about it\n" },
	{ 'V', "  -V, --version     version of the tool\n" },
};

#define GENERAL "nhV"

static void print_options(FILE *out, const char *letters)
{
	size_t i;

	fputs("\nOptions:\n", out);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (strchr(letters, options[i].letter))
			fputs(options[i].text, out);
}

void help_general(FILE *out, const struct command *const *commands)
{
	fputs("Usage: sipnat [OPTION]... COMMAND [ARGUMENT]...\n"
	      "Looks at the SIP helper of the NAT (module nf_nat_sip_tcp) and steers it.\n"
	      "\nCommands:\n", out);
	for (; *commands; commands++)
		fprintf(out, "  %-8s %s\n", (*commands)->name, (*commands)->what);
	print_options(out, "j" GENERAL);
	fputs("\n\"sipnat COMMAND --help\" says more, sipnat(8) all.\n"
	      "Exit status: 0 done, 1 the command line is wrong, 2 the kernel refused.\n", out);
}

void help_command(FILE *out, const struct command *c)
{
	char letters[16];

	fprintf(out, "Usage: sipnat [OPTION]... %s%s%s\n%c%s.\n", c->name,
		*c->usage ? " " : "", c->usage, c->what[0] - 'a' + 'A', c->what + 1);
	if (c->help)
		fprintf(out, "\n%s", c->help);
	if (c->more)
		c->more(out);
	snprintf(letters, sizeof(letters), "%s%s", c->options, GENERAL);
	print_options(out, letters);
}
