/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The surroundings of the core in a test: memory that can fail and is
 * counted, public ports that can fail and are counted, doors as the skin would
 * make them, and a connection with a client and a server.
 */
#ifndef SELFTESTS_MODEL_WORLD_H
#define SELFTESTS_MODEL_WORLD_H

#include <nf_nat_sip_tcp/event.h>
#include <nf_nat_sip_tcp/message.h>

#define WORLD_PORTS 2048
#define WORLD_HOSTS 4096
#define WORLD_TEXT (256 * 1024)

/**
 * struct world_port - a public port that was given away
 * @holder: whose; NULL: free
 * @transport: enum nst_transport
 * @public_ep: the port
 * @inside: where it leads
 * @filter: who may send
 * @open: lets packets in
 */
struct world_port {
	const struct nst_holder *holder;
	u8 transport;
	struct nst_endpoint public_ep;
	struct nst_endpoint inside;
	struct nst_endpoint filter;
	bool open;
};

/**
 * struct world_host - an inside host
 * @host: what the core sees
 * @refs: references, and one for the table; 0: unused
 * @inside: its address
 * @zone: its conntrack zone
 */
struct world_host {
	struct nst_host host;
	u32 refs;
	struct nst_addr inside;
	u16 zone;
};

/**
 * struct world - one network namespace and one connection
 * @env: what the core sees
 * @map: addresses of the connection
 * @conn: its identity
 * @zone: its conntrack zone
 * @now: ms
 * @count: reasons counted
 * @traces: lines traced
 * @trace: the last one of each kind; its text is gone
 * @events: told
 * @event: the last one of each kind
 * @notices: what user space was told, by enum nst_notice
 * @notice_reason: with the last of them
 * @live: bytes allocated
 * @allocs: allocations so far
 * @fail_alloc: this one fails, counted from 1; 0: none does
 * @reserves: door_reserve calls so far
 * @fail_reserve: this one fails, counted from 1; 0: none does
 * @reserve_error: with what
 * @shift: public port less inside port
 * @mapped: a public port and the inside one behind it, see &nst_ops.port_mapped
 * @taken: public port that somebody else has; 0: none
 * @locked: the calls lock is held
 * @talker: the connection, as calls know it
 * @media: media flows, when that is asked
 * @asked: how often it was
 * @host: inside hosts that were asked for
 * @port: ports given away
 * @edits: of the last message
 * @out: the last message, rendered, NUL-terminated
 * @out_len: its length
 */
struct world {
	struct nst_env env;
	struct nst_natmap map;
	u64 conn;
	u16 zone;
	u64 now;
	u32 count[NST_R_MAX];
	u32 traces[32];
	struct nst_trace trace[32];
	u32 events[NST_EVENT_OPAQUE + 1];
	struct nst_event event[NST_EVENT_OPAQUE + 1];
	u32 notices[NST_NOTICE_CONNECTION + 1];
	enum nst_reason notice_reason;
	size_t live;
	u32 allocs;
	u32 fail_alloc;
	u32 reserves;
	u32 fail_reserve;
	int reserve_error;
	int shift;
	u16 mapped[2];
	u16 taken;
	bool locked;
	struct nst_talker talker;
	bool media;
	u32 asked;
	struct world_host host[WORLD_HOSTS];
	struct world_port port[WORLD_PORTS];
	struct message_room room;
	char out[WORLD_TEXT];
	u32 out_len;
};

/**
 * world_new - a namespace and a connection
 *
 * The client is 10.0.0.5:40000 behind 203.0.113.1, the server 198.51.100.9:5060.
 */
struct world *world_new(void);

/** world_free - ends all calls and checks that nothing is left over */
void world_free(struct world *w);

/** world_endpoint - "10.0.0.1:5060", "[2001:db8::1]:5060" or without a port */
struct nst_endpoint world_endpoint(const char *text);

/** world_map - put an end of the connection at @inside, seen as @outside */
void world_map(struct world *w, u8 end, const char *inside, const char *outside);

/**
 * world_send - a message passes
 * @w: the world
 * @dir: 0: from the client, 1: from the server
 * @text: the message
 * @len: its length
 *
 * The bytes lie between walls.  Aborts where they are not one whole message.
 * Return: true where something changed; the result is in @w->out.
 */
bool world_send(struct world *w, u8 dir, const char *text, u32 len);

/** world_process - the same for bytes already in place, without their body */
bool world_process(struct world *w, u8 dir, const char *buf, u32 hdr_len, u32 body_len, u32 len);

/** world_work - carry out what the core left in @work, as the skin does */
void world_work(struct world *w, struct nst_work *work);

/** world_expire - time passes */
void world_expire(struct world *w, u64 ms);

/** world_door - the door to this inside port, or NULL */
const struct world_port *world_door(const struct world *w, const char *inside);

/** world_public - the door at this public endpoint, or NULL */
const struct world_port *world_public(const struct world *w, u8 transport, const char *ep);

/** world_ports - how many public ports are given away; @open: only open ones */
u32 world_ports(const struct world *w, bool open);

#endif
