// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doors: public UDP ports of a call, from reservation to opening.
 *
 *   dialog_media_port   a description names inside ports: reserved, closed
 *   dialog_public_port  it names public ones of its host: the same for these
 *   doors_offer         the request that named them waits for its answer
 *   doors_open          the answer came: let packets in, from the peer only
 *   doors_settle        the request is over; what it reserved in vain goes back
 *
 * The life of an open door is that of its call.  What became of a door in
 * truth only the skin knows: it counts and traces them.
 */
#include <nf_nat_sip_tcp/calls.h>

static void door_free(struct nst_env *env, struct nst_holder *h, struct nst_door *door)
{
	env->ops->free_for(env, &h->account, door, sizeof(*door));
}

void doors_free(struct nst_env *env, struct nst_holder *h)
{
	struct nst_door *door;

	while ((door = h->doors)) {
		h->doors = door->next;
		door_free(env, h, door);
	}
	h->nr_doors = 0;
}

/* Give back a reserved port that never let anything in. */
static void door_release(struct nst_env *env, struct nst_holder *h, struct nst_door **p)
{
	struct nst_door *door = *p;

	*p = door->next;
	h->nr_doors--;
	env->ops->door_release(env, h, door);
	door_free(env, h, door);
}

/* The door to the @i-th port of a request. */
static struct nst_door *door_find(const struct nst_reserve *req, u8 i)
{
	struct nst_door *door;

	for (door = req->holder->doors; door; door = door->next)
		if (door->inside.port == req->inside.port + i &&
		    addr_equal(&door->inside.addr, &req->inside.addr) &&
		    addr_equal(&door->public_ep.addr, &req->public_addr) &&
		    (!req->wanted || door->public_ep.port == req->wanted + i))
			break;
	return door;
}

/* The door at the public port that is wanted. */
static const struct nst_door *door_at(const struct nst_reserve *req)
{
	const struct nst_door *door;

	for (door = req->holder->doors; door; door = door->next)
		if (door->public_ep.port == req->wanted &&
		    addr_equal(&door->public_ep.addr, &req->public_addr))
			break;
	return door;
}

static void chain_free(struct nst_env *env, struct nst_holder *h, struct nst_door *chain)
{
	struct nst_door *next;

	for (; chain; chain = next) {
		next = chain->next;
		door_free(env, h, chain);
	}
}

static struct nst_door *chain_alloc(struct nst_env *env, struct nst_holder *h, u8 count)
{
	struct nst_door *chain = NULL;
	struct nst_door *door;

	while (count--) {
		door = env->ops->alloc_for(env, &h->account, sizeof(*door));
		if (!door) {
			chain_free(env, h, chain);
			return NULL;
		}
		memset(door, 0, sizeof(*door));
		door->next = chain;
		chain = door;
	}
	return chain;
}

static void door_link(const struct nst_reserve *req, u8 i, struct nst_door *door)
{
	door->transport = req->transport;
	door->inside.addr = req->inside.addr;
	door->inside.port = req->inside.port + i;
	door->public_ep.addr = req->public_addr;
	door->public_ep.port = req->public_port + i;
	door->state = NST_DOOR_RESERVED;
	door->fresh = true;
	door->next = req->holder->doors;
	req->holder->doors = door;
	req->holder->nr_doors++;
}

/* Memory first: a port that was given must never be lost for want of it. */
static int doors_reserve(struct nst_env *env, struct nst_reserve *req)
{
	struct nst_door *chain, *next;
	int err;
	u8 i;

	if (req->holder->nr_doors + req->count > env->set.doors_per_call)
		return -ENOSPC;
	chain = chain_alloc(env, req->holder, req->count);
	if (!chain)
		return -ENOMEM;
	err = env->ops->door_reserve(env, req);
	if (err) {
		chain_free(env, req->holder, chain);
		return err;
	}
	for (i = 0; i < req->count; i++, chain = next) {
		next = chain->next;
		door_link(req, i, chain);
	}
	return 0;
}

/* A single port beside others that are there already: it has to be @want. */
static int door_complete(struct nst_env *env, const struct nst_reserve *whole, u8 i,
			 u16 want)
{
	struct nst_reserve req = *whole;
	int err;

	req.inside.port += i;
	if (req.wanted)
		req.wanted += i;
	req.count = 1;
	req.pair = false;
	err = doors_reserve(env, &req);
	if (err || req.public_port == want)
		return err;
	door_release(env, req.holder, &req.holder->doors);
	return -EADDRINUSE;
}

/* Some ports of the request have doors: the others must fit beside them. */
static int doors_complete(struct nst_env *env, struct nst_reserve *req)
{
	struct nst_door *door;
	int err = 0;
	u8 i;

	for (i = 0; i < req->count && !err; i++) {
		door = door_find(req, i);
		if (!door)
			err = door_complete(env, req, i, req->public_port + i);
		else if (door->public_ep.port != (u16)(req->public_port + i))
			err = -EADDRINUSE;
	}
	return err;
}

static void doors_name(const struct nst_reserve *req, u8 media, enum nst_port_use use)
{
	struct nst_door *door;
	u8 i;

	for (i = 0; i < req->count; i++) {
		door = door_find(req, i);
		if (!door)
			continue;
		door->named = true;
		door->media = media;
		door->rtcp = use == NST_PORTS_RTCP || (use == NST_PORTS_PAIRS && i % 2);
	}
}

int dialog_media_port(struct nst_env *env, struct nst_reserve *req, u8 media,
		      enum nst_port_use use)
{
	struct nst_door *door = NULL;
	int err;
	u8 i;

