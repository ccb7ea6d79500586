// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors: on stderr, with the name of the program.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "complain.h"

static void say(const char *fmt, va_list ap)
{
	/* What was found out before it comes before it. */
	fflush(stdout);
	fputs("sipnat: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int complain(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return code;
}

void advise(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void die(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(code);
}

void *need(void *p)
{
	if (!p)
		die(EXIT_KERNEL, "out of memory");
	return p;
}
