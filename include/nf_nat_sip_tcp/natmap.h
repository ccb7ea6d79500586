/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_NATMAP_H
#define NF_NAT_SIP_TCP_NATMAP_H

#include "rewrite.h"

/**
 * enum nst_place - where in a message a host and port stands
 * @NST_PLACE_URI: Request-URI
 * @NST_PLACE_CONTACT: Contact
 * @NST_PLACE_ROUTE: Route, Record-Route, Path and Service-Route
 * @NST_PLACE_VIA: sent-by of a Via
 * @NST_PLACE_NAME: From and To, which name a user and no socket
 * @NST_PLACE_USER: other headers that do: P-Asserted-Identity,
 *	P-Preferred-Identity, Referred-By, Diversion
 * @NST_PLACE_REFERENCE: Refer-To, Call-Info, Alert-Info: where the reader is to
 *	turn to for something
 */
enum nst_place {
	NST_PLACE_URI,
	NST_PLACE_CONTACT,
	NST_PLACE_ROUTE,
	NST_PLACE_VIA,
	NST_PLACE_NAME,
	NST_PLACE_USER,
	NST_PLACE_REFERENCE,
};

/**
 * struct nst_written - a host and port as a message has it
 * @place: where
 * @ep: address and port; port 0 where none is written
 * @default_port: what no port means there (RFC 3261 19.1.2)
 * @branch: half of a hash of the Via's branch; 0 where there is none
 * @door: port on the other side of the signalling door that is named; 0: none
 * @bare: the inside host writes no port for that door, if it is the default
 */
struct nst_written {
	enum nst_place place;
	struct nst_endpoint ep;
	u16 default_port;
	u32 branch;
	u16 door;
	bool bare;
};

/** place_names_user - does this place name a user, whatever his socket? */
static inline bool place_names_user(enum nst_place place)
{
	return place == NST_PLACE_NAME || place == NST_PLACE_USER;
}

/** natmap_translates - is the address of this end another one outside? */
bool natmap_translates(const struct nst_natmap *map, u8 end);

/** natmap_idle - is there nothing that this map could change in a text? */
bool natmap_idle(const struct nst_natmap *map);

/** natmap_host - keyed hash of an end's own address, and the zone */
u64 natmap_host(const struct nst_env *env, struct nst_natmap *map, u8 end, u16 zone);

/**
 * natmap_names - may a text sent by @dir with this address in it concern @map?
 *
 * What is to be known of a text for natmap_written() costs more than this answer.
 */
bool natmap_names(const struct nst_natmap *map, u8 dir, const struct nst_addr *addr);

/**
 * natmap_addr - an address without a port of its own (received=, maddr=)
 * @map: the map
 * @dir: who sent the text
 * @ep: the address, and the port that is known to go with it, or 0
 * @to: what the address becomes
 *
 * Return: true where it names a mapped end.
 */
bool natmap_addr(const struct nst_natmap *map, u8 dir, const struct nst_endpoint *ep,
		 struct nst_addr *to);

/**
 * natmap_rport - what rport= becomes beside an address that is @addr
 *
 * Return: true where address and port are those of a mapped end.
 */
bool natmap_rport(const struct nst_natmap *map, u8 dir, const struct nst_endpoint *ep,
		  u16 *to);

/**
 * natmap_written - what a host and port becomes in text sent by @dir (R4)
 * @map: the map; remembers how an end writes itself
 * @dir: who sent it
 * @w: what is written
 * @to: what it becomes; port 0: none is to be written
 *
 * Return: true where it names a mapped end.
 */
bool natmap_written(struct nst_natmap *map, u8 dir, const struct nst_written *w,
		    struct nst_endpoint *to);

#endif
