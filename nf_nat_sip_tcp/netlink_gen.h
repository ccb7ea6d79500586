/* SPDX-License-Identifier: GPL-2.0-only */
/* Made by "make docs" from Documentation/netlink/specs/nf_nat_sip_tcp.yaml: change that. */
#ifndef NF_NAT_SIP_TCP_NETLINK_GEN_H
#define NF_NAT_SIP_TCP_NETLINK_GEN_H

#include <net/genetlink.h>
#include <net/netlink.h>
#include <uapi/linux/nf_nat_sip_tcp.h>

extern const struct nla_policy nst_nl_prefix_policy[SIPNAT_A_PREFIX_MAX + 1];
extern const struct nla_policy nst_nl_port_range_policy[SIPNAT_A_RANGE_MAX + 1];
extern const struct genl_ops nst_nl_ops[8];
extern const struct genl_multicast_group nst_nl_groups[1];

enum {
	NST_NL_GROUP_EVENTS,
};

int nst_nl_settings_get_doit(struct sk_buff *skb, struct genl_info *info);
int nst_nl_settings_set_doit(struct sk_buff *skb, struct genl_info *info);
int nst_nl_counter_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int nst_nl_memory_get_doit(struct sk_buff *skb, struct genl_info *info);
int nst_nl_connection_get_start(struct netlink_callback *cb);
int nst_nl_connection_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int nst_nl_connection_get_done(struct netlink_callback *cb);
int nst_nl_call_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int nst_nl_binding_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int nst_nl_door_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif
