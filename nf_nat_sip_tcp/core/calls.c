// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of calls, and their expiry.  A call is in the table from its
 * INVITE to its end.
 */
#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/contact.h>

int calls_create(struct nst_env *env)
{
	struct nst_calls *t;

	t = env->ops->alloc(env, sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	env->calls = t;
	return 0;
}

void calls_destroy(struct nst_env *env)
{
	if (env->calls)
		env->ops->free(env, env->calls, sizeof(*env->calls));
	env->calls = NULL;
}

static bool key_matches(const struct nst_call *call, const struct call_key *key)
{
	return call->call_id_hash == key->call_id_hash && call->h.zone == key->zone &&
	       addr_equal(&call->h.inside, &key->inside);
}

struct nst_call *calls_next(const struct call_key *key, const struct nst_call *after)
{
	struct nst_call *call;

	call = after ? after->hash_next : *key->bucket;
	while (call && !key_matches(call, key))
		call = call->hash_next;
	return call;
}

static bool calls_full(const struct nst_env *env, const struct call_key *key)
{
	struct nst_call *call = NULL;
	u32 same = 0;

	if (env->calls->nr >= env->set.calls_max)
		return true;
	while ((call = calls_next(key, call)))
		same++;
	return same >= NST_SAME_ID_MAX;
}

static bool has_its_share(const struct nst_env *env, const struct nst_call *call)
{
	return nst_share_used(env, call->h.account.host->calls, env->calls->nr,
			      env->set.calls_max);
}

struct nst_call *call_new(struct nst_env *env, const struct call_key *key)
{
	struct nst_call *call;

	if (calls_full(env, key)) {
		nst_count(env, NST_R_CALL_LIMIT);
		return NULL;
	}
	call = holder_new(env, sizeof(*call), NST_HOLDER_CALL, &key->inside, key->zone);
	if (!call) {
		nst_count(env, NST_R_CALL_NOMEM);
		return NULL;
	}
	if (has_its_share(env, call)) {
		nst_count(env, NST_R_CALL_SHARE);
		call_free(env, call);
		return NULL;
	}
	call->state = NST_CALL_EARLY;
	call->call_id_hash = key->call_id_hash;
	call->bucket = key->bucket;
	call->hash_next = *call->bucket;
	*call->bucket = call;
	env->calls->nr++;
	call->h.account.host->calls++;
	nst_count(env, NST_R_CALL_NEW);
	call_trace(env, "new");
	return call;
}

void call_free(struct nst_env *env, struct nst_call *call)
{
	heard_forget(env, call);
	holder_free(env, &call->h, sizeof(*call));
}

static void unlink_call(struct nst_env *env, struct nst_call *call)
{
	struct nst_call **p = call->bucket;

	while (*p && *p != call)
		p = &(*p)->hash_next;
	if (*p)
		*p = call->hash_next;
	call->hash_next = NULL;
	env->calls->nr--;
	call->h.account.host->calls--;
}

void call_end(struct nst_env *env, struct nst_call *call, struct nst_work *work,
	      enum nst_reason reason, const char *text)
{
	if (call->state == NST_CALL_ENDED)
		return;
	unlink_call(env, call);
	call_talks(call, NULL, 0);
	call_contacts_drop(env, call, work);
	call->state = NST_CALL_ENDED;
	nst_count(env, reason);
	call_trace(env, text);
	env->ops->notify(env, NST_NOTICE_CALL, call, reason);
	holder_end(env, &call->h, work);
}

static void expire_bucket(struct nst_env *env, struct nst_call *call, u64 now,
			  struct nst_work *work)
{
	struct nst_call *next;

	for (; call; call = next) {
		next = call->hash_next;
		if (!call_is_over(env, call, now))
			call_check_media(env, call, now, work);
		else
			call_end(env, call, work, NST_R_CALL_TIMEOUT, "timed out");
	}
}

void calls_expire(struct nst_env *env, u64 now, u32 max, struct nst_work *work)
{
	struct nst_calls *t = env->calls;

	if (max > NST_CALL_BUCKETS)
		max = NST_CALL_BUCKETS;
	while (max--) {
		expire_bucket(env, t->bucket[t->cursor], now, work);
		t->cursor = (t->cursor + 1) % NST_CALL_BUCKETS;
	}
}

void calls_flush(struct nst_env *env, struct nst_work *work)
{
	u32 i;

	for (i = 0; i < NST_CALL_BUCKETS; i++)
		while (env->calls->bucket[i])
			call_end(env, env->calls->bucket[i], work,
				 NST_R_CALL_FLUSHED, "flushed");
}

void call_trace(struct nst_env *env, const char *text)
{
	struct nst_trace t = {
		.id = NST_TRACE_CALL, .text = text, .text_len = strlen(text),
	};

	if (nst_tracing(env))
		env->ops->trace(env, &t);
}

bool calls_each(struct nst_env *env, u32 *pos,
		bool (*fn)(const struct nst_call *call, void *arg), void *arg)
{
	const struct nst_call *call;

	for (; *pos < NST_CALL_BUCKETS; ++*pos)
		for (call = env->calls->bucket[*pos]; call; call = call->hash_next)
			if (!fn(call, arg))
				return false;
	return true;
}
