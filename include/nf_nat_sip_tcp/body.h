/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_BODY_H
#define NF_NAT_SIP_TCP_BODY_H

#include "env.h"
#include "sdp.h"
#include "sip_msg.h"

/* Descriptions that one body may have. */
#define NST_BODY_SDP_MAX 4

/**
 * struct nst_body - the session descriptions in the body of a message
 * @first: the first of a chain, in their order, but those of early sessions come
 *	last; NULL where there is none
 * @sdp: where they are; set by the caller, for one
 * @room: for how many room was taken, where there are more; 0: it was not
 */
struct nst_body {
	const struct sdp *first;
	struct sdp *sdp;
	u8 room;
};

/**
 * body_may_describe - is it a body in which there may be a description to change?
 *
 * SDP, or a multipart that may have some in it; neither encoded nor signed.
 */
bool body_may_describe(const struct sip_msg *msg);

/**
 * body_take - find and read the descriptions in a complete body
 * @env: surroundings
 * @msg: the message, parsed
 * @buf: its bytes
 * @body: result; cleared, but for its room for one
 *
 * What is left alone is counted.
 *
 * Return: 0, or -ENOMEM.
 */
int body_take(struct nst_env *env, const struct sip_msg *msg, const char *buf,
	      struct nst_body *body);

/** body_free - give back what body_take() took */
void body_free(struct nst_env *env, struct nst_body *body);

#endif
