// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages in, messages out: runs cases/ (the format is told in its README),
 * and sees cases/wrong/ fail.
 */
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "check.h"
#include "world.h"

#define CASES_DIR CORPUS_DIR "/../unit/cases"
#define TEXT_MAX (128 * 1024)

struct text {
	char data[TEXT_MAX];
	u32 len;
};

struct case_file {
	const char *name;
	const char *p;
	u32 steps;
	u8 dir;
	struct text in;
	struct text want;
	struct world *w;
	u32 before[NST_R_MAX];
	struct nst_mapping again;
	struct nst_mapping others;
};

/* The next line without its end; NULL at the end of the file. */
static const char *next_line(struct case_file *c, size_t *len)
{
	const char *line = c->p;

	if (!*line)
		return NULL;
	*len = strcspn(line, "\n");
	c->p += *len + (line[*len] == '\n');
	return line;
}

/* "@" in a Content-Length stands for the length of the body that follows. */
static void fill_in_length(struct text *t)
{
	static struct text done;
	char *at = strstr(t->data, "ength: @\r\n");
	char *body = strstr(t->data, "\r\n\r\n");

	if (!at || !body || at > body)
		return;
	done.len = snprintf(done.data, TEXT_MAX, "%.*s%u%s",
			    (int)(at + 7 - t->data), t->data,
			    (u32)(t->data + t->len - body - 4), at + 8);
	*t = done;
}

/* The text up to the next "---", with line ends as they are on the wire. */
static void read_text(struct case_file *c, struct text *t)
{
	size_t len;

	t->len = 0;
	while (*c->p && strncmp(c->p, "--- ", 4)) {
		const char *line = next_line(c, &len);

		assert_true(t->len + len + 3 < TEXT_MAX);
		memcpy(t->data + t->len, line, len);
		memcpy(t->data + t->len + len, "\r\n", 2);
		t->len += (u32)len + 2;
	}
	t->data[t->len] = 0;
	fill_in_length(t);
}

static void expect_text(struct case_file *c, const char *what)
{
	struct world *w = c->w;

	if (w->out_len == c->want.len && !memcmp(w->out, c->want.data, w->out_len))
		return;
	fail_msg("%s, message %u, %s:\n%s\ninstead of:\n%s", c->name, c->steps, what,
		 w->out, c->want.data);
}

/* Another world with the same settings. */
static struct world *world_like(const struct case_file *c)
{
	struct world *w = world_new();

	w->env.set = c->w->env.set;
	w->map = c->w->map;
	w->shift = c->w->shift;
	w->reserve_error = c->w->reserve_error;
	w->fail_reserve = c->w->fail_reserve == c->w->reserves;
	return w;
}

static bool passes(struct case_file *c, struct world *w, const struct text *t)
{
	return !world_send(w, c->dir, t->data, t->len) && w->out_len == t->len &&
	       !memcmp(w->out, t->data, t->len);
}

/* In a process of its own, so that nothing of it stays; what was refused is again. */
static bool passes_here(struct case_file *c)
{
	int status = -1;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		c->w->fail_reserve += c->w->fail_reserve == c->w->reserves;
		_exit(!passes(c, c->w, &c->want));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !status;
}

/*
 * What came out, sent again over this connection and over another one like it,
 * stays as it is.
 */
static void expect_stable(struct case_file *c)
{
	struct world *w = world_like(c);

	if (c->again.inside.port)
		w->map.end[0] = c->again;
	if (!passes(c, w, &c->want))
		fail_msg("%s, message %u, changes once more:\n%s", c->name, c->steps, w->out);
	world_free(w);
	if (!passes_here(c))
		fail_msg("%s, message %u, changes once more on its own connection",
			 c->name, c->steps);
}

/* Where nothing is translated, or somebody else is, not a byte changes. */
static void expect_same_bytes(struct case_file *c)
{
	struct world *w = world_like(c);

	w->map.end[0].outside = w->map.end[0].inside;
	w->map.end[1].outside = w->map.end[1].inside;
	if (!passes(c, w, &c->in))
		fail_msg("%s, message %u, changes without NAT:\n%s", c->name, c->steps, w->out);
	memset(w->env.set.media_hosts, 0, sizeof(w->env.set.media_hosts));
	w->map.end[0] = c->others;
	world_map(w, 1, "10.99.98.96:5060", "203.0.113.249:5060");
	if (!passes(c, w, &c->in))
		fail_msg("%s, message %u, changes for others:\n%s", c->name, c->steps, w->out);
	world_free(w);
}

