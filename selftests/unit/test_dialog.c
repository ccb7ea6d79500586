// SPDX-License-Identifier: GPL-2.0-only
/*
 * What messages do to calls: their beginning, their dialogs, their end.  The
 * client is inside: 10.0.0.5 behind 203.0.113.1; the server 198.51.100.9 is
 * outside.
 */
#include "unit.h"

#include "talk.h"

static void a_call_from_invite_to_bye(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	assert_doors(w, 2, 0);
	assert_non_null(strstr(w->out, "c=IN IP4 203.0.113.1\r\n"));
	say(w, SERVER, .method = "INVITE", .status = 100);
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.9");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6001", "198.51.100.20");
	say(w, CLIENT, .method = "ACK", .branch = "2", .to = "b");
	say(w, CLIENT, .method = "BYE", .branch = "3", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "3", .cseq = 2, .to = "b", .status = 100);
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "BYE", .branch = "3", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_NEW], 1);
	assert_int_equal(w->count[NST_R_CALL_ENDED], 1);
	assert_int_equal(w->count[NST_R_CALL_FAILED], 0);
}

static void a_refused_bye_ends_nothing(void **state)
{
	static const int refusals[] = { 401, 403, 407, 500, 503, 603, 302 };
	struct world *w = *state;
	size_t i;

	talk_call_up(w);
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5 + (int)i, .to = "b");
		say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5 + (int)i, .to = "b",
		    .status = refusals[i]);
		/* Its transaction is over: a second answer counts for nothing. */
		say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5 + (int)i, .to = "b",
		    .status = 200);
	}
	assert_doors(w, 2, 2);
	assert_int_equal(w->count[NST_R_BYE_REFUSED], ARRAY_SIZE(refusals));
	assert_int_equal(w->count[NST_R_CALL_ENDED], 0);
}

static void no_such_call_or_no_answer_ends_it(void **state)
{
	static const int gone[] = { 481, 408 };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gone); i++) {
		talk_call_up(w);
		say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .to = "b");
		say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b",
		    .status = gone[i]);
		assert_doors(w, 0, 0);
	}
	assert_int_equal(w->count[NST_R_BYE_REFUSED], 0);
}

static void bye_from_the_peer(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .from = "b", .to = "a");
	assert_doors(w, 2, 2);
	/* Its own answer to itself is none. */
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .from = "b", .to = "a",
	    .status = 200);
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .from = "b", .to = "a",
	    .status = 200);
	assert_doors(w, 0, 0);
}

static void bye_of_another_dialog(void **state)
{
	static const struct { const char *id, *from, *to; } others[] = {
		{ "c2", "a", "b" }, { "c1", "x", "b" }, { "c1", "a", "x" }, { "c1", "b", "a" },
	};
	struct world *w = *state;
	size_t i;

	talk_call_up(w);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .id = others[i].id,
		    .from = others[i].from, .to = others[i].to);
		say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .id = others[i].id,
		    .from = others[i].from, .to = others[i].to, .status = 200);
		assert_doors(w, 2, 2);
	}
}

static void bye_on_another_connection(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	w->conn = 2;
	say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .to = "b");
	w->conn = 1;
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	w->conn = 2;
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

static void bye_of_another_host(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	world_map(w, 0, "10.0.0.6:40001", "203.0.113.1:40001");
	say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	world_map(w, 0, "10.0.0.5:40002", "203.0.113.1:40002");
	say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

static void a_failed_invite_ends_the_call(void **state)
{
	static const int failures[] = { 302, 404, 486, 487, 503, 603 };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
		if (i % 2)
			say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
		assert_doors(w, 2, i % 2 ? 2 : 0);
		say(w, SERVER, .method = "INVITE", .status = failures[i], .to = "b");
		assert_doors(w, 0, 0);
	}
	assert_int_equal(w->count[NST_R_CALL_FAILED], ARRAY_SIZE(failures));
}

