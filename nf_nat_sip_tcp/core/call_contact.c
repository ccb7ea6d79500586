// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling doors of calls: the Contact of an INVITE, an UPDATE or an answer
 * to one is where requests within the dialog go (RFC 3261 12.2.1.1), over a
 * connection of their own if the peer likes.
 *
 * A host that is registered has its door already.  Else the call takes one:
 * what a request names opens with its first answer above 100, what an answer
 * names at once, for the request has been seen (I6).
 */
#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/contact.h>

static void use_drop(struct nst_env *env, struct nst_call_contact *use,
		     struct nst_work *work)
{
	if (use->contact)
		contact_put(env, use->contact, work);
	memset(use, 0, sizeof(*use));
}

void call_contacts_drop(struct nst_env *env, struct nst_call *call, struct nst_work *work)
{
	u8 i;

	for (i = 0; i < NST_CALL_CONTACTS; i++)
		use_drop(env, &call->contact[i], work);
}

/* The place of this contact in the call, else a free one, or NULL. */
static struct nst_call_contact *use_of(struct nst_call *call, const struct nst_contact *c)
{
	struct nst_call_contact *place = NULL;
	u8 i;

	for (i = 0; i < NST_CALL_CONTACTS; i++) {
		if (call->contact[i].contact == c)
			return &call->contact[i];
		if (!call->contact[i].contact)
			place = &call->contact[i];
	}
	return place;
}

/*
 * The connection's own port can be reached by the connection anyway, and needs
 * no door.  But one that is there, by which the connection came in or for a
 * binding, must not go before the call does.
 */
static struct nst_contact *contact_of(struct dialog *d, const struct contact_value *cv)
{
	if (cv->ep.port == d->map->end[d->dir].inside.port)
		return contact_share(d, &cv->ep);
	return contact_take(d, &cv->ep, contact_value_udp(d, cv));
}

static void use_take(struct dialog *d, struct nst_call *call, const struct contact_value *cv)
{
	struct nst_contact *c = contact_of(d, cv);
	struct nst_call_contact *use;

	if (!c)
		return;
	use = use_of(call, c);
	if (use && !use->contact) {
		use->contact = c;
		use->fresh = true;
	} else {
		/* Known already, or more of them than a call needs. */
		contact_put(d->env, c, d->work);
	}
	if (use)
		use->named = true;
}

static bool may_name(const struct sip_msg *msg)
{
	if (msg->method != SIP_INVITE && msg->method != SIP_UPDATE)
		return false;
	return msg->is_request || (msg->status > 100 && msg->status < 300);
}

void call_contacts_begin(struct dialog *d)
{
	const struct nst_addr *own = &d->map->end[d->dir].inside.addr;
	struct nst_call *call = d->calls[d->dir];
	struct contact_value *cv = d->contact;

	cv->next = 0;
	if (!call || !may_name(d->msg))
		return;
	cv->rest = span_of(0, 0);
	while (contact_value_next(d, cv)) {
		if (cv->value.star || !addr_equal(&cv->ep.addr, own))
			continue;
		use_take(d, call, cv);
		/* There is one Contact in these messages (RFC 3261 8.1.1.8). */
		return;
	}
	cv->next = 0;
}

void call_contacts_rollback(struct dialog *d)
{
	struct nst_call *call = d->calls[d->dir];
	struct nst_call_contact *use;

	if (!call)
		return;
	for (use = call->contact; use < call->contact + NST_CALL_CONTACTS; use++) {
		if (use->fresh)
			use_drop(d->env, use, d->work);
		use->named = false;
	}
}

static void use_open(struct dialog *d, struct nst_call_contact *use)
{
	use->settled = true;
	/* Whoever opened it before may have had no use for all of its doors. */
	contact_open(d->env, use->contact, d->work);
}

/* What this message has named itself. */
static void named(struct dialog *d, struct nst_call_contact *use)
{
	if (!use->named)
		return;
	if (d->msg->is_request)
		use->txn = d->ids.txn;
	else
		use_open(d, use);
	use->named = false;
	use->fresh = false;
}

/* The answer to the request that named it. */
static void answered(struct dialog *d, struct nst_call_contact *use)
{
	u16 status = d->msg->status;

	if (d->msg->is_request || use->txn != d->ids.txn || status <= 100)
		return;
	if (status < 300)
		use_open(d, use);
	else if (!use->settled)
		use_drop(d->env, use, d->work);
	if (status >= 200)
		use->txn = 0;
}

void call_contacts_end(struct dialog *d)
{
	struct nst_call_contact *use;
	u8 end, i;

	for (end = 0; end < 2; end++) {
		for (i = 0; d->calls[end] && i < NST_CALL_CONTACTS; i++) {
			use = &d->calls[end]->contact[i];
			if (!use->contact)
				continue;
			if (end == d->dir)
				named(d, use);
			else
				answered(d, use);
		}
	}
}
