// SPDX-License-Identifier: GPL-2.0-only
/*
 * Session descriptions (RFC 8866): the lines that name transport addresses.
 */
#include <nf_nat_sip_tcp/sdp.h>

/* The next field of a line; fields are separated by SP. */
static struct span next_field(const char *base, struct span *rest)
{
	u32 end = span_end(*rest);
	u32 from = rest->off;
	u32 to;

	while (from < end && is_wsp(base[from]))
		from++;
	to = from;
	while (to < end && ((u8)base[to] > ' ' || !is_wsp(base[to])))
		to++;
	*rest = span_of(to, end);
	return span_of(from, to);
}

/* Without the line end, which is CRLF or LF. */
static struct span next_line(const char *base, struct span *rest)
{
	u32 end = span_end(*rest);
	u32 lf = span_chr(base, *rest, '\n');
	struct span line = span_of(rest->off, lf);

	*rest = lf < end ? span_of(lf + 1, end) : span_of(end, end);
	if (line.len && base[lf - 1] == '\r')
		line.len--;
	return line;
}

/* nettype SP addrtype: which addresses are those?  0: others. */
static u8 take_family(const char *base, struct span *s)
{
	struct span net;
	struct span type;

	if (s->len > 7 && !memcmp(base + s->off, "IN IP4 ", 7)) {
		*s = span_of(s->off + 7, span_end(*s));
		return 4;
	}
	net = next_field(base, s);
	type = next_field(base, s);
	if (!span_is(base, net, "IN"))
		return 0;
	return span_is(base, type, "IP4") ? 4 : span_is(base, type, "IP6") ? 6 : 0;
}

/*
 * nettype SP addrtype SP address: "IN IP4 192.0.2.1/127".  A network other
 * than the Internet and a host name have no address that we know.
 */
static int parse_conn(const char *base, struct span s, struct sdp_conn *conn)
{
	u8 family = take_family(base, &s);
	struct span text = next_field(base, &s);

	text = span_of(text.off, span_chr(base, text, '/'));
	memset(conn, 0, sizeof(*conn));
	if (!text.len)
		return -EINVAL;
	conn->text = text;
	if (!family || addr_parse(base, text, &conn->addr))
		return 0;
	return conn->addr.family == family ? 0 : -EINVAL;
}

/* o=user id version nettype addrtype address; the address matters. */
static void parse_origin(struct sdp *sdp, const char *base, struct span s)
{
	int i;

	for (i = 0; i < 3; i++)
		next_field(base, &s);
	/* Nothing depends on it: a broken one is as good as none. */
	if (parse_conn(base, s, &sdp->origin))
		memset(&sdp->origin, 0, sizeof(sdp->origin));
}

/* Section of the description that a line belongs to: a media, or NULL. */
static struct sdp_media *last_media(struct sdp *sdp)
{
	return sdp->nr ? &sdp->media[sdp->nr - 1] : NULL;
}

/*
 * A second c= in one section is for layered multicast only (RFC 8866 5.7);
 * with two addresses nobody could say where the media goes.
 */
static int parse_connection(struct sdp *sdp, const char *base, struct span s)
{
	struct sdp_media *m = last_media(sdp);
	struct sdp_conn *conn = m ? &m->conn : &sdp->conn;

	if (conn->text.len)
		return -EINVAL;
	return parse_conn(base, s, conn);
}

static bool proto_is(const char *base, struct span part, const char *const *names)
{
	for (; *names; names++)
		if (span_is(base, part, *names))
			return true;
	return false;
}

/* RTP may stand first ("RTP/AVP") or behind its carrier ("UDP/TLS/RTP/SAVPF"). */
static void classify(struct sdp_media *m, const char *base)
{
	static const char *const over_udp[] = {
		"RTP", "UDP", "udptl", "DTLS", "vat", NULL
	};
	u32 end = span_end(m->proto);
	u32 at = m->proto.off;
	struct span part;

	while (at < end) {
		part = span_of(at, span_chr(base, span_of(at, end), '/'));
		if (at == m->proto.off)
			m->udp = proto_is(base, part, over_udp);
		if (span_is(base, part, "RTP"))
			m->rtp = true;
		at = span_end(part) + 1;
	}
}

