/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_MESSAGE_H
#define NF_NAT_SIP_TCP_MESSAGE_H

#include "dialog.h"
#include "rewrite.h"

struct message_parts;

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
 * @edits: result: the changes; nr 0 where it passes unchanged
 * @work: calls that got work for the skin
 * @parts: what message_wants_body() has read of it, or NULL; message_process() gives
 *	it back
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
	struct edits *edits;
	struct nst_work *work;
	struct message_parts *parts;
};

/**
 * message_wants_body - hold this message until its body is complete? (F4)
 *
 * @env: surroundings
 * @buf: the message
 * @hdr_len: length of its header block, which is all that is needed
 * @body_len: what Content-Length says
 * @parts: what had to be read is left there, for &message.parts or
 *	message_forget(); or NULL
 *
 * True for SDP and multipart bodies up to body_max.
 */
bool message_wants_body(struct nst_env *env, const char *buf, u32 hdr_len, u32 body_len,
			struct message_parts **parts);

/** message_forget - give back what message_wants_body() has left */
void message_forget(struct nst_env *env, struct message_parts *parts);

/**
 * message_process - parse, track, rewrite
 *
 * Counts and traces what it finds.  Whatever goes wrong, the message passes
 * unchanged (P4): @m->edits is then empty and the reason counted.
 */
void message_process(struct message *m);

#endif
