// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as text.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void text_escaped(FILE *out, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;
	size_t i;

	if (!len)
		fputc('-', out);
	for (i = 0; i < len; i++) {
		if (s[i] > ' ' && s[i] < 0x7f && s[i] != '\\')
			fputc(s[i], out);
		else
			fprintf(out, "\\x%02x", s[i]);
	}
}

void text_addr(char text[TEXT_ADDR_MAX], const void *ip, size_t len)
{
	int family = len == 4 ? AF_INET : AF_INET6;

	if ((len != 4 && len != 16) || !inet_ntop(family, ip, text, TEXT_ADDR_MAX))
		memcpy(text, "-", sizeof("-"));
}

bool text_number(const char *text, uint64_t *n)
{
	char *end;

	/* strtoull() likes blanks and signs. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !*end && !errno;
}
