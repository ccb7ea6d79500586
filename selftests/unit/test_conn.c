// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/*
 * Messages through the engine, however they are cut: the receiver reads what
 * whole messages become.
 */
#include "unit.h"

#include "check.h"
#include "corpus.h"
#include "model.h"

#define SHRINK "10.1.1.1:50000"
#define GROW "203.100.113.200:50000"

static struct model *start(const char *name, u32 cut, bool grow)
{
	struct model *m = model_new("%s cut at %u, %s", name, cut, grow ? "grows" : "shrinks");

	if (strstr(name, "ipv6"))
		model_map(m, "[fd00:122::3]:40000",
			  grow ? "[2001:db8:aaaa:bbbb::1]:50000" : "[fd::1]:50000");
	else
		model_map(m, "192.168.122.3:40000", grow ? GROW : SHRINK);
	return m;
}

/* No time-out had to help. */
static void end_smoothly(struct model *m)
{
	model_settle(m);
	judge(m, !m->peer[0].rtos && !m->peer[1].rtos, "a sender's time-out was needed");
	model_end(m);
}

/* How the two parts follow each other. */
enum pace {
	PACE_BURST,		/* at once, two segments */
	PACE_SLOW,		/* held bytes are acknowledged in between */
	PACE_NAGLE,		/* the second part waits for that acknowledgement */
};

static void cut_once(const struct corpus_file *f, u8 dir, u32 cut, u32 variant)
{
	struct model *m = start(f->name, cut, variant & 1);
	enum pace pace = variant / 2 % 3;

	m->peer[dir].nagle = pace == PACE_NAGLE;
	m->peer[!dir].delack = variant & 4 ? 40 : 0;
	m->own_last = variant & 2;
	model_open(m);
	expect_text(m, dir, f->data, f->len);
	peer_write(m, dir, f->data, cut);
	if (pace == PACE_SLOW)
		model_run(m, 100);
	peer_write(m, dir, f->data + cut, f->len - cut);
	end_smoothly(m);
}

static void cut_corpus(const char *dir, const char *suffix, u32 step)
{
	struct corpus c = corpus_load(dir, suffix);
	u32 i, cut;

	for (i = 0; i < c.nr; i++)
		for (cut = 1; cut < c.file[i].len; cut += step)
			cut_once(&c.file[i], 0, cut, cut + i);
	corpus_free(&c);
}

static void test_cut_messages(void **state)
{
	(void)state;
	cut_corpus("", ".sip", 1);
}

static void test_cut_torture(void **state)
{
	(void)state;
	cut_corpus("rfc4475", ".dat", 3);
}

static void test_cut_streams(void **state)
{
	(void)state;
	cut_corpus("streams", ".bin", 1);
}

static void test_cut_in_three(void **state)
{
	struct corpus_file f = corpus_read("invite.sip");
	u32 a, b;
	(void)state;

	for (a = 1; a < f.len; a += 7) {
		for (b = a + 1; b < f.len; b += 11) {
			struct model *m = start("three parts", a, b & 1);

			m->peer[0].nagle = a & 1;
			model_open(m);
			expect_text(m, 0, f.data, f.len);
			peer_write(m, 0, f.data, a);
			peer_write(m, 0, f.data + a, b - a);
			peer_write(m, 0, f.data + b, f.len - b);
			end_smoothly(m);
		}
	}
	corpus_file_free(&f);
}

static void bytewise(const struct corpus_file *f, bool grow)
{
	struct model *m = start(f->name, 1, grow);
	u32 i;

	model_open(m);
	expect_text(m, 0, f->data, f->len);
	for (i = 0; i < f->len; i++) {
		peer_write(m, 0, f->data + i, 1);
		if (i % 5 == 4)
			model_run(m, 1);
	}
	end_smoothly(m);
}

