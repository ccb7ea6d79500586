// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where does a message end (RFC 3261 sections 7.5 and 18.3)?
 *
 * The start line is judged byte by byte, so that TLS, HTTP and the like are
 * recognised with the first byte that can't stand in SIP and nothing of them
 * is held back.  Headers are looked at one whole line at a time and only for
 * Content-Length.
 *
 * Every answer is a function of the bytes from the start of the message up to
 * the one that decides, never of the calls they came in.
 *
 * Framing is more forgiving than parsing: what RFC 4475 calls broken in the
 * start line (more than one SP, SP inside the Request-URI, "<" around it, a
 * version other than 2.0, a status that is no status) still has an end that
 * both peers agree upon.
 *
 *	request:  METHOD -SP-> GAP -ALPHA-> SCHEME -":"-> URI -CR-> CR -LF-> end
 *	response: METHOD ("SIP") -"/"-> STATUS -> REASON -LF-> end
 */
#include <nf_nat_sip_tcp/sip_frame.h>
#include <nf_nat_sip_tcp/sip_msg.h>

enum start_state {
	START_METHOD,	/* token; or "SIP" of a Status-Line */
	START_GAP,	/* SP in front of the Request-URI */
	START_SCHEME,	/* scheme of the Request-URI */
	START_URI,	/* rest of the Request-Line */
	START_CR,	/* CR seen, LF must follow */
	START_STATUS,	/* version and status, by position */
	START_REASON,	/* Reason-Phrase, any bytes */
	START_END,	/* LF seen */
	START_BAD,	/* not SIP */
};

/* d: any digit.  An unknown version is framed all the same. */
static const char version_form[] = "SIP/d.d";
static const char status_form[] = "SIP/d.d ddd";

static bool fits_form(char c, char form)
{
	return form == 'd' ? is_digit(c) : ascii_lower(c) == ascii_lower(form);
}

static enum start_state step_method(const char *buf, u32 pos)
{
	char c = buf[pos];

	if (is_token(c))
		return START_METHOD;
	if (c == '/' && span_is(buf, span_of(0, pos), "SIP"))
		return START_STATUS;
	return c == ' ' && pos ? START_GAP : START_BAD;
}

static enum start_state step_gap(char c)
{
	if (c == ' ' || c == '<')
		return START_GAP;
	return is_alpha(c) ? START_SCHEME : START_BAD;
}

static enum start_state step_scheme(char c)
{
	if (c == ':')
		return START_URI;
	if (is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.')
		return START_SCHEME;
	return START_BAD;
}

static enum start_state step_uri(char c)
{
	if (c == '\n')
		return START_END;
	if (c == '\r')
		return START_CR;
	return ((u8)c >= ' ' && c != 0x7f) || c == '\t' ? START_URI : START_BAD;
}

static enum start_state step_status(char c, u32 pos)
{
	if (pos < sizeof(status_form) - 1)
		return fits_form(c, status_form[pos]) ? START_STATUS : START_BAD;
	if (c == '\n')
		return START_END;
	if (is_digit(c))
		return START_STATUS;
	return c == ' ' || c == '\r' ? START_REASON : START_BAD;
}

static enum start_state start_step(enum start_state state, const char *buf, u32 pos)
{
	char c = buf[pos];

