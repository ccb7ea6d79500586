// SPDX-License-Identifier: GPL-2.0-only
#include "corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CORPUS_DIR
#define CORPUS_DIR "../corpus"
#endif

static const char *corpus_dir(void)
{
	const char *dir = getenv("CORPUS_DIR");

	return dir && *dir ? dir : CORPUS_DIR;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	abort();
}

struct corpus_file corpus_read(const char *name)
{
	struct corpus_file f = { .name = "" };
	char path[4096];
	long size;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", corpus_dir(), name);
	in = fopen(path, "rb");
	if (!in || fseek(in, 0, SEEK_END))
		die(path);
	size = ftell(in);
	if (size < 0)
		die(path);
	rewind(in);
	f.len = (size_t)size;
	f.data = malloc(f.len + 1);
	if (!f.data || fread(f.data, 1, f.len, in) != f.len)
		die(path);
	fclose(in);
	snprintf(f.name, sizeof(f.name), "%.63s", name);
	return f;
}

void corpus_file_free(struct corpus_file *f)
{
	free(f->data);
	memset(f, 0, sizeof(*f));
}

static int ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

static void append(struct corpus *c, const char *dir, const char *name)
{
	char path[4096];

	c->file = realloc(c->file, (c->nr + 1) * sizeof(*c->file));
	if (!c->file)
		die("corpus");
	snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	c->file[c->nr++] = corpus_read(path);
}

struct corpus corpus_load(const char *dir, const char *suffix)
{
	struct corpus c = { NULL, 0 };
	struct dirent **entry;
	char path[4096];
	int n;
	int i;

	snprintf(path, sizeof(path), "%s/%s", corpus_dir(), dir);
	n = scandir(path, &entry, NULL, alphasort);
	if (n < 0)
		die(path);
	for (i = 0; i < n; i++) {
		if (ends_with(entry[i]->d_name, suffix))
			append(&c, dir, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	if (!c.nr) {
		fprintf(stderr, "no *%s in %s\n", suffix, path);
		abort();
	}
	return c;
}

void corpus_free(struct corpus *c)
{
	size_t i;

	for (i = 0; i < c->nr; i++)
		corpus_file_free(&c->file[i]);
	free(c->file);
	memset(c, 0, sizeof(*c));
}
