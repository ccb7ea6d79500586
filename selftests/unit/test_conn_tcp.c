// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TCP may do to a connection in the middle of a message: FIN, RST,
 * probes, repeats, disorder, options, numbers that wrap.
 */
#include "unit.h"

#include "check.h"
#include "model.h"

static char text[4096];

static struct model *start(const char *name, u32 variant)
{
	struct model *m = model_new("%s %u", name, variant);

	model_map(m, "192.168.122.3:40000",
		  variant & 1 ? "203.100.113.200:50000" : "10.1.1.1:50000");
	m->own_last = variant & 2;
	return m;
}

/* FIN */

static void test_fin_alone(void **state)
{
	u32 v;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("FIN alone", v);

		model_open(m);
		say(m, 0, text, text_options(text, 1));
		model_run(m, 100);
		peer_fin(m, 0);
		model_run(m, 100);
		/* Half closed: the other direction goes on. */
		say(m, 1, text, text_answer(text, 1, v & 1 ? "203.100.113.200:50000" : "10.1.1.1:50000"));
		model_run(m, 100);
		peer_fin(m, 1);
		model_settle(m);
		judge(m, m->peer[0].rtos + m->peer[1].rtos == 0, "FIN had to be repeated");
		judge(m, m->conn.state == NST_CONN_FOLLOWED, "opaque");
		model_end(m);
	}
}

/* With the segment that completes a message, and with one that passes. */
static void test_fin_with_message(void **state)
{
	u32 cut, n = text_options(text, 1);
	(void)state;

	for (cut = 1; cut < n; cut += 5) {
		struct model *m = start("FIN with message", cut);

		model_open(m);
		n = text_options(text, 1);
		expect_text(m, 0, text, n);
		m->peer[0].nagle = cut & 4;
		peer_write(m, 0, text, cut);
		m->peer[0].fin = true;
		peer_write(m, 0, text + cut, n - cut);
		peer_fin(m, 1);
		model_settle(m);
		judge(m, !m->peer[0].rtos, "FIN had to be repeated");
		model_end(m);
	}
}

/* In the middle of a message: what is there is released as it is. */
static void test_fin_in_message(void **state)
{
	u32 cut, v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		for (cut = 1; cut < 300; cut += 23) {
			struct model *m = start("FIN inside", cut * 8 + v);

			model_open(m);
			n = text_options(text, 1);
			text_options(text + n, 2);
			if (v & 4)
				say(m, 0, text, n);
			expect_loose(m, 0, text + n, cut);
			m->peer[0].fin = v & 1;
			peer_write(m, 0, text + n, cut);
			if (v & 2)
				model_run(m, 100);
			peer_fin(m, 0);
			model_run(m, 20);
			judge(m, m->w->count[NST_R_OPAQUE_FIN] == 1, "not counted");
			model_end(m);
		}
	}
}

/* RST */

static void test_rst(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("RST", v);
		u8 end = v / 2 & 1;

		model_open(m);
		n = text_options(text, 1);
		say(m, 0, text, n);
		model_run(m, 50);
		m->side[0].any = true;
		peer_write(m, 0, text, 100);
		model_run(m, v & 4 ? 50 : 2);
		peer_rst(m, end);
		model_run(m, 50);
		judge(m, m->peer[!end].reset, "the other end does not learn of it");
		judge(m, m->w->count[NST_R_OPAQUE_RST] == 1, "not counted, or twice");
		judge(m, m->conn.reason == NST_R_OPAQUE_RST, "no reason is kept");
		judge(m, conn_quiet(&m->conn), "something is kept");
		model_free(m);
	}
}

/* A closed end answers a late repeat: nobody was reset. */
static void test_rst_behind_fins(void **state)
{
	struct model *m = start("RST behind FINs", 0);
	u32 n;
	(void)state;

	model_open(m);
	n = text_options(text, 1);
	say(m, 0, text, n);
	peer_fin(m, 0);
	peer_fin(m, 1);
	model_run(m, 100);
	peer_rst(m, 0);
	model_run(m, 50);
	judge(m, m->peer[1].reset, "the other end does not learn of it");
	judge(m, !m->w->count[NST_R_OPAQUE_RST], "taken for a reset");
	model_free(m);
}

