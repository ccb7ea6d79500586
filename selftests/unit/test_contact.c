// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling doors: what calls make of them, and what texts say about them.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/contact.h>

#include "reg.h"
#include "shortage.h"

/* The phone calls, and is answered; the called party's tag is "b". */
static void invite(struct world *w, const char *contact)
{
	say(w, CLIENT, .method = "INVITE", .contact = contact);
}

static void answered(struct world *w, int status)
{
	say(w, SERVER, .method = "INVITE", .status = status, .to = "b");
}

static void bye(struct world *w)
{
	say(w, CLIENT, .method = "BYE", .branch = "y", .cseq = 9, .to = "b");
	say(w, SERVER, .method = "BYE", .branch = "y", .cseq = 9, .to = "b", .status = 200);
}

static void a_call_has_its_own_door(void **state)
{
	struct world *w = *state;

	invite(w, PHONE);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	assert_doors(w, 1, 0);
	assert_int_equal(w->trace[NST_TRACE_REGISTER].n[1], 1);
	answered(w, 100);
	assert_doors(w, 1, 0);
	answered(w, 180);
	assert_doors(w, 1, 1);
	assert_filter(w, "10.0.0.5:5060", REGISTRAR);
	answered(w, 200);
	bye(w);
	assert_doors(w, 0, 0);
	assert_count(w, BINDING_NEW, 0);
}

static void a_call_that_fails_gives_it_back(void **state)
{
	static const int failures[] = { 302, 401, 407, 486, 600 };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		invite(w, PHONE);
		assert_doors(w, 1, 0);
		answered(w, failures[i]);
		assert_doors(w, 0, 0);
	}
	invite(w, PHONE);
	world_expire(w, w->env.set.ringing_timeout * 1000ull);
	assert_doors(w, 0, 0);
}

/* Who is called names its Contact in the answer: the request has been seen. */
static void an_answer_from_inside_opens_at_once(void **state)
{
	struct world *w = *state;

	say(w, SERVER, .method = "INVITE");
	say(w, CLIENT, .method = "INVITE", .status = 100, .contact = PHONE);
	assert_doors(w, 0, 0);
	say(w, CLIENT, .method = "INVITE", .status = 180, .to = "b", .contact = PHONE);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	assert_doors(w, 1, 1);
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b", .contact = PHONE);
	assert_doors(w, 1, 1);
	say(w, SERVER, .method = "BYE", .branch = "y", .to = "b");
	say(w, CLIENT, .method = "BYE", .branch = "y", .to = "b", .status = 200);
	assert_doors(w, 0, 0);
	/* An answer to nothing opens nothing, a refusal neither. */
	say(w, CLIENT, .method = "INVITE", .status = 200, .to = "b", .contact = PHONE);
	say(w, SERVER, .method = "INVITE", .branch = "2");
	say(w, CLIENT, .method = "INVITE", .branch = "2", .status = 302, .to = "b",
	    .contact = PHONE);
	assert_doors(w, 0, 0);
}

static void answers_that_open_nothing(void **state)
{
	struct world *w = *state;

	invite(w, PHONE);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .branch = "x");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .id = "x");
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .cseq = 2);
	say(w, SERVER, .method = "INVITE", .status = 200, .to = "b", .from = "x");
	say(w, SERVER, .method = "UPDATE", .status = 200, .to = "b");
	w->conn++;
	answered(w, 200);
	w->conn--;
	assert_doors(w, 1, 0);
	answered(w, 200);
	assert_doors(w, 1, 1);
}

/* A call of a phone that is registered needs no door but that one. */
static void a_call_shares_the_bindings_door(void **state)
{
	struct world *w = *state;

	reg_up(w);
	reg_reconnect(w);
	invite(w, PHONE);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	assert_doors(w, 1, 1);
	answered(w, 200);
	/* The binding goes, the call goes on. */
	world_expire(w, 60000);
	assert_count(w, BINDING_EXPIRED, 1);
	assert_doors(w, 1, 1);
	bye(w);
	assert_doors(w, 0, 0);

	reg_up(w);
	invite(w, PHONE);
	answered(w, 486);
	assert_doors(w, 1, 1);
	world_expire(w, 60000);
	assert_doors(w, 0, 0);
}