static void run_step(struct case_file *c, bool changes)
{
	bool changed;

	memcpy(c->before, c->w->count, sizeof(c->before));
	changed = world_send(c->w, c->dir, c->in.data, c->in.len);
	c->steps++;
	expect_text(c, "became");
	if (changed != changes)
		fail_msg("%s, message %u: changed %d", c->name, c->steps, changed);
	expect_stable(c);
	expect_same_bytes(c);
}

static int reason_by_name(const char *name, size_t len)
{
	int i;

	for (i = 0; i < NST_R_MAX; i++)
		if (strlen(nst_reason_name(i)) == len &&
		    !memcmp(nst_reason_name(i), name, len))
			return i;
	fail_msg("no reason is called %.*s", (int)len, name);
	return -1;
}

/* "name=3 other=0": counted by the last message. */
static void expect_counts(struct case_file *c, const char *args)
{
	size_t len;
	u32 want, have;
	int r, used;

	for (; *args; args += used) {
		len = strcspn(args, "=");
		r = reason_by_name(args, len);
		assert_int_equal(sscanf(args + len, "=%u %n", &want, &used), 1);
		used += (int)len;
		have = c->w->count[r] - c->before[r];
		if (have != want)
			fail_msg("%s, message %u: %s is %u, not %u", c->name,
				 c->steps, nst_reason_name(r), have, want);
	}
}

/* "10.0.7.0/24": one more of media_hosts. */
static void add_media_host(struct world *w, const char *addr, int len)
{
	struct nst_prefix *p = w->env.set.media_hosts;

	while (p->len)
		p++;
	p->addr = world_endpoint(addr).addr;
	p->len = len;
}

static void put_map(struct nst_mapping *m, const char *inside, const char *outside)
{
	m->inside = world_endpoint(inside);
	m->outside = world_endpoint(outside);
}

static void directive(struct case_file *c, const char *line)
{
	char a[64], b[64];
	int n;

	if (sscanf(line, "--- client %63s %63s", a, b) == 2) {
		world_map(c->w, 0, a, b);
	} else if (sscanf(line, "--- server %63s %63s", a, b) == 2) {
		world_map(c->w, 1, a, b);
	} else if (sscanf(line, "--- again %63s %63s", a, b) == 2) {
		put_map(&c->again, a, b);
	} else if (sscanf(line, "--- others %63s %63s", a, b) == 2) {
		put_map(&c->others, a, b);
	} else if (sscanf(line, "--- shift %d", &n) == 1) {
		c->w->shift = n;
	} else if (sscanf(line, "--- taken %d", &n) == 1) {
		c->w->taken = n;
	} else if (!strcmp(line, "--- contact connection")) {
		c->w->env.set.contact = NST_CONTACT_CONNECTION;
	} else if (sscanf(line, "--- seconds %d", &n) == 1) {
		world_expire(c->w, n * 1000ull);
	} else if (sscanf(line, "--- connection %d", &n) == 1) {
		c->w->conn = n;
		memset(&c->w->map.alias, 0, sizeof(c->w->map.alias));
	} else if (sscanf(line, "--- media_hosts %63[^/]/%d", a, &n) == 2) {
		add_media_host(c->w, a, n);
	} else if (!strcmp(line, "--- media_filter off")) {
		c->w->env.set.media_filter = NST_FILTER_OFF;
	} else if (sscanf(line, "--- body_max %d", &n) == 1) {
		c->w->env.set.body_max = n;
	} else if (sscanf(line, "--- refuse %d", &n) == 1) {
		c->w->fail_reserve = c->w->reserves + 1;
		c->w->reserve_error = -n;
	} else if (!strcmp(line, "--- from client") || !strcmp(line, "--- from server")) {
		c->dir = !strcmp(line, "--- from server");
		read_text(c, &c->in);
	} else if (!strcmp(line, "--- becomes")) {
		read_text(c, &c->want);
		run_step(c, true);
	} else if (!strcmp(line, "--- unchanged")) {
		c->want = c->in;
		run_step(c, false);
	} else if (!strncmp(line, "--- counts ", 11)) {
		expect_counts(c, line + 11);
	} else {
		fail_msg("%s: what is \"%s\"?", c->name, line);
	}
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *data = calloc(1, TEXT_MAX);

	assert_non_null(f);
	assert_non_null(data);
	assert_true(fread(data, 1, TEXT_MAX, f) < TEXT_MAX);
	fclose(f);
	return data;
}

