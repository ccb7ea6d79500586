/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Short ways to send SIP messages through a world.
 */
#ifndef SELFTESTS_UNIT_TALK_H
#define SELFTESTS_UNIT_TALK_H

#include "world.h"

#define CLIENT 0
#define SERVER 1

/**
 * struct talk - a message, told shortly
 * @method: of the request, or of the CSeq of a response
 * @status: response code; 0: a request
 * @branch: of the topmost Via; NULL: "1"
 * @cseq: number; 0: 1
 * @id: Call-ID; NULL: "c1"
 * @from: tag of From; NULL: "a"
 * @to: tag of To; NULL: none
 * @sdp: body; NULL: none
 * @uri: Request-URI; NULL: sip:x@host.example
 * @via: sent-by of the Via; NULL: via.example
 * @contact: value of a Contact header; NULL: none
 * @session: value of a Session-Expires header; NULL: none
 */
struct talk {
	const char *method;
	int status;
	const char *branch;
	int cseq;
	const char *id;
	const char *from;
	const char *to;
	const char *sdp;
	const char *uri;
	const char *via;
	const char *contact;
	const char *session;
};

/** talk_send - build the message and send it; the result is in @w->out */
void talk_send(struct world *w, u8 dir, struct talk t);

/** talk_sdp - a description; @media: "m=" lines and attributes with LF */
const char *talk_sdp(const char *addr, const char *media);

/* The usual offer of the client, and the usual answer to it. */
#define AUDIO "m=audio 6000 RTP/AVP 0\n"
#define OFFER talk_sdp("10.0.0.5", AUDIO)
#define ANSWER talk_sdp("198.51.100.20", "m=audio 7000 RTP/AVP 0\n")

/** talk_call_up - an answered call of the client; the called party's tag is "b" */
void talk_call_up(struct world *w);

/** talk_setup - cmocka fixture: *state is a new world */
int talk_setup(void **state);
int talk_teardown(void **state);

#define case_of(f) cmocka_unit_test_setup_teardown(f, talk_setup, talk_teardown)

/* Ports given away, and how many of them are open. */
#define assert_doors(w, all, open)					\
	do {								\
		assert_int_equal(world_ports(w, false), all);		\
		assert_int_equal(world_ports(w, true), open);		\
	} while (0)

/* The last message, as it went on, has this text in it. */
#define assert_out(w, text)						\
	do {								\
		if (!strstr((w)->out, text))				\
			fail_msg("no \"%s\" in\n%s", text, (w)->out);	\
	} while (0)

#define assert_count(w, reason, n)					\
	assert_int_equal((w)->count[NST_R_##reason], n)

/** assert_filter - the door to @inside is open to @filter; "": to everybody */
void assert_filter(const struct world *w, const char *inside, const char *filter);

#define say(w, dir, ...) talk_send(w, dir, (struct talk){ __VA_ARGS__ })

#endif
