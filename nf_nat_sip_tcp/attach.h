/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ATTACH_H
#define NF_NAT_SIP_TCP_ATTACH_H

/** nst_attach_init - attach the helper by port in the initial namespace */
int nst_attach_init(void);

void nst_attach_exit(void);

#endif
