/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SETTINGS_H
#define NF_NAT_SIP_TCP_SETTINGS_H

#include "addr.h"

#define NST_PORTS_MAX 16
#define NST_RANGES_MAX 32
#define NST_PREFIXES_MAX 8

/**
 * struct nst_ranges - a set of port ranges
 * @range: first port in the upper half, last one in the lower; 0: unused, and
 *	so are all behind it.  Single words, so that readers need no lock.
 */
struct nst_ranges {
	u32 range[NST_RANGES_MAX];
};

/**
 * struct nst_prefix - an address prefix
 * @addr: address; family 0: unused
 * @len: leading bits that count
 */
struct nst_prefix {
	struct nst_addr addr;
	u8 len;
};

/**
 * enum nst_filter - who may send to an open door (RFC 4787 section 5)
 * @NST_FILTER_ANY: everybody (endpoint-independent)
 * @NST_FILTER_PEER: the address of the answer, any port (address-dependent);
 *	for signalling: the registrar's, or that of the call's signalling peer
 * @NST_FILTER_PEER_PORT: the address and port of the answer; media only
 * @NST_FILTER_OFF: no doors of this kind: SDP, or Contact, keeps what it says
 */
enum nst_filter {
	NST_FILTER_ANY,
	NST_FILTER_PEER,
	NST_FILTER_PEER_PORT,
	NST_FILTER_OFF,
};

/**
 * enum nst_on_error - what becomes of a connection that cannot be followed on
 * @NST_ON_ERROR_PASS: it goes opaque
 * @NST_ON_ERROR_RESET: both ends get a RST
 */
enum nst_on_error {
	NST_ON_ERROR_PASS,
	NST_ON_ERROR_RESET,
};

/**
 * enum nst_contact_rule - what a Contact with another port than that of its
 *	connection becomes (R4)
 * @NST_CONTACT_DOOR: the public side of a signalling door
 * @NST_CONTACT_CONNECTION: the translated source port, no door
 */
enum nst_contact_rule {
	NST_CONTACT_DOOR,
	NST_CONTACT_CONNECTION,
};

/**
 * struct nst_settings - what a user can set, one copy per network namespace
 * @ports: ports of SIP over TCP to which the helper attaches by itself
 * @debug: print the trace
 * @ack_delay: wait before bytes held back are acknowledged, ms
 * @hold_timeout: longest wait for the rest of a message, ms
 * @unload_timeout: longest wait for connections when the module leaves, ms
 * @on_error: enum nst_on_error
 * @header_max: longest header block that is gathered, bytes
 * @body_max: longest body that is gathered to be rewritten, bytes
 * @hold_max: most bytes held, stored out of order and retained per direction
 * @mem_max: most memory of all connections, calls and bindings, bytes
 * @host_share: percentage of mem_max and calls_max that one inside host may
 *	have once half of the whole is in use
 * @calls_max: most calls at once
 * @bindings_max: most bindings at once
 * @doors_per_call: most doors of one call
 * @call_timeout: life of an answered call without signalling, s
 * @ringing_timeout: life of a call that is not answered, s
 * @media_idle: life of a call without media and without a signalling
 *	connection, s
 * @binding_max: longest life of a binding, s
 * @media_filter: who may send to a media door, enum nst_filter
 * @media_hosts: other inside hosts whose addresses in SDP are translated, too;
 *	first one of family 0: the signalling host alone
 * @signalling_filter: who may connect to a signalling door, enum nst_filter
 * @signal_ports: inside ports to which a signalling door may lead
 * @contact: enum nst_contact_rule
 * @door_deny: inside ports to which no media door may lead
 * @door_public_ports: public ports that doors may take; empty: any
 *
 * Valid ranges, defaults and units are those of nst_setting_table.
 */
struct nst_settings {
	u16 ports[NST_PORTS_MAX];
	bool debug;
	u32 ack_delay;
	u32 hold_timeout;
	u32 unload_timeout;
	u8 on_error;
	u32 header_max;
	u32 body_max;
	u32 hold_max;
	u32 mem_max;
	u32 host_share;
	u32 calls_max;
	u32 bindings_max;
	u32 doors_per_call;
	u32 call_timeout;
	u32 ringing_timeout;
	u32 media_idle;
	u32 binding_max;
	u8 media_filter;
	struct nst_prefix media_hosts[NST_PREFIXES_MAX];
	u8 signalling_filter;
	struct nst_ranges signal_ports;
	u8 contact;
	struct nst_ranges door_deny;
	struct nst_ranges door_public_ports;
};

