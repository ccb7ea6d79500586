// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations: which Contacts of a REGISTER get which doors.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/contact.h>

#include "reg.h"

#define OTHERS "<sip:a@192.0.2.1>, <sip:a@b.example>;expires=7, <tel:+1>, <sip:a@10.0.0.6>"

static void several_contacts(void **state)
{
	struct world *w = *state;

	ask(w, .contact = PHONE ";expires=60, \"a, b\" <sip:alice@10.0.0.5:5061>",
	    .more = OTHERS, .expires = "90");
	assert_out(w, PUBLIC ";expires=60, \"a, b\" <sip:alice@203.0.113.1:5061>\r\n");
	assert_out(w, "Contact: " OTHERS "\r\n");
	assert_doors(w, 2, 0);
	assert_int_equal(w->trace[NST_TRACE_REGISTER].n[1], 2);
	answer(w, .contact = "<sip:a@192.0.2.1>;expires=500, " PUBLIC,
	       .more = "<sip:alice@203.0.113.1:5061>;expires=10", .status = 200);
	assert_int_equal(w->trace[NST_TRACE_REGISTER].n[1], 0);
	assert_doors(w, 2, 2);
	world_expire(w, 10000);
	assert_doors(w, 1, 1);
	assert_null(world_door(w, "10.0.0.5:5061"));
	world_expire(w, 50000);
	assert_doors(w, 0, 0);
}

/* One value removes what another one asks for: the same binding is meant. */
static void a_contact_named_twice(void **state)
{
	struct world *w = *state;

	reg_up(w);
	ask(w, .contact = PHONE ";expires=0, " PHONE ";x", .cseq = 2);
	answer(w, .contact = PUBLIC, .status = 200, .cseq = 2);
	assert_doors(w, 1, 1);
	ask(w, .contact = PHONE ";x, " PHONE ";expires=0", .cseq = 3);
	answer(w, .contact = PUBLIC, .status = 200, .cseq = 3);
	assert_doors(w, 1, 1);
	assert_count(w, BINDING_NEW, 1);
}

/* Two users at one endpoint: each has its own time, the door the longer one. */
static void users_are_told_apart(void **state)
{
	struct world *w = *state;

	ask(w, .contact = PHONE ", <sip:x@10.0.0.5:5060>");
	answer(w, .contact = PUBLIC ";expires=60, <sip:x@203.0.113.1:5060>;expires=20",
	       .status = 200);
	assert_doors(w, 1, 1);
	world_expire(w, 20000);
	assert_count(w, BINDING_EXPIRED, 1);
	assert_doors(w, 1, 1);
	world_expire(w, 40000);
	assert_doors(w, 0, 0);
	/* One of them goes. */
	ask(w, .contact = PHONE ", <sip:x@10.0.0.5:5060>");
	answer(w, .contact = PUBLIC ",<sip:x@203.0.113.1:5060>;expires=600", .status = 200);
	ask(w, .contact = PHONE ";expires=0", .cseq = 2);
	answer(w, .contact = "<sip:x@203.0.113.1:5060>", .status = 200, .cseq = 2);
	assert_int_equal(w->env.bindings->nr, 1);
	world_expire(w, 599999);
	assert_doors(w, 1, 1);
	world_expire(w, 1);
	assert_doors(w, 0, 0);
	/* A registrar that spells the user in another way. */
	ask(w, .contact = PHONE);
	answer(w, .contact = "<sip:%61lice@203.0.113.1>;expires=9", .status = 200);
	assert_doors(w, 1, 1);
}

static void two_aors_share_a_door(void **state)
{
	struct world *w = *state;

	reg_up(w);
	ask(w, .contact = PHONE, .aor = "sip:bob@example.com", .id = "r2");
	answer(w, .contact = PUBLIC ";expires=90", .aor = "sip:bob@example.com", .id = "r2",
	       .status = 200);
	assert_doors(w, 1, 1);
	assert_count(w, BINDING_NEW, 2);
	/* The same user somewhere else, by the same registrar. */
	ask(w, .contact = PHONE, .aor = "sip:alice@example.net");
	answer(w, .contact = PUBLIC, .aor = "sip:alice@example.net", .status = 200);
	assert_int_equal(w->env.bindings->nr, 3);
	ask(w, .contact = "*", .expires = "0", .aor = "sip:alice@example.net", .cseq = 2);
	answer(w, .aor = "sip:alice@example.net", .status = 200, .cseq = 2);
	assert_int_equal(w->env.bindings->nr, 2);
	ask(w, .contact = "*", .expires = "0", .cseq = 2);
	answer(w, .status = 200, .cseq = 2);
	assert_doors(w, 1, 1);
	world_expire(w, 90000);
	assert_doors(w, 0, 0);
}

