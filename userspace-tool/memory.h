/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_MEMORY_H
#define SIPNAT_MEMORY_H

#include "tool.h"

/** memory_show - sipnat show memory; an enum exit_code */
int memory_show(struct tool *t);

/** memory_print - out of the message that answers */
void memory_print(const struct nlmsghdr *msg, void *arg);

#endif
