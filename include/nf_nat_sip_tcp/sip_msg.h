/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SIP_MSG_H
#define NF_NAT_SIP_TCP_SIP_MSG_H

#include "multipart.h"
#include "sip_frame.h"
#include "sip_uri.h"

/* Header lines that matter which one message may have. */
#define SIP_HEADERS_MAX 192

enum sip_method {
	SIP_METHOD_OTHER, SIP_INVITE, SIP_ACK, SIP_BYE, SIP_CANCEL, SIP_OPTIONS,
	SIP_REGISTER, SIP_PRACK, SIP_UPDATE, SIP_INFO, SIP_SUBSCRIBE,
	SIP_NOTIFY, SIP_REFER, SIP_MESSAGE, SIP_PUBLISH, SIP_SERVICE,
};

/* Headers that the core looks at; all others are not recorded. */
enum sip_header_id {
	SIP_HDR_OTHER,
	SIP_HDR_VIA, SIP_HDR_FROM, SIP_HDR_TO, SIP_HDR_CONTACT,
	SIP_HDR_ROUTE, SIP_HDR_RECORD_ROUTE, SIP_HDR_CALL_ID, SIP_HDR_CSEQ,
	SIP_HDR_CONTENT_LENGTH, SIP_HDR_CONTENT_TYPE, SIP_HDR_CONTENT_ENCODING,
	SIP_HDR_EXPIRES, SIP_HDR_SESSION_EXPIRES, SIP_HDR_IDENTITY,
	SIP_HDR_PATH, SIP_HDR_SERVICE_ROUTE, SIP_HDR_REFER_TO,
	SIP_HDR_REFERRED_BY, SIP_HDR_ASSERTED_IDENTITY,
	SIP_HDR_PREFERRED_IDENTITY, SIP_HDR_DIVERSION, SIP_HDR_CALL_INFO,
	SIP_HDR_ALERT_INFO, SIP_HDR_CONTENT_DISPOSITION,
	SIP_HDR_TRANSFER_ENCODING,
};

/**
 * struct sip_header - one header line
 * @id: enum sip_header_id
 * @name: name as written
 * @value: value, folded lines included, trimmed
 */
struct sip_header {
	u8 id;
	struct span name;
	struct span value;
};

/**
 * struct sip_msg - a message, parsed once
 * @hdr_len: start line to empty line
 * @body: the body; len may be 0
 * @is_request: request or response
 * @method: of the request line, or of CSeq in a response
 * @method_text: the method as written there
 * @status: response code, 100..699
 * @uri: Request-URI
 * @cseq: CSeq number
 * @call_id: Call-ID value
 * @from: value of From
 * @to: value of To
 * @from_tag: tag of From; len 0 where there is none
 * @to_tag: tag of To
 * @branch: branch of the topmost Via
 * @via: the topmost Via
 * @via_rest: what stands behind it in its header
 * @content_type: value of Content-Type, compact form included
 * @kind: enum mime_kind of that
 * @encoded: a Content-Encoding or Content-Transfer-Encoding is named that
 *	makes other bytes of a text
 * @nr: number of @headers
 * @headers: those that matter, in order; room for one more while it is read
 *
 * About 4 KiB: allocate it, never on the stack.
 */
struct sip_msg {
	u32 hdr_len;
	struct span body;
	bool is_request;
	enum sip_method method;
	struct span method_text;
	u16 status;
	struct span uri;
	u32 cseq;
	struct span call_id;
	struct sip_value from;
	struct sip_value to;
	struct span from_tag;
	struct span to_tag;
	struct span branch;
	struct sip_via via;
	struct span via_rest;
	struct span content_type;
	u8 kind;
	bool encoded;
	u16 nr;
	struct sip_header headers[SIP_HEADERS_MAX + 1];
};

/**
 * sip_msg_parse - one pass over a framed message
 * @msg: result
 * @buf: the message from its first byte
 * @hdr_len: as found by sip_frame_scan()
 * @len: length with what is there of the body
 * @lines: what sip_frame_lines() has noted of it, or NULL
 *
 * The header block is the bound of every search.  Names match whole, in any
 * case, long or compact (RFC 3261 7.3.3), white space before the colon is
 * fine, folded lines belong to their header.
 *
 * Return: 0; -E2BIG where more headers matter than fit; -EINVAL where the
 * start line or a header needed for tracking (Via, From, To, Call-ID, CSeq)
 * is missing or broken.
 */
int sip_msg_parse(struct sip_msg *msg, const char *buf, u32 hdr_len, u32 len,
		  const struct sip_lines *lines);

/**
 * sip_header_known - name and value of one header line, where its name is known
 * @base: start of the message
 * @line: the line with its line ends
 * @h: result; its id is not SIP_HDR_OTHER
 *
 * Framing and parsing share it, so that both see the same headers.
 *
 * Return: false where it is no header line, or one of another name.
 */
bool sip_header_known(const char *base, struct span line, struct sip_header *h);

/**
 * sip_header_split - name and value of one header line, folded lines included
 * @base: start of the message
 * @line: the line with its line ends
 * @h: result; id is SIP_HDR_OTHER for a name that is not known
 *
 * Return: false where it is no header line.
 */
bool sip_header_split(const char *base, struct span line, struct sip_header *h);

/** sip_header_encodes - does it say that the body is not written as a text is? */
bool sip_header_encodes(const char *base, const struct sip_header *h);

/** sip_msg_header - first header with this id at or behind index @from, or NULL */
const struct sip_header *sip_msg_header(const struct sip_msg *msg, u8 id, u16 from);

#endif
