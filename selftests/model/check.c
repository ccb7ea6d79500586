// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

void check_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void check_inside(struct span inner, struct span outer)
{
	if (!inner.len)
		return;
	check(inner.off >= outer.off);
	check(inner.off <= span_end(outer));
	check(inner.len <= span_end(outer) - inner.off);
}

static bool frame_equal(const struct sip_frame *a, const struct sip_frame *b)
{
	return a->scanned == b->scanned && a->line == b->line &&
	       a->state == b->state && a->started == b->started &&
	       a->hdr_len == b->hdr_len && a->body_len == b->body_len &&
	       a->clen.off == b->clen.off && a->clen.len == b->clen.len;
}

/* Byte by byte; @at: how many bytes it took to decide. */
static int frame_bytes(struct sip_frame *f, const char *buf, u32 len, u32 max, u32 *at)
{
	int ret = 0;
	u32 n;

	for (n = 0; n < len && !ret; n++)
		ret = sip_frame_scan(f, buf, n + 1, max);
	*at = n;
	return ret;
}

static void check_cut(const struct sip_frame *want, int ret, const char *buf,
		      const u32 *arg)
{
	u32 len = arg[0], max = arg[1], cut = arg[2], decided = arg[3];
	struct sip_frame f = { 0 };
	int first = sip_frame_scan(&f, buf, cut, max);

	/* Not a byte earlier, not a byte later. */
	check(first == (cut < decided ? 0 : ret));
	check(sip_frame_scan(&f, buf, len, max) == ret);
	check(ret < 0 || frame_equal(&f, want));
	/* Asked again, it says the same. */
	check(sip_frame_scan(&f, buf, len, max) == ret);
}

static void check_framed(const struct sip_frame *f, const char *buf, u32 max)
{
	u32 len;

	check(f->hdr_len && f->hdr_len <= max);
	check(f->scanned == f->hdr_len);
	check(header_end(buf, f->hdr_len) == f->hdr_len);
	check_inside(f->clen, span_of(0, f->hdr_len));
	check(!span_uint(buf, f->clen, 0x7fffffff, &len));
	check(len == f->body_len);
}

int check_frame(struct sip_frame *f, const char *buf, u32 len, u32 header_max, u32 cut)
{
	u32 arg[4] = { len, header_max, cut, 0 };
	struct sip_frame whole = { 0 };
	int ret;

	memset(f, 0, sizeof(*f));
	ret = frame_bytes(f, buf, len, header_max, &arg[3]);
	if (!ret)
		arg[3] = len + 1;
	check(sip_frame_scan(&whole, buf, len, header_max) == ret);
	check(ret < 0 || frame_equal(&whole, f));
	if (cut)
		check_cut(f, ret, buf, arg);
	else
		for (arg[2] = 0; arg[2] <= len; arg[2]++)
			check_cut(f, ret, buf, arg);
	if (ret > 0)
		check_framed(f, buf, header_max);
	else
		check(ret > -NST_R_MAX);
	return ret;
}

u32 header_end(const char *buf, u32 len)
{
	u32 line = 0;
	u32 i;

	for (i = 0; i < len; i++) {
		if (buf[i] != '\n')
			continue;
		if (i == line || (i == line + 1 && buf[line] == '\r'))
			return i + 1;
		line = i + 1;
	}
	return 0;
}

static void check_hostport(const char *buf, const struct sip_hostport *hp, struct span in)
{
	struct nst_addr addr;
	u32 port;

	check(hp->host.len);
	check_inside(hp->host, in);
	check_inside(hp->port_text, in);
	check(!hp->port == !hp->port_text.len);
	if (hp->port) {
		check(hp->port_text.off > span_end(hp->host));
		check(!span_uint(buf, hp->port_text, 65535, &port));
		check(port == hp->port);
	}
	if (hp->addr.family) {
		check(!addr_parse(buf, hp->host, &addr));
		check(addr_equal(&addr, &hp->addr));
	}
}

int check_uri(const char *buf, struct span s)
{
	struct sip_hostport hp;
	struct sip_uri uri;
	struct span value;
	int ret;

	if (!sip_hostport_parse(buf, s, &hp))
		check_hostport(buf, &hp, s);
	ret = sip_uri_parse(buf, s, &uri);
	check(ret == 0 || ret == -EINVAL || ret == -EPROTONOSUPPORT);
	if (ret)
		return ret;
	check_inside(uri.user, s);
	check_inside(uri.params, s);
	check_inside(uri.headers, s);
	check_hostport(buf, &uri.hostport, s);
	check(uri.hostport.host.off > span_end(uri.user) || !uri.user.len);
	if (sip_param_find(buf, uri.params, "transport", &value))
		check_inside(value, uri.params);
	return 0;
}

int check_values(const char *buf, struct span list)
{
	struct span rest = list;
	struct sip_value v;
	struct span tag;
	u32 left;
	int nr = 0;
	int ret;

	for (;;) {
		left = rest.len;
		ret = sip_value_next(buf, &rest, &v);
		check_inside(rest, list);
		if (ret <= 0)
			break;
		check(rest.len < left);
		check(span_end(rest) == span_end(list));
		check(v.whole.len && (v.star || v.uri.len));
		check_inside(v.whole, list);
		check_inside(v.uri, v.whole);
		check_inside(v.params, v.whole);
		check(span_end(v.whole) <= rest.off || !rest.len);
		if (sip_param_find(buf, v.params, "tag", &tag))
			check_inside(tag, v.params);
		if (!v.star)
			check_uri(buf, v.uri);
		nr++;
	}
	check(ret == 0 || ret == -EINVAL);
	return ret ? ret : nr;
}

