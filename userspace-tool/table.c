// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aligned text.
 */
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "table.h"

void table_cell(struct table *t, char *text)
{
	if (t->nr == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = need(reallocarray(t->cell, t->room, sizeof(*t->cell)));
	}
	t->cell[t->nr++] = text;
}

void table_word(struct table *t, const char *text)
{
	table_cell(t, need(strdup(text)));
}

/* A cell that is longer does not push its column apart: it is one of few. */
#define WIDTH_MAX 48

static size_t width_of(const struct table *t, size_t column)
{
	size_t i, len, width = 0;

	for (i = column; i < t->nr; i += t->columns) {
		len = strlen(t->cell[i]);
		if (len > width && len <= WIDTH_MAX)
			width = len;
	}
	return width;
}

void table_print(const struct table *t, FILE *out)
{
	size_t *width = need(calloc(t->columns + 1, sizeof(*width)));
	size_t i, column;

	for (column = 0; column < t->columns; column++)
		width[column] = width_of(t, column);
	for (i = 0; i < t->nr; i++) {
		column = i % t->columns;
		/* No blanks at the end of a line. */
		if (column == t->columns - 1)
			fprintf(out, "%s\n", t->cell[i]);
		else
			fprintf(out, "%-*s  ", (int)width[column], t->cell[i]);
	}
	free(width);
}

void table_free(struct table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){ .columns = t->columns };
}
