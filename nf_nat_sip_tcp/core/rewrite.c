// SPDX-License-Identifier: GPL-2.0-only
/*
 * A message and an address map become a list of edits.
 *
 *   rewrite_message
 *     Request-URI            rewrite_uri
 *     each header that names an address, by its own grammar:
 *       Via                  rewrite_via     sent-by, received, rport, maddr
 *       all others           rewrite_values  host and port of the URI, maddr
 *     body                   rewrite_sdp
 *     Content-Length         rewrite_length
 *
 * A value that does not parse is left as it is and counted; the others of
 * the message are translated nevertheless, because half of a translation is
 * never worse than none: each value speaks for itself.
 */
#include <nf_nat_sip_tcp/contact.h>

/* What no port in a Via means (RFC 3261 18.2.2). */
#define VIA_PORT 5060
#define VIA_TLS_PORT 5061

void rewrite_trace(const struct rewrite *rw, struct nst_trace *t)
{
	if (!nst_tracing(rw->env))
		return;
	t->conn = rw->conn;
	t->dir = rw->dir;
	t->index = rw->index;
	rw->env->ops->trace(rw->env, t);
}

/* Some text of the message, with up to two numbers. */
static void trace_text(const struct rewrite *rw, enum nst_trace_id id, struct span text,
		       u32 n0, u32 n1)
{
	struct nst_trace t = {
		.id = id, .n = { n0, n1 },
		.text = rw->buf + text.off, .text_len = text.len,
	};

	rewrite_trace(rw, &t);
}

static void trace_addr(const struct rewrite *rw, const struct nst_endpoint *from,
		       const struct nst_endpoint *to, struct span line)
{
	struct nst_trace t;

	if (!nst_tracing(rw->env))
		return;
	t = (struct nst_trace){
		.id = NST_TRACE_ADDR, .from = *from, .to = *to,
		.text = rw->buf + line.off, .text_len = line.len,
	};
	rewrite_trace(rw, &t);
}

/* Port digits, if there are any, with the colon in front of them. */
static void put_port(struct rewrite *rw, const struct sip_hostport *hp, u16 port)
{
	u32 end = span_end(hp->host);
	char text[] = ":00000";
	u32 i = sizeof(text) - 1;

	if (hp->port_text.len && port) {
		edits_replace_uint(rw->edits, rw->buf, hp->port_text, port, 0);
		return;
	}
	if (hp->port_text.len) {
		edits_replace(rw->edits, rw->buf,
			      span_of(end, span_end(hp->port_text)), text, 0);
		return;
	}
	for (; port; port /= 10)
		text[--i] = '0' + port % 10;
	text[--i] = ':';
	edits_replace(rw->edits, rw->buf, span_of(end, end), text + i,
		      sizeof(text) - 1 - i);
}

static void rewrite_written(struct rewrite *rw, const struct sip_hostport *hp,
			    struct nst_written *w, struct span line)
{
	struct nst_endpoint to;

	w->ep.addr = hp->addr;
	w->ep.port = hp->port;
	contact_written(rw, w);
	if (!natmap_written(rw->map, rw->dir, w, &to) || endpoint_equal(&w->ep, &to))
		return;
	/* What is the same keeps the spelling that it has. */
	if (!addr_equal(&hp->addr, &to.addr))
		edits_replace_addr(rw->edits, rw->buf, hp->host, &to.addr);
	if (hp->port != to.port)
		put_port(rw, hp, to.port);
	trace_addr(rw, &w->ep, &to, line);
}

/* An address beside which no port is written; @port is known to go with it, or 0. */
static void rewrite_addr(struct rewrite *rw, struct span at, u16 port, struct span line)
{
	struct nst_endpoint from = { .port = port };
	struct nst_endpoint to = { .port = 0 };

	if (!at.len || addr_parse(rw->buf, at, &from.addr) ||
	    !natmap_addr(rw->map, rw->dir, &from, &to.addr) ||
	    addr_equal(&from.addr, &to.addr))
		return;
	edits_replace_addr(rw->edits, rw->buf, at, &to.addr);
	from.port = 0;
	trace_addr(rw, &from, &to, line);
}

/*
 * received= and rport= are where the request was seen to come from; without
 * received= that is the sent-by (RFC 3261 18.2.1, RFC 3581).
 */
