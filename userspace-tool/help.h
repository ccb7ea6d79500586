/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_HELP_H
#define SIPNAT_HELP_H

#include "tool.h"

/** help_general - all commands and options; @commands ends with NULL */
void help_general(FILE *out, const struct command *const *commands);

/** help_command - all about one */
void help_command(FILE *out, const struct command *c);

#endif
