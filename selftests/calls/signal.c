// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling doors: an inside host that listens on another port than its
 * connection's has a public port for it, as long as a binding or a call needs
 * that.  Another peer gets another one, unless everybody may connect.
 *
 *  - What a request names is open once it was answered above 100, what the
 *    inside names in a response at once.
 *  - What a failed request has named alone is given back.
 */
#include "calls.h"

struct listen *listen_find(struct seed *s, const struct conn *conn, u16 inside)
{
	struct listen *l;

	for (l = s->listen; l < s->listen + LISTENS; l++)
		if (l->used && l->host == conn->host && l->pub == conn->pub && l->inside == inside &&
		    (!l->peer.family || same_addr(&l->peer, &s->peer[conn->peer])))
			return l;
	return NULL;
}

static bool is_known(const struct seed *s, const struct book *b)
{
	const struct listen *l;

	for (l = s->listen; l < s->listen + LISTENS; l++)
		if (l->used && l->public == b->public.port &&
		    same_addr(&b->public.addr, &s->pub[l->pub]))
			return true;
	return false;
}

static bool is_at(const struct seed *s, const struct book *b, const struct conn *conn, u16 inside)
{
	return b->holder && !b->call && b->inside.port == inside &&
	       same_addr(&b->inside.addr, &s->host[conn->host].addr) &&
	       same_addr(&b->public.addr, &s->pub[conn->pub]);
}

/* The port that the core was given for it just now. */
static const struct book *book_new(struct seed *s, const struct conn *conn, u16 inside)
{
	const struct book *b;

	for (b = s->book; b < s->book + s->top; b++)
		if (is_at(s, b, conn, inside) && b->transport == NST_TCP && !is_known(s, b))
			return b;
	return NULL;
}

/* Where a port was refused: is it this one's for UDP? */
static bool has_udp(const struct seed *s, const struct conn *conn, u16 inside, u16 public)
{
	const struct book *b;

	if (!s->no_door)
		return true;
	for (b = s->book; b < s->book + s->top; b++)
		if (is_at(s, b, conn, inside) && b->transport == NST_UDP && b->public.port == public)
			return true;
	return false;
}

static struct listen *listen_new(struct seed *s, const struct conn *conn, u16 inside)
{
	const struct book *b = book_new(s, conn, inside);
	struct listen *l = s->listen;

	if (!b && s->no_door)
		return NULL;
	if (!b)
		broken(s, INV_DOOR_LOST, "no signalling door to host %u port %u", conn->host, inside);
	while (l->used)
		if (++l == s->listen + LISTENS)
			abort();
	*l = (struct listen){ .used = true, .nr = ++s->next_listen, .host = conn->host,
			      .pub = conn->pub, .inside = inside, .public = b->public.port };
	if (s->env.set.signalling_filter != NST_FILTER_ANY)
		l->peer = s->peer[conn->peer];
	return l;
}

struct listen *listen_take(struct seed *s, const struct conn *conn, u16 inside, bool udp)
{
	struct listen *l = listen_find(s, conn, inside);

	if (!l)
		l = listen_new(s, conn, inside);
	if (!l)
		return NULL;
	l->udp |= udp && has_udp(s, conn, inside, l->public);
	l->users++;
	return l;
}

void listen_put(struct listen *l)
{
	if (!--l->users)
		l->used = false;
}

void listen_open(struct listen *l)
{
	l->open[0] = true;
	l->open[1] = l->udp;
}

static struct use *use_of(struct call *c, const struct listen *l)
{
	struct use *free = NULL;
	struct use *u;

	for (u = c->uses; u < c->uses + USES; u++) {
		if (l && u->door == l)
			return u;
		if (!u->door)
			free = u;
	}
	return free;
}

static bool names(const struct msg *m)
{
	return m->c->live && !m->strange && m->contact && m->from == IN && m->c->listens &&
	       speaks(m);
}

void signal_names(struct seed *s, struct msg *m)
{
	struct listen *l;
	struct use *u;

	if (m->reg)
		reg_names(s, m);
	if (!names(m))
		return;
	/* Two are enough for a call; another one has to be there already. */
	l = listen_find(s, m->conn, s->host[m->conn->host].listen);
	if (!use_of(m->c, l)) {
		if (l && m->c->udp)
			l->udp |= has_udp(s, m->conn, l->inside, l->public);
		return;
	}
	l = listen_take(s, m->conn, s->host[m->conn->host].listen, m->c->udp);
	if (!l)
		return;
	u = use_of(m->c, l);
	if (u->door)
		listen_put(l);
	u->door = l;
	if (!m->status) {
		u->branch = m->t->branch;
		return;
	}
	u->settled = true;
	listen_open(l);
}

static void answered(const struct msg *m, struct use *u)
{
	if (!u->door || u->branch != m->t->branch)
		return;
	if (m->status < 300) {
		u->settled = true;
		listen_open(u->door);
	} else if (!u->settled) {
		listen_put(u->door);
		memset(u, 0, sizeof(*u));
	}
	if (m->status >= 200)
		u->branch = 0;
}

void signal_sent(struct seed *s, struct msg *m)
{
	u8 i;

	if (m->reg) {
		reg_sent(s, m);
		return;
	}
	if (!m->c->live || m->strange || m->from == IN || m->status <= 100 || m->method || !speaks(m))
		return;
	for (i = 0; i < USES; i++)
		answered(m, &m->c->uses[i]);
}

void signal_over(struct call *c)
{
	struct use *u;

	for (u = c->uses; u < c->uses + USES; u++)
		if (u->door)
			listen_put(u->door);
	memset(c->uses, 0, sizeof(c->uses));
}

static const struct book *book_at(const struct seed *s, const struct listen *l, u8 transport)
{
	const struct book *b;

	for (b = s->book; b < s->book + s->top; b++)
		if (b->holder && !b->call && b->transport == transport &&
		    b->public.port == l->public && same_addr(&b->public.addr, &s->pub[l->pub]))
			return b;
	return NULL;
}

static void judge_listen(struct seed *s, const struct listen *l, bool udp)
{
	const struct book *b = book_at(s, l, udp ? NST_UDP : NST_TCP);

	if (!b)
		broken(s, INV_DOOR_LOST, "the signalling door at %u is gone", l->public);
	if (b->inside.port != l->inside || !same_addr(&b->inside.addr, &s->host[l->host].addr))
		broken(s, INV_LEADS, "the signalling door at %u leads elsewhere", l->public);
	if (b->open && !l->open[udp])
		broken(s, INV_DOOR_EARLY, "the signalling door at %u is open without an answer", l->public);
	if (!b->open && l->open[udp])
		broken(s, INV_DOOR_LOST, "the signalling door at %u is not open", l->public);
	if (b->open && (b->filter.port || !same_addr(&b->filter.addr, &l->peer)))
		broken(s, INV_FILTER, "the signalling door at %u is open for others", l->public);
}

u32 judge_signal(struct seed *s)
{
	const struct listen *l;
	u32 n = 0;

	for (l = s->listen; l < s->listen + LISTENS; l++) {
		if (!l->used)
			continue;
		judge_listen(s, l, false);
		n++;
		if (l->udp) {
			judge_listen(s, l, true);
			n++;
		}
	}
	return n;
}
