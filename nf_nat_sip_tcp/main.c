// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIP over TCP through NAT: a netfilter conntrack helper.
 */
#include <linux/module.h>

#include "attach.h"
#include "compat.h"
#include "door.h"
#include "helper.h"
#include "netlink.h"
#include "netns.h"

static bool debug;

/* Takes effect at once, in all namespaces. */
static int debug_set(const char *val, const struct kernel_param *kp)
{
	int err = param_set_bool(val, kp);

	if (!err)
		nst_net_set_debug(debug);
	return err;
}

static const struct kernel_param_ops debug_ops = {
	.flags	= KERNEL_PARAM_OPS_FL_NOARG,
	.set	= debug_set,
	.get	= param_get_bool,
};

module_param_cb(debug, &debug_ops, &debug, 0644);
MODULE_PARM_DESC(debug, "print what is done with each message to the kernel log (default: 0)");

static int __init nst_init(void)
{
	int err;

	err = nst_netns_init();
	if (err)
		return err;
	/* What it makes known by name asks for a namespace's data at once. */
	err = nst_door_init();
	if (err)
		goto no_door;
	err = nst_helper_init();
	if (err)
		goto no_helper;
	nst_attach_init();
	err = nst_netlink_init();
	if (err)
		goto no_netlink;
	return 0;

no_netlink:
	nst_attach_exit();
	nst_helper_exit();
no_helper:
	nst_door_exit();
no_door:
	nst_netns_exit();
	return err;
}

static void __exit nst_exit(void)
{
	nst_netlink_exit();
	nst_attach_exit();
	nst_helper_exit();
	nst_door_exit();
	nst_netns_exit();
}

module_init(nst_init);
module_exit(nst_exit);

MODULE_DESCRIPTION("Netfilter conntrack helper for SIP over TCP through NAT");
MODULE_AUTHOR("The nf_nat_sip_tcp authors");
MODULE_LICENSE("GPL");
