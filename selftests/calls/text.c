// SPDX-License-Identifier: GPL-2.0-only
/*
 * A message as the inside writes or reads it, and as the outside does.  What
 * the core makes of one must be the other, byte for byte.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "calls.h"

struct text {
	char *at;
	char *end;
};

__attribute__((format(printf, 2, 3)))
static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->end - t->at, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= t->end - t->at)
		abort();
	t->at += n;
}

void text_addr(char *out, const struct nst_addr *addr)
{
	*out = 0;
	if (addr->family)
		inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, out, INET6_ADDRSTRLEN);
}

const char *method_name(u8 method)
{
	static const char *const names[] = {
		"OTHER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK",
		"UPDATE", "INFO", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH", "SERVICE",
	};

	return names[method];
}

static u8 method_of(const struct msg *m)
{
	return m->method ? m->method : m->t->method;
}

static void put_addr(struct text *t, const struct nst_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	text_addr(text, addr);
	put(t, addr->family == 6 ? "[%s]:" : "%s:", text);
}

static void put_host(struct text *t, const struct nst_addr *addr, u16 port)
{
	put_addr(t, addr);
	put(t, "%u", port);
}

/*
 * Who plays a script finds out the ports: it says whose it is instead.  Of
 * connection "i" is the inside port, "o" the public one, "l" is a signalling
 * door's, "m" a media door's.
 */
static void put_mark(struct text *t, char kind, u64 nr)
{
	put(t, "{%c%llu}", kind, (unsigned long long)nr);
}

/*
 * The inside's own address and port, as this side of the NAT has it: the public
 * side of a door, or the port of the connection (R4).
 */
static void put_own(struct seed *s, struct text *t, const struct msg *m, bool public, u16 port)
{
	const struct conn *conn = m->conn;
	const struct listen *l = port == conn->port ? NULL : listen_find(s, conn, port);

	put_addr(t, public ? &s->pub[conn->pub] : &s->host[conn->host].addr);
	if (s->marks && public)
		put_mark(t, l ? 'l' : 'o', l ? l->nr : conn->id);
	else if (s->marks && port == conn->port)
		put_mark(t, 'i', conn->id);
	else
		put(t, "%u", !public ? port : l ? l->public : conn->public);
}

/* An ACK of a 2xx is a transaction of its own (RFC 3261 13.2.2.4). */
static u32 branch_of(const struct msg *m)
{
	u32 branch = m->t->branch;

	if (method_of(m) == SIP_ACK && m->t->ok)
		branch += 0x40000000 + (m->leg + 1) * 0x1000000;
	if (m->strange == STRANGE_BRANCH)
		branch ^= 0x15555;
	return branch;
}

static void put_via(struct seed *s, struct text *t, const struct msg *m, bool public)
{
	u8 who = m->status ? !m->from : m->from;

	put(t, "Via: SIP/2.0/TCP ");
	if (who == IN)
		put_own(s, t, m, public, m->conn->port);
	else
		put_host(t, &s->peer[m->conn->peer], 5060);
	put(t, ";branch=z9hG4bK%x\r\n", branch_of(m));
}

static void put_party(struct text *t, const char *name, const char *who, u32 tag)
{
	put(t, "%s: <sip:%s@example.com>", name, who);
	if (tag)
		put(t, ";tag=%x", tag);
	put(t, "\r\n");
}

static void put_parties(struct text *t, const struct msg *m)
{
	const struct call *c = m->c;
	u32 callee = m->leg >= 0 ? c->legs[m->leg].tag : 0;
	u32 caller = c->tag;
	bool by_caller = (m->status ? !m->from : m->from) == c->caller;
	char aor[16];

	/* Who refuses without knowing of a dialog has a tag all the same. */
	if (m->status > 100 && !callee)
		callee = m->t->branch | 0x80000000;
	if (m->strange == STRANGE_TAG)
		caller ^= 0x15555;
	if (m->reg) {
		snprintf(aor, sizeof(aor), "aor%u", c->nr);
		put_party(t, "From", aor, caller);
		put_party(t, "To", aor, callee);
		return;
	}
	put_party(t, "From", by_caller ? "caller" : "callee", by_caller ? caller : callee);
	put_party(t, "To", by_caller ? "callee" : "caller", by_caller ? callee : caller);
}

static u16 contact_port(const struct seed *s, const struct msg *m)
{
	return m->c->listens ? s->host[m->conn->host].listen : m->conn->port;
}

static void put_values(struct seed *s, struct text *t, const struct msg *m, bool public)
{
	u16 port = s->host[m->conn->host].listen;
	const struct value *v;

	if (m->reg->star)
		put(t, "Contact: *\r\n");
	for (v = m->reg->value; v < m->reg->value + m->reg->nr; v++) {
		put(t, "Contact: <sip:u%u@", v->user);
		put_own(s, t, m, public, port);
		put(t, "%s>;expires=%u\r\n", v->udp ? ";transport=udp" : "", v->expires);
	}
}

static void put_contact(struct seed *s, struct text *t, const struct msg *m, bool public)
{
	put(t, "Contact: <sip:user@");
	if (m->from == IN)
		put_own(s, t, m, public, contact_port(s, m));
	else
		put_host(t, &s->peer[m->conn->peer], 5060);
	put(t, "%s>\r\n", m->from == IN && m->c->udp ? ";transport=udp" : "");
}

