// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of bindings, and their expiry.
 *
 *          REGISTER                2xx that lists it
 *   (none) --------> PENDING -----------------------> ACTIVE --+ 2xx
 *                       |                               |   <--+
 *                       | no 2xx within                 | expiry, 2xx without it,
 *                       | REGISTER_TIMEOUT twice        | 2xx to a removal
 *                       v                               v
 *                     (none)                          (none)
 *
 * A REGISTER that fails changes nothing in a binding that is active.  One that
 * is pending keeps its reserved port for a while: a challenged REGISTER comes
 * again, and should find the same port.
 */
#include <nf_nat_sip_tcp/contact.h>

/* Timer F (RFC 3261 17.1.2.2), ms: later no answer comes. */
#define REGISTER_TIMEOUT (32 * 1000)

int bindings_create(struct nst_env *env)
{
	struct nst_bindings *t;

	t = env->ops->alloc(env, sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	env->bindings = t;
	return 0;
}

void bindings_destroy(struct nst_env *env)
{
	if (env->bindings)
		env->ops->free(env, env->bindings, sizeof(*env->bindings));
	env->bindings = NULL;
}

static struct nst_binding **bucket_of(const struct nst_env *env, u64 place)
{
	return &env->bindings->bucket[(u32)place % NST_BINDING_BUCKETS];
}

struct nst_binding *binding_first(const struct nst_env *env, u64 place)
{
	return *bucket_of(env, place);
}

/* User space hears that it was granted, and that it ends. */
static void notify(struct nst_env *env, const struct nst_binding *b, enum nst_reason what)
{
	switch (what) {
	case NST_R_BINDING_GRANTED:
		env->ops->notify(env, NST_NOTICE_BINDING, b, NST_R_MAX);
		return;
	case NST_R_BINDING_REMOVED:
	case NST_R_BINDING_EXPIRED:
	case NST_R_BINDING_FLUSHED:
		env->ops->notify(env, NST_NOTICE_BINDING, b, what);
		return;
	default:
		return;
	}
}

void binding_tell(struct nst_env *env, const struct nst_binding *b, enum nst_reason what)
{
	struct nst_trace t = {
		.id = NST_TRACE_BINDING, .reason = what, .n[0] = b->granted,
		.from = b->contact->public_ep, .to = b->contact->inside,
		.text = b->aor, .text_len = b->aor_len,
	};

	nst_count(env, what);
	notify(env, b, what);
	if (nst_tracing(env))
		env->ops->trace(env, &t);
}

static bool bindings_full(const struct nst_env *env, u64 place)
{
	const struct nst_binding *b;
	u32 same = 0;

	if (env->bindings->nr >= env->set.bindings_max)
		return true;
	for (b = *bucket_of(env, place); b; b = b->next)
		same += b->place == place;
	return same >= NST_SAME_BINDING_MAX;
}

static bool has_its_share(const struct nst_env *env, const struct nst_contact *contact)
{
	return nst_share_used(env, contact->h.account.host->bindings, env->bindings->nr,
			      env->set.bindings_max);
}

struct nst_binding *binding_new(struct nst_env *env, const struct binding_key *key,
				struct nst_contact *contact, u64 user_hash)
{
	struct nst_binding **bucket = bucket_of(env, key->place);
	struct nst_binding *b;

	if (bindings_full(env, key->place)) {
		nst_count(env, NST_R_BINDING_LIMIT);
		return NULL;
	}
	if (has_its_share(env, contact)) {
		nst_count(env, NST_R_BINDING_SHARE);
		return NULL;
	}
	b = env->ops->alloc_for(env, &contact->h.account, sizeof(*b));
	if (!b) {
		nst_count(env, NST_R_BINDING_NOMEM);
		return NULL;
	}
	memset(b, 0, sizeof(*b));
	b->place = key->place;
	b->contact = contact;
	b->aor_hash = key->aor_hash;
	b->user_hash = user_hash;
	b->registrar = key->registrar;
	b->aor_len = key->aor_len < NST_AOR_TEXT ? key->aor_len : NST_AOR_TEXT;
	memcpy(b->aor, key->aor, b->aor_len);
	b->fresh = true;
	b->next = *bucket;
	*bucket = b;
	env->bindings->nr++;
	contact->h.account.host->bindings++;
	binding_tell(env, b, NST_R_BINDING_NEW);
	return b;
}

void binding_end(struct nst_env *env, struct nst_binding *b, struct nst_work *work)
{
	struct nst_binding **p = bucket_of(env, b->place);
	struct nst_contact *contact = b->contact;

	while (*p != b)
		p = &(*p)->next;
	*p = b->next;
	env->bindings->nr--;
	contact->h.account.host->bindings--;
	env->ops->free_for(env, &contact->h.account, b, sizeof(*b));
	contact_put(env, contact, work);
}

void binding_failed(struct nst_binding *b, u64 now)
{
	b->txn = 0;
	if (b->state == NST_BINDING_PENDING)
		b->expires = now + REGISTER_TIMEOUT;
}

/*
 * A refresh that is under way may still save a binding that is overdue, but
 * requests without an answer don't keep it for good.
 */
static bool is_over(const struct nst_binding *b, u64 now)
{
	if (b->txn && (b->state == NST_BINDING_PENDING ||
		       now < b->expires + 2 * REGISTER_TIMEOUT))
		return false;
	return now >= b->expires;
}

static void expire_bucket(struct nst_env *env, struct nst_binding *b, u64 now,
			  struct nst_work *work)
{
	struct nst_binding *next;

	for (; b; b = next) {
		next = b->next;
		if (b->txn && now >= b->asked + REGISTER_TIMEOUT) {
			binding_tell(env, b, NST_R_BINDING_FAILED);
			binding_failed(b, now);
		}
		if (!is_over(b, now))
			continue;
		if (b->state == NST_BINDING_ACTIVE)
			binding_tell(env, b, NST_R_BINDING_EXPIRED);
		binding_end(env, b, work);
	}
}

void bindings_expire(struct nst_env *env, u64 now, u32 max, struct nst_work *work)
{
	struct nst_bindings *t = env->bindings;

	if (max > NST_BINDING_BUCKETS)
		max = NST_BINDING_BUCKETS;
	while (max--) {
		expire_bucket(env, t->bucket[t->cursor], now, work);
		t->cursor = (t->cursor + 1) % NST_BINDING_BUCKETS;
	}
}

void bindings_flush(struct nst_env *env, struct nst_work *work)
{
	struct nst_binding *b;
	u32 i;

	for (i = 0; i < NST_BINDING_BUCKETS; i++) {
		while ((b = env->bindings->bucket[i])) {
			binding_tell(env, b, NST_R_BINDING_FLUSHED);
			binding_end(env, b, work);
		}
	}
}

bool bindings_each(struct nst_env *env, u32 *pos,
		   bool (*fn)(const struct nst_binding *b, void *arg), void *arg)
{
	const struct nst_binding *b;

	for (; *pos < NST_BINDING_BUCKETS; ++*pos)
		for (b = env->bindings->bucket[*pos]; b; b = b->next)
			if (!fn(b, arg))
				return false;
	return true;
}
