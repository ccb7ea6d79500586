// SPDX-License-Identifier: GPL-2.0-only
/*
 * What messages do to doors: which ports are reserved, what opens them, and
 * who may then send.  The same two ends as in test_dialog.
 */
#include "unit.h"

#include "talk.h"

static void strange_answers_open_nothing(void **state)
{
	struct world *w = *state;
	int status;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	for (status = 180; status < 300; status += 20) {
		say(w, SERVER, .method = "INVITE", .status = status, .to = "b", .branch = "2");
		say(w, SERVER, .method = "INVITE", .status = status, .to = "b", .cseq = 2);
		say(w, SERVER, .method = "INVITE", .status = status, .to = "b", .id = "c2");
		say(w, SERVER, .method = "INVITE", .status = status, .to = "b", .from = "x");
		say(w, SERVER, .method = "UPDATE", .status = status, .to = "b");
		say(w, SERVER, .method = "MESSAGE", .status = status, .to = "b");
		say(w, CLIENT, .method = "INVITE", .status = status, .to = "b");
		w->conn = 2;
		say(w, SERVER, .method = "INVITE", .status = status, .to = "b");
		w->conn = 1;
	}
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b");
	assert_doors(w, 2, 2);
}

static void an_answer_to_nothing_opens_nothing(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "ACK", .to = "b", .sdp = OFFER);
	say(w, CLIENT, .method = "UPDATE", .to = "b", .sdp = OFFER);
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_CALL_NEW], 0);
	assert_int_equal(w->count[NST_R_SDP_NO_CALL], 3);
	assert_int_equal(w->count[NST_R_SDP_REWRITTEN], 0);
}

static void other_methods_describe_nothing(void **state)
{
	static const char *const methods[] = {
		"OPTIONS", "INFO", "MESSAGE", "NOTIFY", "REFER", "BYE", "CANCEL", "REGISTER", "SERVICE",
	};
	struct world *w = *state;
	size_t i;

	talk_call_up(w);
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		say(w, CLIENT, .method = methods[i], .branch = "9", .cseq = 5, .to = "b",
		    .sdp = talk_sdp("10.0.0.5", "m=audio 9000 RTP/AVP 0\n"));
		say(w, SERVER, .method = methods[i], .branch = "9", .cseq = 5, .to = "b",
		    .status = 183);
	}
	assert_doors(w, 2, 2);
	assert_int_equal(w->count[NST_R_SDP_NO_CALL], ARRAY_SIZE(methods));
}

static void a_failed_reinvite_takes_back_what_it_reserved(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "m=video 6100 RTP/AVP 96\n"));
	assert_doors(w, 4, 2);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 100);
	assert_doors(w, 4, 2);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 488);
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "INVITE", .branch = "q", .cseq = 2, .from = "b", .to = "a");
	say(w, CLIENT, .method = "INVITE", .branch = "q", .cseq = 2, .from = "b", .to = "a",
	    .status = 491);
	assert_doors(w, 2, 2);
	assert_int_equal(w->count[NST_R_CALL_FAILED], 0);
}

static void a_reinvite_adds_a_medium(void **state)
{
	struct world *w = *state;

	w->shift = 500;
	talk_call_up(w);
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "m=video 6100 RTP/AVP 96\n"));
	/* The same inside port keeps its public port. */
	assert_non_null(strstr(w->out, "m=audio 6500 "));
	assert_non_null(strstr(w->out, "m=video 6600 "));
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .status = 200,
	    .sdp = talk_sdp("198.51.100.21", "m=audio 7000 RTP/AVP 0\nm=video 7100 RTP/AVP 96\n"));
	assert_doors(w, 4, 4);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.21");
	assert_filter(w, "10.0.0.5:6101", "198.51.100.21");
}