	if (!req->count || req->count > NST_PORT_COUNT_MAX || !req->inside.port ||
	    req->inside.port + req->count - 1 > 65535)
		return -ERANGE;
	for (i = 0; i < req->count && !door; i++)
		door = door_find(req, i);
	if (door) {
		req->public_port = door->public_ep.port - (i - 1);
		err = doors_complete(env, req);
	} else {
		err = doors_reserve(env, req);
	}
	if (!err)
		doors_name(req, media, use);
	return err;
}

int dialog_public_port(struct nst_env *env, struct nst_reserve *req, u8 media,
		       enum nst_port_use use)
{
	const struct nst_door *door = door_at(req);
	u16 port = door ? door->inside.port : env->ops->port_mapped(env, req);

	if (port)
		req->inside.port = port;
	return dialog_media_port(env, req, media, use);
}

void dialog_rollback(struct nst_env *env, struct nst_call *call)
{
	struct nst_door **p = &call->h.doors;

	while (*p) {
		(*p)->named = false;
		if ((*p)->fresh)
			door_release(env, &call->h, p);
		else
			p = &(*p)->next;
	}
}

void doors_message_done(struct nst_call *call)
{
	struct nst_door *door;

	for (door = call->h.doors; door; door = door->next) {
		door->fresh = false;
		door->named = false;
	}
}

void doors_offer(struct nst_call *call, u8 txn)
{
	struct nst_door *door;

	for (door = call->h.doors; door; door = door->next)
		if (door->named && door->state == NST_DOOR_RESERVED)
			door->offers |= 1u << txn;
}

void doors_settle(struct nst_env *env, struct nst_call *call, u8 txn, bool failed)
{
	struct nst_door **p = &call->h.doors;
	u8 bit = 1u << txn;

	while (*p) {
		struct nst_door *door = *p;
		bool mine = door->offers & bit;

		door->offers &= ~bit;
		if (failed && mine && !door->offers && door->state == NST_DOOR_RESERVED)
			door_release(env, &call->h, p);
		else
			p = &door->next;
	}
}

/*
 * May the address in the peer's description be the filter?  "On hold" says
 * nothing, and a private address seen from a public peer is one behind a NAT
 * of its own: its packets show another one.
 */
static bool media_addr_usable(const struct nst_call *call, const struct nst_door *door,
			      const struct nst_peer_media *m)
{
	return m->port && m->addr.family == door->inside.addr.family &&
	       !addr_is_any(&m->addr) &&
	       (!addr_is_private(&m->addr) || addr_is_private(&call->peer));
}

/* Who may send in (D7).  Return: true where the peer's description says it. */
static bool door_filter(const struct nst_env *env, const struct door_answer *answer,
			const struct nst_door *door, struct nst_endpoint *filter)
{
	const struct nst_call *call = answer->call;
	const struct nst_peer_media *m;

	memset(filter, 0, sizeof(*filter));
	if (env->set.media_filter == NST_FILTER_ANY)
		return false;
	filter->addr = call->peer;
	if (!answer->described || door->media >= call->nr_peer_media)
		return false;
	m = &call->peer_media[door->media];
	if (!media_addr_usable(call, door, m))
		return false;
	filter->addr = m->addr;
	if (env->set.media_filter == NST_FILTER_PEER_PORT)
		filter->port = door->rtcp ? m->rtcp_port : m->port;
	return true;
}

static bool door_answered(const struct door_answer *answer, const struct nst_door *door)
{
	const struct sdp *mux = answer->mux;

	if (!door->named && !(door->offers & answer->offers))
		return false;
	/* RTP and RTCP agreed on one port (RFC 5761 5.1.1): no second door. */
	return !(door->rtcp && mux && door->media < mux->nr &&
		 mux->media[door->media].rtcp_mux);
}

void doors_open(struct nst_env *env, const struct door_answer *answer)
{
	struct nst_endpoint filter;
	struct nst_door *door;
	bool change;
	bool told;

	for (door = answer->call->h.doors; door; door = door->next) {
		told = door_filter(env, answer, door, &filter);
		if (door->state == NST_DOOR_OPEN)
			change = told && !endpoint_equal(&door->filter, &filter);
		else
			change = door_answered(answer, door);
		if (!change)
			continue;
		door->state = NST_DOOR_OPEN;
		door->filter = filter;
		door->reopen = true;
		holder_queue(&answer->call->h, answer->work);
	}
}

void peer_media_forget(struct nst_env *env, struct nst_call *call)
{
	if (call->peer_media)
		env->ops->free_for(env, &call->h.account, call->peer_media,
				   call->nr_peer_media * sizeof(*call->peer_media));
	call->peer_media = NULL;
	call->nr_peer_media = 0;
}

/* Without memory for it the signalling peer's address has to do. */
void peer_media_remember(struct nst_env *env, struct nst_call *call, const struct sdp *sdp)
{
	const struct sdp_conn *conn;
	struct nst_peer_media *m;
	u8 i;

	peer_media_forget(env, call);
	if (!sdp->nr)
		return;
	m = env->ops->alloc_for(env, &call->h.account, sdp->nr * sizeof(*m));
	if (!m)
		return;
	memset(m, 0, sdp->nr * sizeof(*m));
	for (i = 0; i < sdp->nr; i++) {
		conn = sdp_media_conn(sdp, i);
		if (conn)
			m[i].addr = conn->addr;
		m[i].port = sdp->media[i].port;
		m[i].rtcp_port = sdp->media[i].rtcp_port_text.len ?
				 sdp->media[i].rtcp_port : m[i].port + 1;
	}
	call->peer_media = m;
	call->nr_peer_media = sdp->nr;
}
