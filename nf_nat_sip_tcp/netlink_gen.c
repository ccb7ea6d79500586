// SPDX-License-Identifier: GPL-2.0-only
/* Made by "make docs" from Documentation/netlink/specs/nf_nat_sip_tcp.yaml: change that. */
#include "netlink_gen.h"

const struct nla_policy nst_nl_prefix_policy[SIPNAT_A_PREFIX_MAX + 1] = {
	[SIPNAT_A_PREFIX_ADDRESS] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[SIPNAT_A_PREFIX_LENGTH] = { .type = NLA_U8, },
};

const struct nla_policy nst_nl_port_range_policy[SIPNAT_A_RANGE_MAX + 1] = {
	[SIPNAT_A_RANGE_FIRST] = { .type = NLA_U16, },
	[SIPNAT_A_RANGE_LAST] = { .type = NLA_U16, },
};

static const struct nla_policy nst_nl_settings_set_policy[SIPNAT_A_SETTINGS_MAX + 1] = {
	[SIPNAT_A_SETTINGS_PORTS] = { .type = NLA_U16, },
	[SIPNAT_A_SETTINGS_DEBUG] = { .type = NLA_U8, },
	[SIPNAT_A_SETTINGS_ACK_DELAY] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_HOLD_TIMEOUT] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_UNLOAD_TIMEOUT] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_ON_ERROR] = { .type = NLA_U8, },
	[SIPNAT_A_SETTINGS_HEADER_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_BODY_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_HOLD_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_MEM_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_HOST_SHARE] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_CALLS_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_BINDINGS_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_DOORS_PER_CALL] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_CALL_TIMEOUT] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_RINGING_TIMEOUT] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_MEDIA_IDLE] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_BINDING_MAX] = { .type = NLA_U32, },
	[SIPNAT_A_SETTINGS_MEDIA_FILTER] = { .type = NLA_U8, },
	[SIPNAT_A_SETTINGS_MEDIA_HOSTS] = NLA_POLICY_NESTED(nst_nl_prefix_policy),
	[SIPNAT_A_SETTINGS_SIGNALLING_FILTER] = { .type = NLA_U8, },
	[SIPNAT_A_SETTINGS_SIGNAL_PORTS] = NLA_POLICY_NESTED(nst_nl_port_range_policy),
	[SIPNAT_A_SETTINGS_CONTACT] = { .type = NLA_U8, },
	[SIPNAT_A_SETTINGS_DOOR_DENY] = NLA_POLICY_NESTED(nst_nl_port_range_policy),
	[SIPNAT_A_SETTINGS_DOOR_PUBLIC_PORTS] = NLA_POLICY_NESTED(nst_nl_port_range_policy),
	[SIPNAT_A_SETTINGS_MEM_TOTAL] = { .type = NLA_U64, },
};

const struct genl_ops nst_nl_ops[8] = {
	{
		.cmd		= SIPNAT_CMD_SETTINGS_GET,
		.doit		= nst_nl_settings_get_doit,
	},
	{
		.cmd		= SIPNAT_CMD_SETTINGS_SET,
		.doit		= nst_nl_settings_set_doit,
		.policy		= nst_nl_settings_set_policy,
		.maxattr	= SIPNAT_A_SETTINGS_MAX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPNAT_CMD_COUNTER_GET,
		.dumpit		= nst_nl_counter_get_dumpit,
	},
	{
		.cmd		= SIPNAT_CMD_MEMORY_GET,
		.doit		= nst_nl_memory_get_doit,
	},
	{
		.cmd		= SIPNAT_CMD_CONNECTION_GET,
		.start		= nst_nl_connection_get_start,
		.dumpit		= nst_nl_connection_get_dumpit,
		.done		= nst_nl_connection_get_done,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPNAT_CMD_CALL_GET,
		.dumpit		= nst_nl_call_get_dumpit,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPNAT_CMD_BINDING_GET,
		.dumpit		= nst_nl_binding_get_dumpit,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPNAT_CMD_DOOR_GET,
		.dumpit		= nst_nl_door_get_dumpit,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

const struct genl_multicast_group nst_nl_groups[1] = {
	[NST_NL_GROUP_EVENTS] = {
		.name		= SIPNAT_MCGRP_EVENTS,
		.flags		= GENL_MCAST_CAP_NET_ADMIN,
	},
};
