// SPDX-License-Identifier: GPL-2.0-only
/* What a connection is charged with: blocks and records, and nothing for long. */
#include "unit.h"

#include <nf_nat_sip_tcp/flow.h>

#include "model.h"

static bool power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

/* A half message takes the smallest block that holds it, and grows by doubling. */
static void a_half_message_takes_little(void **state)
{
	static const struct { u32 len; u32 used; } steps[] = {
		{ 1, 256 }, { 232, 256 }, { 233, 512 }, { 400, 512 }, { 489, 1024 },
		{ 1001, 2048 }, { 2500, 4096 }, { 9000, 16384 },
	};
	static char text[16384];
	struct model *m;
	u32 i, sent = 0;

	(void)state;
	m = model_new("half a message");
	m->side[0].any = true;
	model_open(m);
	assert_int_equal(m->conn.account.used, 0);
	/* A header block that does not end. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "OPTIONS sip:a@b SIP/2.0\r\nSubject: ", 34);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		peer_write(m, 0, text + sent, steps[i].len - sent);
		sent = steps[i].len;
		model_run(m, 100);
		assert_int_equal(m->conn.account.used, steps[i].used);
		assert_true(power_of_two(m->conn.account.used));
	}
	assert_int_equal(m->conn.state, NST_CONN_FOLLOWED);
	model_free(m);
}

/* What a connection holds comes back to its account when it is delivered. */
static void a_connection_gives_back(void **state)
{
	static char text[8192];
	struct model *m = model_new("charged");
	u32 n;

	(void)state;
	model_open(m);
	n = text_invite(text, 1, 8);
	say(m, 0, text, n);
	model_run(m, 1);
	expect_loose(m, 0, "OPTIONS", 7);
	peer_write(m, 0, "OPTIONS", 7);
	model_run(m, 20);
	assert_true(m->conn.account.used >= 256);
	gateway_opaque(m, NST_R_OPAQUE_MEM);
	model_settle(m);
	assert_int_equal(m->w->count[NST_R_OPAQUE_MEM], 1);
	/* Only the smallest room for records stays. */
	assert_int_equal(m->conn.account.used, 4 * sizeof(struct seqrec));
	model_end(m);
}

/* Who holds since when: what the relief asks about a victim. */
static void a_hold_has_an_age(void **state)
{
	static char text[8192];
	struct model *m = model_new("age");
	u32 n = text_options(text, 1);
	u64 t0;

	(void)state;
	model_open(m);
	m->peer[1].read_max = 0;
	assert_false(conn_holds_since(&m->conn, model_now(m)));
	expect_text(m, 0, text, n);
	t0 = model_now(m);
	peer_write(m, 0, text, 100);
	model_run(m, 100);
	assert_false(conn_holds_since(&m->conn, t0));
	assert_true(conn_holds_since(&m->conn, t0 + 10));
	peer_write(m, 0, text + 100, n - 100);
	model_run(m, 100);
	assert_false(conn_holds_since(&m->conn, model_now(m)));
	/* A message that follows is younger. */
	expect_loose(m, 0, text, 50);
	t0 = model_now(m);
	peer_write(m, 0, text, 50);
	model_run(m, 100);
	assert_false(conn_holds_since(&m->conn, t0));
	model_free(m);
}

/* A receiver that has closed its window, and says so again and again. */
static void a_shut_window_is_no_excuse(void **state)
{
	static char text[8192];
	struct model *m = model_new("stuck");
	u32 n = text_options(text, 1);
	u64 t0;

	(void)state;
	/* What is longer outside does not fit. */
	model_map(m, "192.168.122.3:40000", "203.100.113.200:50000");
	m->peer[1].space = n;
	m->peer[1].wscale = 0;
	m->peer[1].read_max = 0;
	model_open(m);
	say(m, 0, text, n);
	model_run(m, 100);
	t0 = model_now(m);
	assert_true(m->conn.flow[0].blocks != NULL);
	assert_false(conn_holds_since(&m->conn, t0));
	model_run(m, 60000);
	assert_true(conn_holds_since(&m->conn, t0));
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_half_message_takes_little),
		cmocka_unit_test(a_connection_gives_back),
		cmocka_unit_test(a_hold_has_an_age),
		cmocka_unit_test(a_shut_window_is_no_excuse),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