static int parse_port(const char *base, struct span s, struct sdp_media *m)
{
	u32 slash = span_chr(base, s, '/');
	u32 count = 1;
	u32 port;

	m->port_text = span_of(s.off, slash);
	if (span_uint(base, m->port_text, 65535, &port))
		return -EINVAL;
	if (slash < span_end(s) &&
	    (span_uint(base, span_of(slash + 1, span_end(s)), 255, &count) || !count))
		return -EINVAL;
	m->port = (u16)port;
	m->count = (u8)count;
	return 0;
}

/* m=media port[/count] proto fmt ... */
static int parse_media(struct sdp *sdp, const char *base, struct span s)
{
	struct sdp_media *m;

	if (sdp->nr == SDP_MEDIA_MAX)
		return -E2BIG;
	m = &sdp->media[sdp->nr++];
	memset(m, 0, sizeof(*m));
	m->type = next_field(base, &s);
	if (parse_port(base, next_field(base, &s), m))
		return -EINVAL;
	m->proto = next_field(base, &s);
	if (!m->proto.len)
		return -EINVAL;
	classify(m, base);
	return 0;
}

/* a=rtcp:port [nettype addrtype address] (RFC 3605) */
static int parse_rtcp(struct sdp_media *m, const char *base, struct span s)
{
	struct span port = next_field(base, &s);
	u32 val;

	if (m->rtcp_port_text.len || span_uint(base, port, 65535, &val))
		return -EINVAL;
	m->rtcp_port_text = port;
	m->rtcp_port = (u16)val;
	s = span_trim(base, s);
	return s.len ? parse_conn(base, s, &m->rtcp_addr) : 0;
}

/* a=rtpmap and a=fmtp are most of all lines: told by a letter. */
static bool may_matter(const char *base, struct span s)
{
	char c = s.len < 4 ? 0 : ascii_lower(base[s.off]);

	if (c == 'r')
		return ascii_lower(base[s.off + 2]) == 'c';
	return c == 'c' || is_lws(c);
}

static int parse_attribute(struct sdp *sdp, const char *base, struct span s)
{
	struct sdp_media *m = last_media(sdp);
	struct span name;
	u32 colon;

	if (!m || !may_matter(base, s))
		return 0;
	colon = span_chr(base, s, ':');
	name = span_trim(base, span_of(s.off, colon));
	if (span_is(base, name, "rtcp"))
		return parse_rtcp(m, base, span_of(colon + 1, span_end(s)));
	if (span_is(base, name, "rtcp-mux"))
		m->rtcp_mux = true;
	else if (span_is(base, name, "candidate"))
		m->candidates = true;
	return 0;
}

static int parse_line(struct sdp *sdp, const char *base, struct span line)
{
	struct span value = span_of(line.off + 2, span_end(line));

	if (line.len < 2 || base[line.off + 1] != '=')
		return 0;
	switch (base[line.off]) {
	case 'o':
		if (!sdp->nr && !sdp->origin.text.len)
			parse_origin(sdp, base, value);
		return 0;
	case 'c':
		return parse_connection(sdp, base, value);
	case 'm':
		return parse_media(sdp, base, value);
	case 'a':
		return parse_attribute(sdp, base, value);
	default:
		return 0;
	}
}

int sdp_parse(struct sdp *sdp, const char *base, struct span s)
{
	int err = 0;

	/* A medium is cleared when there is one. */
	memset(sdp, 0, offsetof(struct sdp, media));
	sdp->whole = s;
	if (!span_is(base, span_trim(base, next_line(base, &s)), "v=0"))
		return -EINVAL;
	while (s.len && !err)
		err = parse_line(sdp, base, next_line(base, &s));
	return err;
}

const struct sdp_media *sdp_medium(const struct sdp *sdp, u8 number)
{
	const struct sdp_media *m = NULL;

	for (; sdp; sdp = sdp->next)
		if (number >= sdp->first && number - sdp->first < sdp->nr)
			m = &sdp->media[number - sdp->first];
	return m;
}

const struct sdp_conn *sdp_media_conn(const struct sdp *sdp, u8 index)
{
	if (index < sdp->nr && sdp->media[index].conn.text.len)
		return &sdp->media[index].conn;
	return &sdp->conn;
}