/* Who may connect differs, so the public port does. */
static void another_registrar(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->conn++;
	world_map(w, 1, "198.51.100.77:5060", "198.51.100.77:5060");
	ask(w, .contact = PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5061>\r\n");
	answer(w, .contact = "<sip:alice@203.0.113.1:5061>;expires=60", .status = 200);
	assert_out(w, "Contact: " PHONE ";expires=60\r\n");
	assert_doors(w, 2, 2);
	assert_string_equal("198.51.100.77",
			    (addr_format(w->out, &world_public(w, NST_TCP, "203.0.113.1:5061")
					 ->filter.addr), w->out));
	/* Nothing of the first one is this one's to remove. */
	ask(w, .contact = "*", .expires = "0", .cseq = 2);
	answer(w, .status = 200, .cseq = 2);
	assert_doors(w, 1, 1);
	assert_filter(w, "10.0.0.5:5060", REGISTRAR);
}

static void who_may_connect(void **state)
{
	struct world *w = *state;

	w->env.set.signalling_filter = NST_FILTER_ANY;
	reg_up(w);
	assert_filter(w, "10.0.0.5:5060", "");
	ask(w, .contact = "*", .expires = "0", .cseq = 2);
	answer(w, .status = 200, .cseq = 2);

	/* Narrow first, then for everybody. */
	w->env.set.signalling_filter = NST_FILTER_PEER;
	reg_up(w);
	assert_filter(w, "10.0.0.5:5060", REGISTRAR);
	w->env.set.signalling_filter = NST_FILTER_ANY;
	ask(w, .contact = PHONE, .cseq = 2);
	assert_filter(w, "10.0.0.5:5060", REGISTRAR);
	answer(w, .contact = PUBLIC, .status = 200, .cseq = 2);
	assert_filter(w, "10.0.0.5:5060", "");
	assert_doors(w, 1, 1);

	/* Who asks for a filter does not share with everybody. */
	w->env.set.signalling_filter = NST_FILTER_PEER;
	ask(w, .contact = PHONE, .cseq = 3);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5061>\r\n");
	assert_doors(w, 2, 1);
}

static void no_door_by_choice(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 2; i++) {
		w->env.set.signalling_filter = i ? NST_FILTER_OFF : NST_FILTER_PEER;
		w->env.set.contact = i ? NST_CONTACT_DOOR : NST_CONTACT_CONNECTION;
		ask(w, .contact = PHONE);
		assert_out(w, "Contact: <sip:alice@203.0.113.1:40000>\r\n");
		answer(w, .contact = "<sip:alice@203.0.113.1:40000>", .status = 200);
		assert_out(w, "Contact: " PHONE "\r\n");
		assert_int_equal(w->reserves, 0);
	}
	assert_count(w, CONTACT_NO_DOOR, 0);
	assert_count(w, BINDING_NEW, 0);
}

/* Where a door may lead (P3). */
static void ports_that_may_listen(void **state)
{
	static const struct {
		const char *contact;
		bool door;
	} cases[] = {
		{ "<sip:a@10.0.0.5>", true }, { "<sip:a@10.0.0.5:5061>", true },
		{ "<sips:a@10.0.0.5>", true }, { "<sip:a@10.0.0.5:8000>", true },
		{ "<sip:a@10.0.0.5:5070>", true }, { "<sip:a@10.0.0.5:40000>", true },
		{ "<sip:a@10.0.0.5:5062>", false }, { "<sip:a@10.0.0.5:5071>", false },
		{ "<sip:a@10.0.0.5:80>", false }, { "<sip:a@10.0.0.5:22>", false },
		{ "<sip:a@10.0.0.5:40001>", false }, { "<sip:a@10.0.0.5:65535>", false },
		{ "<sip:a@10.0.0.6:5060>", false }, { "<sip:a@203.0.113.1:5060>", false },
	};
	struct world *w = *state;
	size_t i;

	w->env.set.ports[0] = 8000;
	w->env.set.signal_ports.range[1] = 5070u << 16 | 5070;
	w->env.set.signal_ports.range[2] = 22u << 16 | 100;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ask(w, .contact = cases[i].contact);
		if (world_ports(w, false) != cases[i].door)
			fail_msg("%s: %u doors", cases[i].contact, world_ports(w, false));
		answer(w, .status = 403);
		world_expire(w, 32000);
		assert_doors(w, 0, 0);
	}
	assert_count(w, CONTACT_NO_DOOR, 6);
}

