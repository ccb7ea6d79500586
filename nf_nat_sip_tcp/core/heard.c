// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the peer has described: where it wants its media.
 *
 * A call that forks has several parties on the peer's side.  Each is
 * remembered by its tag, for the answer of the one that is talked to in the
 * end may have been heard long before another one spoke, or left.  What depends
 * on a request that may still fail stands beside what was agreed before.
 */
#include <nf_nat_sip_tcp/calls.h>

/* Stands for none, which is a tag, too (RFC 3261 12.1.2); no real hash is even. */
#define NO_TAG 2

static u64 tag_key(u64 tag)
{
	return tag ? tag : NO_TAG;
}

static void heard_free(struct nst_env *env, struct nst_call *call, struct nst_heard *heard)
{
	if (heard->media)
		env->ops->free_for(env, &call->h.account, heard->media,
				   heard->nr * sizeof(*heard->media));
	memset(heard, 0, sizeof(*heard));
}

void heard_forget(struct nst_env *env, struct nst_call *call)
{
	u8 i;

	for (i = 0; i < NST_LEGS_MAX; i++)
		if (call->heard[i].tag)
			heard_free(env, call, &call->heard[i]);
}

struct nst_heard *heard_find(struct nst_call *call, u64 tag, u64 txn)
{
	u8 i;

	for (i = 0; i < NST_LEGS_MAX; i++)
		if (call->heard[i].tag == tag_key(tag) && call->heard[i].txn == txn)
			return &call->heard[i];
	return NULL;
}

/* Of offers that cross the one counts whose answer comes last. */
struct nst_heard *heard_answered(struct nst_call *call, u64 tag, u64 txn)
{
	struct nst_heard *heard = heard_find(call, tag, txn);

	if (heard && txn)
		heard->seq = ++call->heard_seq;
	return heard;
}

struct nst_heard *heard_offer(struct nst_call *call, u64 tag)
{
	u8 i;

	for (i = 0; i < NST_LEGS_MAX; i++)
		if (call->heard[i].tag == tag_key(tag) && call->heard[i].offer)
			return &call->heard[i];
	return NULL;
}

/* A free place, else the next in turn, but for the one that the doors follow. */
static struct nst_heard *heard_place(struct nst_call *call)
{
	struct nst_heard *heard;
	u8 i;

	for (i = 0; i < NST_LEGS_MAX; i++)
		if (!call->heard[i].tag)
			return &call->heard[i];
	for (i = 0; i < NST_LEGS_MAX; i++) {
		heard = &call->heard[call->next_heard];
		call->next_heard = (call->next_heard + 1) % NST_LEGS_MAX;
		if (heard->tag != call->followed)
			break;
	}
	return heard;
}

/* Something that was said later may have been agreed upon before. */
static void heard_agree(struct nst_env *env, struct nst_call *call, struct nst_heard *heard)
{
	struct nst_heard *agreed = heard_find(call, heard->tag, 0);

	if (agreed && agreed->seq > heard->seq) {
		heard_free(env, call, heard);
		return;
	}
	if (agreed)
		heard_free(env, call, agreed);
	heard->txn = 0;
}

void heard_settle(struct nst_env *env, struct nst_call *call, u64 txn, bool failed)
{
	struct nst_heard *heard;

	for (heard = call->heard; txn && heard < call->heard + NST_LEGS_MAX; heard++) {
		if (!heard->tag || heard->txn != txn)
			continue;
		if (failed)
			heard_free(env, call, heard);
		else
			heard_agree(env, call, heard);
	}
}

static void put_media(struct nst_peer_media *m, const struct sdp *sdp)
{
	u8 i;

	m += sdp->first;
	for (i = 0; i < sdp->nr; i++) {
		m[i].addr = sdp_media_conn(sdp, i)->addr;
		m[i].port = sdp->media[i].port;
		m[i].rtcp_port = sdp->media[i].rtcp_port_text.len ?
				 sdp->media[i].rtcp_port : m[i].port + 1;
		m[i].mux = sdp->media[i].rtcp_mux;
	}
}

/* A description of an early session alone leaves that of the session as it is. */
static struct nst_peer_media *media_new(struct nst_env *env, struct nst_call *call,
					const struct nst_heard *old, const struct sdp *sdp,
					u8 nr)
{
	struct nst_peer_media *m;
	u8 kept = old ? old->nr : 0;

	if (kept > sdp->first)
		kept = sdp->first;

	m = env->ops->alloc_for(env, &call->h.account, nr * sizeof(*m));
	if (!m)
		return NULL;
	memset(m, 0, nr * sizeof(*m));
	if (kept)
		memcpy(m, old->media, kept * sizeof(*m));
	for (; sdp; sdp = sdp->next)
		put_media(m, sdp);
	return m;
}

/* Without memory the signalling peer's address has to do. */
struct nst_heard *heard_remember(struct nst_env *env, struct nst_call *call,
				 const struct nst_heard *who, const struct sdp *sdp)
{
	struct nst_heard *heard = heard_find(call, who->tag, who->txn);
	struct nst_heard *old = heard ? heard : heard_find(call, who->tag, 0);
	struct nst_peer_media *m = NULL;
	const struct sdp *s;
	u8 nr = 0;

	for (s = sdp; s; s = s->next)
		if (s->first + s->nr > nr)
			nr = s->first + s->nr;
	if (nr)
		m = media_new(env, call, old, sdp, nr);
	if (!heard)
		heard = heard_place(call);
	heard_free(env, call, heard);
	if (!m)
		return NULL;
	heard->tag = tag_key(who->tag);
	heard->txn = who->txn;
	heard->media = m;
	heard->nr = nr;
	heard->seq = ++call->heard_seq;
	return heard;
}
