/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ATTACH_H
#define NF_NAT_SIP_TCP_ATTACH_H

struct nf_conn;
struct nst_net;

/** nst_attach_init - attach the helper by ports= in the initial namespace */
void nst_attach_init(void);

/** nst_attach_exit - the opposite of all nst_attach_begin() */
void nst_attach_exit(void);

/**
 * nst_attach_begin - attach the helper by the setting ports in a namespace
 *
 * Has no effect where that is done already.  Sleeps, as nst_attach_end() does;
 * no two of them at once.
 */
int nst_attach_begin(struct nst_net *nn);

/** nst_attach_end - attach it there by port no longer */
void nst_attach_end(struct nst_net *nn);

/** nst_attach - to a connection that is not confirmed yet, where it is one of those */
void nst_attach(struct nf_conn *ct);

#endif
