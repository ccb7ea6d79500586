/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SDP_H
#define NF_NAT_SIP_TCP_SDP_H

#include "addr.h"

/* Media lines that one description may have. */
#define SDP_MEDIA_MAX 16

/* How deep multiparts may stand in each other. */
#define MULTIPART_DEPTH 4

/**
 * struct sdp_conn - a c= line
 * @text: the address as written, without a "/ttl" behind it; len 0: no line
 * @addr: the address; family 0 for a host name
 */
struct sdp_conn {
	struct span text;
	struct nst_addr addr;
};

/**
 * struct sdp_media - an m= line with its attributes (RFC 8866 5.14)
 * @type: "audio", "video" ...
 * @port_text: digits of the port
 * @port: the port; 0 means "refused"
 * @count: number of port pairs ("port/count"), 1 where not written
 * @proto: "RTP/AVP" ...
 * @conn: the media's own c= line, else len 0
 * @rtcp_port_text: digits behind "a=rtcp:"; len 0 where the line is missing
 * @rtcp_port: its value
 * @rtcp_addr: address of the a=rtcp line (RFC 3605); text.len 0 where none
 * @rtcp_mux: a=rtcp-mux is there
 * @rtp: transport is RTP (has RTCP)
 * @udp: transport runs over UDP
 * @candidates: there are a=candidate lines (ICE)
 */
struct sdp_media {
	struct span type;
	struct span port_text;
	u16 port;
	u8 count;
	struct span proto;
	struct sdp_conn conn;
	struct span rtcp_port_text;
	u16 rtcp_port;
	struct sdp_conn rtcp_addr;
	bool rtcp_mux;
	bool rtp;
	bool udp;
	bool candidates;
};

/**
 * struct sdp - a session description (RFC 8866), as spans into the message
 * @whole: all of it
 * @next: the next description in the same body, or NULL
 * @first: number of its first medium among those of its call
 * @length: value of the Content-Length of the part that it is; len 0 where there is none
 * @outer: the same of the multiparts around it, the body being the first of them
 * @origin: address of o=; text.len 0 where it is missing
 * @conn: session level c=
 * @nr: number of @media
 * @media: the media lines
 *
 * About 2.5 KiB: allocate it, never on the stack.
 */
struct sdp {
	struct span whole;
	const struct sdp *next;
	u8 first;
	struct span length;
	struct span outer[MULTIPART_DEPTH];
	struct sdp_conn origin;
	struct sdp_conn conn;
	u8 nr;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/**
 * sdp_parse - read a session description
 * @sdp: result
 * @base: start of the message
 * @s: the body, or the part of a multipart body
 *
 * Lines end in CRLF or LF.  Unknown lines are skipped.  @next, @first, @length
 * and @outer are for others to fill in.
 *
 * Return: 0; -E2BIG where it has more than SDP_MEDIA_MAX media; -EINVAL where
 * it is not SDP (no "v=0" first) or a c=, m= or a=rtcp line is broken.
 */
int sdp_parse(struct sdp *sdp, const char *base, struct span s);

/**
 * sdp_medium - the medium with that number among those of the call, or NULL
 *
 * Of alternatives the last is the best (RFC 2046 5.1.4).
 */
const struct sdp_media *sdp_medium(const struct sdp *sdp, u8 number);

/** sdp_media_conn - the connection address that holds for a media line */
const struct sdp_conn *sdp_media_conn(const struct sdp *sdp, u8 index);

#endif
