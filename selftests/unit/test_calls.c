// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of calls: many of them, limits, time-outs, and everything that can
 * fail failing.  The same two ends as in test_dialog.
 */
#include "unit.h"

#include "shortage.h"
#include "talk.h"

static void limits(void **state)
{
	struct world *w = *state;

	w->env.set.calls_max = 1;
	w->env.set.doors_per_call = 4;
	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "m=audio 6002 RTP/AVP 0\nm=audio 6004 udp x\n"));
	assert_non_null(strstr(w->out, "c=IN IP4 10.0.0.5\r\n"));
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_LIMIT], 1);
	assert_int_equal(w->count[NST_R_SDP_NO_PORT], 1);
	say(w, CLIENT, .method = "INVITE", .id = "c2", .sdp = OFFER);
	assert_non_null(strstr(w->out, "c=IN IP4 10.0.0.5\r\n"));
	assert_int_equal(w->count[NST_R_CALL_LIMIT], 2);
	assert_int_equal(w->count[NST_R_SDP_NO_CALL], 1);
	assert_doors(w, 0, 0);
}

/* More branches than a call remembers: no door stays that nothing can open. */
static void very_many_parallel_invites(void **state)
{
	struct world *w = *state;
	char branch[32], media[64];
	int i;

	for (i = 0; i < 40; i++) {
		sprintf(branch, "%d", i);
		sprintf(media, "m=audio %d RTP/AVP 0\n", 10000 + 10 * (i % 13));
		say(w, CLIENT, .method = "INVITE", .branch = branch,
		    .sdp = talk_sdp("10.0.0.5", media));
	}
	assert_true(world_ports(w, false) <= 2 * NST_TXN_MAX);
	for (i = 0; i < 40; i++) {
		sprintf(branch, "%d", i);
		say(w, SERVER, .method = "INVITE", .branch = branch, .status = 404, .to = "b");
	}
	assert_doors(w, 0, 0);
}

static void many_calls_on_one_connection(void **state)
{
	struct world *w = *state;
	char id[32], media[64];
	int i;

	for (i = 0; i < 300; i++) {
		sprintf(id, "call-%d", i);
		sprintf(media, "m=audio %d RTP/AVP 0\n", 20000 + 2 * i);
		say(w, CLIENT, .method = "INVITE", .id = id, .sdp = talk_sdp("10.0.0.5", media));
	}
	assert_doors(w, 600, 0);
	assert_int_equal(w->count[NST_R_CALL_NEW], 300);
	for (i = 0; i < 300; i++) {
		sprintf(id, "call-%d", i);
		say(w, SERVER, .method = "INVITE", .id = id, .status = 200, .to = "b",
		    .sdp = ANSWER);
	}
	assert_doors(w, 600, 600);
	say(w, CLIENT, .method = "BYE", .id = "call-77", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .id = "call-77", .branch = "x", .cseq = 2, .to = "b",
	    .status = 200);
	assert_doors(w, 598, 598);
	assert_null(world_door(w, "10.0.0.5:20154"));
	say(w, CLIENT, .method = "BYE", .id = "call-78", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .id = "call-78", .branch = "x", .cseq = 2, .to = "b",
	    .status = 401);
	assert_doors(w, 598, 598);
}

static void calls_with_one_id_and_other_tags(void **state)
{
	struct world *w = *state;
	char tag[32];
	int i;

	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .from = "a2", .branch = "2",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	assert_int_equal(w->count[NST_R_CALL_NEW], 2);
	say(w, SERVER, .method = "INVITE", .from = "a2", .branch = "2", .status = 603, .to = "x");
	assert_doors(w, 2, 2);
	for (i = 0; i < 100; i++) {
		sprintf(tag, "t%d", i);
		say(w, CLIENT, .method = "INVITE", .from = tag, .branch = tag);
	}
	assert_true(w->count[NST_R_CALL_LIMIT] >= 80);
	assert_doors(w, 2, 2);
}