/* The binding had no use for a door that the call needs. */
static void a_call_by_udp_shares_a_door_for_tcp(void **state)
{
	struct world *w = *state;

	reg_up(w);
	invite(w, "<sip:alice@10.0.0.5:5060;transport=udp>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5060;transport=udp>\r\n");
	assert_doors(w, 2, 1);
	answered(w, 180);
	assert_doors(w, 2, 2);
}

/* A binding that waits, and a call: whoever is answered first opens it. */
static void a_call_and_a_pending_binding(void **state)
{
	struct world *w = *state;

	ask(w, .contact = PHONE);
	invite(w, PHONE);
	assert_doors(w, 1, 0);
	answer(w, .contact = PUBLIC, .status = 200);
	assert_doors(w, 1, 1);
	answered(w, 486);
	assert_doors(w, 1, 1);
}

static void another_peer_gets_another_door(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->conn++;
	world_map(w, 1, "198.51.100.77:5060", "198.51.100.77:5060");
	invite(w, PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5061>\r\n");
	answered(w, 200);
	assert_doors(w, 2, 2);
	bye(w);
	assert_doors(w, 1, 1);

	/* Where everybody is let in one is enough. */
	w->env.set.signalling_filter = NST_FILTER_ANY;
	world_map(w, 1, "198.51.100.9:5060", "198.51.100.9:5060");
	ask(w, .contact = PHONE, .cseq = 2);
	answer(w, .contact = PUBLIC, .status = 200, .cseq = 2);
	world_map(w, 1, "198.51.100.77:5060", "198.51.100.77:5060");
	invite(w, PHONE);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	assert_doors(w, 1, 1);
}

/* A target refresh (RFC 3261 12.2.1.1, RFC 3311). */
static void a_contact_that_moves(void **state)
{
	static const char *const methods[] = { "INVITE", "UPDATE" };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		invite(w, PHONE);
		answered(w, 200);
		/* It fails: the old one stays, the new one goes. */
		say(w, CLIENT, .method = methods[i], .cseq = 2, .to = "b", .branch = "m",
		    .contact = "<sip:alice@10.0.0.5:5061>");
		assert_out(w, "Contact: <sip:alice@203.0.113.1:5061>\r\n");
		assert_doors(w, 2, 1);
		say(w, SERVER, .method = methods[i], .cseq = 2, .to = "b", .branch = "m",
		    .status = 488);
		assert_doors(w, 1, 1);
		/* The same again, failing too: what an answer confirmed stays. */
		say(w, CLIENT, .method = methods[i], .cseq = 3, .to = "b", .branch = "n",
		    .contact = PHONE);
		say(w, SERVER, .method = methods[i], .cseq = 3, .to = "b", .branch = "n",
		    .status = 500);
		assert_doors(w, 1, 1);
		say(w, CLIENT, .method = methods[i], .cseq = 4, .to = "b", .branch = "o",
		    .contact = "<sip:alice@10.0.0.5:5061>");
		say(w, SERVER, .method = methods[i], .cseq = 4, .to = "b", .branch = "o",
		    .status = 200);
		assert_doors(w, 2, 2);
		/* More than a call has room for. */
		w->env.set.ports[0] = 5099;
		say(w, CLIENT, .method = methods[i], .cseq = 5, .to = "b", .branch = "p",
		    .contact = "<sip:alice@10.0.0.5:5099>");
		assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>\r\n");
		assert_doors(w, 2, 2);
		bye(w);
		assert_doors(w, 0, 0);
	}
}

