// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dialogs that end without anybody having said so: sessions that expire (RFC
 * 4028), BYEs that get no answer.
 */
#include "unit.h"

#include "talk.h"

#include <nf_nat_sip_tcp/calls.h>

#define SECONDS 1000

static void call_up(struct world *w, const char *session)
{
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER,
	    .session = session);
	say(w, CLIENT, .method = "ACK", .branch = "ack", .to = "b");
	assert_doors(w, 2, 2);
}

static bool note_due(const struct nst_call *call, void *arg)
{
	*(u64 *)arg = call_due(call);
	return true;
}

/* What users are told, ms from now. */
static void assert_due(struct world *w, u64 ms)
{
	u64 due = 0;
	u32 pos = 0;

	calls_each(&w->env, &pos, note_due, &due);
	assert_int_equal(due - w->now, ms);
}

static void a_session_expires(void **state)
{
	static const struct { const char *text; u32 seconds; } cases[] = {
		{ "300", 300 }, { "300;refresher=uac", 300 }, { " 300 ;refresher=uas", 300 },
		/* RFC 4028 section 4 knows none that is shorter. */
		{ "5", 90 },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		call_up(w, cases[i].text);
		assert_due(w, cases[i].seconds * SECONDS);
		world_expire(w, cases[i].seconds * SECONDS - 1);
		assert_doors(w, 2, 2);
		world_expire(w, 1);
		assert_doors(w, 0, 0);
		assert_count(w, CALL_TIMEOUT, i + 1);
	}
}

static void sessions_that_are_none(void **state)
{
	static const char *const texts[] = { "", "soon", "-5", "99999999999", ";refresher=uac" };
	struct world *w = *state;
	size_t i;

	w->env.set.media_idle = 86400;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		call_up(w, texts[i]);
		world_expire(w, 4000 * SECONDS);
		assert_doors(w, 2, 2);
		say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
		say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "b", .status = 200);
		assert_doors(w, 0, 0);
	}
}

static void a_session_is_refreshed(void **state)
{
	static const char *const methods[] = { "UPDATE", "INVITE" };
	struct world *w = *state;
	size_t i;

	call_up(w, "100");
	for (i = 0; i < 4; i++) {
		world_expire(w, 90 * SECONDS);
		say(w, CLIENT, .method = methods[i % 2], .branch = "r", .cseq = 2 + (int)i,
		    .to = "b", .session = "100");
		/* A refusal refreshes nothing, nor does a request alone. */
		if (i == 3)
			break;
		say(w, SERVER, .method = methods[i % 2], .branch = "r", .cseq = 2 + (int)i,
		    .to = "b", .status = 200, .session = "100");
		assert_doors(w, 2, 2);
	}
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 5, .to = "b", .status = 491,
	    .session = "100");
	say(w, CLIENT, .method = "INFO", .branch = "i", .cseq = 6, .to = "b");
	world_expire(w, 10 * SECONDS);
	assert_doors(w, 0, 0);
}

static void a_session_is_for_ever_again(void **state)
{
	struct world *w = *state;

	call_up(w, "100");
	say(w, CLIENT, .method = "UPDATE", .branch = "r", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "UPDATE", .branch = "r", .cseq = 2, .to = "b", .status = 200);
	assert_due(w, w->env.set.call_timeout * (u64)SECONDS);
	world_expire(w, 1000 * SECONDS);
	assert_doors(w, 2, 2);
}

static void the_session_of_one_fork(void **state)
{
	struct world *w = *state;

	call_up(w, "100");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2", .sdp = ANSWER);
	world_expire(w, 200 * SECONDS);
	assert_doors(w, 2, 2);
	/* The other one is over, so this BYE's time-out is the end. */
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b2");
	world_expire(w, 32 * SECONDS);
	assert_doors(w, 0, 0);
}

static void byes_that_cross(void **state)
{
	struct world *w = *state;

	call_up(w, NULL);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 1, .from = "b", .to = "a");
	/* That one is challenged; the other one is under way all the same. */
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 1, .from = "b", .to = "a",
	    .status = 401);
	assert_doors(w, 2, 2);
	world_expire(w, 32 * SECONDS);
	assert_doors(w, 0, 0);
}

/* A dialog that is over says nothing any more, and does not begin anew. */
static void late_words_of_a_dialog_that_is_over(void **state)
{
	struct world *w = *state;

	call_up(w, NULL);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b2", .sdp = OFFER);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 3, .to = "b2");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 3, .to = "b2", .status = 200);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b2", .status = 200,
	    .sdp = talk_sdp("198.51.100.66", AUDIO));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 4, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 4, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

static void a_200_of_a_dialog_that_is_over(void **state)
{
	struct world *w = *state;

	call_up(w, NULL);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2", .sdp = ANSWER);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 3, .to = "b2");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 3, .to = "b2", .status = 200);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2", .sdp = ANSWER);
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 4, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 4, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

static void an_old_200_says_nothing_of_the_session(void **state)
{
	struct world *w = *state;

	call_up(w, "100");
	say(w, CLIENT, .method = "UPDATE", .branch = "r", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "UPDATE", .branch = "r", .cseq = 2, .to = "b", .status = 200,
	    .session = "1000");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER,
	    .session = "100");
	world_expire(w, 1000 * SECONDS - 1);
	assert_doors(w, 2, 2);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
}

/* @from to @to - 1 of the forks leave. */
static void forks_leave(struct world *w, int from, int to)
{
	char tag[16], branch[16];
	int i;

	for (i = from; i < to; i++) {
		snprintf(tag, sizeof(tag), "f%d", i);
		snprintf(branch, sizeof(branch), "x%d", i);
		say(w, CLIENT, .method = "BYE", .branch = branch, .cseq = 2, .to = tag);
		say(w, SERVER, .method = "BYE", .branch = branch, .cseq = 2, .to = tag,
		    .status = 200);
	}
}

static void forks_accept(struct world *w, int nr)
{
	char tag[16];
	int i;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	for (i = 0; i < nr; i++) {
		snprintf(tag, sizeof(tag), "f%d", i);
		say(w, SERVER, .method = "INVITE", .status = 200, .to = tag, .sdp = ANSWER);
	}
}

/* Of more dialogs than there is room for, media tell when the last one is over. */
static void more_forks_than_there_is_room_for(void **state)
{
	struct world *w = *state;
	int i;

	forks_accept(w, NST_LEGS_MAX);
	forks_leave(w, 1, NST_LEGS_MAX);
	assert_doors(w, 2, 2);
	forks_leave(w, 0, 1);
	assert_doors(w, 0, 0);

	forks_accept(w, NST_LEGS_MAX + 1);
	forks_leave(w, 0, NST_LEGS_MAX);
	assert_doors(w, 2, 2);
	for (i = 0; i < 12; i++) {
		w->media = i < 8;
		assert_doors(w, 2, 2);
		world_expire(w, w->env.set.media_idle * SECONDS / 4);
	}
	assert_doors(w, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_session_expires),
		case_of(sessions_that_are_none),
		case_of(a_session_is_refreshed),
		case_of(a_session_is_for_ever_again),
		case_of(the_session_of_one_fork),
		case_of(byes_that_cross),
		case_of(late_words_of_a_dialog_that_is_over),
		case_of(a_200_of_a_dialog_that_is_over),
		case_of(an_old_200_says_nothing_of_the_session),
		case_of(more_forks_than_there_is_room_for),
	};

	return cmocka_run_group_tests_name("leg", tests, NULL, NULL);
}
