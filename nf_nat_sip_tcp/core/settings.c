// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defaults of what can be set, and questions about it.
 */
#include <nf_nat_sip_tcp/settings.h>

#define RANGE(first, last) ((u32)(first) << 16 | (last))
#define PORT(port) RANGE(port, port)

/*
 * Services above 1023 that are usually meant for the inside alone.  A message
 * that names one of them as its media port is an attack on it or a mistake
 * (NAT slipstreaming), whatever protocol the service is known for.
 */
static const struct nst_ranges deny_default = { {
	PORT(1194), RANGE(1433, 1434), PORT(1521), PORT(1701), RANGE(1812, 1813),
	PORT(1900), PORT(2049), PORT(2375), PORT(3128), PORT(3306), PORT(3389),
	PORT(3702), PORT(4500), PORT(4789), RANGE(5060, 5061), PORT(5353),
	PORT(5355), PORT(5432), PORT(5555), PORT(5900), PORT(6081), PORT(6379),
	PORT(8080), PORT(8443), PORT(9100), PORT(9200), PORT(11211), PORT(27017),
	PORT(51820),
} };

void nst_settings_default(struct nst_settings *set)
{
	*set = (struct nst_settings){
		/* Shorter than any sender's time-out, longer than a burst. */
		.ack_delay = 10,
		/* 64 * T1: a transaction is over by then (RFC 3261 17.1.1.2). */
		.hold_timeout = 32 * 1000,
		.unload_timeout = 10 * 1000,
		.header_max = 16 * 1024,
		.body_max = 40 * 1024,
		.hold_max = 160 * 1024,
		.mem_max = 64U << 20,
		.host_share = 25,
		.calls_max = 65536,
		.bindings_max = 65536,
		.doors_per_call = 32,
		.call_timeout = 12 * 60 * 60,
		/* Timer C (RFC 3261 16.6 step 11). */
		.ringing_timeout = 3 * 60,
		.media_idle = 5 * 60,
		.binding_max = 24 * 60 * 60,
		.media_filter = NST_FILTER_PEER,
		.signalling_filter = NST_FILTER_PEER,
		.signal_ports = { { RANGE(5060, 5061) } },
		.door_deny = deny_default,
	};
}

bool nst_ranges_has(const struct nst_ranges *r, u16 port)
{
	unsigned int i;

	for (i = 0; i < NST_RANGES_MAX && r->range[i]; i++)
		if (port >= r->range[i] >> 16 && port <= (r->range[i] & 0xffff))
			return true;
	return false;
}

static bool prefix_has(const struct nst_prefix *p, const struct nst_addr *addr)
{
	u8 bytes = p->len / 8, rest = p->len % 8;

	if (p->addr.family != addr->family || memcmp(p->addr.ip, addr->ip, bytes))
		return false;
	return !rest || !((p->addr.ip[bytes] ^ addr->ip[bytes]) >> (8 - rest));
}

bool nst_prefixes_have(const struct nst_prefix *p, const struct nst_addr *addr)
{
	unsigned int i;

	for (i = 0; i < NST_PREFIXES_MAX && p[i].addr.family; i++)
		if (prefix_has(&p[i], addr))
			return true;
	return false;
}

bool nst_settings_has_port(const struct nst_settings *set, u16 port)
{
	unsigned int i;

	for (i = 0; i < NST_PORTS_MAX && set->ports[i]; i++)
		if (set->ports[i] == port)
			return true;
	return false;
}