static void update_and_prack_offer(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 183, .to = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	assert_doors(w, 4, 2);
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b", .status = 200,
	    .sdp = ANSWER);
	assert_doors(w, 4, 4);
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 3, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6200 RTP/AVP 0\n"));
	assert_doors(w, 6, 4);
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 3, .to = "b", .status = 504);
	assert_doors(w, 4, 4);
	say(w, SERVER, .method = "UPDATE", .branch = "v", .cseq = 1, .from = "b", .to = "a",
	    .sdp = talk_sdp("198.51.100.40", AUDIO));
	say(w, CLIENT, .method = "UPDATE", .branch = "v", .cseq = 1, .from = "b", .to = "a",
	    .status = 200, .sdp = talk_sdp("10.0.0.5", "m=audio 6300 RTP/AVP 0\n"));
	assert_doors(w, 6, 6);
	assert_filter(w, "10.0.0.5:6300", "198.51.100.40");
}

static void a_refusal_from_inside_describes_nothing(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .status = 488, .to = "b", .sdp = OFFER);
	assert_doors(w, 0, 0);
	assert_int_equal(w->reserves, 0);
	assert_int_equal(w->count[NST_R_CALL_FAILED], 1);
}

static void the_peer_offers_in_its_200(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	say(w, CLIENT, .method = "ACK", .branch = "k", .cseq = 2, .to = "b", .sdp = OFFER);
	assert_doors(w, 0, 0);
	say(w, CLIENT, .method = "ACK", .branch = "k", .to = "b", .sdp = OFFER);
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
}

static void an_ack_before_the_200_opens_nothing(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE");
	say(w, CLIENT, .method = "ACK", .branch = "k", .to = "b", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
	say(w, CLIENT, .method = "ACK", .branch = "k", .to = "b", .sdp = OFFER);
	assert_doors(w, 0, 0);
}

static void the_inside_offers_in_its_200(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE");
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b", .sdp = OFFER);
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.9");
	say(w, SERVER, .method = "ACK", .branch = "k", .to = "b", .sdp = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
}

static void who_may_send(void **state)
{
	static const struct {
		u8 setting;
		const char *peer;
		const char *addr;
		const char *media;
		const char *rtp;
		const char *rtcp;
	} cases[] = {
		{ NST_FILTER_ANY, "198.51.100.9:5060", "198.51.100.20", AUDIO, "", "" },
		{ NST_FILTER_PEER, "198.51.100.9:5060", "198.51.100.20", AUDIO,
		  "198.51.100.20", "198.51.100.20" },
		{ NST_FILTER_PEER_PORT, "198.51.100.9:5060", "198.51.100.20",
		  "m=audio 7000 RTP/AVP 0\n", "198.51.100.20:7000", "198.51.100.20:7001" },
		{ NST_FILTER_PEER_PORT, "198.51.100.9:5060", "198.51.100.20",
		  "m=audio 7000 RTP/AVP 0\na=rtcp:7100\n", "198.51.100.20:7000", "198.51.100.20:7100" },
		/* An address on media level counts for its medium. */
		{ NST_FILTER_PEER, "198.51.100.9:5060", "198.51.100.20",
		  AUDIO "c=IN IP4 198.51.100.33\n", "198.51.100.33", "198.51.100.33" },
		/* A peer behind a NAT of its own. */
		{ NST_FILTER_PEER, "198.51.100.9:5060", "192.168.7.7", AUDIO,
		  "198.51.100.9", "198.51.100.9" },
		{ NST_FILTER_PEER_PORT, "198.51.100.9:5060", "192.168.7.7", AUDIO,
		  "198.51.100.9", "198.51.100.9" },
		/* "Outside" is a private network itself. */
		{ NST_FILTER_PEER, "172.16.0.9:5060", "192.168.7.7", AUDIO,
		  "192.168.7.7", "192.168.7.7" },
		{ NST_FILTER_PEER, "198.51.100.9:5060", "0.0.0.0", AUDIO,
		  "198.51.100.9", "198.51.100.9" },
		{ NST_FILTER_PEER, "198.51.100.9:5060", "2001:db8::7", AUDIO,
		  "198.51.100.9", "198.51.100.9" },
		{ NST_FILTER_PEER, "198.51.100.9:5060", "media.example.com", AUDIO,
		  "198.51.100.9", "198.51.100.9" },
		{ NST_FILTER_PEER, "198.51.100.9:5060", "198.51.100.20",
		  "m=audio 0 RTP/AVP 0\n", "198.51.100.9", "198.51.100.9" },
		/* No second medium in the answer: nothing is said of it. */
		{ NST_FILTER_PEER, "198.51.100.9:5060", "198.51.100.20", "",
		  "198.51.100.9", "198.51.100.9" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = world_new();

		w->env.set.media_filter = cases[i].setting;
		world_map(w, 1, cases[i].peer, cases[i].peer);
		say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
		say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
		    .sdp = talk_sdp(cases[i].addr, cases[i].media));
		assert_filter(w, "10.0.0.5:6000", cases[i].rtp);
		assert_filter(w, "10.0.0.5:6001", cases[i].rtcp);
		world_free(w);
	}
}

static void hold_does_not_move_the_filter(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .branch = "h", .cseq = 2, .from = "b", .to = "a",
	    .sdp = talk_sdp("0.0.0.0", "m=audio 7000 RTP/AVP 0\n"));
	say(w, CLIENT, .method = "INVITE", .branch = "h", .cseq = 2, .from = "b", .to = "a",
	    .status = 200, .sdp = OFFER);
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	/* And an offer that is refused moves nothing either. */
	say(w, SERVER, .method = "INVITE", .branch = "i", .cseq = 3, .from = "b", .to = "a",
	    .sdp = talk_sdp("198.51.100.66", AUDIO));
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	say(w, CLIENT, .method = "INVITE", .branch = "i", .cseq = 3, .from = "b", .to = "a",
	    .status = 488);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
}

static void agreed_mux_needs_no_rtcp_door(void **state)
{
	struct world *w = *state;
	const char *mux = AUDIO "a=rtcp-mux\n";

	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", mux));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", mux));
	assert_doors(w, 2, 1);
	assert_true(world_door(w, "10.0.0.5:6000")->open);
	/* The next offer is answered without it. */
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", mux));
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .status = 200, .to = "b",
	    .sdp = ANSWER);
	assert_doors(w, 2, 2);

	say(w, SERVER, .method = "INVITE", .id = "c2", .sdp = talk_sdp("198.51.100.20", mux));
	say(w, CLIENT, .method = "INVITE", .id = "c2", .status = 200, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\na=rtcp-mux\n"));
	assert_doors(w, 4, 3);
}

