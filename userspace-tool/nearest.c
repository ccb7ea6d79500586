// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody may have meant.
 */
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "nearest.h"

#define WORD_MAX 64
#define SHOW_MAX 3

static size_t min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Letters to put in, take out or change (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], la = strlen(a), lb = strlen(b), i, j, diagonal, up;

	if (lb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1,
				      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = up;
		}
	}
	return row[lb];
}

/* One that begins or ends with the word, or holds it, was meant most likely. */
static size_t rank(const char *word, const char *name)
{
	return *word && strstr(name, word) ? 0 : distance(word, name);
}

void advise_nearest(const char *word, name_at at, const void *list)
{
	char text[SHOW_MAX * (WORD_MAX + 2) + 1] = "";
	size_t shown = 0, wanted, i;
	const char *name;

	if (strlen(word) > WORD_MAX)
		return;
	/* Half of the word may be wrong, no more. */
	for (wanted = 0; wanted <= (strlen(word) + 1) / 2 && shown < SHOW_MAX; wanted++) {
		for (i = 0; (name = at(list, i)) && shown < SHOW_MAX; i++) {
			if (rank(word, name) != wanted || strlen(name) > WORD_MAX)
				continue;
			strcat(strcat(text, shown++ ? ", " : ""), name);
		}
	}
	if (shown)
		advise("did you mean: %s?", text);
}