/* Probes */

static void test_keepalive(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("keepalive", v);
		u64 nr;

		model_open(m);
		n = text_options(text, 1);
		expect_text(m, 0, text, n);
		peer_write(m, 0, text, v & 2 ? 100 : n);
		model_run(m, 100);
		nr = m->peer[0].una;
		m->acks[0] = 0;
		m->nr_rungs = 0;
		peer_probe(m, 0, v >> 2);
		model_run(m, 10);
		judge(m, m->nr_rungs == 4, "a keep-alive is not answered by the other end");
		judge(m, m->peer[0].una == nr, "acknowledgement moved");
		if (v & 2)
			peer_write(m, 0, text + 100, n - 100);
		model_end(m);
	}
}

/* A receiver that acknowledges what it can't have. */
static void test_ack_too_high(void **state)
{
	struct model *m = start("ack too high", 0);
	struct nst_segment s = { .dir = 1, .flags = NST_ACK, .win = 100 };
	struct nst_out out;
	u32 n = text_options(text, 1);
	(void)state;

	model_open(m);
	expect_text(m, 0, text, n);
	peer_write(m, 0, text, 100);
	model_run(m, 5);
	s.seq = m->peer[1].nxt;
	s.ack = m->peer[0].isn + 1 + 50;
	step_segment(&m->conn, &s, model_now(m), &out);
	judge(m, out.ack == m->peer[0].isn + 1, "held bytes are acknowledged");
	judge(m, m->w->count[NST_R_ACK_CLAMPED] == 1, "not counted");
	peer_write(m, 0, text + 100, n - 100);
	model_end(m);
}

/* Repeats of every kind, while nothing is acknowledged by the receiver, or all. */

static u32 hold_back(struct model *m, struct packet *p)
{
	if (p->s.dir == 1 && !p->hop && model_now(m) < 3000)
		p->at = 3000 + p->nr;
	return 1;
}

static void repeats(u32 from, u32 to, u32 v)
{
	struct model *m = start("repeat", from * 10000 + to);
	u32 n = 0;

	m->peer[1].delack = v & 8 ? 40 : 0;
	model_open(m);
	m->fate = v & 4 ? hold_back : NULL;
	m->lossy = true;
	n += sprintf(text, "\r\n\r\n");
	n += text_options(text + n, 1);
	n += text_message(text + n, 2, 60);
	n += text_options(text + n, 3);
	expect_text(m, 0, text, n);
	/* CRLF passes, a message is rewritten, a body passes, the last is held. */
	peer_write(m, 0, text, 4);
	peer_write(m, 0, text + 4, n - 154);
	model_run(m, v & 1 ? 5 : 50);
	to = to < n - 150 ? to : n - 150;
	if (from < to)
		peer_repeat(m, 0, from, to);
	model_run(m, 5);
	peer_write(m, 0, text + n - 150, 150);
	if (from < to)
		peer_repeat(m, 0, from, to);
	model_end(m);
}

static void test_repeats(void **state)
{
	u32 from, to;
	(void)state;

	for (from = 0; from < 850; from += 14)
		for (to = from + 1; to < 900; to += 41)
			repeats(from, to, from / 14 + to);
}

/* New bytes behind old ones in one segment, FIN too. */
static void test_repeat_with_news(void **state)
{
	u32 from, v, n;
	(void)state;

	for (v = 0; v < 16; v++) {
		for (from = 0; from < 700; from += 19) {
			struct model *m = start("news", from * 16 + v);

			model_open(m);
			m->fate = v & 4 ? hold_back : NULL;
			m->lossy = true;
			n = text_options(text, 1);
			n += text_options(text + n, 2);
			expect_text(m, 0, text, n);
			m->peer[0].nagle = true;
			peer_write(m, 0, text, n - 100);
			model_run(m, 20);
			stream_put(&m->peer[0].out, n - 100, text + n - 100, 100);
			m->peer[0].fin = v & 8;
			m->peer[0].nxt = m->peer[0].isn + 1 + n + !!(v & 8);
			m->peer[0].max = m->peer[0].nxt;
			peer_repeat(m, 0, from < n - 110 ? from : n - 110, n + !!(v & 8));
			m->peer[0].rto_due = model_now(m) + 200;
			model_end(m);
		}
	}
}