/* A 180 without a description opens both ports; that they are one is told later. */
static void mux_agreed_behind_a_180(void **state)
{
	struct world *w = *state;
	const char *mux = AUDIO "a=rtcp-mux\n";

	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", mux));
	say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
	assert_doors(w, 2, 2);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", mux));
	assert_doors(w, 2, 1);
	assert_true(world_door(w, "10.0.0.5:6000")->open);
}

/* Several phones that all use the same port get different public ones. */
static void two_hosts_with_equal_ports(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	world_map(w, 0, "10.0.0.6:40001", "203.0.113.1:40001");
	w->conn = 2;
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.6", AUDIO));
	assert_non_null(strstr(w->out, "m=audio 6002 "));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_doors(w, 4, 4);
	assert_int_equal(w->count[NST_R_CALL_NEW], 2);
}

static void all_ports_or_none(void **state)
{
	struct world *w = *state;
	const char *three = AUDIO "m=audio 6100 RTP/AVP 0\nm=video 6200 RTP/AVP 0\n";
	u32 n;

	talk_call_up(w);
	for (n = 1; n <= 2; n++) {
		w->fail_reserve = w->reserves + n;
		w->reserve_error = -EMFILE;
		say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 1 + (int)n, .to = "b",
		    .sdp = talk_sdp("10.0.0.5", three));
		assert_non_null(strstr(w->out, "o=- 1 1 IN IP4 10.0.0.5\r\n"));
		assert_non_null(strstr(w->out, "c=IN IP4 10.0.0.5\r\n"));
		assert_doors(w, 2, 2);
		assert_int_equal(w->count[NST_R_SDP_NO_PORT], n);
	}
}

