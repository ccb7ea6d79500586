// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets for an advertised port that no expectation wants: the door waits
 * for its answer, or is open for somebody else.
 *
 * Left alone they would be delivered to this host, where nobody listens.  It
 * would refuse them by ICMP, on which some senders give up; and conntrack
 * would remember the flow.  Media that is faster than the answer, or that
 * still comes from the call before, would so keep its own door shut: while a
 * flow is known no expectation is looked for.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "anchor.h"
#include "gate.h"

/*
 * From the side that began it, never answered, translated by nobody.  One that has
 * found the expectation in front of a door that has changed its mind is, too.
 */
static bool may_be_shut_out(const struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	if (nf_ct_protonum(ct) != IPPROTO_UDP || nf_ct_is_template(ct) ||
	    (ct->status & IPS_NAT_MASK))
		return false;
	return ct->master ? ctinfo == IP_CT_RELATED && nst_anchor_is(ct->master) :
			    ctinfo == IP_CT_NEW;
}

static unsigned int guard_hook(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nst_net *nn;
	struct nf_conn *ct;

	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || !may_be_shut_out(ct, ctinfo))
		return NF_ACCEPT;
	nn = nst_pernet(state->net);
	if (!gate_of_flow(nn, ct))
		return NF_ACCEPT;
	if (nf_ct_is_confirmed(ct)) {
		nst_count(&nn->env, NST_R_DOOR_STALE);
		nf_ct_kill(ct);
	}
	nst_count(&nn->env, NST_R_DOOR_SHUT);
	return NF_DROP;
}

/* Behind DNAT: a port that a rule forwards is not ours to guard. */
static const struct nf_hook_ops guard_ops[] = {
	{
		.hook = guard_hook,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_NAT_DST + 1,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook = guard_hook,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_NAT_DST + 1,
	},
#endif
};

int guard_net_init(struct net *net)
{
	return nf_register_net_hooks(net, guard_ops, ARRAY_SIZE(guard_ops));
}

void guard_net_exit(struct net *net)
{
	nf_unregister_net_hooks(net, guard_ops, ARRAY_SIZE(guard_ops));
}
