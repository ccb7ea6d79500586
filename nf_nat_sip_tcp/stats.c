// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/stat/nf_nat_sip_tcp: a line of names, then a line a CPU, in hex,
 * like its neighbours there.
 */
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

#include "netns.h"

#ifdef CONFIG_PROC_FS

/* Position 0 is the line of names, n + 1 is CPU n. */
static void *stats_start(struct seq_file *seq, loff_t *pos)
{
	if (!*pos)
		return SEQ_START_TOKEN;
	while (*pos <= nr_cpu_ids && !cpu_possible(*pos - 1))
		++*pos;
	if (*pos > nr_cpu_ids)
		return NULL;
	return per_cpu_ptr(nst_pernet(seq_file_net(seq))->stats, *pos - 1);
}

static void *stats_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return stats_start(seq, pos);
}

static void stats_stop(struct seq_file *seq, void *v)
{
}

static int stats_show(struct seq_file *seq, void *v)
{
	const struct nst_stats *stats = v;
	unsigned int i;

	for (i = 0; i < NST_R_MAX; i++) {
		if (i)
			seq_putc(seq, ' ');
		if (v == SEQ_START_TOKEN)
			seq_puts(seq, nst_reason_name(i));
		else
			seq_printf(seq, "%08llx", stats->n[i]);
	}
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations stats_ops = {
	.start	= stats_start,
	.next	= stats_next,
	.stop	= stats_stop,
	.show	= stats_show,
};

int nst_stats_init(struct net *net)
{
	if (!proc_create_net("nf_nat_sip_tcp", 0444, net->proc_net_stat,
			     &stats_ops, sizeof(struct seq_net_private)))
		return -ENOMEM;
	return 0;
}

void nst_stats_exit(struct net *net)
{
	remove_proc_entry("nf_nat_sip_tcp", net->proc_net_stat);
}

#else

int nst_stats_init(struct net *net)
{
	return 0;
}

void nst_stats_exit(struct net *net)
{
}

#endif
