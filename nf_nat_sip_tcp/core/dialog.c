// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message means for the calls of the inside hosts.
 *
 *              INVITE                 2xx to INVITE
 *     (none) ---------> EARLY ----------------------------> CONFIRMED
 *                         |                                     |
 *                         | 3xx-6xx to the last INVITE,         | 2xx, 408 or 481 to
 *                         | ringing_timeout                     | the BYE of the last
 *                         v                                     v dialog, call_timeout
 *                       ENDED <---------------------------------+
 *
 * A request is remembered by its transaction: connection, direction, branch,
 * CSeq, method, Call-ID and From tag.  A response means something only where
 * it answers such a request on the same connection (I6, P2).  The call itself
 * is not tied to a connection: a BYE on another one of the same inside host
 * ends it as well (D4).
 *
 * Doors open by a response above 100 and below 300 that answers their offer.
 * What the inside host itself describes in a response, or in the ACK of an
 * INVITE that was answered with an offer, opens at once: the peer's half of
 * the exchange was seen.
 *
 * INVITE, UPDATE, PRACK and ACK carry offers and answers (RFC 3264, 3311,
 * 3262).  Descriptions in other messages belong to no call.
 */
#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/natmap.h>

/* Timer F (RFC 3261 17.1.2.2), s: a BYE without answer has ended it all the same. */
#define BYE_TIMEOUT 32

/**
 * struct turn - a message as one of the calls that it belongs to sees it
 * @d: the message
 * @call: the call
 * @end: which end of the connection is the inside host of this call
 * @from_inside: that end sent the message
 * @tags: tags of both parties
 */
struct turn {
	struct dialog *d;
	struct nst_call *call;
	u8 end;
	bool from_inside;
	struct nst_leg tags;
};

/* 0 means "none", so a real hash never is. */
static u64 text_hash(const struct dialog *d, struct span s)
{
	return s.len ? nst_hash(d->env, d->buf + s.off, s.len) | 1 : 0;
}

/* The Call-ID is not in it: a transaction is looked for in its call only. */
static u64 txn_hash(const struct dialog *d)
{
	struct {
		u64 conn;
		u64 branch;
		u64 from_tag;
		u32 cseq;
		u16 method;
		u16 dir;
	} key;

	key.conn = d->conn;
	key.branch = text_hash(d, d->msg->branch);
	key.from_tag = d->ids.from_tag;
	key.cseq = d->msg->cseq;
	key.method = d->msg->method;
	key.dir = d->msg->is_request ? d->dir : !d->dir;
	return nst_hash(d->env, &key, sizeof(key)) | 1;
}

static void identify(struct dialog *d)
{
	d->ids.call_id = text_hash(d, d->msg->call_id);
	d->ids.from_tag = text_hash(d, d->msg->from_tag);
	d->ids.to_tag = text_hash(d, d->msg->to_tag);
	d->ids.txn = txn_hash(d);
}

static struct turn turn_of(struct dialog *d, u8 end)
{
	struct turn t = {
		.d = d, .call = d->calls[end], .end = end, .from_inside = end == d->dir,
	};
	bool inside_is_from = d->msg->is_request == t.from_inside;

	t.tags.inside_tag = inside_is_from ? d->ids.from_tag : d->ids.to_tag;
	t.tags.peer_tag = inside_is_from ? d->ids.to_tag : d->ids.from_tag;
	return t;
}

/*
 * A tag that is known must be named: who leaves it out does not know the
 * dialog (RFC 3261 12.2.2).  One that is not known yet may be any.
 */
static bool tag_fits(u64 known, u64 tag)
{
	return !known || known == tag;
}

static bool leg_fits(const struct nst_leg *leg, const struct nst_leg *tags)
{
	return tag_fits(leg->inside_tag, tags->inside_tag) &&
	       tag_fits(leg->peer_tag, tags->peer_tag);
}

static int leg_find(const struct nst_call *call, const struct nst_leg *tags)
{
	int i;

	for (i = 0; i < call->nr_legs; i++)
		if (leg_fits(&call->legs[i], tags))
			return i;
	return -ENOENT;
}

/*
 * An INVITE that begins a dialog has one tag only.  A host that sends on what
 * it received (a proxy) has two such calls, told apart by their direction.
 */
static bool turn_belongs(const struct turn *t, const struct nst_call *call)
{
	const struct sip_msg *msg = t->d->msg;

	if (!msg->is_request)
		return txn_find(call, t->d->ids.txn) >= 0;
	if (!msg->to_tag.len && call->outgoing != t->from_inside)
		return false;
	return leg_find(call, &t->tags) >= 0;
}

static u64 after(const struct dialog *d, u32 seconds)
{
	return d->now + (u64)seconds * 1000;
}

static struct nst_call *turn_call(const struct turn *t)
{
	const struct dialog *d = t->d;
	struct call_key key = {
		.call_id_hash = d->ids.call_id,
		.inside = d->map->end[t->end].inside.addr, .zone = d->zone,
	};
	struct nst_call *call = NULL;

