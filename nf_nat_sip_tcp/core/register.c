// SPDX-License-Identifier: GPL-2.0-only
/*
 * What REGISTER and its answers mean for bindings (RFC 3261 section 10).
 *
 *   REGISTER      each Contact that names the sender gets a reserved door
 *   2xx to it     what it lists is open for as long as it grants; the rest,
 *                 and what the request removed, is gone
 *   3xx-6xx       all stays as it was, for the next attempt
 *
 * A binding belongs to no connection: a refresh may come by another one, and
 * nothing happens to it when one ends (D4).  But an answer counts only on the
 * connection of its request (I6).
 */
#include <nf_nat_sip_tcp/contact.h>

/* Contacts of one message that get doors; more is nothing that phones do. */
#define VALUES_MAX 8

/* What no expiry at all, or one that makes no sense, means (RFC 3261 10.2, 10.3). */
#define EXPIRES_DEFAULT 3600

/**
 * struct reg - a REGISTER or its answer
 * @d: the message
 * @key: whose bindings
 * @txn: see &nst_binding.txn
 * @inside: address of the host that registers
 */
struct reg {
	struct dialog *d;
	struct binding_key key;
	u64 txn;
	struct nst_addr inside;
};

static u64 span_hash(const struct dialog *d, struct span s)
{
	return s.len ? nst_hash(d->env, d->buf + s.off, s.len) | 1 : 0;
}

static u64 pair_hash(const struct dialog *d, u64 a, u64 b)
{
	u64 key[2] = { a, b };

	return nst_hash(d->env, key, sizeof(key)) | 1;
}

/* The address-of-record is the To URI.  False: there is none that can be read. */
static bool reg_aor(struct reg *r, u64 *user_hash)
{
	const struct dialog *d = r->d;
	const struct sip_header *h = sip_msg_header(d->msg, SIP_HDR_TO, 0);
	struct sip_value v;
	struct span rest;
	struct sip_uri uri = { .sips = false };

	if (!h)
		return false;
	rest = h->value;
	if (sip_value_next(d->buf, &rest, &v) <= 0 || v.star)
		return false;
	if (sip_uri_parse(d->buf, v.uri, &uri))
		uri.user = span_of(0, 0);
	r->key.aor = d->buf + v.uri.off;
	r->key.aor_len = v.uri.len;
	r->key.aor_hash = span_hash(d, v.uri);
	*user_hash = span_hash(d, uri.user);
	return true;
}

/* @end registers.  False: nothing that concerns us. */
static bool reg_init(struct reg *r, struct dialog *d, u8 end)
{
	u64 user_hash;

	if (d->msg->method != SIP_REGISTER || !natmap_translates(d->map, end))
		return false;
	memset(r, 0, sizeof(*r));
	r->d = d;
	if (!reg_aor(r, &user_hash))
		return false;
	r->inside = d->map->end[end].inside.addr;
	/* As its packets come to us, before any translation. */
	r->key.registrar = d->map->end[!end].inside.addr;
	r->key.place = pair_hash(d, natmap_host(d->env, d->map, end, d->zone), user_hash);
	r->txn = pair_hash(d, d->ids.txn, d->ids.call_id);
	return true;
}

static bool is_ours(const struct reg *r, const struct nst_binding *b)
{
	return b->place == r->key.place && b->aor_hash == r->key.aor_hash &&
	       addr_equal(&b->registrar, &r->key.registrar);
}

static u32 expires_value(const struct dialog *d, struct span text)
{
	u32 val;

	switch (span_uint(d->buf, text, ~0u, &val)) {
	case 0:
		return val;
	case -ERANGE:
		return ~0u;
	default:
		return EXPIRES_DEFAULT;
	}
}

static u32 expires_header(const struct dialog *d, u32 otherwise)
{
	const struct sip_header *h = sip_msg_header(d->msg, SIP_HDR_EXPIRES, 0);

	return h ? expires_value(d, h->value) : otherwise;
}

/* The parameter, else the header (RFC 3261 10.2.1.1, 10.3 step 7). */
static u32 value_expires(const struct dialog *d, const struct contact_value *cv,
			 u32 otherwise)
{
	struct span text;

	if (sip_param_find(d->buf, cv->value.params, "expires", &text))
		return expires_value(d, text);
	return expires_header(d, otherwise);
}

/* The request under way is this one.  Of two values for it, one may remove. */
static void ask(const struct reg *r, struct nst_binding *b, u32 wanted)
{
	b->removes = !wanted && (b->removes || !b->named);
	if (wanted)
		b->wanted = wanted;
	b->named = true;
	b->txn = r->txn;
	b->asked = r->d->now;
}

static void ask_removal(const struct reg *r, const struct contact_value *cv)
{
	u64 user_hash = span_hash(r->d, cv->uri.user);
	struct nst_binding *b;

	for (b = binding_first(r->d->env, r->key.place); b; b = b->next)
		if (is_ours(r, b) && b->user_hash == user_hash &&
		    endpoint_equal(&b->contact->inside, &cv->ep))
			ask(r, b, 0);
}

/* "Contact: *" means all, and "Expires: 0" alone is allowed with it (10.2.2). */
static void ask_removal_of_all(const struct reg *r)
{
	struct nst_binding *b;

	if (expires_header(r->d, EXPIRES_DEFAULT))
		return;
	for (b = binding_first(r->d->env, r->key.place); b; b = b->next)
		if (is_ours(r, b))
			ask(r, b, 0);
}

