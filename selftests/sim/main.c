// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim [-n SCHEDULES] [-s FIRST] [-j PROCESSES] [-o START] [-x INVARIANT]... [-t] [-m] [-v] [-V]
 *
 *	-o	goes on behind so many schedules
 *	-x	passes an invariant over
 *	-t	something of trouble.c befalls each connection whose wires are not quiet
 *	-m	ends with the first violation
 *	-v	prints the ladder of each schedule
 *	-V	prints the engine's numbers at each step
 */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

struct total {
	u64 done;
	u64 broken;
	u64 packets;
	u64 lost;
	u64 resends;
	u64 rtos;
	u64 fast;
	u64 segments;
	u64 changes;
	u64 by[INV_MAX];
	u64 count[NST_R_MAX];
};

struct options {
	u64 first;
	u64 n;
	u64 start;
	u32 jobs;
	bool first_only;
	bool verbose;
};

/* What a broken schedule leaves behind is not looked for; env_close() is. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void tell(const struct sim *s, const struct options *o)
{
	printf("violation: seed %llu: %s: %s: at %llu ms\n# %s\n", (unsigned long long)s->seed,
	       invariant_name(s->broken), s->broken_text, (unsigned long long)s->now,
	       invariant_text(s->broken));
	if (!o->verbose)
		printf("# again: sim -s %llu -n 1 -v\n", (unsigned long long)s->seed);
	fflush(stdout);
}

static void describe(const struct sim *s)
{
	u8 i;

	printf("# seed %llu: variant %u, ending %u, %s wires, oom %u, contradict %u, settings %u, may be opaque %u, hold_max %u, ack_delay %u, own %s\n",
	       (unsigned long long)s->seed, s->variant, s->ending, s->quiet_wires ? "quiet" : "bad",
	       s->oom, s->contradict, s->settings, s->may_opaque, s->env.env.set.hold_max,
	       s->env.env.set.ack_delay, s->own_last ? "last" : "first");
	for (i = 0; i < 2; i++) {
		const struct end *p = &s->end[i];

		printf("# end %u: mss %u (%u) tso %u ws %u ts %u sack %u dsack %u trust %u nagle %u delack %u space %u rto_min %u piecemeal %u; %u time-outs, %u fast; reads %u each %u ms\n",
		       i, p->mss, p->eff, p->tso, p->wscale, p->ts, p->sack, p->dsack, p->trust_sack,
		       p->nagle, p->delack, p->space, p->rto_min, p->piecemeal, p->rtos, p->fast,
		       s->writer[i].read_step, s->writer[i].read_pause);
	}
	for (i = 0; i < 4; i++)
		printf("# wire %u: %u ms, jitter %u, loss %u, dup %u, late %u, split %u, gro %u\n",
		       i, s->wire[i].delay, s->wire[i].jitter, s->wire[i].loss, s->wire[i].dup,
		       s->wire[i].late, s->wire[i].split, s->wire[i].gro);
}

static void add(struct total *t, const struct sim *s)
{
	u32 i;

	t->done++;
	t->packets += s->packets;
	t->resends += s->resends;
	for (i = 0; i < 4; i++)
		t->lost += s->wire[i].lost;
	for (i = 0; i < 2; i++) {
		t->rtos += s->end[i].rtos;
		t->fast += s->end[i].fast;
		t->segments += s->side[i].segments;
		t->changes += s->side[i].changes;
	}
	for (i = 0; i < NST_R_MAX; i++)
		t->count[i] += s->env.count[i];
}

static void work(const struct options *o, u32 job, struct total *t)
{
	struct sim *s = sim_new(o->verbose ? 200000 : 16);
	time_t told = time(NULL);
	u64 i;

	for (i = o->start + job; i < o->n; i += o->jobs) {
		bool good = sim_run(s, o->first + i);

		add(t, s);
		if (o->verbose) {
			describe(s);
			sim_ladder(s, stdout);
		}
		if (!good) {
			t->broken++;
			t->by[s->broken]++;
			if (t->broken <= 20)
				tell(s, o);
			if (o->first_only)
				break;
		}
		if (!job && time(NULL) >= told + 30) {
			told = time(NULL);
			fprintf(stderr, "# %llu of %llu (-o %llu to go on from here)\n",
				(unsigned long long)i, (unsigned long long)o->n,
				(unsigned long long)(i - job));
		}
	}
	sim_delete(s);
}

static void sum(struct total *to, const struct total *from)
{
	u64 *a = (u64 *)to;
	const u64 *b = (const u64 *)from;
	size_t i;

	for (i = 0; i < sizeof(*to) / sizeof(u64); i++)
		a[i] += b[i];
}

/* Return: processes that died. */
static u32 work_all(const struct options *o, struct total *all)
{
	int fd[64];
	u32 i, died = 0;

	fflush(stdout);
	for (i = 0; i < o->jobs; i++) {
		struct total t = { .done = 0 };
		int ends[2];

		if (pipe(ends))
			abort();
		fd[i] = ends[0];
		if (fork()) {
			close(ends[1]);
			continue;
		}
		work(o, i, &t);
		exit(write(ends[1], &t, sizeof(t)) != sizeof(t));
	}
	for (i = 0; i < o->jobs; i++) {
		struct total t;

		if (read(fd[i], &t, sizeof(t)) == sizeof(t))
			sum(all, &t);
		else
			died++;
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return died;
}

static void report(const struct total *t, u32 died, double seconds)
{
	u32 i;

	printf("# %llu packets, %llu lost, %llu data segments, %llu size changes\n",
	       (unsigned long long)t->packets, (unsigned long long)t->lost,
	       (unsigned long long)t->segments, (unsigned long long)t->changes);
	printf("# %llu time-outs and %llu fast retransmits of the ends, %llu own resends\n",
	       (unsigned long long)t->rtos, (unsigned long long)t->fast,
	       (unsigned long long)t->resends);
	for (i = 0; i < NST_R_MAX; i++)
		if (t->count[i])
			printf("# %-22s %llu\n", nst_reason_name(i), (unsigned long long)t->count[i]);
	for (i = 0; i < INV_MAX; i++)
		if (t->by[i])
			printf("# broken: %-16s %llu\n", invariant_name(i),
			       (unsigned long long)t->by[i]);
	if (died)
		printf("# %u processes died\n", died);
	printf("%llu schedules, %llu violations, %.0f a second\n", (unsigned long long)t->done,
	       (unsigned long long)t->broken + died, seconds > 0 ? t->done / seconds : 0);
}

static void pass_over(const char *name)
{
	u32 i;

	for (i = 0; i < INV_MAX; i++)
		if (!strcmp(name, invariant_name(i))) {
			skip_check[i] = true;
			return;
		}
	fprintf(stderr, "sim: no invariant %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .n = 1000, .jobs = 1 };
	struct total t = { .done = 0 };
	struct timespec a, b;
	u32 died = 0;
	int c;

	while ((c = getopt(argc, argv, "n:s:j:o:x:tmvV")) != -1) {
		switch (c) {
		case 'n':
			o.n = strtoull(optarg, NULL, 0);
			break;
		case 's':
			o.first = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			o.jobs = strtoul(optarg, NULL, 0);
			break;
		case 'o':
			o.start = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			pass_over(optarg);
			break;
		case 't':
			all_troubled = true;
			break;
		case 'm':
			o.first_only = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'V':
			show_flows = true;
			break;
		default:
			return 2;
		}
	}
	if (!o.jobs || o.jobs > 64)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &a);
	books_write();
	if (o.jobs == 1)
		work(&o, 0, &t);
	else
		died = work_all(&o, &t);
	clock_gettime(CLOCK_MONOTONIC, &b);
	report(&t, died, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
	return t.broken || died;
}
