// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every message of the corpus, cut at every position and cut short at every
 * position.  The tables say what must come out; a file without a line fails.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/env.h>

#include "check.h"
#include "corpus.h"

#define HEADER_MAX 16384

static struct sip_msg msg;
static struct sdp sdp;

enum body { NONE, OTHER, SDP };

/**
 * struct expect - what becomes of a file
 * @name: the file
 * @frame: answer of sip_frame_scan()
 * @hdr_len: length of the header block
 * @body_len: what Content-Length says
 * @parse: answer of sip_msg_parse()
 * @body: what the body is
 */
struct expect {
	const char *name;
	int frame;
	u32 hdr_len;
	u32 body_len;
	int parse;
	enum body body;
};

#define NO_CLEN -NST_R_OPAQUE_NO_CLEN
#define BAD_CLEN -NST_R_OPAQUE_BAD_CLEN
#define NOT_SIP -NST_R_OPAQUE_START_LINE

/* RFC 4475: section numbers where the message is not taken. */
static const struct expect torture[] = {
	{ "rfc4475/badaspec.dat", 1, 346, 0, 0, NONE },
	{ "rfc4475/badbranch.dat", 1, 262, 0, 0, NONE },
	{ "rfc4475/baddate.dat", 1, 382, 150, 0, SDP },
	/* the file has no empty line at its end */
	{ "rfc4475/baddn.dat", 0, 0, 0, -EINVAL, NONE },
	{ "rfc4475/badinv01.dat", 1, 320, 152, 0, SDP },
	{ "rfc4475/badvers.dat", 1, 291, 0, -EINVAL, NONE },		/* 3.1.2.16 */
	{ "rfc4475/bcast.dat", 1, 362, 154, 0, SDP },
	{ "rfc4475/bext01.dat", 1, 381, 0, 0, NONE },
	{ "rfc4475/bigcode.dat", 1, 332, 0, -EINVAL, NONE },		/* 3.1.2.19 */
	{ "rfc4475/clerr.dat", 1, 344, 9999, 0, SDP },
	{ "rfc4475/cparam01.dat", 1, 321, 0, 0, NONE },
	{ "rfc4475/cparam02.dat", 1, 311, 0, 0, NONE },
	{ "rfc4475/dblreq.dat", 1, 300, 0, 0, NONE },
	{ "rfc4475/esc01.dat", 1, 393, 150, 0, SDP },
	{ "rfc4475/esc02.dat", 1, 439, 0, 0, NONE },
	{ "rfc4475/escnull.dat", 1, 359, 0, 0, NONE },
	{ "rfc4475/escruri.dat", 1, 400, 150, 0, SDP },
	{ "rfc4475/insuf.dat", 1, 152, 152, -EINVAL, OTHER },		/* 3.3.1 */
	{ "rfc4475/intmeth.dat", 1, 641, 0, 0, NONE },
	{ "rfc4475/inv2543.dat", NO_CLEN, 0, 0, 0, SDP },		/* 3.4.1: on UDP only */
	{ "rfc4475/invut.dat", 1, 351, 40, 0, OTHER },
	{ "rfc4475/longreq.dat", 1, 3365, 150, 0, SDP },
	{ "rfc4475/ltgtruri.dat", 1, 293, 159, -EINVAL, OTHER },	/* 3.1.2.7 */
	{ "rfc4475/lwsdisp.dat", 1, 255, 0, 0, NONE },
	{ "rfc4475/lwsruri.dat", 1, 382, 159, -EINVAL, OTHER },		/* 3.1.2.8 */
	{ "rfc4475/lwsstart.dat", 1, 356, 150, 0, SDP },
	{ "rfc4475/mcl01.dat", BAD_CLEN, 0, 0, 0, OTHER },		/* 3.3.9 */
	{ "rfc4475/mismatch01.dat", 1, 236, 0, -EINVAL, NONE },		/* 3.1.2.17 */
	{ "rfc4475/mismatch02.dat", 1, 311, 138, -EINVAL, OTHER },	/* 3.1.2.18 */
	{ "rfc4475/mpart01.dat", 1, 737, 553, 0, OTHER },
	{ "rfc4475/multi01.dat", 1, 489, 154, -EINVAL, OTHER },		/* 3.3.8 */
	{ "rfc4475/ncl.dat", BAD_CLEN, 0, 0, 0, SDP },			/* 3.1.2.3 */
	{ "rfc4475/noreason.dat", 1, 274, 0, 0, NONE },
	{ "rfc4475/novelsc.dat", 1, 277, 0, 0, NONE },
	{ "rfc4475/quotbal.dat", 1, 333, 152, -EINVAL, OTHER },		/* 3.1.2.6 */
	{ "rfc4475/regaut01.dat", 1, 304, 0, 0, NONE },
	{ "rfc4475/regbadct.dat", 1, 307, 0, 0, NONE },
	{ "rfc4475/regescrt.dat", 1, 302, 0, 0, NONE },
	{ "rfc4475/scalar02.dat", 1, 476, 0, -EINVAL, NONE },		/* 3.1.2.4 */
	{ "rfc4475/scalarlg.dat", 1, 385, 0, -EINVAL, NONE },		/* 3.1.2.5 */
	{ "rfc4475/sdp01.dat", 1, 344, 150, 0, SDP },
	{ "rfc4475/semiuri.dat", 1, 380, 0, 0, NONE },
	{ "rfc4475/transports.dat", 1, 503, 0, 0, NONE },
	{ "rfc4475/trws.dat", 1, 327, 0, 0, NONE },
	{ "rfc4475/unkscm.dat", 1, 291, 0, 0, NONE },
	{ "rfc4475/unksm2.dat", 1, 282, 0, 0, NONE },
	{ "rfc4475/unreason.dat", 1, 372, 154, 0, SDP },
	{ "rfc4475/wsinv.dat", 1, 851, 150, 0, SDP },
	{ "rfc4475/zeromf.dat", 1, 272, 0, 0, NONE },
};

