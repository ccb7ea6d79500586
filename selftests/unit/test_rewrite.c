// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages in, messages out: runs cases/ (the format is told in its README).
 */
#include <dirent.h>

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
	while (*c->p && strncmp(c->p, "---", 3)) {
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

/* What came out, sent again over a connection like this one, stays as it is. */
static void expect_stable(struct case_file *c)
{
	struct world *w = world_new();

	w->env.set = c->w->env.set;
	w->map = c->w->map;
	w->shift = c->w->shift;
	w->reserve_error = c->w->reserve_error;
	w->fail_reserve = c->w->fail_reserve == c->w->reserves;
	if (world_send(w, c->dir, c->want.data, c->want.len))
		fail_msg("%s, message %u, changes once more:\n%s", c->name, c->steps, w->out);
	assert_string_equal(w->out, c->want.data);
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

static void directive(struct case_file *c, const char *line)
{
	char a[64], b[64];
	int n;

	if (sscanf(line, "--- client %63s %63s", a, b) == 2) {
		world_map(c->w, 0, a, b);
	} else if (sscanf(line, "--- server %63s %63s", a, b) == 2) {
		world_map(c->w, 1, a, b);
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

static void run_case(void **state)
{
	static struct case_file c;
	const char *name = *state;
	char path[512], line[256];
	const char *p;
	char *data;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", CASES_DIR, name);
	data = read_file(path);
	memset(&c, 0, sizeof(c));
	c.name = name;
	c.p = data;
	c.w = world_new();
	while ((p = next_line(&c, &len))) {
		/* What stands in front of the first "---" is for people. */
		if (strncmp(p, "---", 3))
			continue;
		assert_true(len < sizeof(line));
		memcpy(line, p, len);
		line[len] = 0;
		directive(&c, line);
	}
	assert_true(c.steps > 0);
	world_free(c.w);
	free(data);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct CMUnitTest *)a)->name,
		      ((const struct CMUnitTest *)b)->name);
}

static size_t find_cases(struct CMUnitTest *tests, size_t max)
{
	DIR *dir = opendir(CASES_DIR);
	struct dirent *d;
	size_t n = 0;

	check(dir);
	while ((d = readdir(dir))) {
		size_t len = strlen(d->d_name);

		if (len < 6 || strcmp(d->d_name + len - 5, ".case"))
			continue;
		check(n < max);
		tests[n].name = strdup(d->d_name);
		tests[n].test_func = run_case;
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
	size_t n = find_cases(cases, ARRAY_SIZE(cases));
	int failed = _cmocka_run_group_tests("rewrite", cases, n, NULL, NULL);

	while (n)
		free((void *)cases[--n].name);
	return failed;
}
