/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The messages in selftests/corpus.  CORPUS_DIR in the environment names
 * another place.
 */
#ifndef SELFTESTS_UNIT_CORPUS_H
#define SELFTESTS_UNIT_CORPUS_H

#include <stddef.h>

struct corpus_file {
	char name[64];
	char *data;
	size_t len;
};

struct corpus {
	struct corpus_file *file;
	size_t nr;
};

/*
 * All files with this suffix in a directory of the corpus, sorted by name:
 * corpus_load("", ".sip"), corpus_load("rfc4475", ".dat").  Aborts where there
 * are none: a test without input proves nothing.
 */
struct corpus corpus_load(const char *dir, const char *suffix);
void corpus_free(struct corpus *c);

/* One file, e.g. corpus_read("invite.sip"). */
struct corpus_file corpus_read(const char *name);
void corpus_file_free(struct corpus_file *f);

#endif
