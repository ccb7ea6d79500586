// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offers and answers (RFC 3264) in the messages of a call.
 *
 *	request		response	then		RFC
 *	offer		answer				3261 13.2.1, 3311
 *	-		offer		answer in PRACK	3262 5
 *	-		offer		answer in ACK	3261 13.2.1
 *
 * Doors open with the answer, whoever gives it; what the inside host says in a
 * response opens at once, as the request was seen.  Who may send follows the
 * peer's half of an exchange that is complete; an offer alone moves nothing.
 */
#include <nf_nat_sip_tcp/calls.h>

u8 remember_request(const struct turn *t, bool described)
{
	const struct sip_msg *msg = t->d->msg;
	struct nst_call *call = t->call;
	struct nst_txn txn = {
		.hash = t->d->ids.txn, .cseq = msg->cseq, .method = msg->method,
		.from_inside = t->from_inside, .described = described,
		.initial = msg->method == SIP_INVITE && call->state == NST_CALL_EARLY,
	};

	return txn_add(t->d->env, call, &txn, t->d->work);
}

/* @txn: on whose success it depends that this counts; 0: on nothing any more. */
static struct nst_heard *hear_peer(const struct turn *t, const struct sdp *sdp, u64 txn)
{
	const struct nst_heard who = { .tag = t->tags.peer, .txn = txn };

	if (!sdp || t->from_inside)
		return NULL;
	return heard_remember(t->d->env, t->call, &who, sdp);
}

/* Of the INVITEs the first one only fails with all that depends on it. */
static u8 undo_of(const struct nst_call *call, u64 txn)
{
	int n = txn ? txn_find(call, txn) : -ENOENT;

	return n < 0 || call->txn[n].initial || call->txn[n].answered ? 0 : n + 1;
}

void counter_answered(const struct turn *t, const struct sdp *sdp, u64 txn)
{
	u8 undo = undo_of(t->call, txn);
	struct nst_heard *theirs = t->from_inside ? heard_offer(t->call, t->tags.peer) :
				   hear_peer(t, sdp, undo ? txn : 0);
	struct door_answer a = {
		.call = t->call, .work = t->d->work, .heard = theirs,
		.decides = !t->from_inside, .mux = sdp, .undo = undo,
	};

	if (theirs)
		theirs->offer = false;
	doors_open(t->d->env, &a);
}

/*
 * The INVITE had no offer, a reliable 1xx to it had one (RFC 3262 5).  @txn: which
 * that was, 0: it does not fail any more.
 */
static bool prack_answers(const struct turn *t, u64 *txn)
{
	const struct nst_heard *offer;

	if (t->d->msg->method != SIP_PRACK)
		return false;
	if (!t->from_inside) {
		*txn = txn_countered(t->call);
		return *txn;
	}
	offer = heard_offer(t->call, t->tags.peer);
	if (offer)
		*txn = offer->txn;
	return offer;
}

void offer_sent(const struct turn *t, const struct sdp *sdp)
{
	int known = txn_find(t->call, t->d->ids.txn);
	u64 txn = 0;
	bool answers = sdp && known < 0 && prack_answers(t, &txn);
	u8 n = remember_request(t, sdp && !answers);

	if (answers) {
		counter_answered(t, sdp, txn);
		return;
	}
	/* What comes again says nothing new, but may find a port this time. */
	if (known < 0)
		hear_peer(t, sdp, t->d->ids.txn);
	if (t->call->txn[n].described && !t->call->txn[n].answered)
		doors_offer(t->call, n);
}

bool is_repeat(const struct turn *t, const struct nst_txn *txn)
{
	return txn->answered && leg_find(t->call, &t->tags) >= 0;
}

/* It comes again, or is another fork's, after one has won. */
static bool is_late(const struct turn *t, const struct nst_txn *txn)
{
	return !t->from_inside && (txn->answered ||
				   (txn->initial && t->call->state != NST_CALL_EARLY));
}

/* In this transaction, or in another that has been agreed upon since. */
static struct nst_heard *heard_said(const struct turn *t, u64 hash)
{
	struct nst_heard *said = heard_find(t->call, t->tags.peer, hash);
	struct nst_heard *agreed = heard_find(t->call, t->tags.peer, 0);

	return agreed && (!said || agreed->seq > said->seq) ? agreed : said;
}

/* The peer's half of what a response completes, or NULL. */
static const struct nst_heard *response_heard(const struct turn *t, const struct nst_txn *txn,
					      const struct sdp *sdp)
{
	u64 hash = txn->answered ? 0 : txn->hash;
	struct nst_heard *theirs;

	if (t->from_inside)
		return sdp && txn->described ? heard_answered(t->call, t->tags.peer, hash) : NULL;
	theirs = hear_peer(t, sdp, txn->hash);
	if (theirs)
		theirs->offer = !txn->described;
	/* Without one, what a reliable 1xx of the same dialog has said (RFC 3262 5). */
	if (!sdp && txn->method == SIP_INVITE && t->d->msg->status >= 200)
		theirs = heard_said(t, hash);
	return txn->described ? theirs : NULL;
}

void offer_answered(const struct turn *t, u8 n, const struct sdp *sdp)
{
	struct nst_txn *txn = &t->call->txn[n];
	struct door_answer a = {
		.call = t->call, .work = t->d->work, .offers = 1u << n,
	};

	if (is_late(t, txn)) {
		if (leg_find(t->call, &t->tags) < 0)
			hear_peer(t, sdp, 0);
		return;
	}
	a.heard = response_heard(t, txn, sdp);
	a.decides = !t->from_inside;
	if (t->from_inside && txn->described)
		a.mux = sdp;
	if (t->from_inside && !txn->described && txn->method == SIP_INVITE && sdp &&
	    !is_repeat(t, txn))
		txn->counter = true;
	if (txn->method == SIP_INVITE && !txn->initial && t->d->msg->status < 200)
		a.undo = n + 1;
	doors_open(t->d->env, &a);
}