/* Out of order: dropped here, and repeated by the sender. */
static u32 swap(struct model *m, struct packet *p)
{
	if (!p->hop && p->s.len)
		p->at += model_rand(m, 4);
	return 1;
}

static void test_out_of_order(void **state)
{
	u32 v, n, i;
	(void)state;

	for (v = 0; v < 100; v++) {
		struct model *m = start("out of order", v);

		m->seed = v;
		m->peer[0].sack = v & 4;
		m->fate = swap;
		m->lossy = true;
		model_open(m);
		n = 0;
		for (i = 0; i < 10; i++)
			n += text_options(text + n, i);
		expect_text(m, 0, text, n);
		for (i = 0; i < n; i += 200)
			peer_write(m, 0, text + i, n - i < 200 ? n - i : 200);
		model_end(m);
	}
}

/* Sequence numbers wrap anywhere in between. */
static void test_wrap(void **state)
{
	u32 v, n, i;
	(void)state;

	for (v = 0; v < 1500; v += 3) {
		struct model *m = start("wrap", v);

		m->peer[0].isn = 0u - v;
		m->peer[1].isn = 0u - v / 2;
		m->peer[1].delack = v & 4 ? 40 : 0;
		model_open(m);
		for (i = 0; i < 3; i++) {
			n = text_options(text, i);
			expect_text(m, 0, text, n);
			peer_write(m, 0, text, 200);
			if (v & 8)
				model_run(m, 30);
			peer_write(m, 0, text + 200, n - 200);
			model_run(m, 3);
			n = text_answer(text, i, v & 1 ? "203.100.113.200:50000" : "10.1.1.1:50000");
			say(m, 1, text, n);
		}
		model_end(m);
	}
}

/* Options that not everybody has. */
static void test_plain_options(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 64; v++) {
		struct model *m = start("options", v);

		m->peer[0].ts = v & 4;
		m->peer[1].sack = v & 8;
		m->peer[0].wscale = v & 16 ? 0xff : 14;
		m->peer[1].wscale = v & 32 ? 0xff : 2;
		m->peer[1].mss = v & 32 ? 200 : 9000;
		model_open(m);
		n = text_invite(text, 1, 60);
		say(m, 0, text, n);
		n = text_answer(text, 1, "10.1.1.1:50000");
		say(m, 1, text, n);
		model_end(m);
	}
}

/* SYN and SYN/ACK repeated, and another connection's SYN, with bytes held. */
static void test_syn_again(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("SYN", v);
		struct nst_segment s = { .flags = NST_SYN, .win = 1000, .wscale = 7, .mss = 1460 };
		struct nst_out out;

		model_open(m);
		n = text_options(text, 1);
		if (v < 2)
			expect_text(m, 0, text, n);
		else
			expect_loose(m, 0, text, n);
		peer_write(m, 0, text, 100);
		model_run(m, 2);
		s.seq = m->peer[0].isn + (v < 2 ? 0 : 12345678);
		if (v & 1)
			model_run(m, 20);
		/* To the engine alone: the answer would be a challenge. */
		step_segment(&m->conn, &s, model_now(m), &out);
		judge(m, out.verdict == NST_ACCEPT && out.seq == s.seq, "SYN is changed");
		judge(m, out.timer || !m->conn.flow[0].hold, "the timer is forgotten");
		judge(m, v < 2 || out.nr_emit || !m->conn.flow[0].blocks, "not released");
		model_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fin_alone),
		cmocka_unit_test(test_fin_with_message),
		cmocka_unit_test(test_fin_in_message),
		cmocka_unit_test(test_rst),
		cmocka_unit_test(test_rst_behind_fins),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_ack_too_high),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_repeat_with_news),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_plain_options),
		cmocka_unit_test(test_syn_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
