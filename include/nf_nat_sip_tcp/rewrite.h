/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_REWRITE_H
#define NF_NAT_SIP_TCP_REWRITE_H

#include "addr.h"
#include "edit.h"
#include "env.h"
#include "sdp.h"
#include "sip_msg.h"

/**
 * struct nst_mapping - one end of a connection, on both sides of the NAT
 * @inside: address and port on the side of the end itself
 * @outside: address and port as the other end sees it
 *
 * Both are equal where that end is not translated.
 */
struct nst_mapping {
	struct nst_endpoint inside;
	struct nst_endpoint outside;
};

/* How many Via branches an alias remembers. */
#define NST_ALIAS_BRANCHES 16

/**
 * struct nst_alias - how an end writes its own address (R4)
 * @public: bit n: in places of kind n it wrote its public address last, see
 *	natmap.c; such places need no translation (N2)
 * @seen: a Contact with the own address was seen
 * @port: the port it wrote last in a Contact; 0: none written
 * @usual: the first Via that was made the port of the connection, and the
 *	first that was made that of a signalling door
 * @usual.port: port it wrote there, 0: none written
 * @usual.public_port: what that became; 0: unused
 * @via: ring of Vias that wrote, or became, something else than @usual; found
 *	again by the branch
 * @via.branch: half of a hash of the branch; 0: unused
 * @via.port: as in @usual
 * @via.public_port: as in @usual
 * @next: next place in @via
 * @route_seen: a Record-Route or Route with the own address was seen
 * @route_port: the port written last in one
 *
 * A client's TCP source port is not its listening port: its text says 5060
 * (or nothing), the public text says the port of a signalling door, or the
 * translated source port.  What comes back must read as the client wrote it,
 * Vias even where the door went in between.  A door itself knows how its
 * Contact was written; @port and @route_port are for the source port alone.
 */
struct nst_alias {
	u8 public;
	bool seen;
	u16 port;
	struct {
		u16 port;
		u16 public_port;
	} usual[2];
	struct {
		u32 branch;
		u16 port;
		u16 public_port;
	} via[NST_ALIAS_BRANCHES];
	u8 next;
	bool route_seen;
	u16 route_port;
};

/**
 * struct nst_host_hash - a host as it is hashed
 * @addr: its address; family 0: none yet
 * @zone: conntrack zone
 * @hash: keyed hash of both
 */
struct nst_host_hash {
	struct nst_addr addr;
	u16 zone;
	u64 hash;
};

/**
 * struct nst_natmap - the address map of a connection
 * @end: [0] the client (sends in the original direction), [1] the server
 * @alias: how each end writes itself
 * @host: for natmap_host(), what it has said last of each end
 *
 * Text sent by end d: end[d].inside becomes end[d].outside, and
 * end[!d].outside becomes end[!d].inside.
 */
struct nst_natmap {
	struct nst_mapping end[2];
	struct nst_alias alias[2];
	struct nst_host_hash host[2];
};

struct contact_value;

/**
 * struct rewrite - one message being rewritten
 * @env: surroundings
 * @map: address map of the connection
 * @conn: identity of the connection, for the trace
 * @dir: who sent it: 0 client, 1 server
 * @zone: conntrack zone
 * @index: number of the message in its segment, for the trace
 * @buf: the message from its first byte
 * @msg: parsed form of it
 * @sdp: the descriptions in the body, or NULL
 * @edits: where the changes go
 * @call: the call it belongs to, or NULL: then no media is translated
 * @contact: a Contact of it that was read already, or NULL
 * @branch: half of a hash of the topmost Via's branch; 0 where there is none
 * @body_complete: the whole body is in @buf
 */
struct rewrite {
	struct nst_env *env;
	struct nst_natmap *map;
	u64 conn;
	u8 dir;
	u16 zone;
	u16 index;
	const char *buf;
	const struct sip_msg *msg;
	const struct sdp *sdp;
	struct edits *edits;
	struct nst_call *call;
	const struct contact_value *contact;
	u32 branch;
	bool body_complete;
};

/**
 * rewrite_message - say what must change in a message
 *
 * One pass over the recorded headers, then SDP (dialog_media_port() gives
 * public ports), then Content-Length.  Only what names an address of @map
 * changes (R1).  Where the SDP cannot have all its ports it is left alone as
 * a whole, counted (D6).
 *
 * Return: 0, or minus the reason why the message passes unchanged.
 */
int rewrite_message(struct rewrite *rw);

/**
 * rewrite_sdp - the part of rewrite_message() that is about @rw->sdp
 *
 * Takes all public ports first and makes its edits then: where descriptions
 * cannot have all of their ports they have none and stay as they are (D6).
 */
void rewrite_sdp(struct rewrite *rw);

/**
 * rewrite_trace - a line of the trace about this message
 * @rw: the message
 * @t: the line; connection, direction and index are filled in here
 */
void rewrite_trace(const struct rewrite *rw, struct nst_trace *t);

#endif