static void ports_join_a_pair_or_none(void **state)
{
	struct world *w = *state;
	const char *single = "m=image 6000 udptl t38\n";

	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", single));
	assert_doors(w, 1, 0);
	say(w, CLIENT, .method = "INVITE", .branch = "2", .sdp = OFFER);
	assert_non_null(strstr(w->out, "m=audio 6000 "));
	assert_doors(w, 2, 0);

	/* Another call has taken the port beside it. */
	say(w, CLIENT, .method = "INVITE", .id = "c2",
	    .sdp = talk_sdp("10.0.0.5", "m=image 8000 udptl t38\n"));
	say(w, CLIENT, .method = "INVITE", .id = "c3",
	    .sdp = talk_sdp("10.0.0.5", "m=image 8001 udptl t38\n"));
	say(w, CLIENT, .method = "INVITE", .id = "c2", .branch = "2",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 8000 RTP/AVP 0\n"));
	assert_non_null(strstr(w->out, "c=IN IP4 10.0.0.5\r\n"));
	assert_doors(w, 4, 0);
	assert_int_equal(w->count[NST_R_SDP_NO_PORT], 1);
	/* Both are there, but not side by side outside. */
	say(w, CLIENT, .method = "INVITE", .id = "c2", .branch = "3",
	    .sdp = talk_sdp("10.0.0.5", "m=image 8001 udptl t38\n"));
	assert_non_null(strstr(w->out, "m=image 8002 "));
	say(w, CLIENT, .method = "INVITE", .id = "c2", .branch = "4",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 8000 RTP/AVP 0\n"));
	assert_int_equal(w->count[NST_R_SDP_NO_PORT], 2);
	assert_doors(w, 5, 0);
	/* The second of the pair was there first. */
	say(w, CLIENT, .method = "INVITE", .id = "c4",
	    .sdp = talk_sdp("10.0.0.5", "m=image 9001 udptl t38\n"));
	say(w, CLIENT, .method = "INVITE", .id = "c4", .branch = "2",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 9000 RTP/AVP 0\n"));
	assert_non_null(strstr(w->out, "m=audio 9000 "));
	assert_int_equal(w->count[NST_R_SDP_NO_PORT], 2);
	assert_doors(w, 7, 0);
}

static void ipv6(void **state)
{
	struct world *w = *state;

	world_map(w, 0, "[fd00::5]:40000", "[2001:db8::1]:40000");
	world_map(w, 1, "[2001:db8:9::9]:5060", "[2001:db8:9::9]:5060");
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("fd00::5", AUDIO));
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("2001:db8:9::20", AUDIO));
	assert_filter(w, "[fd00::5]:6001", "[2001:db8:9::20]");
}

/* Which inside ports get a public one. */
static void which_ports_are_reserved(void **state)
{
	static const struct {
		const char *media;
		u32 ports;
	} cases[] = {
		{ AUDIO, 2 },
		{ "m=video 6000/2 RTP/AVP 0\n", 4 },
		{ "m=image 6000/3 udp x\n", 3 },
		{ AUDIO "a=rtcp:6001\n", 2 },
		{ AUDIO "a=rtcp:6009\n", 2 },
		{ AUDIO "a=rtcp:6000\n", 1 },
		{ AUDIO "a=rtcp:6001 IN IP4 10.0.0.6\n", 1 },
		{ AUDIO "a=rtcp:6009 IN IP4 10.0.0.6\n", 1 },
		{ AUDIO AUDIO, 2 },
		{ "m=audio 65535 RTP/AVP 0\n", 1 },
		{ "m=audio 0 RTP/AVP 0\n", 0 },
		{ "m=image 65535/2 udp x\n", 0 },
		{ "m=audio 6000/129 RTP/AVP 0\n", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = world_new();

		say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", cases[i].media));
		assert_doors(w, cases[i].ports, 0);
		/* What cannot be is not even asked for. */
		assert_true(cases[i].ports || !w->reserves);
		say(w, SERVER, .method = "INVITE", .status = 180, .to = "b");
		assert_doors(w, cases[i].ports, cases[i].ports);
		world_free(w);
	}
}

/* One port for several media (RFC 9143): each that was accepted says who may send. */
static void media_that_share_a_port(void **state)
{
	static const struct { const char *answer; u32 open; } cases[] = {
		{ "m=audio 7000 RTP/AVP 0\nm=video 0 RTP/AVP 31\n", 2 },
		{ "m=audio 0 RTP/AVP 0\nm=video 7000 RTP/AVP 31\n", 2 },
		{ "m=audio 7000 RTP/AVP 0\na=rtcp-mux\nm=video 0 RTP/AVP 31\n", 1 },
		{ "m=audio 0 RTP/AVP 0\nm=video 7000 RTP/AVP 31\na=rtcp-mux\n", 1 },
		{ "m=audio 7000 RTP/AVP 0\na=rtcp-mux\nm=video 7000 RTP/AVP 31\n", 2 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = world_new();

		say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5",
		    "m=audio 6000 RTP/AVP 0\na=rtcp-mux\nm=video 6000 RTP/AVP 31\na=rtcp-mux\n"));
		say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
		    .sdp = talk_sdp("198.51.100.20", cases[i].answer));
		assert_doors(w, 2, cases[i].open);
		assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
		world_free(w);
	}
}

