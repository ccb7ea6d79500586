// SPDX-License-Identifier: GPL-2.0-only
/*
 * A book of messages: as they are written, and as they have to be read.  The
 * latter is what the text side of the core makes of a whole message that comes
 * alone; only a number differs from one use to the next.
 */
#include <nf_nat_sip_tcp/message.h>
#include <nf_nat_sip_tcp/sip_uri.h>

#include "sim.h"

/* Seven digits; the ports of descriptions end in the last four. */
#define NUMBER "7654320"
#define PORT_MARK "24320"

struct book book[VARIANTS];

static const char filler[] = "abcdefghijklmnopqrstuvwxyz-0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ+";
static char scratch[65536];

struct variant {
	const char *inside;
	const char *outside;
	const char *server;
	u16 port[2];
};

/* Texts shrink, grow, hardly change; and IPv6. */
static const struct variant variants[VARIANTS] = {
	{ "192.168.122.3", "10.1.1.1", "203.0.113.20", { 40000, 50000 } },
	{ "10.0.0.5", "203.100.113.200", "203.0.113.20", { 40000, 50000 } },
	{ "192.168.122.3", "203.0.113.99", "203.0.113.20", { 40000, 1025 } },
	{ "[fd00::5]", "[2001:db8:ffff:eeee:dddd:cccc:bbbb:1]", "[2001:db8:113::20]",
	  { 40000, 50000 } },
};

static void die(const char *what)
{
	fprintf(stderr, "sim: text: %s\n", what);
	abort();
}

static void mark(struct text *t)
{
	u32 i;

	t->nr_marks = 0;
	for (i = 0; i + 5 <= t->len; i++) {
		if (i + DIGITS <= t->len && !memcmp(t->p + i, NUMBER, DIGITS))
			t->mark[t->nr_marks++] = i;
		else if (!memcmp(t->p + i, PORT_MARK, 5))
			t->mark[t->nr_marks++] = i | 0x80000000u;
		if (t->nr_marks == MARKS_MAX)
			die("too many marks");
	}
}

static void keep(struct text *t, const char *p, u32 len)
{
	t->p = malloc(len + 1);
	memcpy(t->p, p, len);
	t->len = len;
	mark(t);
}

/* The text with another number. */
u32 text_put(char *to, const struct text *t, u32 nr)
{
	char digits[16];
	u32 i;

	memcpy(to, t->p, t->len);
	snprintf(digits, sizeof(digits), "%0*u", DIGITS, nr);
	for (i = 0; i < t->nr_marks; i++) {
		u32 at = t->mark[i] & 0x7fffffff;

		if (t->mark[i] >> 31)
			memcpy(to + at + 1, digits + 3, 4);
		else
			memcpy(to + at, digits, DIGITS);
	}
	return t->len;
}

static void process(struct env *v, struct nst_natmap *map, u8 dir, const char *p, u32 hdr_len,
		    u32 body_len, u32 len, struct text *to)
{
	struct nst_work work = { NULL };
	struct nst_talker talker = { NULL };
	struct message_room *room = calloc(1, sizeof(*room));
	char *out = malloc(len + 8192);
	struct message m = {
		.env = &v->env, .map = map, .dir = dir, .conn = 1, .owner = v,
		.talker = &talker, .now = 1000, .buf = p, .hdr_len = hdr_len,
		.body_len = body_len, .len = len, .work = &work, .room = room,
	};

	message_process(&m);
	env_work(v, &work);
	len = edits_render(&room->edits, p, len, out);
	keep(to, out, len);
	talker_gone(&v->env, &talker);
	free(room);
	free(out);
}

static void reference(struct nst_natmap map, struct phrase *ph, const char *p, u32 hdr_len,
		      u32 body_len)
{
	u32 len = hdr_len + body_len;
	struct env *v = calloc(1, sizeof(*v));

	env_open(v);
	process(v, &map, ph->dir, p, hdr_len, body_len, ph->need, &ph->full);
	if (ph->need == len && body_len) {
		process(v, &map, ph->dir, p, hdr_len, body_len, hdr_len, &ph->part);
		memcpy(scratch, ph->part.p, ph->part.len);
		memcpy(scratch + ph->part.len, p + hdr_len, body_len);
		free(ph->part.p);
		keep(&ph->part, scratch, ph->part.len + body_len);
	}
	if (env_close(v))
		die("memory is left over");
	free(v);
}

/* The way in which the client writes itself is known from its first message. */
static void add(struct book *b, u8 dir, const char *p, u32 len)
{
	struct phrase *ph = &b->phrase[b->nr];
	struct sip_frame f = { .scanned = 0 };
	struct nst_env *env;
	struct env *v = calloc(1, sizeof(*v));
	struct message_room *room;
	bool wants;

	if (b->nr == PHRASE_MAX || sip_frame_scan(&f, p, len, 16384) != 1 ||
	    f.hdr_len + f.body_len != len)
		die("not a message");
	env_open(v);
	env = &v->env;
	room = malloc(sizeof(*room));
	wants = message_wants_body(env, p, f.hdr_len, f.body_len, room);
	free(room);
	env_close(v);
	free(v);
	ph->dir = dir;
	ph->need = wants ? len : f.hdr_len;
	keep(&ph->raw, p, ph->need);
	keep(&ph->body, p + ph->need, len - ph->need);
	p = memcpy(malloc(len), p, len);
	reference(b->map, ph, p, f.hdr_len, f.body_len);
	free((char *)p);
	b->of[dir][b->nr_of[dir]++] = b->nr;
	b->nr++;
}

