// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations: the life of a binding, and of the door that it leads through.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/contact.h>

#include "reg.h"
#include "shortage.h"

static void a_registration_opens_its_door(void **state)
{
	struct world *w = *state;

	ask(w, .contact = PHONE);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	assert_doors(w, 1, 0);
	assert_non_null(world_public(w, NST_TCP, "203.0.113.1:5060"));
	answer(w, .contact = PUBLIC ";expires=60", .status = 200);
	assert_out(w, "Contact: " PHONE ";expires=60\r\n");
	assert_doors(w, 1, 1);
	assert_filter(w, "10.0.0.5:5060", REGISTRAR);
	assert_count(w, BINDING_NEW, 1);
	assert_count(w, BINDING_GRANTED, 1);
	world_expire(w, 60 * 1000 - 1);
	assert_doors(w, 1, 1);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
	assert_count(w, BINDING_EXPIRED, 1);
}

/* A challenged REGISTER comes again, and gets the same port. */
static void a_challenge_and_the_next_attempt(void **state)
{
	static const int challenges[] = { 401, 407 };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(challenges); i++) {
		ask(w, .contact = PHONE, .expires = "60");
		answer(w, .status = challenges[i]);
		assert_doors(w, 1, 0);
		world_expire(w, 31999);
		assert_doors(w, 1, 0);
		ask(w, .contact = PHONE, .expires = "60", .cseq = 2, .branch = "2");
		assert_out(w, "Contact: " PUBLIC "\r\n");
		assert_doors(w, 1, 0);
		/* Late answers to the first. */
		answer(w, .contact = PUBLIC, .status = 200);
		assert_doors(w, 1, 0);
		answer(w, .contact = PUBLIC, .status = 200, .cseq = 2, .branch = "2");
		assert_doors(w, 1, 1);
		world_expire(w, 60000);
		assert_doors(w, 0, 0);
	}
	assert_count(w, BINDING_FAILED, 0);
	assert_count(w, BINDING_NEW, 2);
}

static void a_refusal_and_no_next_attempt(void **state)
{
	static const int refusals[] = { 302, 400, 403, 423, 500, 600 };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		ask(w, .contact = PHONE);
		answer(w, .contact = PUBLIC, .status = refusals[i]);
		world_expire(w, 31999);
		assert_doors(w, 1, 0);
		world_expire(w, 1);
		assert_doors(w, 0, 0);
	}
	assert_count(w, BINDING_FAILED, ARRAY_SIZE(refusals));
	assert_count(w, BINDING_GRANTED, 0);
	assert_count(w, BINDING_EXPIRED, 0);
}

static void no_answer_at_all(void **state)
{
	struct world *w = *state;

	ask(w, .contact = PHONE);
	world_expire(w, 31999);
	assert_count(w, BINDING_FAILED, 0);
	world_expire(w, 1);
	assert_count(w, BINDING_FAILED, 1);
	assert_doors(w, 1, 0);
	/* Too late: that transaction is over. */
	answer(w, .contact = PUBLIC, .status = 200);
	assert_doors(w, 1, 0);
	world_expire(w, 32000);
	assert_doors(w, 0, 0);
}

/* The binding outlives its connection, and is refreshed by another (D4). */
static void a_refresh_extends_it(void **state)
{
	struct world *w = *state;

	reg_up(w);
	world_expire(w, 50000);
	reg_reconnect(w);
	ask(w, .contact = PHONE, .expires = "60", .cseq = 2, .id = "r2", .from = "b");
	assert_out(w, "Contact: " PUBLIC "\r\n");
	answer(w, .contact = PUBLIC ";expires=30", .status = 200, .cseq = 2, .id = "r2",
	       .from = "b");
	assert_out(w, "Contact: " PHONE ";expires=30\r\n");
	assert_count(w, BINDING_NEW, 1);
	assert_count(w, BINDING_GRANTED, 1);
	assert_count(w, BINDING_REFRESHED, 1);
	world_expire(w, 29999);
	assert_doors(w, 1, 1);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
}

