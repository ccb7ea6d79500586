// SPDX-License-Identifier: GPL-2.0-only
/*
 * Losses on either side of the gateway, one at a time: who notices, who sends
 * again, and how soon.
 */
#include "unit.h"

#include "check.h"
#include "model.h"

static char text[16384];

/* The nth data packet of the client on a hop is lost; counted from 1. */
static u32 lost_hop, lost_nr, lost_seen;
static u64 lost_until;

static u32 lose_one(struct model *m, struct packet *p)
{
	(void)m;
	if (p->s.dir || !p->s.len || p->hop != lost_hop)
		return 1;
	return ++lost_seen != lost_nr;
}

static struct model *start(const char *name, u32 variant)
{
	struct model *m = model_new("%s %u", name, variant);

	m->lossy = true;
	m->own_last = variant & 1;
	m->delay = 10;
	lost_seen = 0;
	return m;
}

static u32 messages(u32 nr)
{
	u32 i, n = 0;

	for (i = 0; i < nr; i++)
		n += text_options(text + n, i);
	return n;
}

static void write_by(struct model *m, u32 n, u32 step)
{
	u32 i;

	expect_text(m, 0, text, n);
	for (i = 0; i < n; i += step)
		peer_write(m, 0, text + i, n - i < step ? n - i : step);
}

/*
 * Behind us, of a segment that passed: what its sender repeats together with
 * new bytes passes, too, for nobody else has it.
 */
static void test_lost_behind_repeated_with_news(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("repeated with news", v);

		model_open(m);
		lost_hop = 1;
		lost_nr = 1;
		m->fate = lose_one;
		n = sprintf(text, "\r\n\r\n");
		if (v & 2)
			n += text_options(text + n, 1);
		expect_text(m, 0, text, n);
		peer_write(m, 0, text, 4);
		model_run(m, 50);
		judge(m, lost_seen == 1, "nothing was lost");
		stream_put(&m->peer[0].out, 4, text + 4, n - 4);
		m->peer[0].fin = v & 4;
		m->peer[0].nxt = m->peer[0].isn + 1 + n + !!(v & 4);
		m->peer[0].max = m->peer[0].nxt;
		m->peer[0].rto_due = model_now(m) + 1000;
		peer_repeat(m, 0, 0, n + !!(v & 4));
		model_run(m, 500);
		judge(m, m->peer[0].una == m->peer[0].nxt, "not delivered");
		judge(m, !m->peer[0].rtos, "a time-out of the sender");
		model_end(m);
	}
}

/* Answers to probes come behind an acknowledgement of what was sent before them. */
static u32 slow_behind(struct model *m, struct packet *p)
{
	(void)m;
	if (!p->s.dir && p->hop)
		p->at += 60;
	return 1;
}

static void test_probes_are_no_loss(void **state)
{
	u32 v, i, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("probes", v);

		model_open(m);
		m->fate = slow_behind;
		n = messages(2);
		expect_text(m, 0, text, n);
		/* What is held of the second one is acknowledged: nothing waits there. */
		peer_write(m, 0, text, n - 100);
		model_run(m, 35);
		for (i = 0; i < 5; i++)
			peer_probe(m, 0, v / 2);
		model_run(m, 15);
		peer_write(m, 0, text + n - 100, 100);
		model_run(m, 300);
		judge(m, m->peer[0].una == m->peer[0].nxt, "not delivered");
		judge(m, !m->w->count[NST_R_EMIT_RESENT], "sent again");
		model_end(m);
	}
}

/*
 * In front of us: what came behind the loss is stored, so that the sender
 * sends one segment again and no time-out passes.
 */
static void test_lost_before(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 12; v++) {
		struct model *m = start("lost before", v);

		model_open(m);
		lost_hop = 0;
		lost_nr = 1 + v / 2 % 6;
		m->fate = lose_one;
		n = messages(10);
		write_by(m, n, 251);
		model_settle(m);
		judge(m, lost_seen >= lost_nr, "nothing was lost");
		judge(m, m->w->count[NST_R_SEG_OUT_OF_ORDER] > 2, "nothing was stored");
		judge(m, m->peer[0].fast == 1, "%u fast retransmits", m->peer[0].fast);
		judge(m, !m->peer[0].rtos, "a time-out of the sender");
		model_end(m);
	}
}

