// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages of a call, rendered from what the phone is called.  What the
 * other side of a NAT must read is the same message rendered from the phone's
 * other name: an oracle that knows nothing of how the module works.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

const char * const kind_name[NR_KINDS] = {
	"INVITE", "200 to INVITE", "ACK", "BYE", "200 to BYE", "peer's BYE", "200 to peer's BYE",
};

struct out {
	char *buf;
	int len;
};

static void put(struct out *o, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	o->len += vsnprintf(o->buf + o->len, TEXT_MAX - o->len, fmt, args);
	va_end(args);
}

static void put_body(struct out *o, const struct talk *t, const struct who *of, int rtp)
{
	char body[512];
	int len;

	len = snprintf(body, sizeof(body),
		       "v=0\r\no=- %u %u IN IP%c %s\r\ns=call\r\nc=IN IP%c %s\r\nt=0 0\r\n"
		       "m=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		       t->id, t->id, t->v6 ? '6' : '4', of->addr,
		       t->v6 ? '6' : '4', of->addr, rtp);
	put(o, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len, body);
}

/* @tag: of the peer, once there is one */
static void put_dialog(struct out *o, const struct talk *t, const struct who *phone,
		       int tag, int cseq, const char *method)
{
	char to_tag[24] = "";

	if (tag)
		snprintf(to_tag, sizeof(to_tag), ";tag=b%u", t->id);
	put(o, "From: <sip:alice@%s>;tag=a%u\r\nTo: <sip:bob@%s>%s\r\n", phone->host, t->id,
	    t->peer->host, to_tag);
	put(o, "Call-ID: call-%u@traffic\r\nCSeq: %d %s\r\n", t->id, cseq, method);
}

static void put_via(struct out *o, const struct who *who, const struct talk *t, int branch)
{
	put(o, "Via: SIP/2.0/TCP %s:%d;branch=z9hG4bK-%u-%d\r\n", who->host, who->port,
	    t->id, branch);
}

static void put_request(struct out *o, const struct talk *t, const struct who *phone,
			int cseq, const char *method)
{
	put(o, "%s sip:bob@%s:%d SIP/2.0\r\n", method, t->peer->host, t->peer->port);
	put_via(o, phone, t, cseq + 10 * (*method == 'A'));
	put(o, "Max-Forwards: 70\r\n");
	put_dialog(o, t, phone, strcmp(method, "INVITE"), cseq, method);
	put(o, "Contact: <sip:alice@%s:%d;transport=tcp>\r\n", phone->host, phone->port);
}

/* An answer of the peer: what the request said comes back. */
static void put_answer(struct out *o, const struct talk *t, const struct who *phone,
		       int cseq, const char *method)
{
	put(o, "SIP/2.0 200 OK\r\n");
	put_via(o, phone, t, cseq);
	put_dialog(o, t, phone, 1, cseq, method);
	put(o, "Contact: <sip:bob@%s:%d;transport=tcp>\r\n", t->peer->host, t->peer->port);
}

static void put_peer_bye(struct out *o, const struct talk *t, const struct who *phone,
			 int answer)
{
	if (answer)
		put(o, "SIP/2.0 200 OK\r\n");
	else
		put(o, "BYE sip:alice@%s:%d;transport=tcp SIP/2.0\r\n", phone->host, phone->port);
	put_via(o, t->peer, t, 7);
	put(o, "From: <sip:bob@%s>;tag=b%u\r\nTo: <sip:alice@%s>;tag=a%u\r\n",
	    t->peer->host, t->id, phone->host, t->id);
	put(o, "Call-ID: call-%u@traffic\r\nCSeq: 7 BYE\r\n", t->id);
}

int text_render(char *buf, enum kind kind, const struct talk *t, const struct who *phone)
{
	/* Neither a port of a service nor, with its neighbour, another call's. */
	int rtp = 30000 + t->id % 10000 * 2;
	struct out o = { .buf = buf };

	switch (kind) {
	case INVITE:
		put_request(&o, t, phone, 1, "INVITE");
		put_body(&o, t, phone, rtp);
		return o.len;
	case INVITE_OK:
		put_answer(&o, t, phone, 1, "INVITE");
		put_body(&o, t, t->peer, rtp);
		return o.len;
	case ACK:
		put_request(&o, t, phone, 1, "ACK");
		break;
	case BYE:
		put_request(&o, t, phone, 2, "BYE");
		break;
	case BYE_OK:
		put_answer(&o, t, phone, 2, "BYE");
		break;
	default:
		put_peer_bye(&o, t, phone, kind == PEER_BYE_OK);
	}
	put(&o, "Content-Length: 0\r\n\r\n");
	return o.len;
}
