/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_REFUSAL_H
#define SIPNAT_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/**
 * struct refusal - what the kernel says with an error (extended ack)
 * @error: errno, positive; 0: none
 * @text: in words; empty: none
 * @offset: where in the request the attribute is that is wrong; 0: not said
 * @has_range: @min and @max are valid
 * @min: least number allowed
 * @max: largest number allowed
 */
struct refusal {
	int error;
	char text[256];
	size_t offset;
	bool has_range;
	uint64_t min;
	uint64_t max;
};

/**
 * refusal_read - of NLMSG_ERROR, or the NLMSG_DONE of a dump
 *
 * Needs NETLINK_EXT_ACK; does with and without NETLINK_CAP_ACK.
 */
void refusal_read(struct refusal *r, const struct nlmsghdr *msg);

/** refusal_text - in words, whatever there is */
const char *refusal_text(const struct refusal *r);

#endif
