// SPDX-License-Identifier: GPL-2.0-only
/*
 * The torture messages of RFC 4475 as one end of a connection writes them: which
 * are followed, which pass as they are, and behind which nobody knows where the
 * next one starts; and that nothing changes in them but an inside address, with
 * what depends on it.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <nf_nat_sip_tcp/sip_frame.h>

#include "corpus.h"
#include "world.h"

/**
 * enum fate - what becomes of the bytes of a file
 * @TAKEN: framed and understood
 * @PASSES: framed, and not understood: passes unchanged, the next is followed
 * @WAITS: not a whole message, whatever follows
 * @OPAQUE: no end of the message can be told over TCP
 */
enum fate { TAKEN, PASSES, WAITS, OPAQUE };

/* Where the name says enough the section is left out; all are of RFC 4475. */
static const struct {
	const char *name;
	enum fate fate;
	u32 messages;
} fates[] = {
	{ "badaspec.dat", TAKEN, 1 },	/* 3.1.2.14: may be taken for valid */
	{ "badbranch.dat", TAKEN, 1 },
	{ "baddate.dat", TAKEN, 1 },	/* 3.1.2.12: Date is no matter of ours */
	{ "baddn.dat", WAITS, 0 },	/* the file has no empty line at its end */
	{ "badinv01.dat", TAKEN, 1 },	/* 3.1.2.1: up to the separators too many */
	{ "badvers.dat", PASSES, 0 },	/* 3.1.2.16 */
	{ "bcast.dat", TAKEN, 1 },
	{ "bext01.dat", TAKEN, 1 },
	{ "bigcode.dat", PASSES, 0 },	/* 3.1.2.19: discard */
	{ "clerr.dat", WAITS, 0 },	/* 3.1.2.2: more is announced than comes */
	{ "cparam01.dat", TAKEN, 1 },
	{ "cparam02.dat", TAKEN, 1 },
	/* 3.1.1.8: two over TCP; the body of the second is longer than it says */
	{ "dblreq.dat", OPAQUE, 2 },
	{ "esc01.dat", TAKEN, 1 },
	{ "esc02.dat", TAKEN, 1 },
	{ "escnull.dat", TAKEN, 1 },
	{ "escruri.dat", TAKEN, 1 },	/* 3.1.2.11: headers in a Request-URI */
	{ "insuf.dat", PASSES, 0 },	/* 3.3.1 */
	{ "intmeth.dat", TAKEN, 1 },
	{ "inv2543.dat", OPAQUE, 0 },	/* 3.4.1: no Content-Length; it is for UDP */
	{ "invut.dat", TAKEN, 1 },
	{ "longreq.dat", TAKEN, 1 },
	{ "ltgtruri.dat", PASSES, 0 },	/* 3.1.2.7 */
	{ "lwsdisp.dat", TAKEN, 1 },
	{ "lwsruri.dat", PASSES, 0 },	/* 3.1.2.8 */
	{ "lwsstart.dat", TAKEN, 1 },	/* 3.1.2.9: may be taken for valid */
	{ "mcl01.dat", OPAQUE, 0 },	/* 3.3.9: two Content-Lengths */
	{ "mismatch01.dat", PASSES, 0 },	/* 3.1.2.17 */
	{ "mismatch02.dat", PASSES, 0 },	/* 3.1.2.18 */
	{ "mpart01.dat", TAKEN, 1 },
	{ "multi01.dat", PASSES, 0 },	/* 3.3.8: two of what there is one of */
	{ "ncl.dat", OPAQUE, 0 },	/* 3.1.2.3: a negative Content-Length */
	{ "noreason.dat", TAKEN, 1 },
	{ "novelsc.dat", TAKEN, 1 },
	{ "quotbal.dat", PASSES, 0 },	/* 3.1.2.6 */
	{ "regaut01.dat", TAKEN, 1 },
	{ "regbadct.dat", TAKEN, 1 },	/* 3.1.2.13: may be taken for valid */
	{ "regescrt.dat", TAKEN, 1 },
	{ "scalar02.dat", PASSES, 0 },	/* 3.1.2.4: CSeq out of range */
	{ "scalarlg.dat", PASSES, 0 },	/* 3.1.2.5: CSeq out of range */
	{ "sdp01.dat", TAKEN, 1 },
	{ "semiuri.dat", TAKEN, 1 },
	{ "transports.dat", TAKEN, 1 },
	{ "trws.dat", TAKEN, 1 },	/* 3.1.2.10: may be taken for valid */
	{ "unkscm.dat", TAKEN, 1 },
	{ "unksm2.dat", TAKEN, 1 },
	{ "unreason.dat", TAKEN, 1 },
	{ "wsinv.dat", TAKEN, 1 },
	{ "zeromf.dat", TAKEN, 1 },
};

