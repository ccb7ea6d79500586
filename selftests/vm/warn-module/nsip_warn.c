// SPDX-License-Identifier: GPL-2.0-only
/*
 * Misbehaves on purpose, to show that the test bed notices (selftest).
 */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "what to do wrong, a name of the table below, or nothing");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);

static void do_warn(void)
{
	WARN(1, "nsip_warn: on purpose\n");
}

static void do_oops(void)
{
	WRITE_ONCE(*(int *)8, 0);
}

static void do_panic(void)
{
	panic("nsip_warn: on purpose");
}

static void do_stuck(void)
{
	preempt_disable();
	for (;;)
		mdelay(1000);
}

/* What follows goes unnoticed, but for a kernel that looks for it. */

static void do_leak(void)
{
	/* The address stays nowhere, registers of this call apart. */
	memset(kmalloc(333, GFP_KERNEL | __GFP_NOFAIL), 0x5a, 333);
}

static void do_overrun(void)
{
	u8 *p = kmalloc(61, GFP_KERNEL);

	if (p)
		WRITE_ONCE(p[61 + strlen(how) - strlen("overrun")], 0);
	kfree(p);
}

static void do_after_free(void)
{
	u8 *p = kmalloc(61, GFP_KERNEL);

	kfree(p);
	if (p)
		WRITE_ONCE(p[3], READ_ONCE(p[3]) + 1);
}

static void do_shift(void)
{
	int by = 29 + strlen(how);

	pr_info("%d\n", 1 << by);
}

static void do_sleep(void)
{
	spin_lock(&lock_a);
	msleep(20);
	spin_unlock(&lock_a);
}

static void do_invert(void)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);
	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

static void do_rcu(void)
{
	static void __rcu *p;

	pr_info("%p\n", rcu_dereference(p));
}

static void do_list(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	WRITE_ONCE(entry.prev, &entry);
	list_del(&entry);
}

static void never(struct timer_list *t)
{
}

static void do_object(void)
{
	struct timer_list *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return;
	timer_setup(t, never, 0);
	/* It is still armed when its memory goes. */
	mod_timer(t, jiffies + 1000 * HZ);
	kfree(t);
}

static void do_refcount(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	refcount_inc(&r);
}

static const struct {
	const char *how;
	void (*act)(void);
} table[] = {
	{ "warn", do_warn },
	{ "oops", do_oops },
	{ "panic", do_panic },
	{ "stuck", do_stuck },
	{ "leak", do_leak },
	{ "overrun", do_overrun },
	{ "after-free", do_after_free },
	{ "shift", do_shift },
	{ "sleep", do_sleep },
	{ "invert", do_invert },
	{ "rcu", do_rcu },
	{ "list", do_list },
	{ "object", do_object },
	{ "refcount", do_refcount },
};

static int __init nsip_warn_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(how, table[i].how))
			table[i].act();
	return 0;
}

static void __exit nsip_warn_exit(void)
{
}

module_init(nsip_warn_init);
module_exit(nsip_warn_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Misbehaves on purpose");
