// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and meanings of the reasons, out of the one list in reasons.h.
 */
#include <nf_nat_sip_tcp/env.h>

#define REASON_NAME(id, name, meaning) [NST_R_##id] = name,
static const char *const names[] = { NST_REASONS(REASON_NAME) };

#define REASON_MEANING(id, name, meaning) [NST_R_##id] = meaning,
static const char *const meanings[] = { NST_REASONS(REASON_MEANING) };

const char *nst_reason_name(enum nst_reason reason)
{
	return (u32)reason < NST_R_MAX ? names[reason] : "unknown";
}

const char *nst_reason_meaning(enum nst_reason reason)
{
	return (u32)reason < NST_R_MAX ? meanings[reason] : "not a reason";
}