static struct nst_binding *binding_to(const struct reg *r, const struct nst_contact *c,
				      u64 user_hash)
{
	struct nst_binding *b;

	for (b = binding_first(r->d->env, r->key.place); b; b = b->next)
		if (is_ours(r, b) && b->contact == c && b->user_hash == user_hash)
			break;
	return b;
}

static void ask_binding(const struct reg *r, const struct contact_value *cv, u32 wanted)
{
	u64 user_hash = span_hash(r->d, cv->uri.user);
	struct dialog *d = r->d;
	struct nst_contact *c;
	struct nst_binding *b;

	c = contact_take(d, &cv->ep, contact_value_udp(d, cv));
	if (!c)
		return;
	b = binding_to(r, c, user_hash);
	if (b) {
		contact_put(d->env, c, d->work);
	} else {
		b = binding_new(d->env, &r->key, c, user_hash);
		if (!b) {
			contact_put(d->env, c, d->work);
			return;
		}
	}
	ask(r, b, wanted);
}

/* Contacts that name somebody else are that one's business. */
void register_begin(struct dialog *d)
{
	struct contact_value cv = { .next = 0 };
	u32 nr = 0, wanted;
	struct reg r;

	if (!d->msg->is_request || !reg_init(&r, d, d->dir))
		return;
	while (contact_value_next(d, &cv)) {
		if (cv.value.star) {
			ask_removal_of_all(&r);
			continue;
		}
		if (!addr_equal(&cv.ep.addr, &r.inside))
			continue;
		wanted = value_expires(d, &cv, EXPIRES_DEFAULT);
		if (!wanted)
			ask_removal(&r, &cv);
		else if (nr++ < VALUES_MAX)
			ask_binding(&r, &cv, wanted);
	}
}

/* Return: one with this request under way, and move @b on. */
static struct nst_binding *next_asked(const struct reg *r, struct nst_binding **b)
{
	struct nst_binding *found;

	while ((found = *b)) {
		*b = found->next;
		if (found->txn == r->txn && found->place == r->key.place)
			break;
	}
	return found;
}

void register_rollback(struct dialog *d)
{
	struct nst_binding *b, *next;
	struct reg r;

	if (!d->msg->is_request || !reg_init(&r, d, d->dir))
		return;
	next = binding_first(d->env, r.key.place);
	while ((b = next_asked(&r, &next))) {
		if (b->fresh) {
			binding_end(d->env, b, d->work);
			continue;
		}
		b->named = false;
		b->txn = 0;
	}
}

static void asked(const struct reg *r)
{
	struct nst_binding *b, *next = binding_first(r->d->env, r->key.place);

	while ((b = next_asked(r, &next))) {
		b->named = false;
		b->fresh = false;
	}
}

/*
 * How long, if it is listed at all.  Of values at our public endpoint that
 * with the right user counts; a registrar may spell the user in its own way.
 */
static bool granted(const struct reg *r, const struct nst_binding *b, u32 *expires)
{
	struct contact_value cv = { .next = 0 };
	bool found = false, exact = false;

	while (contact_value_next(r->d, &cv)) {
		bool same = span_hash(r->d, cv.uri.user) == b->user_hash;
		u32 val = value_expires(r->d, &cv, b->wanted);

		if (cv.value.star || !endpoint_equal(&cv.ep, &b->contact->public_ep) ||
		    (exact && !same))
			continue;
		if (!found || same != exact || val > *expires)
			*expires = val;
		found = true;
		exact = same;
	}
	return found && *expires;
}

static void accepted(const struct reg *r, struct nst_binding *b)
{
	struct dialog *d = r->d;
	enum nst_reason what;
	u32 expires = 0;

	b->txn = 0;
	if (b->removes || !granted(r, b, &expires)) {
		b->granted = 0;
		binding_tell(d->env, b, NST_R_BINDING_REMOVED);
		binding_end(d->env, b, d->work);
		return;
	}
	b->granted = expires;
	if (expires > d->env->set.binding_max)
		expires = d->env->set.binding_max;
	b->expires = d->now + (u64)expires * 1000;
	what = b->state == NST_BINDING_ACTIVE ? NST_R_BINDING_REFRESHED :
	       NST_R_BINDING_GRANTED;
	b->state = NST_BINDING_ACTIVE;
	binding_tell(d->env, b, what);
	contact_open(d->env, b->contact, d->work);
}

static void refused(const struct reg *r, struct nst_binding *b)
{
	const struct dialog *d = r->d;

	if (d->msg->status != 401 && d->msg->status != 407)
		binding_tell(d->env, b, NST_R_BINDING_FAILED);
	binding_failed(b, d->now);
}

static void answered(const struct reg *r)
{
	struct nst_binding *b, *next = binding_first(r->d->env, r->key.place);
	u16 status = r->d->msg->status;

	if (status < 200)
		return;
	while ((b = next_asked(r, &next))) {
		if (status < 300)
			accepted(r, b);
		else
			refused(r, b);
	}
}

void register_end(struct dialog *d)
{
	struct reg r;

	if (d->msg->is_request) {
		if (reg_init(&r, d, d->dir))
			asked(&r);
	} else if (reg_init(&r, d, !d->dir)) {
		answered(&r);
	}
}
