/* SPDX-License-Identifier: GPL-2.0-only */
/* A story told again and again, each time with something else missing. */
#ifndef SELFTESTS_UNIT_SHORTAGE_H
#define SELFTESTS_UNIT_SHORTAGE_H

#include "world.h"

/** each_allocation_fails - once for each allocation of @story, in a world of its own */
void each_allocation_fails(void (*story)(struct world *w));

/**
 * each_reservation_fails - once for each public port that @story asks for
 * @story: what happens
 * @least: it asks for so many at least
 * @judge: what must have come of it
 *
 * By turns no port is free, and the kernel's table is full.
 */
void each_reservation_fails(void (*story)(struct world *w), u32 least,
			    void (*judge)(struct world *w));

#endif