int check_vias(const char *buf, struct span list)
{
	struct span rest = list;
	struct sip_via via;
	u32 left;
	int nr = 0;
	int ret;

	for (;;) {
		left = rest.len;
		ret = sip_via_next(buf, &rest, &via);
		check_inside(rest, list);
		if (ret <= 0)
			break;
		check(rest.len < left);
		check(via.transport.len);
		check_inside(via.transport, list);
		check_hostport(buf, &via.sent_by, list);
		check_inside(via.params, list);
		check_inside(via.branch, via.params);
		check_inside(via.received, via.params);
		check_inside(via.rport, via.params);
		check_inside(via.maddr, via.params);
		nr++;
	}
	check(ret == 0 || ret == -EINVAL);
	return ret ? ret : nr;
}

static void check_header(const char *buf, const struct sip_header *h, struct span in)
{
	check(h->id != SIP_HDR_OTHER && h->name.len);
	check_inside(h->name, in);
	check_inside(h->value, in);
	if (h->id == SIP_HDR_VIA)
		check_vias(buf, h->value);
	else
		check_values(buf, h->value);
}

static bool span_equal(struct span a, struct span b)
{
	return a.off == b.off && a.len == b.len;
}

static bool msg_equal(const struct sip_msg *a, const struct sip_msg *b)
{
	u16 i;

	for (i = 0; i < a->nr && i < b->nr; i++)
		if (a->headers[i].id != b->headers[i].id ||
		    !span_equal(a->headers[i].name, b->headers[i].name) ||
		    !span_equal(a->headers[i].value, b->headers[i].value))
			return false;
	return a->nr == b->nr && a->hdr_len == b->hdr_len &&
	       a->is_request == b->is_request && a->method == b->method &&
	       a->status == b->status && a->cseq == b->cseq && a->encoded == b->encoded &&
	       span_equal(a->body, b->body) && span_equal(a->uri, b->uri) &&
	       span_equal(a->method_text, b->method_text) &&
	       span_equal(a->call_id, b->call_id) && span_equal(a->branch, b->branch) &&
	       span_equal(a->from_tag, b->from_tag) && span_equal(a->to_tag, b->to_tag) &&
	       span_equal(a->via_rest, b->via_rest) &&
	       span_equal(a->content_type, b->content_type);
}

/* What framing notes of the lines makes no difference to the parser. */
static void check_noted(const struct sip_msg *want, int ret, const char *buf, u32 len)
{
	struct sip_msg *msg = malloc(sizeof(*msg));
	struct sip_frame f = { 0 };
	struct sip_lines lines;

	check(msg);
	if (sip_frame_lines(&f, buf, len, ~0u, &lines) == 1 && f.hdr_len == want->hdr_len) {
		check(lines.nr > 0);
		check(sip_msg_parse(msg, buf, f.hdr_len, len, &lines) == ret);
		check(msg_equal(msg, want));
	}
	free(msg);
}

int check_msg(struct sip_msg *msg, const char *buf, u32 hdr_len, u32 len)
{
	struct span head = span_of(0, hdr_len);
	int ret = sip_msg_parse(msg, buf, hdr_len, len, NULL);
	u16 i;

	check_noted(msg, ret, buf, len);
	check(ret == 0 || ret == -EINVAL || ret == -E2BIG);
	check(msg->nr <= SIP_HEADERS_MAX);
	for (i = 0; i < msg->nr; i++)
		check_header(buf, &msg->headers[i], head);
	if (ret)
		return ret;
	check(msg->hdr_len == hdr_len);
	check(msg->body.off == hdr_len && span_end(msg->body) == len);
	check(msg->is_request ? msg->uri.len && !msg->status : !msg->uri.len);
	check(msg->is_request || (msg->status >= 100 && msg->status <= 699));
	check(msg->call_id.len && msg->method_text.len);
	check_inside(msg->method_text, head);
	check_inside(msg->uri, head);
	check_inside(msg->call_id, head);
	check_inside(msg->from_tag, head);
	check_inside(msg->to_tag, head);
	check_inside(msg->branch, head);
	check_inside(msg->content_type, head);
	check_uri(buf, msg->uri);
	return 0;
}

static void check_conn(const struct sdp_conn *c, struct span in)
{
	check_inside(c->text, in);
	check(c->text.len || !c->addr.family);
}

static void check_media(const struct sdp *sdp, u8 i)
{
	const struct sdp_media *m = &sdp->media[i];

	check(m->type.len && m->port_text.len && m->proto.len && m->count);
	check_inside(m->type, sdp->whole);
	check_inside(m->port_text, sdp->whole);
	check_inside(m->proto, sdp->whole);
	check_inside(m->rtcp_port_text, sdp->whole);
	check(m->rtcp_port_text.len || !m->rtcp_port);
	check_conn(&m->conn, sdp->whole);
	check_conn(&m->rtcp_addr, sdp->whole);
	check(sdp_media_conn(sdp, i) == (m->conn.text.len ? &m->conn : &sdp->conn));
}

int check_sdp(struct sdp *sdp, const char *buf, struct span s)
{
	int ret = sdp_parse(sdp, buf, s);
	u8 i;

	check(ret == 0 || ret == -EINVAL || ret == -E2BIG);
	check(sdp->nr <= SDP_MEDIA_MAX);
	if (ret)
		return ret;
	check(sdp->whole.off == s.off && sdp->whole.len == s.len);
	check_conn(&sdp->origin, s);
	check_conn(&sdp->conn, s);
	for (i = 0; i < sdp->nr; i++)
		check_media(sdp, i);
	return 0;
}
