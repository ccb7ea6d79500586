// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that look as if they belonged to a call and must do nothing: answers
 * to what nobody asked, or on another connection than it was asked on, and
 * BYEs of dialogs that are none (I6, D5, P2).
 */
#include "calls.h"

static struct conn *any_conn(struct seed *s, const struct conn *other_than)
{
	struct conn *n = &s->conn[below(s, CONNS)];

	return n->alive && n != other_than ? n : NULL;
}

static void stray_bye(struct seed *s, struct call *c)
{
	struct txn t = { .method = SIP_BYE, .cseq = 999, .branch = ++s->next_id * 16 + 5 };
	struct msg m = { .c = c, .t = &t, .from = below(s, 2), .leg = c->nr_legs - 1,
			 .strange = chance(s, 50) ? STRANGE_TAG : STRANGE_ID };

	m.conn = c->conn;
	t.from = m.from;
	t.conn = m.conn;
	send_msg(s, &m);
	m.status = 200;
	m.from = !m.from;
	send_msg(s, &m);
}

/* It would answer the INVITE, were it not for the branch or the connection. */
static void stray_answer(struct seed *s, struct call *c)
{
	struct txn *t = initial_txn(c);
	struct msg m = { .c = c, .t = t, .from = !c->caller, .leg = c->nr_legs - 1,
			 .status = chance(s, 50) ? 200 : 183, .strange = STRANGE_BRANCH };
	bool rung = c->rung;
	struct desc d;

	if (!t || !txn_alive(t))
		return;
	m.conn = t->conn;
	if (chance(s, 50)) {
		m.conn = any_conn(s, t->conn);
		m.strange = STRANGE_CONN;
		/* Another host writes another address. */
		if (!m.conn || (m.from == IN && m.conn->host != c->host))
			return;
	}
	desc_offer(s, c, m.from, &d, NULL);
	m.desc = &d;
	send_msg(s, &m);
	c->rung = rung;
}

void stray_step(struct seed *s)
{
	struct call *c = &s->call[below(s, CALLS)];

	if (!c->used || !c->conn || !c->conn->alive || c->conn->id != c->conn_id)
		return;
	if (chance(s, 50))
		stray_bye(s, c);
	else
		stray_answer(s, c);
}
