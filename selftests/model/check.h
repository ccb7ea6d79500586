/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must hold for any input at all, shared by unit tests and fuzzers.
 * A violation prints what is wrong and aborts.
 */
#ifndef SELFTESTS_MODEL_CHECK_H
#define SELFTESTS_MODEL_CHECK_H

#include <nf_nat_sip_tcp/sdp.h>
#include <nf_nat_sip_tcp/sip_frame.h>
#include <nf_nat_sip_tcp/sip_msg.h>
#include <nf_nat_sip_tcp/sip_uri.h>

void check_fail(const char *file, int line, const char *what);

#define check(cond)							\
	do {								\
		if (!(cond))						\
			check_fail(__FILE__, __LINE__, #cond);		\
	} while (0)

/* @inner lies inside of @outer, or is "not there". */
void check_inside(struct span inner, struct span outer);

/*
 * Frames @buf in one call, byte by byte and with one cut at each position (or
 * at @cut only, where it is not 0): the answer, the state and the byte that
 * decides are the same.  Return: that answer; @f: that state.
 */
int check_frame(struct sip_frame *f, const char *buf, u32 len, u32 header_max, u32 cut);

/*
 * Parses @buf, reads all its values and checks that every span lies where it
 * belongs.  @msg and the like come from the caller: too large for a stack.
 */
int check_msg(struct sip_msg *msg, const char *buf, u32 hdr_len, u32 len);
int check_sdp(struct sdp *sdp, const char *buf, struct span s);
int check_uri(const char *buf, struct span s);

/* Reads a comma list to its end.  Return: number of values, or -EINVAL. */
int check_values(const char *buf, struct span list);
int check_vias(const char *buf, struct span list);

/* Length of the header block, for messages that don't frame; 0: none. */
u32 header_end(const char *buf, u32 len);

#endif
