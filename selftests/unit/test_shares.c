// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may have how much: shares of inside hosts, what calls are charged with,
 * and a table that no single Call-ID makes slow.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/calls.h>
#include <nf_nat_sip_tcp/contact.h>

#include "reg.h"

/* From now on the connection is that of the inside host 10.0.x.y. */
static void host(struct world *w, int n)
{
	char inside[32];

	sprintf(inside, "10.0.%d.%d:40000", n / 250, n % 250 + 1);
	world_map(w, 0, inside, "203.0.113.1:40000");
	w->conn = n + 1;
}

static void invite(struct world *w, int n)
{
	char id[16];

	sprintf(id, "call%d", n);
	say(w, CLIENT, .method = "INVITE", .id = id);
}

static void fail_call(struct world *w, int n)
{
	char id[16];

	sprintf(id, "call%d", n);
	say(w, SERVER, .method = "INVITE", .id = id, .status = 404, .to = "b");
}

/* Below half of calls_max a host may have all it wants, above it its share. */
static void a_host_has_its_share_of_the_calls(void **state)
{
	struct world *w = *state;
	int i;

	w->env.set.calls_max = 16;
	for (i = 0; i < 20; i++) {
		host(w, 0);
		invite(w, i);
	}
	assert_count(w, CALL_NEW, 8);
	assert_count(w, CALL_SHARE, 12);
	for (; i < 40; i++) {
		host(w, 1);
		invite(w, i);
	}
	assert_count(w, CALL_NEW, 12);
	for (; i < 60; i++) {
		host(w, 2);
		invite(w, i);
	}
	assert_count(w, CALL_NEW, 16);
	assert_count(w, CALL_LIMIT, 16);
	/* A call that ended does not count. */
	host(w, 2);
	fail_call(w, 40);
	invite(w, 60);
	assert_count(w, CALL_NEW, 17);
	assert_int_equal(w->env.calls->nr, 16);
}

static void zones_have_shares_of_their_own(void **state)
{
	struct world *w = *state;
	int i;

	w->env.set.calls_max = 8;
	for (i = 0; i < 6; i++)
		invite(w, i);
	assert_count(w, CALL_NEW, 4);
	w->zone = 1;
	invite(w, i);
	assert_count(w, CALL_NEW, 5);
}

static void a_whole_share_is_no_limit(void **state)
{
	struct world *w = *state;
	int i;

	w->env.set.calls_max = 16;
	w->env.set.host_share = 100;
	for (i = 0; i < 20; i++)
		invite(w, i);
	assert_count(w, CALL_NEW, 16);
	assert_count(w, CALL_SHARE, 0);
	assert_count(w, CALL_LIMIT, 4);
}

/* However small the share is, one is in it. */
static void a_share_is_at_least_one(void **state)
{
	struct world *w = *state;
	int i;

	w->env.set.calls_max = 3;
	w->env.set.host_share = 1;
	for (i = 0; i < 5; i++) {
		host(w, i);
		invite(w, i);
	}
	assert_count(w, CALL_NEW, 3);
	assert_count(w, CALL_SHARE, 0);
}

static void bind_user(struct world *w, int n)
{
	char aor[64], contact[64], inside[20];
	struct nst_endpoint ep = w->map.end[0].inside;

	sprintf(aor, "sip:line%d@example.com", n);
	sprintf(inside, "%d.%d.%d.%d", ep.addr.ip[0], ep.addr.ip[1], ep.addr.ip[2], ep.addr.ip[3]);
	sprintf(contact, "<sip:alice@%s:5060>", inside);
	ask(w, .contact = contact, .aor = aor);
}

static void a_host_has_its_share_of_the_bindings(void **state)
{
	struct world *w = *state;
	int i;

	w->env.set.bindings_max = 16;
	for (i = 0; i < 20; i++) {
		host(w, 0);
		bind_user(w, i);
	}
	assert_count(w, BINDING_NEW, 8);
	assert_count(w, BINDING_SHARE, 12);
	for (; i < 30; i++) {
		host(w, 1);
		bind_user(w, i);
	}
	assert_count(w, BINDING_NEW, 12);
	/* What has expired does not count. */
	world_expire(w, 24 * 3600 * 1000);
	world_expire(w, 3600 * 1000);
	assert_int_equal(w->env.bindings->nr, 0);
	bind_user(w, i);
	assert_count(w, BINDING_NEW, 13);
}

/* One Call-ID on very many hosts: no chain gets long. */
static void a_call_id_shared_by_hosts_makes_no_chain(void **state)
{
	struct world *w = *state;
	const struct nst_call *call;
	u32 longest = 0, len;
	int i;

	for (i = 0; i < 2000; i++) {
		host(w, i);
		invite(w, 0);
	}
	assert_count(w, CALL_NEW, 2000);
	for (i = 0; i < NST_CALL_BUCKETS; i++) {
		len = 0;
		for (call = w->env.calls->bucket[i]; call; call = call->hash_next)
			len++;
		longest = len > longest ? len : longest;
	}
	assert_in_range(longest, 1, 9);
	/* Each is found again. */
	for (i = 0; i < 2000; i++) {
		host(w, i);
		fail_call(w, 0);
	}
	assert_count(w, CALL_FAILED, 2000);
}

/* Everything that a call has is charged to its host, and comes back. */
static void a_call_is_charged(void **state)
{
	struct world *w = *state;
	struct nst_call *call;
	u32 bare;

	say(w, CLIENT, .method = "INVITE", .id = "bare");
	call = w->env.calls->bucket[0];
	for (u32 i = 0; !call; i++)
		call = w->env.calls->bucket[i];
	bare = call->h.account.used;
	assert_int_equal(bare, sizeof(*call));
	assert_false(call->h.account.conn);
	say(w, SERVER, .method = "INVITE", .id = "bare", .status = 404, .to = "b");
	talk_call_up(w);
	for (u32 i = 0; !(call = w->env.calls->bucket[i]); i++)
		;
	assert_int_equal(call->h.nr_doors, 2);
	assert_int_equal(call->h.account.used, bare + sizeof(struct nst_peer_media));
}

/* Each allocation of a call fails once: nothing is charged for good. */
static void a_refused_call_leaves_no_charge(void **state)
{
	u32 nth, before;
	bool more = true;

	(void)state;
	for (nth = 1; more; nth++) {
		struct world *w = world_new();

		before = w->allocs;
		w->fail_alloc = before + nth;
		/* Two doors are within the call, two more have memory of their own. */
		say(w, CLIENT, .method = "INVITE",
		    .sdp = talk_sdp("10.0.0.5", AUDIO "m=video 6100 RTP/AVP 96\n"));
		say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .sdp = ANSWER);
		say(w, CLIENT, .method = "ACK", .branch = "ack", .to = "b");
		more = w->allocs >= before + nth;
		/* world_free() looks at hosts and accounts. */
		world_free(w);
		assert_in_range(nth, 1, 100);
	}
	assert_true(nth > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_host_has_its_share_of_the_calls),
		case_of(zones_have_shares_of_their_own),
		case_of(a_whole_share_is_no_limit),
		case_of(a_share_is_at_least_one),
		case_of(a_host_has_its_share_of_the_bindings),
		case_of(a_call_id_shared_by_hosts_makes_no_chain),
		case_of(a_call_is_charged),
		cmocka_unit_test(a_refused_call_leaves_no_charge),
	};

	return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
