// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multipart bodies (RFC 2046 section 5.1), taken apart without a copy.
 *
 *	--outer			<- delimiter: opens a part
 *	Content-Type: ...	   headers, up to an empty line
 *
 *	...			   what is in it; the line end in front of the
 *	--outer			   next delimiter is not
 *	Content-Type: multipart/alternative;boundary=inner
 *
 *	--inner			   of a multipart within the inner delimiters
 *	...			   count, and the outer ones, which end it, too
 *	--inner--
 *	--outer--		<- and this one ends all
 *
 * A reader that compares no more than the start of a line (RFC 2046 lets it)
 * and one that compares all of it must see the same parts: a line that begins
 * like a delimiter and goes on otherwise makes the body unreadable.
 */
#include <nf_nat_sip_tcp/multipart.h>
#include <nf_nat_sip_tcp/sip_msg.h>
#include <nf_nat_sip_tcp/sip_uri.h>

/**
 * struct delimiter - a delimiter line
 * @at: where its line starts
 * @next: where the next line starts
 * @level: whose it is, an index of &multipart.boundary
 * @close: it has "--" at its end
 */
struct delimiter {
	u32 at;
	u32 next;
	u8 level;
	bool close;
};

static enum mime_kind multipart_kind(const char *base, struct span sub)
{
	if (span_is(base, sub, "mixed") || span_is(base, sub, "alternative") ||
	    span_is(base, sub, "related"))
		return MIME_OPEN;
	return span_is(base, sub, "signed") || span_is(base, sub, "encrypted") ?
	       MIME_SEALED : MIME_OTHER;
}

static enum mime_kind application_kind(const char *base, struct span sub)
{
	if (span_is(base, sub, "sdp"))
		return MIME_SDP;
	return span_is(base, sub, "pkcs7-mime") || span_is(base, sub, "x-pkcs7-mime") ?
	       MIME_SEALED : MIME_OTHER;
}

enum mime_kind mime_kind(const char *base, struct span type)
{
	u32 end = span_chr(base, type, ';');
	u32 slash = span_chr(base, span_of(type.off, end), '/');
	struct span main = span_trim(base, span_of(type.off, slash));
	struct span sub = span_trim(base, span_of(slash + 1, end));

	if (slash == end)
		return MIME_OTHER;
	if (span_is(base, main, "application"))
		return application_kind(base, sub);
	return span_is(base, main, "multipart") ? multipart_kind(base, sub) : MIME_OTHER;
}

/* Where the next line starts. */
static u32 line_end(const char *base, u32 at, u32 end)
{
	u32 lf = span_chr(base, span_of(at, end), '\n');

	return lf < end ? lf + 1 : end;
}

static bool starts_with(const char *base, struct span s, struct span text)
{
	return s.len >= text.len && !memcmp(base + s.off, base + text.off, text.len);
}

/*
 * Is the line, "--" and all, a delimiter of this boundary?
 * Return: 1 if so, 0 if not, -EINVAL where only its start is.
 */
static int match_line(const char *base, struct span line, struct span boundary, bool *close)
{
	struct span rest = span_of(line.off + 2, span_end(line));

	if (line.len < 2 || base[line.off] != '-' || base[line.off + 1] != '-' ||
	    !starts_with(base, rest, boundary))
		return 0;
	rest = span_of(rest.off + boundary.len, span_end(rest));
	*close = rest.len >= 2 && base[rest.off] == '-' && base[rest.off + 1] == '-';
	if (*close)
		rest = span_of(rest.off + 2, span_end(rest));
	return span_trim(base, rest).len ? -EINVAL : 1;
}

/* The same for all boundaries that are open, the innermost first. */
static int match_any(const struct multipart *mp, const char *base, struct span line,
		     struct delimiter *d)
{
	bool doubt = false;
	u8 i = mp->depth;
	int r;

	while (i--) {
		r = match_line(base, line, mp->boundary[i], &d->close);
		if (r > 0) {
			d->level = i;
			return 1;
		}
		doubt |= r < 0;
	}
	return doubt ? -EINVAL : 0;
}

/* The next delimiter line at or behind the start of @s.  Return: 0 or -EINVAL. */
static int find_delimiter(const struct multipart *mp, const char *base, struct span s,
			  struct delimiter *d)
{
	u32 end = span_end(s);
	u32 at = s.off;
	int r;

	while (at < end) {
		d->at = at;
		d->next = line_end(base, at, end);
		r = match_any(mp, base, span_of(at, d->next), d);
		if (r)
			return r > 0 ? 0 : r;
		at = d->next;
	}
	return -EINVAL;
}

