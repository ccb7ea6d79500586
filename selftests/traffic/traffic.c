// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls over TCP connections through a NAT, and what both ends read compared
 * byte for byte with what they have to read: each message once, in order, and
 * either as it was written or translated as a whole.
 *
 * Usage: traffic PHONE_NETNS PEER_NETNS CONNECTIONS CALLS_A_SECOND SEED
 *		  PHONE4 PHONE6 PUBLIC4 PUBLIC6 PEER4 PEER6
 *
 * One line from stdin is one command, one line on stdout its answer:
 *	loaded	from now on new connections must be translated
 *	leaving	from now on none must be
 *	dying	from now on none must be, and connections may break
 *	stat	tell the counts
 *	stop	no new calls; tell the counts when all have ended
 * What is wrong is said in lines that begin with "error".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define PORT 5060
#define CONNS_MAX 64
#define QUEUE 256
#define LASTING 2		/* connections that stay all the time */
#define STALL_MS 40000
#define OUT_MAX (64 * 1024)

/* One message on its way; @text[0] as it was written, [1] translated. */
struct msg {
	enum kind kind;
	unsigned int call;
	int len[2];
	char text[2][TEXT_MAX];
	long long since;
};

/**
 * struct way - what goes from one end to the other
 * @fd: of the end that writes
 * @queue: messages written and not yet read whole, from @first on
 * @pos: bytes of the first that were read
 * @live: bit for each of its two texts that still fits
 * @raw_seen: one came as it was written; no other may come translated
 * @out: bytes that wait to be written, from @out_pos on
 * @next: when the next piece of them is written, ms
 */
struct way {
	int fd;
	struct msg *queue;
	unsigned int first, nr;
	int pos, live, raw_seen;
	char *out;
	int out_pos, out_len;
	long long next;
};

/**
 * struct conn - a connection; way[0] is the phone's
 * @state: what it is at
 * @must: it is to be translated
 * @calls: how many it may still begin; at 0 it is closed when they have ended
 * @open: calls that have not ended
 * @phone: what the phone calls itself, and what the NAT does
 */
struct conn {
	enum { UNUSED, CONNECTING, UP, CLOSING } state;
	int v6, must, calls, open;
	unsigned int nr;
	long long since;
	struct way way[2];
	struct who phone[2];
	struct who peer;
};

static struct conn conns[CONNS_MAX];
static int nr_conns, rate, loaded, dying, stopping;
static int listener[2];
static char *address[3][2];	/* phone, public, peer; IPv4, IPv6 */
static unsigned long made, called, ended, plain, translated, same, errors, broken;
static unsigned int serial;
static unsigned long long seed;

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Of [0, n); the same seed gives the same pieces. */
static unsigned int any(unsigned int n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(seed >> 33) % n;
}

static void die(const char *what)
{
	printf("error: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* --- what is wrong -------------------------------------------------------- */

static void show(const char *what, const char *p, int len)
{
	int i;

	if (len > 160)
		len = 160;
	printf("error:   %s ", what);
	for (i = 0; i < len; i++)
		printf(isprint((unsigned char)p[i]) ? "%c" : "\\x%02x", (unsigned char)p[i]);
	printf("\n");
}

static void conn_close(struct conn *c)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (c->way[i].fd >= 0)
			close(c->way[i].fd);
		c->way[i].fd = -1;
		c->way[i].nr = 0;
	}
	c->state = UNUSED;
}

/* Wrong bytes are never in order. */
static void conn_error(struct conn *c, int dir, const char *what)
{
	const struct way *w = &c->way[dir];
	const struct msg *m = &w->queue[w->first % QUEUE];

	errors++;
	printf("error: connection %u (IPv%c, port %d, %s), %s: %s\n", c->nr, c->v6 ? '6' : '4',
	       c->phone[0].port, c->must ? "to be translated" : "translated or not",
	       dir ? "peer to phone" : "phone to peer", what);
	if (w->nr)
		printf("error:   at byte %d of %s of call %u, %u messages on their way\n",
		       w->pos, kind_name[m->kind], m->call, w->nr);
	conn_close(c);
}

/* Neither is this, unless what the connection runs through goes away. */
static void conn_broken(struct conn *c, int dir, const char *what)
{
	broken++;
	if (dying)
		conn_close(c);
	else
		conn_error(c, dir, what);
}

/* --- writing --------------------------------------------------------------- */