/* @word in the place of each "$". */
static char *put_word(const char *text, const char *word, size_t len)
{
	char *data = calloc(1, TEXT_MAX);
	size_t n = 0;

	assert_non_null(data);
	for (; *text; text++) {
		assert_true(n + len + 1 < TEXT_MAX);
		memcpy(data + n, *text == '$' ? word : text, *text == '$' ? len : 1);
		n += *text == '$' ? len : 1;
	}
	return data;
}

static void run_text(const char *name, const char *data)
{
	static struct case_file c;
	char line[512];
	const char *p;
	size_t len;

	memset(&c, 0, sizeof(c));
	c.name = name;
	c.p = data;
	c.w = world_new();
	put_map(&c.others, "10.99.98.97:40000", "203.0.113.250:40000");
	while ((p = next_line(&c, &len))) {
		/* What stands in front of the first "---" is for people. */
		if (strncmp(p, "--- ", 4))
			continue;
		assert_true(len < sizeof(line));
		memcpy(line, p, len);
		line[len] = 0;
		directive(&c, line);
	}
	assert_true(c.steps > 0);
	world_free(c.w);
}

/* Once, or once for each word of a line "--- each", which begins the case then. */
static void run_case(void **state)
{
	static const char each[] = "\n--- each ";
	char path[512], name[512];
	char *data, *text;
	const char *p;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", CASES_DIR, (char *)*state);
	data = read_file(path);
	p = strstr(data, each);
	if (!p)
		run_text(*state, data);
	else
		p += strlen(each);
	for (; p && *p != '\n'; p += len + (p[len] == ' ')) {
		len = strcspn(p, "\n ");
		snprintf(name, sizeof(name), "%s, %.*s", (char *)*state, (int)len, p);
		text = put_word(p + strcspn(p, "\n"), p, len);
		run_text(name, text);
		free(text);
	}
	free(data);
}

/* A case that says what is not so has to fail: else what would the others prove? */
static void run_wrong_case(void **state)
{
	struct CMUnitTest test = { *state, run_case, NULL, NULL, *state };
	int status = -1;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(0);
		_exit(_cmocka_run_group_tests("wrong", &test, 1, NULL, NULL) == 1 ? 42 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct CMUnitTest *)a)->name,
		      ((const struct CMUnitTest *)b)->name);
}

static size_t find_cases(struct CMUnitTest *tests, size_t max, const char *sub)
{
	char path[512];
	struct dirent *d;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", CASES_DIR, sub);
	dir = opendir(path);
	check(dir);
	while ((d = readdir(dir))) {
		size_t len = strlen(d->d_name);

		if (len < 6 || strcmp(d->d_name + len - 5, ".case"))
			continue;
		check(n < max);
		snprintf(path, sizeof(path), "%s%s", sub, d->d_name);
		tests[n].name = strdup(path);
		tests[n].test_func = *sub ? run_wrong_case : run_case;
		tests[n].initial_state = (void *)tests[n].name;
		n++;
	}
	closedir(dir);
	check(n);
	qsort(tests, n, sizeof(*tests), by_name);
	return n;
}

int main(void)
{
	static struct CMUnitTest cases[256];
	size_t n = find_cases(cases, ARRAY_SIZE(cases), "");
	int failed;

	n += find_cases(cases + n, ARRAY_SIZE(cases) - n, "wrong/");
	failed = _cmocka_run_group_tests("rewrite", cases, n, NULL, NULL);

	while (n)
		free((void *)cases[--n].name);
	return failed;
}