static void calls_time_out(void **state)
{
	struct world *w = *state;
	u64 ringing = w->env.set.ringing_timeout * 1000ull;
	u64 talking = w->env.set.call_timeout * 1000ull;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	world_expire(w, ringing - 1);
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
	world_expire(w, ringing - 1);
	assert_doors(w, 2, 2);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_TIMEOUT], 1);

	talk_call_up(w);
	world_expire(w, talking - 1);
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "INFO", .branch = "i", .from = "b", .to = "a");
	world_expire(w, talking - 1);
	assert_doors(w, 2, 2);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_TIMEOUT], 2);
}

/* A second proxy that is not seen has taken over: media keeps the call (D4, N11). */
static void media_keeps_a_call_without_connection(void **state)
{
	struct world *w = *state;
	u64 idle = w->env.set.media_idle * 1000ull;
	int i;

	talk_call_up(w);
	world_expire(w, 4 * idle);
	assert_doors(w, 2, 2);
	assert_int_equal(w->asked, 0);
	talker_gone(&w->env, &w->talker);
	w->media = true;
	for (i = 0; i < 40; i++)
		world_expire(w, idle / 4);
	assert_doors(w, 2, 2);
	assert_true(w->asked > 10);
	w->media = false;
	for (i = 0; i < 3; i++)
		world_expire(w, idle / 4);
	assert_doors(w, 2, 2);
	for (i = 0; i < 2; i++)
		world_expire(w, idle / 4);
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_TIMEOUT], 1);
}

static void a_message_brings_a_call_back_to_a_connection(void **state)
{
	struct world *w = *state;
	u64 idle = w->env.set.media_idle * 1000ull;

	talk_call_up(w);
	talker_gone(&w->env, &w->talker);
	world_expire(w, 0);
	world_expire(w, idle - 1);
	w->conn = 2;
	say(w, SERVER, .method = "INFO", .branch = "i", .from = "b", .to = "a");
	world_expire(w, 2 * idle);
	assert_doors(w, 2, 2);
}

/* Nobody answers: over after 64 * T1 (RFC 3261 15.1.1, timer F). */
static void a_bye_without_answer_ends_the_call(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	world_expire(w, 31999);
	assert_doors(w, 2, 2);
	world_expire(w, 1);
	assert_doors(w, 0, 0);

	talk_call_up(w);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "b", .status = 401);
	world_expire(w, 100000);
	assert_doors(w, 2, 2);
}

/* A fork that lost and is gone does not take along the one that won (D5). */
static void a_bye_without_answer_ends_its_own_dialog(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "c", .sdp = ANSWER);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "c");
	world_expire(w, 32000);
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 3, .to = "b");
	world_expire(w, 31999);
	assert_doors(w, 2, 2);
	world_expire(w, 1);
	assert_doors(w, 0, 0);

	/* The answer to one is none to the other. */
	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "c", .sdp = ANSWER);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "c");
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 3, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 3, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	world_expire(w, 32000);
	assert_doors(w, 0, 0);

	/* A further fork answers after the BYE to the first. */
	talk_call_up(w);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "c", .sdp = ANSWER);
	world_expire(w, 32000);
	assert_doors(w, 2, 2);
}

/* The INVITE has its own answer (RFC 3261 15.1.2), maybe from another fork. */
static void a_bye_to_an_early_dialog(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	world_expire(w, 32000);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "c", .sdp = ANSWER);
	world_expire(w, 32000);
	assert_doors(w, 2, 2);
}

/* Everything that takes memory, once more with each allocation failing. */
static void long_talk(struct world *w)
{
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b", .status = 200,
	    .sdp = ANSWER);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.21", AUDIO AUDIO));
	say(w, CLIENT, .method = "ACK", .branch = "k", .to = "b");
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 3, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "m=video 6200/2 RTP/AVP 0\nm=image 6300 udptl t38\n"));
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 3, .to = "b", .status = 488);
	say(w, SERVER, .method = "BYE", .branch = "y", .from = "b", .to = "a");
	say(w, CLIENT, .method = "BYE", .branch = "y", .from = "b", .to = "a", .status = 200);
}

