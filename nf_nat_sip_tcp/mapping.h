/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_MAPPING_H
#define NF_NAT_SIP_TCP_MAPPING_H

#include <linux/types.h>
#include <net/net_namespace.h>

struct nf_conn;
struct nst_env;
struct nst_reserve;

/*
 * A phone asks for two ports in front of a call, and its name server now and
 * then; what is older is of an earlier call.
 */
#define NST_MAPPINGS 8

/**
 * struct nst_mapped - ports of an inside host that source NAT has changed
 * @next: place of the next one
 * @port: the last of them
 * @port.addr: public address; there is none with @port.seen 0
 * @port.inside: port inside
 * @port.outside: port outside
 * @port.seen: when, in seconds since boot
 *
 * Where NAT has kept a port nothing has to be remembered.
 */
struct nst_mapped {
	u8 next;
	struct {
		__be32 addr;
		__be16 inside;
		__be16 outside;
		u32 seen;
	} port[NST_MAPPINGS];
};

/**
 * nst_mapping_note - a UDP flow that begins now
 * @net: namespace
 * @ct: behind source NAT, which has chosen the port, in front of the confirmation
 */
void nst_mapping_note(const struct net *net, const struct nf_conn *ct);

/* The callback of struct nst_ops; see there. */
u16 nst_port_mapped(struct nst_env *env, const struct nst_reserve *req);

#endif
