// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be set, within which bounds, and questions about it.
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

static const struct nst_ranges signal_default = { { RANGE(5060, 5061) } };

#define MEMBER(member) (((struct nst_settings *)0)->member)
#define SETTING(member, kind)				\
	.name = #member, .type = NST_SETTING_##kind,	\
	.offset = offsetof(struct nst_settings, member), .size = sizeof(MEMBER(member))

#define FLAG(member)					\
	{ SETTING(member, FLAG), .max = 1, .refusal = #member " must be 0 or 1" }
#define NUMBER(member, low, high, usual, unit)		\
	{ SETTING(member, NUMBER), .min = low, .max = high, .def = usual, \
	  .refusal = #member " must be " #low " to " #high " " unit }
#define CHOICE(member, last, usual, words)		\
	{ SETTING(member, CHOICE), .max = last, .def = usual, \
	  .refusal = #member " must be " words }
#define PORTS(member)					\
	{ SETTING(member, PORTS), .max = NST_PORTS_MAX, \
	  .refusal = #member " must be at most 16 ports of 1 to 65535, or 0 for none" }
#define RANGES(member, usual)				\
	{ SETTING(member, RANGES), .max = NST_RANGES_MAX, .ranges = usual, \
	  .refusal = #member " must be at most 32 ranges of ports, 1 <= first <= last <= 65535" }
#define PREFIXES(member)				\
	{ SETTING(member, PREFIXES), .max = NST_PREFIXES_MAX, \
	  .refusal = #member " must be at most 8 prefixes of 0 to 32 (IPv4) or 128 (IPv6) bits" }

/*
 * Documentation/settings.rst is made from this table: a comment in front of a
 * line says why its bounds and its default are what they are.
 */
const struct nst_setting nst_setting_table[NST_SETTINGS_NR] = {
	/* In the initial namespace those of the module parameter ports=. */
	PORTS(ports),
	FLAG(debug),
	/* A sender's time-out is 200 ms at least; a burst is over in 10 ms. */
	NUMBER(ack_delay, 1, 200, 10, "ms"),
	/* 64 * T1: a transaction is over by then (RFC 3261 17.1.1.2). */
	NUMBER(hold_timeout, 1000, 600000, 32000, "ms"),
	/* A minute is as long as an administrator waits for rmmod. */
	NUMBER(unload_timeout, 0, 60000, 10000, "ms"),
	CHOICE(on_error, NST_ON_ERROR_RESET, NST_ON_ERROR_PASS, "pass or reset"),
	/* No message that is of use has fewer bytes of headers than 512. */
	NUMBER(header_max, 512, 65535, 16384, "bytes"),
	/* 0: no body is rewritten, all descriptions pass as they are. */
	NUMBER(body_max, 0, 65535, 40960, "bytes"),
	/* At least header_max and body_max together. */
	NUMBER(hold_max, 8192, 1048576, 163840, "bytes"),
	/* One connection may need 1 MiB; the counts are of 32 bits. */
	NUMBER(mem_max, 1048576, 2147483648, 67108864, "bytes"),
	NUMBER(host_share, 1, 100, 25, "percent"),
	/* By default a quarter of what nf_conntrack_max is when the namespace begins. */
	NUMBER(calls_max, 1, 4194304, 65536, "calls"),
	NUMBER(bindings_max, 1, 4194304, 65536, "bindings"),
	/* Audio alone takes two; no more than 255 can be counted. */
	NUMBER(doors_per_call, 2, 255, 32, "doors"),
	/* Doors have a life of seven days at most. */
	NUMBER(call_timeout, 60, 604800, 43200, "s"),
	/* Timer C (RFC 3261 16.6 step 11). */
	NUMBER(ringing_timeout, 10, 3600, 180, "s"),
	NUMBER(media_idle, 10, 86400, 300, "s"),
	/* Doors have a life of seven days at most. */
	NUMBER(binding_max, 60, 604800, 86400, "s"),
	CHOICE(media_filter, NST_FILTER_OFF, NST_FILTER_PEER, "any, peer, peer-port or off"),
	/* By default the signalling host alone. */
	PREFIXES(media_hosts),
	CHOICE(signalling_filter, NST_FILTER_OFF, NST_FILTER_PEER, "any, peer or off"),
	RANGES(signal_ports, &signal_default),
	CHOICE(contact, NST_CONTACT_CONNECTION, NST_CONTACT_DOOR, "door or connection"),
	/* Services that are usually meant for the inside alone. */
	RANGES(door_deny, &deny_default),
	/* By default any. */
	RANGES(door_public_ports, NULL),
};

void nst_settings_default(struct nst_settings *set)
{
	const struct nst_setting *s;

	memset(set, 0, sizeof(*set));
	for (s = nst_setting_table; s < nst_setting_table + NST_SETTINGS_NR; s++) {
		if (s->ranges)
			memcpy(nst_setting_at(set, s), s->ranges, s->size);
		else if (s->def)
			nst_setting_put(set, s, s->def);
	}
}

/* Registrations and calls have a signalling peer's address, not its port. */
static bool choice_exists(const struct nst_setting *s, u32 val)
{
	return s->offset != offsetof(struct nst_settings, signalling_filter) ||
	       val != NST_FILTER_PEER_PORT;
}

int nst_setting_put(struct nst_settings *set, const struct nst_setting *s, u32 val)
{
	void *p = nst_setting_at(set, s);

	if (val < s->min || val > s->max || !choice_exists(s, val))
		return -ERANGE;
	switch (s->type) {
	case NST_SETTING_FLAG:
		*(bool *)p = val;
		return 0;
	case NST_SETTING_NUMBER:
		*(u32 *)p = val;
		return 0;
	case NST_SETTING_CHOICE:
		*(u8 *)p = val;
		return 0;
	}
	return -ERANGE;
}

u32 nst_setting_value(const struct nst_settings *set, const struct nst_setting *s)
{
	const void *p = (const char *)set + s->offset;

	switch (s->type) {
	case NST_SETTING_FLAG:
		return *(const bool *)p;
	case NST_SETTING_NUMBER:
		return *(const u32 *)p;
	case NST_SETTING_CHOICE:
		return *(const u8 *)p;
	}
	return 0;
}

int nst_range_put(struct nst_ranges *r, unsigned int n, u32 first, u32 last)
{
	if (n >= NST_RANGES_MAX)
		return -E2BIG;
	if (!first || first > last || last > 65535)
		return -ERANGE;
	r->range[n] = RANGE(first, last);
	return 0;
}

static void cut_prefix(struct nst_prefix *p)
{
	u32 i = p->len / 8;

	if (p->len % 8)
		p->addr.ip[i++] &= 0xff00 >> p->len % 8;
	while (i < sizeof(p->addr.ip))
		p->addr.ip[i++] = 0;
}

int nst_prefix_put(struct nst_prefix *list, unsigned int n,
		   const struct nst_addr *addr, u32 len)
{
	if (n >= NST_PREFIXES_MAX)
		return -E2BIG;
	if ((addr->family != 4 && addr->family != 6) || len > (addr->family == 4 ? 32 : 128))
		return -ERANGE;
	list[n] = (struct nst_prefix){ .addr = *addr, .len = len };
	cut_prefix(&list[n]);
	return 0;
}

const char *nst_settings_conflict(const struct nst_settings *set)
{
	if (set->hold_max >= set->header_max + set->body_max)
		return NULL;
	return "hold_max must be at least header_max and body_max together";
}

bool nst_ranges_meet(const struct nst_ranges *r, u16 first, u16 last)
{
	unsigned int i;

	for (i = 0; i < NST_RANGES_MAX && r->range[i]; i++)
		/* Most are of ports below those of media. */
		if (first <= (u16)r->range[i] && last >= r->range[i] >> 16)
			return true;
	return false;
}

static bool prefix_has(const struct nst_prefix *p, const struct nst_addr *addr)
{
	u8 bytes = p->len / 8, rest = p->len % 8;

	if (p->addr.family != addr->family ||
	    memcmp(p->addr.ip, addr->ip, bytes) != 0)
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
