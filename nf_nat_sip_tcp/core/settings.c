// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defaults of what a user can set.
 */
#include <nf_nat_sip_tcp/env.h>

void nst_settings_default(struct nst_settings *set)
{
	*set = (struct nst_settings){
		.header_max = 16 * 1024,
		.body_max = 40 * 1024,
		.hold_max = 160 * 1024,
		/* Shorter than any sender's time-out, longer than a burst. */
		.ack_delay = 10,
		/* 64 * T1: a transaction is over by then (RFC 3261 17.1.1.2). */
		.hold_timeout = 32 * 1000,
		.calls_max = 65536,
		.doors_per_call = 32,
		.call_timeout = 12 * 60 * 60,
		/* Timer C (RFC 3261 16.6 step 11). */
		.ringing_timeout = 3 * 60,
		.media_filter = NST_FILTER_PEER,
	};
}