static int push_boundary(struct multipart *mp, const char *base, struct span type,
			 struct span length)
{
	u32 semi = span_chr(base, type, ';');
	struct span boundary;

	if (mp->depth == MULTIPART_DEPTH ||
	    !sip_param_find(base, span_of(semi + 1, span_end(type)), "boundary", &boundary))
		return -EINVAL;
	if (boundary.len >= 2 && base[boundary.off] == '"' &&
	    base[span_end(boundary) - 1] == '"')
		boundary = span_of(boundary.off + 1, span_end(boundary) - 1);
	if (!boundary.len || boundary.len > MULTIPART_BOUNDARY_MAX ||
	    span_chr(base, boundary, '\\') != span_end(boundary) ||
	    span_chr(base, boundary, '"') != span_end(boundary))
		return -EINVAL;
	mp->length[mp->depth] = length;
	mp->boundary[mp->depth++] = boundary;
	return 0;
}

int multipart_begin(struct multipart *mp, const char *base, struct span type,
		    struct span body)
{
	mp->rest = body;
	mp->depth = 0;
	return push_boundary(mp, base, type, (struct span){ 0 });
}

static void note_header(struct mime_part *part, const char *base, const struct sip_header *h)
{
	switch (h->id) {
	case SIP_HDR_CONTENT_TYPE:
		part->type = h->value;
		part->kind = mime_kind(base, h->value);
		break;
	case SIP_HDR_CONTENT_DISPOSITION:
		part->disposition = h->value;
		break;
	case SIP_HDR_CONTENT_LENGTH:
		part->length = h->value;
		break;
	default:
		part->encoded |= sip_header_encodes(base, h);
		break;
	}
}

/* The line end in front of a delimiter belongs to that. */
static struct span without_line_end(const char *base, struct span s)
{
	if (s.len && base[span_end(s) - 1] == '\n')
		s.len--;
	if (s.len && base[span_end(s) - 1] == '\r')
		s.len--;
	return s;
}

/* The line at @at with the lines that go on with it. */
static struct span folded_line(const char *base, u32 at, u32 end)
{
	u32 next = line_end(base, at, end);

	while (next < end && is_wsp(base[next]))
		next = line_end(base, next, end);
	return span_of(at, next);
}

/* Headers of a part up to its empty line, and nothing else than headers. */
static int take_headers(const struct multipart *mp, const char *base, struct span s,
			struct mime_part *part)
{
	struct delimiter d;
	struct sip_header h;
	struct span line;

	memset(part, 0, sizeof(*part));
	while (s.len) {
		line = folded_line(base, s.off, span_end(s));
		s = span_of(span_end(line), span_end(s));
		if (!without_line_end(base, line).len) {
			part->body = s;
			return 0;
		}
		if (match_any(mp, base, line, &d) || !sip_header_split(base, line, &h))
			break;
		note_header(part, base, &h);
	}
	return -EINVAL;
}

/*
 * The part behind the delimiter @d.  @mp->rest goes to the delimiter that ends
 * it, or to the start of the multipart that it is: to that one's delimiters
 * the others may be alike.
 * Return: 1, 0 where it is a multipart to be read, -EINVAL.
 */
static int take_part(struct multipart *mp, const char *base, const struct delimiter *d,
		     struct mime_part *part)
{
	u32 end = span_end(mp->rest);
	struct delimiter next;

	mp->depth = d->level + 1;
	if (take_headers(mp, base, span_of(d->next, end), part))
		return -EINVAL;
	mp->rest = part->body;
	if (part->kind == MIME_OPEN && !part->encoded)
		return push_boundary(mp, base, part->type, part->length);
	if (find_delimiter(mp, base, part->body, &next))
		return -EINVAL;
	part->body = without_line_end(base, span_of(part->body.off, next.at));
	mp->rest = span_of(next.at, end);
	return 1;
}

int multipart_next(struct multipart *mp, const char *base, struct mime_part *part)
{
	struct delimiter d;
	int r;

	for (;;) {
		if (find_delimiter(mp, base, mp->rest, &d))
			return -EINVAL;
		if (d.close && !d.level)
			return 0;
		if (!d.close) {
			r = take_part(mp, base, &d, part);
			if (r)
				return r;
			continue;
		}
		/* What follows is an epilogue, up to the next part around it. */
		mp->depth = d.level;
		mp->rest = span_of(d.next, span_end(mp->rest));
	}
}
