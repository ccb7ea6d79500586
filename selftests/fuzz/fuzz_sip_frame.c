// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing: the answer does not depend on cuts, and what is framed is read
 * alike by the parser.  The last two bytes of the input choose the limit and a
 * cut.
 */
#include "fuzz.h"

static struct sip_msg msg;

static void check_clen_headers(const char *p, const struct sip_frame *f)
{
	const struct sip_header *h;
	u32 nr = 0;
	u32 val;
	u16 i;

	for (i = 0; i < msg.nr; i++) {
		h = &msg.headers[i];
		if (h->id != SIP_HDR_CONTENT_LENGTH)
			continue;
		check(!span_uint(p, h->value, 0x7fffffff, &val));
		check(val == f->body_len);
		nr++;
	}
	check(nr);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct sip_frame f;
	u32 max, cut, len;
	char *p;

	if (size < 3)
		return 0;
	len = (u32)size - 2;
	max = data[len] & 1 ? data[len] * 4U + 16 : 16384;
	cut = 1 + data[len + 1] * len / 256;
	p = fuzz_copy(data, len);
	/* Cut everywhere where that is affordable. */
	if (check_frame(&f, p, len, max, len < 256 ? 0 : cut) > 0 &&
	    !check_msg(&msg, p, f.hdr_len, len))
		check_clen_headers(p, &f);
	check(sip_frame_crlf(p, len) <= len);
	free(p);
	return 0;
}
