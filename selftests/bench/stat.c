// SPDX-License-Identifier: GPL-2.0-only
/* Figures: what was counted, and the line that is told of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SAMPLES	1024

static const char *const names[FIG_MAX] = {
	[FIG_OPTIONS] = "options", [FIG_OPTIONS_200] = "options-200",
	[FIG_INVITE] = "invite", [FIG_INVITE_ACK] = "invite-tcp-ack", [FIG_100] = "100",
	[FIG_180] = "180", [FIG_200] = "200", [FIG_ACK] = "ack", [FIG_BYE] = "bye",
	[FIG_BYE_200] = "bye-200", [FIG_CALL] = "call", [FIG_CALL_ALL] = "call-all",
	[FIG_INVITE_4K] = "invite-4k", [FIG_INVITE_2SEG] = "invite-2seg",
	[FIG_INVITE_3SEG] = "invite-3seg", [FIG_OPAQUE] = "opaque",
	[FIG_OPAQUE_ACK] = "opaque-tcp-ack", [FIG_BULK_GSO] = "bulk-gso",
	[FIG_BULK] = "bulk", [FIG_NEW] = "new", [FIG_NEW_SIP] = "new-sip",
	[FIG_HOSTS] = "hosts",
};

static struct {
	unsigned int n;
	uint64_t count[SAMPLES];
} figures[FIG_MAX];

enum figure watched = FIG_MAX;

enum figure stat_figure(const char *name)
{
	int fig = 0;

	while (fig < FIG_MAX && strcmp(names[fig], name))
		fig++;
	return fig;
}

void stat_add(enum figure fig, uint64_t count)
{
	if (figures[fig].n < SAMPLES)
		figures[fig].count[figures[fig].n++] = count;
}

void stat_forget(void)
{
	for (int fig = 0; fig < FIG_MAX; fig++)
		figures[fig].n = 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void stat_tell(const struct load *load)
{
	const uint64_t *v;
	uint64_t sum;
	unsigned int n;
	int fig;

	for (fig = 0; fig < FIG_MAX; fig++) {
		n = figures[fig].n;
		if (!n)
			continue;
		v = figures[fig].count;
		qsort(figures[fig].count, n, sizeof(*v), compare);
		sum = 0;
		for (unsigned int i = 0; i < n; i++)
			sum += v[i];
		printf("%s,%u,%u,%u,%u,%llu,%llu,%llu,%llu\n", names[fig], load->connections,
		       load->calls, load->doors, n, (unsigned long long)v[n / 2],
		       (unsigned long long)v[n / 10], (unsigned long long)v[n - 1 - n / 10],
		       (unsigned long long)(sum / n));
	}
	stat_forget();
	fflush(stdout);
}
