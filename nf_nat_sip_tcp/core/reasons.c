// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and meanings of the reasons, out of the one list in reasons.h.
 */
#include <nf_nat_sip_tcp/env.h>

#define REASON_TEXT(id, name, meaning) \
	[NST_R_##id] = { name, meaning },

static const struct {
	const char *name;
	const char *meaning;
} reasons[] = { NST_REASONS(REASON_TEXT) };

const char *nst_reason_name(enum nst_reason reason)
{
	return (u32)reason < NST_R_MAX ? reasons[reason].name : "unknown";
}

const char *nst_reason_meaning(enum nst_reason reason)
{
	return (u32)reason < NST_R_MAX ? reasons[reason].meaning : "not a reason";
}
