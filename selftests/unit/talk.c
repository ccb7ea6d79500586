// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "check.h"
#include "talk.h"

static const char *or(const char *text, const char *instead)
{
	return text ? text : instead;
}

void talk_send(struct world *w, u8 dir, struct talk t)
{
	static char text[16384];
	char start[256], to[64] = "", contact[256] = "", session[64] = "";
	int n;

	if (t.status)
		snprintf(start, sizeof(start), "SIP/2.0 %d Text", t.status);
	else
		snprintf(start, sizeof(start), "%s %s SIP/2.0", t.method,
			 or(t.uri, "sip:x@host.example"));
	if (t.to)
		snprintf(to, sizeof(to), ";tag=%s", t.to);
	if (t.contact)
		snprintf(contact, sizeof(contact), "Contact: %s\r\n", t.contact);
	if (t.session)
		snprintf(session, sizeof(session), "Session-Expires: %s\r\n", t.session);
	n = snprintf(text, sizeof(text),
		     "%s\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%s\r\n"
		     "From: <sip:from@x.example>;tag=%s\r\nTo: <sip:to@y.example>%s\r\n"
		     "Call-ID: %s\r\nCSeq: %d %s\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
		     start, or(t.via, "via.example"), or(t.branch, "1"), or(t.from, "a"), to, or(t.id, "c1"),
		     t.cseq ? t.cseq : 1, t.method, contact, session,
		     t.sdp ? "Content-Type: application/sdp\r\n" : "",
		     t.sdp ? strlen(t.sdp) : 0, or(t.sdp, ""));
	check(n > 0 && (size_t)n < sizeof(text));
	world_send(w, dir, text, (u32)n);
}

const char *talk_sdp(const char *addr, const char *media)
{
	static char ring[4][4096];
	static int next;
	char *out = ring[next++ % 4];
	char family = strchr(addr, ':') ? '6' : '4';
	int n;

	n = snprintf(out, sizeof(ring[0]), "v=0\r\no=- 1 1 IN IP%c %s\r\ns=-\r\n"
		     "c=IN IP%c %s\r\nt=0 0\r\n", family, addr, family, addr);
	for (; *media; media++) {
		check((size_t)n + 3 < sizeof(ring[0]));
		if (*media == '\n')
			out[n++] = '\r';
		out[n++] = *media;
	}
	out[n] = 0;
	return out;
}

void talk_call_up(struct world *w)
{
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "ACK", .branch = "ack", .to = "b");
	assert_doors(w, 2, 2);
}

int talk_setup(void **state)
{
	*state = world_new();
	return 0;
}

int talk_teardown(void **state)
{
	world_free(*state);
	return 0;
}

void assert_filter(const struct world *w, const char *inside, const char *filter)
{
	const struct world_port *p = world_door(w, inside);
	struct nst_endpoint want = { .port = 0 };
	char text[NST_ADDR_STRLEN];

	assert_non_null(p);
	assert_true(p->open);
	if (*filter)
		want = world_endpoint(filter);
	if (endpoint_equal(&p->filter, &want))
		return;
	text[0] = 0;
	if (p->filter.addr.family)
		addr_format(text, &p->filter.addr);
	fail_msg("%s is open to \"%s\" port %u, not \"%s\"", inside, text,
		 p->filter.port, filter);
}