/* @form: what the sender calls the phone: 0 as itself does, 1 as the NAT does */
static void send_msg(struct conn *c, int dir, enum kind kind, unsigned int call, int form)
{
	struct talk talk = { .peer = &c->peer, .id = call, .v6 = c->v6 };
	struct way *w = &c->way[dir];
	struct msg *m;

	memmove(w->out, w->out + w->out_pos, w->out_len - w->out_pos);
	w->out_len -= w->out_pos;
	w->out_pos = 0;
	if (w->nr == QUEUE || w->out_len + TEXT_MAX > OUT_MAX) {
		printf("error: %d bytes wait to be written, %d calls\n", w->out_len, c->open);
		conn_error(c, dir, "the test has no more room");
		return;
	}
	m = &w->queue[(w->first + w->nr++) % QUEUE];
	m->kind = kind;
	m->call = call;
	m->since = now_ms();
	m->len[0] = text_render(m->text[0], kind, &talk, &c->phone[form]);
	m->len[1] = text_render(m->text[1], kind, &talk, &c->phone[!dir]);
	memcpy(w->out + w->out_len, m->text[0], m->len[0]);
	w->out_len += m->len[0];
}

/* Most pieces follow at once; some come when those before were acknowledged. */
static int pause_ms(void)
{
	unsigned int r = any(100);

	if (r < 60)
		return any(3);
	return r < 90 ? 2 + any(6) : 12 + any(30);
}

static void write_piece(struct conn *c, int dir, long long now)
{
	struct way *w = &c->way[dir];
	int len = w->out_len - w->out_pos;
	int piece = 1 + any(any(4) ? 900 : 60);
	int n;

	if (!len || now < w->next)
		return;
	n = send(w->fd, w->out + w->out_pos, piece < len ? piece : len,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		conn_broken(c, dir, strerror(errno));
		return;
	}
	w->next = now + pause_ms();
	w->out_pos += n > 0 ? n : 0;
	if (w->out_pos == w->out_len)
		w->out_pos = w->out_len = 0;
}

/* --- reading --------------------------------------------------------------- */

/* A message was read; @form: as which of its texts. */
static void react(struct conn *c, enum kind got, unsigned int call, int form)
{
	switch (got) {
	case INVITE:
		send_msg(c, 1, INVITE_OK, call, form);
		break;
	case INVITE_OK:
		send_msg(c, 0, ACK, call, 0);
		if (call & 1)
			send_msg(c, 0, BYE, call, 0);
		break;
	case ACK:
		/* Contact of the INVITE or the ACK, as it was read. */
		if (!(call & 1))
			send_msg(c, 1, PEER_BYE, call, form);
		break;
	case BYE:
		send_msg(c, 1, BYE_OK, call, form);
		break;
	case PEER_BYE:
		/* It calls the phone what the phone does where it was translated. */
		send_msg(c, 0, PEER_BYE_OK, call, form);
		break;
	default:
		c->open--;
		ended++;
	}
}

/* All of a message was read; @i: which of its texts it was. */
static void arrived(struct conn *c, int dir, int i)
{
	struct way *w = &c->way[dir];
	struct msg *m = &w->queue[w->first % QUEUE];
	enum kind kind = m->kind;
	unsigned int call = m->call;
	/* Of the phone's messages the translated ones say what the NAT does. */
	int form = dir ? 0 : i;

	if (m->len[0] == m->len[1] && !memcmp(m->text[0], m->text[1], m->len[0])) {
		same++;
	} else if (i) {
		translated++;
		if (w->raw_seen) {
			conn_error(c, dir, "translated behind one that was not");
			return;
		}
	} else {
		plain++;
		w->raw_seen = 1;
		if (dir)
			form = 1;
		if (c->must) {
			conn_error(c, dir, "not translated");
			return;
		}
	}
	w->first++;
	w->nr--;
	w->pos = 0;
	w->live = 3;
	react(c, kind, call, form);
}

static int differs(const struct msg *m, int i, int pos, const char *p, int len)
{
	return pos + len > m->len[i] || memcmp(m->text[i] + pos, p, len);
}

/* @live: which texts fitted up to @pos */
static void show_difference(const struct msg *m, int live, int pos, const char *p, int len)
{
	int i, n = 0;

	for (i = 0; i < 2; i++) {
		if (!(live & 1 << i))
			continue;
		for (n = 0; n < len && pos + n < m->len[i] && m->text[i][pos + n] == p[n]; n++)
			;
		show(i ? "translated" : "as written", m->text[i] + pos + n, m->len[i] - pos - n);
	}
	show("read      ", p + n, len - n);
}

/* Bytes of the first message; how many of them belong to it, -1: none fits. */
static int take(struct conn *c, int dir, const char *p, int len)
{
	struct way *w = &c->way[dir];
	struct msg *m = &w->queue[w->first % QUEUE];
	int i, n, live = w->live;

	if (!w->nr) {
		conn_error(c, dir, "bytes that nobody wrote");
		return -1;
	}
	for (i = 1; i >= 0; i--) {
		n = m->len[i] - w->pos;
		if (n > len)
			n = len;
		if (!(live & 1 << i))
			continue;
		if (n <= 0 || differs(m, i, w->pos, p, n)) {
			w->live &= ~(1 << i);
			continue;
		}
		if (w->pos + n == m->len[i]) {
			arrived(c, dir, i);
			return n;
		}
	}
	if (!w->live) {
		show_difference(m, live, w->pos, p, len);
		conn_error(c, dir, "other bytes");
		return -1;
	}
	w->pos += len;
	return len;
}

