// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls whose signalling connection has gone (D4).
 *
 * A call is not tied to the connection that began it; whoever takes over, a
 * second proxy or a new connection, speaks for it from then on.  Where nobody
 * does, and nobody can, because signalling goes on where it is not seen, media
 * tells that the call is alive.
 */
#include <nf_nat_sip_tcp/calls.h>

static void unlink_call(struct nst_call *call)
{
	if (!call->talker)
		return;
	*call->talk_prev = call->talk_next;
	if (call->talk_next)
		call->talk_next->talk_prev = call->talk_prev;
	call->talker = NULL;
}

void call_talks(struct nst_call *call, struct nst_talker *talker, u64 now)
{
	call->quiet_since = now;
	if (call->talker == talker)
		return;
	unlink_call(call);
	if (!talker)
		return;
	call->talker = talker;
	call->talk_next = talker->first;
	call->talk_prev = &talker->first;
	if (talker->first)
		talker->first->talk_prev = &call->talk_next;
	talker->first = call;
}

void talker_gone(struct nst_env *env, struct nst_talker *talker)
{
	env->ops->calls_lock(env);
	while (talker->first)
		call_talks(talker->first, NULL, 0);
	env->ops->calls_unlock(env);
}

static bool is_idle(const struct nst_env *env, const struct nst_call *call, u64 now,
		    u32 ms_per_s)
{
	u64 end = call->quiet_since + (u64)env->set.media_idle * ms_per_s;

	return !call->talker && call->quiet_since &&
	       call->state == NST_CALL_CONFIRMED && now >= end;
}

bool call_is_over(const struct nst_env *env, const struct nst_call *call, u64 now)
{
	return now >= call_due(call) || is_idle(env, call, now, 1000);
}

/* From a quarter of the time on, so that what comes late is not missed. */
void call_check_media(const struct nst_env *env, struct nst_call *call, u64 now,
		      struct nst_work *work)
{
	if (!call->quiet_since)
		call->quiet_since = now;
	if (!is_idle(env, call, now, 250))
		return;
	call->h.check_media = true;
	holder_queue(&call->h, work);
}

void call_media_seen(struct nst_holder *h, u64 now)
{
	struct nst_call *call = (struct nst_call *)h;

	if (h->kind == NST_HOLDER_CALL && now > call->quiet_since)
		call->quiet_since = now;
}
