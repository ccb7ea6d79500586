// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that looks at packets behind NAT and in front of help(): one hook, as each
 * is paid for by all packets of a namespace, those between strangers, too.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/nf_conntrack_helper.h>

#include "attach.h"
#include "connection.h"
#include "icmp.h"
#include "mapping.h"

/* Had a helper, and has none any more. */
static bool lost_helper(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);

	return help && !rcu_access_pointer(help->helper);
}

static bool is_related(enum ip_conntrack_info ctinfo)
{
	return ctinfo == IP_CT_RELATED || ctinfo == IP_CT_RELATED_REPLY;
}

/* Apart, so that the hook keeps nothing for it. */
static noinline unsigned int behind_tcp(struct sk_buff *skb, struct nf_conn *ct,
					enum ip_conntrack_info ctinfo,
					const struct nf_hook_state *state)
{
	if (!nf_ct_is_confirmed(ct))
		nst_attach(ct);
	if (lost_helper(ct) && nst_orphan_waits(state->net, ct))
		return NF_DROP;
	if (!is_related(ctinfo))
		return NF_ACCEPT;
	/* It goes to the sender of what it quotes. */
	return nst_icmp_error(skb, ct, !CTINFO2DIR(ctinfo), state);
}

static unsigned int behind_hook(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct)
		return NF_ACCEPT;
	if (nf_ct_protonum(ct) == IPPROTO_TCP)
		return nf_ct_is_confirmed(ct) && !is_related(ctinfo) && !lost_helper(ct) ?
		       NF_ACCEPT : behind_tcp(skb, ct, ctinfo, state);
	if (nf_ct_protonum(ct) == IPPROTO_UDP && !nf_ct_is_confirmed(ct))
		nst_mapping_note(state->net, ct);
	return NF_ACCEPT;
}

static const struct nf_hook_ops behind_ops[] = {
	{
		.hook		= behind_hook,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_POST_ROUTING,
		.priority	= NF_IP_PRI_CONNTRACK_HELPER - 1,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook		= behind_hook,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_POST_ROUTING,
		.priority	= NF_IP6_PRI_CONNTRACK_HELPER - 1,
	},
#endif
};

int nst_behind_net_init(struct net *net)
{
	return nf_register_net_hooks(net, behind_ops, ARRAY_SIZE(behind_ops));
}

void nst_behind_net_exit(struct net *net)
{
	nf_unregister_net_hooks(net, behind_ops, ARRAY_SIZE(behind_ops));
}
