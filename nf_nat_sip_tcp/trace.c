// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace: one line for each fact, to be found by grep.
 *
 *	nf_nat_sip_tcp: conn 12 orig: [0] Via 192.168.122.3:5060 -> 10.1.1.1:5060
 *
 * Bytes of packets are printed escaped and cut (P6), addresses as numbers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>

#include "trace.h"

/* Bytes of a packet that one line shows. */
#define TEXT_MAX 80

/* Longest escape: a backslash and three octal digits. */
#define ESCAPE_MAX 4

struct ep_text ep_text(const struct nst_endpoint *ep)
{
	struct ep_text t;
	const char *fmt;

	if (ep->addr.family == 6)
		fmt = ep->port ? "[%pI6c]:%u" : "%pI6c";
	else
		fmt = ep->port ? "%pI4:%u" : "%pI4";
	if (!ep->addr.family)
		snprintf(t.s, sizeof(t.s), "any");
	else
		snprintf(t.s, sizeof(t.s), fmt, ep->addr.ip, ep->port);
	return t;
}

static __printf(2, 3) void line(const struct nst_trace *t, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	/* A call or door without a connection at hand has no direction. */
	if (t->conn)
		pr_info("conn %llu %s: %pV\n", t->conn, t->dir ? "reply" : "orig", &vaf);
	else
		pr_info("%pV\n", &vaf);
	va_end(args);
}

/* A line about a message: its number in the segment comes first. */
static __printf(2, 3) void msg_line(const struct nst_trace *t, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	line(t, "[%u] %pV", t->index, &vaf);
	va_end(args);
}

static void print_state(const struct nst_trace *t)
{
	if (t->n[1] == ~0u)
		line(t, "state: %u bytes held, header incomplete", t->n[0]);
	else
		line(t, "state: %u bytes held, missing header %u body %u",
		     t->n[0], t->n[1], t->n[2]);
}

static void print_expires(const struct nst_trace *t)
{
	if (t->n[0])
		msg_line(t, "expires %u s", t->n[1]);
	else
		msg_line(t, "expires not found");
}

static void print_bytes(const struct nst_trace *t)
{
	switch (t->id) {
	case NST_TRACE_RECEIVED:
		line(t, "received %u bytes", t->n[0]);
		break;
	case NST_TRACE_HEADER:
		line(t, "header %u bytes", t->n[0]);
		break;
	case NST_TRACE_BODY:
		line(t, "body %u bytes", t->n[0]);
		break;
	case NST_TRACE_TOTAL:
		line(t, "message %u bytes", t->n[0]);
		break;
	case NST_TRACE_STATE:
		print_state(t);
		break;
	case NST_TRACE_MESSAGES:
		line(t, "messages %u", t->n[0]);
		break;
	case NST_TRACE_SENT:
		line(t, "sent %u bytes", t->n[0]);
		break;
	default:
		line(t, "opaque: %s", nst_reason_name(t->reason));
		break;
	}
}

struct escaped {
	char s[TEXT_MAX * ESCAPE_MAX + 1];
};

/*
 * Printable ASCII as it is, all else as octal.  "%*pE" will not do: to the
 * kernel's isprint() the upper half of Latin-1 is printable.
 */
static const char *escape(struct escaped *e, const struct nst_trace *t)
{
	u32 len = t->text ? min_t(u32, t->text_len, TEXT_MAX) : 0;
	char *p = e->s;
	u32 i;

	for (i = 0; i < len; i++) {
		u8 c = t->text[i];

		if (c >= 0x20 && c < 0x7f && c != '\\')
			*p++ = c;
		else
			p += sprintf(p, "\\%03o", c);
	}
	*p = '\0';
	return e->s;
}

static void print_text(const struct nst_trace *t)
{
	struct escaped e;
	const char *text = escape(&e, t);

	switch (t->id) {
	case NST_TRACE_METHOD:
		msg_line(t, "%s request", text);
		break;
	case NST_TRACE_STATUS:
		msg_line(t, "response %u to %s", t->n[0], text);
		break;
	case NST_TRACE_ADDR:
		msg_line(t, "%s %s -> %s", text,
			 ep_text(&t->from).s, ep_text(&t->to).s);
		break;
	case NST_TRACE_CONTACT:
		msg_line(t, "Contact found: %s", text);
		break;
	case NST_TRACE_BODY_FOUND:
		msg_line(t, "body found: %s", text);
		break;
	case NST_TRACE_MEDIA:
		msg_line(t, "media %s %s -> %s", text,
			 ep_text(&t->from).s, ep_text(&t->to).s);
		break;
	case NST_TRACE_DOOR:
		line(t, "door %s: public %s inside %s", text,
		     ep_text(&t->from).s, ep_text(&t->to).s);
		break;
	case NST_TRACE_BINDING:
		line(t, "%s: %s public %s inside %s, %u s", nst_reason_name(t->reason),
		     text, ep_text(&t->from).s, ep_text(&t->to).s, t->n[0]);
		break;
	default:
		line(t, "call %s", text);
		break;
	}
}

void nst_trace_print(struct nst_env *env, const struct nst_trace *t)
{
	switch (t->id) {
	case NST_TRACE_EXPIRES:
		print_expires(t);
		break;
	case NST_TRACE_REGISTER:
		msg_line(t, "register %u doors %u", t->n[0], t->n[1]);
		break;
	case NST_TRACE_MEDIA_LINES:
		msg_line(t, "media lines %u", t->n[0]);
		break;
	case NST_TRACE_SDP_LEN:
		msg_line(t, "sdp %u -> %u bytes", t->n[0], t->n[1]);
		break;
	case NST_TRACE_UNCHANGED:
		msg_line(t, "unchanged: %s", nst_reason_name(t->reason));
		break;
	case NST_TRACE_METHOD:
	case NST_TRACE_STATUS:
	case NST_TRACE_ADDR:
	case NST_TRACE_CONTACT:
	case NST_TRACE_BODY_FOUND:
	case NST_TRACE_MEDIA:
	case NST_TRACE_DOOR:
	case NST_TRACE_CALL:
	case NST_TRACE_BINDING:
		print_text(t);
		break;
	default:
		print_bytes(t);
		break;
	}
}
