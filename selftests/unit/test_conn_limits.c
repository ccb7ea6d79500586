// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ends patience: windows that close, limits, time-outs, connections that
 * go opaque with bytes on their way.
 */
#include "unit.h"

#include "check.h"
#include "model.h"

static char text[64 * 1024];

static struct model *start(const char *name, u32 variant)
{
	struct model *m = model_new("%s %u", name, variant);

	model_map(m, "192.168.122.3:40000",
		  variant & 1 ? "203.100.113.200:50000" : "10.1.1.1:50000");
	m->own_last = variant & 2;
	return m;
}

static u32 read_by(const struct model *m, u8 end)
{
	return m->peer[end].in_len;
}

/* Windows */

static void windows(u32 space, u32 v)
{
	struct model *m = start("window", space * 16 + v);
	u32 n = 0, i;

	m->peer[1].space = space;
	m->peer[1].wscale = v & 4 ? 0xff : v & 8 ? 3 : 0;
	m->peer[1].delack = v & 8 ? 20 : 0;
	m->peer[0].nagle = v & 4;
	/* Less than a message: it can't be had at once, and goes on unchanged. */
	m->side[0].any = space < 600;
	model_open(m);
	for (i = 0; i < 6; i++)
		n += text_options(text + n, i);
	n += text_message(text + n, 6, 900);
	if (space >= 2000)
		n += text_invite(text + n, 7, 20);
	n += text_options(text + n, 8);
	say(m, 0, text, n);
	model_settle(m);
	judge(m, (m->conn.state == NST_CONN_FOLLOWED) == (space >= 600), "state %u", m->conn.state);
	model_end(m);
}

static void test_small_window(void **state)
{
	static const u32 sizes[] = { 16, 100, 600, 700, 1000, 1460, 2000, 4096 };
	u32 i, v;
	(void)state;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (v = 0; v < 16; v++)
			windows(sizes[i], v);
}

/* The receiver stops reading, and goes on much later. */
static void test_zero_window(void **state)
{
	u32 v, at, n, i;
	(void)state;

	for (v = 0; v < 4; v++) {
		for (at = 1; at < 1500; at += 83) {
			struct model *m = start("zero window", at * 4 + v);

			m->w->env.set.hold_timeout = 600 * 1000;
			m->peer[1].space = 1000;
			m->peer[1].wscale = 0;
			m->peer[1].read_max = at;
			model_open(m);
			for (n = 0, i = 0; i < 8; i++)
				n += text_options(text + n, i);
			say(m, 0, text, n);
			model_run(m, 60000);
			peer_read(m, 1, 500);
			model_run(m, 10000);
			m->peer[1].read_max = ~0u;
			peer_read(m, 1, 0);
			model_end(m);
		}
	}
}

/* The update that opens the window gets lost: a probe finds out. */
static void test_window_probe(void **state)
{
	struct model *m = start("probe", 1);
	u32 n = text_options(text, 1);
	(void)state;

	m->peer[1].space = n;
	m->peer[1].wscale = 0;
	m->peer[1].read_max = 0;
	model_open(m);
	say(m, 0, text, n);
	model_run(m, 100);
	judge(m, m->conn.flow[0].snd_nxt != m->conn.flow[0].rend_nxt, "nothing waits");
	m->peer[1].read_max = ~0u;
	model_end(m);
}

/* Growth fills the window that the sender was told of. */
static void test_growth_fills_window(void **state)
{
	u32 v, n, i;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("growth", v | 1);

		n = 0;
		for (i = 0; i < 5; i++)
			n += text_options(text + n, i);
		n += text_message(text + n, 5, 3000);
		m->peer[1].space = n - 1000 - v * 500;
		m->peer[1].wscale = 0xff;
		m->peer[1].delack = 40;
		model_open(m);
		say(m, 0, text, n);
		model_end(m);
	}
}

