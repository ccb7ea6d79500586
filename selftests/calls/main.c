// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls [-n FLOWS] [-s FIRST] [-j PROCESSES] [-x INVARIANT]... [-m] [-v] [-w] [-o SEED]
 *
 *	-n	goes on until so many flows were played, over seeds FIRST, FIRST + 1 ...
 *	-o	this seed alone
 *	-x	passes an invariant over
 *	-m	ends with the first violation
 *	-v	prints the ladder of each seed
 *	-w	prints each seed as a script for call_flows.py; what takes its time comes
 *		behind it, and neither memory nor ports are short: other flows than without
 */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

struct total {
	u64 seeds;
	u64 flows;
	u64 messages;
	u64 doors;
	u64 broken;
	u64 by[INV_MAX];
	u64 count[NST_R_MAX];
};

struct options {
	u64 first;
	u64 n;
	u32 jobs;
	bool one;
	bool first_only;
	bool verbose;
	bool script;
};

/* What a broken seed leaves behind is not looked for; env_close() is. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void tell(const struct seed *s, const struct options *o)
{
	printf("violation: seed %llu: %s: %s: at %llu ms\n# %s\n", (unsigned long long)s->number,
	       invariant_name(s->broken), s->why, (unsigned long long)s->now,
	       invariant_text(s->broken));
	if (o->verbose)
		printf("# the message in hand was:\n%s\n# and it became:\n%s\n", s->in, s->out);
	else
		printf("# again: calls -o %llu -v\n", (unsigned long long)s->number);
	fflush(stdout);
}

static void add(struct total *t, const struct seed *s)
{
	u32 i;

	t->seeds++;
	t->flows += s->flows;
	t->messages += s->messages;
	t->doors += s->doors;
	for (i = 0; i < NST_R_MAX; i++)
		t->count[i] += s->count[i];
}

/* Each process has the seeds of its own remainder, and its share of the flows. */
static void work(const struct options *o, u32 job, struct total *t)
{
	u64 share = o->n / o->jobs + (job < o->n % o->jobs);
	struct seed *s = calloc(1, sizeof(*s));
	time_t told = time(NULL);
	u64 number;

	for (number = o->first + job; o->one ? !t->seeds : t->flows < share; number += o->jobs) {
		s->verbose = o->verbose;
		s->script = o->script;
		s->place = number - o->first;
		if (!seed_run(s, number)) {
			t->broken++;
			t->by[s->broken]++;
			if (t->broken <= 20)
				tell(s, o);
		}
		add(t, s);
		if (t->broken && o->first_only)
			break;
		if (!job && time(NULL) >= told + 30) {
			told = time(NULL);
			fprintf(stderr, "# seed %llu, %llu of %llu flows\n",
				(unsigned long long)number, (unsigned long long)t->flows,
				(unsigned long long)share);
		}
	}
	free(s);
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
		struct total t = { .seeds = 0 };
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

	for (i = 0; i < NST_R_MAX; i++)
		if (t->count[i])
			printf("# %-22s %llu\n", nst_reason_name(i), (unsigned long long)t->count[i]);
	for (i = 0; i < INV_MAX; i++)
		if (t->by[i])
			printf("# broken: %-16s %llu\n", invariant_name(i),
			       (unsigned long long)t->by[i]);
	if (died)
		printf("# %u processes died\n", died);
	printf("# %llu messages, %llu public ports\n", (unsigned long long)t->messages,
	       (unsigned long long)t->doors);
	printf("%llu flows in %llu seeds, %llu violations, %.0f flows a second\n",
	       (unsigned long long)t->flows, (unsigned long long)t->seeds,
	       (unsigned long long)t->broken + died, seconds > 0 ? t->flows / seconds : 0);
}

static void pass_over(const char *name)
{
	u32 i;

	for (i = 0; i < INV_MAX; i++)
		if (!strcmp(name, invariant_name(i))) {
			skip_check[i] = true;
			return;
		}
	fprintf(stderr, "calls: no invariant %s\n", name);
	exit(2);
}

static bool read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:s:j:o:x:mvw")) != -1) {
		switch (c) {
		case 'n':
			o->n = strtoull(optarg, NULL, 0);
			break;
		case 's':
			o->first = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			o->jobs = strtoul(optarg, NULL, 0);
			break;
		case 'o':
			o->first = strtoull(optarg, NULL, 0);
			o->one = true;
			break;
		case 'x':
			pass_over(optarg);
			break;
		case 'm':
			o->first_only = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'w':
			o->script = true;
			break;
		default:
			return false;
		}
	}
	return o->jobs && o->jobs <= 64;
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .n = 1000, .jobs = 1 };
	struct total t = { .seeds = 0 };
	struct timespec a, b;
	u32 died = 0;

	if (!read_options(&o, argc, argv))
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (o.jobs == 1 || o.one || o.script) {
		o.jobs = 1;
		work(&o, 0, &t);
	} else {
		died = work_all(&o, &t);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (!o.script)
		report(&t, died, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
	return t.broken || died;
}