static const struct expect own[] = {
	{ "ack-487.sip", 1, 306, 0, 0, NONE },
	{ "ack-answer.sip", 1, 354, 133, 0, SDP },
	{ "ack.sip", 1, 363, 0, 0, NONE },
	{ "bye.sip", 1, 363, 0, 0, NONE },
	{ "cancel.sip", 1, 301, 0, 0, NONE },
	{ "info.sip", 1, 360, 24, 0, OTHER },
	{ "invite-compact.sip", 1, 284, 133, 0, SDP },
	{ "invite-folded.sip", 1, 521, 133, 0, SDP },
	{ "invite-hold.sip", 1, 402, 139, 0, SDP },
	{ "invite-ipv6.sip", 1, 404, 139, 0, SDP },
	{ "invite-multipart.sip", 1, 387, 573, 0, OTHER },
	{ "invite-no-offer.sip", 1, 358, 0, 0, NONE },
	{ "invite-signed.sip", 1, 447, 339, 0, OTHER },
	{ "invite.sip", 1, 376, 133, 0, SDP },
	{ "message-with-register.sip", 1, 345, 529, 0, OTHER },
	{ "message.sip", 1, 344, 36, 0, OTHER },
	{ "notify.sip", 1, 483, 49, 0, OTHER },
	{ "ok-200-bye.sip", 1, 268, 0, 0, NONE },
	{ "ok-200-cancel.sip", 1, 272, 0, 0, NONE },
	{ "ok-200-invite.sip", 1, 449, 140, 0, SDP },
	{ "ok-200-ipv6.sip", 1, 367, 155, 0, SDP },
	{ "ok-200-register.sip", 1, 369, 0, 0, NONE },
	{ "options.sip", 1, 383, 0, 0, NONE },
	{ "prack.sip", 1, 344, 0, 0, NONE },
	{ "progress-183.sip", 1, 404, 140, 0, SDP },
	{ "publish.sip", 1, 387, 70, 0, OTHER },
	{ "refer.sip", 1, 456, 0, 0, NONE },
	{ "register-remove-all.sip", 1, 281, 0, 0, NONE },
	{ "register.sip", 1, 492, 0, 0, NONE },
	{ "ringing-180.sip", 1, 333, 0, 0, NONE },
	{ "service-multipart.sip", 1, 919, 1792, 0, OTHER },
	{ "subscribe.sip", 1, 400, 0, 0, NONE },
	{ "terminated-487.sip", 1, 288, 0, 0, NONE },
	{ "trying-100.sip", 1, 265, 0, 0, NONE },
	{ "unauthorized-401-bye.sip", 1, 381, 0, 0, NONE },
	{ "update.sip", 1, 400, 133, 0, SDP },
};