static void test_bytewise(void **state)
{
	static const char *const dir[] = { "", "streams", "rfc4475" };
	static const char *const suffix[] = { ".sip", ".bin", ".dat" };
	u32 d, i;
	(void)state;

	for (d = 0; d < ARRAY_SIZE(dir); d++) {
		struct corpus c = corpus_load(dir[d], suffix[d]);

		for (i = 0; i < c.nr; i++)
			bytewise(&c.file[i], i & 1);
		corpus_free(&c);
	}
}

/* What the server says names the public address, and grows or shrinks the other way. */
static void test_from_server(void **state)
{
	char text[4096];
	u32 cut, n = 600;
	(void)state;

	for (cut = 1; cut < n; cut++) {
		struct model *m = start("answers", cut, cut & 1);
		const char *via = cut & 1 ? GROW : SHRINK;

		model_open(m);
		n = text_options(text, 1);
		say(m, 0, text, n);
		model_run(m, 10);
		n = text_answer(text, 1, via);
		n += text_answer(text + n, 2, via);
		expect_text(m, 1, text, n);
		assert_ptr_not_equal(memmem(m->side[1].expected.p, m->side[1].expected.len,
					    "192.168.122.3:5060;branch", 25), NULL);
		peer_write(m, 1, text, cut);
		peer_write(m, 1, text + cut, n - cut);
		end_smoothly(m);
	}
}

/* Keep-alives and bodies that need no change are not kept waiting (F3, F4). */
static void test_crlf_passes(void **state)
{
	struct model *m = start("CRLF", 0, true);
	char text[1024] = "\r\n\r\n";
	u32 n;
	(void)state;

	model_open(m);
	say(m, 0, "\r\n\r\n", 4);
	model_run(m, 2);
	judge(m, m->peer[1].in_len == 4, "a keep-alive is held back");
	say(m, 1, "\r\n", 2);
	model_run(m, 2);
	judge(m, m->peer[0].in_len == 2, "the answer is held back");
	judge(m, !m->emitted && !m->acks[0], "a keep-alive is not left alone");
	n = 4 + text_options(text + 4, 1);
	say(m, 0, text, n);
	model_run(m, 2);
	judge(m, m->peer[1].in_len == m->side[0].expected.len, "CRLF in front: held back");
	judge(m, m->w->count[NST_R_KEEPALIVE] == 3, "keep-alives are not counted");
	end_smoothly(m);
}

static void test_body_streams(void **state)
{
	struct model *m = start("body", 0, true);
	char text[8000];
	u32 n = text_message(text, 1, 6000);
	u32 hdr = n - 6000;
	u32 at;
	(void)state;

	model_open(m);
	expect_text(m, 0, text, n);
	peer_write(m, 0, text, 100);
	peer_write(m, 0, text + 100, hdr - 90);
	for (at = hdr + 10; at < n; at += 599) {
		model_run(m, 2);
		judge(m, m->peer[1].in_len == m->side[0].expected.len - (n - at),
		      "a body is held back at %u", at);
		peer_write(m, 0, text + at, n - at < 599 ? n - at : 599);
		judge(m, !m->conn.flow[0].hold, "a body is held");
	}
	n = text_options(text, 2);
	say(m, 0, text, n);
	judge(m, !m->emitted, "a body is copied");
	end_smoothly(m);
}

/* What is not SIP passes at once and untouched, and so does all that follows (P1). */
static void not_sip(const struct corpus_file *f, u8 dir)
{
	struct model *m = start(f->name, dir, true);
	char text[1024];
	u32 n = text_options(text, 1);

	model_open(m);
	expect_raw(m, dir, f->data, f->len);
	peer_write(m, dir, f->data, f->len);
	model_run(m, 2);
	judge(m, m->conn.state == NST_CONN_OPAQUE, "not opaque");
	judge(m, m->peer[!dir].in_len == f->len, "held back");
	judge(m, conn_plain(&m->conn), "it would be looked at for ever");
	expect_raw(m, 0, text, n);
	expect_raw(m, 1, text, n);
	peer_write(m, 0, text, n);
	peer_write(m, 1, text, n);
	model_run(m, 2);
	judge(m, m->peer[dir].in_len == n, "held back later");
	judge(m, m->peer[0].nxt == m->conn.flow[0].snd_nxt, "translated");
	end_smoothly(m);
}