/* It listens where it connects from: the text tells the connection's port. */
static void the_port_of_the_connection(void **state)
{
	struct world *w = *state;

	world_map(w, 0, "10.0.0.5:5060", "203.0.113.1:61000");
	ask(w, .contact = PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:61000>\r\n");
	assert_doors(w, 1, 0);
	assert_non_null(world_public(w, NST_TCP, "203.0.113.1:61000"));
	answer(w, .contact = "<sip:alice@203.0.113.1:61000>;expires=60", .status = 200);
	assert_out(w, "Contact: " PHONE ";expires=60\r\n");
	assert_doors(w, 1, 1);
	/* Another connection has another port, and the old one still works. */
	w->conn++;
	world_map(w, 0, "10.0.0.5:5060", "203.0.113.1:62000");
	ask(w, .contact = PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:62000>\r\n");
	answer(w, .contact = "<sip:alice@203.0.113.1:62000>,<sip:alice@203.0.113.1:61000>",
	       .status = 200);
	assert_out(w, "Contact: " PHONE "," PHONE "\r\n");
	assert_doors(w, 2, 2);
	/* One that is taken: no door, and the text is the same. */
	w->conn++;
	world_map(w, 0, "10.0.0.5:5060", "203.0.113.1:63000");
	w->taken = 63000;
	ask(w, .contact = PHONE);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:63000>\r\n");
	assert_doors(w, 2, 2);
	assert_count(w, CONTACT_NO_DOOR, 0);
}

/* N14: the port is somebody else's outside. */
static void a_public_port_that_is_taken(void **state)
{
	struct world *w = *state;

	w->taken = 5060;
	ask(w, .contact = "<sip:alice@10.0.0.5>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5061>\r\n");
	answer(w, .contact = "<sip:alice@203.0.113.1:5061>", .status = 200);
	assert_out(w, "Contact: <sip:alice@10.0.0.5>\r\n");
	assert_doors(w, 1, 1);
	assert_filter(w, "10.0.0.5:5060", REGISTRAR);
}

static void contacts_by_udp(void **state)
{
	struct world *w = *state;

	ask(w, .contact = "<sip:alice@10.0.0.5;transport=UDP>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1;transport=UDP>\r\n");
	assert_doors(w, 2, 0);
	assert_int_equal(w->trace[NST_TRACE_REGISTER].n[1], 2);
	assert_non_null(world_public(w, NST_UDP, "203.0.113.1:5060"));
	assert_non_null(world_public(w, NST_TCP, "203.0.113.1:5060"));
	answer(w, .contact = PUBLIC, .status = 200);
	assert_doors(w, 2, 2);
	ask(w, .contact = PHONE ";expires=0", .cseq = 2);
	answer(w, .status = 200, .cseq = 2);
	assert_doors(w, 0, 0);

	/* It comes later: the door that is there grows. */
	reg_up(w);
	ask(w, .contact = "<sip:alice@10.0.0.5:5060;transport=udp>", .cseq = 2);
	assert_doors(w, 2, 1);
	assert_int_equal(w->trace[NST_TRACE_REGISTER].n[1], 1);
	answer(w, .contact = PUBLIC, .status = 200, .cseq = 2);
	assert_doors(w, 2, 2);
	ask(w, .contact = "<sip:alice@10.0.0.5:5060;transport=udp>", .cseq = 3);
	assert_doors(w, 2, 2);
	assert_count(w, CONTACT_NO_DOOR, 0);
}

/* No port means that of sips: (RFC 3261 19.1.2). */
static void contacts_by_tls(void **state)
{
	struct world *w = *state;

	ask(w, .contact = "<sip:alice@10.0.0.5;transport=TLS>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1;transport=TLS>\r\n");
	assert_non_null(world_door(w, "10.0.0.5:5061"));
	assert_non_null(world_public(w, NST_TCP, "203.0.113.1:5061"));
	answer(w, .contact = "<sip:alice@203.0.113.1:5061;transport=tls>", .status = 200);
	assert_out(w, "Contact: <sip:alice@10.0.0.5;transport=tls>\r\n");
	assert_doors(w, 1, 1);
}

/* Both transports at one port, or no door. */
static void contacts_by_udp_that_get_no_port(void **state)
{
	struct world *w = *state;

	w->fail_reserve = 2;
	w->reserve_error = -EADDRINUSE;
	ask(w, .contact = "<sip:alice@10.0.0.5:5060;transport=udp>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000;transport=udp>\r\n");
	assert_doors(w, 0, 0);
	assert_count(w, CONTACT_NO_DOOR, 1);
	assert_count(w, BINDING_NEW, 0);

	reg_up(w);
	w->fail_reserve = w->reserves + 1;
	ask(w, .contact = "<sip:alice@10.0.0.5:5060;transport=udp>", .cseq = 2);
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5060;transport=udp>\r\n");
	assert_doors(w, 1, 1);
	assert_count(w, CONTACT_NO_DOOR, 2);
}

/* A UDP port that is free is not enough: it must be that of TCP. */
static void contacts_by_udp_that_get_another_port(void **state)
{
	struct world *w = *state;

	say(w, CLIENT, .method = "INVITE",
	    .sdp = talk_sdp("10.0.0.5", "m=image 5060 udptl t38\n"));
	assert_doors(w, 1, 0);
	ask(w, .contact = "<sip:alice@10.0.0.5:5060;transport=udp>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:40000;transport=udp>\r\n");
	assert_doors(w, 1, 0);
}

/* Nobody's registration touches another host's. */
static void hosts_are_told_apart(void **state)
{
	struct world *w = *state;

	reg_up(w);
	w->conn++;
	world_map(w, 0, "10.0.0.6:40000", "203.0.113.1:40001");
	ask(w, .contact = "*", .expires = "0");
	answer(w, .status = 200);
	ask(w, .contact = PHONE ";expires=0");
	answer(w, .status = 200);
	assert_doors(w, 1, 1);
	ask(w, .contact = "<sip:alice@10.0.0.6:5060>");
	assert_out(w, "Contact: <sip:alice@203.0.113.1:5061>\r\n");
	/* What leads to the other host is no business of this one. */
	answer(w, .contact = PUBLIC ", <sip:alice@203.0.113.1:5061>", .status = 200);
	assert_out(w, "Contact: " PUBLIC ", <sip:alice@10.0.0.6:5060>\r\n");
	assert_doors(w, 2, 2);
}

/* Eight Contacts of a message are enough for any phone. */
static void very_many_contacts(void **state)
{
	static char list[8192];
	struct world *w = *state;
	int i, n = 0;

	w->env.set.signal_ports.range[0] = 5000u << 16 | 6000;
	for (i = 0; i < 40; i++)
		n += sprintf(list + n, "%s<sip:alice@10.0.0.5:%d>", i ? "," : "", 5060 + i);
	ask(w, .contact = list);
	assert_doors(w, 8, 0);
	assert_out(w, "<sip:alice@203.0.113.1:5067>,<sip:alice@203.0.113.1:40000>");
}

/* What is asked for has a limit, what is given back has none. */
static void very_many_removals(void **state)
{
	static char list[8192];
	struct world *w = *state;
	char one[64], out[64];
	int i, n = 0;

	w->env.set.signal_ports.range[0] = 5000u << 16 | 6000;
	for (i = 0; i < 10; i++) {
		sprintf(one, "<sip:alice@10.0.0.5:%d>", 5060 + i);
		sprintf(out, "<sip:alice@203.0.113.1:%d>", 5060 + i);
		ask(w, .contact = one, .cseq = i + 1);
		answer(w, .contact = out, .status = 200, .cseq = i + 1);
		n += sprintf(list + n, "%s%s;expires=0", i ? "," : "", one);
	}
	assert_doors(w, 10, 10);
	ask(w, .contact = list, .cseq = 20);
	answer(w, .status = 200, .cseq = 20);
	assert_doors(w, 0, 0);
}

/* A message that cannot be changed as a whole has asked for nothing. */
static void a_message_that_passes_unchanged(void **state)
{
	static char list[16000];
	struct world *w = *state;
	int i, n;

	reg_up(w);
	n = sprintf(list, PHONE ", <sip:alice@10.0.0.5:5061>");
	for (i = 0; i < 300; i++)
		n += sprintf(list + n, ",<sip:a@10.0.0.5:7>");
	ask(w, .contact = list, .cseq = 2);
	assert_count(w, MSG_TOO_COMPLEX, 1);
	assert_doors(w, 1, 1);
	assert_int_equal(w->env.bindings->nr, 1);
	answer(w, .status = 200, .cseq = 2);
	assert_doors(w, 1, 1);
}

static void ipv6(void **state)
{
	struct world *w = *state;

	world_map(w, 0, "[fd00::5]:40000", "[2001:db8::1]:40000");
	world_map(w, 1, "[2001:db8:9::9]:5060", "[2001:db8:9::9]:5060");
	ask(w, .contact = "<sip:a@[FD00:0::5]:5060>");
	assert_out(w, "Contact: <sip:a@[2001:db8::1]:5060>\r\n");
	answer(w, .contact = "<sip:a@[2001:DB8::1]>;expires=60", .status = 200);
	assert_out(w, "Contact: <sip:a@[fd00::5]:5060>;expires=60\r\n");
	assert_doors(w, 1, 1);
	assert_filter(w, "[fd00::5]:5060", "[2001:db8:9::9]");
}

/* Registrar and phone both behind addresses of ours. */
static void both_ends_translated(void **state)
{
	struct world *w = *state;

	world_map(w, 0, "10.0.30.2:27901", "64.100.0.10:4401");
	world_map(w, 1, "10.0.10.2:5060", "64.100.0.10:7003");
	ask(w, .contact = "<sip:a@10.0.30.2:5060>");
	assert_out(w, "Contact: <sip:a@64.100.0.10:5060>\r\n");
	answer(w, .contact = "<sip:a@64.100.0.10:5060>;expires=60", .status = 200);
	assert_out(w, "Contact: <sip:a@10.0.30.2:5060>;expires=60\r\n");
	assert_filter(w, "10.0.30.2:5060", "10.0.10.2");
}

/* To URIs that are no SIP URIs, or name the phone itself. */
static void unusual_addresses_of_record(void **state)
{
	static const char *const ask_aor[] = {
		"tel:+15551234", "sip:10.0.0.5", "sip:alice@10.0.0.5:40000",
	};
	static const char *const answer_aor[] = {
		"tel:+15551234", "sip:203.0.113.1", "sip:alice@203.0.113.1:40000",
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ask_aor); i++) {
		ask(w, .contact = PHONE, .aor = ask_aor[i]);
		answer(w, .contact = PUBLIC ";expires=60", .aor = answer_aor[i], .status = 200);
		if (world_ports(w, true) != 1)
			fail_msg("%s is not registered", ask_aor[i]);
		ask(w, .contact = "*", .expires = "0", .aor = ask_aor[i], .cseq = 2);
		answer(w, .aor = answer_aor[i], .status = 200, .cseq = 2);
		assert_doors(w, 0, 0);
	}
	/* None that can be read. */
	ask(w, .contact = PHONE, .aor = "x");
	assert_doors(w, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		case_of(several_contacts),
		case_of(a_contact_named_twice),
		case_of(users_are_told_apart),
		case_of(two_aors_share_a_door),
		case_of(another_registrar),
		case_of(who_may_connect),
		case_of(no_door_by_choice),
		case_of(ports_that_may_listen),
		case_of(the_port_of_the_connection),
		case_of(a_public_port_that_is_taken),
		case_of(contacts_by_udp),
		case_of(contacts_by_tls),
		case_of(contacts_by_udp_that_get_no_port),
		case_of(contacts_by_udp_that_get_another_port),
		case_of(hosts_are_told_apart),
		case_of(very_many_contacts),
		case_of(very_many_removals),
		case_of(a_message_that_passes_unchanged),
		case_of(ipv6),
		case_of(both_ends_translated),
		case_of(unusual_addresses_of_record),
	};

	return cmocka_run_group_tests_name("register", tests, NULL, NULL);
}
