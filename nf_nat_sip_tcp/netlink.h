/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_NETLINK_H
#define NF_NAT_SIP_TCP_NETLINK_H

#include <net/sock.h>

#include <nf_nat_sip_tcp/addr.h>

#include "netlink_gen.h"
#include "netns.h"

struct nst_binding;
struct nst_call;
struct nst_connection;
struct nst_gate;

extern struct genl_family nst_nl_family;

int nst_netlink_init(void);
void nst_netlink_exit(void);

/* netlink_events.c: what goes to the group "events", where somebody listens */
void nst_nl_events_net_init(struct nst_net *nn);
/** nst_nl_events_net_exit - after the last event of the namespace; sleeps */
void nst_nl_events_net_exit(struct nst_net *nn);
/** nst_nl_events_start - the family is there */
void nst_nl_events_start(void);
/** nst_nl_events_stop - it is about to go; sleeps */
void nst_nl_events_stop(void);
/** nst_nl_notify - callback of struct nst_ops; see there */
void nst_nl_notify(struct nst_env *env, enum nst_notice what, const void *object,
		   enum nst_reason reason);
/** nst_nl_notify_door - a door was opened, or closed; atomic */
void nst_nl_notify_door(struct nst_gate *gate, bool closed);

/* netlink_tables.c, netlink_connection.c: all but the head of a message */
int nst_nl_put_call(struct sk_buff *skb, const struct nst_call *call);
int nst_nl_put_binding(struct sk_buff *skb, const struct nst_binding *b, bool ended);
int nst_nl_put_gate(struct sk_buff *skb, struct nst_gate *gate, bool closed);
int nst_nl_put_connection(struct sk_buff *skb, const struct nst_connection *conn);

/* netlink_put.c: what several answers have; 0 or -EMSGSIZE */
int nst_nl_put_addr(struct sk_buff *skb, int attr, const struct nst_addr *addr);
int nst_nl_put_endpoint(struct sk_buff *skb, int attr, const struct nst_endpoint *ep);

static inline int nst_nl_put_u64(struct sk_buff *skb, int attr, u64 val, int pad)
{
	return nla_put_u64_64bit(skb, attr, val, pad);
}

/**
 * nst_nl_head - begin a message of a dump
 *
 * Return: what genlmsg_end() and genlmsg_cancel() want, NULL without room.
 */
void *nst_nl_head(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, int flags);

/**
 * struct nst_nl_walk - a dump of a table, bucket by bucket
 * @skb: where it goes
 * @cb: the dump
 * @pos: bucket that is walked
 * @at: bucket in which the last entry was
 * @mark: length of @skb where that bucket begins
 * @nr: entries of it so far
 * @first: bucket where this message begins
 * @skip: entries of that bucket that were sent in messages before
 * @full: there was no room for an entry
 * @sent: entries of that bucket that need not be sent again
 *
 * Buckets are sent whole, so that what comes and goes between two messages of
 * a dump hides or repeats nothing else.  Only one that fills a message alone
 * is cut, and NLM_F_DUMP_INTR says so.
 */
struct nst_nl_walk {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	u32 pos;
	u32 at;
	unsigned int mark;
	u32 nr;
	u32 first;
	u32 skip;
	bool full;
	u32 sent;
};

/** nst_nl_walk_begin - go on where the dump left off */
void nst_nl_walk_begin(struct nst_nl_walk *w, struct sk_buff *skb,
		       struct netlink_callback *cb);
/** nst_nl_walk_wants - here is an entry of bucket @pos: is it to be sent? */
bool nst_nl_walk_wants(struct nst_nl_walk *w);
/** nst_nl_walk_flags - for the head of its message */
int nst_nl_walk_flags(const struct nst_nl_walk *w);
/** nst_nl_walk_full - there was no room for the entry; ends the walk: false */
bool nst_nl_walk_full(struct nst_nl_walk *w);
/** nst_nl_walk_end - what the dump answers */
int nst_nl_walk_end(const struct nst_nl_walk *w);

#endif
