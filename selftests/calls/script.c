// SPDX-License-Identifier: GPL-2.0-only
/*
 * A seed written down, a JSON object a line, for call_flows.py to play it to a
 * kernel: which connections come and go, who sends what on which, how the other
 * end must read it, and what the model says there has to be then.
 *
 *  - Ports that a kernel chooses are marks (see text.c); who plays it finds out
 *    what they are as the peer would: it reads them.
 *  - No time passes.  A call that nobody ends any more, because it rings on, its
 *    BYE was lost or its ends have vanished, is left to the timers of the kernel,
 *    behind the last seed.  What it is that ends it is judged in user space alone.
 *  - Registrations are removed in the end; ports and memory are there.
 */
#include "calls.h"

static void put_string(const char *key, const char *text)
{
	printf(",\"%s\":\"", key);
	for (; *text; text++) {
		if (*text == '\r')
			printf("\\r");
		else if (*text == '\n')
			printf("\\n");
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void put_addrs(const char *key, const struct nst_addr *addr, u8 n, size_t size)
{
	char text[ADDR_TEXT];
	u8 i;

	printf(",\"%s\":[", key);
	for (i = 0; i < n; i++) {
		text_addr(text, (const void *)((const char *)addr + i * size));
		printf("%s\"%s\"", i ? "," : "", text);
	}
	putchar(']');
}

static const char *filter_name(u8 filter)
{
	return filter == NST_FILTER_ANY ? "any" : filter == NST_FILTER_PEER ? "peer" : "peer-port";
}

void script_begin(struct seed *s)
{
	const struct nst_settings *set = &s->env.set;

	if (!s->script)
		return;
	printf("{\"do\":\"begin\",\"seed\":%llu,\"doors_per_call\":%u",
	       (unsigned long long)s->number, set->doors_per_call);
	put_string("media_filter", filter_name(set->media_filter));
	put_string("signalling_filter", filter_name(set->signalling_filter));
	put_addrs("hosts", &s->host[0].addr, HOSTS, sizeof(s->host[0]));
	put_addrs("peers", s->peer, PEERS, sizeof(s->peer[0]));
	put_addrs("servers", s->server, PEERS, sizeof(s->server[0]));
	put_addrs("publics", s->pub, 2, sizeof(s->pub[0]));
	printf("}\n");
}

void script_conn(struct seed *s, const struct conn *conn)
{
	if (!s->script)
		return;
	printf("{\"do\":\"connect\",\"conn\":%llu,\"host\":%u,\"peer\":%u",
	       (unsigned long long)conn->id, conn->host, conn->peer);
	printf(",\"pub\":%u,\"from\":%u,\"same\":%u}\n", conn->pub, conn->end ? OUT : IN,
	       conn->port == conn->public);
}

void script_conn_gone(struct seed *s, const struct conn *conn)
{
	if (s->script)
		printf("{\"do\":\"end\",\"conn\":%llu}\n", (unsigned long long)conn->id);
}

void script_texts(struct seed *s, const struct msg *m)
{
	if (!s->script)
		return;
	s->marks = true;
	text_make(s, m, m->from == OUT, s->wrote);
	text_make(s, m, m->from == IN, s->read);
	s->marks = false;
}

/* Door, public address, inside port, open, who may send, is for RTCP. */
static void put_doors(const struct call *c)
{
	char who[ADDR_TEXT];
	u8 i;

	printf(",\"doors\":[");
	for (i = 0; i < c->nr_doors; i++) {
		const struct door *d = &c->door[i];

		text_addr(who, &d->filter.addr);
		printf("%s[%u,%u,%u,%u,\"%s\",%u,%u]", i ? "," : "", d->nr, d->pub, d->inside,
		       d->open, d->open ? who : "", d->open ? d->filter.port : 0, d->rtcp);
	}
	putchar(']');
}

/* Door, public address, host, inside port, who may connect, open for TCP, UDP, has UDP. */
static void put_listens(const struct seed *s)
{
	const struct listen *l;
	char who[ADDR_TEXT];
	bool more = false;

	printf(",\"listens\":[");
	for (l = s->listen; l < s->listen + LISTENS; l++) {
		if (!l->used)
			continue;
		text_addr(who, &l->peer);
		printf("%s[%u,%u,%u,%u,\"%s\",%u,%u,%u]", more ? "," : "", l->nr, l->pub, l->host,
		       l->inside, who, l->open[0], l->open[1], l->udp);
		more = true;
	}
	putchar(']');
}

void script_said(struct seed *s, const struct msg *m)
{
	char line[512];

	if (!s->script)
		return;
	text_line(s, m, line, sizeof(line));
	printf("{\"do\":\"say\",\"conn\":%llu,\"from\":%u", (unsigned long long)m->conn->id, m->from);
	printf(",\"call\":%u,\"host\":%u,\"live\":%u,\"bindings\":%u", m->c->nr, m->c->host,
	       m->c->live, regs_bindings(s));
	put_string("line", line);
	put_string("wrote", s->wrote);
	put_string("read", s->read);
	put_doors(m->c);
	put_listens(s);
	printf("}\n");
}

void script_end(struct seed *s)
{
	printf("{\"do\":\"over\",\"flows\":%u}\n", s->flows);
}
