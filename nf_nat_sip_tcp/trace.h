/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_TRACE_H
#define NF_NAT_SIP_TCP_TRACE_H

#include <nf_nat_sip_tcp/env.h>

/**
 * struct ep_text - an endpoint as text
 * @s: "192.0.2.1:5060" or "[2001:db8::1]:5060"; without port: no colon; "any"
 */
struct ep_text {
	char s[64];
};

struct ep_text ep_text(const struct nst_endpoint *ep);

/** nst_trace_print - one line of the trace into the kernel's log */
void nst_trace_print(struct nst_env *env, const struct nst_trace *t);

#endif