/* Behind us, of bytes that the sender has an acknowledgement for. */
static void test_lost_behind(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 16; v++) {
		struct model *m = start("lost behind", v);

		model_open(m);
		lost_hop = 1;
		lost_nr = 2 + v / 2;
		m->fate = lose_one;
		n = text_invite(text, 1, 200);
		m->peer[1].mss = 536;
		m->conn.flow[0].mss = 536;
		m->peer[0].mss = 536;
		write_by(m, n, 500);
		model_settle(m);
		judge(m, lost_seen >= lost_nr, "nothing was lost");
		judge(m, m->w->count[NST_R_EMIT_RESENT] == 1, "%u sent again",
		      m->w->count[NST_R_EMIT_RESENT]);
		judge(m, m->w->count[NST_R_LOSS_FAST] == 1 && !m->w->count[NST_R_LOSS_TIMEOUT],
		      "not by duplicate acknowledgements");
		judge(m, !m->peer[0].rtos, "a time-out of the sender");
		model_end(m);
	}
}

/* What a phone asked while nothing was under way has long been answered. */
static void test_lost_behind_keepalives(void **state)
{
	u32 v, i, n;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = start("keepalives", v);

		m->peer[0].sack = v & 2;
		m->peer[1].sack = v & 2;
		model_open(m);
		m->peer[1].mss = 536;
		m->conn.flow[0].mss = 536;
		m->peer[0].mss = 536;
		say(m, 0, text, text_options(text, 7));
		model_run(m, 200);
		for (i = 0; i < 10; i++) {
			peer_probe(m, 0, v >> 2);
			model_run(m, 50);
		}
		lost_hop = 1;
		lost_nr = 2;
		m->fate = lose_one;
		n = text_invite(text, 1, 200);
		write_by(m, n, 500);
		model_settle(m);
		judge(m, lost_seen >= lost_nr, "nothing was lost");
		judge(m, m->w->count[NST_R_LOSS_FAST] == 1 && !m->w->count[NST_R_LOSS_TIMEOUT],
		      "not by duplicate acknowledgements");
		model_end(m);
	}
}

/* The last one: only time tells.  Then each acknowledgement lets two more go. */
static u32 lose_all(struct model *m, struct packet *p)
{
	(void)m;
	return p->s.dir || !p->s.len || p->hop != 1 || model_now(m) > lost_until;
}

static void test_all_lost_behind(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("all lost behind", v);
		u64 begun;
		u32 una;

		model_open(m);
		n = text_invite(text, 1, 200);
		m->conn.flow[0].mss = 536;
		expect_text(m, 0, text, n);
		peer_write(m, 0, text, n / 2);
		model_run(m, 300);
		m->fate = lose_all;
		lost_until = 5000;
		peer_write(m, 0, text + n / 2, n - n / 2);
		model_run(m, lost_until - model_now(m));
		judge(m, m->conn.flow[0].resends > 1 &&
		      m->w->count[NST_R_LOSS_TIMEOUT] == m->conn.flow[0].resends, "no time-out");
		una = m->conn.flow[0].snd_una;
		while (m->conn.flow[0].snd_una == una)
			model_run(m, 1);
		begun = model_now(m);
		while (m->conn.flow[0].blocks)
			model_run(m, 1);
		judge(m, m->w->count[NST_R_EMIT_RESENT] > 10, "%u sent again",
		      m->w->count[NST_R_EMIT_RESENT]);
		/* 20 ms a round trip: each lets twice as many go as the one before. */
		judge(m, model_now(m) - begun <= 100, "%u ms to recover",
		      (u32)(model_now(m) - begun));
		model_end(m);
	}
}

/* RFC 6298: the time-out follows what was measured. */
static void test_rto(void **state)
{
	static const u32 delay[] = { 1, 10, 40, 90 };
	u32 v, i, n;
	(void)state;

	for (v = 0; v < ARRAY_SIZE(delay); v++) {
		struct model *m = start("RTO", v);
		struct nst_recovery *r = &m->conn.flow[0].recovery;
		u32 rtt;

		m->delay = delay[v];
		model_open(m);
		for (i = 0; i < 30; i++) {
			n = text_options(text, i);
			say(m, 0, text, n);
			model_run(m, 10 * delay[v]);
		}
		rtt = r->srtt / 8;
		judge(m, rtt >= 2 * delay[v] && rtt <= 2 * delay[v] + 2, "RTT %u", rtt);
		model_run(m, 5000);
		/* The way to the server is broken. */
		m->fate = lose_all;
		lost_until = ~0ull;
		n = text_options(text, i);
		expect_text(m, 0, text, n);
		peer_write(m, 0, text, n);
		model_run(m, delay[v] + 1);
		judge(m, m->conn.flow[0].rto >= 300 + rtt && m->conn.flow[0].rto <= 310 + 2 * rtt,
		      "RTO %u at RTT %u", m->conn.flow[0].rto, rtt);
		model_free(m);
	}
}

