// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose media are translated: media_hosts, media_filter off, and a host that
 * writes its public address (N2).
 */
#include "unit.h"

#include "talk.h"

static void prefix(struct world *w, int i, const char *addr, u8 len)
{
	w->env.set.media_hosts[i].addr = world_endpoint(addr).addr;
	w->env.set.media_hosts[i].len = len;
}

/* A signalling server inside, and media somewhere else. */
static void media_of_another_host(void **state)
{
	struct world *w = *state;

	prefix(w, 0, "10.0.7.0", 24);
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.7.9", AUDIO));
	assert_out(w, "o=- 1 1 IN IP4 203.0.113.1\r\n");
	assert_out(w, "c=IN IP4 203.0.113.1\r\n");
	assert_out(w, "m=audio 6000 ");
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_doors(w, 2, 2);
	assert_filter(w, "10.0.7.9:6000", "198.51.100.20");
	assert_filter(w, "10.0.7.9:6001", "198.51.100.20");
	assert_count(w, SDP_FOREIGN, 0);
	/* Its port at the signalling host is another one's. */
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b", .sdp = OFFER);
	assert_out(w, "m=audio 6002 ");
	assert_doors(w, 4, 2);
}

static void hosts_that_are_not_named(void **state)
{
	static const char *const hosts[] = { "10.0.8.9", "10.0.7.9", "10.0.0.6" };
	struct world *w = *state;
	char want[64];
	size_t i;

	/* The default: the signalling host alone. */
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.7.9", AUDIO));
	assert_out(w, "c=IN IP4 10.0.7.9\r\n");
	prefix(w, 0, "10.0.7.8", 32);
	prefix(w, 1, "[fd00::]", 8);
	for (i = 0; i < ARRAY_SIZE(hosts); i++) {
		sprintf(want, "c=IN IP4 %s\r\n", hosts[i]);
		say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp(hosts[i], AUDIO));
		assert_out(w, want);
	}
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("fd00::9", AUDIO));
	assert_out(w, "c=IN IP6 fd00::9\r\n");
	assert_doors(w, 0, 0);
	assert_count(w, SDP_FOREIGN, 5);
}

/* Each medium, and its RTCP, at a host of its own. */
static void media_of_several_hosts(void **state)
{
	struct world *w = *state;

	prefix(w, 0, "10.0.7.0", 24);
	prefix(w, 1, "10.0.9.9", 32);
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("10.0.0.5", AUDIO
	    "m=video 6000 RTP/AVP 0\nc=IN IP4 10.0.7.1\na=rtcp:6001 IN IP4 10.0.7.2\n"
	    "m=audio 7000 RTP/AVP 0\nc=IN IP4 10.0.9.9\n"
	    "m=audio 7000 RTP/AVP 0\nc=IN IP4 10.0.9.8\n"));
	assert_out(w, "m=video 6002 RTP/AVP 0\r\nc=IN IP4 203.0.113.1\r\na=rtcp:6003 IN IP4 203.");
	assert_out(w, "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 203.0.113.1\r\n");
	assert_out(w, "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 10.0.9.8\r\n");
	assert_non_null(world_door(w, "10.0.0.5:6000"));
	assert_non_null(world_door(w, "10.0.0.5:6001"));
	assert_non_null(world_door(w, "10.0.7.1:6000"));
	assert_null(world_door(w, "10.0.7.1:6001"));
	assert_non_null(world_door(w, "10.0.7.2:6001"));
	assert_non_null(world_door(w, "10.0.9.9:7000"));
	assert_doors(w, 6, 0);
	assert_count(w, SDP_FOREIGN, 1);
}

/* RTCP at the port of RTP, but of another host. */
static void rtcp_of_another_host(void **state)
{
	struct world *w = *state;

	prefix(w, 0, "10.0.7.0", 24);
	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("10.0.0.5", AUDIO "a=rtcp:6000 IN IP4 10.0.7.2\n"));
	assert_out(w, "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001 IN IP4 203.0.113.1\r\n");
	assert_non_null(world_door(w, "10.0.7.2:6000"));
	assert_doors(w, 2, 0);
}

/* "On hold" is no address, whatever the prefixes say. */
static void hold_with_all_hosts(void **state)
{
	struct world *w = *state;

	prefix(w, 0, "0.0.0.0", 0);
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("0.0.0.0", AUDIO));
	assert_out(w, "o=- 1 1 IN IP4 0.0.0.0\r\n");
	assert_out(w, "c=IN IP4 0.0.0.0\r\n");
	assert_doors(w, 0, 0);
}

static void no_media_doors(void **state)
{
	struct world *w = *state;

	w->env.set.media_filter = NST_FILTER_OFF;
	say(w, CLIENT, .method = "INVITE", .sdp = OFFER);
	assert_out(w, "c=IN IP4 10.0.0.5\r\n");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_doors(w, 0, 0);
	assert_count(w, SDP_OFF, 1);
	assert_count(w, SDP_NO_PORT, 0);
}

/* The door at this public port of the default world leads to @inside. */
static void assert_leads(const struct world *w, const char *outside, const char *inside)
{
	const struct world_port *p = world_public(w, NST_UDP, outside);
	struct nst_endpoint ep = world_endpoint(inside);

	assert_non_null(p);
	assert_true(endpoint_equal(&p->inside, &ep));
}