/* A sender that may have no more under way than it has: its held bytes are acknowledged. */
static void test_small_cwnd(void **state)
{
	u32 cwnd, n;
	(void)state;

	for (cwnd = 10; cwnd < 600; cwnd += 37) {
		struct model *m = start("cwnd", cwnd);

		m->peer[0].cwnd = cwnd;
		m->peer[1].delack = 40;
		model_open(m);
		n = text_invite(text, 1, 3);
		n += text_options(text + n, 2);
		say(m, 0, text, n);
		model_settle(m);
		judge(m, !m->peer[0].rtos, "the sender stalled");
		judge(m, m->acks[0] || cwnd > 300, "nothing was held");
		model_end(m);
	}
}

/* Held bytes are acknowledged ack_delay after they came, if what is in front is safe. */
static void test_ack_delay(void **state)
{
	struct model *m = start("ack_delay", 0);
	u32 n = text_options(text, 1);
	(void)state;

	model_open(m);
	say(m, 0, text, n);
	model_run(m, 100);
	expect_text(m, 0, text, n);
	peer_write(m, 0, text, 100);
	model_run(m, m->delay + m->w->env.set.ack_delay - 1);
	judge(m, !m->acks[0], "acknowledged early");
	model_run(m, 1);
	judge(m, m->acks[0] == 1, "not acknowledged in time");
	/* Repeats of it are acknowledged again. */
	peer_repeat(m, 0, n, n + 100);
	model_run(m, 1);
	judge(m, m->acks[0] == 2, "a repeat is not answered");
	peer_write(m, 0, text + 100, n - 100);
	model_end(m);
}

/* What passes in the same segment in front of them does not delay that. */
static void test_ack_delay_behind(void **state)
{
	struct model *m = start("ack_delay", 1);
	u32 n = 2 + text_options(text + 2, 1);
	(void)state;

	memcpy(text, "\r\n", 2);
	m->peer[1].delack = 200;
	model_open(m);
	expect_text(m, 0, text, n);
	peer_write(m, 0, text, 100);
	model_run(m, m->delay + m->w->env.set.ack_delay);
	judge(m, m->acks[0] == 1, "not acknowledged in time");
	peer_write(m, 0, text + 100, n - 100);
	model_end(m);
}

/*
 * What the receiver acknowledges late the sender has known for long: with
 * bytes under way it would look like a loss.
 */
static void test_ack_absorbed(void **state)
{
	struct model *m = start("absorbed", 0);
	u32 n = text_options(text, 1);
	(void)state;

	m->peer[1].delack = 40;
	/* The window moves with the acknowledgement: no news in that either. */
	m->peer[1].read_max = 0;
	model_open(m);
	text_options(text + n, 2);
	expect_text(m, 0, text, 2 * n);
	peer_write(m, 0, text, n);
	peer_write(m, 0, text + n, 100);
	model_run(m, 35);
	judge(m, m->acks[0] == 1 && m->peer[0].una == m->peer[0].max, "not acknowledged");
	peer_write(m, 0, text + n + 100, 50);
	model_run(m, 9);
	judge(m, m->conn.flow[0].snd_una == m->conn.flow[0].snd_nxt, "nothing came");
	judge(m, m->acks[0] == 1 && !m->peer[0].dup_acks, "a duplicate came through");
	peer_write(m, 0, text + n + 150, n - 150);
	model_end(m);
}

/* Limits */

static void test_hold_timeout(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("hold_timeout", v);

		m->w->env.set.hold_timeout = 5000;
		model_open(m);
		n = text_options(text, 1);
		if (v & 4)
			say(m, 0, text, n);
		expect_loose(m, 0, text, n);
		peer_write(m, 0, text, v & 2 ? 60 : 100);
		model_run(m, 2000);
		peer_write(m, 0, text + 60, v & 2 ? 40 : 0);
		model_run(m, 2990);
		judge(m, m->conn.state == NST_CONN_FOLLOWED, "gave up early");
		model_run(m, 20);
		judge(m, m->w->count[NST_R_OPAQUE_HOLD_TIMEOUT] == 1, "not counted");
		judge(m, read_by(m, 1) == m->side[0].expected.len - (n - 100), "not released");
		peer_write(m, 0, text + 100, n - 100);
		expect_raw(m, 1, text, n);
		peer_write(m, 1, text, n);
		model_end(m);
	}
}

