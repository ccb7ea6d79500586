/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_DOOR_H
#define NF_NAT_SIP_TCP_DOOR_H

#include <nf_nat_sip_tcp/dialog.h>
#include <nf_nat_sip_tcp/env.h>

struct nst_net;

/**
 * nst_door_init - make the function of our expectations known by name
 *
 * Before the first namespace comes, in order that a restored expectation
 * (conntrackd) finds it.
 */
int nst_door_init(void);

/**
 * nst_door_exit - the opposite, after the last namespace has gone
 *
 * Expectations of others that name our function are removed: none may jump
 * into freed code.  Sleeps.
 */
void nst_door_exit(void);

/** nst_door_net_init - doors of a namespace: state in @nn->doors, and hooks */
int nst_door_net_init(struct nst_net *nn);

/**
 * nst_door_net_exit - remove hooks, all anchors and with them all doors
 *
 * Running flows stay.  Call it before calls_flush(): what the flush leaves to
 * be done finds nothing then, while before it would end the flows.
 * The conntrack table waits for the last reference to an anchor, so no other
 * part may hold one.  nst_door_reserve() fails from here on.  Sleeps; when it
 * returns no packet is in our hooks any more.
 */
void nst_door_net_exit(struct nst_net *nn);

/* The callbacks of struct nst_ops; see there. */
int nst_door_reserve(struct nst_env *env, struct nst_reserve *req);
void nst_door_release(struct nst_env *env, struct nst_holder *holder,
		      const struct nst_door *door);

/**
 * nst_door_work - carry out what the core has decided about doors
 * @nn: namespace
 * @work: holders, as left in &struct nst_out or by calls_expire(), calls_flush()
 *
 * No lock may be held: ending a call deletes conntrack entries.  Atomic.
 */
void nst_door_work(struct nst_net *nn, struct nst_work *work);

#endif