	while ((call = calls_next(d->env, &key, call)))
		if (turn_belongs(t, call))
			return call;
	if (!d->msg->is_request || d->msg->method != SIP_INVITE)
		return NULL;
	call = call_new(d->env, &key);
	if (!call)
		return NULL;
	call->outgoing = t->from_inside;
	call->legs[0] = t->tags;
	call->nr_legs = 1;
	call->expires = after(d, d->env->set.ringing_timeout);
	call->peer = d->map->end[!t->end].inside.addr;
	d->env->ops->notify(d->env, NST_NOTICE_CALL, call, NST_R_MAX);
	return call;
}

/* May this message describe media of its call? */
static bool may_describe(const struct turn *t)
{
	const struct sip_msg *msg = t->d->msg;

	if (!t->call)
		return false;
	switch (msg->method) {
	case SIP_INVITE:
	case SIP_UPDATE:
	case SIP_PRACK:
		return msg->is_request || (msg->status > 100 && msg->status < 300);
	case SIP_ACK:
		return msg->is_request && txn_acked(t->call, t->d->msg->cseq, t->from_inside);
	default:
		return false;
	}
}

void dialog_begin(struct dialog *d)
{
	struct turn t;
	u8 end, teller;

	identify(d);
	for (end = 0; end < 2; end++) {
		d->calls[end] = NULL;
		if (!natmap_translates(d->map, end))
			continue;
		t = turn_of(d, end);
		d->calls[end] = turn_call(&t);
		if (d->calls[end])
			d->calls[end]->h.owner = d->owner;
	}
	teller = natmap_translates(d->map, d->dir) ? d->dir : !d->dir;
	t = turn_of(d, teller);
	d->call = may_describe(&t) ? t.call : NULL;
}

static u8 remember_request(const struct turn *t, bool described)
{
	const struct sip_msg *msg = t->d->msg;
	struct nst_call *call = t->call;
	struct nst_txn txn = {
		.hash = t->d->ids.txn, .cseq = msg->cseq, .method = msg->method,
		.from_inside = t->from_inside, .described = described,
		.initial = msg->method == SIP_INVITE && call->state == NST_CALL_EARLY,
	};

	return txn_add(t->d->env, call, &txn);
}

/* What the peer wants to be sent where.  @answer: it settles an offer of ours. */
static void hear_peer(const struct turn *t, const struct sdp *sdp, bool answer)
{
	struct door_answer a = {
		.call = t->call, .work = t->d->work, .described = true,
	};

	if (!sdp || t->from_inside)
		return;
	peer_media_remember(t->d->env, t->call, sdp);
	if (answer)
		doors_open(t->d->env, &a);
}

/* An ACK from inside with the answer to the offer in the peer's 2xx. */
static void on_ack(const struct turn *t, const struct sdp *sdp)
{
	struct door_answer a = {
		.call = t->call, .work = t->d->work, .described = true,
	};

	if (!txn_acked(t->call, t->d->msg->cseq, t->from_inside))
		return;
	if (t->from_inside)
		doors_open(t->d->env, &a);
	else
		hear_peer(t, sdp, true);
}

/*
 * Until when this dialog's BYE may be answered; 0: no such BYE any more.  The
 * call is over when that is so of all its dialogs: a fork that never answers
 * its BYE must not take along the one that is talked by (D5).  An early dialog
 * ends with its INVITE (RFC 3261 15.1.2).
 */
static void bye_wait(const struct turn *t, u64 due)
{
	struct nst_call *call = t->call;
	int i = leg_find(call, &t->tags);
	u64 last = 0;

	if (i >= 0 && call->state == NST_CALL_CONFIRMED)
		call->legs[i].bye_due = due;
	for (i = 0; i < call->nr_legs; i++) {
		if (!call->legs[i].bye_due) {
			last = 0;
			break;
		}
		if (call->legs[i].bye_due > last)
			last = call->legs[i].bye_due;
	}
	call->bye_due = last;
}

static void on_request(const struct turn *t, const struct sdp *sdp)
{
	struct dialog *d = t->d;

	if (t->call->state == NST_CALL_CONFIRMED)
		t->call->expires = after(d, d->env->set.call_timeout);
	switch (d->msg->method) {
	case SIP_INVITE:
	case SIP_UPDATE:
	case SIP_PRACK:
		doors_offer(t->call, remember_request(t, sdp));
		/* A PRACK may bring the answer to an offer in a 1xx (RFC 3262 5). */
		hear_peer(t, sdp, d->msg->method == SIP_PRACK);
		break;
	case SIP_BYE:
		remember_request(t, false);
		bye_wait(t, after(d, BYE_TIMEOUT));
		break;
	case SIP_ACK:
		on_ack(t, sdp);
		break;
	default:
		break;
	}
}

/* The first 2xx names the other party; those of further forks add dialogs. */
static void leg_confirm(const struct turn *t)
{
	struct nst_call *call = t->call;
	struct nst_leg *leg;
	int i = leg_find(call, &t->tags);

	if (i < 0) {
		if (call->nr_legs < NST_LEGS_MAX)
			call->legs[call->nr_legs++] = t->tags;
		/* This one has no BYE under way. */
		call->bye_due = 0;
		return;
	}
	leg = &call->legs[i];
	if (!leg->inside_tag)
		leg->inside_tag = t->tags.inside_tag;
	if (!leg->peer_tag)
		leg->peer_tag = t->tags.peer_tag;
}

