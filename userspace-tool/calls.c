// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls, as they are shown.
 */
#include <linux/nf_nat_sip_tcp.h>

#include "noun.h"

static const char *const states[] = {
	[SIPNAT_CALL_EARLY] = "early",
	[SIPNAT_CALL_CONFIRMED] = "confirmed",
	[SIPNAT_CALL_ENDED] = "ended",
};

static const struct field fields[] = {
	FIELD(SIPNAT_A_CALL_ID, "id", hash),
	FIELD(SIPNAT_A_CALL_ZONE, "zone", uint),
	FIELD(SIPNAT_A_CALL_STATE, "state", word, WORDS(states)),
	FIELD(SIPNAT_A_CALL_OUTGOING, "outgoing", flag),
	FIELD(SIPNAT_A_CALL_INSIDE, "inside", addr),
	FIELD(SIPNAT_A_CALL_PEER, "peer", addr),
	FIELD(SIPNAT_A_CALL_DOORS, "doors", uint),
	FIELD(SIPNAT_A_CALL_EXPIRES, "expires_ms", ms),
	FIELD(SIPNAT_A_CALL_BYE, "bye", flag),
	FIELD(SIPNAT_A_CALL_CONNECTION, "connection", uint),
	FIELD(SIPNAT_A_CALL_ANCHOR, "anchor", uint),
	FIELD(SIPNAT_A_CALL_REASON, "reason_id", uint),
	FIELD(SIPNAT_A_CALL_REASON_NAME, "reason", string),
	{ 0 },
};

static const struct column columns[] = {
	COLUMN("ID", SIPNAT_A_CALL_ID),
	COLUMN("ZONE", SIPNAT_A_CALL_ZONE, .detail = true),
	COLUMN("STATE", SIPNAT_A_CALL_STATE),
	COLUMN("OUTGOING", SIPNAT_A_CALL_OUTGOING),
	COLUMN("INSIDE", SIPNAT_A_CALL_INSIDE),
	COLUMN("PEER", SIPNAT_A_CALL_PEER),
	COLUMN("DOORS", SIPNAT_A_CALL_DOORS),
	COLUMN("EXPIRES", SIPNAT_A_CALL_EXPIRES),
	COLUMN("CONNECTION", SIPNAT_A_CALL_CONNECTION),
	COLUMN("ANCHOR", SIPNAT_A_CALL_ANCHOR),
	COLUMN("BYE", SIPNAT_A_CALL_BYE, .detail = true),
	{ 0 },
};

const struct noun noun_calls = {
	.name = "calls",
	.event = "call",
	.what = "calls of inside hosts",
	.get = SIPNAT_CMD_CALL_GET,
	.notify = SIPNAT_CMD_CALL_NTF,
	.fields = fields,
	.columns = columns,
};
