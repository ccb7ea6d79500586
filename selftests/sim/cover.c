// SPDX-License-Identifier: GPL-2.0-only
/* Sets of offsets: what came, what left, what was SACKed. */
#include "sim.h"

static void cover_absorb(struct cover *c)
{
	u32 n = 0;

	while (n < c->nr && c->r[n].from <= c->low) {
		if (c->r[n].to > c->low)
			c->low = c->r[n].to;
		n++;
	}
	if (!n)
		return;
	c->nr -= n;
	memmove(c->r, c->r + n, c->nr * sizeof(c->r[0]));
}

/* Return: true where any of it is new. */
bool cover_add(struct cover *c, u32 from, u32 to)
{
	u32 i, j;

	if (from < c->low)
		from = c->low;
	if (from >= to)
		return false;
	if (from == c->low && !c->nr) {
		c->low = to;
		return true;
	}
	for (i = c->nr; i && c->r[i - 1].to >= from; i--)
		;
	/* @i: the first that touches it, or lies behind. */
	if (i < c->nr && c->r[i].from <= from && c->r[i].to >= to)
		return false;
	for (j = i; j < c->nr && c->r[j].from <= to; j++) {
		if (c->r[j].from < from)
			from = c->r[j].from;
		if (c->r[j].to > to)
			to = c->r[j].to;
	}
	if (i == j && c->nr == RANGES_MAX) {
		fprintf(stderr, "sim: too many ranges\n");
		abort();
	}
	memmove(c->r + i + 1, c->r + j, (c->nr - j) * sizeof(c->r[0]));
	c->nr += 1 - (j - i);
	c->r[i].from = from;
	c->r[i].to = to;
	cover_absorb(c);
	return true;
}

bool cover_has(const struct cover *c, u32 from, u32 to)
{
	u32 i;

	if (from < c->low)
		from = c->low;
	if (from >= to)
		return true;
	for (i = 0; i < c->nr; i++)
		if (c->r[i].from <= from)
			if (to <= c->r[i].to)
				return true;
	return false;
}

u32 cover_top(const struct cover *c)
{
	return c->nr ? c->r[c->nr - 1].to : c->low;
}