static void read_end(struct conn *c, int dir)
{
	if (c->state != CLOSING || c->way[dir].nr) {
		conn_broken(c, dir, "the stream ends");
		return;
	}
	/* The phone closes first, the peer after it has read that. */
	if (!dir) {
		shutdown(c->way[1].fd, SHUT_WR);
		return;
	}
	conn_close(c);
}

static void read_bytes(struct conn *c, int dir)
{
	char buf[16384];
	int n, len, pos = 0;

	len = recv(c->way[!dir].fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (len < 0 && errno == EAGAIN)
		return;
	if (len < 0) {
		conn_broken(c, dir, strerror(errno));
		return;
	}
	if (!len) {
		read_end(c, dir);
		return;
	}
	while (pos < len && c->state != UNUSED) {
		n = take(c, dir, buf + pos, len - pos);
		if (n < 0)
			return;
		pos += n;
	}
}

/* --- connections ----------------------------------------------------------- */

static socklen_t set_address(struct sockaddr_storage *ss, int v6, const char *text, int port)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = v6 ? AF_INET6 : AF_INET;
	a4->sin_port = htons(port);	/* at the same place in both */
	inet_pton(ss->ss_family, text, v6 ? (void *)&a6->sin6_addr : (void *)&a4->sin_addr);
	return v6 ? sizeof(*a6) : sizeof(*a4);
}

static void set_who(struct who *who, int v6, const char *text, int port)
{
	snprintf(who->addr, sizeof(who->addr), "%s", text);
	snprintf(who->host, sizeof(who->host), v6 ? "[%s]" : "%s", text);
	who->port = port;
}

static int port_of(int fd, int peer)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (peer ? getpeername(fd, (void *)&ss, &len) : getsockname(fd, (void *)&ss, &len))
		return 0;
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static void nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void way_init(struct way *w, int fd)
{
	struct msg *queue = w->queue ?: calloc(QUEUE, sizeof(*queue));
	char *out = w->out ?: malloc(OUT_MAX);

	*w = (struct way){ .fd = fd, .queue = queue, .out = out, .live = 3 };
}

static void conn_open(struct conn *c)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	c->v6 = made % 2;
	c->must = loaded;
	c->nr = made++;
	c->open = 0;
	c->calls = c < conns + LASTING ? 1 << 30 : 2 + any(20);
	c->since = now_ms();
	fd = socket(c->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	nodelay(fd);
	way_init(&c->way[0], fd);
	way_init(&c->way[1], -1);
	c->state = CONNECTING;
	len = set_address(&ss, c->v6, address[2][c->v6], PORT);
	if (connect(fd, (void *)&ss, len) && errno != EINPROGRESS) {
		conn_broken(c, 0, strerror(errno));
		return;
	}
	set_who(&c->phone[0], c->v6, address[0][c->v6], port_of(fd, 0));
	set_who(&c->peer, c->v6, address[2][c->v6], PORT);
}

