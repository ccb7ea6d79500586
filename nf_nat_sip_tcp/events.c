// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core tells becomes tracepoints.  Nothing is put together before
 * somebody listens: the core asks a switch of its own, for it knows nothing
 * of tracepoints, and that one is on while any of those is that it feeds.
 */
#include <linux/jump_label.h>

#include "events.h"
#include "trace.h"

#define CREATE_TRACE_POINTS
#include "tracepoints.h"

DEFINE_STATIC_KEY_FALSE(nst_event_switch);

int nst_events_reg(void)
{
	static_branch_inc(&nst_event_switch);
	return 0;
}

void nst_events_unreg(void)
{
	static_branch_dec(&nst_event_switch);
}

u32 nst_event_sent(const struct nst_out *out)
{
	switch (out->verdict) {
	case NST_ACCEPT:
		return out->len;
	case NST_CARRY:
		return out->carry_len;
	default:
		return 0;
	}
}

void nst_event_endpoint(char *text, const struct nst_endpoint *ep)
{
	struct ep_text t = ep_text(ep);

	strscpy(text, t.s, NST_EVENT_TEXT);
}

void nst_event_key(char *text, const struct gate_key *key)
{
	struct nst_endpoint ep;

	gate_key_ep(&ep, key);
	nst_event_endpoint(text, &ep);
}

void nst_event_door(struct nst_gate *gate, const char *what)
{
	struct nst_env *env = &gate->nn->env;
	struct nst_trace t;

	trace_sip_door(what, gate);
	if (!nst_tracing(env))
		return;
	memset(&t, 0, sizeof(t));
	t.id = NST_TRACE_DOOR;
	gate_key_ep(&t.from, &gate->outside);
	gate_key_ep(&t.to, &gate->inside);
	t.text = what;
	t.text_len = strlen(what);
	env->ops->trace(env, &t);
}

void nst_event_tell(struct nst_env *env, const struct nst_event *e)
{
	switch (e->id) {
	case NST_EVENT_MESSAGE:
		trace_sip_message(e);
		break;
	case NST_EVENT_EDITS:
		trace_sip_edits(e);
		break;
	case NST_EVENT_OPAQUE:
		trace_sip_opaque(e);
		break;
	}
}
