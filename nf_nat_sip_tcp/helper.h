/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_HELPER_H
#define NF_NAT_SIP_TCP_HELPER_H

#include <linux/types.h>

struct nf_conntrack_helper;

/**
 * nst_helper_get - the helper that connections of a family point to
 * @l3num: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Return: the helper, NULL while none is registered.  No reference: see
 * nst_helper_hold().
 */
struct nf_conntrack_helper *nst_helper_get(u8 l3num);

/** nst_helper_init - register "sip_tcp" for IPv4 and IPv6 */
int nst_helper_init(void);

/** nst_helper_exit - let go of all connections and unregister; sleeps */
void nst_helper_exit(void);

#endif
