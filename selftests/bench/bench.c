// SPDX-License-Identifier: GPL-2.0-only
/* Counts the instructions of what is sent through the router, in one mode:
 *
 *	bench none|in-tree|ours [REPEAT]
 *
 * prints a line for each figure and load: name, connections, calls on one of them,
 * doors, samples, median, lower and upper decile, mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define CONNS_MAX	2048
#define CALLS_MAX	1000
#define OPAQUE_LEN	898
#define BULK_LEN	(2 << 20)

static struct conn conns[CONNS_MAX];
static struct call standing[CALLS_MAX];
static char text[TEXT_MAX], request[TEXT_MAX], seen[TEXT_MAX];
static unsigned int repeat = 100;
static const char *mode;

/* Counts what an expression executes. */
#define COUNT(fig, what) ({						\
	uint64_t count_;						\
									\
	if ((fig) == watched)						\
		MARK(01);						\
	count_ = (what);						\
	if ((fig) == watched)						\
		MARK(00);						\
	stat_add(fig, count_);						\
	count_;								\
})

/* A message one way: written, read, acknowledged.  What was read is in @got. */
static uint64_t pass(enum figure fig, int from, int to, size_t len, char *got)
{
	int parts = fig == FIG_INVITE_2SEG ? 2 : fig == FIG_INVITE_3SEG ? 3 : 1;
	uint64_t count = COUNT(fig, net_send(from, text, len, parts));

	net_read_message(to, got);
	if (fig == FIG_INVITE)
		COUNT(FIG_INVITE_ACK, net_ack(to));
	else
		net_ack(to);
	return count;
}

static uint64_t ask(enum figure fig, const struct call *call, const char *method, size_t size)
{
	const struct conn *c = call->conn;

	return pass(fig, c->client, c->server, sip_request(text, call, method, size), request);
}

static uint64_t answer(enum figure fig, const struct call *call, const char *status)
{
	const struct conn *c = call->conn;

	return pass(fig, c->server, c->client, sip_response(text, call, request, status, 0), seen);
}

static void options(const struct conn *c)
{
	struct call call;

	call_new(&call, c);
	ask(FIG_OPTIONS, &call, "OPTIONS", 400);
	answer(FIG_OPTIONS_200, &call, "200 OK");
}

static uint64_t invite(struct call *call, const struct conn *c, enum figure fig)
{
	call_new(call, c);
	return ask(fig, call, "INVITE", fig == FIG_INVITE_4K ? 4096 : 898);
}

static uint64_t answered(const struct call *call)
{
	return answer(FIG_100, call, "100 Trying") + answer(FIG_180, call, "180 Ringing") +
	       answer(FIG_200, call, "200 OK") + ask(FIG_ACK, call, "ACK", 0);
}

static uint64_t end(const struct call *call)
{
	return ask(FIG_BYE, call, "BYE", 0) + answer(FIG_BYE_200, call, "200 OK");
}

/* Does the helper do what it is measured for? */
static void check(const struct conn *c)
{
	struct call call;
	unsigned int doors;
	int named = 0;

	invite(&call, c, FIG_INVITE);
	doors = net_doors();
	for (const char *p = request; (p = strstr(p, c->addr)); p++)
		named++;
	fprintf(stderr, "bench: %s: the inside address stands in an INVITE %d times, %u doors, medium %u\n",
		mode, named, doors, call.rtp);
	if (!strcmp(mode, "none") ? named != 5 || doors : named || doors < 2)
		die("the helper does not do its work");
	answered(&call);
	end(&call);
}

static void calls(const struct conn *c, unsigned int n)
{
	uint64_t start, sum;
	struct call call;

	while (n--) {
		start = instructions();
		sum = invite(&call, c, FIG_INVITE);
		sum += answered(&call);
		sum += end(&call);
		stat_add(FIG_CALL, sum);
		stat_add(FIG_CALL_ALL, instructions() - start);
	}
}

/* A long message, and one in several segments. */
static void shapes(const struct conn *c, unsigned int n)
{
	static const enum figure shape[] = { FIG_INVITE_4K, FIG_INVITE_2SEG, FIG_INVITE_3SEG };
	struct call call;

	for (size_t i = 0; i < 3; i++) {
		for (unsigned int j = 0; j < n; j++) {
			invite(&call, c, shape[i]);
			answered(&call);
			end(&call);
		}
	}
}

/* Nothing of what went before is in the figures of what comes. */
static void forget(void)
{
	sleep(40);
}