/* Each request waits for its own answer, each answer speaks for itself. */
static void several_requests_at_once(void **state)
{
	static char list[16000];
	struct world *w = *state;
	int i, n;

	invite(w, PHONE);
	answered(w, 200);
	say(w, CLIENT, .method = "INVITE", .cseq = 2, .to = "b", .branch = "m",
	    .contact = "<sip:alice@10.0.0.5:5061>");
	say(w, CLIENT, .method = "UPDATE", .cseq = 3, .to = "b", .branch = "n");
	say(w, SERVER, .method = "UPDATE", .cseq = 3, .to = "b", .branch = "n", .status = 200);
	assert_doors(w, 2, 1);
	say(w, SERVER, .method = "UPDATE", .from = "b", .to = "a", .branch = "o");
	say(w, CLIENT, .method = "UPDATE", .from = "b", .to = "a", .branch = "o", .status = 200);
	assert_doors(w, 2, 1);
	say(w, CLIENT, .method = "INFO", .cseq = 4, .to = "b", .contact = PHONE);
	say(w, SERVER, .method = "INVITE", .cseq = 2, .to = "b", .branch = "m", .status = 200);
	assert_doors(w, 2, 2);
	/* A message of the call that passes as it is takes nothing away. */
	n = sprintf(list, "UPDATE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK9\r\n"
		    "From: <sip:a@b>;tag=a\r\nTo: <sip:b@c>;tag=b\r\nCall-ID: c1\r\n"
		    "CSeq: 9 UPDATE\r\nContact: " PHONE "\r\n");
	for (i = 0; i < 130; i++)
		n += sprintf(list + n, "%s<sip:a@10.0.0.5:7>", i ? "," : "Route: ");
	n += sprintf(list + n, "\r\nContent-Length: 0\r\n\r\n");
	assert_false(world_send(w, CLIENT, list, (u32)n));
	assert_count(w, MSG_TOO_COMPLEX, 1);
	assert_doors(w, 2, 2);
}

/* Methods that refresh no target (RFC 3261 12.2) take no door either. */
static void other_requests_of_a_call(void **state)
{
	static const char *const methods[] = { "INFO", "PRACK", "BYE", "OPTIONS", "ACK" };
	struct world *w = *state;
	size_t i;

	invite(w, "<sip:alice@10.0.0.5:40000>");
	answered(w, 200);
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		say(w, CLIENT, .method = methods[i], .cseq = 2, .to = "b", .branch = "q",
		    .contact = PHONE);
		assert_doors(w, 0, 0);
	}
}

static void contacts_that_need_no_door(void **state)
{
	static const char *const contacts[] = {
		"<sip:alice@10.0.0.5:40000>", "<sip:alice@10.0.0.6>", "<sip:alice@203.0.113.1>",
		"<sip:alice@phone.example>", "<tel:+1>", "*", "<sip:alice@10.0.0.5:80>",
		"<sip:alice@10.0.0.5:7000>", "", "<sip:alice@[fd00::5]>",
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(contacts); i++) {
		invite(w, contacts[i]);
		assert_doors(w, 0, 0);
		answered(w, 486);
	}
	assert_count(w, CONTACT_NO_DOOR, 2);
	/* Nor do messages without a call. */
	say(w, CLIENT, .method = "OPTIONS", .contact = PHONE);
	say(w, CLIENT, .method = "SUBSCRIBE", .contact = PHONE);
	say(w, CLIENT, .method = "UPDATE", .contact = PHONE);
	say(w, SERVER, .method = "INVITE", .contact = PHONE);
	assert_doors(w, 0, 0);
}

