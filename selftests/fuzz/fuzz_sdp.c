// SPDX-License-Identifier: GPL-2.0-only
/*
 * Session descriptions.  A whole message is fine as input, too: its body is
 * taken, so that the corpus of messages serves.
 */
#include "fuzz.h"

static struct sdp sdp;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	u32 len = (u32)size;

	check_sdp(&sdp, p, span_of(header_end(p, len), len));
	free(p);
	return 0;
}
