// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections, as they are shown.
 */
#include <linux/nf_nat_sip_tcp.h>

#include "noun.h"

static const char *const states[] = {
	[SIPNAT_CONNECTION_SYN] = "syn",
	[SIPNAT_CONNECTION_SYN_ACK] = "syn-ack",
	[SIPNAT_CONNECTION_FOLLOWED] = "followed",
	[SIPNAT_CONNECTION_OPAQUE] = "opaque",
};

static const struct field flow_fields[] = {
	FIELD(SIPNAT_A_FLOW_HELD, "held", uint),
	FIELD(SIPNAT_A_FLOW_HELD_MS, "held_ms", uint),
	FIELD(SIPNAT_A_FLOW_RETAINED, "retained", uint),
	FIELD(SIPNAT_A_FLOW_OFFSET, "offset", int),
	FIELD(SIPNAT_A_FLOW_IN_FLIGHT, "in_flight", uint),
	FIELD(SIPNAT_A_FLOW_RESENDS, "resends", uint),
	FIELD(SIPNAT_A_FLOW_SPOKE, "spoke", flag),
	FIELD(SIPNAT_A_FLOW_STORED, "stored", uint),
	FIELD(SIPNAT_A_FLOW_RTT, "rtt", uint),
	FIELD(SIPNAT_A_FLOW_RTO, "rto", uint),
	{ 0 },
};

static const struct field fields[] = {
	FIELD(SIPNAT_A_CONNECTION_ID, "id", uint),
	FIELD(SIPNAT_A_CONNECTION_ZONE, "zone", uint),
	FIELD(SIPNAT_A_CONNECTION_STATE, "state", word, WORDS(states)),
	FIELD(SIPNAT_A_CONNECTION_CLIENT, "client", endpoint),
	FIELD(SIPNAT_A_CONNECTION_CLIENT_PUBLIC, "client_public", endpoint),
	FIELD(SIPNAT_A_CONNECTION_SERVER, "server", endpoint),
	FIELD(SIPNAT_A_CONNECTION_SERVER_PUBLIC, "server_public", endpoint),
	FIELD(SIPNAT_A_CONNECTION_ORIGINAL, "original", nest, .fields = flow_fields),
	FIELD(SIPNAT_A_CONNECTION_REPLY, "reply", nest, .fields = flow_fields),
	FIELD(SIPNAT_A_CONNECTION_MEMORY, "memory", uint),
	FIELD(SIPNAT_A_CONNECTION_REASON, "reason_id", uint),
	FIELD(SIPNAT_A_CONNECTION_REASON_NAME, "reason", string),
	FIELD(SIPNAT_A_CONNECTION_REASON_MEANING, "meaning", string),
	{ 0 },
};

/* O_: what the client sends, the original direction; R_: what the server replies. */
#define O_COLUMN(head_, flow, ...)					\
	COLUMN("O_" head_, SIPNAT_A_CONNECTION_ORIGINAL,		\
	       .inner = SIPNAT_A_FLOW_##flow, ##__VA_ARGS__)
#define R_COLUMN(head_, flow, ...)					\
	COLUMN("R_" head_, SIPNAT_A_CONNECTION_REPLY,			\
	       .inner = SIPNAT_A_FLOW_##flow, ##__VA_ARGS__)

static const struct column columns[] = {
	COLUMN("ID", SIPNAT_A_CONNECTION_ID),
	COLUMN("ZONE", SIPNAT_A_CONNECTION_ZONE, .detail = true),
	COLUMN("STATE", SIPNAT_A_CONNECTION_STATE),
	COLUMN("CLIENT", SIPNAT_A_CONNECTION_CLIENT),
	COLUMN("CLIENT_PUBLIC", SIPNAT_A_CONNECTION_CLIENT_PUBLIC),
	COLUMN("SERVER", SIPNAT_A_CONNECTION_SERVER),
	COLUMN("SERVER_PUBLIC", SIPNAT_A_CONNECTION_SERVER_PUBLIC, .detail = true),
	O_COLUMN("HELD", HELD),
	R_COLUMN("HELD", HELD),
	O_COLUMN("HELD_MS", HELD_MS, .detail = true),
	R_COLUMN("HELD_MS", HELD_MS, .detail = true),
	O_COLUMN("RETAINED", RETAINED),
	R_COLUMN("RETAINED", RETAINED),
	O_COLUMN("STORED", STORED, .detail = true),
	R_COLUMN("STORED", STORED, .detail = true),
	O_COLUMN("OFFSET", OFFSET),
	R_COLUMN("OFFSET", OFFSET),
	O_COLUMN("IN_FLIGHT", IN_FLIGHT, .detail = true),
	R_COLUMN("IN_FLIGHT", IN_FLIGHT, .detail = true),
	O_COLUMN("RESENDS", RESENDS, .detail = true),
	R_COLUMN("RESENDS", RESENDS, .detail = true),
	O_COLUMN("RTT", RTT, .detail = true),
	R_COLUMN("RTT", RTT, .detail = true),
	O_COLUMN("RTO", RTO, .detail = true),
	R_COLUMN("RTO", RTO, .detail = true),
	O_COLUMN("SPOKE", SPOKE, .detail = true),
	R_COLUMN("SPOKE", SPOKE, .detail = true),
	COLUMN("MEMORY", SIPNAT_A_CONNECTION_MEMORY),
	COLUMN("REASON", SIPNAT_A_CONNECTION_REASON_NAME),
	{ 0 },
};

const struct noun noun_connections = {
	.name = "connections",
	.event = "connection",
	.what = "connections that are followed, and why others are opaque",
	.get = SIPNAT_CMD_CONNECTION_GET,
	.notify = SIPNAT_CMD_CONNECTION_NTF,
	.fields = fields,
	.columns = columns,
};
