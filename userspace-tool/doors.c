// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doors, as they are shown.
 */
#include <netinet/in.h>

#include <linux/nf_nat_sip_tcp.h>

#include "noun.h"

static const char *const transports[] = {
	[IPPROTO_TCP] = "tcp",
	[IPPROTO_UDP] = "udp",
};

static const char *const states[] = {
	[SIPNAT_DOOR_RESERVED] = "reserved",
	[SIPNAT_DOOR_OPEN] = "open",
	[SIPNAT_DOOR_CLOSED] = "closed",
};

static const char *const kinds[] = {
	[SIPNAT_DOOR_KIND_MEDIA] = "media",
	[SIPNAT_DOOR_KIND_SIGNALLING] = "signalling",
};

static const struct field fields[] = {
	FIELD(SIPNAT_A_DOOR_STATE, "state", word, WORDS(states)),
	FIELD(SIPNAT_A_DOOR_KIND, "kind", word, WORDS(kinds)),
	FIELD(SIPNAT_A_DOOR_TRANSPORT, "transport", word, WORDS(transports)),
	FIELD(SIPNAT_A_DOOR_ZONE, "zone", uint),
	FIELD(SIPNAT_A_DOOR_PUBLIC, "public", endpoint),
	FIELD(SIPNAT_A_DOOR_INSIDE, "inside", endpoint),
	FIELD(SIPNAT_A_DOOR_FILTER, "filter", endpoint),
	FIELD(SIPNAT_A_DOOR_FLOWS, "flows", uint),
	FIELD(SIPNAT_A_DOOR_ANCHOR, "anchor", uint),
	{ 0 },
};

static const struct column columns[] = {
	COLUMN("STATE", SIPNAT_A_DOOR_STATE),
	COLUMN("KIND", SIPNAT_A_DOOR_KIND),
	COLUMN("TRANSPORT", SIPNAT_A_DOOR_TRANSPORT),
	COLUMN("ZONE", SIPNAT_A_DOOR_ZONE, .detail = true),
	COLUMN("PUBLIC", SIPNAT_A_DOOR_PUBLIC),
	COLUMN("INSIDE", SIPNAT_A_DOOR_INSIDE),
	COLUMN("FILTER", SIPNAT_A_DOOR_FILTER),
	COLUMN("FLOWS", SIPNAT_A_DOOR_FLOWS),
	COLUMN("ANCHOR", SIPNAT_A_DOOR_ANCHOR),
	{ 0 },
};

const struct noun noun_doors = {
	.name = "doors",
	.event = "door",
	.what = "public ports that lead to inside ports",
	.get = SIPNAT_CMD_DOOR_GET,
	.notify = SIPNAT_CMD_DOOR_NTF,
	.fields = fields,
	.columns = columns,
};
