/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_NOUN_H
#define SIPNAT_NOUN_H

#include "record.h"

/**
 * struct noun - a kind of thing that the module keeps a list of
 * @name: word after "show"
 * @event: what one is called in events
 * @what: for --help
 * @get: SIPNAT_CMD_x_GET
 * @notify: SIPNAT_CMD_x_NTF
 * @fields: what each has
 * @columns: what a table shows of it
 */
struct noun {
	const char *name;
	const char *event;
	const char *what;
	uint8_t get;
	uint8_t notify;
	const struct field *fields;
	const struct column *columns;
};

extern const struct noun noun_connections, noun_calls, noun_bindings, noun_doors;

/** nouns - all of them, ends with NULL */
extern const struct noun *const nouns[];

#endif
