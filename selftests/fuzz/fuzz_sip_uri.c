// SPDX-License-Identifier: GPL-2.0-only
/*
 * URIs, lists of header values and of Vias, parameters.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct span s = span_of(0, (u32)size);
	char *p = fuzz_copy(data, size);
	struct span value;

	check_uri(p, s);
	check_values(p, s);
	check_vias(p, s);
	if (sip_param_find(p, s, "tag", &value))
		check_inside(value, s);
	free(p);
	return 0;
}
