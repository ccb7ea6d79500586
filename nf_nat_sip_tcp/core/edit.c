// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of changes to one message, and its one rendering (design I8).
 */
#include <nf_nat_sip_tcp/edit.h>

void edits_init(struct edits *e)
{
	e->nr = 0;
	e->text_len = 0;
	e->delta = 0;
	e->full = false;
	e->addr.family = 0;
}

/*
 * Where an edit of @at belongs, counted from the end because headers come
 * mostly in order.  Two edits at one place would have no order: that counts
 * as an overlap.
 */
static int edits_place(const struct edits *e, struct span at)
{
	int i = e->nr;

	while (i > 0 && e->list[i - 1].at.off > at.off)
		i--;
	if (i > 0) {
		struct span prev = e->list[i - 1].at;

		if (prev.off == at.off || span_end(prev) > at.off)
			return -EEXIST;
	}
	if (i < e->nr && span_end(at) > e->list[i].at.off)
		return -EEXIST;
	return i;
}

void edits_replace(struct edits *e, const char *base, struct span at,
		   const char *text, u32 len)
{
	int i;

	if (len == at.len && !memcmp(base + at.off, text, len))
		return;
	if (e->nr == EDITS_MAX || len > (u32)EDITS_TEXT_MAX - e->text_len) {
		e->full = true;
		return;
	}
	i = edits_place(e, at);
	if (i < 0) {
		e->full = true;
		return;
	}
	memmove(&e->list[i + 1], &e->list[i], (e->nr - i) * sizeof(e->list[0]));
	e->list[i].at = at;
	e->list[i].text = e->text_len;
	e->list[i].text_len = len;
	memcpy(e->text + e->text_len, text, len);
	e->text_len += len;
	e->delta += (s32)len - (s32)at.len;
	e->nr++;
}

void edits_replace_uint(struct edits *e, const char *base, struct span at,
			u32 val, u32 width)
{
	char text[10];
	u32 i = sizeof(text);

	do {
		text[--i] = '0' + val % 10;
		val /= 10;
	} while (val && i);
	while (i && sizeof(text) - i < width)
		text[--i] = '0';
	edits_replace(e, base, at, text + i, sizeof(text) - i);
}

void edits_replace_addr(struct edits *e, const char *base, struct span at,
			const struct nst_addr *addr)
{
	bool brackets = at.len && base[at.off] == '[';

	/* Mostly it is one address all through a message. */
	if (!addr->family || !addr_equal(&e->addr, addr)) {
		e->addr = *addr;
		e->addr_text[0] = '[';
		e->addr_len = addr_format(e->addr_text + 1, addr);
		e->addr_text[e->addr_len + 1] = ']';
	}
	if (brackets)
		edits_replace(e, base, at, e->addr_text, e->addr_len + 2);
	else
		edits_replace(e, base, at, e->addr_text + 1, e->addr_len);
}

s32 edits_delta_within(const struct edits *e, struct span s)
{
	s32 delta = 0;
	u16 i;

	for (i = 0; i < e->nr; i++) {
		const struct edit *ed = &e->list[i];

		if (ed->at.off >= s.off && span_end(ed->at) <= span_end(s))
			delta += (s32)ed->text_len - (s32)ed->at.len;
	}
	return delta;
}

u32 edits_render(const struct edits *e, const char *in, u32 in_len, char *out)
{
	u32 from = 0;
	u32 n = 0;
	u16 i;

	for (i = 0; i < e->nr; i++) {
		const struct edit *ed = &e->list[i];

		memcpy(out + n, in + from, ed->at.off - from);
		n += ed->at.off - from;
		memcpy(out + n, e->text + ed->text, ed->text_len);
		n += ed->text_len;
		from = span_end(ed->at);
	}
	memcpy(out + n, in + from, in_len - from);
	return n + in_len - from;
}
