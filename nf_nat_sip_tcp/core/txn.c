// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests that a call remembers until they are answered.
 */
#include <nf_nat_sip_tcp/calls.h>

int txn_find(const struct nst_call *call, u64 hash)
{
	int i;

	for (i = 0; i < NST_TXN_MAX; i++)
		if (call->txn[i].hash == hash)
			return i;
	return -ENOENT;
}

bool txn_invite_pending(const struct nst_call *call)
{
	u8 i;

	for (i = 0; i < NST_TXN_MAX; i++)
		if (call->txn[i].hash && call->txn[i].initial)
			return true;
	return false;
}

u64 txn_countered(struct nst_call *call)
{
	struct nst_txn *txn;

	for (txn = call->txn; txn < call->txn + NST_TXN_MAX; txn++) {
		if (!txn->hash || !txn->counter)
			continue;
		txn->counter = false;
		return txn->hash;
	}
	return 0;
}

static void txn_settle(struct nst_env *env, struct nst_call *call, u8 n, bool failed,
		       struct nst_work *work)
{
	heard_settle(env, call, call->txn[n].hash, failed);
	doors_settle(env, call, n, failed, work);
}

void txn_accept(struct nst_env *env, struct nst_call *call, u8 n, struct nst_work *work)
{
	call->txn[n].answered = true;
	txn_settle(env, call, n, false, work);
}

void txn_drop(struct nst_env *env, struct nst_call *call, u8 n, bool failed,
	      struct nst_work *work)
{
	txn_settle(env, call, n, failed, work);
	memset(&call->txn[n], 0, sizeof(call->txn[n]));
}

/* The next in turn, but the INVITE that the call hangs on only among its like. */
static u8 txn_in_turn(struct nst_call *call)
{
	u8 i = call->next_txn, n;

	for (n = 0; n < NST_TXN_MAX && call->txn[i].initial; n++)
		i = (i + 1) % NST_TXN_MAX;
	call->next_txn = (i + 1) % NST_TXN_MAX;
	return i;
}

/*
 * A free place, else that of an answered request, and of an INVITE among these
 * last, as another of its forks may be to come; else the next in turn.
 */
static u8 txn_place(struct nst_call *call)
{
	u8 i, invite = NST_TXN_MAX;

	for (i = 0; i < NST_TXN_MAX; i++)
		if (!call->txn[i].hash)
			return i;
	for (i = 0; i < NST_TXN_MAX; i++) {
		if (!call->txn[i].answered)
			continue;
		if (call->txn[i].method != SIP_INVITE)
			return i;
		if (invite == NST_TXN_MAX)
			invite = i;
	}
	return invite < NST_TXN_MAX ? invite : txn_in_turn(call);
}

u8 txn_add(struct nst_env *env, struct nst_call *call, const struct nst_txn *txn,
	   struct nst_work *work)
{
	int known = txn_find(call, txn->hash);
	u8 n;

	if (known >= 0)
		return known;
	n = txn_place(call);
	txn_drop(env, call, n, true, work);
	call->txn[n] = *txn;
	return n;
}
