// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pass over a framed message: start line and the headers that matter.
 */
#include <nf_nat_sip_tcp/sip_msg.h>
#include <nf_nat_sip_tcp/sip_uri.h>

/*
 * Long and compact names (RFC 3261 7.3.3; RFC 4028, 4474, 3515, 3892 have
 * compact ones of their own).
 */
#define HEADER(_name, _compact, _id) \
	{ .name = _name, .len = sizeof(_name) - 1, .compact = _compact, .id = _id }

static const struct {
	const char *name;
	u8 len;
	char compact;
	u8 id;
} header_names[] = {
	HEADER("Via", 'v', SIP_HDR_VIA),
	HEADER("From", 'f', SIP_HDR_FROM),
	HEADER("To", 't', SIP_HDR_TO),
	HEADER("Contact", 'm', SIP_HDR_CONTACT),
	HEADER("Route", 0, SIP_HDR_ROUTE),
	HEADER("Record-Route", 0, SIP_HDR_RECORD_ROUTE),
	HEADER("Call-ID", 'i', SIP_HDR_CALL_ID),
	HEADER("CSeq", 0, SIP_HDR_CSEQ),
	HEADER("Content-Length", 'l', SIP_HDR_CONTENT_LENGTH),
	HEADER("Content-Type", 'c', SIP_HDR_CONTENT_TYPE),
	HEADER("Content-Encoding", 'e', SIP_HDR_CONTENT_ENCODING),
	HEADER("Expires", 0, SIP_HDR_EXPIRES),
	HEADER("Session-Expires", 'x', SIP_HDR_SESSION_EXPIRES),
	HEADER("Identity", 'y', SIP_HDR_IDENTITY),
	HEADER("Path", 0, SIP_HDR_PATH),
	HEADER("Service-Route", 0, SIP_HDR_SERVICE_ROUTE),
	HEADER("Refer-To", 'r', SIP_HDR_REFER_TO),
	HEADER("Referred-By", 'b', SIP_HDR_REFERRED_BY),
	HEADER("P-Asserted-Identity", 0, SIP_HDR_ASSERTED_IDENTITY),
	HEADER("P-Preferred-Identity", 0, SIP_HDR_PREFERRED_IDENTITY),
	HEADER("Diversion", 0, SIP_HDR_DIVERSION),
	HEADER("Call-Info", 0, SIP_HDR_CALL_INFO),
	HEADER("Alert-Info", 0, SIP_HDR_ALERT_INFO),
	HEADER("Content-Disposition", 0, SIP_HDR_CONTENT_DISPOSITION),
	HEADER("Content-Transfer-Encoding", 0, SIP_HDR_TRANSFER_ENCODING),
};

static const struct {
	const char *name;
	enum sip_method method;
} method_names[] = {
	{ "INVITE", SIP_INVITE }, { "ACK", SIP_ACK }, { "BYE", SIP_BYE },
	{ "CANCEL", SIP_CANCEL }, { "OPTIONS", SIP_OPTIONS },
	{ "REGISTER", SIP_REGISTER }, { "PRACK", SIP_PRACK },
	{ "UPDATE", SIP_UPDATE }, { "INFO", SIP_INFO },
	{ "SUBSCRIBE", SIP_SUBSCRIBE }, { "NOTIFY", SIP_NOTIFY },
	{ "REFER", SIP_REFER }, { "MESSAGE", SIP_MESSAGE },
	{ "PUBLISH", SIP_PUBLISH }, { "SERVICE", SIP_SERVICE },
};

static u8 compact_id(char c)
{
	u32 i;

	c = ascii_lower(c);
	for (i = 0; i < ARRAY_SIZE(header_names); i++)
		if (header_names[i].compact == c)
			return header_names[i].id;
	return SIP_HDR_OTHER;
}

static u8 header_id(const char *base, struct span name)
{
	const char *p = base + name.off;
	char first = ascii_lower(*p);
	u32 i;

	if (name.len == 1)
		return compact_id(*p);
	for (i = 0; i < ARRAY_SIZE(header_names); i++)
		if (header_names[i].len == name.len &&
		    ascii_lower(*header_names[i].name) == first &&
		    span_same(p, header_names[i].name, name.len))
			return header_names[i].id;
	return SIP_HDR_OTHER;
}

