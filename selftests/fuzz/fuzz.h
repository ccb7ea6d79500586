/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: the checks of the unit tests, and inputs copied to
 * a block of exactly their size, so that AddressSanitizer sees every step
 * beyond it.
 */
#ifndef SELFTESTS_FUZZ_FUZZ_H
#define SELFTESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static inline char *fuzz_copy(const u8 *data, size_t size)
{
	char *p = malloc(size);

	check(p || !size);
	if (size)
		memcpy(p, data, size);
	return p;
}

#endif
