/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_MULTIPART_H
#define NF_NAT_SIP_TCP_MULTIPART_H

#include "sdp.h"

/* Characters of a boundary (RFC 2046 5.1.1). */
#define MULTIPART_BOUNDARY_MAX 70

/**
 * enum mime_kind - the media types that matter
 * @MIME_OTHER: any other, or none
 * @MIME_SDP: application/sdp
 * @MIME_OPEN: a multipart whose parts may be changed one by one: mixed, alternative
 *	or related.  Others have rules of their own about what their parts mean
 *	together; a session description in one of those would be a new thing
 * @MIME_SEALED: signed or encrypted: multipart/signed and multipart/encrypted
 *	(RFC 1847), and S/MIME (RFC 8551)
 */
enum mime_kind {
	MIME_OTHER, MIME_SDP, MIME_OPEN, MIME_SEALED,
};

/**
 * struct multipart - where a reader of a multipart body stands
 * @rest: what is left, from the start of a line
 * @depth: how many of @boundary are in use
 * @boundary: of the multiparts that are open, the outermost first
 * @length: value of the Content-Length of the part that each of them is; len 0
 *	where it has none
 */
struct multipart {
	struct span rest;
	u8 depth;
	struct span boundary[MULTIPART_DEPTH];
	struct span length[MULTIPART_DEPTH];
};

/**
 * struct mime_part - a part that is no multipart, or one that stays closed
 * @type: value of its Content-Type; len 0 where it has none
 * @kind: enum mime_kind of that
 * @disposition: value of its Content-Disposition; len 0 where it has none
 * @length: value of its Content-Length; len 0 where it has none
 * @encoded: its bytes are not those of the text (base64, gzip ...)
 * @body: what is in it
 */
struct mime_part {
	struct span type;
	u8 kind;
	bool encoded;
	struct span disposition;
	struct span length;
	struct span body;
};

/** mime_kind - what the value of a Content-Type says, whatever its parameters */
enum mime_kind mime_kind(const char *base, struct span type);

/**
 * multipart_begin - start to read a multipart body (RFC 2046 section 5.1)
 * @mp: the reader
 * @base: start of the message
 * @type: value of Content-Type, of MIME_OPEN
 * @body: the body
 *
 * Return: 0, or -EINVAL without a usable boundary.
 */
int multipart_begin(struct multipart *mp, const char *base, struct span type,
		    struct span body);

/**
 * multipart_next - the next part
 * @mp: the reader
 * @base: start of the message
 * @part: the part
 *
 * Goes into multiparts of MIME_OPEN; all others are parts as they are.
 *
 * Return: 1, 0 behind the last part, -EINVAL where the body is broken: a
 * delimiter is missing, could be read in two ways, or a part has no end to its
 * headers.
 */
int multipart_next(struct multipart *mp, const char *base, struct mime_part *part);

#endif
