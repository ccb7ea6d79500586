/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_EDIT_H
#define NF_NAT_SIP_TCP_EDIT_H

#include "addr.h"

#define EDITS_MAX 256
#define EDITS_TEXT_MAX 6144

/**
 * struct edit - replace bytes of a message
 * @at: the bytes that go (len 0: insert)
 * @text: offset of the new text in the list's text
 * @text_len: its length (0: delete)
 */
struct edit {
	struct span at;
	u16 text;
	u16 text_len;
};

/**
 * struct edits - all changes to one message, in order of offset
 * @nr: number of @list
 * @text_len: bytes used of @text
 * @delta: new length less old length
 * @full: something did not fit; the list must not be rendered
 * @list: the changes, disjoint and sorted by offset
 * @text: the new texts
 * @addr: address that was written last; family 0: none
 * @addr_len: length of its text
 * @addr_text: that, in brackets
 *
 * Allocate it, never on the stack.
 */
struct edits {
	u16 nr;
	u16 text_len;
	s32 delta;
	bool full;
	struct edit list[EDITS_MAX];
	char text[EDITS_TEXT_MAX];
	struct nst_addr addr;
	u8 addr_len;
	char addr_text[NST_ADDR_STRLEN + 2];
};

void edits_init(struct edits *e);

/**
 * edits_replace - put @text in the place of @at
 * @e: the list
 * @base: start of the message
 * @at: bytes to replace; must not overlap an earlier edit
 * @text: new text
 * @len: its length
 *
 * Nothing is recorded where the bytes are already the same (I9).  Edits may
 * come in any order.  An overlap or a want of room sets @e->full.
 */
void edits_replace(struct edits *e, const char *base, struct span at,
		   const char *text, u32 len);

/**
 * edits_replace_uint - put a decimal number in the place of @at
 * @e: the list
 * @base: start of the message
 * @at: bytes to replace
 * @val: the number
 * @width: digits to fill up with zeros; 0: as many as it needs
 */
void edits_replace_uint(struct edits *e, const char *base, struct span at,
			u32 val, u32 width);

/**
 * edits_replace_addr - put an address in the place of @at
 *
 * In brackets where the old text has them (RFC 3261 25.1 IPv6reference).
 */
void edits_replace_addr(struct edits *e, const char *base, struct span at,
			const struct nst_addr *addr);

/** edits_delta_within - change in length made by the edits inside a span */
s32 edits_delta_within(const struct edits *e, struct span s);

/**
 * edits_render - write the changed message
 * @e: the list, not full
 * @in: the message
 * @in_len: its length
 * @out: room for @in_len + @e->delta bytes
 *
 * Return: number of bytes written.
 */
u32 edits_render(const struct edits *e, const char *in, u32 in_len, char *out);

#endif
