// SPDX-License-Identifier: GPL-2.0-only
/*
 * Misbehaves on purpose, to show that the test bed notices (selftest).
 */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/string.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "warn, oops, panic, stuck, or nothing");

static int __init nsip_warn_init(void)
{
	if (!strcmp(how, "warn")) {
		WARN(1, "nsip_warn: on purpose\n");
	} else if (!strcmp(how, "oops")) {
		WRITE_ONCE(*(int *)8, 0);
	} else if (!strcmp(how, "panic")) {
		panic("nsip_warn: on purpose");
	} else if (!strcmp(how, "stuck")) {
		preempt_disable();
		for (;;)
			mdelay(1000);
	}
	return 0;
}

static void __exit nsip_warn_exit(void)
{
}

module_init(nsip_warn_init);
module_exit(nsip_warn_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Misbehaves on purpose");
