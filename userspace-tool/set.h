/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_SET_H
#define SIPNAT_SET_H

#include "genl.h"
#include "setting.h"

#define SET_MAX 64

/**
 * struct set - settings that one request changes
 * @nr: number of @pair
 * @pair: setting, value as written, and where in the request it begins
 */
struct set {
	size_t nr;
	struct {
		const struct setting *setting;
		const char *text;
		size_t offset;
	} pair[SET_MAX];
};

/** set_read - from the command line; an enum exit_code, said already */
int set_read(struct set *s, int argc, char **argv);

/** set_put - into a request; an enum exit_code, said already */
int set_put(struct set *s, struct nlmsghdr *msg);

/** set_refused - say what the kernel did not want, and why; EXIT_KERNEL */
int set_refused(const struct set *s, const struct refusal *r);

#endif
