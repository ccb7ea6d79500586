// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink attributes, read without trust in their lengths.
 */
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "complain.h"

static bool fits(const struct nlattr *a, const char *end)
{
	size_t left = (size_t)(end - (const char *)a);

	return (const char *)a < end && left >= sizeof(*a) &&
	       a->nla_len >= sizeof(*a) && a->nla_len <= left;
}

const struct nlattr *attr_each(const void *attrs, size_t len, const struct nlattr *pos)
{
	const char *end = (const char *)attrs + len;

	/* Behind the last one MNL_ALIGN() may point beyond the end. */
	pos = pos ? (const void *)((const char *)pos + MNL_ALIGN(pos->nla_len)) : attrs;
	return fits(pos, end) ? pos : NULL;
}

void attr_table(const void *attrs, size_t len, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a = NULL;

	memset(tb, 0, sizeof(*tb) * (max + 1u));
	while ((a = attr_each(attrs, len, a)))
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
}

void attr_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	attr_table(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), tb, max);
}

bool attr_is_uint(const struct nlattr *a)
{
	size_t len = mnl_attr_get_payload_len(a);

	return len == 1 || len == 2 || len == 4 || len == 8;
}

uint64_t attr_uint(const struct nlattr *a)
{
	const void *p = mnl_attr_get_payload(a);
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (mnl_attr_get_payload_len(a)) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		memcpy(&u16, p, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, p, sizeof(u32));
		return u32;
	case 8:
		/* Aligned to four bytes only. */
		memcpy(&u64, p, sizeof(u64));
		return u64;
	}
	return 0;
}

const struct nlattr *attr_first(const void *attrs, size_t len, uint16_t type)
{
	const struct nlattr *a = NULL;

	while ((a = attr_each(attrs, len, a)))
		if (mnl_attr_get_type(a) == type)
			break;
	return a;
}

const struct nlattr *attr_same(const void *attrs, size_t len, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a);

	while ((a = attr_each(attrs, len, a)))
		if (mnl_attr_get_type(a) == type)
			break;
	return a;
}

char *attr_hex(const void *attrs, size_t len, uint16_t type)
{
	const struct nlattr *a = attr_first(attrs, len, type);
	const unsigned char *s;
	char *text = NULL;
	size_t i, size;
	FILE *out;

	out = need(open_memstream(&text, &size));
	while (a) {
		s = mnl_attr_get_payload(a);
		for (i = 0; i < mnl_attr_get_payload_len(a); i++)
			fprintf(out, "%02x", s[i]);
		a = attr_same(attrs, len, a);
		if (a)
			fputc(',', out);
	}
	fclose(out);
	return need(text);
}
