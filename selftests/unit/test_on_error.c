// SPDX-License-Identifier: GPL-2.0-only
/*
 * on_error=reset: what would go opaque because of an error is reset at both
 * ends; what never was SIP, and what somebody decided, passes as ever.
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
	m->w->env.set.on_error = NST_ON_ERROR_RESET;
	model_open(m);
	return m;
}

/* Both ends know, nothing is kept, and nothing was read that should not be. */
static void is_reset(struct model *m, enum nst_reason reason)
{
	judge(m, m->closing && m->peer[0].reset && m->peer[1].reset, "not reset");
	judge(m, m->w->count[NST_R_RESET_ON_ERROR] == 1, "not counted");
	judge(m, m->w->count[reason] == 1, "reason not counted");
	judge(m, !m->w->count[NST_R_RESET], "counted as undeliverable");
	judge(m, conn_quiet(&m->conn) || !seqmap_constant(&m->conn.flow[0].map) ||
	      !seqmap_constant(&m->conn.flow[1].map), "something is kept");
	model_free(m);
}

static void passes(struct model *m, enum nst_reason reason)
{
	model_settle(m);
	judge(m, m->w->count[reason] == 1 && m->conn.state == NST_CONN_OPAQUE, "not opaque");
	judge(m, !m->w->count[NST_R_RESET_ON_ERROR], "reset");
	model_end(m);
}

/* Behind messages that passed, held or still under way. */
static void broken_frame(u32 v, const char *garbage, enum nst_reason reason)
{
	struct model *m = start(garbage, v);
	u32 n = text_options(text, 1);

	m->peer[1].delack = v & 4 ? 40 : 0;
	say(m, 0, text, n);
	if (v & 8)
		model_run(m, 100);
	/* It may lie behind a message of the same segment, too. */
	n = v & 16 ? text_options(text, 2) : 0;
	n += sprintf(text + n, "%s", garbage);
	peer_write(m, 0, text, n);
	model_run(m, 3000);
	is_reset(m, reason);
}

static void lost_framing_is_reset(void **state)
{
	u32 v;

	(void)state;
	for (v = 0; v < 32; v++) {
		broken_frame(v, "GET / HTTP/1.0\r\n\r\n", NST_R_OPAQUE_START_LINE);
		broken_frame(v, "OPTIONS sip:a@b SIP/2.0\r\n\r\n", NST_R_OPAQUE_NO_CLEN);
		broken_frame(v, "OPTIONS sip:a@b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n",
			     NST_R_OPAQUE_BAD_CLEN);
	}
}

/* Who has heard nothing yet, RSTs neither, learns it by its SYN/ACK. */
static u32 all_lost(struct model *m, struct packet *p)
{
	(void)m;
	return p->s.dir != 0 || p->hop == 0;
}

static void syn_ack_is_answered(void **state)
{
	u32 v, n;
	(void)state;

	for (v = 0; v < 4; v++) {
		struct model *m = start("syn/ack", v);
		struct nst_segment rst = { .flags = NST_RST, .wscale = 0xff };
		struct nst_out out;

		m->fate = all_lost;
		m->lossy = true;
		n = text_options(text, 1);
		say(m, 0, text, n);
		model_run(m, 10);
		peer_write(m, 0, "GET / HTTP/1.0\r\n\r\n", 18);
		model_run(m, 10);
		judge(m, m->closing, "not reset");
		judge(m, m->conn.flow[0].map.after, "no change");
		rst.seq = m->conn.flow[0].isn + 1;
		step_segment(&m->conn, &rst, model_now(m), &out);
		judge(m, out.verdict == NST_ACCEPT && out.seq == rst.seq, "RST at %d",
		      (int)(out.seq - rst.seq));
		/* Behind all that it wrote it is one of its own will. */
		rst.seq = m->conn.flow[0].rcv_nxt;
		step_segment(&m->conn, &rst, model_now(m), &out);
		judge(m, out.verdict == NST_ACCEPT && out.seq == m->conn.flow[0].snd_nxt,
		      "RST at %d", (int)(out.seq - m->conn.flow[0].snd_nxt));
		model_free(m);
	}
}

static void limits_are_reset(void **state)
{
	u32 v, n;

	(void)state;
	for (v = 0; v < 8; v++) {
		struct model *m = start("header_max", v);

		m->w->env.set.header_max = 100;
		n = text_options(text, 1);
		peer_write(m, 0, text, v & 4 ? 200 : n);
		model_run(m, 3000);
		is_reset(m, NST_R_OPAQUE_HEADER_SIZE);

		m = start("hold_timeout", v);
		m->w->env.set.hold_timeout = 5000;
		peer_write(m, 0, text, 100);
		model_run(m, v & 4 ? 4980 : 20);
		judge(m, !m->closing, "early");
		model_run(m, 6000);
		is_reset(m, NST_R_OPAQUE_HOLD_TIMEOUT);

		m = start("memory", v);
		peer_write(m, 0, text, 100);
		model_run(m, v & 4 ? 100 : 3);
		gateway_opaque(m, v & 2 ? NST_R_OPAQUE_MEM : NST_R_OPAQUE_SHARE);
		model_run(m, 100);
		is_reset(m, v & 2 ? NST_R_OPAQUE_MEM : NST_R_OPAQUE_SHARE);
	}
}

static void what_is_no_sip_passes(void **state)
{
	u32 v;

	(void)state;
	for (v = 0; v < 8; v++) {
		struct model *m = start("not sip", v);

		expect_raw(m, v / 4, "GET / HTTP/1.0\r\n\r\n", 18);
		peer_write(m, v / 4, "GET / HTTP/1.0\r\n\r\n", 18);
		passes(m, NST_R_OPAQUE_NOT_SIP);
	}
}

static void what_somebody_decided_passes(void **state)
{
	u32 v, n;

	(void)state;
	for (v = 0; v < 8; v++) {
		struct model *m = start("setting", v);

		n = text_options(text, 1);
		expect_loose(m, 0, text, n);
		peer_write(m, 0, text, 120);
		model_run(m, v & 4 ? 50 : 4);
		gateway_opaque(m, NST_R_OPAQUE_SETTING);
		peer_write(m, 0, text + 120, n - 120);
		passes(m, NST_R_OPAQUE_SETTING);

		m = start("fin", v);
		expect_loose(m, 0, text, 120);
		peer_write(m, 0, text, 120);
		model_run(m, v & 4 ? 50 : 4);
		peer_fin(m, 0);
		passes(m, NST_R_OPAQUE_FIN);
	}
}

/* Off, as it is by default. */
static void by_default_it_passes(void **state)
{
	struct model *m = start("default", 1);
	u32 n = text_options(text, 1);

	(void)state;
	nst_settings_default(&m->w->env.set);
	say(m, 0, text, n);
	expect_raw(m, 0, "GET / HTTP/1.0\r\n\r\n", 18);
	peer_write(m, 0, "GET / HTTP/1.0\r\n\r\n", 18);
	passes(m, NST_R_OPAQUE_START_LINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_framing_is_reset),
		cmocka_unit_test(syn_ack_is_answered),
		cmocka_unit_test(limits_are_reset),
		cmocka_unit_test(what_is_no_sip_passes),
		cmocka_unit_test(what_somebody_decided_passes),
		cmocka_unit_test(by_default_it_passes),
	};

	return cmocka_run_group_tests_name("on_error", tests, NULL, NULL);
}
