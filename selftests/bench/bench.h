/* SPDX-License-Identifier: GPL-2.0-only */
/* What a message costs on its way through a router: parts of the program. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#define SIP_PORT	5060
#define OTHER_PORT	80
#define TEXT_MAX	16384
#define ADDR_LEN	24

/* The processor's time stamps count its instructions here. */
static inline uint64_t instructions(void)
{
	uint32_t lo, hi;

	__asm__ __volatile__("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

void die(const char *what);

/* For where/plugin.c: what is executed from here to there is looked at. */
#define MARK(on)	__asm__ __volatile__("nopl 0x6e7374" #on "(%%rax)" : : : "memory")

/* --- net.c: a connection of a client through the router to the server --- */

struct conn {
	int client;
	int server;
	unsigned int nr;	/* of the client's address */
	char addr[ADDR_LEN];
};

void net_init(void);
void client_addr(unsigned int nr, char *addr);
/* Both ends; the instructions of connect(). */
uint64_t net_connect(struct conn *c, unsigned int nr, int sport, int dport);
/* Both ends at the client. */
void net_connect_local(struct conn *c);
void net_close(struct conn *c);
/* Writes the text in so many parts, and gives the instructions of that. */
uint64_t net_send(int fd, const char *text, size_t len, int parts);
/* Reads a whole message; its length. */
size_t net_read_message(int fd, char *text);
void net_read(int fd, size_t len);
/* Has the acknowledgement of what was read sent now; the instructions of that. */
uint64_t net_ack(int fd);
/* So many bytes, from one end to the other; the instructions of that. */
uint64_t net_bulk(const struct conn *c, size_t bytes);
unsigned int net_doors(void);
void net_offload(int on);

/* --- sip.c: messages --- */

struct call {
	const struct conn *conn;
	unsigned int rtp;
	char id[40];
	char branch[20];
	char from_tag[12];
	char to_tag[12];
};

void call_new(struct call *call, const struct conn *conn);
/* The text is filled up to that size, unless it is 0. */
size_t sip_request(char *text, const struct call *call, const char *method, size_t size);
/* What the server answers to a request as it came there. */
size_t sip_response(char *text, const struct call *call, const char *request,
		    const char *status, size_t size);
uint32_t dice(void);

/* --- stat.c: figures --- */

enum figure {
	FIG_OPTIONS, FIG_OPTIONS_200,
	FIG_INVITE, FIG_INVITE_ACK, FIG_100, FIG_180, FIG_200, FIG_ACK, FIG_BYE, FIG_BYE_200,
	FIG_CALL, FIG_CALL_ALL,
	FIG_INVITE_4K, FIG_INVITE_2SEG, FIG_INVITE_3SEG,
	FIG_OPAQUE, FIG_OPAQUE_ACK, FIG_BULK_GSO, FIG_BULK,
	FIG_NEW, FIG_NEW_SIP, FIG_HOSTS,
	FIG_MAX
};

struct load {
	unsigned int connections;
	unsigned int calls;
	unsigned int doors;
};

/* The one that where/plugin.c is to look at; FIG_MAX: none. */
extern enum figure watched;

enum figure stat_figure(const char *name);
void stat_add(enum figure fig, uint64_t count);
/* What was added is not told of. */
void stat_forget(void);
/* A line for each figure that was taken, and none are left. */
void stat_tell(const struct load *load);

#endif