static void a_challenged_invite_begins_anew(void **state)
{
	struct world *w = *state;

	w->shift = 1000;
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 407, .to = "p");
	assert_doors(w, 0, 0);
	say(w, CLIENT, .method = "ACK", .to = "p");
	say(w, CLIENT, .method = "INVITE", .branch = "2", .cseq = 2, .sdp = OFFER);
	assert_non_null(strstr(w->out, "m=audio 7000 "));
	assert_doors(w, 2, 0);
	/* Once more the answer to the first one: it opens nothing. */
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "p");
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .branch = "2", .cseq = 2, .status = 200, .to = "b");
	assert_doors(w, 2, 2);
	assert_int_equal(w->count[NST_R_CALL_CHALLENGED], 1);
	assert_int_equal(w->count[NST_R_CALL_NEW], 2);
	say(w, CLIENT, .method = "INVITE", .id = "c2", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .id = "c2", .status = 401, .to = "p");
	assert_int_equal(w->count[NST_R_CALL_CHALLENGED], 2);
	assert_int_equal(w->count[NST_R_CALL_FAILED], 0);
}

static void cancel_wins_and_loses(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
	say(w, CLIENT, .method = "CANCEL");
	say(w, SERVER, .method = "CANCEL", .status = 200, .to = "b");
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "INVITE", .status = 487, .to = "b");
	assert_doors(w, 0, 0);

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER, .id = "c2");
	say(w, CLIENT, .method = "CANCEL", .id = "c2");
	say(w, SERVER, .method = "CANCEL", .status = 200, .id = "c2");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .id = "c2");
	assert_doors(w, 2, 2);
}

static void forked_answers_share_the_doors(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b1", .sdp = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	/* No description: says nothing about who may send. */
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b2");
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2",
	    .sdp = talk_sdp("198.51.100.22", AUDIO));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.22");
	/* The fork that lost speaks late. */
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b1", .sdp = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.22");
	say(w, SERVER, .method = "BYE", .branch = "x", .from = "b1", .to = "a");
	say(w, CLIENT, .method = "BYE", .branch = "x", .from = "b1", .to = "a", .status = 200);
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 3, .to = "b2");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 3, .to = "b2", .status = 200);
	assert_doors(w, 0, 0);
}

static void two_forks_that_both_answer(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2");
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b2");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "b2", .status = 200);
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

/* A proxy inside tries two targets: the call lives as long as one of them may answer. */
static void parallel_invites_of_one_call(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .branch = "1", .sdp = OFFER);
	say(w, CLIENT, .method = "INVITE", .branch = "2", .sdp = OFFER);
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .branch = "1", .status = 486, .to = "b1");
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 180, .to = "b2");
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 486, .to = "b2");
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_NEW], 1);
	assert_int_equal(w->count[NST_R_CALL_FAILED], 1);
}

/* What comes in and what goes out again are two calls of a proxy with media. */
static void in_and_out_of_one_host(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .branch = "1", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .branch = "2",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	assert_int_equal(w->count[NST_R_CALL_NEW], 2);
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.30", AUDIO));
	say(w, CLIENT, .method = "INVITE", .branch = "1", .status = 200, .to = "b", .sdp = OFFER);
	assert_doors(w, 4, 4);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6100", "198.51.100.30");
	say(w, SERVER, .method = "BYE", .branch = "5", .cseq = 2, .to = "b");
	say(w, CLIENT, .method = "BYE", .branch = "5", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	assert_non_null(world_door(w, "10.0.0.5:6100"));
}

static void a_call_comes_in(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .status = 100);
	say(w, CLIENT, .method = "INVITE", .status = 180, .to = "b");
	assert_doors(w, 0, 0);
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b", .sdp = OFFER);
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	say(w, CLIENT, .method = "BYE", .branch = "5", .cseq = 7, .from = "b", .to = "a");
	say(w, SERVER, .method = "BYE", .branch = "5", .cseq = 7, .from = "b", .to = "a",
	    .status = 200);
	assert_doors(w, 0, 0);
}

/* Both ends are inside: each has its own call, one BYE ends both. */
static void both_ends_translated(void **state)
{
	struct world *w = *state;

	world_map(w, 1, "10.0.9.9:5060", "203.0.113.1:7003");
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	assert_int_equal(w->count[NST_R_CALL_NEW], 2);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("10.0.9.9", "m=audio 8000 RTP/AVP 0\n"));
	assert_doors(w, 4, 4);
	assert_non_null(strstr(w->out, "c=IN IP4 203.0.113.1\r\n"));
	/* Their packets are seen here as they are sent. */
	assert_filter(w, "10.0.0.5:6000", "10.0.9.9");
	assert_filter(w, "10.0.9.9:8000", "10.0.0.5");
	say(w, SERVER, .method = "BYE", .branch = "x", .from = "b", .to = "a");
	say(w, CLIENT, .method = "BYE", .branch = "x", .from = "b", .to = "a", .status = 200);
	assert_doors(w, 0, 0);
}