/* What comes back reads as it was written, whatever happened in between. */
static void vias_come_back_as_written(void **state)
{
	static const char *const vias[] = { "10.0.0.5:5060", "10.0.0.5", "10.0.0.5:40000" };
	static const char *const out[] = { ":5060", "", ":40000" };
	struct world *w = *state;
	char via[128], branch[16];
	size_t i;

	/* Without the door, with it reserved, open, and gone. */
	for (i = 0; i < 3; i++) {
		sprintf(branch, "a%zu", i);
		say(w, CLIENT, .method = "OPTIONS", .branch = branch, .via = vias[i]);
		assert_out(w, "TCP 203.0.113.1:40000;branch");
	}
	ask(w, .contact = PHONE, .via = "10.0.0.5:5060", .branch = "r");
	assert_out(w, "TCP 203.0.113.1:5060;branch");
	for (i = 0; i < 3; i++) {
		sprintf(branch, "b%zu", i);
		sprintf(via, "TCP 203.0.113.1%s;branch", out[i]);
		say(w, CLIENT, .method = "OPTIONS", .branch = branch, .via = vias[i]);
		assert_out(w, via);
	}
	answer(w, .contact = PUBLIC ";expires=60", .status = 200, .via = "203.0.113.1:5060",
	       .branch = "r");
	assert_out(w, "TCP 10.0.0.5:5060;branch");
	world_expire(w, 60000);
	assert_doors(w, 0, 0);
	for (i = 0; i < 3; i++) {
		sprintf(branch, "a%zu", i);
		sprintf(via, "TCP %s;branch", vias[i]);
		say(w, SERVER, .method = "OPTIONS", .branch = branch, .status = 200,
		    .via = "203.0.113.1:40000");
		assert_out(w, via);
		sprintf(branch, "b%zu", i);
		say(w, SERVER, .method = "OPTIONS", .branch = branch, .status = 200,
		    .via = i == 2 ? "203.0.113.1:40000" : "203.0.113.1:5060");
		assert_out(w, via);
	}
	/* Another door, another port: each Via is its own. */
	w->taken = 5060;
	ask(w, .contact = PHONE, .via = "10.0.0.5:5060", .cseq = 2, .branch = "s");
	assert_out(w, "TCP 203.0.113.1:5061;branch");
	/* The same branch again, now by the door. */
	say(w, CLIENT, .method = "OPTIONS", .branch = "a0", .via = "10.0.0.5");
	assert_out(w, "TCP 203.0.113.1:5061;branch");
	world_expire(w, 32000);
	world_expire(w, 32000);
	assert_doors(w, 0, 0);
	answer(w, .status = 200, .via = "203.0.113.1:5061", .cseq = 2, .branch = "s");
	assert_out(w, "TCP 10.0.0.5:5060;branch");
	say(w, SERVER, .method = "OPTIONS", .branch = "a0", .status = 200,
	    .via = "203.0.113.1:40000");
	assert_out(w, "TCP 10.0.0.5:5060;branch");
	say(w, SERVER, .method = "OPTIONS", .branch = "a0", .status = 200,
	    .via = "203.0.113.1:5061");
	assert_out(w, "TCP 10.0.0.5;branch");
	/* What was never written so stays. */
	say(w, SERVER, .method = "OPTIONS", .branch = "z", .status = 200,
	    .via = "203.0.113.1:5999");
	assert_out(w, "TCP 203.0.113.1:5999;branch");
}

/* Hundreds may wait for their answers. */
static void very_many_vias(void **state)
{
	struct world *w = *state;
	char branch[16];
	int i;

	for (i = 0; i < 300; i++) {
		if (i == 100)
			reg_up(w);
		sprintf(branch, "v%d", i);
		say(w, CLIENT, .method = "OPTIONS", .branch = branch, .via = "10.0.0.5:5060");
	}
	world_expire(w, 60000);
	for (i = 0; i < 300; i++) {
		sprintf(branch, "v%d", i);
		say(w, SERVER, .method = "OPTIONS", .branch = branch, .status = 200,
		    .via = i < 100 ? "203.0.113.1:40000" : "203.0.113.1:5060");
		assert_out(w, "TCP 10.0.0.5:5060;branch");
	}
}

