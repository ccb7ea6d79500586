// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations, as they are shown.
 */
#include <linux/nf_nat_sip_tcp.h>

#include "noun.h"

static const char *const states[] = {
	[SIPNAT_BINDING_PENDING] = "pending",
	[SIPNAT_BINDING_ACTIVE] = "active",
	[SIPNAT_BINDING_ENDED] = "ended",
};

static const struct field fields[] = {
	FIELD(SIPNAT_A_BINDING_AOR, "aor", bytes),
	FIELD(SIPNAT_A_BINDING_ZONE, "zone", uint),
	FIELD(SIPNAT_A_BINDING_STATE, "state", word, WORDS(states)),
	FIELD(SIPNAT_A_BINDING_INSIDE, "inside", endpoint),
	FIELD(SIPNAT_A_BINDING_PUBLIC, "public", endpoint),
	FIELD(SIPNAT_A_BINDING_REGISTRAR, "registrar", addr),
	FIELD(SIPNAT_A_BINDING_FILTER, "filter", addr),
	FIELD(SIPNAT_A_BINDING_GRANTED, "granted_s", s),
	FIELD(SIPNAT_A_BINDING_EXPIRES, "expires_ms", ms),
	FIELD(SIPNAT_A_BINDING_ANCHOR, "anchor", uint),
	FIELD(SIPNAT_A_BINDING_REASON, "reason_id", uint),
	FIELD(SIPNAT_A_BINDING_REASON_NAME, "reason", string),
	{ 0 },
};

static const struct column columns[] = {
	COLUMN("STATE", SIPNAT_A_BINDING_STATE),
	COLUMN("ZONE", SIPNAT_A_BINDING_ZONE, .detail = true),
	COLUMN("INSIDE", SIPNAT_A_BINDING_INSIDE),
	COLUMN("PUBLIC", SIPNAT_A_BINDING_PUBLIC),
	COLUMN("REGISTRAR", SIPNAT_A_BINDING_REGISTRAR),
	COLUMN("FILTER", SIPNAT_A_BINDING_FILTER),
	COLUMN("GRANTED", SIPNAT_A_BINDING_GRANTED),
	COLUMN("EXPIRES", SIPNAT_A_BINDING_EXPIRES),
	COLUMN("ANCHOR", SIPNAT_A_BINDING_ANCHOR),
	COLUMN("AOR", SIPNAT_A_BINDING_AOR),
	{ 0 },
};

const struct noun noun_bindings = {
	.name = "bindings",
	.event = "binding",
	.what = "registrations of inside hosts",
	.get = SIPNAT_CMD_BINDING_GET,
	.notify = SIPNAT_CMD_BINDING_NTF,
	.fields = fields,
	.columns = columns,
};