static u32 pad(char *to, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = filler[i % (sizeof(filler) - 1)];
	return len;
}

/* @extra: bytes of further headers; @body: of text; @lines: of a description */
static void request(struct book *b, const struct variant *v, const char *method, u32 extra,
		    u32 body, u32 lines)
{
	static char text[65536], sdp[16384];
	u32 len = 0, n, i;

	n = sprintf(text, "%s sip:service@%s SIP/2.0\r\n"
		    "Via: SIP/2.0/TCP %s:%u;branch=z9hG4bK-" NUMBER "\r\n"
		    "From: <sip:phone1@%s>;tag=" NUMBER "\r\nTo: <sip:service@%s>\r\n"
		    "Call-ID: " NUMBER "@example\r\nCSeq: 1 %s\r\n"
		    "Contact: <sip:phone1@%s:%u;transport=tcp>\r\n", method, v->server,
		    v->inside, v->port[0], v->inside, v->server, method, v->inside, v->port[0]);
	if (extra) {
		n += sprintf(text + n, "X-Filler: ");
		n += pad(text + n, extra);
		n += sprintf(text + n, "\r\n");
	}
	if (lines) {
		const char *in = *v->inside == '[' ? v->inside + 1 : v->inside;
		int in_len = strcspn(in, "]");
		const char *net = *v->inside == '[' ? "IP6" : "IP4";

		len = sprintf(sdp, "v=0\r\no=- 1 1 IN %s %.*s\r\ns=-\r\nc=IN %s %.*s\r\nt=0 0\r\n"
			      "m=audio " PORT_MARK " RTP/AVP 0\r\n", net, in_len, in, net,
			      in_len, in);
		for (i = 0; i < lines; i++)
			len += sprintf(sdp + len, "a=x:%04u%.40s\r\n", i, filler);
		n += sprintf(text + n, "Content-Type: application/sdp\r\nContent-Length: %u\r\n\r\n",
			     len);
		memcpy(text + n, sdp, len);
		n += len;
	} else {
		n += sprintf(text + n, "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n", body);
		n += pad(text + n, body);
	}
	add(b, 0, text, n);
}

static void answer(struct book *b, const struct variant *v, u32 extra)
{
	static char text[16384];
	u32 n;

	n = sprintf(text, "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP %s:%u;branch=z9hG4bK-" NUMBER "\r\n"
		    "From: <sip:phone1@%s>;tag=" NUMBER "\r\nTo: <sip:service@%s>;tag=s" NUMBER "\r\n"
		    "Call-ID: " NUMBER "@example\r\nCSeq: 1 OPTIONS\r\n", v->outside, v->port[1],
		    v->outside, v->server);
	if (extra) {
		n += sprintf(text + n, "X-Filler: ");
		n += pad(text + n, extra);
		n += sprintf(text + n, "\r\n");
	}
	n += sprintf(text + n, "Content-Length: 0\r\n\r\n");
	add(b, 1, text, n);
}

static void incoming(struct book *b, const struct variant *v, u32 body)
{
	static char text[65536];
	u32 n;

	n = sprintf(text, "MESSAGE sip:phone1@%s:%u;transport=tcp SIP/2.0\r\n"
		    "Via: SIP/2.0/TCP %s:5060;branch=z9hG4bK-i" NUMBER "\r\n"
		    "From: <sip:service@%s>;tag=i" NUMBER "\r\nTo: <sip:phone1@%s:%u>\r\n"
		    "Call-ID: i" NUMBER "@example\r\nCSeq: 1 MESSAGE\r\n"
		    "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n", v->outside,
		    v->port[1], v->server, v->server, v->outside, v->port[1], body);
	n += pad(text + n, body);
	add(b, 1, text, n);
}

static struct nst_endpoint endpoint(const char *host, u16 port)
{
	struct nst_endpoint ep = { .port = port };
	struct sip_hostport hp;

	if (sip_hostport_parse(host, span_of(0, strlen(host)), &hp) || !hp.addr.family)
		die(host);
	ep.addr = hp.addr;
	return ep;
}

static void write_book(struct book *b, const struct variant *v)
{
	struct nst_natmap learned;

	b->map.end[0].inside = endpoint(v->inside, v->port[0]);
	b->map.end[0].outside = endpoint(v->outside, v->port[1]);
	b->map.end[1].inside = endpoint(v->server, 5060);
	b->map.end[1].outside = endpoint(v->server, 5060);
	learned = b->map;
	request(b, v, "OPTIONS", 0, 0, 0);
	request(b, v, "MESSAGE", 0, 40, 0);
	request(b, v, "MESSAGE", 30, 700, 0);
	request(b, v, "MESSAGE", 0, 2900, 0);
	request(b, v, "MESSAGE", 100, 9000, 0);
	request(b, v, "INFO", 1200, 10, 0);
	request(b, v, "INFO", 4000, 0, 0);
	request(b, v, "INVITE", 0, 0, 1);
	request(b, v, "INVITE", 0, 0, 9);
	request(b, v, "INVITE", 60, 0, 40);
	answer(b, v, 0);
	answer(b, v, 200);
	answer(b, v, 1500);
	answer(b, v, 3500);
	incoming(b, v, 0);
	incoming(b, v, 100);
	incoming(b, v, 1400);
	incoming(b, v, 6000);
	(void)learned;
}

void books_write(void)
{
	u32 i;

	for (i = 0; i < VARIANTS; i++)
		write_book(&book[i], &variants[i]);
}
