// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offers and answers: when doors open, and who may send then.  The client is
 * inside: 10.0.0.5 behind 203.0.113.1; the server 198.51.100.9 is outside.
 */
#include "unit.h"

#include "talk.h"

#define RTP "10.0.0.5:6000"
#define THERE(host) talk_sdp("198.51.100." host, "m=audio 7000 RTP/AVP 0\n")
#define MUX "a=rtcp-mux\n"

static void a_200_follows_its_own_fork(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b1", .sdp = THERE("31"));
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b2", .sdp = THERE("32"));
	assert_filter(w, RTP, "198.51.100.32");
	/* Its answer was in a reliable 1xx, and need not be said again. */
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b1");
	assert_filter(w, RTP, "198.51.100.31");
}

static void a_fork_is_left(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 2; i++) {
		talk_call_up(w);
		assert_filter(w, RTP, "198.51.100.20");
		say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2", .sdp = THERE("32"));
		assert_filter(w, RTP, "198.51.100.20");
		say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = i ? "b2" : "b");
		say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = i ? "b2" : "b",
		    .status = 200);
		assert_filter(w, RTP, i ? "198.51.100.20" : "198.51.100.32");
		say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 3, .to = i ? "b" : "b2");
		say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 3, .to = i ? "b" : "b2",
		    .status = 200);
		assert_doors(w, 0, 0);
	}
}

static void an_offer_alone_moves_nothing(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 1, .from = "b", .to = "a",
	    .sdp = THERE("40"));
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 1, .from = "b", .to = "a",
	    .status = 488);
	assert_filter(w, RTP, "198.51.100.20");
	say(w, CLIENT, .method = "INVITE", .branch = "q", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "INVITE", .branch = "q", .cseq = 2, .to = "b", .status = 200,
	    .sdp = THERE("41"));
	assert_filter(w, RTP, "198.51.100.20");
	say(w, CLIENT, .method = "ACK", .branch = "qa", .cseq = 2, .to = "b", .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.41");
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 2, .from = "b", .to = "a",
	    .sdp = THERE("42"));
	assert_filter(w, RTP, "198.51.100.41");
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 2, .from = "b", .to = "a",
	    .status = 200, .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.42");
}

/* What a 1xx has moved goes back with the re-INVITE's failure (RFC 3261 14.1). */
static void a_failed_reinvite_keeps_the_old_media(void **state)
{
	struct world *w = *state;
	int i;

	talk_call_up(w);
	for (i = 0; i < 2; i++) {
		say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2 + i, .to = "b",
		    .sdp = OFFER);
		say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2 + i, .to = "b",
		    .status = 183, .sdp = THERE("33"));
		say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2 + i, .to = "b",
		    .status = 183, .sdp = THERE("34"));
		assert_filter(w, RTP, "198.51.100.34");
		say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2 + i, .to = "b",
		    .status = i ? 200 : 488);
		assert_filter(w, RTP, i ? "198.51.100.34" : "198.51.100.20");
	}
	say(w, SERVER, .method = "INVITE", .branch = "q", .cseq = 1, .from = "b", .to = "a",
	    .sdp = THERE("35"));
	say(w, CLIENT, .method = "INVITE", .branch = "q", .cseq = 1, .from = "b", .to = "a",
	    .status = 183, .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.35");
	say(w, CLIENT, .method = "INVITE", .branch = "q", .cseq = 1, .from = "b", .to = "a",
	    .status = 500);
	assert_filter(w, RTP, "198.51.100.34");
}

