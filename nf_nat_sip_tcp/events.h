/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_EVENTS_H
#define NF_NAT_SIP_TCP_EVENTS_H

#include <nf_nat_sip_tcp/conn.h>
#include <nf_nat_sip_tcp/event.h>

#include "gate.h"

/* Room for an address with port, and for the name of a reason. */
#define NST_EVENT_TEXT 56

/** nst_event_tell - the callback of struct nst_ops */
void nst_event_tell(struct nst_env *env, const struct nst_event *e);

/** nst_event_door - a door was reserved, released, opened or closed: @what */
void nst_event_door(struct nst_gate *gate, const char *what);

/* What tracepoints.h is made with. */
int nst_events_reg(void);
void nst_events_unreg(void);
u32 nst_event_sent(const struct nst_out *out);
void nst_event_endpoint(char *text, const struct nst_endpoint *ep);
void nst_event_key(char *text, const struct gate_key *key);

#endif