static void rewrite_source(struct rewrite *rw, const struct sip_via *via, struct span line)
{
	struct nst_endpoint ep = { .addr = via->sent_by.addr };
	u32 val = 0;
	u16 to;

	if (via->rport.len && span_uint(rw->buf, via->rport, 65535, &val))
		val = 0;
	rewrite_addr(rw, via->received, val, line);
	if (!val || (via->received.len && addr_parse(rw->buf, via->received, &ep.addr)))
		return;
	ep.port = val;
	if (natmap_rport(rw->map, rw->dir, &ep, &to) && to != val)
		edits_replace_uint(rw->edits, rw->buf, via->rport, to, 0);
}

/* That of the topmost Via has been made already. */
static u32 branch_hash(const struct rewrite *rw, struct span branch)
{
	if (!branch.len)
		return 0;
	if (branch.off == rw->msg->branch.off)
		return rw->branch;
	return nst_hash(rw->env, rw->buf + branch.off, branch.len) | 1;
}

static void rewrite_sent_by(struct rewrite *rw, const struct sip_via *via, struct span line)
{
	struct nst_written w = {
		.place = NST_PLACE_VIA,
		.default_port = VIA_PORT,
		.branch = branch_hash(rw, via->branch),
	};

	if (span_is(rw->buf, via->transport, "TLS"))
		w.default_port = VIA_TLS_PORT;
	rewrite_written(rw, &via->sent_by, &w, line);
}

static void rewrite_via(struct rewrite *rw, const struct sip_header *h)
{
	struct sip_via via = rw->msg->via;
	struct span rest = rw->msg->via_rest;
	int r = 1;

	/* The topmost was read with the message. */
	if (h != sip_msg_header(rw->msg, SIP_HDR_VIA, 0)) {
		rest = h->value;
		r = sip_via_next(rw->buf, &rest, &via);
	}
	for (; r > 0; r = sip_via_next(rw->buf, &rest, &via)) {
		if (natmap_names(rw->map, rw->dir, &via.sent_by.addr))
			rewrite_sent_by(rw, &via, h->name);
		rewrite_addr(rw, via.maddr, 0, h->name);
		rewrite_source(rw, &via, h->name);
	}
	if (r < 0)
		nst_count(rw->env, NST_R_HDR_UNPARSED);
}

static void rewrite_read_uri(struct rewrite *rw, const struct sip_uri *uri,
			     enum nst_place place, struct span line)
{
	struct nst_written w = { .place = place };
	struct span maddr;

	if (natmap_names(rw->map, rw->dir, &uri->hostport.addr)) {
		if (!place_names_user(place))
			w.default_port = sip_default_port(rw->buf, uri);
		rewrite_written(rw, &uri->hostport, &w, line);
	}
	if (sip_param_find(rw->buf, uri->params, "maddr", &maddr))
		rewrite_addr(rw, maddr, 0, line);
}

static void rewrite_uri(struct rewrite *rw, struct span at, enum nst_place place,
			struct span line)
{
	struct sip_uri uri;
	int err;

	err = sip_uri_parse(rw->buf, at, &uri);
	if (!err)
		rewrite_read_uri(rw, &uri, place, line);
	else if (err != -EPROTONOSUPPORT)
		nst_count(rw->env, NST_R_HDR_UNPARSED);
}

/* Contact's own expires parameter, else the Expires header (RFC 3261 10.2.1.1). */
static void trace_contact(struct rewrite *rw, const struct sip_value *v)
{
	const struct sip_header *h;
	struct span text;
	u32 val = 0;
	bool found;

	if (!nst_tracing(rw->env))
		return;
	trace_text(rw, NST_TRACE_CONTACT, v->whole, 0, 0);
	found = sip_param_find(rw->buf, v->params, "expires", &text);
	h = sip_msg_header(rw->msg, SIP_HDR_EXPIRES, 0);
	if (!found && h) {
		found = true;
		text = h->value;
	}
	if (found && span_uint(rw->buf, text, ~0u, &val))
		found = false;
	trace_text(rw, NST_TRACE_EXPIRES, span_of(0, 0), found, val);
}

static void rewrite_value(struct rewrite *rw, const struct sip_value *v,
			  enum nst_place place, struct span line)
{
	if (rw->contact && rw->contact->value.uri.off == v->uri.off)
		rewrite_read_uri(rw, &rw->contact->uri, place, line);
	else
		rewrite_uri(rw, v->uri, place, line);
}

static void rewrite_values(struct rewrite *rw, const struct sip_header *h,
			   enum nst_place place)
{
	struct span rest = h->value;
	struct sip_value v;
	int r;

	while ((r = sip_value_next(rw->buf, &rest, &v)) > 0) {
		if (place == NST_PLACE_CONTACT)
			trace_contact(rw, &v);
		if (!v.star)
			rewrite_value(rw, &v, place, h->name);
	}
	if (r < 0)
		nst_count(rw->env, NST_R_HDR_UNPARSED);
}

