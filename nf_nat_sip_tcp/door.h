/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_DOOR_H
#define NF_NAT_SIP_TCP_DOOR_H

#include <nf_nat_sip_tcp/dialog.h>
#include <nf_nat_sip_tcp/env.h>

struct nst_net;

/**
 * nst_door_init - make the function of our expectations known by name
 *
 * A restored expectation (conntrackd) finds it then.  After all namespaces
 * have their data: a packet may come by such an expectation at once.
 */
int nst_door_init(void);

/**
 * nst_door_exit - the opposite, while namespaces still have their data
 *
 * Expectations that name our function are removed, those of others, too: none
 * may come to data, or jump into code, that was freed.  The helper has gone, so
 * no new door comes; what is revived here and there goes with its anchor.
 * Sleeps.
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

/**
 * nst_doors_revive - make anew what somebody deleted (conntrack -F)
 *
 * Costs nothing while &nst_net.doors_lost is clear.  Sleeps; no lock held.
 */
void nst_doors_revive(struct nst_net *nn);

/**
 * nst_doors_look - shut doors whose address this host has lost, and open them again
 *
 * Costs nothing while no address changes.  Sleeps; no lock held.
 */
void nst_doors_look(struct nst_net *nn);

/**
 * nst_port_asking - is this CPU looking for a public port right now?
 *
 * Then it holds the locks of a connection and of the calls, and conntrack may
 * meet entries that have expired, connections of ours among them.
 */
bool nst_port_asking(void);

#endif
