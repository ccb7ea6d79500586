// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family, and what it says about a namespace as a whole.
 * Its operations and policies are made from the specification in
 * Documentation/netlink/specs/.
 */
#include <linux/module.h>

#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/contact.h>

#include "netlink.h"

struct genl_family nst_nl_family __ro_after_init = {
	.name		= SIPNAT_FAMILY_NAME,
	.version	= SIPNAT_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= nst_nl_ops,
	.n_ops		= ARRAY_SIZE(nst_nl_ops),
	.resv_start_op	= SIPNAT_CMD_SETTINGS_GET,
	.mcgrps		= nst_nl_groups,
	.n_mcgrps	= ARRAY_SIZE(nst_nl_groups),
};

static int put_counter(struct sk_buff *skb, const struct nst_net *nn, unsigned int i)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(nn->stats, cpu)->n[i]);
	return nla_put_u32(skb, SIPNAT_A_COUNTER_ID, i) ||
	       nla_put_string(skb, SIPNAT_A_COUNTER_NAME, nst_reason_name(i)) ||
	       nla_put_string(skb, SIPNAT_A_COUNTER_MEANING, nst_reason_meaning(i)) ||
	       nst_nl_put_u64(skb, SIPNAT_A_COUNTER_VALUE, sum, SIPNAT_A_COUNTER_PAD);
}

int nst_nl_counter_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nst_net *nn = nst_pernet(sock_net(skb->sk));
	unsigned int i;
	void *head;

	for (i = cb->args[0]; i < NST_R_MAX; i++) {
		head = nst_nl_head(skb, cb, SIPNAT_CMD_COUNTER_GET, 0);
		if (!head)
			break;
		if (put_counter(skb, nn, i)) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
	}
	cb->args[0] = i;
	return skb->len;
}

/* What others use is the business of the host's own administrator alone. */
static int put_total(struct sk_buff *skb, const struct nst_net *nn)
{
	if (!net_eq(nn->net, &init_net))
		return 0;
	return nst_nl_put_u64(skb, SIPNAT_A_MEMORY_TOTAL, nst_mem_total().used,
			      SIPNAT_A_MEMORY_PAD);
}

static int put_memory(struct sk_buff *skb, struct nst_net *nn)
{
	struct nst_mem_figures mem = nst_net_mem(nn);

	return nst_nl_put_u64(skb, SIPNAT_A_MEMORY_USED, mem.used, SIPNAT_A_MEMORY_PAD) ||
	       nst_nl_put_u64(skb, SIPNAT_A_MEMORY_PEAK, mem.peak, SIPNAT_A_MEMORY_PAD) ||
	       nst_nl_put_u64(skb, SIPNAT_A_MEMORY_TABLES, mem.tables, SIPNAT_A_MEMORY_PAD) ||
	       put_total(skb, nn) ||
	       nla_put_u32(skb, SIPNAT_A_MEMORY_CONNECTIONS, atomic_read(&nn->nr_conns)) ||
	       nla_put_u32(skb, SIPNAT_A_MEMORY_CALLS, READ_ONCE(nn->env.calls->nr)) ||
	       nla_put_u32(skb, SIPNAT_A_MEMORY_BINDINGS, READ_ONCE(nn->env.bindings->nr)) ||
	       nla_put_u32(skb, SIPNAT_A_MEMORY_ANCHORS, READ_ONCE(nn->nr_anchors)) ||
	       nla_put_u32(skb, SIPNAT_A_MEMORY_DOORS, READ_ONCE(nn->nr_gates));
}

int nst_nl_memory_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *head;

	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &nst_nl_family, 0, SIPNAT_CMD_MEMORY_GET);
	if (!head || put_memory(msg, nst_pernet(genl_info_net(info)))) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

int nst_netlink_init(void)
{
	int err = genl_register_family(&nst_nl_family);

	if (!err)
		nst_nl_events_start();
	return err;
}

void nst_netlink_exit(void)
{
	nst_nl_events_stop();
	genl_unregister_family(&nst_nl_family);
}