static void any_allocation_may_fail(void **state)
{
	long_talk(*state);
	assert_doors(*state, 0, 0);
	each_allocation_fails(long_talk);
}

static void one_description_is_left_alone(struct world *w)
{
	assert_int_equal(w->count[NST_R_SDP_NO_PORT], 1);
	assert_doors(w, 0, 0);
}

static void any_reservation_may_fail(void **state)
{
	(void)state;
	each_reservation_fails(long_talk, 1, one_description_is_left_alone);
}

/* Messages by chance, from few words, so that they often fit each other. */
static u32 pick(u64 *seed, u32 n)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(*seed >> 33) % n;
}

/* Requests under way, to be answered by chance. */
struct random_request {
	struct talk t;
	u8 dir;
	u64 conn;
};

static const char *random_sdp(u64 *seed, u8 dir)
{
	char media[128];

	if (!pick(seed, 3))
		return NULL;
	sprintf(media, "m=audio %u RTP/AVP 0\nm=video %u/%u RTP/AVP 0\n",
		6000 + 2 * pick(seed, 4), 6004 + 2 * pick(seed, 8), 1 + pick(seed, 2));
	return talk_sdp(dir == SERVER ? "198.51.100.20" : "10.0.0.5", media);
}

static struct random_request random_request(u64 *seed)
{
	static const char *const words[] = { "1", "2", "3" };
	static const char *const methods[] = {
		"INVITE", "INVITE", "ACK", "BYE", "UPDATE", "PRACK", "CANCEL", "INFO",
	};

	return (struct random_request){
		.t = {
			.method = methods[pick(seed, ARRAY_SIZE(methods))],
			.branch = words[pick(seed, 3)], .cseq = 1 + (int)pick(seed, 2),
			.id = words[pick(seed, 3)], .from = words[pick(seed, 2)],
			.to = pick(seed, 3) ? words[pick(seed, 2)] : NULL,
		},
		.dir = (u8)pick(seed, 2), .conn = 1 + pick(seed, 2),
	};
}

static void random_message(struct world *w, u64 *seed)
{
	static const int status[] = { 100, 180, 183, 200, 200, 401, 404, 481, 488 };
	static struct random_request sent[6];
	struct random_request r = sent[pick(seed, ARRAY_SIZE(sent))];

	if (!r.t.method || pick(seed, 2)) {
		r = random_request(seed);
		sent[pick(seed, ARRAY_SIZE(sent))] = r;
	} else {
		r.t.status = status[pick(seed, ARRAY_SIZE(status))];
		if (!r.t.to)
			r.t.to = "2";
		r.dir ^= pick(seed, 10) > 0;
	}
	r.t.sdp = random_sdp(seed, r.dir);
	w->conn = r.conn;
	w->fail_alloc = pick(seed, 20) ? 0 : w->allocs + 1 + pick(seed, 8);
	w->fail_reserve = pick(seed, 20) ? 0 : w->reserves + 1 + pick(seed, 2);
	w->reserve_error = -EADDRINUSE;
	talk_send(w, r.dir, r.t);
	if (!pick(seed, 500))
		world_expire(w, 100000);
}

static void random_talk(void **state)
{
	struct world *w = *state;
	u32 i, opened = 0;
	u64 seed = 42;

	for (i = 0; i < 30000; i++) {
		random_message(w, &seed);
		opened += world_ports(w, true) > 0;
	}
	/* Or it has shown nothing. */
	assert_true(opened > 100);
	assert_true(w->count[NST_R_CALL_ENDED] > 10);
	assert_true(w->count[NST_R_CALL_FAILED] > 10);
}

