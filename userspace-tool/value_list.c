// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values that are lists: an attribute each, and one without content for a list
 * that has none.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "attr.h"
#include "genl.h"
#include "setting.h"
#include "text.h"

static bool read_port(const char *text, uint16_t *port)
{
	uint64_t n;

	if (!text_number(text, &n) || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* --- ports --- */

static void port_text(FILE *out, const struct nlattr *a, const struct setting *s)
{
	(void)s;
	fprintf(out, "%" PRIu64, attr_uint(a));
}

static void port_json(struct json *j, const struct nlattr *a, const struct setting *s)
{
	(void)s;
	json_uint(j, attr_uint(a));
}

static bool port_none(const struct nlattr *a)
{
	return !attr_uint(a);
}

static bool port_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	uint16_t port;

	/* 0 would not be a port, but the end of the list. */
	return read_port(text, &port) && port &&
	       mnl_attr_put_u16_check(msg, GENL_REQUEST_MAX, s->attr, port);
}

static void port_put_none(struct nlmsghdr *msg, const struct setting *s)
{
	mnl_attr_put_u16(msg, s->attr, 0);
}

const struct value value_ports = {
	.list = true,
	.text = port_text, .json = port_json, .none = port_none,
	.put = port_put, .put_none = port_put_none,
	.form = "ports, as in 5060,5080",
};

/* --- nested lists --- */

static bool nest_none(const struct nlattr *a)
{
	return !mnl_attr_get_payload_len(a);
}

static void nest_put_none(struct nlmsghdr *msg, const struct setting *s)
{
	mnl_attr_nest_end(msg, mnl_attr_nest_start(msg, s->attr));
}

/* --- port ranges --- */

static void read_range(const struct nlattr *a, uint64_t *first, uint64_t *last)
{
	const struct nlattr *tb[SIPNAT_A_RANGE_MAX + 1];

	attr_nested(a, tb, SIPNAT_A_RANGE_MAX);
	*first = tb[SIPNAT_A_RANGE_FIRST] ? attr_uint(tb[SIPNAT_A_RANGE_FIRST]) : 0;
	*last = tb[SIPNAT_A_RANGE_LAST] ? attr_uint(tb[SIPNAT_A_RANGE_LAST]) : *first;
}

static void range_text(FILE *out, const struct nlattr *a, const struct setting *s)
{
	uint64_t first, last;

	(void)s;
	read_range(a, &first, &last);
	fprintf(out, "%" PRIu64, first);
	if (last != first)
		fprintf(out, "-%" PRIu64, last);
}

static void range_json(struct json *j, const struct nlattr *a, const struct setting *s)
{
	uint64_t first, last;

	(void)s;
	read_range(a, &first, &last);
	json_open(j, '{');
	json_key(j, "first");
	json_uint(j, first);
	json_key(j, "last");
	json_uint(j, last);
	json_close(j, '}');
}

static bool range_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	char *copy = strdupa(text), *dash = strchr(copy, '-');
	uint16_t first, last;
	struct nlattr *nest;

	if (dash)
		*dash++ = 0;
	if (!read_port(copy, &first) || !read_port(dash ? dash : copy, &last))
		return false;
	nest = mnl_attr_nest_start_check(msg, GENL_REQUEST_MAX - 16, s->attr);
	if (!nest)
		return false;
	mnl_attr_put_u16(msg, SIPNAT_A_RANGE_FIRST, first);
	mnl_attr_put_u16(msg, SIPNAT_A_RANGE_LAST, last);
	mnl_attr_nest_end(msg, nest);
	return true;
}

const struct value value_ranges = {
	.list = true,
	.text = range_text, .json = range_json, .none = nest_none,
	.put = range_put, .put_none = nest_put_none,
	.form = "ports and ranges, as in 5060-5061,5080",
};

/* --- address prefixes --- */

static void prefix_string(char text[TEXT_ADDR_MAX + 8], const struct nlattr *a)
{
	const struct nlattr *tb[SIPNAT_A_PREFIX_MAX + 1];
	const struct nlattr *ip, *bits;
	size_t len;

	attr_nested(a, tb, SIPNAT_A_PREFIX_MAX);
	ip = tb[SIPNAT_A_PREFIX_ADDRESS];
	bits = tb[SIPNAT_A_PREFIX_LENGTH];
	len = ip ? mnl_attr_get_payload_len(ip) : 0;
	text_addr(text, ip ? mnl_attr_get_payload(ip) : NULL, len);
	if (bits && attr_uint(bits) != 8 * len)
		sprintf(text + strlen(text), "/%u", (unsigned int)attr_uint(bits) & 0xff);
}

static void prefix_text(FILE *out, const struct nlattr *a, const struct setting *s)
{
	char text[TEXT_ADDR_MAX + 8];

	(void)s;
	prefix_string(text, a);
	fputs(text, out);
}

static void prefix_json(struct json *j, const struct nlattr *a, const struct setting *s)
{
	char text[TEXT_ADDR_MAX + 8];

	(void)s;
	prefix_string(text, a);
	json_string(j, text);
}

static bool prefix_put(struct nlmsghdr *msg, const struct setting *s, const char *text)
{
	char *copy = strdupa(text), *slash = strchr(copy, '/');
	unsigned char ip[16];
	struct nlattr *nest;
	uint64_t bits;
	size_t len;

	if (slash)
		*slash++ = 0;
	len = strchr(copy, ':') ? 16 : 4;
	bits = 8 * len;
	if (inet_pton(len == 16 ? AF_INET6 : AF_INET, copy, ip) != 1 ||
	    (slash && (!text_number(slash, &bits) || bits > 8 * len)))
		return false;
	nest = mnl_attr_nest_start_check(msg, GENL_REQUEST_MAX - 32, s->attr);
	if (!nest)
		return false;
	mnl_attr_put(msg, SIPNAT_A_PREFIX_ADDRESS, len, ip);
	mnl_attr_put_u8(msg, SIPNAT_A_PREFIX_LENGTH, (uint8_t)bits);
	mnl_attr_nest_end(msg, nest);
	return true;
}

const struct value value_prefixes = {
	.list = true,
	.text = prefix_text, .json = prefix_json, .none = nest_none,
	.put = prefix_put, .put_none = nest_put_none,
	.form = "addresses and prefixes, as in 192.0.2.0/24,2001:db8::5",
};