bool sip_header_split(const char *base, struct span line, struct sip_header *h)
{
	u32 end = span_end(line);
	u32 at = line.off;

	while (at < end && is_token(base[at]))
		at++;
	h->name = span_of(line.off, at);
	/*
	 * HCOLON has no folding, but who unfolds first sees a header: a second
	 * Content-Length must not hide there.
	 */
	while (at < end && is_lws(base[at]))
		at++;
	if (!h->name.len || at == end || base[at] != ':')
		return false;
	h->value = span_trim(base, span_of(at + 1, end));
	h->id = header_id(base, h->name);
	return true;
}

/* RFC 3261 20.12, RFC 2045 6.1 */
bool sip_header_encodes(const char *base, const struct sip_header *h)
{
	if (!h->value.len)
		return false;
	if (h->id == SIP_HDR_CONTENT_ENCODING)
		return !span_is(base, h->value, "identity");
	return h->id == SIP_HDR_TRANSFER_ENCODING &&
	       !span_is(base, h->value, "binary") &&
	       !span_is(base, h->value, "8bit") && !span_is(base, h->value, "7bit");
}

/* Method names are case-sensitive (RFC 3261 7.1). */
static bool text_equal(const char *base, struct span a, struct span b)
{
	return a.len == b.len && !memcmp(base + a.off, base + b.off, a.len);
}

static enum sip_method method_of(const char *base, struct span text)
{
	const char *name;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(method_names); i++) {
		name = method_names[i].name;
		if (text.len == strlen(name) && !memcmp(base + text.off, name, text.len))
			return method_names[i].method;
	}
	return SIP_METHOD_OTHER;
}

static struct span take_token(const char *base, struct span s)
{
	u32 at = s.off;

	while (at < span_end(s) && is_token(base[at]))
		at++;
	return span_of(s.off, at);
}

static struct span skip_sp(const char *base, struct span s)
{
	while (s.len && base[s.off] == ' ') {
		s.off++;
		s.len--;
	}
	return s;
}

static int parse_status_line(struct sip_msg *msg, const char *base, struct span line)
{
	struct span code = span_of(line.off + 8, line.off + 11);
	u32 status;

	if (line.len < 11 || (line.len > 11 && base[span_end(code)] != ' '))
		return -EINVAL;
	if (span_uint(base, code, 699, &status) || status < 100)
		return -EINVAL;
	msg->status = (u16)status;
	return 0;
}

/* More than one SP is let pass (RFC 4475 3.1.2.9), one inside the URI is not. */
static int parse_request_line(struct sip_msg *msg, const char *base, struct span line)
{
	u32 end = span_end(line);
	struct span rest;

	msg->method_text = take_token(base, line);
	rest = span_of(span_end(msg->method_text), end);
	if (!msg->method_text.len || !rest.len || base[rest.off] != ' ')
		return -EINVAL;
	rest = skip_sp(base, rest);
	msg->uri = span_of(rest.off, span_chr(base, rest, ' '));
	rest = skip_sp(base, span_of(span_end(msg->uri), end));
	if (!msg->uri.len || !is_alpha(base[msg->uri.off]) ||
	    !span_is(base, rest, "SIP/2.0"))
		return -EINVAL;
	msg->method = method_of(base, msg->method_text);
	msg->is_request = true;
	return 0;
}

static int parse_start(struct sip_msg *msg, const char *base, struct span line)
{
	line = span_trim(base, line);
	if (line.len >= 8 && span_is(base, span_of(line.off, line.off + 8), "SIP/2.0 "))
		return parse_status_line(msg, base, line);
	return parse_request_line(msg, base, line);
}

/* The header line at the start of @rest with the lines that go on with it. */
static struct span next_line(const char *base, struct span *rest)
{
	u32 end = span_end(*rest);
	u32 from = rest->off;
	u32 at = from;

	do {
		at = span_chr(base, span_of(at, end), '\n');
		if (at < end)
			at++;
	} while (at < end && is_wsp(base[at]));
	*rest = span_of(at, end);
	return span_of(from, at);
}

/* From and To: exactly one value (RFC 3261 20.20, 20.39). */
static int parse_party(const char *base, struct span value, struct sip_value *v,
		       struct span *tag)
{
	struct span rest = value;
	struct sip_value more;

