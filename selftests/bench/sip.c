// SPDX-License-Identifier: GPL-2.0-only
/* The messages of a call, and of what keeps a connection alive. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "bench.h"

#define ALLOW	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO\r\n"

uint32_t dice(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		die("getrandom");
	return n;
}

void call_new(struct call *call, const struct conn *conn)
{
	static unsigned int serial;

	call->conn = conn;
	call->rtp = 16384 + serial++ % 20000 * 2;
	sprintf(call->id, "%08x-%08x-%08x", dice(), dice(), dice());
	sprintf(call->branch, "z9hG4bK%08x", dice());
	sprintf(call->from_tag, "%08x", dice());
	sprintf(call->to_tag, "%08x", dice());
}

static size_t add(char *text, size_t len, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + len, TEXT_MAX - len, format, args);
	va_end(args);
	return len + n;
}

static size_t describe(char *body, const char *addr, unsigned int rtp)
{
	return add(body, 0, "v=0\r\no=- %u 1 IN IP4 %s\r\ns=call\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		   "m=audio %u RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\n"
		   "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
		   "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
		   "a=ptime:20\r\na=sendrecv\r\n", 1000000 + rtp, addr, addr, rtp);
}

/* The rest of the header block; User-Agent makes it as long as it is to be. */
static size_t finish(char *text, size_t len, const char *body, size_t size)
{
	size_t body_len = strlen(body);
	char end[100];
	size_t rest;

	rest = add(end, 0, "%sContent-Length: %zu\r\n\r\n",
		   body_len ? "Content-Type: application/sdp\r\n" : "", body_len);
	len = add(text, len, "User-Agent: ");
	for (; len + 2 + rest + body_len < size; len++)
		text[len] = 'a' + len % 26;
	return add(text, len, "\r\n%s%s", end, body);
}

size_t sip_request(char *text, const struct call *call, const char *method, size_t size)
{
	const char *addr = call->conn->addr;
	int invite = !strcmp(method, "INVITE"), options = !strcmp(method, "OPTIONS");
	int within = !invite && !options;
	char body[1000] = "";
	size_t n;

	n = add(text, 0, "%s sip:bob@10.1.1.10:5060;transport=tcp SIP/2.0\r\n", method);
	n = add(text, n, "Via: SIP/2.0/TCP %s:5060;rport;branch=%s%s\r\n", addr, call->branch, method);
	n = add(text, n, "Max-Forwards: 70\r\nFrom: <sip:alice@%s>;tag=%s\r\n", addr, call->from_tag);
	n = add(text, n, "To: <sip:bob@10.1.1.10>%s%s\r\n", within ? ";tag=" : "",
		within ? call->to_tag : "");
	n = add(text, n, "Call-ID: %s\r\nCSeq: %d %s\r\n", call->id,
		strcmp(method, "BYE") ? 1 : 2, method);
	if (invite || options)
		n = add(text, n, "Contact: <sip:alice@%s:5060;transport=tcp>\r\n", addr);
	if (invite) {
		n = add(text, n, ALLOW "Supported: replaces, outbound\r\n");
		describe(body, addr, call->rtp);
	}
	return finish(text, n, body, size);
}

/* The line of a header field, as it stands in the request. */
static size_t copy(char *text, size_t len, const char *request, const char *name)
{
	const char *line = strstr(request, name) + 2;

	return add(text, len, "%.*s", (int)(strstr(line, "\r\n") - line), line);
}

size_t sip_response(char *text, const struct call *call, const char *request,
		    const char *status, size_t size)
{
	int trying = !strncmp(status, "100", 3);
	int invite = strstr(request, " INVITE\r\n") != NULL;
	char body[1000] = "";
	size_t n;

	n = add(text, 0, "SIP/2.0 %s", status);
	n = add(text, n, "\r\n");
	n = copy(text, n, request, "\r\nVia: ");
	n = add(text, n, "\r\n");
	n = copy(text, n, request, "\r\nFrom: ");
	n = add(text, n, "\r\n");
	n = copy(text, n, request, "\r\nTo: ");
	n = add(text, n, "%s%s\r\n", trying || strstr(request, "\r\nCSeq: 2") ? "" : ";tag=",
		trying || strstr(request, "\r\nCSeq: 2") ? "" : call->to_tag);
	n = copy(text, n, request, "\r\nCall-ID: ");
	n = add(text, n, "\r\n");
	n = copy(text, n, request, "\r\nCSeq: ");
	n = add(text, n, "\r\n");
	if (invite && !trying)
		n = add(text, n, "Contact: <sip:bob@10.1.1.10:5060;transport=tcp>\r\n");
	if (invite && !strncmp(status, "200", 3))
		describe(body, "10.1.1.10", call->rtp);
	return finish(text, n, body, size);
}