static void opaque(unsigned int n)
{
	struct conn c;

	net_connect(&c, CONNS_MAX, SIP_PORT, SIP_PORT);
	for (unsigned int i = 0; i < OPAQUE_LEN; i++)
		text[i] = dice();
	memcpy(text, "\x17\x03\x03\x03\x7d", 5);
	for (unsigned int i = 0; i < n; i++) {
		COUNT(FIG_OPAQUE, net_send(c.client, text, OPAQUE_LEN, 1));
		net_read(c.server, OPAQUE_LEN);
		COUNT(FIG_OPAQUE_ACK, net_ack(c.server));
	}
	for (int gso = 1; gso >= 0; gso--) {
		net_offload(gso);
		net_bulk(&c, 4 * BULK_LEN);
		for (int i = 0; i < 15; i++)
			COUNT(gso ? FIG_BULK_GSO : FIG_BULK, net_bulk(&c, BULK_LEN));
	}
	net_offload(1);
	net_close(&c);
	forget();
}

/*
 * What a helper does in the hosts' own namespaces, which are of the same kernel: a
 * segment passes POST_ROUTING and PRE_ROUTING once, as one does in the two of them
 * on its way through the router.
 */
static void hosts(unsigned int n)
{
	struct conn c;

	net_connect_local(&c);
	memset(text, 23, OPAQUE_LEN);
	while (n--) {
		COUNT(FIG_HOSTS, net_send(c.client, text, OPAQUE_LEN, 1));
		net_read(c.server, OPAQUE_LEN);
		net_ack(c.server);
	}
	net_close(&c);
}

static void fresh(unsigned int n)
{
	struct conn c;

	for (unsigned int i = 0; i < n; i++) {
		COUNT(FIG_NEW, net_connect(&c, CONNS_MAX, 0, OTHER_PORT));
		net_close(&c);
		COUNT(FIG_NEW_SIP, net_connect(&c, CONNS_MAX, 0, SIP_PORT));
		net_close(&c);
	}
	forget();
}

static void tell(unsigned int connections, unsigned int n)
{
	stat_tell(&(struct load){ connections, n, net_doors() });
}

/* All figures, on the first connection and on fresh ones. */
static void figures(unsigned int connections)
{
	calls(&conns[0], repeat);
	shapes(&conns[0], repeat / 2);
	for (unsigned int i = 0; i < repeat; i++)
		options(&conns[0]);
	forget();
	opaque(repeat);
	tell(connections, 1);
}

/* So many connections stand, each of which has been used. */
static void connections(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		net_connect(&conns[i], i, SIP_PORT, SIP_PORT);
		options(&conns[i]);
	}
	stat_forget();
}

/* With so many calls on the first connection, the one that is counted included. */
static void calls_on_one(void)
{
	static const unsigned int load[] = { 100, CALLS_MAX };
	unsigned int n = 0;

	for (int i = 0; i < 2; i++) {
		for (; n < load[i] - 1; n++) {
			invite(&standing[n], &conns[0], FIG_INVITE);
			answered(&standing[n]);
		}
		stat_forget();
		calls(&conns[0], repeat);
		for (unsigned int j = 0; j < repeat; j++)
			options(&conns[0]);
		tell(1, load[i]);
	}
	while (n--)
		end(&standing[n]);
	stat_forget();
	forget();
}

/* New connections while so many doors stand, of a call on each of as many connections
 * as it takes; all of them are there where the helper makes none.
 */
static void doors(unsigned int n)
{
	static unsigned int used;
	struct call call;

	/* Each look takes as long as the list is. */
	while (used < n / 2 && (used % (n / 64 + 1) || net_doors() < n)) {
		invite(&call, &conns[used++], FIG_INVITE);
		answered(&call);
	}
	stat_forget();
	fresh(repeat);
	tell(CONNS_MAX, 1);
}

static void loads(void)
{
	calls_on_one();
	connections(1, 100);
	figures(100);
	connections(100, 1000);
	figures(1000);
	connections(1000, CONNS_MAX);
	doors(100);
	doors(4096);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 16384, 16384 };

	if (argc < 2)
		return 2;
	mode = argv[1];
	if (argc > 2)
		repeat = atoi(argv[2]);
	if (argc > 3)
		watched = stat_figure(argv[3]);
	setrlimit(RLIMIT_NOFILE, &files);
	net_init();
	/* What the kernel does after its start is over. */
	forget();
	connections(0, 1);
	check(&conns[0]);
	stat_forget();
	fresh(repeat);
	hosts(repeat);
	figures(1);
	if (watched == FIG_MAX)
		loads();
	printf("end,0,0,0,0,0,0,0,0\n");
	return 0;
}