static const struct expect not_sip[] = {
	{ "not-sip/http-answer.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/http-get.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/http-post-origin-form.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/http-post-register.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/rtsp.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/smtp.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/ssh.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
	{ "not-sip/tls-client-hello.bin", NOT_SIP, 0, 0, -EINVAL, NONE },
};

static void check_file(const struct expect *e, const struct corpus_file *file)
{
	u32 len = (u32)file->len;
	char *p = guard_put(file->data, len);
	struct sip_frame f;
	u32 hdr_len;

	if (check_frame(&f, p, len, HEADER_MAX, 0) != e->frame)
		fail_msg("%s frames otherwise", e->name);
	if (e->frame > 0 && (f.hdr_len != e->hdr_len || f.body_len != e->body_len))
		fail_msg("%s: %u + %u", e->name, f.hdr_len, f.body_len);
	hdr_len = e->frame > 0 ? f.hdr_len : header_end(p, len);
	if (check_msg(&msg, p, hdr_len, len) != e->parse)
		fail_msg("%s parses otherwise", e->name);
	if (!e->parse && (e->body == SDP) != !check_sdp(&sdp, p, msg.body))
		fail_msg("%s: body is read otherwise", e->name);
}

static void check_table(const struct expect *e, size_t nr, const char *dir, const char *suffix)
{
	struct corpus c = corpus_load(dir, suffix);
	size_t i;

	for (i = 0; i < c.nr; i++) {
		if (i == nr || strcmp(c.file[i].name, e[i].name))
			fail_msg("%s has no line in the table", c.file[i].name);
		check_file(&e[i], &c.file[i]);
	}
	assert_int_equal(c.nr, nr);
	corpus_free(&c);
}

static void own_messages_cut_everywhere(void **state)
{
	(void)state;
	check_table(own, ARRAY_SIZE(own), "", ".sip");
}

static void torture_messages_cut_everywhere(void **state)
{
	(void)state;
	check_table(torture, ARRAY_SIZE(torture), "rfc4475", ".dat");
}

static void other_protocols_cut_everywhere(void **state)
{
	(void)state;
	check_table(not_sip, ARRAY_SIZE(not_sip), "not-sip", ".bin");
}

/* Nothing that is not SIP may be held back longer than to the end of its first line. */
static void other_protocols_are_known_by_their_first_line(void **state)
{
	struct corpus c = corpus_load("not-sip", ".bin");
	struct sip_frame f;
	char *lf;
	size_t i;

	(void)state;
	for (i = 0; i < c.nr; i++) {
		lf = memchr(c.file[i].data, '\n', c.file[i].len);
		memset(&f, 0, sizeof(f));
		assert_int_equal(sip_frame_scan(&f, c.file[i].data,
						lf ? (u32)(lf - c.file[i].data + 1) : 1,
						HEADER_MAX), NOT_SIP);
	}
	corpus_free(&c);
}

/* As the engine does it: keep-alives, message after message, what is left. */
static u32 walk_stream(const char *buf, u32 len, u32 *at)
{
	struct sip_frame f;
	u32 messages = 0;
	u32 total;

	for (*at = 0;;) {
		*at += sip_frame_crlf(buf + *at, len - *at);
		if (check_frame(&f, buf + *at, len - *at, HEADER_MAX, 0) <= 0)
			return messages;
		total = f.hdr_len + f.body_len;
		if (total > len - *at)
			return messages;
		assert_int_equal(check_msg(&msg, buf + *at, f.hdr_len, total), 0);
		*at += total;
		messages++;
	}
}

static void streams_fall_into_messages(void **state)
{
	static const struct {
		const char *name;
		u32 messages;
		u32 left;
	} cases[] = {
		{ "streams/pipelined.bin", 3, 0 },
		{ "streams/one-and-a-half.bin", 1, 300 },
		{ "streams/answers.bin", 4, 0 },
		{ "streams/lf-only.bin", 2, 0 },
	};
	struct corpus_file f;
	size_t i;
	u32 at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		f = corpus_read(cases[i].name);
		assert_int_equal(walk_stream(guard_put(f.data, f.len), (u32)f.len, &at),
				 cases[i].messages);
		assert_int_equal(f.len - at, cases[i].left);
		corpus_file_free(&f);
	}
}

static void cut_short(const struct corpus_file *f)
{
	u32 full = header_end(f->data, (u32)f->len);
	u32 n;

	for (n = 0; n <= f->len; n++) {
		char *p = guard_put(f->data, n);

		check_msg(&msg, p, n < full ? n : full, n);
		check_sdp(&sdp, p, span_of(full < n ? full : n, n));
	}
}

static void truncations_stay_inside(void **state)
{
	static const char *const dirs[][2] = {
		{ "", ".sip" }, { "rfc4475", ".dat" }, { "streams", ".bin" }, { "not-sip", ".bin" },
	};
	struct corpus c;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		c = corpus_load(dirs[i][0], dirs[i][1]);
		for (j = 0; j < c.nr; j++)
			cut_short(&c.file[j]);
		corpus_free(&c);
	}
}

/* One flipped byte at every position: the headers that framing and parsing see agree. */
static void damaged_messages_stay_inside(void **state)
{
	static const char damage[] = { 0, ' ', '\r', '\n', '"', '<', ';', ',', ':', '9' };
	struct corpus c = corpus_load("", ".sip");
	struct sip_frame f;
	size_t i, j;
	u32 n;

	(void)state;
	for (i = 0; i < c.nr; i++)
		for (n = 0; n < c.file[i].len; n++)
			for (j = 0; j < sizeof(damage); j += 1 + (n & 3)) {
				char *p = guard_put(c.file[i].data, c.file[i].len);
				u32 len = (u32)c.file[i].len;

				p[n] = damage[j];
				memset(&f, 0, sizeof(f));
				if (sip_frame_scan(&f, p, len, HEADER_MAX) > 0)
					check_msg(&msg, p, f.hdr_len, len);
			}
	corpus_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_messages_cut_everywhere),
		cmocka_unit_test(torture_messages_cut_everywhere),
		cmocka_unit_test(other_protocols_cut_everywhere),
		cmocka_unit_test(other_protocols_are_known_by_their_first_line),
		cmocka_unit_test(streams_fall_into_messages),
		cmocka_unit_test(truncations_stay_inside),
		cmocka_unit_test(damaged_messages_stay_inside),
	};

	return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