static void a_refused_refresh_changes_nothing(void **state)
{
	struct world *w = *state;

	reg_up(w);
	ask(w, .contact = PHONE, .cseq = 2);
	answer(w, .status = 401, .cseq = 2);
	ask(w, .contact = PHONE, .cseq = 3);
	answer(w, .status = 503, .cseq = 3);
	ask(w, .contact = PHONE, .cseq = 4);
	world_expire(w, 59999);
	assert_doors(w, 1, 1);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
	assert_count(w, BINDING_EXPIRED, 1);
}

/* The answer to a refresh comes when the old time is just over. */
static void a_refresh_in_the_last_moment(void **state)
{
	struct world *w = *state;
	int i;

	reg_up(w);
	world_expire(w, 59000);
	ask(w, .contact = PHONE, .cseq = 2);
	world_expire(w, 2000);
	assert_doors(w, 1, 1);
	answer(w, .contact = PUBLIC ";expires=60", .status = 200, .cseq = 2);
	world_expire(w, 59999);
	assert_doors(w, 1, 1);
	/* But requests that nobody answers keep nothing. */
	for (i = 3; i < 12; i++) {
		ask(w, .contact = PHONE, .cseq = i);
		world_expire(w, 10000);
	}
	assert_doors(w, 1, 0);
	assert_count(w, BINDING_EXPIRED, 1);
}

static void a_removal_takes_effect_with_its_answer(void **state)
{
	static const struct reg removals[] = {
		{ .contact = PHONE ";expires=0", .expires = "60" },
		{ .contact = PHONE, .expires = "0" },
		{ .contact = "*", .expires = "0" },
	};
	struct world *w = *state;
	struct reg r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(removals); i++) {
		reg_up(w);
		r = removals[i];
		r.cseq = 2;
		reg_send(w, CLIENT, r);
		if (*r.contact != '*')
			assert_out(w, "Contact: " PUBLIC);
		assert_doors(w, 1, 1);
		answer(w, .status = 401, .cseq = 2);
		answer(w, .status = 200, .cseq = 2);
		assert_doors(w, 1, 1);
		r.cseq = 3;
		reg_send(w, CLIENT, r);
		answer(w, .status = 200, .cseq = 3);
		assert_doors(w, 0, 0);
	}
	assert_count(w, BINDING_REMOVED, ARRAY_SIZE(removals));
	/* A registrar that lists it still. */
	reg_up(w);
	ask(w, .contact = PHONE ";expires=0", .cseq = 2);
	answer(w, .contact = PUBLIC ";expires=60", .status = 200, .cseq = 2);
	assert_doors(w, 0, 0);
	assert_count(w, BINDING_EXPIRED, 0);
}

/* What was not there needs no door to be removed. */
static void a_removal_of_nothing(void **state)
{
	struct world *w = *state;

	ask(w, .contact = PHONE ";expires=0");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>;expires=0\r\n");
	ask(w, .contact = "*", .expires = "0");
	answer(w, .status = 200);
	assert_doors(w, 0, 0);
	assert_count(w, BINDING_NEW, 0);
}

/* "*" with anything but "Expires: 0" is an error (RFC 3261 10.2.2). */
static void a_star_alone_removes_nothing(void **state)
{
	struct world *w = *state;

	reg_up(w);
	ask(w, .contact = "*", .cseq = 2);
	answer(w, .status = 200, .cseq = 2);
	ask(w, .contact = "*", .expires = "x", .cseq = 3);
	answer(w, .status = 200, .cseq = 3);
	assert_doors(w, 1, 1);
}