static void test_hold_max(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("hold_max", v);

		m->w->env.set.hold_max = 8192;
		m->peer[1].space = 1 << 20;
		model_open(m);
		n = text_options(text, 1);
		if (v & 4)
			say(m, 0, text, n);
		n = text_invite(text, 2, 400);
		expect_loose(m, 0, text, n);
		peer_write(m, 0, text, n);
		model_settle(m);
		judge(m, m->w->count[NST_R_OPAQUE_HOLD_MAX] == 1, "not counted");
		model_end(m);
	}
}

/* As small as it may be: what header_max and body_max allow fits, whatever follows. */
static void test_hold_max_least(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("least hold_max", v);
		struct nst_settings *set = &m->w->env.set;

		m->peer[0].mss = 536 + 1700 * v;
		m->peer[1].mss = 9000;
		n = text_invite(text, 1, 400);
		set->header_max = 600;
		set->body_max = n - 300;
		set->hold_max = set->header_max + set->body_max;
		model_open(m);
		n += text_options(text + n, 2);
		n += text_options(text + n, 3);
		say(m, 0, text, n);
		model_settle(m);
		judge(m, m->conn.state == NST_CONN_FOLLOWED, "went opaque");
		model_end(m);
	}
}

/* What was on its way when a connection went opaque arrives as it was rendered. */
static void test_opaque_in_flight(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 16; v++) {
		struct model *m = start("opaque", v);
		u8 dir = v / 4 & 1;

		m->peer[1].delack = 100;
		m->peer[1].nagle = v & 8;
		if (v & 4) {
			m->peer[1].space = 300;
			m->peer[1].wscale = 0;
		}
		model_open(m);
		n = text_options(text, 1);
		if (!(v & 4))
			n += text_options(text + n, 2);
		say(m, 0, text, n);
		if (v & 8)
			model_run(m, 3);
		expect_raw(m, dir, "GET / HTTP/1.0\r\n\r\n", 18);
		peer_write(m, dir, "GET / HTTP/1.0\r\n\r\n", 18);
		model_run(m, 3);
		if (v & 8) {
			expect_raw(m, 0, text, n);
			peer_write(m, 0, text, n);
		}
		model_settle(m);
		judge(m, m->conn.state == NST_CONN_OPAQUE, "followed");
		model_end(m);
	}
}

/* What is written behind bytes that wait for window must not overtake them. */
static void test_opaque_waits(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 1; v < 8; v += 2) {
		struct model *m = start("opaque waits", v);

		n = text_options(text, 1);
		n += text_options(text + n, 2);
		m->peer[1].space = n + 36;
		m->peer[1].read_max = 0;
		m->peer[1].wscale = 0;
		model_open(m);
		say(m, 0, text, n);
		expect_loose(m, 0, text, 30);
		peer_write(m, 0, text, 30);
		model_run(m, v & 4 ? 50 : 3);
		gateway_opaque(m, NST_R_OPAQUE_SETTING);
		model_run(m, 5);
		judge(m, m->conn.flow[0].snd_nxt != m->conn.flow[0].rend_nxt, "nothing waits");
		expect_raw(m, 0, text, n);
		peer_write(m, 0, text, n);
		model_run(m, 1000);
		m->peer[1].read_max = ~0u;
		peer_read(m, 1, 0);
		model_end(m);
	}
}

static void test_switched_off(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("switched off", v);

		m->peer[1].delack = v & 4 ? 40 : 0;
		model_open(m);
		n = text_options(text, 1);
		say(m, 0, text, n);
		expect_loose(m, 0, text, n);
		peer_write(m, 0, text, 120);
		model_run(m, v & 1 ? 50 : 4);
		gateway_opaque(m, NST_R_OPAQUE_SETTING);
		peer_write(m, 0, text + 120, n - 120);
		model_end(m);
	}
}

/* Nothing with bytes gets to the server, or to either end. */
static u32 deaf(struct model *m, struct packet *p)
{
	(void)m;
	return p->s.dir != 0 || p->hop == 0 || p->s.flags & NST_RST;
}

