// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "shortage.h"

void each_allocation_fails(void (*story)(struct world *w))
{
	struct world *w = world_new();
	u32 n = w->allocs, all;

	story(w);
	all = w->allocs;
	world_free(w);
	assert_true(all > n);
	while (++n <= all) {
		w = world_new();
		w->fail_alloc = n;
		story(w);
		assert_true(w->allocs >= n);
		world_free(w);
	}
}

void each_reservation_fails(void (*story)(struct world *w), u32 least,
			    void (*judge)(struct world *w))
{
	struct world *w = world_new();
	u32 n, all;

	story(w);
	all = w->reserves;
	world_free(w);
	assert_true(all >= least);
	for (n = 1; n <= all; n++) {
		w = world_new();
		w->fail_reserve = n;
		w->reserve_error = n % 2 ? -EADDRINUSE : -EMFILE;
		story(w);
		judge(w);
		world_free(w);
	}
}