/* A request for the phone, to the port that the registrar was told. */
static void calls_come_in(struct world *w, const char *uri, const char *becomes)
{
	char line[128];

	snprintf(line, sizeof(line), "INVITE %s SIP/2.0\r\n", becomes);
	say(w, SERVER, .method = "INVITE", .uri = uri, .branch = "in", .id = "in");
	assert_out(w, line);
	say(w, CLIENT, .method = "INVITE", .branch = "in", .id = "in", .status = 486, .to = "b");
}

static void a_call_comes_in(void **state)
{
	struct world *w = *state;

	w->shift = 1000;
	ask(w, .contact = "<sip:alice@10.0.0.5>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:6060>");
	answer(w, .contact = "<sip:alice@203.0.113.1:6060>;expires=600", .status = 200);
	assert_out(w, "Contact: <sip:alice@10.0.0.5>;expires=600");
	/* By the phone's connection, by another of its, and by the door. */
	calls_come_in(w, "sip:alice@203.0.113.1:6060", "sip:alice@10.0.0.5");
	calls_come_in(w, "sip:alice@203.0.113.1:40000", "sip:alice@10.0.0.5:40000");
	/* No port means another one there. */
	calls_come_in(w, "sips:alice@203.0.113.1:6060", "sips:alice@10.0.0.5:5060");
	reg_reconnect(w);
	calls_come_in(w, "sip:alice@203.0.113.1:6060", "sip:alice@10.0.0.5");
	/* Written with its port from now on. */
	ask(w, .contact = PHONE, .cseq = 2);
	calls_come_in(w, "sip:alice@203.0.113.1:6060", "sip:alice@10.0.0.5:5060");
	/* Nobody's port: the request came here all the same. */
	calls_come_in(w, "sip:alice@203.0.113.1:6099", "sip:alice@10.0.0.5:6099");
}

/* Where it listens on the connection's port, the connection remembers. */
static void the_port_of_the_connection(void **state)
{
	struct world *w = *state;

	world_map(w, 0, "10.0.0.5:5060", "203.0.113.1:61000");
	ask(w, .contact = "<sip:alice@10.0.0.5>");
	answer(w, .contact = "<sip:alice@203.0.113.1:61000>;expires=60", .status = 200);
	assert_out(w, "Contact: <sip:alice@10.0.0.5>;expires=60");
	calls_come_in(w, "sip:alice@203.0.113.1:61000", "sip:alice@10.0.0.5");
	world_expire(w, 60000);
	assert_doors(w, 0, 0);
	calls_come_in(w, "sip:alice@203.0.113.1:61000", "sip:alice@10.0.0.5");
}

/* A proxy finds itself in a Route as it wrote the Record-Route. */
static void routes_come_back_as_written(void **state)
{
	static const char text[] = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=1\r\n"
		"From: <sip:a@b>;tag=a\r\nTo: <sip:b@c>;tag=b\r\nCall-ID: c1\r\n"
		"CSeq: 9 OPTIONS\r\n%s: <sip:%s;lr>\r\nContent-Length: 0\r\n\r\n";
	struct world *w = *state;
	char buf[512];
	int i;

	w->shift = 1000;
	ask(w, .contact = PHONE);
	for (i = 0; i < 2; i++) {
		snprintf(buf, sizeof(buf), text, "Record-Route", i ? "10.0.0.5" : "10.0.0.5:5060");
		world_send(w, CLIENT, buf, (u32)strlen(buf));
		assert_out(w, "Record-Route: <sip:203.0.113.1:6060;lr>\r\n");
		snprintf(buf, sizeof(buf), text, "Route", "203.0.113.1:6060");
		world_send(w, SERVER, buf, (u32)strlen(buf));
		assert_out(w, i ? "Route: <sip:10.0.0.5;lr>" : "Route: <sip:10.0.0.5:5060;lr>");
	}
}

