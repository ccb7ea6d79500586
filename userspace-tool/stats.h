/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_STATS_H
#define SIPNAT_STATS_H

#include "json.h"
#include "table.h"
#include "tool.h"

/**
 * struct stats - counters on their way out
 * @tool: how they are wanted
 * @json: where to, or
 * @table: where to
 * @begun: there was something to print
 */
struct stats {
	struct tool *tool;
	struct json json;
	struct table table;
	bool begun;
};

/** stats_add - a counter: a message of the answer; @arg: the struct stats */
void stats_add(const struct nlmsghdr *msg, void *arg);

/**
 * stats_end - print what is left to print
 * @complete: false: reading them failed.  Then there is no empty list.
 */
void stats_end(struct stats *s, bool complete);

#endif
