/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_EVENT_H
#define NF_NAT_SIP_TCP_EVENT_H

#include "env.h"

/**
 * enum nst_event_id - what has happened
 * @NST_EVENT_MESSAGE: a message was framed; n: header block, body, 1 where it
 *	is a response
 * @NST_EVENT_EDITS: a message was rendered anew; n: length before, after,
 *	number of edits
 * @NST_EVENT_OPAQUE: the connection is not looked at any more, for @reason
 */
enum nst_event_id {
	NST_EVENT_MESSAGE,
	NST_EVENT_EDITS,
	NST_EVENT_OPAQUE,
};

/**
 * struct nst_event - something that somebody may be listening for
 * @id: what it is
 * @dir: direction, 0 original, 1 reply
 * @conn: identity of the connection
 * @reason: enum nst_reason
 * @n: numbers
 */
struct nst_event {
	enum nst_event_id id;
	u8 dir;
	u64 conn;
	enum nst_reason reason;
	u32 n[3];
};

/* On while anybody listens; a jump that is patched where the kernel can. */
NST_DECLARE_SWITCH(nst_event_switch);

/** nst_events_wanted - is it worth while to put the facts together? */
static inline bool nst_events_wanted(void)
{
	return nst_switch_on(nst_event_switch);
}

#endif
