/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of sipnat's messages have in common.
 */
#ifndef SELFTESTS_UNIT_TEST_TOOL_H
#define SELFTESTS_UNIT_TEST_TOOL_H

#include <arpa/inet.h>

#include "unit.h"

#include <linux/nf_nat_sip_tcp.h>

#include "tool.h"

/* --- a message, and what is printed about it --- */

static union {
	struct nlmsghdr head;
	char bytes[GENL_REQUEST_MAX];
} message;

static char *printed;
static size_t printed_len;
static struct tool tool;

static inline struct nlmsghdr *begin(uint8_t command)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(&message);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(msg, sizeof(*genl));

	genl->cmd = command;
	return msg;
}

static inline int setup(void **state)
{
	(void)state;
	tool = (struct tool){ 0 };
	tool.out = open_memstream(&printed, &printed_len);
	return !tool.out;
}

static inline int teardown(void **state)
{
	(void)state;
	fclose(tool.out);
	free(printed);
	return 0;
}

static inline void assert_printed(const char *wanted)
{
	fflush(tool.out);
	assert_string_equal(printed, wanted);
}

static inline void put_range(struct nlmsghdr *msg, uint16_t type, int first, int last)
{
	struct nlattr *nest = mnl_attr_nest_start(msg, type);

	mnl_attr_put_u16(msg, SIPNAT_A_RANGE_FIRST, (uint16_t)first);
	if (last)
		mnl_attr_put_u16(msg, SIPNAT_A_RANGE_LAST, (uint16_t)last);
	mnl_attr_nest_end(msg, nest);
}

static inline struct nlmsghdr *some_settings(void)
{
	struct nlmsghdr *msg = begin(SIPNAT_CMD_SETTINGS_GET);

	mnl_attr_put_u16(msg, SIPNAT_A_SETTINGS_PORTS, 0);
	mnl_attr_put_u8(msg, SIPNAT_A_SETTINGS_DEBUG, 1);
	mnl_attr_put_u32(msg, SIPNAT_A_SETTINGS_ACK_DELAY, 10);
	put_range(msg, SIPNAT_A_SETTINGS_SIGNAL_PORTS, 5060, 5061);
	put_range(msg, SIPNAT_A_SETTINGS_SIGNAL_PORTS, 5080, 0);
	mnl_attr_nest_end(msg, mnl_attr_nest_start(msg, SIPNAT_A_SETTINGS_DOOR_PUBLIC_PORTS));
	mnl_attr_put_u32(msg, 300, htonl(1));
	return msg;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
