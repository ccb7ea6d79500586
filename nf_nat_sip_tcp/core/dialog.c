// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message means for the calls of the inside hosts.
 *
 *              INVITE                 2xx to INVITE
 *     (none) ---------> EARLY ----------------------------> CONFIRMED
 *                         |                                     |
 *                         | 3xx-6xx to the last INVITE,         | 2xx, 408 or 481 to
 *                         | ringing_timeout                     | the BYE of the last
 *                         v                                     v dialog, a time-out
 *                       ENDED <---------------------------------+
 *
 * A request is remembered by its transaction: connection, direction, branch,
 * CSeq, method, Call-ID and From tag.  A response means something only where
 * it answers such a request on the same connection (I6, P2).  The call itself
 * is not tied to a connection: a BYE on another one of the same inside host
 * ends it as well (D4).
 *
 * INVITE, UPDATE, PRACK and ACK carry offers and answers (exchange.c).
 * Descriptions in other messages belong to no call.
 */
#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/natmap.h>

/* Timer F (RFC 3261 17.1.2.2), s: a BYE without answer has ended it all the same. */
#define BYE_TIMEOUT 32

/* No session expires earlier (RFC 4028 section 4), s. */
#define SESSION_LEAST 90

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
	key.branch = d->ids.branch;
	key.from_tag = d->ids.from_tag;
	key.cseq = d->msg->cseq;
	key.method = d->msg->method;
	key.dir = d->msg->is_request ? d->dir : !d->dir;
	return nst_hash(d->env, &key, sizeof(key)) | 1;
}

/* What tells the messages of a call apart. */
static void identify(struct dialog *d)
{
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

	t.tags.inside = inside_is_from ? d->ids.from_tag : d->ids.to_tag;
	t.tags.peer = inside_is_from ? d->ids.to_tag : d->ids.from_tag;
	return t;
}

/*
 * A BYE has ended the dialog in which this was asked: nothing can be agreed
 * upon any more, but a refusal still gives back what was reserved.  The first
 * INVITE may have other forks, but this dialog does not begin once more.
 */
static bool is_gone(const struct turn *t, const struct nst_call *call,
		    const struct nst_txn *txn)
{
	if (!t->d->msg->is_request && t->d->msg->status >= 300)
		return false;
	if (call->state != NST_CALL_CONFIRMED || txn->method == SIP_BYE)
		return false;
	return txn->initial ? leg_was(call, &t->tags) : leg_find(call, &t->tags) < 0;
}

/*
 * An INVITE that begins a dialog has one tag only.  A host that sends on what
 * it received (a proxy) has two such calls, told apart by their direction.
 */
static bool turn_belongs(const struct turn *t, const struct nst_call *call)
{
	const struct sip_msg *msg = t->d->msg;
	int n = txn_find(call, t->d->ids.txn);

	/* A request that is known is one that comes again. */
	if (n >= 0)
		return !is_gone(t, call, &call->txn[n]);
	if (!msg->is_request)
		return false;
	if (!msg->to_tag.len && call->outgoing != t->from_inside)
		return false;
	return leg_find(call, &t->tags) >= 0;
}

static u64 after(const struct dialog *d, u32 seconds)
{
	return d->now + (u64)seconds * 1000;
}

static struct call_key key_of(const struct dialog *d, u8 end)
{
	struct call_key key = {
		.call_id_hash = d->ids.call_id,
		.inside = d->map->end[end].inside.addr, .zone = d->zone,
		.bucket = calls_bucket(d->env, d->ids.call_id,
				       natmap_host(d->env, d->map, end, d->zone)),
	};

	return key;
}

/* The first of its Call-ID, whatever else the message says. */
static struct nst_call *first_call(const struct dialog *d, u8 end)
{
	struct call_key key;

	if (!natmap_translates(d->map, end))
		return NULL;
	key = key_of(d, end);
	return calls_next(&key, NULL);
}

/* @t->call: the first that it may be, or NULL */
static struct nst_call *turn_call(const struct turn *t)
{
	const struct dialog *d = t->d;
	struct call_key key = key_of(d, t->end);
	struct nst_call *call;

	for (call = t->call; call; call = calls_next(&key, call))
		if (turn_belongs(t, call))
			return call;
	if (!d->msg->is_request || d->msg->method != SIP_INVITE)
		return NULL;
	call = call_new(d->env, &key);
	if (!call)
		return NULL;
	call->outgoing = t->from_inside;
	call->legs[0].tags = t->tags;
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
		return msg->is_request && leg_acked(t);
	default:
		return false;
	}
}

/* Of calls that are not known yet, and of bindings. */
static bool is_remembered(const struct sip_msg *msg)
{
	return (msg->is_request && msg->method == SIP_INVITE) || msg->method == SIP_REGISTER;
}

