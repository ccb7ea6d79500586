/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_SETTINGS_H
#define SIPNAT_SETTINGS_H

#include "tool.h"

/** settings_show - sipnat show settings [NAME]...; an enum exit_code */
int settings_show(struct tool *t, int argc, char **argv);

/**
 * struct settings_view - what of an answer is to be printed
 * @tool: how
 * @argc: number of @argv; 0: all settings
 * @argv: names of those to show
 * @missing: one that the module does not have, or NULL
 */
struct settings_view {
	struct tool *tool;
	int argc;
	char **argv;
	const char *missing;
};

/** settings_print - out of the message that answers; @arg: the view */
void settings_print(const struct nlmsghdr *msg, void *arg);

/** settings_names - names of all of them, a line each */
void settings_names(FILE *out);

#endif
