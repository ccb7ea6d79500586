// SPDX-License-Identifier: GPL-2.0-only
/*
 * URIs, header values that carry them, and Via (RFC 3261 sections 19.1, 20
 * and 25.1).  White space inside a value may be folded; whoever reads a value
 * takes CR and LF for white space.
 */
#include <nf_nat_sip_tcp/sip_uri.h>

static inline u32 skip_lws(const char *base, u32 at, u32 end)
{
	while (at < end && is_lws(base[at]))
		at++;
	return at;
}

static u32 skip_token(const char *base, u32 at, u32 end)
{
	while (at < end && is_token(base[at]))
		at++;
	return at;
}

/* Behind the quoted string that starts at @at; beyond @end if it does not end. */
static u32 skip_quoted(const char *base, u32 at, u32 end)
{
	for (at++; at < end; at++) {
		if (base[at] == '\\')
			at++;
		else if (base[at] == '"')
			return at + 1;
	}
	return end + 1;
}

/*
 * First character of the classes @stop outside of quoted strings, or @end;
 * beyond @end where a quoted string does not end.
 */
static u32 find_stop(const char *base, u32 at, u32 end, u8 stop)
{
	while (at < end) {
		at = span_class_chr(base, span_of(at, end), stop | SPAN_QUOTE);
		if (at == end || span_class[(u8)base[at]] & stop)
			break;
		at = skip_quoted(base, at, end);
	}
	return at;
}

static bool host_char(char c)
{
	return span_class[(u8)c] & SPAN_HOST;
}

/* End of the host that starts at @s.off; s.off itself where there is none. */
static u32 host_end(const char *base, struct span s)
{
	u32 at = s.off;

	if (s.len && base[at] == '[') {
		at = span_chr(base, s, ']');
		return at == span_end(s) ? s.off : at + 1;
	}
	while (at < span_end(s) && host_char(base[at]))
		at++;
	return at;
}

/*
 * The host at the start of the span, most often a dotted quad.
 * Return: offset behind it, 0 where it is broken.
 */
static u32 take_host(const char *base, struct span s, struct sip_hostport *hp)
{
	u32 end = span_end(s);
	u32 at = 0;

	if (s.len && is_digit(base[s.off]))
		at = addr_v4_end(base, s, hp->addr.ip);
	if (at && (at == end || !host_char(base[at]))) {
		hp->addr.family = 4;
		hp->host = span_of(s.off, at);
		return at;
	}
	memset(&hp->addr, 0, sizeof(hp->addr));
	at = host_end(base, s);
	hp->host = span_of(s.off, at);
	/* A name that begins with a letter is none; in brackets it can be IPv6 only. */
	if (!hp->host.len || (base[s.off] == '[' && addr_parse(base, hp->host, &hp->addr)))
		return 0;
	return at;
}

static int parse_port(const char *base, struct span s, struct sip_hostport *hp)
{
	u32 port;

	if (span_uint(base, s, 65535, &port) || !port)
		return -EINVAL;
	hp->port_text = s;
	hp->port = (u16)port;
	return 0;
}

int sip_hostport_parse(const char *base, struct span s, struct sip_hostport *hp)
{
	u32 end;
	u32 at;

	memset(hp, 0, sizeof(*hp));
	s = span_trim(base, s);
	end = span_end(s);
	at = take_host(base, s, hp);
	if (!at)
		return -EINVAL;
	at = skip_lws(base, at, end);
	if (at == end)
		return 0;
	if (base[at] != ':')
		return -EINVAL;
	return parse_port(base, span_of(skip_lws(base, at + 1, end), end), hp);
}

/* Offset of the ':' behind a scheme, or the end of the span. */
static u32 scheme_end(const char *base, struct span s)
{
	u32 end = span_end(s);
	u32 at = s.off;

	if (s.len > 4 && !memcmp(base + at, "sip:", 4))
		return at + 3;
	if (!s.len || !is_alpha(base[at]))
		return end;
	while (at < end && (is_alpha(base[at]) || is_digit(base[at]) ||
			    base[at] == '+' || base[at] == '-' || base[at] == '.'))
		at++;
	return at < end && base[at] == ':' ? at : end;
}

/**
 * struct uri_marks - where the parts of a URI begin, behind its scheme
 * @host: behind the '@', else where the scheme ends
 * @params: the first ';' behind the user part, or the end
 * @query: the first '?' there, or the end
 */
struct uri_marks {
	u32 host;
	u32 params;
	u32 query;
};

/*
 * The user part may hold ';' and '?' (RFC 3261 25.1 user-unreserved), but '@'
 * stands unescaped in one place only: behind the user part.  What no URI can
 * hold, escaped or not, would make it end in the wrong place.
 */