static void put_port(struct seed *s, struct text *t, const struct msg *m, bool public, u16 port)
{
	const struct book *b;

	/* A description that is left alone says what it said. */
	if (!port || !public || m->from != IN || m->left || m->desc->hold == HOLD_ZERO) {
		put(t, "%u", port);
		return;
	}
	if (s->marks) {
		put_mark(t, 'm', door_find(m->c, m->conn->pub, port)->nr);
		return;
	}
	b = book_of(s, m->c, m->conn->pub, port);
	if (!b)
		broken(s, INV_DOOR_LOST, "call %u: no port was reserved for %u", m->c->nr, port);
	put(t, "%u", b->public.port);
}

static void desc_host(char *out, const struct desc *d, const struct nst_addr *addr)
{
	if (d->name)
		strcpy(out, "media.example.net");
	else
		text_addr(out, addr);
}

static void put_conn(struct text *t, char family, const char *host)
{
	put(t, "c=IN IP%c %s\r\n", family, host);
}

static void put_attributes(struct seed *s, struct text *t, const struct msg *m, bool public,
			   const struct medium *e)
{
	if (!e->port)
		return;
	if (e->rtcp == RTCP_NAMED || e->rtcp == RTCP_APART || e->rtcp == RTCP_SAME) {
		put(t, "a=rtcp:");
		put_port(s, t, m, public, e->rtcp_port);
		put(t, "\r\n");
	}
	if (e->mux)
		put(t, "a=rtcp-mux\r\n");
}

static void put_medium(struct seed *s, struct text *t, const struct msg *m, bool public,
		       const struct medium *e)
{
	static const char *const kinds[] = { "audio", "video", "image" };

	put(t, "m=%s ", kinds[e->kind]);
	put_port(s, t, m, public, e->port);
	put(t, " %s\r\n", e->kind == FAX ? "udptl t38" : "RTP/AVP 0 8");
}

static void put_desc(struct seed *s, struct text *t, const struct msg *m, bool public)
{
	static const char *const directions[] = { "sendrecv", "sendrecv", "sendonly", "inactive" };
	const struct desc *d = m->desc;
	char family = d->addr.family == 6 ? '6' : '4';
	bool theirs = m->from == IN && public && !m->left;
	char host[64];
	u8 i;

	desc_host(host, d, theirs ? &s->pub[m->conn->pub] : &d->addr);
	put(t, "v=0\r\no=- 77 %u IN IP%c %s\r\ns=-\r\n", d->version, family, host);
	if (d->hold == HOLD_ZERO)
		strcpy(host, family == '6' ? "::" : "0.0.0.0");
	put_conn(t, family, host);
	put(t, "t=0 0\r\na=%s\r\n", directions[d->hold]);
	for (i = 0; i < d->nr; i++) {
		put_medium(s, t, m, public, &d->m[i]);
		if (d->m[i].conn)
			put_conn(t, family, host);
		put_attributes(s, t, m, public, &d->m[i]);
	}
}

static void put_start(struct text *t, const struct msg *m)
{
	if (m->status)
		put(t, "SIP/2.0 %u Whatever\r\n", m->status);
	else
		put(t, "%s sip:%s@example.com SIP/2.0\r\n", method_name(method_of(m)),
		    m->from == m->c->caller ? "callee" : "caller");
}

void text_make(struct seed *s, const struct msg *m, bool public, char *out)
{
	struct text t = { out, out + TEXT };
	char body[2048] = "";
	struct text b = { body, body + sizeof(body) };

	if (m->desc)
		put_desc(s, &b, m, public);
	put_start(&t, m);
	put_via(s, &t, m, public);
	put_parties(&t, m);
	put(&t, "Call-ID: %x%s\r\nCSeq: %u %s\r\n", m->c->id,
	    m->strange == STRANGE_ID ? "x" : "", m->t->cseq, method_name(method_of(m)));
	if (m->contact)
		put_contact(s, &t, m, public);
	if (m->reg)
		put_values(s, &t, m, public);
	if (m->session)
		put(&t, "Session-Expires: %u;refresher=uac\r\n", m->session);
	if (m->more)
		put(&t, "%s", m->more);
	if (m->desc)
		put(&t, "Content-Type: application/sdp\r\n");
	put(&t, "Content-Length: ");
	if (s->marks)
		put(&t, "{n}");
	else
		put(&t, "%zu", (size_t)(b.at - body));
	put(&t, "\r\n\r\n%s", body);
}

static void line_desc(struct text *t, const struct desc *d, bool answer)
{
	char addr[64];
	u8 i;

	desc_host(addr, d, &d->addr);
	put(t, " %s %s%s", answer ? "answer" : "offer", addr,
	    d->hold == HOLD_ZERO ? " (0.0.0.0)" : d->hold ? " (hold)" : "");
	for (i = 0; i < d->nr; i++) {
		put(t, " %u", d->m[i].port);
		if (d->m[i].rtcp == RTCP_APART || d->m[i].rtcp == RTCP_SAME)
			put(t, "/%u", d->m[i].rtcp_port);
		if (d->m[i].mux)
			put(t, "mux");
	}
}

void text_line(const struct seed *s, const struct msg *m, char *out, size_t room)
{
	struct text t = { out, out + room };

	put(&t, "%9llu call %-2u %s conn %llu%s ", (unsigned long long)s->now, m->c->nr,
	    m->from == IN ? "-->" : "<--", (unsigned long long)m->conn->id,
	    m->conn->alive ? "" : " (gone)");
	if (m->status)
		put(&t, "%u ", m->status);
	put(&t, "%s %u", method_name(method_of(m)), m->t->cseq);
	if (m->leg >= 0)
		put(&t, " leg %d", m->leg);
	if (m->strange)
		put(&t, " (strange %u)", m->strange);
	if (m->session)
		put(&t, " session %u", m->session);
	if (m->desc)
		line_desc(&t, m->desc, m->answer);
	if (m->left)
		put(&t, " LEFT ALONE");
}
