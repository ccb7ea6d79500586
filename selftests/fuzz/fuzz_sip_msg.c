// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing, whether framed or not: every span stays in its place.
 */
#include "fuzz.h"

static struct sip_msg msg;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	u32 len = (u32)size;
	u32 end = header_end(p, len);

	check_msg(&msg, p, end ? end : len, len);
	free(p);
	return 0;
}
