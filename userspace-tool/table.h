/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_TABLE_H
#define SIPNAT_TABLE_H

#include <stddef.h>
#include <stdio.h>

/**
 * struct table - lines of cells, printed with columns aligned
 * @columns: cells a line
 * @cell: texts, line by line; the first line is the head
 * @nr: how many
 * @room: for how many there is room
 */
struct table {
	size_t columns;
	char **cell;
	size_t nr;
	size_t room;
};

/** table_cell - add a cell; takes over @text, which malloc() made */
void table_cell(struct table *t, char *text);

/** table_word - add a cell: copy of a text */
void table_word(struct table *t, const char *text);

/** table_print - print all lines; cells hold no blanks, so awk(1) reads them */
void table_print(const struct table *t, FILE *out);

/** table_free - give back what table_cell() took */
void table_free(struct table *t);

#endif
