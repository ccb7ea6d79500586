// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pass over a framed message: start line and the headers that matter.
 */
#include <nf_nat_sip_tcp/sip_msg.h>
#include <nf_nat_sip_tcp/sip_uri.h>

/**
 * struct header_name - the name of a header that matters
 * @text: as it is mostly written; NULL behind the last
 * @len: its length
 * @id: enum sip_header_id
 */
struct header_name {
	const char *text;
	u8 len;
	u8 id;
};

#define HEADER(_text, _id) \
	{ .text = _text, .len = sizeof(_text) - 1, .id = SIP_HDR_##_id }

/* Names that begin alike, those first that are in most messages. */
static const struct header_name names_a[] = {
	HEADER("Alert-Info", ALERT_INFO), { }
};

static const struct header_name names_c[] = {
	HEADER("Call-ID", CALL_ID), HEADER("CSeq", CSEQ), HEADER("Contact", CONTACT),
	HEADER("Content-Length", CONTENT_LENGTH), HEADER("Content-Type", CONTENT_TYPE),
	HEADER("Call-Info", CALL_INFO), HEADER("Content-Encoding", CONTENT_ENCODING),
	HEADER("Content-Disposition", CONTENT_DISPOSITION),
	HEADER("Content-Transfer-Encoding", TRANSFER_ENCODING), { }
};

static const struct header_name names_d[] = {
	HEADER("Diversion", DIVERSION), { }
};

static const struct header_name names_e[] = {
	HEADER("Expires", EXPIRES), { }
};

static const struct header_name names_f[] = {
	HEADER("From", FROM), { }
};

static const struct header_name names_i[] = {
	HEADER("Identity", IDENTITY), { }
};

static const struct header_name names_p[] = {
	HEADER("P-Asserted-Identity", ASSERTED_IDENTITY),
	HEADER("P-Preferred-Identity", PREFERRED_IDENTITY), HEADER("Path", PATH), { }
};

static const struct header_name names_r[] = {
	HEADER("Route", ROUTE), HEADER("Record-Route", RECORD_ROUTE),
	HEADER("Refer-To", REFER_TO), HEADER("Referred-By", REFERRED_BY), { }
};

static const struct header_name names_s[] = {
	HEADER("Session-Expires", SESSION_EXPIRES),
	HEADER("Service-Route", SERVICE_ROUTE), { }
};

static const struct header_name names_t[] = {
	HEADER("To", TO), { }
};

static const struct header_name names_v[] = {
	HEADER("Via", VIA), { }
};

/*
 * By their first letter: names, and what it says alone (RFC 3261 7.3.3;
 * RFC 4028, 4474, 3515, 3892 have compact names of their own).
 */
static const struct {
	const struct header_name *names;
	u8 compact;
} by_letter[26] = {
	['a' - 'a'] = { names_a, SIP_HDR_OTHER },
	['b' - 'a'] = { NULL, SIP_HDR_REFERRED_BY },
	['c' - 'a'] = { names_c, SIP_HDR_CONTENT_TYPE },
	['d' - 'a'] = { names_d, SIP_HDR_OTHER },
	['e' - 'a'] = { names_e, SIP_HDR_CONTENT_ENCODING },
	['f' - 'a'] = { names_f, SIP_HDR_FROM },
	['i' - 'a'] = { names_i, SIP_HDR_CALL_ID },
	['l' - 'a'] = { NULL, SIP_HDR_CONTENT_LENGTH },
	['m' - 'a'] = { NULL, SIP_HDR_CONTACT },
	['p' - 'a'] = { names_p, SIP_HDR_OTHER },
	['r' - 'a'] = { names_r, SIP_HDR_REFER_TO },
	['s' - 'a'] = { names_s, SIP_HDR_OTHER },
	['t' - 'a'] = { names_t, SIP_HDR_TO },
	['v' - 'a'] = { names_v, SIP_HDR_VIA },
	['x' - 'a'] = { NULL, SIP_HDR_SESSION_EXPIRES },
	['y' - 'a'] = { NULL, SIP_HDR_IDENTITY },
};

#define METHOD(_name) \
	{ .name = #_name, .len = sizeof(#_name) - 1, .method = SIP_##_name }

static const struct {
	const char *name;
	u8 len;
	u8 method;
} method_names[] = {
	METHOD(INVITE), METHOD(ACK), METHOD(BYE), METHOD(CANCEL), METHOD(OPTIONS),
	METHOD(REGISTER), METHOD(PRACK), METHOD(UPDATE), METHOD(INFO),
	METHOD(SUBSCRIBE), METHOD(NOTIFY), METHOD(REFER), METHOD(MESSAGE),
	METHOD(PUBLISH), METHOD(SERVICE),
};

/* What may stand behind a name: HCOLON, and see take_value(). */
static bool ends_name(char c)
{
	return c == ':' || is_lws(c);
}

/* Which known name is at the start of the line, and how long is it?  0: none. */
static inline u32 known_name(const char *base, struct span line, u8 *id)
{
	const char *p = base + line.off;
	const struct header_name *n;
	u8 letter;

	if (line.len < 2 || !is_alpha(*p))
		return 0;
	letter = ascii_lower(*p) - 'a';
	if (ends_name(p[1])) {
		*id = by_letter[letter].compact;
		return *id != SIP_HDR_OTHER;
	}
	for (n = by_letter[letter].names; n && n->text; n++) {
		if (n->len < line.len && ends_name(p[n->len]) &&
		    span_same(p, n->text, n->len)) {
			*id = n->id;
			return n->len;
		}
	}
	return 0;
}

/* Behind the name is a value, if it is a header: sets both in @h. */
static inline bool take_value(const char *base, struct span line, u32 name_len,
			      struct sip_header *h)
{
	u32 end = span_end(line);
	u32 at = line.off + name_len;

	h->name = span_of(line.off, at);
	/*
	 * HCOLON has no folding, but who unfolds first sees a header: a second
	 * Content-Length must not hide there.
	 */
	while (at < end && is_lws(base[at]))
		at++;
	if (at == end || base[at] != ':')
		return false;
	h->value = span_trim(base, span_of(at + 1, end));
	return true;
}

bool sip_header_known(const char *base, struct span line, struct sip_header *h)
{
	u32 len = known_name(base, line, &h->id);

	return len && take_value(base, line, len, h);
}

bool sip_header_split(const char *base, struct span line, struct sip_header *h)
{
	u32 len = known_name(base, line, &h->id);

	if (!len) {
		h->id = SIP_HDR_OTHER;
		while (len < line.len && is_token(base[line.off + len]))
			len++;
	}
	return len && take_value(base, line, len, h);
}

/* RFC 3261 20.12, RFC 2045 6.1 */
bool sip_header_encodes(const char *base, const struct sip_header *h)
{
	if (h->id == SIP_HDR_CONTENT_ENCODING)
		return h->value.len && !span_is(base, h->value, "identity");
	return h->id == SIP_HDR_TRANSFER_ENCODING && h->value.len &&
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
	const char *p = base + text.off;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(method_names); i++)
		if (text.len == method_names[i].len && *p == *method_names[i].name &&
		    !memcmp(p, method_names[i].name, text.len))
			return method_names[i].method;
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
	if (line.len >= 8 && span_same(base + line.off, "SIP/2.0 ", 8))
		return parse_status_line(msg, base, line);
	return parse_request_line(msg, base, line);
}

/* Where the header line at @from, with the lines that go on with it, ends. */
static u32 line_end(const char *base, u32 from, u32 end)
{
	u32 at = from;

	do {
		at = span_chr(base, span_of(at, end), '\n');
		if (at < end)
			at++;
	} while (at < end && is_wsp(base[at]));
	return at;
}

static bool value_follows(const char *base, struct span rest)
{
	struct sip_value more;

	return sip_value_next(base, &rest, &more);
}

/* From and To: exactly one value (RFC 3261 20.20, 20.39). */
static int parse_party(const char *base, struct span value, struct sip_value *v,
		       struct span *tag)
{
	struct span rest = value;

	if (sip_value_next(base, &rest, v) != 1 || v->star)
		return -EINVAL;
	sip_param_find(base, v->params, "tag", tag);
	return rest.len && value_follows(base, rest) ? -EINVAL : 0;
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
		msg->kind = mime_kind(base, h->value);
		return 0;
	default:
		return 0;
	}
}

