/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SIP_FRAME_H
#define NF_NAT_SIP_TCP_SIP_FRAME_H

#include "reasons.h"
#include "span.h"

/**
 * struct sip_frame - where does this message end (RFC 3261 18.3)
 * @scanned: bytes that need not be looked at again
 * @line: start of the header line that is being scanned
 * @state: what the byte at @scanned of the start line belongs to
 * @started: the start line was seen and is one of SIP
 * @hdr_len: length of start line, header block and empty line; 0 until known
 * @body_len: what Content-Length says; valid with @hdr_len
 * @clen: the digits of the Content-Length value; len 0 until seen
 *
 * All zero at the start of a message.  Resumable: bytes seen are not scanned
 * again, so the cost is linear however the message was cut.
 */
struct sip_frame {
	u32 scanned;
	u32 line;
	u8 state;
	bool started;
	u32 hdr_len;
	u32 body_len;
	struct span clen;
};

/* Lines of a header block that are noted; of more, none are. */
#define SIP_LINES_MAX 64

/**
 * struct sip_lines - where the header lines of a message begin
 * @nr: how many, that of the empty line included; see sip_lines_noted()
 * @at: their offsets; lines that go on with a header are part of it
 */
struct sip_lines {
	u32 nr;
	u32 at[SIP_LINES_MAX];
};

/** sip_lines_noted - are they those of the message? */
static inline bool sip_lines_noted(const struct sip_lines *lines)
{
	return lines && lines->nr && lines->nr <= SIP_LINES_MAX;
}

/**
 * sip_frame_lines - sip_frame_scan(), and where the lines begin
 * @f: as there
 * @buf: as there
 * @len: as there
 * @header_max: as there
 * @lines: noted where all of the header block is seen in this one call, else none
 *	are; or NULL
 *
 * Return: as there.
 */
int sip_frame_lines(struct sip_frame *f, const char *buf, u32 len, u32 header_max,
		    struct sip_lines *lines);

/**
 * sip_frame_scan - look for the end of the header block
 * @f: state, zeroed at the start of a message
 * @buf: the message from its first byte (leading CRLFs already skipped)
 * @len: bytes there; grows from call to call, what was there stays the same
 * @header_max: longest header block
 *
 * Return: 1 where the header block is complete (@f->hdr_len and @f->body_len
 * are valid: the message is their sum long, of which the body may still be
 * missing), 0 where more bytes are needed, or minus an enum nst_reason:
 * -NST_R_OPAQUE_START_LINE as soon as no further byte could make this a SIP
 * start line, -NST_R_OPAQUE_HEADER_SIZE, -NST_R_OPAQUE_NO_CLEN,
 * -NST_R_OPAQUE_BAD_CLEN (F5).  The answer is the same for every cut.
 * Lines end in CRLF; a lone LF ends one too, a lone CR does not.
 */
static inline int sip_frame_scan(struct sip_frame *f, const char *buf, u32 len,
				 u32 header_max)
{
	return sip_frame_lines(f, buf, len, header_max, NULL);
}

/** sip_frame_crlf - how many bytes at the start are CR or LF (keep-alives, RFC 5626 3.5.1) */
u32 sip_frame_crlf(const char *buf, u32 len);

#endif
