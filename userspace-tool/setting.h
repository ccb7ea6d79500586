/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_SETTING_H
#define SIPNAT_SETTING_H

#include "value.h"

/**
 * struct setting - a setting of the module
 * @attr: its attribute
 * @name: its name
 * @value: its type
 * @unit: unit of numbers, "-": none
 * @words: of value_word: names of 0, 1 ...; NULL: that one has none
 * @nr_words: how many
 * @empty: of lists: what an empty one is called
 * @what: what it sets, in a line
 */
struct setting {
	uint16_t attr;
	const char *name;
	const struct value *value;
	const char *unit;
	const char *const *words;
	size_t nr_words;
	const char *empty;
	const char *what;
};

/** settings - all that this program knows; ends with @name NULL */
extern const struct setting settings[];

/** setting_find - by its name, "-" as good as "_"; NULL: there is none */
const struct setting *setting_find(const char *name);

/** setting_unknown - say that there is none, and what may have been meant */
int setting_unknown(const char *command, const char *name);

/** setting_text - its value as a word, out of an answer; to be freed */
char *setting_text(const struct setting *s, const void *attrs, size_t len);

#endif
