/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every unit test includes first: cmocka with what it needs, and a few
 * shorthands.
 */
#ifndef SELFTESTS_UNIT_UNIT_H
#define SELFTESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nf_nat_sip_tcp/span.h>

#include "guard.h"

/* Does the span hold exactly this text, case and all? */
#define assert_span(base, s, text)						\
	do {								\
		struct span span_ = (s);				\
		const char *text_ = (text);				\
									\
		if (span_.len != strlen(text_) ||			\
		    memcmp((base) + span_.off, text_, span_.len))	\
			fail_msg("%s is \"%.*s\", not \"%s\"", #s,	\
				 (int)span_.len, (base) + span_.off, text_); \
	} while (0)

static inline struct span whole(const char *text)
{
	return span_of(0, (u32)strlen(text));
}

/* A string literal between walls, without its NUL. */
static inline char *guard_text(const char *text)
{
	return guard_put(text, strlen(text));
}

#endif
