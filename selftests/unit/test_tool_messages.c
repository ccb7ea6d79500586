// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat: messages of the module as text and JSON, those of another version
 * and broken ones included.
 */
#include "test_tool.h"

#include "memory.h"
#include "monitor.h"
#include "noun.h"
#include "settings.h"
#include "stats.h"

/* --- records --- */

static void put_endpoint(struct nlmsghdr *msg, uint16_t type, const char *ip, size_t len, int port)
{
	struct nlattr *nest = mnl_attr_nest_start(msg, type);

	mnl_attr_put(msg, SIPNAT_A_ENDPOINT_ADDRESS, len, ip);
	if (port)
		mnl_attr_put_u16(msg, SIPNAT_A_ENDPOINT_PORT, (uint16_t)port);
	mnl_attr_nest_end(msg, nest);
}

static void print_records(const struct noun *n, const struct nlmsghdr *msg)
{
	struct json json = { .out = tool.out };
	struct records r = {
		.fields = n->fields, .columns = n->columns, .details = tool.details,
		.json = tool.json ? &json : NULL,
	};
	const void *attrs;
	size_t len;

	if (msg) {
		attrs = genl_attrs(msg, &len);
		records_add(&r, attrs, len);
	}
	records_end(&r, tool.out, true);
}

static struct nlmsghdr *a_door(void)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_DOOR_NTF);

	mnl_attr_put_u8(msg, SIPNAT_A_DOOR_TRANSPORT, 17);
	mnl_attr_put_u16(msg, SIPNAT_A_DOOR_ZONE, 0);
	put_endpoint(msg, SIPNAT_A_DOOR_INSIDE, "\x0a\0\0\5", 4, 4000);
	put_endpoint(msg, SIPNAT_A_DOOR_PUBLIC, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, 4002);
	put_endpoint(msg, SIPNAT_A_DOOR_FILTER, "\xc0\0\2\1", 4, 0);
	mnl_attr_put_u8(msg, SIPNAT_A_DOOR_STATE, SIPNAT_DOOR_OPEN);
	mnl_attr_put_u8(msg, SIPNAT_A_DOOR_KIND, SIPNAT_DOOR_KIND_MEDIA);
	mnl_attr_put_u32(msg, SIPNAT_A_DOOR_FLOWS, 2);
	return msg;
}

static void test_door_as_text(void **state)
{
	(void)state;
	print_records(&noun_doors, a_door());
	assert_printed(
		"STATE  KIND   TRANSPORT  PUBLIC              INSIDE         FILTER       FLOWS  ANCHOR\n"
		"open   media  udp        [2001:db8::1]:4002  10.0.0.5:4000  192.0.2.1:*  2      -\n");
}

static void test_door_as_json(void **state)
{
	(void)state;
	tool.json = true;
	print_records(&noun_doors, a_door());
	assert_printed("[\n  {\"transport\": \"udp\", \"zone\": 0, "
		       "\"inside\": {\"address\": \"10.0.0.5\", \"port\": 4000}, "
		       "\"public\": {\"address\": \"2001:db8::1\", \"port\": 4002}, "
		       "\"filter\": {\"address\": \"192.0.2.1\"}, "
		       "\"state\": \"open\", \"kind\": \"media\", \"flows\": 2}\n]\n");
}

static void test_nothing_is_a_head_and_an_empty_array(void **state)
{
	(void)state;
	print_records(&noun_doors, NULL);
	tool.json = true;
	print_records(&noun_doors, NULL);
	assert_printed("STATE  KIND  TRANSPORT  PUBLIC  INSIDE  FILTER  FLOWS  ANCHOR\n[]\n");
}

/* Where it could not be read, an empty list would be a lie. */
static void test_failure_is_no_empty_list(void **state)
{
	struct json json = { .out = tool.out };
	struct records r = { .fields = noun_doors.fields, .columns = noun_doors.columns };
	struct stats s = { .tool = &tool };

	(void)state;
	records_end(&r, tool.out, false);
	r.json = &json;
	records_end(&r, tool.out, false);
	stats_end(&s, false);
	assert_printed("");
}