static void each_port_of_a_row_has_its_partner(void **state)
{
	static const struct { const char *inside, *filter; } ports[] = {
		{ "10.0.0.5:6000", "198.51.100.20:7000" }, { "10.0.0.5:6001", "198.51.100.20:7001" },
		{ "10.0.0.5:6002", "198.51.100.20:7002" }, { "10.0.0.5:6003", "198.51.100.20:7003" },
	};
	struct world *w = *state;
	size_t i;

	w->env.set.media_filter = NST_FILTER_PEER_PORT;
	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6000/2 RTP/AVP 0\n"));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", "m=audio 7000/2 RTP/AVP 0\n"));
	for (i = 0; i < ARRAY_SIZE(ports); i++)
		assert_filter(w, ports[i].inside, ports[i].filter);
	say(w, CLIENT, .method = "UPDATE", .branch = "u", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6000/2 RTP/AVP 0\n"));
	say(w, SERVER, .method = "UPDATE", .branch = "u", .cseq = 2, .to = "b", .status = 200,
	    .sdp = talk_sdp("198.51.100.20", "m=audio 65534/2 RTP/AVP 0\n"));
	assert_filter(w, "10.0.0.5:6001", "198.51.100.20:65535");
	assert_filter(w, "10.0.0.5:6002", "198.51.100.20");
}

static void each_offer_waits_for_its_own_answer(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .branch = "1", .sdp = OFFER);
	say(w, CLIENT, .method = "INVITE", .branch = "2",
	    .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 180, .to = "b");
	assert_doors(w, 4, 2);
	assert_true(world_door(w, "10.0.0.5:6100")->open);
	say(w, SERVER, .method = "INVITE", .branch = "1", .status = 486, .to = "b");
	assert_doors(w, 2, 2);
}

/* A description that was left alone has offered nothing, old ports included. */
static void what_was_left_alone_is_not_offered(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE", .branch = "1", .sdp = OFFER);
	say(w, CLIENT, .method = "INVITE", .branch = "2",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "m=audio 80 RTP/AVP 0\n"));
	assert_int_equal(w->count[NST_R_SDP_NO_PORT], 1);
	say(w, SERVER, .method = "INVITE", .branch = "2", .status = 180, .to = "b");
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .branch = "1", .status = 180, .to = "b");
	assert_doors(w, 2, 2);
}

static void an_ack_answers_only_its_own_invite(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .sdp = ANSWER);
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b");
	say(w, CLIENT, .method = "ACK", .branch = "k", .from = "b", .to = "a", .sdp = OFFER);
	assert_doors(w, 0, 0);
	assert_int_equal(w->count[NST_R_SDP_NO_CALL], 1);
}

