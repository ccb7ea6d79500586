/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_NETNS_H
#define SIPNAT_NETNS_H

/**
 * netns_enter - from here on work in that network namespace
 * @name: as "ip netns" lists it; with a slash: path of such a file
 *
 * Return: EXIT_DONE, or what to end with, said already.
 */
int netns_enter(const char *name);

#endif