static void test_what_a_newer_module_says(void **state)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_DOOR_NTF);

	(void)state;
	/* an attribute twice, a longer number, a number without a name, padding */
	mnl_attr_put_u16(msg, 200, htons(0x1234));
	mnl_attr_put_u8(msg, 200, 0xff);
	mnl_attr_put_u64(msg, SIPNAT_A_DOOR_FLOWS, 1ULL << 40);
	mnl_attr_put_u8(msg, SIPNAT_A_DOOR_STATE, 9);
	mnl_attr_put(msg, 201, 0, NULL);
	mnl_attr_put(msg, SIPNAT_A_DOOR_ANCHOR, 3, "abc");
	tool.json = true;
	print_records(&noun_doors, msg);
	tool.json = false;
	print_records(&noun_doors, msg);
	assert_printed("[\n  {\"attr-200\": \"1234,ff\", \"flows\": 1099511627776, "
		       "\"state\": 9, \"anchor\": null}\n]\n"
		       "STATE  KIND  TRANSPORT  PUBLIC  INSIDE  FILTER  FLOWS          ANCHOR\n"
		       "9      -     -          -       -       -       1099511627776  -\n");
}

#define EVIL "sip:a\0 \x1b[31m\"\\\n\xff@h"
#define EVIL_LEN (sizeof(EVIL) - 1)

static void test_aor_is_escaped(void **state)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_BINDING_NTF);

	(void)state;
	mnl_attr_put(msg, SIPNAT_A_BINDING_AOR, EVIL_LEN, EVIL);
	print_records(&noun_bindings, msg);
	tool.json = true;
	print_records(&noun_bindings, msg);
	assert_printed(
		"STATE  INSIDE  PUBLIC  REGISTRAR  FILTER  GRANTED  EXPIRES  ANCHOR  AOR\n"
		"-      -       -       -          -       -        -        -       "
		"sip:a\\x00\\x20\\x1b[31m\"\\x5c\\x0a\\xff@h\n"
		"[\n  {\"aor\": \"sip:a\\u0000 \\u001b[31m\\\"\\\\\\u000a\\ufffd@h\"}\n]\n");
}

static void test_connection_shows_both_directions(void **state)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_CONNECTION_NTF);
	struct nlattr *nest;

	(void)state;
	mnl_attr_put_u64(msg, SIPNAT_A_CONNECTION_ID, 7);
	mnl_attr_put_u8(msg, SIPNAT_A_CONNECTION_STATE, SIPNAT_CONNECTION_OPAQUE);
	nest = mnl_attr_nest_start(msg, SIPNAT_A_CONNECTION_ORIGINAL);
	mnl_attr_put_u32(msg, SIPNAT_A_FLOW_HELD, 100);
	mnl_attr_put_u32(msg, SIPNAT_A_FLOW_OFFSET, (uint32_t)-12);
	mnl_attr_nest_end(msg, nest);
	nest = mnl_attr_nest_start(msg, SIPNAT_A_CONNECTION_REPLY);
	mnl_attr_put_u32(msg, SIPNAT_A_FLOW_OFFSET, 5);
	mnl_attr_nest_end(msg, nest);
	mnl_attr_put_strz(msg, SIPNAT_A_CONNECTION_REASON_NAME, "opaque_fin");
	print_records(&noun_connections, msg);
	assert_printed(
		"ID  STATE   CLIENT  CLIENT_PUBLIC  SERVER  O_HELD  R_HELD  O_RETAINED  "
		"R_RETAINED  O_OFFSET  R_OFFSET  MEMORY  REASON\n"
		"7   opaque  -       -              -       100     -       -           "
		"-           -12       5         -       opaque_fin\n");
}

/* --- events --- */

static void test_event_is_a_line(void **state)
{
	struct nlmsghdr *msg;

	(void)state;
	monitor_print(a_door(), &tool);
	msg = begin(SIPNAT_CMD_CALL_NTF);
	mnl_attr_put_u64(msg, SIPNAT_A_CALL_ID, 0x123456789abcdefULL);
	mnl_attr_put_u8(msg, SIPNAT_A_CALL_STATE, SIPNAT_CALL_ENDED);
	mnl_attr_put_u64(msg, SIPNAT_A_CALL_EXPIRES, 1500);
	monitor_print(msg, &tool);
	tool.json = true;
	monitor_print(msg, &tool);
	/* one of a kind that is not known */
	monitor_print(begin(250), &tool);
	assert_printed("door state=open kind=media transport=udp zone=0 "
		       "public=[2001:db8::1]:4002 inside=10.0.0.5:4000 filter=192.0.2.1:* flows=2\n"
		       "call id=0123456789abcdef state=ended expires=2s\n"
		       "{\"event\": \"call\", \"id\": \"0123456789abcdef\", \"state\": \"ended\", "
		       "\"expires_ms\": 1500}\n");
}

