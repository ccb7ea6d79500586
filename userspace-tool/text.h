/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_TEXT_H
#define SIPNAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Longest text of text_addr(), with NUL. */
#define TEXT_ADDR_MAX 48

/**
 * text_escaped - print bytes that somebody out there chose
 *
 * One word for the eye and for awk(1): anything but visible ASCII, a blank and
 * the backslash included, comes as \xNN.  Nothing at all is "-".
 */
void text_escaped(FILE *out, const void *bytes, size_t len);

/**
 * text_addr - an address, as RFC 5952 says
 * @ip: network byte order
 * @len: 4 or 16; of another length it is "-"
 */
void text_addr(char text[TEXT_ADDR_MAX], const void *ip, size_t len);

/** text_number - read a number in decimal that fills the whole text */
bool text_number(const char *text, uint64_t *n);

#endif