static void rewrite_header(struct rewrite *rw, const struct sip_header *h)
{
	switch (h->id) {
	case SIP_HDR_VIA:
		rewrite_via(rw, h);
		break;
	case SIP_HDR_FROM:
		rewrite_uri(rw, rw->msg->from.uri, NST_PLACE_NAME, h->name);
		break;
	case SIP_HDR_TO:
		rewrite_uri(rw, rw->msg->to.uri, NST_PLACE_NAME, h->name);
		break;
	case SIP_HDR_CONTACT:
		rewrite_values(rw, h, NST_PLACE_CONTACT);
		break;
	case SIP_HDR_ROUTE:
	case SIP_HDR_RECORD_ROUTE:
	case SIP_HDR_PATH:
	case SIP_HDR_SERVICE_ROUTE:
		rewrite_values(rw, h, NST_PLACE_ROUTE);
		break;
	case SIP_HDR_ASSERTED_IDENTITY:
	case SIP_HDR_PREFERRED_IDENTITY:
	case SIP_HDR_REFERRED_BY:
	case SIP_HDR_DIVERSION:
		rewrite_values(rw, h, NST_PLACE_USER);
		break;
	case SIP_HDR_REFER_TO:
	case SIP_HDR_CALL_INFO:
	case SIP_HDR_ALERT_INFO:
		rewrite_values(rw, h, NST_PLACE_REFERENCE);
		break;
	default:
		break;
	}
}

/* A width that was filled up with zeros stays that wide (R5). */
static void put_length(struct rewrite *rw, struct span at, u32 len)
{
	u32 width = rw->buf[at.off] == '0' ? at.len : 0;

	edits_replace_uint(rw->edits, rw->buf, at, len, width);
}

/*
 * A part of a multipart ends with its delimiter; who gives it a Content-Length
 * nevertheless may have counted the line end in front of that or not.
 */
static void rewrite_part_length(struct rewrite *rw, struct span at, struct span part)
{
	s32 delta = edits_delta_within(rw->edits, part);
	u32 len;

	if (delta && at.len && !span_uint(rw->buf, at, 0x7fffffff, &len) &&
	    (s64)len + delta >= 0)
		put_length(rw, at, len + delta);
}

/*
 * The same for a multipart at this depth, by the first of its descriptions.
 * What changes of it stands behind its own Content-Length, and in front of the
 * end of its last description.
 */
static void rewrite_outer_length(struct rewrite *rw, const struct sdp *first, u8 depth)
{
	struct span at = first->outer[depth];
	const struct sdp *sdp;
	u32 end = 0;

	if (!at.len)
		return;
	for (sdp = rw->sdp; sdp != first; sdp = sdp->next)
		if (sdp->outer[depth].off == at.off)
			return;
	for (; sdp; sdp = sdp->next)
		if (sdp->outer[depth].off == at.off && span_end(sdp->whole) > end)
			end = span_end(sdp->whole);
	rewrite_part_length(rw, at, span_of(span_end(at), end));
}

/* The innermost first: their own changes count for those around them. */
static void rewrite_part_lengths(struct rewrite *rw)
{
	const struct sdp *sdp;
	u8 depth;

	for (sdp = rw->sdp; sdp; sdp = sdp->next)
		rewrite_part_length(rw, sdp->length, sdp->whole);
	for (depth = MULTIPART_DEPTH - 1; depth; depth--)
		for (sdp = rw->sdp; sdp; sdp = sdp->next)
			rewrite_outer_length(rw, sdp, depth);
}

static void rewrite_length(struct rewrite *rw)
{
	const struct sip_header *h;
	s32 delta;
	u16 i;

	rewrite_part_lengths(rw);
	delta = edits_delta_within(rw->edits, rw->msg->body);
	if (!delta)
		return;
	for (i = 0; i < rw->msg->nr; i++) {
		h = &rw->msg->headers[i];
		if (h->id == SIP_HDR_CONTENT_LENGTH && h->value.len)
			put_length(rw, h->value, rw->msg->body.len + delta);
	}
}

int rewrite_message(struct rewrite *rw)
{
	u16 i;

	if (rw->msg->is_request)
		rewrite_uri(rw, rw->msg->uri, NST_PLACE_URI, rw->msg->uri);
	for (i = 0; i < rw->msg->nr; i++)
		rewrite_header(rw, &rw->msg->headers[i]);
	if (rw->sdp && rw->body_complete) {
		rewrite_sdp(rw);
		rewrite_length(rw);
	}
	return rw->edits->full ? -NST_R_MSG_TOO_COMPLEX : 0;
}
