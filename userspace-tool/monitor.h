/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_MONITOR_H
#define SIPNAT_MONITOR_H

#include "tool.h"

/** monitor_print - a line about an event; @arg: the struct tool */
void monitor_print(const struct nlmsghdr *msg, void *arg);

#endif