/**
 * struct change - what an inside address in a file becomes
 * @name: the file
 * @inside: whose address it is
 * @line: pieces of text that stand in the file once, and what they become
 */
struct change {
	const char *name;
	const char *inside;
	const char *line[5][2];
};

#define PUBLIC "203.0.113.1"
#define PORT "61234"
#define O_LINE(addr) "o=mhandley 29739 7272939 IN IP4 " addr "\r\n"
#define C_LINE(addr) "\r\nc=IN IP4 " addr "\r\n"
#define O_AT(addr) { O_LINE(addr), O_LINE(PUBLIC) }
#define C_AT(addr) { C_LINE(addr), C_LINE(PUBLIC) }
#define LENGTH(was, is) { "Content-Length: " was "\r\n", "Content-Length: " is "\r\n" }

static const struct change changes[] = {
	{ "badbranch.dat", "192.0.2.1", {
		{ "/UDP 192.0.2.1;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "baddate.dat", "192.0.2.5", {
		LENGTH("150", "154"), O_AT("192.0.2.5"), C_AT("192.0.2.5") } },
	{ "badinv01.dat", "192.0.2.15", {
		{ "/UDP 192.0.2.15;;", "/UDP " PUBLIC ":" PORT ";;" },
		LENGTH("152", "154"), O_AT("192.0.2.15"), C_AT("192.0.2.15") } },
	{ "bcast.dat", "192.0.2.198", {
		{ "/UDP 192.0.2.198;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "dblreq.dat", "192.0.2.125", {
		{ "/UDP 192.0.2.125;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "dblreq.dat", "192.0.2.15", {
		{ "/UDP 192.0.2.15;", "/UDP " PUBLIC ":" PORT ";" },
		LENGTH("150", "152"), O_AT("192.0.2.15"), C_AT("192.0.2.15") } },
	{ "esc01.dat", "192.0.2.1", {
		LENGTH("150", "154"), O_AT("192.0.2.1"), C_AT("192.0.2.1") } },
	{ "escruri.dat", "192.0.2.1", {
		LENGTH("150", "154"), O_AT("192.0.2.1"), C_AT("192.0.2.1") } },
	{ "longreq.dat", "192.0.2.5", {
		{ ";received=192.0.2.5;", ";received=" PUBLIC ";" } } },
	{ "longreq.dat", "192.0.2.1", {
		{ "\r\nl: 150\r\n", "\r\nl: 154\r\n" }, O_AT("192.0.2.1"), C_AT("192.0.2.1") } },
	{ "lwsstart.dat", "192.0.2.1", {
		LENGTH("150", "154"), O_AT("192.0.2.1"), C_AT("192.0.2.1") } },
	{ "mpart01.dat", "127.0.0.1", {
		{ "/UDP 127.0.0.1:5070;", "/UDP " PUBLIC ":" PORT ";" },
		{ "Route: <sip:127.0.0.1:5080>", "Route: <sip:" PUBLIC ":" PORT ">" },
		{ "<sip:fluffy@127.0.0.1:5070>", "<sip:fluffy@" PUBLIC ":" PORT ">" } } },
	{ "noreason.dat", "192.0.2.105", {
		{ "/UDP 192.0.2.105;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "regaut01.dat", "192.0.2.253", {
		{ "/TCP 192.0.2.253;", "/TCP " PUBLIC ":" PORT ";" } } },
	{ "regbadct.dat", "135.180.130.133", {
		{ "/UDP 135.180.130.133:5060;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "sdp01.dat", "192.0.2.15", {
		{ "/UDP 192.0.2.15;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "sdp01.dat", "192.0.2.5", {
		LENGTH("150", "154"), O_AT("192.0.2.5"), C_AT("192.0.2.5") } },
	{ "semiuri.dat", "192.0.2.1", {
		{ "/UDP 192.0.2.1;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "unksm2.dat", "192.0.2.21", {
		{ "/UDP 192.0.2.21:5060;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "unreason.dat", "192.0.2.198", {
		{ "/UDP 192.0.2.198;", "/UDP " PUBLIC ":" PORT ";" } } },
	{ "wsinv.dat", "192.0.2.2", {
		{ "    192.0.2.2;", "    " PUBLIC ":" PORT ";" } } },
	{ "wsinv.dat", "192.168.255.111", {
		{ "UDP  192.168.255.111   ;", "UDP  " PUBLIC ":" PORT "   ;" } } },
	{ "wsinv.dat", "192.0.2.3", {
		{ "Content-Length   : 150", "Content-Length   : 152" },
		O_AT("192.0.2.3") } },
	{ "wsinv.dat", "192.0.2.4", {
		{ "Content-Length   : 150", "Content-Length   : 152" },
		C_AT("192.0.2.4") } },
};

/**
 * struct stream - what comes out of the bytes of one end
 * @w: the world
 * @dir: which end
 * @len: bytes of @out
 * @out: the text
 */
struct stream {
	struct world *w;
	u8 dir;
	size_t len;
	char out[16384];
};

static void put(struct stream *s, const char *data, size_t len)
{
	assert_true(s->len + len <= sizeof(s->out));
	memcpy(s->out + s->len, data, len);
	s->len += len;
}

/* As the engine does it; what is no message goes on as it is. */
static enum fate pass(struct stream *s, const struct corpus_file *file)
{
	struct sip_frame f;
	u32 at = 0, skip;
	char *p;
	int r;

	for (; at < file->len; at += f.hdr_len + f.body_len) {
		skip = sip_frame_crlf(file->data + at, (u32)file->len - at);
		put(s, file->data + at, skip);
		at += skip;
		memset(&f, 0, sizeof(f));
		p = guard_put(file->data + at, file->len - at);
		r = sip_frame_scan(&f, p, (u32)file->len - at, 16384);
		if (r <= 0 || f.hdr_len + f.body_len > file->len - at) {
			put(s, file->data + at, file->len - at);
			return at == file->len ? TAKEN : r < 0 ? OPAQUE : WAITS;
		}
		world_process(s->w, s->dir, p, f.hdr_len, f.body_len, f.hdr_len + f.body_len);
		put(s, s->w->out, s->w->out_len);
	}
	return TAKEN;
}

static void assert_same(const struct stream *s, const char *want, size_t len, const char *name)
{
	if (s->len != len || memcmp(s->out, want, len))
		fail_msg("%s became\n%.*s\ninstead of\n%.*s", name, (int)s->len, s->out,
			 (int)len, want);
}

static void check_fate(size_t i, const struct corpus_file *file, u8 dir)
{
	static struct stream s;
	enum fate fate;

	memset(&s, 0, sizeof(s));
	s.w = world_new();
	s.dir = dir;
	fate = pass(&s, file);
	if (fate == TAKEN && s.w->count[NST_R_MSG_UNPARSED])
		fate = PASSES;
	if (fate != fates[i].fate)
		fail_msg("%s: fate %d", file->name, fate);
	assert_int_equal(s.w->count[NST_R_MSG_REQUEST] + s.w->count[NST_R_MSG_RESPONSE],
			 fates[i].messages);
	assert_same(&s, file->data, file->len, file->name);
	assert_int_equal(world_ports(s.w, false), 0);
	world_free(s.w);
}

/* None of the addresses is that of either end. */
static void each_has_its_fate_and_passes_unharmed(void **state)
{
	struct corpus c = corpus_load("rfc4475", ".dat");
	size_t i;

	(void)state;
	assert_int_equal(c.nr, 49);
	assert_int_equal(c.nr, sizeof(fates) / sizeof(*fates));
	for (i = 0; i < c.nr; i++) {
		assert_string_equal(strrchr(c.file[i].name, '/') + 1, fates[i].name);
		check_fate(i, &c.file[i], 0);
		check_fate(i, &c.file[i], 1);
	}
	corpus_free(&c);
}

static char *find(char *data, size_t len, const char *text)
{
	return memmem(data, len, text, strlen(text));
}

/* @text with the pieces in their new form; each stands there once. */
static size_t apply(const struct change *c, char *text, size_t len)
{
	size_t i, was, is;
	char *at;

	for (i = 0; i < 5 && c->line[i][0]; i++) {
		was = strlen(c->line[i][0]);
		is = strlen(c->line[i][1]);
		at = find(text, len, c->line[i][0]);
		if (!at || find(at + 1, text + len - at - 1, c->line[i][0]))
			fail_msg("%s has not one \"%s\"", c->name, c->line[i][0]);
		memmove(at + is, at + was, text + len - at - was);
		memcpy(at, c->line[i][1], is);
		len += is - was;
	}
	return len;
}

static void check_change(const struct change *c)
{
	static char want[16384];
	static struct stream s;
	struct corpus_file file;
	char path[64], ep[64];
	size_t len;

	snprintf(path, sizeof(path), "rfc4475/%s", c->name);
	snprintf(ep, sizeof(ep), "%s:40000", c->inside);
	file = corpus_read(path);
	memset(&s, 0, sizeof(s));
	s.w = world_new();
	s.w->env.set.contact = NST_CONTACT_CONNECTION;
	world_map(s.w, 0, ep, PUBLIC ":" PORT);
	memcpy(want, file.data, file.len);
	len = apply(c, want, file.len);
	pass(&s, &file);
	assert_same(&s, want, len, c->name);
	world_free(s.w);
	corpus_file_free(&file);
}

static void inside_addresses_change_and_nothing_else(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		check_change(&changes[i]);
}

/* Every address that stands anywhere in a file that is followed has its line above. */
static bool known_change(const char *name, const char *addr)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		if (!strcmp(changes[i].name, name) && !strcmp(changes[i].inside, addr))
			return true;
	return false;
}

static size_t word_at(const char *p, char *word, size_t max)
{
	size_t n = strspn(p, "0123456789.");

	n = n < max ? n : max - 1;
	memcpy(word, p, n);
	word[n] = 0;
	return n;
}

/* Addresses that stand only where nothing is translated: Call-ID, a foreign URI. */
static bool never_changes(const char *name, const char *addr)
{
	static const char *const all[][2] = {
		{ "bcast.dat", "255.255.255.255" }, { "dblreq.dat", "192.0.2.15" },
		{ "regbadct.dat", "10.0.0.1" }, { "novelsc.dat", "192.0.2.103" },
		{ "regescrt.dat", "192.0.2.1" }, { "wsinv.dat", "192.0.2.1" },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(all[i][0], name) && !strcmp(all[i][1], addr))
			return true;
	return false;
}

static void check_words(const struct corpus_file *file, const char *name)
{
	char word[32], text[32];
	struct nst_addr addr;
	size_t i, n;

	for (i = 0; i < file->len; i += n + 1) {
		n = word_at(file->data + i, word, sizeof(word));
		if (addr_parse(word, span_of(0, (u32)n), &addr) || addr.family != 4)
			continue;
		addr_format(text, &addr);
		if (!known_change(name, text) && !never_changes(name, text))
			fail_msg("%s names %s, which no line is about", name, text);
	}
}

static void no_address_is_forgotten(void **state)
{
	struct corpus c = corpus_load("rfc4475", ".dat");
	size_t i;

	(void)state;
	for (i = 0; i < c.nr; i++)
		if (fates[i].messages)
			check_words(&c.file[i], fates[i].name);
	corpus_free(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_fate_and_passes_unharmed),
		cmocka_unit_test(inside_addresses_change_and_nothing_else),
		cmocka_unit_test(no_address_is_forgotten),
	};

	return cmocka_run_group_tests_name("torture", tests, NULL, NULL);
}
