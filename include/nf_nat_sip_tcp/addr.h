/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_ADDR_H
#define NF_NAT_SIP_TCP_ADDR_H

#include "span.h"

/* Longest text of addr_format() or endpoint_format(), with NUL. */
#define NST_ADDR_STRLEN 46
#define NST_ENDPOINT_STRLEN (NST_ADDR_STRLEN + 8)

/**
 * struct nst_addr - an IPv4 or IPv6 address
 * @family: 4, 6, or 0 for "none"
 * @ip: network byte order; IPv4 uses the first four bytes, the rest is zero
 */
struct nst_addr {
	u8 family;
	u8 ip[16];
};

/**
 * struct nst_endpoint - address and port
 * @addr: the address
 * @port: host byte order; 0 means "none"
 */
struct nst_endpoint {
	struct nst_addr addr;
	u16 port;
};

static inline bool addr_equal(const struct nst_addr *a, const struct nst_addr *b)
{
	if (a->family != b->family)
		return false;
	/* Constant lengths are compared in place. */
	return a->family == 6 ? !memcmp(a->ip, b->ip, 16) : !memcmp(a->ip, b->ip, 4);
}

static inline bool endpoint_equal(const struct nst_endpoint *a,
				  const struct nst_endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

/**
 * addr_parse - read a numeric address that fills the whole span
 * @base: start of the message
 * @s: an IPv4 address in dotted decimal, an IPv6 address (RFC 4291 2.2) with
 *     or without brackets
 * @addr: where the address goes
 *
 * Return: 0, or -EINVAL for anything else (a host name, a zone id).
 */
int addr_parse(const char *base, struct span s, struct nst_addr *addr);

/**
 * addr_v4_end - read an IPv4 address that the span begins with
 * @base: start of the message
 * @s: where to look
 * @ip: where the address goes; four bytes
 *
 * Return: the offset behind it, or 0 where there is none.
 */
u32 addr_v4_end(const char *base, struct span s, u8 *ip);

/**
 * addr_format - write an address as text, RFC 5952 form, without brackets
 * @out: at least NST_ADDR_STRLEN bytes
 *
 * Return: number of characters written, without the closing NUL.
 */
u32 addr_format(char *out, const struct nst_addr *addr);

/** addr_is_any - 0.0.0.0 or ::, the RFC 2543 way to say "on hold" */
bool addr_is_any(const struct nst_addr *addr);

/**
 * addr_is_private - is it an address that is not routed on the Internet?
 *
 * RFC 1918, 6598, 3927, 1122 (loopback), 4193, 4291 (link-local, loopback).
 */
bool addr_is_private(const struct nst_addr *addr);

#endif