/* Masquerading keeps the port, for the phone has them all to itself. */
static void conn_accept(int v6)
{
	int fd = accept4(listener[v6], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int port = fd < 0 ? 0 : port_of(fd, 1);
	struct conn *c;

	if (fd < 0)
		return;
	nodelay(fd);
	for (c = conns; c < conns + nr_conns; c++)
		if (c->state == CONNECTING && c->v6 == v6 && c->phone[0].port == port)
			break;
	if (c == conns + nr_conns) {
		if (!dying && ++errors)
			printf("error: a connection from port %d that nobody made\n", port);
		close(fd);
		return;
	}
	c->way[1].fd = fd;
	set_who(&c->phone[1], v6, address[1][v6], port);
	c->state = UP;
}

static void conn_work(struct conn *c, long long now)
{
	int dir;

	for (dir = 0; dir < 2 && c->state >= UP; dir++) {
		const struct way *w = &c->way[dir];

		write_piece(c, dir, now);
		if (c->state >= UP && w->nr &&
		    now - w->queue[w->first % QUEUE].since > STALL_MS)
			conn_broken(c, dir, "nothing comes any more");
	}
	if (c->state == CONNECTING && now - c->since > STALL_MS)
		conn_broken(c, 0, "the connection does not come up");
	if (c->state == UP && !c->open && (!c->calls || stopping)) {
		c->state = CLOSING;
		c->since = now;
		shutdown(c->way[0].fd, SHUT_WR);
	}
	if (c->state == CLOSING && now - c->since > STALL_MS)
		conn_broken(c, 0, "the connection does not end");
	if (c->state == UNUSED && !stopping)
		conn_open(c);
}

static void call_begin(void)
{
	int i, n = any(nr_conns);
	struct conn *c;

	for (i = 0; i < nr_conns; i++) {
		c = &conns[(i + n) % nr_conns];
		if (c->state != UP || !c->calls || c->open >= 16)
			continue;
		c->calls--;
		c->open++;
		called++;
		send_msg(c, 0, INVITE, ++serial, 0);
		return;
	}
}

/* --- the whole -------------------------------------------------------------- */

static void tell(void)
{
	printf("connections %lu calls %lu ended %lu translated %lu plain %lu same %lu errors %lu broken %lu\n",
	       made, called, ended, translated, plain, same, errors, broken);
	fflush(stdout);
}

static void command(const char *line)
{
	int i;

	if (!strncmp(line, "loaded", 6))
		loaded = 1;
	else if (!strncmp(line, "leaving", 7))
		loaded = 0;
	else if (!strncmp(line, "dying", 5))
		loaded = 0, dying = 1;
	else if (!strncmp(line, "stop", 4))
		stopping = 1;
	for (i = 0; i < nr_conns; i++)
		if (!loaded)
			conns[i].must = 0;
		else if (!conns[i].must && i >= LASTING && conns[i].calls > 2)
			conns[i].calls = any(3);	/* make room for those that are */
	if (!stopping)
		tell();
}

static void read_command(void)
{
	static char line[64];
	static int len;
	int n = read(0, line + len, sizeof(line) - 1 - len);

	if (n <= 0)
		exit(3);
	len += n;
	line[len] = '\0';
	if (strchr(line, '\n')) {
		command(line);
		len = 0;
	}
}

/* Waits for input, but not longer than until a piece or a call is due. */
static void wait_input(long long until)
{
	struct pollfd p[3 + 2 * CONNS_MAX];
	long long now = now_ms(), end = until;
	int i, dir, n = 3;

	p[0] = (struct pollfd){ .fd = 0, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = listener[0], .events = POLLIN };
	p[2] = (struct pollfd){ .fd = listener[1], .events = POLLIN };
	for (i = 0; i < nr_conns; i++)
		for (dir = 0; dir < 2; dir++, n++) {
			const struct way *w = &conns[i].way[dir];
			int busy = conns[i].state >= UP;

			p[n] = (struct pollfd){ .fd = busy ? conns[i].way[!dir].fd : -1,
						.events = POLLIN };
			if (busy && w->out_len && w->next < end)
				end = w->next;
		}
	if (poll(p, n, end > now ? (int)(end - now) : 0) < 0)
		die("poll");
	for (i = 0; i < 2 * nr_conns; i++)
		if (p[3 + i].revents && conns[i / 2].state >= UP)
			read_bytes(&conns[i / 2], i % 2);
	for (i = 0; i < 2; i++)
		if (p[1 + i].revents)
			conn_accept(i);
	if (p[0].revents)
		read_command();
}

static int all_closed(void)
{
	int i;

	for (i = 0; i < nr_conns; i++)
		if (conns[i].state != UNUSED)
			return 0;
	return 1;
}

static void run(void)
{
	long long next = now_ms(), now;
	int i;

	while (!stopping || !all_closed()) {
		now = now_ms();
		if (now - next > 1000)	/* the machine is slower than that */
			next = now;
		for (; !stopping && now >= next; next += 1000 / rate)
			call_begin();
		for (i = 0; i < nr_conns; i++)
			conn_work(&conns[i], now);
		wait_input(stopping ? now + 10 : next);
	}
	tell();
}

static void enter(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void listen_at(int v6)
{
	struct sockaddr_storage ss;
	socklen_t len = set_address(&ss, v6, address[2][v6], PORT);
	int on = 1;

	listener[v6] = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener[v6], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener[v6], (void *)&ss, len) || listen(listener[v6], 64))
		die("listen");
}

int main(int argc, char **argv)
{
	int i;

	if (argc != 12)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	nr_conns = atoi(argv[3]);
	rate = atoi(argv[4]);
	seed = strtoull(argv[5], NULL, 0);
	for (i = 0; i < 6; i++)
		address[i / 2][i % 2] = argv[6 + i];
	if (nr_conns < 1 || nr_conns > CONNS_MAX || rate < 1 || rate > 1000)
		return 2;
	for (i = 0; i < CONNS_MAX; i++)
		conns[i].way[0].fd = conns[i].way[1].fd = -1;
	enter(argv[2]);
	listen_at(0);
	listen_at(1);
	enter(argv[1]);
	run();
	return errors != 0;
}