static void a_repeated_invite_is_the_same(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 20; i++)
		say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 500, .to = "b");
	assert_doors(w, 0, 0);
}

static void the_first_fork_leaves_first(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2");
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b2");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "b2", .status = 200);
	assert_doors(w, 0, 0);
}

static void bye_of_another_dialog_of_a_call_that_came_in(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "other");
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "other", .status = 200);
	assert_doors(w, 2, 2);
}

/* RFC 3261 15.1.2: the INVITE is still answered. */
static void bye_of_an_early_dialog(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b");
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "INVITE", .status = 487, .to = "b");
	assert_doors(w, 0, 0);
}

/* Other requests of the call may be pending when its INVITE fails. */
static void a_pending_prack_keeps_no_call(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b");
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "INVITE", .status = 486, .to = "b");
	assert_doors(w, 0, 0);
}

/* One target has answered: what the others still say moves and ends nothing. */
static void late_words_of_other_targets(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .branch = "1", .sdp = OFFER);
	say(w, CLIENT, .method = "INVITE", .branch = "2", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "1", .status = 200, .to = "b", .sdp = ANSWER);
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 183, .to = "b2",
	    .sdp = talk_sdp("198.51.100.66", AUDIO));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 486, .to = "b2");
	assert_doors(w, 2, 2);
	/* And so do second thoughts about a re-INVITE. */
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 200,
	    .sdp = ANSWER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 183,
	    .sdp = talk_sdp("198.51.100.66", AUDIO));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 500);
	assert_doors(w, 2, 2);
}

/* Even where the INVITE itself is forgotten, only an INVITE's failure ends a call. */
static void a_failed_update_ends_no_ringing_call(void **state)
{
	struct world *w = *state;
	char branch[32];
	int i;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b");
	for (i = 0; i < NST_TXN_MAX; i++) {
		sprintf(branch, "u%d", i);
		say(w, CLIENT, .method = "UPDATE", .branch = branch, .cseq = 2 + i, .to = "b");
	}
	say(w, SERVER, .method = "UPDATE", .branch = "u3", .cseq = 5, .to = "b", .status = 500);
	assert_doors(w, 2, 2);
}

/* Who leaves out a tag that is known does not know the dialog. */
static void a_bye_without_tag_ends_nothing(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, CLIENT, .method = "BYE", .branch = "t", .cseq = 7);
	say(w, SERVER, .method = "BYE", .branch = "t", .cseq = 7, .status = 481);
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "BYE", .branch = "u", .cseq = 8, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "u", .cseq = 8, .to = "b", .status = 481);
	assert_doors(w, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(a_bye_without_tag_ends_nothing),
		case_of(a_call_from_invite_to_bye),
		case_of(a_refused_bye_ends_nothing),
		case_of(no_such_call_or_no_answer_ends_it),
		case_of(bye_from_the_peer),
		case_of(bye_of_another_dialog),
		case_of(bye_on_another_connection),
		case_of(bye_of_another_host),
		case_of(a_failed_invite_ends_the_call),
		case_of(a_challenged_invite_begins_anew),
		case_of(cancel_wins_and_loses),
		case_of(forked_answers_share_the_doors),
		case_of(two_forks_that_both_answer),
		case_of(parallel_invites_of_one_call),
		case_of(in_and_out_of_one_host),
		case_of(a_call_comes_in),
		case_of(both_ends_translated),
		case_of(a_repeated_invite_is_the_same),
		case_of(the_first_fork_leaves_first),
		case_of(bye_of_another_dialog_of_a_call_that_came_in),
		case_of(bye_of_an_early_dialog),
		case_of(a_pending_prack_keeps_no_call),
		case_of(late_words_of_other_targets),
		case_of(a_failed_update_ends_no_ringing_call),
	};

	return cmocka_run_group_tests_name("dialog", tests, NULL, NULL);
}
