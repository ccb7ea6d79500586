// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words for the shell's completion.
 */
#include <string.h>

#include "array.h"
#include "complete.h"

static void print_options(FILE *out, const char *letters)
{
	static const struct { char letter; const char *word; } words[] = {
		{ 'j', "--json" }, { 'd', "--details" }, { 'e', "--explain" },
		{ 'z', "--nonzero" }, { 'n', "--netns" }, { 'h', "--help" },
		{ 'V', "--version" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strchr(letters, words[i].letter))
			fprintf(out, "%s\n", words[i].word);
}

int complete(FILE *out, const struct command *const *commands, int argc, char **argv)
{
	for (; *commands; commands++) {
		if (!argc)
			fprintf(out, "%s\n", (*commands)->name);
		else if (!strcmp(argv[0], (*commands)->name))
			break;
	}
	if (!argc) {
		print_options(out, "jnhV");
		return EXIT_DONE;
	}
	if (!*commands)
		return EXIT_DONE;
	if ((*commands)->words)
		(*commands)->words(out, argc - 1, argv + 1);
	print_options(out, (*commands)->options);
	print_options(out, "nh");
	return EXIT_DONE;
}
