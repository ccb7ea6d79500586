// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat: settings from the module and to it, and what it says of refusals.
 */
#include "test_tool.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "set.h"
#include "settings.h"

/* --- settings --- */

static void test_settings_as_text(void **state)
{
	struct settings_view v = { .tool = &tool };

	(void)state;
	settings_print(some_settings(), &v);
	assert_printed("NAME               VALUE           UNIT\n"
		       "ports              none            -\n"
		       "debug              on              -\n"
		       "ack_delay          10              ms\n"
		       "signal_ports       5060-5061,5080  -\n"
		       "door_public_ports  any             -\n"
		       "attr-300           00000001        hex\n");
}

static void test_settings_as_json(void **state)
{
	struct settings_view v = { .tool = &tool };

	(void)state;
	tool.json = true;
	settings_print(some_settings(), &v);
	assert_printed("{\n  \"ports\": [],\n  \"debug\": true,\n  \"ack_delay\": 10,\n"
		       "  \"signal_ports\": [{\"first\": 5060, \"last\": 5061}, "
		       "{\"first\": 5080, \"last\": 5080}],\n"
		       "  \"door_public_ports\": [],\n  \"attr-300\": \"00000001\"\n}\n");
}

static void test_settings_that_are_asked_for(void **state)
{
	char *names[] = { "ack-delay", "mem_max" };
	struct settings_view v = { .tool = &tool, .argc = 2, .argv = names };

	(void)state;
	settings_print(some_settings(), &v);
	assert_printed("NAME       VALUE  UNIT\nack_delay  10     ms\n");
	assert_string_equal(v.missing, "mem_max");
}

/* What is printed can be set: the same attributes come of it. */
static void test_settings_round_trip(void **state)
{
	static const char *const values[][2] = {
		{ "ports", "5060,5080" }, { "ports", "none" }, { "debug", "off" },
		{ "mem_total", "99999999999" }, { "media_filter", "peer-port" },
		{ "media_hosts", "192.0.2.0/24,2001:db8::5" }, { "media_hosts", "none" },
		{ "door_deny", "0-1023,65535" }, { "door_public_ports", "any" },
		{ "signalling_filter", "2" },
	};
	const struct setting *s;
	struct nlmsghdr *msg;
	struct set set;
	const void *attrs;
	char *argv[2], *text;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		argv[0] = (char *)values[i][0];
		argv[1] = (char *)values[i][1];
		msg = begin(SIPNAT_CMD_SETTINGS_SET);
		assert_int_equal(set_read(&set, 2, argv), EXIT_DONE);
		assert_int_equal(set_put(&set, msg), EXIT_DONE);
		s = setting_find(values[i][0]);
		attrs = genl_attrs(msg, &len);
		text = setting_text(s, attrs, len);
		assert_string_equal(text, values[i][1]);
		free(text);
	}
}

static uint64_t value_set(const char *name, const char *value)
{
	char *argv[2] = { (char *)name, (char *)value };
	struct nlmsghdr *msg = begin(SIPNAT_CMD_SETTINGS_SET);
	struct set set;

	assert_int_equal(set_read(&set, 2, argv), EXIT_DONE);
	assert_int_equal(set_put(&set, msg), EXIT_DONE);
	assert_int_equal(mnl_nlmsg_get_payload_len(msg), GENL_HDRLEN + MNL_ATTR_HDRLEN +
			 MNL_ALIGN(setting_find(name)->value == &value_u64 ? 8 : 4));
	return mnl_attr_get_u32(mnl_nlmsg_get_payload_offset(msg, GENL_HDRLEN));
}

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(value_set("hold_timeout", "32s"), 32000);
	assert_int_equal(value_set("hold_timeout", "1m"), 60000);
	assert_int_equal(value_set("call_timeout", "12h"), 43200);
	assert_int_equal(value_set("media_idle", "300"), 300);
	assert_int_equal(value_set("body_max", "40k"), 40960);
	assert_int_equal(value_set("mem_max", "64M"), 67108864);
}

/* --- refusals --- */

/* stderr while it is taken down */
static int heard = -1, spoken = -1;

static void listen_to_stderr(void)
{
	fflush(stderr);
	spoken = dup(2);
	heard = memfd_create("stderr", 0);
	assert_true(spoken >= 0 && heard >= 0 && dup2(heard, 2) == 2);
}

static void assert_said(const char *wanted)
{
	char text[1024];
	ssize_t len;

	fflush(stderr);
	dup2(spoken, 2);
	len = pread(heard, text, sizeof(text) - 1, 0);
	close(heard);
	close(spoken);
	assert_true(len >= 0);
	text[len] = 0;
	assert_string_equal(text, wanted);
}

static void put_two(struct set *set)
{
	char *argv[] = { "signal_ports", "5060-5061,5080", "ack_delay", "99999" };

	assert_int_equal(set_read(set, 4, argv), EXIT_DONE);
	assert_int_equal(set_put(set, begin(SIPNAT_CMD_SETTINGS_SET)), EXIT_DONE);
}

static void test_refused_value_is_named(void **state)
{
	struct refusal r = { .error = ERANGE, .text = "integer out of range" };
	struct set set;

	(void)state;
	put_two(&set);
	r.offset = set.pair[1].offset;
	r.has_range = true;
	r.max = 10000;
	listen_to_stderr();
	assert_int_equal(set_refused(&set, &r), EXIT_KERNEL);
	assert_said("sipnat: set ack_delay 99999: integer out of range\n"
		    "sipnat: allowed are 0 to 10000 (ms)\n"
		    "sipnat: nothing was changed\n");
	/* within the second range of the list */
	r = (struct refusal){ .error = EINVAL, .offset = set.pair[0].offset + 28 };
	listen_to_stderr();
	set_refused(&set, &r);
	assert_said("sipnat: set signal_ports 5060-5061,5080: Invalid argument\n"
		    "sipnat: nothing was changed\n");
}

static void test_setting_that_the_module_lacks(void **state)
{
	struct refusal r = { .error = EINVAL, .text = "Unknown attribute type" };
	struct set set;

	(void)state;
	put_two(&set);
	r.offset = set.pair[0].offset;
	listen_to_stderr();
	assert_int_equal(set_refused(&set, &r), EXIT_KERNEL);
	assert_said("sipnat: set signal_ports: the module that is loaded has no such setting\n"
		    "sipnat: it is older than this tool; nothing was changed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_settings_as_text),
		TEST(test_settings_as_json),
		TEST(test_settings_that_are_asked_for),
		TEST(test_settings_round_trip),
		TEST(test_units),
		TEST(test_refused_value_is_named),
		TEST(test_setting_that_the_module_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