	if (sip_value_next(base, &rest, v) != 1 || v->star)
		return -EINVAL;
	sip_param_find(base, v->params, "tag", tag);
	return sip_value_next(base, &rest, &more) ? -EINVAL : 0;
}

static int parse_via(struct sip_msg *msg, const char *base, struct span value)
{
	msg->via_rest = value;
	if (sip_via_next(base, &msg->via_rest, &msg->via) != 1)
		return -EINVAL;
	msg->branch = msg->via.branch;
	return 0;
}

/* CSeq = 1*DIGIT LWS Method (RFC 3261 20.16) */
static int parse_cseq(struct sip_msg *msg, const char *base, struct span value)
{
	u32 end = span_end(value);
	u32 at = value.off;
	struct span method;

	while (at < end && is_digit(base[at]))
		at++;
	method = span_trim(base, span_of(at, end));
	if (method.off == at || !method.len ||
	    take_token(base, method).len != method.len ||
	    span_uint(base, span_of(value.off, at), 0xffffffff, &msg->cseq))
		return -EINVAL;
	if (msg->is_request)
		return text_equal(base, method, msg->method_text) ? 0 : -EINVAL;
	msg->method_text = method;
	msg->method = method_of(base, method);
	return 0;
}

/* What the first header of its kind tells about the whole message. */
static int note_header(struct sip_msg *msg, const char *base, const struct sip_header *h)
{
	switch (h->id) {
	case SIP_HDR_VIA:
		return parse_via(msg, base, h->value);
	case SIP_HDR_FROM:
		return parse_party(base, h->value, &msg->from, &msg->from_tag);
	case SIP_HDR_TO:
		return parse_party(base, h->value, &msg->to, &msg->to_tag);
	case SIP_HDR_CALL_ID:
		msg->call_id = h->value;
		return h->value.len ? 0 : -EINVAL;
	case SIP_HDR_CSEQ:
		return parse_cseq(msg, base, h->value);
	case SIP_HDR_CONTENT_TYPE:
		msg->content_type = h->value;
		return 0;
	default:
		return 0;
	}
}

/* Two of these contradict each other: which one would the peer believe? */
static bool only_once(u8 id)
{
	return id == SIP_HDR_FROM || id == SIP_HDR_TO ||
	       id == SIP_HDR_CALL_ID || id == SIP_HDR_CSEQ;
}

static int take_header(struct sip_msg *msg, const char *base,
		       const struct sip_header *h, u32 *seen)
{
	u32 bit = 1U << h->id;
	int err = 0;

	if (h->id == SIP_HDR_OTHER)
		return 0;
	if (msg->nr == SIP_HEADERS_MAX)
		return -E2BIG;
	if (sip_header_encodes(base, h))
		msg->encoded = true;
	if (!(*seen & bit))
		err = note_header(msg, base, h);
	else if (only_once(h->id))
		err = -EINVAL;
	*seen |= bit;
	msg->headers[msg->nr++] = *h;
	return err;
}

int sip_msg_parse(struct sip_msg *msg, const char *buf, u32 hdr_len, u32 len)
{
	const u32 needed = 1U << SIP_HDR_VIA | 1U << SIP_HDR_FROM |
			   1U << SIP_HDR_TO | 1U << SIP_HDR_CALL_ID |
			   1U << SIP_HDR_CSEQ;
	struct span rest = span_of(0, hdr_len);
	struct sip_header h;
	u32 seen = 0;
	u32 lf;
	int err;

	memset(msg, 0, offsetof(struct sip_msg, headers));
	if (hdr_len > len)
		return -EINVAL;
	msg->hdr_len = hdr_len;
	msg->body = span_of(hdr_len, len);
	/* The start line has no folding: a line that goes on with it is none. */
	lf = span_chr(buf, rest, '\n');
	err = parse_start(msg, buf, span_of(0, lf));
	rest = span_of(lf + 1, hdr_len);
	while (!err && rest.len)
		if (sip_header_split(buf, next_line(buf, &rest), &h))
			err = take_header(msg, buf, &h, &seen);
	if (!err && (seen & needed) != needed)
		err = -EINVAL;
	return err;
}

const struct sip_header *sip_msg_header(const struct sip_msg *msg, u8 id, u16 from)
{
	u16 i;

	for (i = from; i < msg->nr; i++)
		if (msg->headers[i].id == id)
			return &msg->headers[i];
	return NULL;
}
