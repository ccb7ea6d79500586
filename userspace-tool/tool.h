/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_TOOL_H
#define SIPNAT_TOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "complain.h"
#include "genl.h"

/**
 * struct tool - what the command line asks for
 * @out: where results go
 * @json: as JSON
 * @details: every field, not only those that people ask for most
 * @explain: say what things mean
 * @nonzero: leave out what is zero
 * @genl: the kernel
 */
struct tool {
	FILE *out;
	bool json;
	bool details;
	bool explain;
	bool nonzero;
	struct genl genl;
};

/**
 * struct command - a word of the command line
 * @name: the word
 * @usage: what may follow
 * @what: what it does, in a line
 * @help: further text for --help, each line ended; may be NULL
 * @options: letters of the options that it takes, besides -h -n -V
 * @run: does it; words that follow, ends with NULL; returns an enum exit_code
 * @words: lists what may follow @argc words, for completion; may be NULL
 * @more: called for --help, to say more than @help; may be NULL
 */
struct command {
	const char *name;
	const char *usage;
	const char *what;
	const char *help;
	const char *options;
	int (*run)(struct tool *t, int argc, char **argv);
	void (*words)(FILE *out, int argc, char **argv);
	void (*more)(FILE *out);
};

/** tool_open - reach the module; an enum exit_code, said already */
int tool_open(struct tool *t);

/** tool_refused - say that the kernel refused: what, and what to do; EXIT_KERNEL */
int tool_refused(const struct tool *t, const char *what);

/** tool_failed - the same of an error that came without words */
int tool_failed(const char *what, int error);

#define SIPNAT_VERSION "0.1"

/** tool_interrupted - warn where a list changed while it was read */
void tool_interrupted(const struct tool *t, const char *what);

extern const struct command command_show;
extern const struct command command_stats;
extern const struct command command_set;
extern const struct command command_trace;
extern const struct command command_monitor;

#endif