/* Nothing is known of the port: NAT has kept it.  No prefix makes it private. */
static void public_address(void **state)
{
	struct world *w = *state;

	w->shift = 10;
	prefix(w, 0, "203.0.113.0", 24);
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("203.0.113.1", AUDIO));
	assert_out(w, "c=IN IP4 203.0.113.1\r\n");
	assert_out(w, "m=audio 6000 ");
	assert_doors(w, 2, 0);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_doors(w, 2, 2);
	assert_leads(w, "203.0.113.1:6000", "10.0.0.5:6000");
	assert_leads(w, "203.0.113.1:6001", "10.0.0.5:6001");
	assert_filter(w, "10.0.0.5:6000", "198.51.100.20");
	assert_count(w, SDP_FOREIGN, 0);
}

/* What NAT is known to have done tells where the port leads, RTCP's with it. */
static void public_port_mapped(void **state)
{
	struct world *w = *state;

	w->mapped[0] = 40001;
	w->mapped[1] = 6000;
	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("203.0.113.1", "m=audio 40001 RTP/AVP 0\n"));
	assert_out(w, "m=audio 40001 ");
	assert_leads(w, "203.0.113.1:40001", "10.0.0.5:6000");
	assert_leads(w, "203.0.113.1:40002", "10.0.0.5:6001");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	/* Forgotten meanwhile: the door itself knows. */
	w->mapped[0] = 0;
	say(w, CLIENT, .method = "INVITE", .branch = "r", .cseq = 2, .to = "b",
	    .sdp = talk_sdp("203.0.113.1", "m=audio 40001 RTP/AVP 0\n"));
	assert_doors(w, 2, 2);
	assert_count(w, SDP_NO_PORT, 0);
	/* Under its own address it keeps the port; another public one is another door. */
	say(w, CLIENT, .method = "INVITE", .branch = "s", .cseq = 3, .to = "b",
	    .sdp = OFFER);
	assert_out(w, "m=audio 40001 ");
	assert_doors(w, 2, 2);
	say(w, CLIENT, .method = "INVITE", .branch = "t", .cseq = 4, .to = "b",
	    .sdp = talk_sdp("203.0.113.1", AUDIO));
	assert_leads(w, "203.0.113.1:6000", "10.0.0.5:6000");
	assert_leads(w, "203.0.113.1:40001", "10.0.0.5:6000");
	assert_doors(w, 4, 2);
}

static void public_rtcp(void **state)
{
	struct world *w = *state;

	w->mapped[0] = 40007;
	w->mapped[1] = 6001;
	say(w, CLIENT, .method = "INVITE", .sdp = talk_sdp("203.0.113.1",
	    "m=audio 6000 RTP/AVP 0\na=rtcp:40007\n"
	    "m=audio 6010 RTP/AVP 0\na=rtcp:6010\n"
	    "m=audio 6020 RTP/AVP 0\na=rtcp:6021 IN IP4 10.9.9.9\n"
	    "m=image 6030 udptl t38\n"));
	assert_leads(w, "203.0.113.1:6000", "10.0.0.5:6000");
	assert_leads(w, "203.0.113.1:40007", "10.0.0.5:6001");
	assert_leads(w, "203.0.113.1:6010", "10.0.0.5:6010");
	assert_leads(w, "203.0.113.1:6020", "10.0.0.5:6020");
	assert_leads(w, "203.0.113.1:6030", "10.0.0.5:6030");
	assert_doors(w, 5, 0);
}

/* A port of somebody else's: no door, and the text is not worse than before. */
static void public_port_taken(void **state)
{
	struct world *w = *state;

	w->taken = 6000;
	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("203.0.113.1", AUDIO "m=video 6010 RTP/AVP 0\n"));
	assert_out(w, "m=audio 6000 ");
	assert_null(world_public(w, NST_UDP, "203.0.113.1:6000"));
	assert_leads(w, "203.0.113.1:6010", "10.0.0.5:6010");
	assert_count(w, SDP_NO_PORT, 1);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
	assert_doors(w, 3, 3);
}

/* What is denied to a door is denied to it here, too (P3). */
static void public_port_low(void **state)
{
	struct world *w = *state;

	w->mapped[0] = 40001;
	w->mapped[1] = 23;
	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("203.0.113.1", "m=audio 40001 RTP/AVP 0\na=rtcp:40001\n"
			    "m=audio 22 RTP/AVP 0\na=rtcp:22\n"));
	assert_doors(w, 0, 0);
	assert_count(w, SDP_DENIED, 2);
}

/* One in the peer's text is the peer's business. */
static void public_address_of_peer(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE", .sdp = talk_sdp("203.0.113.1", AUDIO));
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b");
	assert_doors(w, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(media_of_another_host),
		case_of(hosts_that_are_not_named),
		case_of(media_of_several_hosts),
		case_of(rtcp_of_another_host),
		case_of(hold_with_all_hosts),
		case_of(no_media_doors),
		case_of(public_address),
		case_of(public_port_mapped),
		case_of(public_rtcp),
		case_of(public_port_taken),
		case_of(public_port_low),
		case_of(public_address_of_peer),
	};

	return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
