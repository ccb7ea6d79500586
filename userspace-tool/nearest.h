/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_NEAREST_H
#define SIPNAT_NEAREST_H

#include <stdio.h>

/**
 * typedef name_at - one of a list of names: the @i-th, NULL behind the last
 */
typedef const char *(*name_at)(const void *list, size_t i);

/**
 * advise_nearest - say on stderr which names are closest to one that is none
 * @word: what was written
 * @at: gives the names
 * @list: for @at
 */
void advise_nearest(const char *word, name_at at, const void *list);

#endif
