// SPDX-License-Identifier: GPL-2.0-only
/*
 * URIs, header values that carry them, and Via (RFC 3261 sections 19.1, 20
 * and 25.1).  White space inside a value may be folded; whoever reads a value
 * takes CR and LF for white space.
 */
#include <nf_nat_sip_tcp/sip_uri.h>

static u32 skip_lws(const char *base, u32 at, u32 end)
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
	u8 class;

	while (at < end) {
		class = span_class[(u8)base[at]];
		if (class & stop)
			break;
		at = class & SPAN_QUOTE ? skip_quoted(base, at, end) : at + 1;
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
	at = host_end(base, s);
	hp->host = span_of(s.off, at);
	if (!hp->host.len)
		return -EINVAL;
	/* In brackets it can be an IPv6 address only. */
	if (addr_parse(base, hp->host, &hp->addr) && base[s.off] == '[')
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

	if (!s.len || !is_alpha(base[at]))
		return end;
	while (at < end && (is_alpha(base[at]) || is_digit(base[at]) ||
			    base[at] == '+' || base[at] == '-' || base[at] == '.'))
		at++;
	return at < end && base[at] == ':' ? at : end;
}

/* What no URI can hold, escaped or not: it would end in the wrong place. */
static bool uri_clean(const char *base, struct span s)
{
	u32 at;

	for (at = s.off; at < span_end(s); at++)
		if (span_class[(u8)base[at]] & SPAN_UNCLEAN)
			return false;
	return true;
}

/*
 * The user part may hold ';' and '?' (RFC 3261 25.1 user-unreserved), but '@'
 * stands unescaped in one place only: behind the user part.
 */
static int split_user(const char *base, struct span *s, struct span *user)
{
	u32 end = span_end(*s);
	u32 at = span_chr(base, *s, '@');

	if (at == end)
		return 0;
	if (at == s->off || span_chr(base, span_of(at + 1, end), '@') != end)
		return -EINVAL;
	*user = span_of(s->off, at);
	*s = span_of(at + 1, end);
	return 0;
}

int sip_uri_parse(const char *base, struct span s, struct sip_uri *uri)
{
	u32 end = span_end(s);
	u32 colon = scheme_end(base, s);
	struct span scheme = span_of(s.off, colon);
	u32 query;
	u32 semi;

	memset(uri, 0, sizeof(*uri));
	if (colon == end)
		return -EINVAL;
	uri->sips = span_is(base, scheme, "sips");
	if (!uri->sips && !span_is(base, scheme, "sip"))
		return -EPROTONOSUPPORT;
	s = span_of(colon + 1, end);
	if (!uri_clean(base, s) || split_user(base, &s, &uri->user))
		return -EINVAL;
	query = span_chr(base, s, '?');
	if (query < end)
		uri->headers = span_of(query + 1, end);
	s = span_of(s.off, query);
	semi = span_chr(base, s, ';');
	if (semi < query)
		uri->params = span_of(semi + 1, query);
	return sip_hostport_parse(base, span_of(s.off, semi), &uri->hostport);
}

/* Start of the next element of a comma list; empty elements are nothing. */
static u32 element_start(const char *base, u32 at, u32 end)
{
	while (at < end && (is_lws(base[at]) || base[at] == ','))
		at++;
	return at;
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
	stop = find_stop(base, at, end, SPAN_COMMA);
	if (stop > end)
		return 0;
	if (at < stop)
		*params = span_trim(base, span_of(at + 1, stop));
	*rest = stop < end ? span_of(stop + 1, end) : span_of(end, end);
	return stop;
}

/*
 * The URI of the element at @from: sets @v->uri.
 * Return: offset behind it and its '>', 0 where it is broken.
 */
static u32 take_uri(const char *base, u32 from, u32 end, struct sip_value *v)
{
	u32 at = find_stop(base, from, end, SPAN_LESS | SPAN_COMMA | SPAN_SEMI);
	u32 close;

	if (at > end)
		return 0;
	if (at < end && base[at] == '<') {
		close = span_chr(base, span_of(at, end), '>');
		v->uri = span_trim(base, span_of(at + 1, close));
		at = close + 1;
		if (close == end)
			return 0;
	} else {
		/* addr-spec: what follows ';' belongs to the header (20.10) */
		at = from;
		while (at < end && !is_lws(base[at]) &&
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

	for (i = 0; i < 2; i++) {
		at = take_part(base, at, end, true);
		if (!at)
			return 0;
	}
	stop = take_part(base, at, end, false);
	if (!stop)
		return 0;
	via->transport = span_of(at, stop);
	return skip_lws(base, stop, end);
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
	if (!take_params(base, stop, rest, &via->params))
		return -EINVAL;
	sip_param_find(base, via->params, "branch", &via->branch);
	sip_param_find(base, via->params, "received", &via->received);
	sip_param_find(base, via->params, "rport", &via->rport);
	sip_param_find(base, via->params, "maddr", &via->maddr);
	return 1;
}

bool sip_param_find(const char *base, struct span params, const char *name,
		    struct span *value)
{
	u32 end = span_end(params);
	u32 at = params.off;
	u32 stop;
	u32 eq;

	*value = (struct span){ 0 };
	for (; at < end; at = stop + 1) {
		stop = find_stop(base, at, end, SPAN_SEMI);
		if (stop > end)
			return false;
		eq = span_chr(base, span_of(at, stop), '=');
		if (!span_is(base, span_trim(base, span_of(at, eq)), name))
			continue;
		if (eq < stop)
			*value = span_trim(base, span_of(eq + 1, stop));
		return true;
	}
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