static void a_prack_brings_the_answer(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE");
	say(w, CLIENT, .method = "INVITE", .status = 183, .to = "b", .sdp = OFFER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.9");
	say(w, SERVER, .method = "PRACK", .branch = "p", .cseq = 2, .to = "b", .sdp = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
}

/* An offer from inside in a 200: what the peer said earlier is no answer to it. */
static void an_old_description_answers_no_new_offer(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	say(w, SERVER, .method = "INVITE", .branch = "r", .cseq = 2, .from = "b", .to = "a");
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .from = "b", .to = "a",
	    .status = 200, .sdp = talk_sdp("10.0.0.5", "m=audio 6100 RTP/AVP 0\n"));
	assert_doors(w, 4, 4);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_filter(w, "10.0.0.5:6100", "198.51.100.9");
	say(w, SERVER, .method = "ACK", .branch = "k", .cseq = 2, .from = "b", .to = "a",
	    .sdp = talk_sdp("198.51.100.44", AUDIO));
	assert_filter(w, "10.0.0.5:6100", "198.51.100.44");
}

/* The answer's ports beside the inside ports that they belong to. */
static void rtcp_somewhere_else(void **state)
{
	struct world *w = *state;

	w->env.set.media_filter = NST_FILTER_PEER_PORT;
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", AUDIO "a=rtcp:6009\n"));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20:7000");
	assert_filter(w, "10.0.0.5:6009", "198.51.100.20:7001");
}

/* One port for both from the start: it opens, whoever agrees. */
static void rtcp_on_the_rtp_port(void **state)
{
	struct world *w = *state;
	const char *mux = AUDIO "a=rtcp-mux\na=rtcp:6000\n";

	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", mux));
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("198.51.100.20", mux));
	assert_doors(w, 1, 1);
}

/* rtcp-mux in an offer is a question, in an answer an agreement. */
static void offered_mux_is_not_agreed(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE");
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "a=rtcp-mux\n"));
	assert_doors(w, 2, 2);
}

/* The same inside port by way of two public addresses. */
static void another_public_address(void **state)
{
	struct world *w = *state;

	talk_call_up(w);
	world_map(w, 0, "10.0.0.5:40000", "203.0.113.2:40000");
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .sdp = OFFER);
	assert_non_null(strstr(w->out, "c=IN IP4 203.0.113.2\r\n"));
	assert_doors(w, 4, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(strange_answers_open_nothing),
		case_of(an_answer_to_nothing_opens_nothing),
		case_of(other_methods_describe_nothing),
		case_of(a_failed_reinvite_takes_back_what_it_reserved),
		case_of(a_reinvite_adds_a_medium),
		case_of(update_and_prack_offer),
		case_of(a_refusal_from_inside_describes_nothing),
		case_of(the_peer_offers_in_its_200),
		case_of(an_ack_before_the_200_opens_nothing),
		case_of(the_inside_offers_in_its_200),
		case_of(who_may_send),
		case_of(hold_does_not_move_the_filter),
		case_of(agreed_mux_needs_no_rtcp_door),
		case_of(mux_agreed_behind_a_180),
		case_of(two_hosts_with_equal_ports),
		case_of(all_ports_or_none),
		case_of(ports_join_a_pair_or_none),
		case_of(ipv6),
		case_of(which_ports_are_reserved),
		case_of(media_that_share_a_port),
		case_of(each_port_of_a_row_has_its_partner),
		case_of(each_offer_waits_for_its_own_answer),
		case_of(what_was_left_alone_is_not_offered),
		case_of(an_ack_answers_only_its_own_invite),
		case_of(a_prack_brings_the_answer),
		case_of(an_old_description_answers_no_new_offer),
		case_of(rtcp_somewhere_else),
		case_of(rtcp_on_the_rtp_port),
		case_of(offered_mux_is_not_agreed),
		case_of(another_public_address),
	};

	return cmocka_run_group_tests_name("doors", tests, NULL, NULL);
}