static void test_not_sip(void **state)
{
	struct corpus c = corpus_load("not-sip", ".bin");
	u32 i;
	(void)state;

	for (i = 0; i < c.nr; i++) {
		not_sip(&c.file[i], 0);
		not_sip(&c.file[i], 1);
	}
	corpus_free(&c);
}

/* Also where the first segment does not tell yet. */
static void test_not_sip_cut(void **state)
{
	struct corpus c = corpus_load("not-sip", ".bin");
	u32 i, cut;
	(void)state;

	for (i = 0; i < c.nr; i++)
		for (cut = 1; cut < c.file[i].len; cut++)
			cut_once(&c.file[i], cut & 1, cut, cut);
	corpus_free(&c);
}

/* What is told of a message: how it was framed, how it was changed, how it ended. */
static void test_events(void **state)
{
	static const char * const files[] = { "invite.sip", "ok-200-invite.sip" };
	struct nst_event *told;
	struct model *m;
	u32 i, sent;
	(void)state;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct corpus_file f = corpus_read(files[i]);

		m = start(files[i], 0, true);
		told = m->w->event;
		model_open(m);
		expect_text(m, 0, f.data, f.len);
		sent = m->side[0].expected.len;
		peer_write(m, 0, f.data, f.len);
		model_run(m, 100);
		judge(m, m->w->events[NST_EVENT_MESSAGE] == 1, "messages told");
		judge(m, told[NST_EVENT_MESSAGE].n[0] + told[NST_EVENT_MESSAGE].n[1] == f.len,
		      "its length");
		judge(m, told[NST_EVENT_MESSAGE].n[2] == i, "its kind");
		judge(m, m->w->events[NST_EVENT_EDITS] == (sent != f.len), "changes told");
		judge(m, i || told[NST_EVENT_EDITS].n[0] == f.len, "length before");
		judge(m, i || told[NST_EVENT_EDITS].n[1] == sent, "length after");
		judge(m, told[NST_EVENT_MESSAGE].conn == m->conn.id, "connection");
		expect_raw(m, 0, "\x16\x03\x01", 3);
		peer_write(m, 0, "\x16\x03\x01", 3);
		model_run(m, 100);
		judge(m, m->w->events[NST_EVENT_OPAQUE] == 1, "the end told");
		judge(m, told[NST_EVENT_OPAQUE].reason == NST_R_OPAQUE_START_LINE, "its reason");
		model_free(m);
		corpus_file_free(&f);
	}
}

/* Behind a message that was changed the offset stays, whatever comes. */
static void test_framing_lost_later(void **state)
{
	static const char junk[] = "\x16\x03\x01 this is no SIP 192.168.122.3\r\n\r\n";
	char text[4096];
	u32 cut, n;
	(void)state;

	n = text_options(text, 1);
	n += text_options(text + n, 2);
	memcpy(text + n, junk, sizeof(junk));
	n += sizeof(junk);
	n += text_options(text + n, 3);
	for (cut = 1; cut < n; cut++) {
		struct corpus_file f = { "framing lost", text, n };

		cut_once(&f, cut / 2 & 1, cut, cut);
	}
}

/* The acknowledgement of all is the end of the change. */
static void test_change_at_end(void **state)
{
	static const char body[] = "v=0\r\no=- 1 1 IN IP4 192.168.122.3\r\ns=-\r\nt=0 0\r\n"
				   "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 192.168.122.3";
	char text[1024];
	u32 v, n;
	(void)state;

	n = sprintf(text, "INVITE sip:service@203.0.113.20 SIP/2.0\r\n"
		    "Via: SIP/2.0/TCP 192.168.122.3;branch=z9hG4bK-1\r\n"
		    "From: <sip:phone1@192.168.122.3>;tag=1\r\nTo: <sip:service@203.0.113.20>\r\n"
		    "Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
		    "Content-Length: %zu\r\n\r\n%s", sizeof(body) - 1, body);
	for (v = 0; v < 4; v++) {
		struct model *m = start("change at the end", v, v & 1);

		m->peer[1].delack = v & 2 ? 40 : 0;
		model_open(m);
		say(m, 0, text, n);
		judge(m, memcmp(m->side[0].expected.p + m->side[0].expected.len - 5, "122.3", 5),
		      "the end is not changed");
		end_smoothly(m);
	}
}

