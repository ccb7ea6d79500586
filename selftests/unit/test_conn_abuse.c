// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody can send who wants to do harm, packet by packet, given to the
 * engine directly: the model's ends are too honest for it.
 */
#include <nf_nat_sip_tcp/flow.h>

#include "unit.h"
#include "talk.h"
#include "world.h"

#define CLIENT_ISN 1000u
#define SERVER_ISN 5000u

/* The last block may reach beyond the limit by what it has room for. */
#define BLOCK 1024

struct abuse {
	struct world *w;
	struct nst_conn c;
	struct nst_out out;
	size_t live;
	char text[1024];
	u32 len;
	bool ts;
	u32 tsval;
};

static void give(struct abuse *a, u8 dir, u8 flags, u32 seq, u32 ack,
		 const char *p, u32 len)
{
	struct nst_segment seg = {
		.dir = dir, .flags = flags, .seq = seq, .ack = ack, .win = 60000,
		.payload = p, .len = len, .seg_size = len, .mss = 1460,
		.wscale = 0xff, .has_ts = a->ts, .tsval = a->tsval,
	};

	a->w->now++;
	step_segment(&a->c, &seg, a->w->now, &a->out);
}

/* A connection that is followed, and a message that grows or shrinks. */
static struct abuse *start_with(bool ts, u32 tsval)
{
	struct abuse *a = calloc(1, sizeof(*a));

