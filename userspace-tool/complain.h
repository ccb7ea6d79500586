/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_COMPLAIN_H
#define SIPNAT_COMPLAIN_H

/*
 * How the tool ends; the numbers are part of what scripts rely on, and those
 * of ip(8).
 */
enum exit_code {
	EXIT_DONE = 0,		/* done */
	EXIT_USAGE = 1,		/* the command line is wrong */
	EXIT_KERNEL = 2,	/* the kernel refused, or could not be asked */
};

/**
 * complain - say on stderr what went wrong, one line
 * @code: what the program is to end with
 *
 * Return: @code.
 */
int complain(enum exit_code code, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/** advise - a further line on stderr: what to do about it */
void advise(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));

/** die - complain() and end the program: for want of memory and the like */
void die(enum exit_code code, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3), __noreturn__));

/** need - @p, which is not NULL: there is no going on without memory */
void *need(void *p);

#endif