static int find_marks(const char *base, struct span s, struct uri_marks *m)
{
	u32 end = span_end(s);
	u32 at;

	*m = (struct uri_marks){ .host = s.off, .params = end, .query = end };
	for (at = s.off; at < end; at++) {
		at = span_class_chr(base, span_of(at, end), SPAN_UNCLEAN | SPAN_URI);
		if (at == end)
			break;
		if (span_class[(u8)base[at]] & SPAN_UNCLEAN)
			return -EINVAL;
		if (base[at] == '@') {
			if (at == s.off || m->host != s.off)
				return -EINVAL;
			*m = (struct uri_marks){ .host = at + 1, .params = end, .query = end };
		} else if (m->query == end && base[at] == '?') {
			m->query = at;
		} else if (m->query == end && m->params == end && base[at] == ';') {
			m->params = at;
		}
	}
	return 0;
}

int sip_uri_parse(const char *base, struct span s, struct sip_uri *uri)
{
	u32 end = span_end(s);
	u32 colon = scheme_end(base, s);
	struct span scheme = span_of(s.off, colon);
	struct uri_marks m;
	u32 stop;

	memset(uri, 0, sizeof(*uri));
	if (colon == end)
		return -EINVAL;
	uri->sips = span_is(base, scheme, "sips");
	if (!uri->sips && !span_is(base, scheme, "sip"))
		return -EPROTONOSUPPORT;
	s = span_of(colon + 1, end);
	if (find_marks(base, s, &m))
		return -EINVAL;
	if (m.host != s.off)
		uri->user = span_of(s.off, m.host - 1);
	if (m.query < end)
		uri->headers = span_of(m.query + 1, end);
	stop = m.query;
	if (m.params < stop) {
		uri->params = span_of(m.params + 1, stop);
		stop = m.params;
	}
	return sip_hostport_parse(base, span_of(m.host, stop), &uri->hostport);
}

/* Start of the next element of a comma list; empty elements are nothing. */
static u32 element_start(const char *base, u32 at, u32 end)
{
	while (at < end && (is_lws(base[at]) || base[at] == ','))
		at++;
	return at;
}

/* Behind an element: @at is its ',' or the end of the list. */
static struct span next_element(u32 at, u32 end)
{
	return at < end ? span_of(at + 1, end) : span_of(end, end);
}

/*
 * Parameters from @at, where ';' or ',' or the end must stand, to the end of
 * the element.  Moves @rest behind it.
 * Return: end of the element, 0 where it is broken.
 */
static u32 take_params(const char *base, u32 at, struct span *rest, struct span *params)
{
	u32 end = span_end(*rest);
	u32 stop;

	at = skip_lws(base, at, end);
	if (at < end && base[at] != ';' && base[at] != ',')
		return 0;
	stop = at;
	if (at < end && base[at] == ';') {
		stop = find_stop(base, at + 1, end, SPAN_COMMA);
		if (stop > end)
			return 0;
		*params = span_trim(base, span_of(at + 1, stop));
	}
	*rest = next_element(stop, end);
	return stop;
}

/*
 * The URI of the element at @from: sets @v->uri.
 * Return: offset behind it and its '>', 0 where it is broken.
 */
static u32 take_uri(const char *base, u32 from, u32 end, struct sip_value *v)
{
	u32 at = from;
	u32 close;

	if (base[from] != '<')
		at = find_stop(base, from, end, SPAN_LESS | SPAN_COMMA | SPAN_SEMI);
	if (at > end)
		return 0;
	if (at < end && base[at] == '<') {
		close = span_chr(base, span_of(at, end), '>');
		v->uri = span_trim(base, span_of(at + 1, close));
		at = close + 1;
		if (close == end)
			return 0;
	} else {
		/* addr-spec: what follows ';' belongs to the header (20.10); NUL ends it, too */
		at = from;
		while (at < end && base[at] && !is_lws(base[at]) &&
		       !(span_class[(u8)base[at]] & (SPAN_SEMI | SPAN_COMMA | SPAN_QUOTE)))
			at++;
		v->uri = span_of(from, at);
	}
	if (scheme_end(base, v->uri) == span_end(v->uri))
		return 0;
	return at;
}

int sip_value_next(const char *base, struct span *rest, struct sip_value *v)
{
	u32 end = span_end(*rest);
	u32 from = element_start(base, rest->off, end);
	u32 at;

	memset(v, 0, sizeof(*v));
	if (from == end) {
		*rest = span_of(end, end);
		return 0;
	}
	if (base[from] == '*') {
		v->star = true;
		at = from + 1;
	} else {
		at = take_uri(base, from, end, v);
	}
	if (at)
		at = take_params(base, at, rest, &v->params);
	if (!at)
		return -EINVAL;
	v->whole = span_trim(base, span_of(from, at));
	return 1;
}

/* One part of "SIP / 2.0 / TCP" with the '/' behind it, if @slash. */
static u32 take_part(const char *base, u32 at, u32 end, bool slash)
{
	u32 stop = skip_token(base, at, end);

	if (stop == at)
		return 0;
	at = skip_lws(base, stop, end);
	if (!slash)
		return at > stop ? stop : 0;
	if (at == end || base[at] != '/')
		return 0;
	return skip_lws(base, at + 1, end);
}

