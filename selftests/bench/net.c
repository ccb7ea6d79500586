// SPDX-License-Identifier: GPL-2.0-only
/* Connections of a client, through the router, to the server: all on one processor,
 * so that what is sent has gone all its way when send() returns.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define SERVER	"10.1.1.10"

static int ns_client, ns_server, ns_router;
static int listen_sip, listen_other;

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int ns_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("setns");
}

static struct sockaddr_in address(const char *addr, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, addr, &sin.sin_addr);
	return sin;
}

static int tcp_at(int ns, const char *addr, int port)
{
	struct sockaddr_in sin = address(addr, port);
	int one = 1, fd;

	enter(ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enter(ns_router);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("bind");
	return fd;
}

static int listen_at(int ns, const char *addr, int port)
{
	int fd = tcp_at(ns, addr, port);

	if (listen(fd, 64))
		die("listen");
	return fd;
}

void net_init(void)
{
	ns_router = ns_open("/proc/self/ns/net");
	ns_client = ns_open("/run/netns/client");
	ns_server = ns_open("/run/netns/server");
	listen_sip = listen_at(ns_server, SERVER, SIP_PORT);
	listen_other = listen_at(ns_server, SERVER, OTHER_PORT);
}

void client_addr(unsigned int nr, char *addr)
{
	if (!nr)
		strcpy(addr, "192.168.122.3");
	else
		snprintf(addr, ADDR_LEN, "192.168.%u.%u", 128 + nr / 250, 1 + nr % 250);
}

/* No Nagle, and nothing acknowledged before it is told to. */
static void calm(int fd)
{
	int one = 1, zero = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, 60000) != 1) {
		errno = ETIMEDOUT;
		die("wait");
	}
}

static uint64_t join(struct conn *c, int listener, const char *addr, int port)
{
	struct sockaddr_in to = address(addr, port);
	uint64_t start, count;

	start = instructions();
	if (connect(c->client, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		die("connect");
	count = instructions() - start;
	wait_for(c->client, POLLOUT);
	wait_for(listener, POLLIN);
	c->server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->server < 0)
		die("accept");
	calm(c->client);
	calm(c->server);
	return count;
}

uint64_t net_connect(struct conn *c, unsigned int nr, int sport, int dport)
{
	c->nr = nr;
	client_addr(nr, c->addr);
	c->client = tcp_at(ns_client, c->addr, sport);
	return join(c, dport == SIP_PORT ? listen_sip : listen_other, SERVER, dport);
}

void net_connect_local(struct conn *c)
{
	int listener = listen_at(ns_client, "127.0.0.1", OTHER_PORT);

	strcpy(c->addr, "127.0.0.1");
	c->client = tcp_at(ns_client, c->addr, 0);
	join(c, listener, c->addr, OTHER_PORT);
	close(listener);
}

/* By a reset: nothing of it is left. */
void net_close(struct conn *c)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(c->client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(c->client);
	close(c->server);
}

uint64_t net_send(int fd, const char *text, size_t len, int parts)
{
	size_t part = (len + parts - 1) / parts, n;
	uint64_t start = instructions();

	for (; len; text += n, len -= n) {
		n = part < len ? part : len;
		if (send(fd, text, n, 0) != (ssize_t)n)
			die("send");
	}
	return instructions() - start;
}

static size_t read_some(int fd, char *text, size_t room)
{
	ssize_t n;

	for (;;) {
		n = recv(fd, text, room, 0);
		if (n > 0)
			return n;
		if (!n || errno != EAGAIN)
			die("recv");
		wait_for(fd, POLLIN);
	}
}

size_t net_read_message(int fd, char *text)
{
	const char *body, *length;
	size_t len = 0;

	for (;;) {
		len += read_some(fd, text + len, TEXT_MAX - 1 - len);
		text[len] = 0;
		body = strstr(text, "\r\n\r\n");
		length = strstr(text, "\r\nContent-Length: ");
		if (body && length && len >= body + 4 - text + strtoul(length + 18, NULL, 10))
			return len;
	}
}

void net_read(int fd, size_t len)
{
	static char buf[1 << 16];

	while (len)
		len -= read_some(fd, buf, len < sizeof(buf) ? len : sizeof(buf));
}

uint64_t net_ack(int fd)
{
	/* An even number other than 0: this once. */
	int once = 2;
	uint64_t start = instructions();

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &once, sizeof(once));
	return instructions() - start;
}

uint64_t net_bulk(const struct conn *c, size_t bytes)
{
	static char block[1 << 16], sink[1 << 18];
	size_t sent = 0, got = 0;
	uint64_t start;
	ssize_t n;

	block[0] = 23;
	start = instructions();
	while (got < bytes) {
		n = 0;
		if (sent < bytes)
			n = send(c->client, block, sizeof(block), 0);
		if (n > 0)
			sent += n;
		n = recv(c->server, sink, sizeof(sink), 0);
		if (n > 0)
			got += n;
		else if (errno != EAGAIN)
			die("bulk");
	}
	return instructions() - start;
}

unsigned int net_doors(void)
{
	FILE *f = fopen("/proc/net/nf_conntrack_expect", "r");
	unsigned int n = 0;
	int c;

	if (!f)
		die("nf_conntrack_expect");
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

void net_offload(int on)
{
	static const char *const where[] = { "", "", "/bin/ip netns exec client", "/bin/ip netns exec server" };
	static const char *const dev[] = { "in", "out", "eth0", "eth0" };
	char cmd[160];

	for (int i = 0; i < 4; i++) {
		sprintf(cmd, "%s ethtool -K %s tso %s gso %s gro %s >/dev/null", where[i], dev[i],
			on ? "on" : "off", on ? "on" : "off", on ? "on" : "off");
		if (system(cmd))
			die(cmd);
	}
}