static void invite_accepted(const struct turn *t, u8 n)
{
	struct nst_call *call = t->call;

	call->txn[n].answered = true;
	doors_settle(t->d->env, call, n, false);
	leg_confirm(t);
	if (call->state == NST_CALL_EARLY) {
		call->state = NST_CALL_CONFIRMED;
		call_trace(t->d->env, "confirmed");
		t->d->env->ops->notify(t->d->env, NST_NOTICE_CALL, call, NST_R_MAX);
	}
	call->expires = after(t->d, t->d->env->set.call_timeout);
}

/*
 * A BYE took effect.  In an early dialog it does not end the call: the INVITE
 * still gets its own answer (RFC 3261 15.1.2).
 */
static void bye_done(const struct turn *t, u8 n)
{
	struct nst_call *call = t->call;
	int i;

	txn_drop(t->d->env, t->call, n, false);
	if (call->state != NST_CALL_CONFIRMED)
		return;
	i = leg_find(call, &t->tags);
	if (i < 0)
		return;
	call->legs[i] = call->legs[--call->nr_legs];
	/* What is left may be waiting for its own. */
	bye_wait(t, 0);
	if (!call->nr_legs)
		call_end(t->d->env, call, t->d->work, NST_R_CALL_ENDED, "ended");
}

static void bye_failed(const struct turn *t, u8 n)
{
	u16 status = t->d->msg->status;

	bye_wait(t, 0);
	/* No such call there, or no answer: gone all the same (15.1.1). */
	if (status == 481 || status == 408) {
		bye_done(t, n);
		return;
	}
	txn_drop(t->d->env, t->call, n, false);
	nst_count(t->d->env, NST_R_BYE_REFUSED);
	call_trace(t->d->env, "goes on, BYE refused");
}

/*
 * The response to an offer, above 100.  Once one fork has won, late answers of
 * the others do not move the doors that it uses.
 */
static void offer_answered(const struct turn *t, u8 n, const struct sdp *sdp)
{
	const struct nst_txn *txn = &t->call->txn[n];
	struct door_answer a = {
		.call = t->call, .work = t->d->work, .offers = 1u << n,
		.described = sdp && (!t->from_inside || txn->described),
		.mux = txn->described ? sdp : NULL,
	};

	if (!t->from_inside && (txn->answered ||
				(txn->initial && t->call->state != NST_CALL_EARLY)))
		return;
	hear_peer(t, sdp, false);
	doors_open(t->d->env, &a);
}

static void on_accepted(const struct turn *t, u8 n, const struct sdp *sdp)
{
	switch (t->call->txn[n].method) {
	case SIP_BYE:
		bye_done(t, n);
		break;
	case SIP_INVITE:
		offer_answered(t, n, sdp);
		invite_accepted(t, n);
		break;
	default:
		offer_answered(t, n, sdp);
		txn_drop(t->d->env, t->call, n, false);
		break;
	}
}

static void on_failed(const struct turn *t, u8 n)
{
	struct nst_txn txn = t->call->txn[n];
	u16 status = t->d->msg->status;
	struct nst_env *env = t->d->env;

	if (txn.method == SIP_BYE) {
		bye_failed(t, n);
		return;
	}
	txn_drop(t->d->env, t->call, n, true);
	if (!txn.initial || t->call->state != NST_CALL_EARLY || txn_invite_pending(t->call))
		return;
	if (status == 401 || status == 407)
		call_end(env, t->call, t->d->work, NST_R_CALL_CHALLENGED, "challenged");
	else
		call_end(env, t->call, t->d->work, NST_R_CALL_FAILED, "failed");
}

static void on_response(const struct turn *t, const struct sdp *sdp)
{
	struct nst_call *call = t->call;
	u16 status = t->d->msg->status;
	int n = txn_find(call, t->d->ids.txn);

	if (n < 0 || status <= 100)
		return;
	if (status >= 300) {
		on_failed(t, n);
	} else if (status >= 200) {
		on_accepted(t, n, sdp);
	} else if (call->txn[n].method != SIP_BYE) {
		offer_answered(t, n, sdp);
		if (call->state == NST_CALL_EARLY)
			call->expires = after(t->d, t->d->env->set.ringing_timeout);
	}
}

void dialog_end(struct dialog *d, const struct sdp *sdp)
{
	struct turn t;
	u8 end;

	for (end = 0; end < 2; end++) {
		if (!d->calls[end])
			continue;
		t = turn_of(d, end);
		/* As its packets come to us, before any translation. */
		t.call->peer = d->map->end[!end].inside.addr;
		call_talks(t.call, d->talker, d->now);
		if (d->msg->is_request)
			on_request(&t, sdp);
		else
			on_response(&t, sdp);
		doors_message_done(t.call);
		t.call->h.owner = NULL;
	}
}