	a->ts = ts;
	a->tsval = tsval;
	a->w = world_new();
	a->live = a->w->live;
	conn_init(&a->c, &a->w->env, 1, 0, &a->w->map);
	give(a, 0, NST_SYN, CLIENT_ISN, 0, NULL, 0);
	give(a, 1, NST_SYN | NST_ACK, SERVER_ISN, CLIENT_ISN + 1, NULL, 0);
	give(a, 0, NST_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, NULL, 0);
	assert_int_equal(a->c.state, NST_CONN_FOLLOWED);
	a->len = sprintf(a->text,
			 "OPTIONS sip:a@b SIP/2.0\r\n"
			 "Via: SIP/2.0/TCP 10.0.0.5:40000;branch=z9hG4bK1\r\n"
			 "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
			 "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	return a;
}

static struct abuse *start(void)
{
	return start_with(false, 0);
}

static void stop(struct abuse *a)
{
	conn_free(&a->c);
	assert_int_equal(a->w->live, a->live);
	world_free(a->w);
	free(a);
}

static u32 message(struct abuse *a, u32 seq)
{
	give(a, 0, NST_ACK | NST_PSH, seq, SERVER_ISN + 1, a->text, a->len);
	return seq + a->len;
}

/* conntrack lets a SYN/ACK with any numbers through on a live connection. */
static void test_blind_syn_ack(void **state)
{
	struct abuse *a = start();
	u32 seq = message(a, CLIENT_ISN + 1);
	u32 sent = a->c.flow[0].snd_nxt;
	(void)state;

	assert_int_not_equal(a->c.flow[0].map.after, 0);
	give(a, 1, NST_SYN | NST_ACK, 0x12345678, 0x9abcdef0, NULL, 0);
	assert_int_equal(a->out.verdict, NST_ACCEPT);
	assert_int_equal(a->out.seq, 0x12345678);
	assert_int_equal(a->c.state, NST_CONN_FOLLOWED);
	give(a, 1, NST_ACK, SERVER_ISN + 1, sent, NULL, 0);
	assert_int_equal(a->out.ack, seq);
	message(a, seq);
	assert_int_equal(a->out.verdict, NST_CARRY);
	assert_int_equal(a->out.seq, sent);
	stop(a);
}

/* A SYN alone is no reason to look away; the live server answers it. */
static void test_blind_syn(void **state)
{
	struct abuse *a = start();
	u32 seq = message(a, CLIENT_ISN + 1);
	u32 sent = a->c.flow[0].snd_nxt;
	(void)state;

	give(a, 0, NST_SYN, 777, 0, NULL, 0);
	assert_int_equal(a->out.seq, 777);
	assert_int_equal(a->c.state, NST_CONN_FOLLOWED);
	give(a, 1, NST_ACK, SERVER_ISN + 1, sent, NULL, 0);
	/* The challenge was the answer: a late SYN/ACK fits no SYN. */
	give(a, 1, NST_SYN | NST_ACK, 4242, 778, NULL, 0);
	assert_int_equal(a->c.state, NST_CONN_FOLLOWED);
	message(a, seq);
	assert_int_equal(a->out.verdict, NST_CARRY);
	stop(a);
}

/*
 * conntrack looks at nothing in a segment that ends far below the window, and
 * lets it pass: who knows only the addresses hits with every second one.
 */
static void test_blind_below_window(void **state)
{
	struct abuse *a = start();
	struct nst_flow *f = &a->c.flow[0];
	u32 seq = message(a, CLIENT_ISN + 1);
	struct nst_segment seg = {
		.dir = 1, .flags = NST_ACK | NST_URG, .seq = SERVER_ISN - (1 << 30),
		.ack = f->snd_nxt, .win = 65535, .payload = "x", .len = 1, .seg_size = 1,
		.nr_sack = 1, .sack = { { f->snd_nxt, f->snd_nxt + 1 } },
	};
	u32 edge = f->edge;
	(void)state;

	assert_non_null(f->blocks);
	step_segment(&a->c, &seg, ++a->w->now, &a->out);
	/* What was to be delivered is kept, windows are what they were. */
	assert_non_null(f->blocks);
	assert_int_equal(f->edge, edge);
	assert_int_equal(a->c.state, NST_CONN_FOLLOWED);
	/* The receiver sees it, without bytes, and says where it is. */
	assert_int_equal(a->out.verdict, NST_TRIM);
	assert_int_equal(a->out.seq, seg.seq);
	assert_int_equal(a->out.ack, CLIENT_ISN + 1);
	assert_int_equal(a->out.nr_sack, 0);
	assert_count(a->w, SEG_OUT_OF_WINDOW, 1);
	/* A sender's own repeats are not so old. */
	seg.seq = SERVER_ISN + 1 - 60000;
	seg.flags = NST_ACK;
	step_segment(&a->c, &seg, ++a->w->now, &a->out);
	assert_null(f->blocks);
	assert_int_equal(a->out.ack, seq);
	stop(a);
}

/* With a timestamp from far ahead all that comes would look old, for ever. */
static void test_blind_timestamp(void **state)
{
	struct abuse *a = start_with(true, 1000);
	u32 seq = message(a, CLIENT_ISN + 1);
	(void)state;

	give(a, 1, NST_ACK, SERVER_ISN + 1, a->c.flow[0].snd_nxt, NULL, 0);
	a->tsval = 0x70000000;
	give(a, 0, NST_ACK, seq - 50, SERVER_ISN + 1, NULL, 0);
	give(a, 0, NST_ACK | NST_ECE, seq - 50, SERVER_ISN + 1, a->text, 49);
	/* What it says goes on with a number that counts: with no such time. */
	assert_int_equal(a->out.verdict, NST_TRIM);
	assert_int_equal(a->out.tsval, 1000);
	a->tsval = 1001;
	message(a, seq);
	assert_int_equal(a->out.verdict, NST_CARRY);
	assert_count(a->w, SEG_OLD_TIMESTAMP, 0);
	stop(a);
}

/* Nothing was said for so long that the clock looks as if it ran backwards. */
static void test_timestamp_wraps(void **state)
{
	struct abuse *a = start_with(true, 1000);
	u32 seq = message(a, CLIENT_ISN + 1);
	(void)state;

	give(a, 1, NST_ACK, SERVER_ISN + 1, a->c.flow[0].snd_nxt, NULL, 0);
	a->tsval = 1000 + 0x80000010;
	a->w->now += 0x80000000 / 1000 - 1000;
	message(a, seq);
	assert_int_equal(a->out.verdict, NST_DROP);
	assert_count(a->w, SEG_OLD_TIMESTAMP, 1);
	a->w->now += 1000;
	/* What overtakes, too. */
	give(a, 0, NST_ACK, seq + 10, SERVER_ISN + 1, a->text + 10, a->len - 10);
	assert_count(a->w, SEG_OUT_OF_ORDER, 1);
	give(a, 0, NST_ACK, seq, SERVER_ISN + 1, a->text, 10);
	assert_int_equal(a->c.flow[0].rcv_nxt, seq + a->len);
	assert_int_equal(a->c.flow[0].ts_recent, a->tsval);
	assert_count(a->w, SEG_OLD_TIMESTAMP, 1);
	stop(a);
}

/* The answer that fits the SYN: another connection, offsets are history. */
static void test_new_connection(void **state)
{
	struct abuse *a = start();
	(void)state;

	message(a, CLIENT_ISN + 1);
	give(a, 0, NST_SYN, 777, 0, NULL, 0);
	give(a, 1, NST_SYN | NST_ACK, 4242, 778, NULL, 0);
	assert_int_equal(a->c.state, NST_CONN_OPAQUE);
	assert_int_equal(a->w->count[NST_R_OPAQUE_NEW_SYN], 1);
	give(a, 0, NST_ACK, 778, 4243, a->text, a->len);
	assert_int_equal(a->out.verdict, NST_ACCEPT);
	assert_int_equal(a->out.seq, 778);
	assert_int_equal(a->out.ack, 4243);
	stop(a);
}

/*
 * The connection is deleted while a part of what is held has been acknowledged
 * and the rest not yet: both ends have to be told.
 */
static void test_depends_on_acknowledged(void **state)
{
	struct abuse *a = start();
	u32 seq = CLIENT_ISN + 1;
	(void)state;

	assert_false(conn_depends(&a->c));
	give(a, 0, NST_ACK, seq, SERVER_ISN + 1, a->text, 20);
	assert_false(conn_depends(&a->c) || conn_owes(&a->c));
	a->w->now += 20;
	step_timer(&a->c, a->w->now, &a->out);
	assert_int_equal(a->c.flow[0].acked, seq + 20);
	assert_true(conn_depends(&a->c) && conn_owes(&a->c));
	give(a, 0, NST_ACK, seq + 20, SERVER_ISN + 1, a->text + 20, 20);
	assert_int_equal(a->c.flow[0].acked, seq + 20);
	assert_true(conn_depends(&a->c));
	stop(a);
}

/* Some repeat the last bytes with their FIN, though they are acknowledged. */
static void test_fin_behind_old_bytes(void **state)
{
	struct abuse *a = start();
	u32 seq = message(a, CLIENT_ISN + 1);
	u32 sent = a->c.flow[0].snd_nxt;
	(void)state;

	give(a, 1, NST_ACK, SERVER_ISN + 1, sent, NULL, 0);
	step_opaque(&a->c, NST_R_OPAQUE_SETTING, ++a->w->now, &a->out);
	give(a, 0, NST_ACK, seq - 20, SERVER_ISN + 1, a->text + a->len - 20, 20);
	assert_int_equal(a->out.verdict, NST_TRIM);
	give(a, 0, NST_ACK | NST_FIN, seq - 20, SERVER_ISN + 1, a->text + a->len - 20, 20);
	assert_int_equal(a->out.verdict, NST_ACCEPT);
	assert_int_equal(a->out.clear_flags & NST_FIN, 0);
	assert_int_equal(a->out.seq + 20, sent);
	stop(a);
}

/* A message and a FIN wait for a receiver without a window. */
static u32 fin_waits(struct abuse *a)
{
	struct nst_segment shut = {
		.dir = 1, .flags = NST_ACK, .seq = SERVER_ISN + 1,
	};
	u32 seq = message(a, CLIENT_ISN + 1);

	shut.ack = a->c.flow[0].snd_nxt;
	/* So much more is taken from the sender, and the receiver has no room. */
	step_segment(&a->c, &shut, ++a->w->now, &a->out);
	a->c.flow[0].edge = a->c.flow[0].snd_nxt;
	seq = message(a, seq);
	assert_true(flow_pending(&a->c.flow[0]));
	give(a, 0, NST_ACK | NST_FIN, seq, SERVER_ISN + 1, NULL, 0);
	assert_true(a->c.flow[0].fin_waits);
	return seq;
}

/* It must not go out without the bytes, neither to who has reset ... */
static void test_fin_waits_and_reset(void **state)
{
	struct abuse *a = start();
	(void)state;

	fin_waits(a);
	give(a, 1, NST_RST | NST_ACK, SERVER_ISN + 1, a->c.flow[0].snd_una, NULL, 0);
	assert_true(a->c.reset);
	assert_int_equal(a->out.nr_emit, 0);
	stop(a);
}

/* ... nor to a new connection. */
static void test_fin_waits_and_new_connection(void **state)
{
	struct abuse *a = start();
	(void)state;

	fin_waits(a);
	give(a, 0, NST_SYN, 777, 0, NULL, 0);
	give(a, 1, NST_SYN | NST_ACK, 4242, 778, NULL, 0);
	assert_count(a->w, OPAQUE_NEW_SYN, 1);
	assert_int_equal(a->out.nr_emit, 0);
	give(a, 0, NST_ACK, 778, 4243, a->text, a->len);
	assert_int_equal(a->out.seq, 778);
	assert_int_equal(a->out.nr_emit, 0);
	stop(a);
}

/*
 * conntrack has seen both FINs, though one has not gone out: it remembers the
 * connection for half a minute, and both ends must have heard of it by then.
 */
static void test_fin_waits_and_patience(void **state)
{
	struct abuse *a = start();
	u64 begin;
	(void)state;

	give(a, 1, NST_ACK | NST_FIN, SERVER_ISN + 1, CLIENT_ISN + 1, NULL, 0);
	assert_true(a->c.flow[1].fin);
	fin_waits(a);
	begin = a->w->now;
	while (a->out.timer && !a->out.closing) {
		a->w->now = a->out.timer;
		step_timer(&a->c, a->w->now, &a->out);
	}
	assert_count(a->w, RESET, 1);
	assert_in_range(a->w->now - begin, 15000, 29000);
	stop(a);
}

/* A receiver that acknowledges nothing makes us keep no more than hold_max. */
static void test_backlog_is_bounded(void **state)
{
	struct abuse *a = start();
	u32 seq = CLIENT_ISN + 1;
	u32 i;
	(void)state;

	a->w->env.set.hold_max = 16384;
	a->c.flow[0].edge += 1 << 24;
	a->c.flow[0].ct_edge += 1 << 24;
	for (i = 0; i < 200; i++) {
		message(a, seq);
		seq = a->c.flow[0].rcv_nxt;
		assert_in_range(flow_memory(&a->c.flow[0]), 0, 16384 + BLOCK);
	}
	assert_in_range(a->w->count[NST_R_SEG_BACKLOG], 1, 200);
	assert_int_equal(a->c.state, NST_CONN_FOLLOWED);
	/* When it acknowledges, it goes on. */
	give(a, 1, NST_ACK, SERVER_ISN + 1, a->c.flow[0].snd_nxt, NULL, 0);
	message(a, seq);
	assert_int_equal(a->out.verdict, NST_CARRY);
	stop(a);
}

/* What its bytes leave on segments of ours need not be said once more. */
static void test_stripped_beside_own(void **state)
{
	struct abuse *a = start();
	u32 n = NST_CARRY_MAX / a->len + 2;
	char *p = malloc(n * a->len);
	u32 i;
	(void)state;

	for (i = 0; i < n; i++)
		memcpy(p + i * a->len, a->text, a->len);
	give(a, 1, NST_ACK, SERVER_ISN + 1, CLIENT_ISN + 1, "\r\n", 2);
	give(a, 0, NST_ACK, CLIENT_ISN + 1, SERVER_ISN + 3, p, n * a->len);
	assert_int_equal(a->out.nr_emit, 1);
	assert_true(a->out.emit[0].len > NST_CARRY_MAX);
	assert_int_equal(a->out.emit[0].ack, SERVER_ISN + 3);
	assert_int_equal(a->out.verdict, NST_DROP);
	/* Who echoes congestion is heard. */
	give(a, 1, NST_ACK, SERVER_ISN + 3, a->c.flow[0].snd_nxt, "\r\n", 2);
	give(a, 0, NST_ACK | NST_ECE, a->c.flow[0].rcv_nxt, SERVER_ISN + 5, p, n * a->len);
	assert_int_equal(a->out.nr_emit, 1);
	assert_int_equal(a->out.verdict, NST_TRIM);
	free(p);
	stop(a);
}

/*
 * A window less than its field can say, and a sender that probes with the next
 * byte: if an update was lost only the receiver can say so.
 */
static void test_byte_probe_asks(void **state)
{
	struct abuse *a = start();
	struct nst_flow *f = &a->c.flow[0];
	u32 seq = CLIENT_ISN + 1, half = a->len / 2;
	(void)state;

	a->c.flow[1].wscale = 12;
	f->edge = f->snd_una + 3000;
	f->adv_edge = f->rcv_nxt + 3000;
	give(a, 0, NST_ACK, seq, SERVER_ISN + 1, a->text, half);
	assert_int_not_equal(a->out.verdict, NST_TRIM);
	a->w->now = a->out.timer;
	step_timer(&a->c, a->w->now, &a->out);
	assert_int_equal(a->out.emit[0].ack, seq + half);
	assert_int_equal(a->out.emit[0].win, 0);
	give(a, 0, NST_ACK, seq + half, SERVER_ISN + 1, a->text + half, 1);
	assert_int_equal(hold_len(f), half + 1);
	assert_int_equal(a->out.verdict, NST_TRIM);
	assert_int_equal(a->out.seq, f->snd_nxt - 1);
	stop(a);
}

/* Said in quarters, a window that is nearly open may be anybody's. */
static void test_coarse_window_may_be_slow(void **state)
{
	u8 shift;
	(void)state;

	for (shift = 7; shift <= 12; shift += 5) {
		struct abuse *a = start();
		struct nst_flow *f = &a->c.flow[0];
		struct nst_segment seg = {
			.dir = 1, .flags = NST_ACK, .seq = SERVER_ISN + 1,
			.ack = CLIENT_ISN + 1,
		};
		u32 win;

		a->c.flow[1].wscale = shift;
		f->max_win = 16384;
		for (win = 16384; win >= 8192; win -= 4096) {
			seg.win = win >> shift;
			step_segment(&a->c, &seg, ++a->w->now, &a->out);
			assert_int_equal(f->slow, shift == 12 && win < 16384);
		}
		stop(a);
	}
}

/* Who was less than half open, and is half open again, has more to read. */
static void test_slow_reader_is_waited_for(void **state)
{
	u32 slow;
	(void)state;

	for (slow = 0; slow < 2; slow++) {
		struct abuse *a = start();
		struct nst_flow *f = &a->c.flow[0];
		struct nst_segment seg = {
			.dir = 1, .flags = NST_ACK, .seq = SERVER_ISN + 1,
			.ack = CLIENT_ISN + 1, .win = slow ? 0 : 200,
		};
		u64 begin;

		f->edge = f->snd_una + 100;
		f->adv_edge = f->rcv_nxt + 100;
		f->max_win = 200;
		step_segment(&a->c, &seg, ++a->w->now, &a->out);
		seg.win = 100;
		step_segment(&a->c, &seg, ++a->w->now, &a->out);
		f->edge = f->snd_una + 100;
		f->adv_edge = f->rcv_nxt + 100;
		begin = a->w->now;
		give(a, 0, NST_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, a->text, 100);
		while (a->c.state == NST_CONN_FOLLOWED) {
			a->w->now = a->out.timer;
			step_timer(&a->c, a->w->now, &a->out);
		}
		assert_count(a->w, OPAQUE_WINDOW, 1);
		assert_int_equal(slow, a->w->now - begin > 2000);
		stop(a);
	}
}

static void *no_memory(struct nst_env *env, size_t len)
{
	(void)env;
	(void)len;
	return NULL;
}

static void *no_memory_for(struct nst_env *env, struct nst_account *a, size_t len)
{
	(void)a;
	return no_memory(env, len);
}

/* Without memory the connection goes on without us (P4). */
static void test_no_memory_fails_open(void **state)
{
	struct abuse *a = start();
	struct nst_ops ops = *a->w->env.ops;
	const struct nst_ops *real = a->w->env.ops;
	int tries = 0;
	(void)state;

	ops.alloc = no_memory;
	ops.alloc_for = no_memory_for;
	a->w->env.ops = &ops;
	do {
		message(a, CLIENT_ISN + 1);
		assert_in_range(++tries, 1, 10);
	} while (a->out.verdict == NST_DROP || a->out.verdict == NST_TRIM);
	assert_int_equal(a->out.verdict, NST_ACCEPT);
	assert_int_equal(a->out.len, a->len);
	assert_int_equal(a->c.state, NST_CONN_OPAQUE);
	assert_int_equal(a->w->count[NST_R_OPAQUE_NOMEM], 1);
	a->w->env.ops = real;
	stop(a);
}

/*
 * The end of a held message finds no memory; other bytes come in its place.
 * What was found out about the first ones must not count for them.
 */
static void test_refused_end_comes_otherwise(void **state)
{
	struct abuse *a = start();
	struct nst_ops ops = *a->w->env.ops;
	const struct nst_ops *real = a->w->env.ops;
	u32 cut = a->len - 5;
	char other[] = "1\r\n\r\nx";
	u32 seq = CLIENT_ISN + 1;
	(void)state;

	give(a, 0, NST_ACK, seq, SERVER_ISN + 1, a->text, cut);
	assert_non_null(a->c.flow[0].hold);
	ops.alloc = no_memory;
	ops.alloc_for = no_memory_for;
	a->w->env.ops = &ops;
	give(a, 0, NST_ACK, seq + cut, SERVER_ISN + 1, a->text + cut, a->len - cut);
	assert_int_equal(a->c.flow[0].rcv_nxt, seq + cut);
	assert_count(a->w, SEG_NOMEM, 1);
	assert_count(a->w, SEG_HELD, 1);
	a->w->env.ops = real;
	give(a, 0, NST_ACK, seq + cut, SERVER_ISN + 1, other, sizeof(other) - 1);
	assert_int_equal(a->c.flow[0].mode, NST_MODE_IDLE);
	assert_int_equal(a->c.flow[0].body_left, 0);
	assert_int_equal(a->w->count[NST_R_MSG_REQUEST], 1);
	stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blind_syn_ack),
		cmocka_unit_test(test_blind_syn),
		cmocka_unit_test(test_blind_below_window),
		cmocka_unit_test(test_blind_timestamp),
		cmocka_unit_test(test_timestamp_wraps),
		cmocka_unit_test(test_new_connection),
		cmocka_unit_test(test_depends_on_acknowledged),
		cmocka_unit_test(test_fin_behind_old_bytes),
		cmocka_unit_test(test_fin_waits_and_reset),
		cmocka_unit_test(test_fin_waits_and_new_connection),
		cmocka_unit_test(test_fin_waits_and_patience),
		cmocka_unit_test(test_backlog_is_bounded),
		cmocka_unit_test(test_stripped_beside_own),
		cmocka_unit_test(test_byte_probe_asks),
		cmocka_unit_test(test_coarse_window_may_be_slow),
		cmocka_unit_test(test_slow_reader_is_waited_for),
		cmocka_unit_test(test_no_memory_fails_open),
		cmocka_unit_test(test_refused_end_comes_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
