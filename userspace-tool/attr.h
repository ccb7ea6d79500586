/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_ATTR_H
#define SIPNAT_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/**
 * attr_each - walk over attributes, whatever the bytes are
 * @attrs: where they begin
 * @len: how many bytes
 * @pos: attribute before, NULL: begin
 *
 * Return: the next one that fits in, or NULL.
 */
const struct nlattr *attr_each(const void *attrs, size_t len, const struct nlattr *pos);

/**
 * attr_table - find attributes by their type
 * @tb: @max + 1 pointers, NULL where there is none; of several the last one.
 *	A type above @max is left out: a newer kernel may say more.
 */
void attr_table(const void *attrs, size_t len, const struct nlattr **tb, uint16_t max);

/** attr_nested - attr_table() of what a nested attribute holds */
void attr_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);

/** attr_is_uint - does it hold 1, 2, 4 or 8 bytes? */
bool attr_is_uint(const struct nlattr *a);

/** attr_uint - a number of whatever width; 0 where it is none */
uint64_t attr_uint(const struct nlattr *a);

/** attr_first - the first one of a type, or NULL */
const struct nlattr *attr_first(const void *attrs, size_t len, uint16_t type);

/** attr_same - the next one of the same type, or NULL */
const struct nlattr *attr_same(const void *attrs, size_t len, const struct nlattr *a);

/**
 * attr_hex - what is in attributes of a type that this program does not know
 *
 * Bytes in hex; of several attributes a comma list.  To be freed.
 */
char *attr_hex(const void *attrs, size_t len, uint16_t type);

#endif
