/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_TRACE_H
#define NF_NAT_SIP_TCP_TRACE_H

#include <nf_nat_sip_tcp/env.h>

/** nst_trace_print - one line of the trace into the kernel's log */
void nst_trace_print(struct nst_env *env, const struct nst_trace *t);

#endif
