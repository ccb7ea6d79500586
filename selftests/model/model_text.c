// SPDX-License-Identifier: GPL-2.0-only
/* Messages of any length, from the inside client or its server. */
#include "check.h"
#include "model.h"

static const char filler[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n";

static u32 head(char *buf, const char *method, u32 nr)
{
	return sprintf(buf, "%s sip:service@203.0.113.20 SIP/2.0\r\n"
		       "Via: SIP/2.0/TCP 192.168.122.3:5060;branch=z9hG4bK-%u\r\n"
		       "From: <sip:phone1@192.168.122.3>;tag=%u\r\n"
		       "To: <sip:service@203.0.113.20>\r\n"
		       "Call-ID: %u@example\r\n"
		       "CSeq: 1 %s\r\n"
		       "Contact: <sip:phone1@192.168.122.3:5060;transport=tcp>\r\n",
		       method, nr, nr, nr, method);
}

u32 text_options(char *buf, u32 nr)
{
	u32 n = head(buf, "OPTIONS", nr);

	return n + sprintf(buf + n, "Content-Length: 0\r\n\r\n");
}

u32 text_message(char *buf, u32 nr, u32 body)
{
	u32 n = head(buf, "MESSAGE", nr);
	u32 i;

	n += sprintf(buf + n, "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n", body);
	for (i = 0; i < body; i++)
		buf[n++] = filler[i % (sizeof(filler) - 1)];
	return n;
}

u32 text_invite(char *buf, u32 nr, u32 attributes)
{
	char *sdp = malloc(300 + 64 * (attributes + 1));
	u32 n = head(buf, "INVITE", nr);
	u32 len, i;

	check(sdp);
	len = sprintf(sdp, "v=0\r\no=- 1 1 IN IP4 192.168.122.3\r\ns=-\r\n"
		      "c=IN IP4 192.168.122.3\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n", 6000 + 2 * nr);
	for (i = 0; i < attributes; i++)
		len += sprintf(sdp + len, "a=x:%04u%.40s\r\n", i, filler);
	n += sprintf(buf + n, "Content-Type: application/sdp\r\nContent-Length: %u\r\n\r\n", len);
	memcpy(buf + n, sdp, len);
	free(sdp);
	return n + len;
}

u32 text_answer(char *buf, u32 nr, const char *via)
{
	return sprintf(buf, "SIP/2.0 200 OK\r\n"
		       "Via: SIP/2.0/TCP %s;branch=z9hG4bK-%u\r\n"
		       "From: <sip:phone1@192.168.122.3>;tag=%u\r\n"
		       "To: <sip:service@203.0.113.20>;tag=s%u\r\n"
		       "Call-ID: %u@example\r\n"
		       "CSeq: 1 OPTIONS\r\n"
		       "Content-Length: 0\r\n\r\n", via, nr, nr, nr, nr);
}
