// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stream law's oracle: what each written byte has to become, and where a
 * number of one stream stands in the other one.
 */
#include "sim.h"

void judge_written(struct sim *s, u8 dir, const struct phrase *ph, u32 nr, u32 len)
{
	struct side *d = &s->side[dir];
	struct piece *last = d->nr_pieces ? &d->piece[d->nr_pieces - 1] : NULL;
	struct piece *pc = &d->piece[d->nr_pieces];

	must(s, PLAN, d->nr_pieces < PIECES_MAX, "too many pieces");
	memset(pc, 0, sizeof(*pc));
	pc->orig = last ? last->orig + last->len : 0;
	pc->len = len;
	pc->phrase = ph;
	pc->nr = nr;
	pc->changed = ph;
	pc->forms = FORM_RAW;
	if (ph) {
		pc->forms = FORM_FULL;
		if (s->may_opaque || s->oom)
			pc->forms |= FORM_RAW;
		if (s->oom && ph->part.p)
			pc->forms |= FORM_PART;
		d->changes += ph->full.len != ph->raw.len;
	}
	d->nr_pieces++;
	settle_pieces(s, dir);
}

/* One of the forms of a piece, in @to where it has to be made. */
static const char *form(const struct sim *s, u8 dir, const struct piece *pc, u8 which, char *to,
			u32 *len)
{
	if (which == FORM_RAW) {
		*len = pc->len;
		return s->end[dir].out + pc->orig;
	}
	*len = text_put(to, which == FORM_FULL ? &pc->phrase->full : &pc->phrase->part, pc->nr);
	return to;
}

static void settle(struct sim *s, u8 dir)
{
	static char text[32768];
	struct side *d = &s->side[dir];
	struct piece *pc = &d->piece[d->settled++];
	const char *p;

	if (d->expect_len + 32768 + pc->len > d->expect_cap) {
		d->expect_cap = 2 * (d->expect_len + 65536 + pc->len);
		d->expect = realloc(d->expect, d->expect_cap);
	}
	pc->fresh = d->expect_len;
	p = form(s, dir, pc, pc->forms, text, &pc->fresh_len);
	memcpy(d->expect + pc->fresh, p, pc->fresh_len);
	d->expect_len += pc->fresh_len;
	if (pc->forms != FORM_RAW)
		return;
	if (pc->changed && !s->oom && s->conn.state == NST_CONN_OPAQUE)
		d->raw_now = true;
	pc->changed = false;
}

/* Those that can have one form only. */
void settle_pieces(struct sim *s, u8 dir)
{
	struct side *d = &s->side[dir];

	while (d->settled < d->nr_pieces) {
		struct piece *pc = &d->piece[d->settled];

		if (d->raw_now)
			pc->forms &= FORM_RAW;
		if (pc->forms & (pc->forms - 1) || !pc->forms)
			return;
		settle(s, dir);
	}
}

/* Which forms of the piece at hand fit these bytes, @into it? */
static bool narrow(struct sim *s, u8 dir, u32 into, const char *data, u32 len)
{
	static char text[32768];
	struct side *d = &s->side[dir];
	struct piece *pc = &d->piece[d->settled];
	u8 which, left = 0, whole = 0;
	const char *p;
	u32 have;

	for (which = 1; which <= FORM_RAW; which *= 2) {
		if (!(pc->forms & which))
			continue;
		p = form(s, dir, pc, which, text, &have);
		if (into >= have || memcmp(p + into, data, len < have - into ? len : have - into))
			continue;
		left |= which;
		if (len >= have - into)
			whole |= which;
	}
	if (!left)
		return false;
	pc->forms = left;
	if (whole)
		pc->forms = whole & FORM_FULL ? FORM_FULL : whole & -whole;
	return true;
}

/* Are these the bytes that have to be read there? */
bool judge_bytes(struct sim *s, u8 dir, u32 off, const char *data, u32 len)
{
	struct side *d = &s->side[dir];
	u32 n;

	while (len) {
		settle_pieces(s, dir);
		if (off < d->expect_len) {
			n = d->expect_len - off < len ? d->expect_len - off : len;
			if (memcmp(d->expect + off, data, n))
				return false;
			off += n;
			data += n;
			len -= n;
			continue;
		}
		if (d->settled == d->nr_pieces)
			return false;
		/* Raw bytes may overtake each other: what is skipped is raw, too. */
		if (off - d->expect_len >= d->piece[d->settled].len &&
		    s->conn.state == NST_CONN_OPAQUE) {
			d->piece[d->settled].forms = FORM_RAW;
			continue;
		}
		if (!narrow(s, dir, off - d->expect_len, data, len))
			return false;
		if (d->piece[d->settled].forms & (d->piece[d->settled].forms - 1))
			return true;
	}
	return true;
}

/* The settled piece at an offset of either stream, or NULL. */
static const struct piece *piece_at(const struct side *d, s64 off, bool fresh)
{
	u32 low = 0, high = d->settled, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if ((fresh ? d->piece[mid].fresh : d->piece[mid].orig) <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &d->piece[low - 1] : NULL;
}

/* Within a message that changed a number may be anything of it. */
static s64 translate(const struct side *d, s64 off, bool fresh, bool up)
{
	const struct piece *pc = piece_at(d, off, fresh);
	s64 from, to, len, to_len;

	if (!pc)
		return off;
	from = fresh ? pc->fresh : pc->orig;
	len = fresh ? pc->fresh_len : pc->len;
	to = fresh ? pc->orig : pc->fresh;
	to_len = fresh ? pc->len : pc->fresh_len;
	if (off >= from + len)
		return to + to_len + (off - from - len);
	if (off == from || !pc->changed)
		return to + (off - from);
	return up ? to + to_len : to;
}

s64 orig_floor(const struct side *d, s64 fresh)
{
	return translate(d, fresh, true, false);
}

s64 orig_ceil(const struct side *d, s64 fresh)
{
	return translate(d, fresh, true, true);
}

s64 fresh_floor(const struct side *d, s64 orig)
{
	return translate(d, orig, false, false);
}

s64 fresh_ceil(const struct side *d, s64 orig)
{
	return translate(d, orig, false, true);
}

/* How much shorter it may have become. */
static u32 shrinks(const struct piece *pc)
{
	const struct phrase *ph = pc->phrase;

	return ph && ph->full.len < ph->raw.len ? ph->raw.len - ph->full.len : 0;
}

/*
 * The receiver's right edge in numbers of the sender, at most: which of the
 * messages between what left and what came count already nobody can see from
 * outside.
 */
s64 edge_ceil(const struct side *d)
{
	const struct piece *pc = piece_at(d, cover_top(&d->sent), true);
	s64 came = cover_top(&d->came), most, edge;

	if (!pc)
		pc = d->piece;
	most = d->told_edge - pc->fresh + pc->orig;
	for (edge = most; pc < d->piece + d->nr_pieces && pc->orig < came; pc++) {
		if (pc < d->piece + d->settled)
			edge = d->told_edge - pc->fresh - pc->fresh_len + pc->orig + pc->len;
		else
			edge += shrinks(pc);
		if (edge > most)
			most = edge;
	}
	return most;
}
