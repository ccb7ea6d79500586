/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_COMPLETE_H
#define SIPNAT_COMPLETE_H

#include "tool.h"

/**
 * complete - print what may come next on a command line, a word a line
 * @commands: ends with NULL
 * @argc: words of the line so far, options left out
 * @argv: the words
 *
 * For sipnat.bash-completion: names stand in one place.  Return: EXIT_DONE.
 */
int complete(FILE *out, const struct command *const *commands, int argc, char **argv);

#endif
