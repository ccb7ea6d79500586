/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A phone that registers: 10.0.0.5 listens on 5060 and connects from 40000; it
 * is 203.0.113.1 outside.  The registrar is 198.51.100.9.
 */
#ifndef SELFTESTS_UNIT_REG_H
#define SELFTESTS_UNIT_REG_H

#include "talk.h"

#define PHONE "<sip:alice@10.0.0.5:5060>"
#define PUBLIC "<sip:alice@203.0.113.1:5060>"
#define REGISTRAR "198.51.100.9"

/**
 * struct reg - a REGISTER or its answer, told shortly
 * @contact: value of its Contact header; NULL: none
 * @more: another Contact header; NULL: none
 * @expires: value of its Expires header; NULL: none
 * @status: response code; 0: the request
 * @cseq: number; 0: 1
 * @branch: of the Via; NULL: "1"
 * @via: sent-by of the Via; NULL: via.example
 * @id: Call-ID; NULL: "r1"
 * @from: tag of From; NULL: "a"
 * @aor: the To URI; NULL: sip:alice@example.com
 */
struct reg {
	const char *contact;
	const char *more;
	const char *expires;
	int status;
	int cseq;
	const char *branch;
	const char *via;
	const char *id;
	const char *from;
	const char *aor;
};

/** reg_send - build the message and send it; the result is in @w->out */
void reg_send(struct world *w, u8 dir, struct reg r);

#define ask(w, ...) reg_send(w, CLIENT, (struct reg){ __VA_ARGS__ })
#define answer(w, ...) reg_send(w, SERVER, (struct reg){ __VA_ARGS__ })

/** reg_up - one binding, granted for a minute */
void reg_up(struct world *w);

/** reg_reconnect - the phone goes on with another connection */
void reg_reconnect(struct world *w);

#endif