void dialog_begin(struct dialog *d)
{
	struct turn t;
	u8 end, teller;

	d->ids.call_id = text_hash(d, d->msg->call_id);
	d->ids.branch = text_hash(d, d->msg->branch);
	d->call = NULL;
	for (end = 0; end < 2; end++)
		d->calls[end] = first_call(d, end);
	if (!d->calls[0] && !d->calls[1] && !is_remembered(d->msg))
		return;
	identify(d);
	for (end = 0; end < 2; end++) {
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

static void on_bye(const struct turn *t)
{
	remember_request(t, false);
	/* An early dialog ends with its INVITE (RFC 3261 15.1.2). */
	if (t->call->state == NST_CALL_CONFIRMED)
		leg_bye(t->call, leg_find(t->call, &t->tags), t->from_inside,
			after(t->d, BYE_TIMEOUT));
}

/* The same ACK may come again, and says nothing new then. */
static void on_ack(const struct turn *t, const struct sdp *sdp)
{
	struct nst_leg *leg = leg_acked(t);

	if (!sdp || !leg || leg->counter != NST_COUNTER_OPEN)
		return;
	leg->counter = NST_COUNTER_ANSWERED;
	counter_answered(t, sdp, 0);
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
		offer_sent(t, sdp);
		break;
	case SIP_BYE:
		on_bye(t);
		break;
	case SIP_ACK:
		on_ack(t, sdp);
		break;
	default:
		break;
	}
}

/*
 * How long the session lasts unless it is refreshed (RFC 4028 7.2): what the
 * last 2xx to an INVITE or UPDATE says, and for ever where it says nothing.
 */
static void session_granted(const struct turn *t)
{
	const struct sip_header *h = sip_msg_header(t->d->msg, SIP_HDR_SESSION_EXPIRES, 0);
	struct nst_call *call = t->call;
	int i = leg_find(call, &t->tags);
	struct span text;
	u32 seconds;

	if (i < 0 || call->state != NST_CALL_CONFIRMED)
		return;
	call->legs[i].session_due = 0;
	if (!h)
		return;
	text = span_of(h->value.off, span_chr(t->d->buf, h->value, ';'));
	if (span_uint(t->d->buf, span_trim(t->d->buf, text), ~0u, &seconds))
		return;
	if (seconds < SESSION_LEAST)
		seconds = SESSION_LEAST;
	call->legs[i].session_due = after(t->d, seconds);
}

/*
 * Does the ACK have to answer an offer?  No PRACK of a later INVITE does, then.
 * Of what the peer offers nothing may be known, for want of memory.
 */
static void ack_awaited(const struct turn *t, struct nst_txn *txn, struct nst_leg *leg)
{
	bool offered = t->from_inside ? txn->counter :
		       t->d->msg->body.len || heard_offer(t->call, t->tags.peer);

	leg->counter = offered && !txn->described ? NST_COUNTER_OPEN : NST_COUNTER_NONE;
	leg->acked_by_inside = txn->from_inside;
	leg->cseq = txn->cseq;
	txn->counter = false;
}

static void invite_accepted(const struct turn *t, u8 n)
{
	struct nst_call *call = t->call;
	bool repeat = is_repeat(t, &call->txn[n]);
	int i;

	txn_accept(t->d->env, call, n, t->d->work);
	i = leg_confirm(call, &t->tags);
	if (!repeat && i >= 0)
		ack_awaited(t, &call->txn[n], &call->legs[i]);
	if (call->state == NST_CALL_EARLY) {
		call->state = NST_CALL_CONFIRMED;
		call_trace(t->d->env, "confirmed");
		t->d->env->ops->notify(t->d->env, NST_NOTICE_CALL, call, NST_R_MAX);
	}
	call->expires = after(t->d, t->d->env->set.call_timeout);
}

/* Of a call that forked another dialog is left: its peer is who may send now. */
static void follow_another(const struct turn *t)
{
	struct nst_call *call = t->call;
	struct door_answer a = { .call = call, .work = t->d->work };
	int i;

	for (i = call->nr_legs - 1; i >= 0 && !a.heard; i--)
		if (!call->legs[i].over)
			a.heard = heard_find(call, call->legs[i].tags.peer, 0);
	if (a.heard)
		doors_open(t->d->env, &a);
}

/* Of dialogs that had no place only the media tell whether they go on. */
static void last_leg_gone(const struct turn *t)
{
	if (t->call->legs_lost)
		call_talks(t->call, NULL, t->d->now);
	else
		call_end(t->d->env, t->call, t->d->work, NST_R_CALL_ENDED, "ended");
}

/*
 * A BYE took effect.  In an early dialog it does not end the call: the INVITE
 * still gets its own answer (RFC 3261 15.1.2).
 */
static void bye_done(const struct turn *t, u8 n)
{
	struct nst_call *call = t->call;
	int i;

	txn_drop(t->d->env, t->call, n, false, t->d->work);
	if (call->state != NST_CALL_CONFIRMED)
		return;
	i = leg_find(call, &t->tags);
	if (i < 0)
		return;
	leg_drop(call, i);
	if (!legs_left(call))
		last_leg_gone(t);
	else if (call->followed == t->tags.peer)
		follow_another(t);
}

static void bye_failed(const struct turn *t, u8 n)
{
	u16 status = t->d->msg->status;

	leg_bye(t->call, leg_find(t->call, &t->tags), !t->from_inside, 0);
	/* No such call there, or no answer: gone all the same (15.1.1). */
	if (status == 481 || status == 408) {
		bye_done(t, n);
		return;
	}
	txn_drop(t->d->env, t->call, n, false, t->d->work);
	nst_count(t->d->env, NST_R_BYE_REFUSED);
	call_trace(t->d->env, "goes on, BYE refused");
}

static void on_accepted(const struct turn *t, u8 n, const struct sdp *sdp)
{
	struct nst_txn *txn = &t->call->txn[n];
	bool repeat = is_repeat(t, txn);

	if (txn->method == SIP_BYE) {
		bye_done(t, n);
		return;
	}
	offer_answered(t, n, sdp);
	if (txn->method == SIP_INVITE)
		invite_accepted(t, n);
	else
		txn_accept(t->d->env, t->call, n, t->d->work);
	if (!repeat && (txn->method == SIP_INVITE || txn->method == SIP_UPDATE))
		session_granted(t);
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
	txn_drop(t->d->env, t->call, n, true, t->d->work);
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
