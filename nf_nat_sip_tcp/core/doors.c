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

struct nst_door *door_new(struct nst_env *env, struct nst_holder *h, u8 transport)
{
	struct nst_door *door = h->own;

	while (door < h->own + NST_OWN_DOORS && door->transport)
		door++;
	if (door == h->own + NST_OWN_DOORS)
		door = env->ops->alloc_for(env, &h->account, sizeof(*door));
	if (!door)
		return NULL;
	memset(door, 0, sizeof(*door));
	door->transport = transport;
	return door;
}

void door_free(struct nst_env *env, struct nst_holder *h, struct nst_door *door)
{
	if (door >= h->own && door < h->own + NST_OWN_DOORS)
		door->transport = 0;
	else
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

static struct nst_door *chain_alloc(struct nst_env *env, const struct nst_reserve *req)
{
	struct nst_door *chain = NULL;
	struct nst_door *door;
	u8 i;

	for (i = 0; i < req->count; i++) {
		door = door_new(env, req->holder, req->transport);
		if (!door) {
			chain_free(env, req->holder, chain);
			return NULL;
		}
		door->next = chain;
		chain = door;
	}
	return chain;
}

static void door_link(const struct nst_reserve *req, u8 i, struct nst_door *door)
{
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
	chain = chain_alloc(env, req);
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
		door->media = (door->named ? door->media : 0) | 1u << media;
		door->named = true;
		door->offset = use == NST_PORTS_PAIRS ? i - i % 2 : i;
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

/* What failed leaves who may send as it was (RFC 3261 14.1). */
static bool door_move_back(struct nst_door *door, u8 txn, bool failed)
{
	if (door->moved != txn + 1)
		return false;
	door->moved = 0;
	if (!failed)
		return false;
	door->filter = door->before;
	door->reopen = true;
	return true;
}

static void follow(const struct door_answer *answer)
{
	struct nst_call *call = answer->call;

	if (answer->undo && call->followed_txn != answer->undo)
		call->followed_before = call->followed;
	call->followed_txn = answer->undo;
	call->followed = answer->heard->tag;
}

static void follow_back(struct nst_call *call, u8 txn, bool failed)
{
	if (call->followed_txn != txn + 1)
		return;
	call->followed_txn = 0;
	if (failed)
		call->followed = call->followed_before;
}

void doors_settle(struct nst_env *env, struct nst_call *call, u8 txn, bool failed,
		  struct nst_work *work)
{
	struct nst_door **p = &call->h.doors;
	u8 bit = 1u << txn;

	follow_back(call, txn, failed);
	while (*p) {
		struct nst_door *door = *p;
		bool mine = door->offers & bit;

		door->offers &= ~bit;
		door->kept |= mine && !failed;
		if (door_move_back(door, txn, failed))
			holder_queue(&call->h, work);
		if (failed && mine && !door->offers && !door->kept)
			door_release(env, &call->h, p);
		else
			p = &door->next;
	}
}

/*
 * May the address in the peer's description be the filter?  A name says
 * nothing that we know, and a private address seen from a public peer is one
 * behind a NAT of its own: its packets show another one.
 */
static bool media_addr_usable(const struct nst_call *call, const struct nst_door *door,
			      const struct nst_peer_media *m)
{
	return m->addr.family == door->inside.addr.family &&
	       (!addr_is_private(&m->addr) || addr_is_private(&call->peer));
}

/* "On hold" and "refused" say nothing about where media come from. */
static bool media_told(const struct nst_peer_media *m)
{
	return m->port && (!m->addr.family || !addr_is_any(&m->addr));
}

/* Of several that share a door, one may be refused; NULL: nothing is said. */
static const struct nst_peer_media *heard_medium(const struct nst_heard *heard, u32 media)
{
	u8 i;

	for (i = 0; heard && i < heard->nr; i++)
		if (media & 1u << i && media_told(&heard->media[i]))
			return &heard->media[i];
	return NULL;
}

/* Where the range of the peer ends, any of its ports may send. */
static u16 media_port(const struct nst_door *door, const struct nst_peer_media *m)
{
	u32 port = (door->rtcp ? m->rtcp_port : m->port) + door->offset;

	return port > 65535 ? 0 : port;
}

/*
 * Who may send in (D7): whom the peer's description names, else the host that
 * signals for it.  Return: true where the description decides that.
 */
static bool door_filter(const struct nst_env *env, const struct door_answer *answer,
			const struct nst_door *door, struct nst_endpoint *filter)
{
	const struct nst_peer_media *m = heard_medium(answer->heard, door->media);
	const struct nst_call *call = answer->call;

	memset(filter, 0, sizeof(*filter));
	if (env->set.media_filter == NST_FILTER_ANY)
		return false;
	filter->addr = call->peer;
	if (!m)
		return false;
	if (!media_addr_usable(call, door, m))
		return true;
	filter->addr = m->addr;
	if (env->set.media_filter == NST_FILTER_PEER_PORT)
		filter->port = media_port(door, m);
	return true;
}

/* Does the answer have medium @i on one port (RFC 5761 5.1.1)?  -1: it has none. */
static int medium_muxed(const struct door_answer *answer, u8 i)
{
	const struct nst_heard *theirs = answer->heard;
	const struct sdp_media *ours;

	if (answer->decides)
		return theirs && i < theirs->nr && theirs->media[i].port ?
		       theirs->media[i].mux : -1;
	ours = sdp_medium(answer->mux, i);
	return ours && ours->port ? ours->rtcp_mux : -1;
}

/* RTP and RTCP agreed on one port, for all media that share this door. */
static bool door_muxed(const struct door_answer *answer, const struct nst_door *door)
{
	u32 left = door->rtcp ? door->media : 0;
	bool muxed = false;
	int r;

	for (; left; left &= left - 1) {
		r = medium_muxed(answer, (u8)__builtin_ctz(left));
		if (!r)
			return false;
		muxed |= r > 0;
	}
	return muxed;
}

static bool door_answered(const struct door_answer *answer, struct nst_door *door)
{
	if (!door->named && !(door->offers & answer->offers))
		return false;
	door->kept |= door->named;
	return true;
}

static void door_move(struct nst_door *door, const struct nst_endpoint *filter, u8 undo)
{
	if (undo && door->moved != undo)
		door->before = door->filter;
	door->moved = undo;
	door->filter = *filter;
}

/*
 * An open door goes where the peer does.  A 180 without a description may have
 * opened RTCP's, and a final answer behind it agrees on one port.
 */
static bool door_follow(const struct door_answer *answer, struct nst_door *door, bool muxed,
			const struct nst_endpoint *filter)
{
	if (muxed && !answer->undo) {
		door->state = NST_DOOR_RESERVED;
		return true;
	}
	if (!filter)
		return false;
	if (endpoint_equal(&door->filter, filter)) {
		/* Agreed upon, it does not depend on what has moved it there. */
		if (!answer->undo)
			door->moved = 0;
		return false;
	}
	door_move(door, filter, answer->undo);
	return true;
}

static bool door_enter(const struct door_answer *answer, struct nst_door *door, bool muxed,
		       const struct nst_endpoint *filter)
{
	if (!door_answered(answer, door) || muxed)
		return false;
	door->kept = true;
	door->filter = *filter;
	door->state = NST_DOOR_OPEN;
	return true;
}

void doors_open(struct nst_env *env, const struct door_answer *answer)
{
	struct nst_endpoint filter;
	struct nst_door *door;
	bool change;
	bool muxed;
	bool told;

	if (answer->heard)
		follow(answer);
	for (door = answer->call->h.doors; door; door = door->next) {
		told = door_filter(env, answer, door, &filter);
		muxed = door_muxed(answer, door);
		if (door->state == NST_DOOR_OPEN)
			change = door_follow(answer, door, muxed, told ? &filter : NULL);
		else
			change = door_enter(answer, door, muxed, &filter);
		if (!change)
			continue;
		door->reopen = true;
		holder_queue(&answer->call->h, answer->work);
	}
}
