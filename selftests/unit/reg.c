// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "reg.h"

static const char *or(const char *text, const char *instead)
{
	return text ? text : instead;
}

static int header(char *at, size_t room, const char *name, const char *value)
{
	return value ? snprintf(at, room, "%s: %s\r\n", name, value) : 0;
}

void reg_send(struct world *w, u8 dir, struct reg r)
{
	char start[64] = "REGISTER sip:example.com SIP/2.0";
	static char text[32768];
	int n;

	if (r.status)
		snprintf(start, sizeof(start), "SIP/2.0 %d Text", r.status);
	n = snprintf(text, sizeof(text),
		     "%s\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%s\r\n"
		     "From: <%s>;tag=%s\r\nTo: <%s>%s\r\nCall-ID: %s\r\n"
		     "CSeq: %d REGISTER\r\nContent-Length: 0\r\n",
		     start, or(r.via, "via.example"), or(r.branch, "1"),
		     or(r.aor, "sip:alice@example.com"), or(r.from, "a"),
		     or(r.aor, "sip:alice@example.com"), r.status ? ";tag=z" : "",
		     or(r.id, "r1"), r.cseq ? r.cseq : 1);
	n += header(text + n, sizeof(text) - n, "Contact", r.contact);
	n += header(text + n, sizeof(text) - n, "Contact", r.more);
	n += header(text + n, sizeof(text) - n, "Expires", r.expires);
	n += snprintf(text + n, sizeof(text) - n, "\r\n");
	world_send(w, dir, text, (u32)n);
}

void reg_up(struct world *w)
{
	u32 open = world_ports(w, true), all = world_ports(w, false);

	ask(w, .contact = PHONE, .expires = "60");
	answer(w, .contact = PUBLIC ";expires=60", .status = 200);
	assert_doors(w, all + 1, open + 1);
}

void reg_reconnect(struct world *w)
{
	w->conn++;
	world_map(w, 0, "10.0.0.5:41111", "203.0.113.1:41111");
	memset(&w->map.alias, 0, sizeof(w->map.alias));
}