static void a_star_removes_all_of_one_aor(void **state)
{
	struct world *w = *state;

	reg_up(w);
	ask(w, .contact = "<sip:alice@10.0.0.5:5061>", .cseq = 2);
	answer(w, .contact = "<sip:alice@203.0.113.1:5061>," PUBLIC, .status = 200, .cseq = 2);
	ask(w, .contact = "<sip:bob@10.0.0.5:5061>", .aor = "sip:bob@example.com", .cseq = 3);
	answer(w, .contact = "<sip:bob@203.0.113.1:5061>", .aor = "sip:bob@example.com",
	       .status = 200, .cseq = 3);
	assert_doors(w, 2, 2);
	ask(w, .contact = "*", .expires = "0", .cseq = 4);
	answer(w, .status = 200, .cseq = 4);
	assert_doors(w, 1, 1);
	assert_non_null(world_door(w, "10.0.0.5:5061"));
	assert_count(w, BINDING_REMOVED, 2);
}

static void what_the_registrar_does_not_list_is_gone(void **state)
{
	static const char *const lists[] = {
		NULL, "<sip:alice@203.0.113.1:5099>", "<sip:alice@203.0.113.2:5060>",
		"<sip:alice@example.net>", PUBLIC ";expires=0", "*",
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		reg_up(w);
		ask(w, .contact = PHONE, .cseq = 2);
		answer(w, .contact = lists[i], .status = 200, .cseq = 2);
		assert_doors(w, 0, 0);
		ask(w, .contact = PHONE, .cseq = 3);
		answer(w, .contact = lists[i], .status = 200, .cseq = 3);
		assert_doors(w, 0, 0);
	}
	assert_count(w, BINDING_REMOVED, 2 * ARRAY_SIZE(lists));
}

/* A fetch (RFC 3261 10.2.3) asks, and changes nothing. */
static void a_fetch_changes_nothing(void **state)
{
	struct world *w = *state;

	reg_up(w);
	ask(w, .cseq = 2);
	answer(w, .status = 200, .cseq = 2);
	assert_doors(w, 1, 1);
	ask(w, .cseq = 3, .expires = "0");
	answer(w, .contact = PUBLIC ";expires=5", .status = 200, .cseq = 3);
	assert_out(w, "Contact: " PHONE ";expires=5\r\n");
	world_expire(w, 59999);
	assert_doors(w, 1, 1);
}

/* Whose word counts: the answer's parameter, its header, then the request's. */
static void how_long(void **state)
{
	static const struct {
		const char *ask, *ask_header, *answer, *answer_header;
		u64 seconds;
	} cases[] = {
		{ ";expires=10", "20", ";expires=30", "40", 30 },
		{ ";expires=10", "20", "", "40", 40 },
		{ ";expires=10", "20", "", NULL, 10 },
		{ "", "20", "", NULL, 20 },
		{ "", NULL, "", NULL, 3600 },
		{ "", NULL, ";expires=7200", NULL, 7200 },
		{ "", NULL, ";q=0.5;EXPIRES=7", NULL, 7 },
		{ "", NULL, ";expires=soon", "5", 3600 },
		{ ";expires=", "20", "", NULL, 3600 },
		{ "", "20", ";expires=4294967296", NULL, 86400 },
		{ "", "20", ";expires=86401", NULL, 86400 },
		{ ";expires=999999999999", NULL, "", NULL, 86400 },
		{ "", NULL, ";expires=1", NULL, 1 },
		{ "", NULL, ";expires=9," PUBLIC ";expires=5", NULL, 9 },
		{ "", NULL, ";expires=5," PUBLIC ";expires=9", NULL, 9 },
	};
	struct world *w = *state;
	char request[128], response[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		sprintf(request, PHONE "%s", cases[i].ask);
		sprintf(response, PUBLIC "%s", cases[i].answer);
		ask(w, .contact = request, .expires = cases[i].ask_header);
		answer(w, .contact = response, .expires = cases[i].answer_header,
		       .status = 200);
		world_expire(w, cases[i].seconds * 1000 - 1);
		if (world_ports(w, true) != 1)
			fail_msg("case %zu is over too early", i);
		world_expire(w, 1);
		if (world_ports(w, false))
			fail_msg("case %zu lasts too long", i);
	}
}

