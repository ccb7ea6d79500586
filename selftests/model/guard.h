/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes between walls: what is put here ends at an unmapped page, and under
 * AddressSanitizer the byte in front of it is poisoned.
 */
#ifndef SELFTESTS_MODEL_GUARD_H
#define SELFTESTS_MODEL_GUARD_H

#include <stddef.h>

/* Longest input. */
#define GUARD_MAX (256 * 1024)

/*
 * A copy of @len bytes whose last byte is the last one of its page.  It is
 * valid until the next call.
 */
char *guard_put(const void *data, size_t len);

#endif