static void an_ended_call_makes_room(void **state)
{
	struct world *w = *state;
	int i;

	w->env.set.calls_max = 1;
	for (i = 0; i < 5; i++) {
		say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
		say(w, SERVER, .method = "INVITE", .status = 404, .to = "b");
	}
	assert_int_equal(w->count[NST_R_CALL_NEW], 5);
	assert_int_equal(w->count[NST_R_CALL_LIMIT], 0);
}

/* The same addresses and Call-ID in two zones are two calls. */
static void zones_are_apart(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	w->zone = 7;
	say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b", .status = 200);
	assert_doors(w, 2, 2);
	w->zone = 0;
	say(w, CLIENT, .method = "BYE", .branch = "b", .cseq = 5, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "b", .cseq = 5, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

static void what_prolongs_a_call(void **state)
{
	struct world *w = *state;
	u64 ringing = w->env.set.ringing_timeout * 1000ull;

	/* A request does not prolong ringing. */
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b");
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b");
	world_expire(w, ringing);
	assert_doors(w, 0, 0);
	/* The answer does, without an ACK. */
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b");
	world_expire(w, ringing);
	assert_doors(w, 2, 2);
}

/* Of more requests than a call remembers, the youngest ones. */
static void the_oldest_request_is_forgotten(void **state)
{
	struct world *w = *state;
	char branch[32], media[64];
	int i;

	for (i = 0; i < NST_TXN_MAX + 3; i++) {
		sprintf(branch, "%d", i);
		sprintf(media, "m=audio %d RTP/AVP 0\n", 10000 + 10 * i);
		say(w, CLIENT, .method = "INVITE", .branch = branch,
		    .sdp = talk_sdp("10.0.0.5", media));
	}
	assert_doors(w, 2 * NST_TXN_MAX, 0);
	for (i = 0; i < NST_TXN_MAX + 3; i++) {
		sprintf(branch, "%d", i);
		say(w, SERVER, .method = "INVITE", .branch = branch, .status = 180, .to = "b");
		assert_int_equal(world_ports(w, true), i < 3 ? 0 : 2 * (i - 2));
	}
}

/* But the one that the call hangs on goes after them. */
static void the_first_invite_is_remembered(void **state)
{
	struct world *w = *state;
	char branch[32];
	int i;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	for (i = 0; i < 2 * NST_TXN_MAX; i++) {
		sprintf(branch, "p%d", i);
		say(w, CLIENT, .method = "PRACK", .branch = branch, .cseq = 2 + i, .to = "b");
	}
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_doors(w, 2, 2);
}

/* What is answered already goes before what still waits. */
static void an_answered_invite_is_forgotten_first(void **state)
{
	struct world *w = *state;
	char branch[32];
	int i;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b");
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 3, .to = "b");
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 3, .to = "b", .status = 200);
	for (i = 0; i < NST_TXN_MAX - 1; i++) {
		sprintf(branch, "u%d", i);
		say(w, CLIENT, .method = "UPDATE", .branch = branch, .cseq = 10 + i, .to = "b");
	}
	assert_doors(w, 4, 2);
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 4, 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(limits),
		case_of(very_many_parallel_invites),
		case_of(many_calls_on_one_connection),
		case_of(calls_with_one_id_and_other_tags),
		case_of(calls_time_out),
		case_of(media_keeps_a_call_without_connection),
		case_of(a_message_brings_a_call_back_to_a_connection),
		case_of(a_bye_without_answer_ends_the_call),
		case_of(a_bye_without_answer_ends_its_own_dialog),
		case_of(a_bye_to_an_early_dialog),
		case_of(any_allocation_may_fail),
		case_of(any_reservation_may_fail),
		case_of(random_talk),
		case_of(an_ended_call_makes_room),
		case_of(zones_are_apart),
		case_of(what_prolongs_a_call),
		case_of(the_oldest_request_is_forgotten),
		case_of(the_first_invite_is_remembered),
		case_of(an_answered_invite_is_forgotten_first),
	};

	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
