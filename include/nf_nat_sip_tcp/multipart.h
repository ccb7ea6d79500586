/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_MULTIPART_H
#define NF_NAT_SIP_TCP_MULTIPART_H

#include "sdp.h"

/* Characters of a boundary (RFC 2046 5.1.1). */
#define MULTIPART_BOUNDARY_MAX 70

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
 * @disposition: value of its Content-Disposition; len 0 where it has none
 * @length: value of its Content-Length; len 0 where it has none
 * @encoded: its bytes are not those of the text (base64, gzip ...)
 * @body: what is in it
 */
struct mime_part {
	struct span type;
	struct span disposition;
	struct span length;
	bool encoded;
	struct span body;
};

/** mime_is - is it the media type @main/@sub, whatever its parameters? */
bool mime_is(const char *base, struct span type, const char *main, const char *sub);

/** mime_is_open - is it a multipart whose parts may be changed one by one? */
bool mime_is_open(const char *base, struct span type);

/**
 * mime_is_sealed - is it signed or encrypted?
 *
 * multipart/signed and multipart/encrypted (RFC 1847), and S/MIME (RFC 8551).
 */
bool mime_is_sealed(const char *base, struct span type);

/**
 * multipart_begin - start to read a multipart body (RFC 2046 section 5.1)
 * @mp: the reader
 * @base: start of the message
 * @type: value of Content-Type, for which mime_is_open() holds
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
 * Goes into multiparts for which mime_is_open() holds; all others are parts as
 * they are.
 *
 * Return: 1, 0 behind the last part, -EINVAL where the body is broken: a
 * delimiter is missing, could be read in two ways, or a part has no end to its
 * headers.
 */
int multipart_next(struct multipart *mp, const char *base, struct mime_part *part);

#endif