static void a_prack_answers(void **state)
{
	struct world *w = *state;
	int i;

	say(w, CLIENT, .method = "INVITE");
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b", .sdp = ANSWER);
	/* It comes again, and is the same answer. */
	for (i = 0; i < 2; i++) {
		say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b", .sdp = OFFER);
		assert_doors(w, 2, 2);
		assert_filter(w, RTP, "198.51.100.20");
	}
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b", .status = 200);
	/* Another one is an offer (RFC 3262 5). */
	say(w, CLIENT, .method = "PRACK", .branch = "q", .cseq = 3, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	assert_doors(w, 4, 2);
	say(w, SERVER, .method = "PRACK", .branch = "q", .cseq = 3, .to = "b", .status = 200,
	    .sdp = ANSWER);
	assert_doors(w, 4, 4);
}

static void the_peers_prack_answers(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .from = "b");
	say(w, CLIENT, .method = "INVITE", .from = "b", .to = "a", .status = 183, .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.9");
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .from = "b", .to = "a",
	    .sdp = ANSWER);
	assert_filter(w, RTP, "198.51.100.20");
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .from = "b", .to = "a",
	    .status = 200);
	/* The next one is an offer, and refused. */
	say(w, SERVER, .method = "PRACK", .branch = "q", .cseq = 3, .from = "b", .to = "a",
	    .sdp = THERE("50"));
	say(w, CLIENT, .method = "PRACK", .branch = "q", .cseq = 3, .from = "b", .to = "a",
	    .status = 488);
	assert_filter(w, RTP, "198.51.100.20");
}

/* The offer in a 200 was answered by the ACK: no PRACK answers it once more. */
static void a_prack_after_an_ack(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .from = "b");
	say(w, CLIENT, .method = "INVITE", .from = "b", .to = "a", .status = 200, .sdp = OFFER);
	say(w, SERVER, .method = "ACK", .branch = "k", .from = "b", .to = "a", .sdp = ANSWER);
	assert_filter(w, RTP, "198.51.100.20");
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .from = "b", .to = "a",
	    .sdp = THERE("50"));
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .from = "b", .to = "a",
	    .status = 183, .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.50");
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 3, .from = "b", .to = "a",
	    .sdp = THERE("51"));
	assert_filter(w, RTP, "198.51.100.50");
}

static void mux_is_agreed_in_an_ack(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", AUDIO MUX));
	say(w, CLIENT, .method = "ACK", .branch = "k", .to = "b",
	    .sdp = talk_sdp("10.0.0.5", AUDIO MUX));
	assert_doors(w, 2, 1);
}

/* The 200 says nothing; what its 1xx has agreed upon holds. */
static void mux_was_agreed_before(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", AUDIO MUX));
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", AUDIO MUX));
	assert_doors(w, 2, 1);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b");
	assert_doors(w, 2, 1);
}

static void agreed_ports_outlive_a_failed_offer(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", AUDIO MUX));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", AUDIO MUX));
	assert_doors(w, 2, 1);
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 2, .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 2, .to = "b", .status = 491);
	assert_doors(w, 2, 1);
}

static void a_peer_that_moves_out_of_sight(void **state)
{
	static const char *const places[] = { "10.7.7.7", "media.example.net" };
	struct world *w = *state;
	size_t i;

	talk_call_up(w);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2 + (int)i, .to = "b",
		    .sdp = OFFER);
		say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2 + (int)i, .to = "b",
		    .status = 200, .sdp = talk_sdp(places[i], AUDIO));
		assert_filter(w, RTP, "198.51.100.9");
		say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 9 + (int)i, .to = "b",
		    .sdp = OFFER);
		say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 9 + (int)i, .to = "b",
		    .status = 200, .sdp = ANSWER);
		assert_filter(w, RTP, "198.51.100.20");
	}
}

/* Who asks again has no second call, and no other ports. */
static void a_repeated_invite_of_an_answered_call(void **state)
{
	struct world *w = *state;

	w->shift = 100;
	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	assert_out(w, "m=audio 6100 ");
	assert_doors(w, 2, 2);
	assert_count(w, CALL_NEW, 1);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 2, .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

/* An answer that comes again reads the same. */
static void a_repeated_answer_from_inside(void **state)
{
	struct world *w = *state;
	int i;

	w->shift = 100;
	talk_call_up(w);
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b", .to = "a",
	    .sdp = THERE("40"));
	for (i = 0; i < 2; i++) {
		say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b", .to = "a",
		    .status = 200, .sdp = OFFER);
		assert_out(w, "m=audio 6100 ");
	}
}

