/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_MESSAGE_H
#define NF_NAT_SIP_TCP_MESSAGE_H

#include "body.h"
#include "dialog.h"
#include "rewrite.h"

/**
 * struct message_room - where a message is taken apart, too large for the stack
 * @edits: the changes to it; nr 0 where it passes unchanged
 * @lines: what framing has noted of the message at hand
 * @read: @msg and @err are those of the message at hand
 * @err: of sip_msg_parse()
 * @msg: the message
 * @body: the descriptions in its body
 * @sdp: the first of them
 *
 * One for each processor is enough, and spares an allocation for each message.
 */
struct message_room {
	struct edits edits;
	struct sip_lines lines;
	bool read;
	int err;
	struct sip_msg msg;
	struct nst_body body;
	struct sdp sdp;
};

/**
 * struct message - a framed message on its way through the text side
 * @env: surroundings
 * @map: address map of the connection
 * @dir: who sent it
 * @zone: conntrack zone
 * @conn: identity of the connection
 * @owner: the skin's handle of the connection
 * @talker: the connection as calls know it, or NULL
 * @index: number of the message in its segment
 * @now: ms
 * @buf: the message; may end before the body does where the body streams
 * @hdr_len: length of the header block
 * @body_len: what Content-Length says
 * @len: bytes in @buf: @hdr_len, or @hdr_len + @body_len
 * @work: calls that got work for the skin
 * @room: result: its edits.  What message_wants_body() has left there need not be
 *	read again
 */
struct message {
	struct nst_env *env;
	struct nst_natmap *map;
	u8 dir;
	u16 zone;
	u64 conn;
	void *owner;
	struct nst_talker *talker;
	u16 index;
	u64 now;
	const char *buf;
	u32 hdr_len;
	u32 body_len;
	u32 len;
	struct nst_work *work;
	struct message_room *room;
};

/**
 * message_wants_body - hold this message until its body is complete? (F4)
 *
 * @env: surroundings
 * @buf: the message
 * @hdr_len: length of its header block, which is all that is needed
 * @body_len: what Content-Length says
 * @room: what had to be read is left there; message_forget() for another message
 *
 * True for SDP and multipart bodies up to body_max.
 */
bool message_wants_body(const struct nst_env *env, const char *buf, u32 hdr_len,
			u32 body_len, struct message_room *room);

/** message_forget - what comes next is another message, or other bytes */
static inline void message_forget(struct message_room *room)
{
	room->read = false;
	room->lines.nr = 0;
}

/**
 * message_process - parse, track, rewrite
 *
 * Counts and traces what it finds.  Whatever goes wrong, the message passes
 * unchanged (P4): there are no edits then, and the reason is counted.
 */
void message_process(struct message *m);

#endif