/* --- counters and memory --- */

static struct nlmsghdr *a_counter(uint64_t value)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_COUNTER_GET);

	mnl_attr_put_strz(msg, SIPNAT_A_COUNTER_NAME, "call_new");
	mnl_attr_put_strz(msg, SIPNAT_A_COUNTER_MEANING, "calls begun");
	mnl_attr_put_u64(msg, SIPNAT_A_COUNTER_VALUE, value);
	return msg;
}

static void print_stats(void)
{
	struct stats s = { .tool = &tool };

	stats_add(a_counter(3), &s);
	stats_end(&s, true);
}

static void test_counters(void **state)
{
	(void)state;
	print_stats();
	tool.explain = true;
	print_stats();
	tool.json = true;
	print_stats();
	tool.explain = false;
	print_stats();
	assert_printed("NAME      VALUE\ncall_new  3\n"
		       "NAME      VALUE  MEANING\ncall_new  3      calls begun\n"
		       "{\n  \"call_new\": {\"value\": 3, \"meaning\": \"calls begun\"}\n}\n"
		       "{\n  \"call_new\": 3\n}\n");
}

static void test_counters_that_are_not_zero(void **state)
{
	struct stats s = { .tool = &tool };

	(void)state;
	tool.nonzero = true;
	stats_add(a_counter(0), &s);
	stats_end(&s, true);
	assert_printed("NAME  VALUE\n");
}

static void test_memory(void **state)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_MEMORY_GET);

	(void)state;
	mnl_attr_put_u64(msg, SIPNAT_A_MEMORY_USED, 4096);
	mnl_attr_put_u32(msg, SIPNAT_A_MEMORY_CALLS, 2);
	memory_print(msg, &tool);
	tool.json = true;
	memory_print(msg, &tool);
	assert_printed("NAME   VALUE  UNIT\nused   4096   bytes\ncalls  2      -\n"
		       "{\n  \"used\": 4096,\n  \"calls\": 2\n}\n");
}

/* --- any bytes at all --- */

static void print_everything(const struct nlmsghdr *msg)
{
	struct settings_view v = { .tool = &tool };
	struct stats s = { .tool = &tool };
	const struct noun *const *n;

	for (n = nouns; *n; n++)
		print_records(*n, msg);
	settings_print(msg, &v);
	memory_print(msg, &tool);
	monitor_print(msg, &tool);
	stats_add(msg, &s);
	stats_end(&s, true);
}

static void print_copy(uint32_t len)
{
	/* AddressSanitizer guards the end of it. */
	struct nlmsghdr *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, &message, len);
	copy->nlmsg_len = len;
	print_everything(copy);
	tool.json = !tool.json;
	print_everything(copy);
	free(copy);
}

static void test_message_without_a_header(void **state)
{
	size_t len = 1;

	(void)state;
	message.head = (struct nlmsghdr){ .nlmsg_len = sizeof(struct nlmsghdr) + 2 };
	genl_attrs(&message.head, &len);
	assert_int_equal(len, 0);
}

static void test_cut_messages(void **state)
{
	struct nlmsghdr *(*const made[])(void) = { a_door, some_settings };
	uint32_t full, len;
	size_t i;

	(void)state;
	tool.details = true;
	for (i = 0; i < ARRAY_SIZE(made); i++) {
		full = made[i]()->nlmsg_len;
		for (len = sizeof(struct nlmsghdr); len <= full; len++)
			print_copy(len);
	}
}

static void test_changed_messages(void **state)
{
	uint32_t full, at;
	int byte;

	(void)state;
	tool.details = true;
	full = a_door()->nlmsg_len;
	for (at = sizeof(struct nlmsghdr); at < full; at++) {
		for (byte = 0; byte < 256; byte += 17) {
			a_door();
			message.bytes[at] = (char)byte;
			print_copy(full);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_door_as_text),
		TEST(test_door_as_json),
		TEST(test_nothing_is_a_head_and_an_empty_array),
		TEST(test_failure_is_no_empty_list),
		TEST(test_what_a_newer_module_says),
		TEST(test_aor_is_escaped),
		TEST(test_connection_shows_both_directions),
		TEST(test_event_is_a_line),
		TEST(test_counters),
		TEST(test_counters_that_are_not_zero),
		TEST(test_memory),
		TEST(test_message_without_a_header),
		TEST(test_cut_messages),
		TEST(test_changed_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