static void very_many_forks_describe(void **state)
{
	struct world *w = *state;
	char tag[16];
	int i;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	for (i = 0; i < 20; i++) {
		snprintf(tag, sizeof(tag), "b%d", i);
		say(w, SERVER, .method = "INVITE", .status = 183, .to = tag,
		    .sdp = i % 2 ? THERE("31") : THERE("32"));
		assert_filter(w, RTP, i % 2 ? "198.51.100.31" : "198.51.100.32");
	}
	/* The first is forgotten: what the doors follow stays. */
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b0");
	assert_filter(w, RTP, "198.51.100.31");
}

/* In an ACK the answer is, to the offer of a 2xx, once; else it says nothing. */
static void an_ack_where_no_offer_waits(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .from = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .from = "b", .to = "a", .status = 200, .sdp = OFFER);
	say(w, SERVER, .method = "ACK", .branch = "k", .from = "b", .to = "a", .sdp = THERE("66"));
	assert_filter(w, RTP, "198.51.100.20");
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 1, .to = "b", .from = "a",
	    .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 1, .to = "b", .from = "a",
	    .status = 200, .sdp = ANSWER);
	say(w, CLIENT, .method = "ACK", .branch = "l", .cseq = 1, .to = "b", .from = "a",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	assert_doors(w, 2, 2);
	assert_count(w, SDP_NO_CALL, 1);
}

static void an_ack_that_comes_again(void **state)
{
	struct world *w = *state;
	int i;

	say(w, SERVER, .method = "INVITE", .from = "b");
	say(w, CLIENT, .method = "INVITE", .from = "b", .to = "a", .status = 200, .sdp = OFFER);
	say(w, SERVER, .method = "ACK", .branch = "k", .from = "b", .to = "a", .sdp = THERE("67"));
	assert_filter(w, RTP, "198.51.100.67");
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 2, .from = "b", .to = "a",
	    .sdp = THERE("68"));
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 2, .from = "b", .to = "a",
	    .status = 200, .sdp = OFFER);
	for (i = 0; i < 2; i++) {
		assert_filter(w, RTP, "198.51.100.68");
		say(w, CLIENT, .method = "INVITE", .from = "b", .to = "a", .status = 200,
		    .sdp = OFFER);
		say(w, SERVER, .method = "ACK", .branch = "k", .from = "b", .to = "a",
		    .sdp = THERE("67"));
	}
	assert_filter(w, RTP, "198.51.100.68");
}

static void forked(struct world *w)
{
	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b2", .sdp = THERE("32"));
	assert_filter(w, RTP, "198.51.100.20");
}

static void first_fork_leaves(struct world *w)
{
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 9, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 9, .to = "b", .status = 200);
}

static void what_was_refused_was_not_said(void **state)
{
	struct world *w = *state;

	forked(w);
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b2", .to = "a",
	    .sdp = THERE("77"));
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b2", .to = "a",
	    .status = 488);
	first_fork_leaves(w);
	assert_filter(w, RTP, "198.51.100.32");
}

/* Nor has the call gone over to the fork that failed. */
static void a_failed_reinvite_of_another_fork(void **state)
{
	struct world *w = *state;

	forked(w);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b2", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b2", .status = 183,
	    .sdp = THERE("34"));
	assert_filter(w, RTP, "198.51.100.34");
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b2", .status = 488);
	assert_filter(w, RTP, "198.51.100.20");
	first_fork_leaves(w);
	assert_filter(w, RTP, "198.51.100.32");
}

/* What a 1xx said was overtaken by what was agreed upon since. */
static void a_200_after_an_update(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 183,
	    .sdp = THERE("40"));
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b", .to = "a",
	    .sdp = THERE("41"));
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b", .to = "a",
	    .status = 200, .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.41");
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 200);
	assert_filter(w, RTP, "198.51.100.41");
}