static void a_call_comes_in_by_the_door(void **state)
{
	struct world *w = *state;

	w->shift = 1000;
	ask(w, .contact = "<sip:alice@10.0.0.5>");
	answer(w, .contact = "<sip:alice@203.0.113.1:6060>;expires=600", .status = 200);
	w->conn++;
	memset(&w->map, 0, sizeof(w->map));
	world_map(w, 0, "198.51.100.9:33333", "198.51.100.9:33333");
	world_map(w, 1, "10.0.0.5:5060", "203.0.113.1:6060");
	/* The registrar is the client of this connection. */
	say(w, 0, .method = "INVITE", .uri = "sip:alice@203.0.113.1:6060",
	    .contact = "<sip:bob@198.51.100.9>", .sdp = ANSWER);
	assert_out(w, "INVITE sip:alice@10.0.0.5 SIP/2.0\r\n");
	assert_out(w, "Contact: <sip:bob@198.51.100.9>\r\n");
	say(w, 1, .method = "INVITE", .status = 200, .to = "b", .contact = PHONE, .sdp = OFFER);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:6060>\r\n");
	assert_out(w, "c=IN IP4 203.0.113.1\r\n");
	/* Its own port there is the door's: no other is needed. */
	assert_doors(w, 3, 3);
	say(w, 1, .method = "BYE", .branch = "y", .from = "b", .to = "a", .via = "10.0.0.5");
	assert_out(w, "TCP 203.0.113.1:6060;branch");
	say(w, 0, .method = "BYE", .branch = "y", .from = "b", .to = "a", .status = 200,
	    .via = "203.0.113.1:6060");
	assert_out(w, "TCP 10.0.0.5;branch");
	assert_doors(w, 1, 1);
}

/* Requests within the dialog still come in by it when the binding is gone. */
static void a_call_keeps_the_door_that_it_came_by(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->conn++;
	memset(&w->map, 0, sizeof(w->map));
	world_map(w, 0, "198.51.100.9:33333", "198.51.100.9:33333");
	world_map(w, 1, "10.0.0.5:5060", "203.0.113.1:5060");
	say(w, 0, .method = "INVITE", .uri = "sip:alice@203.0.113.1:5060");
	say(w, 1, .method = "INVITE", .status = 200, .to = "b", .contact = PHONE);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	world_expire(w, 60000);
	assert_count(w, BINDING_EXPIRED, 1);
	assert_doors(w, 1, 1);
	say(w, 0, .method = "BYE", .branch = "y", .to = "b");
	say(w, 1, .method = "BYE", .branch = "y", .to = "b", .status = 200);
	assert_doors(w, 0, 0);
}

/* Whose port it is decides, not the address that all of them share. */
static void the_neighbours_door_stays(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->conn++;
	memset(&w->map.alias, 0, sizeof(w->map.alias));
	world_map(w, 0, "10.0.0.6:40000", "203.0.113.1:40001");
	say(w, SERVER, .method = "INVITE", .contact = PUBLIC);
	assert_out(w, "Contact: " PUBLIC "\r\n");
	say(w, SERVER, .method = "OPTIONS", .branch = "2", .via = "203.0.113.1:5060");
	assert_out(w, "TCP 203.0.113.1:5060;branch");
	say(w, CLIENT, .method = "OPTIONS", .branch = "3", .contact = PUBLIC, .via = "10.0.0.6");
	assert_out(w, "Contact: " PUBLIC "\r\n");
	assert_out(w, "TCP 203.0.113.1:40001;branch");
}

/* The text of a port that its connection's peer may not use. */
static void a_door_for_somebody_else(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->conn++;
	world_map(w, 1, "198.51.100.77:5060", "198.51.100.77:5060");
	say(w, CLIENT, .method = "OPTIONS", .contact = PHONE, .via = "10.0.0.5:5060");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>\r\n");
	assert_out(w, "TCP 203.0.113.1:40000;branch");
	/* But who names it means it. */
	calls_come_in(w, "sip:alice@203.0.113.1:5060", "sip:alice@10.0.0.5:5060");
}