/* I6, P2: nothing but the answer itself opens anything. */
static void answers_that_open_nothing(void **state)
{
	struct world *w = *state;
	char text[1024];

	ask(w, .contact = PHONE);
	answer(w, .contact = PUBLIC, .status = 200, .branch = "x");
	answer(w, .contact = PUBLIC, .status = 200, .cseq = 2);
	answer(w, .contact = PUBLIC, .status = 200, .id = "x");
	answer(w, .contact = PUBLIC, .status = 200, .from = "x");
	answer(w, .contact = PUBLIC, .status = 200, .aor = "sip:bob@example.com");
	answer(w, .contact = PUBLIC, .status = 100);
	answer(w, .contact = PUBLIC, .status = 183);
	reg_send(w, CLIENT, (struct reg){ .contact = PUBLIC, .status = 200 });
	reg_send(w, CLIENT, (struct reg){ .contact = "<sip:alice@10.0.0.5:5061>", .status = 200 });
	say(w, SERVER, .method = "INVITE", .status = 200, .id = "r1");
	w->conn++;
	answer(w, .contact = PUBLIC, .status = 200);
	w->zone++;
	w->conn--;
	answer(w, .contact = PUBLIC, .status = 200);
	w->zone--;
	assert_doors(w, 1, 0);
	answer(w, .contact = PUBLIC, .status = 200);
	assert_doors(w, 1, 1);

	/* A REGISTER within a body is text. */
	sprintf(text, "MESSAGE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=1\r\nFrom: <sip:a@b>;"
		"tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
		"Content-Length: 130\r\n\r\n%-130s",
		"REGISTER sip:x SIP/2.0\r\nTo: <sip:a@b>\r\nContact: <sip:a@10.0.0.5:5061>\r\n\r\n");
	world_send(w, CLIENT, text, (u32)strlen(text));
	assert_doors(w, 1, 1);
	/* Nor does the outside register anything here. */
	reg_send(w, SERVER, (struct reg){ .contact = "<sip:alice@10.0.0.5:5061>" });
	reg_send(w, SERVER, (struct reg){ .contact = "<sip:alice@198.51.100.9:5061>" });
	assert_doors(w, 1, 1);
}

static void limits(void **state)
{
	char contact[128], aor[64];
	struct world *w = *state;
	int i;

	w->env.set.bindings_max = 1;
	reg_up(w);
	ask(w, .contact = "<sip:alice@10.0.0.5:5061>", .cseq = 2);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>\r\n");
	assert_doors(w, 1, 1);
	assert_count(w, BINDING_LIMIT, 1);

	/* Very many users at one address-of-record. */
	w->env.set.bindings_max = 1000;
	w->env.set.host_share = 100;
	for (i = 0; i < 200; i++) {
		sprintf(contact, "<sip:u%d@10.0.0.5:5060>", i);
		ask(w, .contact = contact, .cseq = 3 + i);
	}
	assert_count(w, BINDING_NEW, NST_SAME_BINDING_MAX);
	/* Very many addresses-of-record at one endpoint are fine. */
	for (i = 0; i < 500; i++) {
		sprintf(aor, "sip:line%d@example.com", i);
		ask(w, .contact = PHONE, .aor = aor);
	}
	assert_count(w, BINDING_NEW, NST_SAME_BINDING_MAX + 500);
	assert_doors(w, 1, 1);
	/* Very many registrars. */
	for (i = 0; i < 40; i++) {
		sprintf(aor, "198.51.100.%d:5060", 100 + i);
		world_map(w, 1, aor, aor);
		ask(w, .contact = PHONE, .aor = "sip:many@example.com");
	}
	assert_doors(w, NST_SAME_CONTACT_MAX, 1);
	assert_true(w->count[NST_R_CONTACT_NO_DOOR] > 0);
}