/* One of RFC 2543 gives no tag, which is none like another (RFC 3261 12.1.2). */
static void a_peer_without_a_tag(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 200, .sdp = ANSWER);
	assert_filter(w, RTP, "198.51.100.20");
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .status = 200,
	    .sdp = THERE("36"));
	say(w, CLIENT, .method = "ACK", .branch = "k", .cseq = 2, .sdp = OFFER);
	assert_out(w, "203.0.113.1");
	assert_filter(w, RTP, "198.51.100.36");
	say(w, CLIENT, .method = "BYE", .branch = "x", .cseq = 3);
	say(w, SERVER, .method = "BYE", .branch = "x", .cseq = 3, .status = 200);
	assert_doors(w, 0, 0);
}

/* What is offered cannot be remembered, or read, but the answer to it is one. */
static void an_offer_that_stays_unknown(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 1; i <= 2; i++) {
		say(w, CLIENT, .method = "INVITE", .cseq = i, .to = i == 1 ? NULL : "b",
		    .branch = i == 1 ? "1" : "2");
		w->fail_alloc = i == 1 ? w->allocs + 1 : 0;
		say(w, SERVER, .method = "INVITE", .cseq = i, .status = 200, .to = "b",
		    .branch = i == 1 ? "1" : "2", .sdp = i == 1 ? ANSWER : "v=0\r\nm=\r\n");
		say(w, CLIENT, .method = "ACK", .cseq = i, .branch = "k", .to = "b", .sdp = OFFER);
		assert_out(w, "c=IN IP4 203.0.113.1");
		assert_count(w, SDP_NO_CALL, 0);
		assert_doors(w, 2, 2);
	}
}

/* What both have agreed upon since then does not fail with the re-INVITE. */
static void an_update_agrees_to_what_a_183_said(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 183,
	    .sdp = THERE("40"));
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b", .to = "a",
	    .sdp = THERE("40"));
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 1, .from = "b", .to = "a",
	    .status = 200, .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 488);
	assert_filter(w, RTP, "198.51.100.40");
}

static void a_prack_of_a_reinvite_that_fails(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b");
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 183,
	    .sdp = THERE("43"));
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 3, .to = "b", .sdp = OFFER);
	assert_filter(w, RTP, "198.51.100.43");
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 3, .to = "b", .status = 200);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 488);
	assert_filter(w, RTP, "198.51.100.20");

	say(w, SERVER, .method = "INVITE", .branch = "q", .cseq = 1, .from = "b", .to = "a");
	say(w, CLIENT, .method = "INVITE", .branch = "q", .cseq = 1, .from = "b", .to = "a",
	    .status = 183, .sdp = OFFER);
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .from = "b", .to = "a",
	    .sdp = THERE("44"));
	assert_filter(w, RTP, "198.51.100.44");
	say(w, CLIENT, .method = "INVITE", .branch = "q", .cseq = 1, .from = "b", .to = "a",
	    .status = 500);
	assert_filter(w, RTP, "198.51.100.20");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_200_follows_its_own_fork),
		case_of(a_fork_is_left),
		case_of(an_offer_alone_moves_nothing),
		case_of(a_failed_reinvite_keeps_the_old_media),
		case_of(a_prack_answers),
		case_of(the_peers_prack_answers),
		case_of(a_prack_after_an_ack),
		case_of(mux_is_agreed_in_an_ack),
		case_of(mux_was_agreed_before),
		case_of(agreed_ports_outlive_a_failed_offer),
		case_of(a_peer_that_moves_out_of_sight),
		case_of(a_repeated_invite_of_an_answered_call),
		case_of(a_repeated_answer_from_inside),
		case_of(very_many_forks_describe),
		case_of(an_ack_where_no_offer_waits),
		case_of(an_ack_that_comes_again),
		case_of(what_was_refused_was_not_said),
		case_of(a_failed_reinvite_of_another_fork),
		case_of(a_200_after_an_update),
		case_of(a_peer_without_a_tag),
		case_of(an_offer_that_stays_unknown),
		case_of(an_update_agrees_to_what_a_183_said),
		case_of(a_prack_of_a_reinvite_that_fails),
	};

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