static void settings_change(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->env.set.contact = NST_CONTACT_CONNECTION;
	invite(w, PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>\r\n");
	answered(w, 486);
	calls_come_in(w, "sip:alice@203.0.113.1:5060", "sip:alice@10.0.0.5:5060");
	w->env.set.contact = NST_CONTACT_DOOR;
	w->env.set.signalling_filter = NST_FILTER_OFF;
	invite(w, PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>\r\n");
	assert_doors(w, 1, 1);
}

/* A message that passes as it is has named nothing. */
static void a_message_that_passes_unchanged(void **state)
{
	static char list[16000];
	struct world *w = *state;
	int i, n;

	n = sprintf(list, "INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\n"
		    "From: <sip:a@b>;tag=a\r\nTo: <sip:b@c>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
		    "Contact: " PHONE "\r\n");
	for (i = 0; i < 130; i++)
		n += sprintf(list + n, "%s<sip:a@10.0.0.5:7>", i ? "," : "Route: ");
	n += sprintf(list + n, "\r\nContent-Length: 0\r\n\r\n");
	assert_false(world_send(w, CLIENT, list, (u32)n));
	assert_count(w, MSG_TOO_COMPLEX, 1);
	assert_doors(w, 0, 0);
	answered(w, 180);
	assert_doors(w, 0, 0);
}

static void long_talk(struct world *w)
{
	ask(w, .contact = PHONE);
	answer(w, .contact = PUBLIC ";expires=60", .status = 200);
	invite(w, PHONE);
	answered(w, 200);
	reg_reconnect(w);
	say(w, CLIENT, .method = "INVITE", .cseq = 2, .to = "b", .branch = "m",
	    .contact = "<sip:alice@10.0.0.5:5061;transport=udp>", .sdp = OFFER);
	say(w, SERVER, .method = "INVITE", .cseq = 2, .to = "b", .branch = "m", .status = 200,
	    .sdp = ANSWER);
	world_expire(w, 60000);
	bye(w);
	say(w, SERVER, .method = "INVITE", .id = "c2");
	say(w, CLIENT, .method = "INVITE", .id = "c2", .status = 200, .to = "b",
	    .contact = PHONE);
	world_expire(w, 24 * 3600 * 1000ull);
	assert_doors(w, 0, 0);
}

static void any_allocation_may_fail(void **state)
{
	(void)state;
	each_allocation_fails(long_talk);
}

static void one_port_is_missing(struct world *w)
{
	assert_int_equal(w->count[NST_R_CONTACT_NO_DOOR] + w->count[NST_R_SDP_NO_PORT], 1);
}

static void any_reservation_may_fail(void **state)
{
	(void)state;
	each_reservation_fails(long_talk, 5, one_port_is_missing);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(a_call_has_its_own_door),
		case_of(a_call_that_fails_gives_it_back),
		case_of(an_answer_from_inside_opens_at_once),
		case_of(answers_that_open_nothing),
		case_of(a_call_shares_the_bindings_door),
		case_of(a_call_by_udp_shares_a_door_for_tcp),
		case_of(a_call_and_a_pending_binding),
		case_of(another_peer_gets_another_door),
		case_of(a_contact_that_moves),
		case_of(several_requests_at_once),
		case_of(other_requests_of_a_call),
		case_of(contacts_that_need_no_door),
		case_of(vias_come_back_as_written),
		case_of(very_many_vias),
		case_of(a_call_comes_in),
		case_of(the_port_of_the_connection),
		case_of(routes_come_back_as_written),
		case_of(a_call_comes_in_by_the_door),
		case_of(a_call_keeps_the_door_that_it_came_by),
		case_of(the_neighbours_door_stays),
		case_of(a_door_for_somebody_else),
		case_of(settings_change),
		case_of(a_message_that_passes_unchanged),
		case_of(any_allocation_may_fail),
		case_of(any_reservation_may_fail),
	};

	return cmocka_run_group_tests_name("contact", tests, NULL, NULL);
}