/* A timestamp from long ago: not looked at, and not acknowledged. */
static void test_old_timestamp(void **state)
{
	struct model *m = start("PAWS", 0);
	struct nst_segment s = { .dir = 0, .flags = NST_ACK | NST_PSH, .has_ts = true };
	struct nst_out out;
	u32 n = messages(1);
	(void)state;

	model_open(m);
	s.seq = m->peer[0].nxt;
	s.ack = m->peer[1].nxt;
	s.win = 500;
	s.len = n;
	s.payload = text;
	s.tsval = m->conn.flow[0].ts_recent - 1;
	step_segment(&m->conn, &s, model_now(m), &out);
	judge(m, out.verdict != NST_ACCEPT && out.verdict != NST_CARRY, "it passes");
	judge(m, m->w->count[NST_R_SEG_OLD_TIMESTAMP] == 1, "not counted");
	judge(m, out.nr_emit == 1 && out.emit[0].ack == s.seq, "no acknowledgement");
	write_by(m, n, n);
	model_end(m);
}

/* Early bytes that nobody stores: counted, acknowledged in front of them, dropped. */
static void refuse_early(struct model *m, u32 seq, enum nst_reason reason)
{
	const struct nst_flow *f = &m->conn.flow[0];
	struct nst_segment s = {
		.dir = 0, .flags = NST_ACK | NST_PSH, .seq = seq, .ack = m->peer[1].nxt,
		.win = 500, .len = 10, .payload = text, .has_ts = f->has_ts,
		.tsval = f->ts_recent,
	};
	struct nst_out out;

	step_segment(&m->conn, &s, model_now(m), &out);
	judge(m, m->w->count[reason] == 1, "not counted");
	judge(m, !f->order && out.verdict != NST_ACCEPT && out.verdict != NST_CARRY, "it is taken");
	judge(m, out.nr_emit == 1 && out.emit[0].ack == f->rcv_nxt && !out.emit[0].nr_sack,
	      "no acknowledgement, or one too many");
}

/* What lies beyond the right edge nobody asked for; what finds no room comes again. */
static void test_not_stored(void **state)
{
	struct model *m = start("not stored", 0);
	struct nst_settings *set = &m->w->env.set;
	u32 n = messages(3), hold_max = set->hold_max;
	(void)state;

	model_open(m);
	refuse_early(m, m->conn.flow[0].adv_edge, NST_R_SEG_OUT_OF_WINDOW);
	set->hold_max = 2 * (set->header_max + set->body_max);
	refuse_early(m, m->conn.flow[0].rcv_nxt + 10, NST_R_SEG_NOT_STORED);
	set->hold_max = hold_max;
	write_by(m, n, n);
	model_end(m);
}

/* The timestamp of a byte behind a gap must not make the gap's own look old. */
static u32 swap_first(struct model *m, struct packet *p)
{
	if (!p->hop && !p->s.dir && p->s.len && ++lost_seen == 1)
		p->at += 15;
	(void)m;
	return 1;
}

static void test_timestamps_in_disorder(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("timestamps", v);

		model_open(m);
		m->fate = swap_first;
		n = messages(2);
		expect_text(m, 0, text, n);
		peer_write(m, 0, text, 200);
		/* Brings news for the server in the segment that overtakes. */
		peer_write(m, 1, "\r\n\r\n", 4);
		expect_raw(m, 1, "\r\n\r\n", 4);
		model_run(m, v & 2 ? 21 : 5);
		peer_write(m, 0, text + 200, n - 200);
		m->lossy = false;
		model_settle(m);
		judge(m, m->peer[0].rtos + m->peer[1].rtos == 0, "a time-out");
		model_end(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_behind_repeated_with_news),
		cmocka_unit_test(test_probes_are_no_loss),
		cmocka_unit_test(test_lost_before),
		cmocka_unit_test(test_lost_behind),
		cmocka_unit_test(test_lost_behind_keepalives),
		cmocka_unit_test(test_all_lost_behind),
		cmocka_unit_test(test_rto),
		cmocka_unit_test(test_old_timestamp),
		cmocka_unit_test(test_not_stored),
		cmocka_unit_test(test_timestamps_in_disorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
