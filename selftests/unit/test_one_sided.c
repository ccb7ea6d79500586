// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asymmetric routing: a direction that goes past us ends the following, and
 * nothing else that looks like it does.
 */
#include "unit.h"

#include "check.h"
#include "model.h"

static char text[64 * 1024];

static struct model *start(const char *name, u32 variant)
{
	struct model *m = model_new("%s %u", name, variant);

	model_map(m, "192.168.122.3:40000", "10.1.1.1:50000");
	model_open(m);
	return m;
}

/* A segment that the model's ends know nothing of. */
static bool opaque_after(struct model *m, u8 dir, u32 seq, u32 ack, u32 len)
{
	static const char spaces[64];
	struct nst_segment seg = {
		.dir = dir, .flags = NST_ACK, .seq = seq, .ack = ack, .win = 512,
		.len = len, .seg_size = len, .payload = spaces,
	};
	struct nst_out out;

	step_segment(&m->conn, &seg, model_now(m), &out);
	return m->conn.state == NST_CONN_OPAQUE && m->conn.reason == NST_R_OPAQUE_ONE_SIDED;
}

/* The client acknowledges what the server sent it by another way. */
static void test_answers_elsewhere(void **state)
{
	struct model *m = start("answers elsewhere", 0);
	const struct nst_flow *f = &m->conn.flow[0], *back = &m->conn.flow[1];
	u32 i;
	(void)state;

	for (i = 1; i < 3; i++)
		judge(m, !opaque_after(m, 0, f->rcv_nxt, back->snd_nxt + i * 500, 0), "too early");
	/* What comes the other way says that it was something else. */
	judge(m, !opaque_after(m, 1, back->rcv_nxt, f->snd_nxt, 0), "by the other one");
	for (i = 1; i < 3; i++)
		judge(m, !opaque_after(m, 0, f->rcv_nxt, back->snd_nxt + i * 500, 0), "too early");
	judge(m, opaque_after(m, 0, f->rcv_nxt, back->snd_nxt + 1, 0), "never");
	model_free(m);
}

/* The client goes on and on, and nobody answers here. */
static void test_acks_elsewhere(void **state)
{
	struct model *m = start("acks elsewhere", 0);
	const struct nst_flow *f = &m->conn.flow[0], *back = &m->conn.flow[1];
	u32 beyond = f->edge + f->max_win;
	u32 i;
	(void)state;

	for (i = 0; i < 5; i++)
		judge(m, !opaque_after(m, 0, beyond, back->snd_nxt, 10), "at the edge");
	for (i = 1; i < 3; i++)
		judge(m, !opaque_after(m, 0, beyond + 50 * i, back->snd_nxt, 10), "too early");
	judge(m, opaque_after(m, 0, beyond + 500, back->snd_nxt, 10), "never");
	model_free(m);
}

/* Traffic that goes one way only, far more than a window: acknowledgements come back. */
static void test_monologue(void **state)
{
	u32 v, i, n = 0;
	(void)state;

	for (v = 0; v < 8; v++) {
		struct model *m = model_new("monologue %u", v);
		u8 dir = v & 1;

		model_map(m, "192.168.122.3:40000", "10.1.1.1:50000");
		m->peer[!dir].space = v & 2 ? 700 : 5000;
		m->peer[!dir].wscale = v & 2 ? 0xff : 2;
		m->peer[!dir].delack = v & 4 ? 40 : 0;
		model_open(m);
		for (i = 0, n = 0; i < 60; i++)
			n += dir ? text_answer(text + n, i, "10.1.1.1:50000") : text_options(text + n, i);
		m->peer[dir].fin = false;
		say(m, dir, text, n);
		model_settle(m);
		judge(m, m->conn.state == NST_CONN_FOLLOWED, "reason %u", m->conn.reason);
		model_end(m);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_elsewhere),
		cmocka_unit_test(test_acks_elsewhere),
		cmocka_unit_test(test_monologue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