	switch (state) {
	case START_METHOD:
		return step_method(buf, pos);
	case START_GAP:
		return step_gap(c);
	case START_SCHEME:
		return step_scheme(c);
	case START_URI:
		return step_uri(c);
	case START_CR:
		return c == '\n' ? START_END : START_BAD;
	case START_STATUS:
		return step_status(c, pos);
	case START_REASON:
		return c == '\n' ? START_END : START_REASON;
	default:
		return START_BAD;
	}
}

/* Does the Request-Line end in SP and a SIP-Version?  It decides HTTP. */
static bool has_version(const char *buf, u32 len)
{
	struct span line = span_trim(buf, span_of(0, len));
	u32 n = sizeof(version_form) - 1;
	u32 at;
	u32 i;

	if (line.len <= n)
		return false;
	at = span_end(line) - n;
	for (i = 0; i < n; i++)
		if (!fits_form(buf[at + i], version_form[i]))
			return false;
	return is_wsp(buf[at - 1]);
}

/* Where the first byte is, from @at on, that may change the state. */
static u32 skip_alike(enum start_state state, const char *buf, u32 at, u32 len)
{
	switch (state) {
	case START_METHOD:
		while (at < len && is_token(buf[at]))
			at++;
		return at;
	case START_URI:
		while (at < len && (u8)buf[at] > ' ' && buf[at] != 0x7f)
			at++;
		return at;
	case START_REASON:
		return span_chr(buf, span_of(at, len), '\n');
	default:
		return at;
	}
}

static int scan_start(struct sip_frame *f, const char *buf, u32 len)
{
	enum start_state next;

	/* Most responses begin like this. */
	if (!f->scanned && len > 8 && !memcmp(buf, "SIP/2.0 ", 8)) {
		f->state = START_STATUS;
		f->scanned = 8;
	}
	for (;;) {
		f->scanned = skip_alike(f->state, buf, f->scanned, len);
		if (f->scanned == len)
			break;
		next = start_step(f->state, buf, f->scanned);
		if (next == START_END && f->state <= START_CR &&
		    !has_version(buf, f->scanned))
			next = START_BAD;
		/* The state stays in front of the byte: asked again, it says no again. */
		if (next == START_BAD)
			return -NST_R_OPAQUE_START_LINE;
		f->state = (u8)next;
		f->scanned++;
		if (next == START_END) {
			f->started = true;
			f->line = f->scanned;
			break;
		}
	}
	return 0;
}

/* Two lengths that differ are the door of every smuggled request. */
static int take_clen(struct sip_frame *f, const char *buf, struct span value)
{
	u32 len;

	if (span_uint(buf, value, 0x7fffffff, &len))
		return -NST_R_OPAQUE_BAD_CLEN;
	if (f->clen.len)
		return len == f->body_len ? 0 : -NST_R_OPAQUE_BAD_CLEN;
	f->clen = value;
	f->body_len = len;
	return 0;
}

/* Content-Length, or l: most lines are told by a byte or two. */
static bool may_be_clen(const char *buf, struct span line)
{
	char c = ascii_lower(buf[line.off]);

	return c == 'l' || (c == 'c' && line.len > 8 && ascii_lower(buf[line.off + 8]) == 'l');
}

static int take_line(struct sip_frame *f, const char *buf, struct span line)
{
	struct sip_header h;

	if (!sip_header_known(buf, line, &h) || h.id != SIP_HDR_CONTENT_LENGTH)
		return 0;
	return take_clen(f, buf, h.value);
}

/* Is the line from @line to the LF at @lf empty? */
static bool line_empty(const char *buf, u32 line, u32 lf)
{
	return lf == line || (lf == line + 1 && buf[line] == '\r');
}

static void note_line(struct sip_lines *lines, u32 at)
{
	if (!lines)
		return;
	if (lines->nr < SIP_LINES_MAX)
		lines->at[lines->nr] = at;
	lines->nr++;
}

static int scan_headers(struct sip_frame *f, const char *buf, u32 len,
			struct sip_lines *lines)
{
	struct span line;
	u32 pos;
	u32 lf;
	int err;

	note_line(lines, f->line);
	while (f->scanned < len) {
		pos = f->scanned;
		/* A header ends where the next line does not go on with it. */
		if (pos > f->line && buf[pos - 1] == '\n' && !is_wsp(buf[pos])) {
			line = span_of(f->line, pos);
			err = may_be_clen(buf, line) ? take_line(f, buf, line) : 0;
			if (err)
				return err;
			f->line = pos;
			note_line(lines, pos);
		}
		lf = span_chr(buf, span_of(pos, len), '\n');
		if (lf < len && line_empty(buf, f->line, lf)) {
			if (!f->clen.len)
				return -NST_R_OPAQUE_NO_CLEN;
			f->hdr_len = lf + 1;
			f->scanned = lf + 1;
			return 1;
		}
		f->scanned = lf < len ? lf + 1 : len;
	}
	return 0;
}

int sip_frame_lines(struct sip_frame *f, const char *buf, u32 len, u32 header_max,
		    struct sip_lines *lines)
{
	u32 end = len < header_max ? len : header_max;
	int ret = 0;

	if (lines)
		lines->nr = 0;
	/* Of what was seen before nothing is known any more. */
	if (f->scanned)
		lines = NULL;
	if (f->hdr_len)
		return 1;
	if (!f->started)
		ret = scan_start(f, buf, end);
	if (!ret && f->started)
		ret = scan_headers(f, buf, end, lines);
	if (!ret && len >= header_max)
		ret = -NST_R_OPAQUE_HEADER_SIZE;
	return ret;
}

u32 sip_frame_crlf(const char *buf, u32 len)
{
	u32 n = 0;

	while (n < len && (buf[n] == '\r' || buf[n] == '\n'))
		n++;
	return n;
}