#define BIT_OF(_id) (1U << SIP_HDR_##_id)

/* Two of these contradict each other: which one would the peer believe? */
#define ONLY_ONCE (BIT_OF(FROM) | BIT_OF(TO) | BIT_OF(CALL_ID) | BIT_OF(CSEQ))

/* Without these nothing can be tracked. */
#define NEEDED (ONLY_ONCE | BIT_OF(VIA))

#define MAY_ENCODE (BIT_OF(CONTENT_ENCODING) | BIT_OF(TRANSFER_ENCODING))

/* The header behind the last one of @msg->headers. */
static int take_header(struct sip_msg *msg, const char *base, u32 *seen)
{
	const struct sip_header *h = &msg->headers[msg->nr];
	u32 bit = 1U << h->id;
	u32 before = *seen;

	if (msg->nr == SIP_HEADERS_MAX)
		return -E2BIG;
	msg->nr++;
	*seen |= bit;
	if (bit & MAY_ENCODE && sip_header_encodes(base, h))
		msg->encoded = true;
	if (!(before & bit))
		return note_header(msg, base, h);
	return bit & ONLY_ONCE ? -EINVAL : 0;
}

static int parse_line(struct sip_msg *msg, const char *buf, struct span line, u32 *seen)
{
	if (!sip_header_known(buf, line, &msg->headers[msg->nr]))
		return 0;
	return take_header(msg, buf, seen);
}

/* Framing has found all lines. */
static int parse_noted(struct sip_msg *msg, const char *buf, const struct sip_lines *lines,
		       u32 *seen)
{
	int err = parse_start(msg, buf, span_of(0, lines->at[0]));
	u32 i;

	/* The last one is the empty line. */
	for (i = 1; !err && i < lines->nr; i++)
		err = parse_line(msg, buf, span_of(lines->at[i - 1], lines->at[i]), seen);
	return err;
}

static int parse_lines(struct sip_msg *msg, const char *buf, u32 *seen)
{
	/* The start line has no folding: a line that goes on with it is none. */
	u32 lf = span_chr(buf, span_of(0, msg->hdr_len), '\n');
	int err = parse_start(msg, buf, span_of(0, lf));
	u32 at, end;

	for (at = lf + 1; !err && at < msg->hdr_len; at = end) {
		end = line_end(buf, at, msg->hdr_len);
		err = parse_line(msg, buf, span_of(at, end), seen);
	}
	return err;
}

int sip_msg_parse(struct sip_msg *msg, const char *buf, u32 hdr_len, u32 len,
		  const struct sip_lines *lines)
{
	u32 seen = 0;
	int err;

	memset(msg, 0, offsetof(struct sip_msg, headers));
	if (hdr_len > len)
		return -EINVAL;
	msg->hdr_len = hdr_len;
	msg->body = span_of(hdr_len, len);
	if (sip_lines_noted(lines))
		err = parse_noted(msg, buf, lines, &seen);
	else
		err = parse_lines(msg, buf, &seen);
	if (!err && (seen & NEEDED) != NEEDED)
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
