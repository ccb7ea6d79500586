// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the peer has described: where it wants its media.
 *
 * A call that forks has several parties on the peer's side.  Each is
 * remembered by its tag, for the answer of the one that is talked to in the
 * end may have been heard long before another one spoke, or left.
 */
#include <nf_nat_sip_tcp/calls.h>

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
		heard_free(env, call, &call->heard[i]);
}

struct nst_heard *heard_find(struct nst_call *call, u64 tag)
{
	u8 i;

	for (i = 0; tag && i < NST_LEGS_MAX; i++)
		if (call->heard[i].tag == tag)
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
	do {
		heard = &call->heard[call->next_heard];
		call->next_heard = (call->next_heard + 1) % NST_LEGS_MAX;
	} while (heard->tag == call->followed);
	return heard;
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
	u8 kept = sdp->first < old->nr ? sdp->first : old->nr;
	struct nst_peer_media *m;

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
struct nst_heard *heard_remember(struct nst_env *env, struct nst_call *call, u64 tag,
				 const struct sdp *sdp)
{
	struct nst_heard *heard = heard_find(call, tag);
	struct nst_peer_media *m = NULL;
	const struct sdp *s;
	u8 nr = 0;

	if (!heard)
		heard = heard_place(call);
	if (heard->tag != tag)
		heard_free(env, call, heard);
	for (s = sdp; s; s = s->next)
		if (s->first + s->nr > nr)
			nr = s->first + s->nr;
	if (nr)
		m = media_new(env, call, heard, sdp, nr);
	heard_free(env, call, heard);
	if (!m)
		return NULL;
	heard->tag = tag;
	heard->media = m;
	heard->nr = nr;
	return heard;
}