/* More than one segment may carry, and more than 16 KiB at once. */
static void test_long_message(void **state)
{
	char *text = malloc(64 * 1024);
	u32 n, i;
	(void)state;

	check(text);
	for (i = 0; i < 8; i++) {
		struct model *m = start("long", i, i & 1);

		m->peer[0].tso = i & 2 ? 16000 : 0;
		m->own_last = i & 4;
		m->w->env.set.header_max = m->ref->env.set.header_max = 16384;
		model_open(m);
		n = text_invite(text, 1, 700);
		assert_true(n > 2 * NST_CARRY_MAX && n < 40 * 1024);
		n += text_options(text + n, 2);
		say(m, 0, text, n);
		end_smoothly(m);
	}
	free(text);
}

/* More changes in flight than the map has room for: it takes longer. */
static u32 late_acks(struct model *m, struct packet *p)
{
	if (p->s.dir == 1 && !p->hop)
		p->at += 150;
	(void)m;
	return 1;
}

static void test_300_records(void **state)
{
	char *text = malloc(300 * 512);
	u32 n = 0, i;
	(void)state;

	check(text);
	for (i = 0; i < 300; i++)
		n += text_options(text + n, i);
	for (i = 0; i < 2; i++) {
		struct model *m = start("300 records", 0, i);

		m->peer[1].space = 4 << 20;
		m->peer[0].tso = 20000;
		m->w->env.set.hold_max = 1 << 20;
		model_open(m);
		say(m, 0, "\r\n", 2);
		model_run(m, 10);
		m->fate = late_acks;
		m->lossy = true;
		say(m, 0, text, n);
		model_run(m, 100);
		judge(m, m->conn.flow[0].map.nr == SEQMAP_MAX, "%u records", m->conn.flow[0].map.nr);
		model_end(m);
	}
	free(text);
}

static void test_both_directions(void **state)
{
	char text[2048];
	u32 i, n;
	(void)state;

	for (i = 0; i < 200; i++) {
		struct model *m = start("both at once", i, i & 1);
		u32 nr;

		m->seed = i;
		m->peer[0].delack = i & 2 ? 40 : 0;
		m->peer[1].nagle = i & 4;
		model_open(m);
		for (nr = 0; nr < 10; nr++) {
			u32 cut;

			n = text_options(text, nr);
			cut = 1 + model_rand(m, n - 1);
			expect_text(m, 0, text, n);
			peer_write(m, 0, text, cut);
			peer_write(m, 0, text + cut, n - cut);
			if (nr)
				n = text_answer(text, nr - 1, i & 1 ? GROW : SHRINK);
			else
				model_run(m, 50);
			cut = 1 + model_rand(m, n - 1);
			if (!nr)
				continue;
			expect_text(m, 1, text, n);
			peer_write(m, 1, text, cut);
			peer_write(m, 1, text + cut, n - cut);
			model_run(m, model_rand(m, 30));
		}
		end_smoothly(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_messages),
		cmocka_unit_test(test_cut_torture),
		cmocka_unit_test(test_cut_streams),
		cmocka_unit_test(test_cut_in_three),
		cmocka_unit_test(test_bytewise),
		cmocka_unit_test(test_from_server),
		cmocka_unit_test(test_crlf_passes),
		cmocka_unit_test(test_body_streams),
		cmocka_unit_test(test_not_sip),
		cmocka_unit_test(test_not_sip_cut),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_framing_lost_later),
		cmocka_unit_test(test_change_at_end),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_300_records),
		cmocka_unit_test(test_both_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