/**
 * enum nst_setting_type - what a setting is, and how &struct nst_settings has it
 * @NST_SETTING_FLAG: bool
 * @NST_SETTING_NUMBER: u32
 * @NST_SETTING_CHOICE: u8, one of an enum
 * @NST_SETTING_PORTS: NST_PORTS_MAX u16; unused ones are 0 and at the end
 * @NST_SETTING_RANGES: &struct nst_ranges
 * @NST_SETTING_PREFIXES: NST_PREFIXES_MAX &struct nst_prefix
 */
enum nst_setting_type {
	NST_SETTING_FLAG,
	NST_SETTING_NUMBER,
	NST_SETTING_CHOICE,
	NST_SETTING_PORTS,
	NST_SETTING_RANGES,
	NST_SETTING_PREFIXES,
};

/* Members of &struct nst_settings. */
#define NST_SETTINGS_NR 25

/**
 * struct nst_setting - a setting, for all who set, check or describe it
 * @name: member of &struct nst_settings
 * @type: enum nst_setting_type
 * @offset: where it is there
 * @size: of the whole member
 * @min: smallest value
 * @max: largest value; of a list most entries
 * @def: default, unless it is a list
 * @ranges: default of NST_SETTING_RANGES; NULL: none
 * @refusal: what is said where it is refused: name and what is allowed
 */
struct nst_setting {
	const char *name;
	u8 type;
	u16 offset;
	u16 size;
	u32 min;
	u32 max;
	u32 def;
	const struct nst_ranges *ranges;
	const char *refusal;
};

/* In the order of &struct nst_settings. */
extern const struct nst_setting nst_setting_table[NST_SETTINGS_NR];

/** nst_setting_at - where a setting is */
static inline void *nst_setting_at(struct nst_settings *set, const struct nst_setting *s)
{
	return (char *)set + s->offset;
}

/**
 * nst_setting_put - give a flag, number or choice a value, if it is allowed
 *
 * Return: 0, or -ERANGE with nothing changed.
 */
int nst_setting_put(struct nst_settings *set, const struct nst_setting *s, u32 val);

/** nst_setting_value - value of a flag, number or choice */
u32 nst_setting_value(const struct nst_settings *set, const struct nst_setting *s);

/**
 * nst_range_put - put a range at place @n of a list of them
 *
 * Return: 0; -ERANGE where it is none; -E2BIG where there is no such place.
 */
int nst_range_put(struct nst_ranges *r, unsigned int n, u32 first, u32 last);

/**
 * nst_prefix_put - put a prefix at place @n of a list of NST_PREFIXES_MAX
 *
 * Bits of @addr behind the prefix are cleared.  Return: as nst_range_put().
 */
int nst_prefix_put(struct nst_prefix *list, unsigned int n,
		   const struct nst_addr *addr, u32 len);

/** nst_settings_conflict - what is wrong between settings that are each allowed, or NULL */
const char *nst_settings_conflict(const struct nst_settings *set);

/** nst_settings_default - fill in the defaults of nst_setting_table */
void nst_settings_default(struct nst_settings *set);

/** nst_ranges_meet - is a port from @first to @last in one of the ranges? */
bool nst_ranges_meet(const struct nst_ranges *r, u16 first, u16 last);

static inline bool nst_ranges_has(const struct nst_ranges *r, u16 port)
{
	return nst_ranges_meet(r, port, port);
}

/** nst_ranges_empty - is there no range at all? */
static inline bool nst_ranges_empty(const struct nst_ranges *r)
{
	return !r->range[0];
}

/** nst_prefixes_have - is this address covered by one of the prefixes? */
bool nst_prefixes_have(const struct nst_prefix *p, const struct nst_addr *addr);

/** nst_settings_has_port - is this one of &nst_settings.ports? */
bool nst_settings_has_port(const struct nst_settings *set, u16 port);

#endif