static bool count_binding(const struct nst_binding *b, void *arg)
{
	u32 *n = arg;

	assert_int_equal(b->contact->inside.port, 5060);
	assert_true(b->aor_len > 10 && b->aor_len <= NST_AOR_TEXT);
	assert_memory_equal(b->aor, "sip:line", 8);
	return --*n;
}

/* A dump in pieces sees all of them. */
static void a_walk_over_all(void **state)
{
	struct world *w = *state;
	u32 pos = 0, left = 200, n;
	char aor[128];
	int i;

	for (i = 0; i < 100; i++) {
		sprintf(aor, "sip:line%d-%080d@example.com", i, i);
		ask(w, .contact = PHONE, .aor = aor);
	}
	assert_true(bindings_each(&w->env, &pos, count_binding, &left));
	assert_int_equal(left, 100);
	pos = 0;
	n = 1;
	assert_false(bindings_each(&w->env, &pos, count_binding, &n));
}

/* Everything that takes memory or ports, with each of them failing once. */
static void long_life(struct world *w)
{
	ask(w, .contact = PHONE ", <sip:alice@10.0.0.5:5061;transport=udp>");
	answer(w, .status = 401);
	ask(w, .contact = PHONE ", <sip:alice@10.0.0.5:5061;transport=udp>", .cseq = 2);
	answer(w, .contact = PUBLIC ", <sip:alice@203.0.113.1:5061>;expires=60", .status = 200,
	       .cseq = 2);
	reg_reconnect(w);
	ask(w, .contact = "<sip:alice@10.0.0.5:5060;transport=udp>", .cseq = 3);
	answer(w, .contact = PUBLIC ";expires=90", .status = 200, .cseq = 3);
	ask(w, .contact = PHONE, .aor = "sip:bob@example.com");
	world_expire(w, 70000);
	ask(w, .contact = "*", .expires = "0", .cseq = 4);
	answer(w, .status = 200, .cseq = 4);
	world_expire(w, 70000);
	assert_doors(w, 0, 0);
}

static void any_allocation_may_fail(void **state)
{
	(void)state;
	each_allocation_fails(long_life);
}

static void one_port_is_missing(struct world *w)
{
	assert_true(w->count[NST_R_CONTACT_NO_DOOR] >= 1);
}

static void any_reservation_may_fail(void **state)
{
	(void)state;
	each_reservation_fails(long_life, 4, one_port_is_missing);
}

static void a_flush_ends_all(void **state)
{
	struct world *w = *state;
	struct nst_work work = { NULL };

	reg_up(w);
	ask(w, .contact = "<sip:alice@10.0.0.5:5061>", .cseq = 2);
	w->env.ops->calls_lock(&w->env);
	bindings_flush(&w->env, &work);
	w->env.ops->calls_unlock(&w->env);
	world_work(w, &work);
	assert_doors(w, 0, 0);
	assert_count(w, BINDING_FLUSHED, 2);
}



int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(a_registration_opens_its_door),
		case_of(a_challenge_and_the_next_attempt),
		case_of(a_refusal_and_no_next_attempt),
		case_of(no_answer_at_all),
		case_of(a_refresh_extends_it),
		case_of(a_refused_refresh_changes_nothing),
		case_of(a_refresh_in_the_last_moment),
		case_of(a_removal_takes_effect_with_its_answer),
		case_of(a_removal_of_nothing),
		case_of(a_star_alone_removes_nothing),
		case_of(a_star_removes_all_of_one_aor),
		case_of(what_the_registrar_does_not_list_is_gone),
		case_of(a_fetch_changes_nothing),
		case_of(how_long),
		case_of(answers_that_open_nothing),
		case_of(limits),
		case_of(a_walk_over_all),
		case_of(any_allocation_may_fail),
		case_of(any_reservation_may_fail),
		case_of(a_flush_ends_all),
	};

	return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