/* sent-protocol LWS: sets @via->transport.  Return: where sent-by starts, or 0. */
static u32 take_protocol(const char *base, u32 at, u32 end, struct sip_via *via)
{
	u32 stop;
	int i;

	if (end - at > 8 && !memcmp(base + at, "SIP/2.0/", 8)) {
		at = skip_lws(base, at + 8, end);
	} else {
		for (i = 0; i < 2; i++) {
			at = take_part(base, at, end, true);
			if (!at)
				return 0;
		}
	}
	stop = take_part(base, at, end, false);
	if (!stop)
		return 0;
	via->transport = span_of(at, stop);
	return skip_lws(base, stop, end);
}

/*
 * The parameter at *@at, and moves that behind it.
 * Return: false at the end, and where a quoted string does not end.
 */
static bool param_next(const char *base, u32 *at, u32 end, struct span *whole)
{
	u32 stop;

	if (*at >= end)
		return false;
	stop = find_stop(base, *at, end, SPAN_SEMI);
	if (stop > end)
		return false;
	*whole = span_of(*at, stop);
	*at = stop + 1;
	return true;
}

/* Is it that parameter?  Sets @value, if it has one. */
static inline bool param_is(const char *base, struct span whole, const char *name,
			    u32 len, struct span *value)
{
	u32 end = span_end(whole);
	u32 at = skip_lws(base, whole.off, end);

	/* Most are told by a letter, of either case. */
	if (end - at < len || ((base[at] ^ *name) & ~0x20) ||
	    !span_same(base + at, name, len))
		return false;
	at = skip_lws(base, at + len, end);
	if (at < end && base[at] != '=')
		return false;
	if (at < end)
		*value = span_trim(base, span_of(at + 1, end));
	return true;
}

#define VIA_PARAM(_name) \
	{ .name = #_name, .len = sizeof(#_name) - 1, .at = offsetof(struct sip_via, _name) }

/* Those that matter; of two by one name the first. */
static void take_via_param(const char *base, struct span whole, struct sip_via *via, u32 *seen)
{
	static const struct {
		const char *name;
		u8 len;
		u8 at;
	} wanted[] = {
		VIA_PARAM(branch), VIA_PARAM(rport), VIA_PARAM(received), VIA_PARAM(maddr),
	};
	struct span *value;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		value = (void *)((char *)via + wanted[i].at);
		if (!(*seen & 1U << i) &&
		    param_is(base, whole, wanted[i].name, wanted[i].len, value))
			*seen |= 1U << i;
	}
}

/* The same as take_params(), in one pass with those that matter. */
static u32 take_via_params(const char *base, u32 at, struct span *rest, struct sip_via *via)
{
	u32 end = span_end(*rest);
	u32 seen = 0;
	u32 stop;

	at = skip_lws(base, at, end);
	if (at < end && base[at] != ';' && base[at] != ',')
		return 0;
	if (at < end && base[at] == ';')
		via->params.off = at + 1;
	while (at < end && base[at] == ';') {
		stop = find_stop(base, at + 1, end, SPAN_SEMI | SPAN_COMMA);
		if (stop > end)
			return 0;
		take_via_param(base, span_of(at + 1, stop), via, &seen);
		at = stop;
	}
	if (via->params.off)
		via->params = span_trim(base, span_of(via->params.off, at));
	*rest = next_element(at, end);
	return at;
}

int sip_via_next(const char *base, struct span *rest, struct sip_via *via)
{
	u32 end = span_end(*rest);
	u32 at = element_start(base, rest->off, end);
	u32 stop;

	memset(via, 0, sizeof(*via));
	if (at == end) {
		*rest = span_of(end, end);
		return 0;
	}
	at = take_protocol(base, at, end, via);
	if (!at)
		return -EINVAL;
	stop = find_stop(base, at, end, SPAN_SEMI | SPAN_COMMA);
	if (stop > end || sip_hostport_parse(base, span_of(at, stop), &via->sent_by))
		return -EINVAL;
	return take_via_params(base, stop, rest, via) ? 1 : -EINVAL;
}

bool sip_param_find_len(const char *base, struct span params, const char *name, u32 len,
			struct span *value)
{
	u32 at = params.off;
	struct span whole;

	*value = (struct span){ 0 };
	while (param_next(base, &at, span_end(params), &whole))
		if (param_is(base, whole, name, len, value))
			return true;
	return false;
}

/* Over TLS it is that of sips:, whatever the scheme says. */
u16 sip_default_port(const char *base, const struct sip_uri *uri)
{
	struct span transport;

	if (uri->sips || (sip_param_find(base, uri->params, "transport", &transport) &&
			  span_is(base, transport, "tls")))
		return 5061;
	return 5060;
}