static u32 both_deaf(struct model *m, struct packet *p)
{
	(void)m;
	return !p->s.len || p->hop == 0 || p->s.flags & NST_RST;
}

static struct model *start_deaf(u32 variant, u32 (*fate)(struct model *m, struct packet *p))
{
	struct model *m = start("give up", variant);

	m->w->env.set.hold_timeout = 600 * 1000;
	model_open(m);
	m->fate = fate;
	m->lossy = true;
	return m;
}

static void both_are_told(struct model *m)
{
	judge(m, m->closing && m->peer[0].reset && m->peer[1].reset, "no end");
	judge(m, m->w->count[NST_R_RESET] == 1, "not counted");
	judge(m, m->conn.reason == NST_R_RESET, "nobody is told why");
	model_free(m);
}

/* The receiver is gone: both ends are told, after some minutes (T2). */
static void test_give_up(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start_deaf(v, deaf);

		n = text_options(text, 1);
		say(m, 0, text, n);
		if (v & 1) {
			peer_write(m, 0, text, 50);
			expect_text(m, 0, text, n);
		}
		if (v & 2)
			say(m, 1, text, text_answer(text, 1, "10.1.1.1:50000"));
		model_run(m, 280 * 1000);
		both_are_told(m);
	}
}

/* The RSTs are lost: whoever says something is told again. */
static u32 deaf_to_rst(struct model *m, struct packet *p)
{
	if (p->s.flags & NST_RST)
		return model_now(m) > 200 * 1000;
	return deaf(m, p);
}

static void test_give_up_again(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start_deaf(v, deaf_to_rst);

		n = text_options(text, 1);
		say(m, 0, text, n);
		model_run(m, 220 * 1000);
		judge(m, m->closing && !m->peer[0].reset && !m->peer[1].reset, "told too early");
		peer_write(m, 0, "\r\n", 2);
		peer_write(m, 1, "\r\n", 2);
		model_run(m, 100);
		both_are_told(m);
	}
}

/* The other direction's time-out ends it in the step that repeats for this one. */
static void test_give_up_both(void **state)
{
	u32 v;
	(void)state;

	for (v = 0; v < 200; v += 20) {
		struct model *m = start_deaf(v, both_deaf);

		say(m, 1, text, text_answer(text, 1, "10.1.1.1:50000"));
		model_run(m, v * 1000);
		say(m, 0, text, text_options(text, 1));
		model_run(m, 280 * 1000);
		both_are_told(m);
	}
}

/* A window that stays shut is probed as long as there is an answer. */
static void test_give_up_probes(void **state)
{
	struct model *m = start("probes", 1);
	u32 n = text_options(text, 1);
	(void)state;

	m->peer[1].space = n;
	m->peer[1].wscale = 0;
	m->peer[1].read_max = 0;
	model_open(m);
	say(m, 0, text, n);
	model_run(m, 1000 * 1000);
	judge(m, !m->closing, "an end that answers is given up");
	/* Those of the first minute, and one each 60 s. */
	judge(m, m->w->count[NST_R_EMIT_PROBE] >= 16 && m->w->count[NST_R_EMIT_PROBE] <= 30,
	      "%u probes", m->w->count[NST_R_EMIT_PROBE]);
	m->fate = deaf;
	m->lossy = true;
	model_run(m, 500 * 1000);
	both_are_told(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_window),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_window_probe),
		cmocka_unit_test(test_growth_fills_window),
		cmocka_unit_test(test_small_cwnd),
		cmocka_unit_test(test_ack_delay),
		cmocka_unit_test(test_ack_delay_behind),
		cmocka_unit_test(test_ack_absorbed),
		cmocka_unit_test(test_hold_timeout),
		cmocka_unit_test(test_hold_max),
		cmocka_unit_test(test_hold_max_least),
		cmocka_unit_test(test_opaque_in_flight),
		cmocka_unit_test(test_opaque_waits),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_give_up_again),
		cmocka_unit_test(test_give_up_both),
		cmocka_unit_test(test_give_up_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
