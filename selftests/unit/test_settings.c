// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of settings: it describes struct nst_settings, and what it allows
 * is what can be put.
 */
#include "unit.h"

#include <nf_nat_sip_tcp/settings.h>

static const struct nst_setting *setting(const char *name)
{
	unsigned int i;

	for (i = 0; i < NST_SETTINGS_NR; i++)
		if (!strcmp(nst_setting_table[i].name, name))
			return &nst_setting_table[i];
	fail_msg("%s is not in the table", name);
	return NULL;
}

static bool is_list(const struct nst_setting *s)
{
	return s->type >= NST_SETTING_PORTS;
}

static size_t size_of(const struct nst_setting *s)
{
	static const size_t sizes[] = {
		[NST_SETTING_FLAG] = sizeof(bool),
		[NST_SETTING_NUMBER] = sizeof(u32),
		[NST_SETTING_CHOICE] = sizeof(u8),
		[NST_SETTING_PORTS] = sizeof(u16[NST_PORTS_MAX]),
		[NST_SETTING_RANGES] = sizeof(struct nst_ranges),
		[NST_SETTING_PREFIXES] = sizeof(struct nst_prefix[NST_PREFIXES_MAX]),
	};

	return sizes[s->type];
}

/* No member is missing: between two there is no room for another one. */
static void the_table_covers_the_struct(void **state)
{
	const struct nst_setting *s = nst_setting_table;
	size_t end = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < NST_SETTINGS_NR; i++, s++) {
		assert_true(s->offset >= end);
		assert_true(s->offset - end < sizeof(u32));
		assert_int_equal(s->size, size_of(s));
		end = s->offset + s->size;
		assert_ptr_equal(strstr(s->refusal, s->name), s->refusal);
		assert_ptr_equal(setting(s->name), s);
	}
	assert_true(sizeof(struct nst_settings) - end < sizeof(u32));
}

static void defaults_are_allowed(void **state)
{
	struct nst_settings set, copy;
	const struct nst_setting *s;
	unsigned int i, n;

	(void)state;
	memset(&set, 0xff, sizeof(set));
	nst_settings_default(&set);
	copy = set;
	for (s = nst_setting_table; s < nst_setting_table + NST_SETTINGS_NR; s++) {
		if (is_list(s))
			continue;
		assert_int_equal(nst_setting_value(&set, s), s->def);
		assert_int_equal(nst_setting_put(&set, s, s->def), 0);
	}
	assert_memory_equal(&set, &copy, sizeof(set));
	assert_null(nst_settings_conflict(&set));
	for (i = 0; i < NST_RANGES_MAX && set.door_deny.range[i]; i++) {
		struct nst_ranges r = { { 0 } };

		assert_int_equal(nst_range_put(&r, 0, set.door_deny.range[i] >> 16,
					       set.door_deny.range[i] & 0xffff), 0);
	}
	for (n = i; n < NST_RANGES_MAX; n++)
		assert_int_equal(set.door_deny.range[n], 0);
	assert_true(i > 20 && nst_ranges_has(&set.door_deny, 8080));
	assert_true(nst_ranges_has(&set.signal_ports, 5060));
	assert_true(nst_ranges_empty(&set.door_public_ports));
	assert_int_equal(set.ports[0], 0);
	assert_int_equal(set.media_hosts[0].addr.family, 0);
}

static void bounds_hold(void **state)
{
	const struct nst_setting *s;
	struct nst_settings set;

	(void)state;
	nst_settings_default(&set);
	for (s = nst_setting_table; s < nst_setting_table + NST_SETTINGS_NR; s++) {
		if (is_list(s)) {
			assert_int_equal(nst_setting_put(&set, s, s->min), -ERANGE);
			continue;
		}
		assert_true(s->min < s->max);
		assert_int_equal(nst_setting_put(&set, s, s->min), 0);
		assert_int_equal(nst_setting_value(&set, s), s->min);
		assert_int_equal(nst_setting_put(&set, s, s->max), 0);
		assert_int_equal(nst_setting_value(&set, s), s->max);
		assert_int_equal(nst_setting_put(&set, s, s->max + 1), -ERANGE);
		assert_int_equal(nst_setting_put(&set, s, ~0U), -ERANGE);
		if (s->min)
			assert_int_equal(nst_setting_put(&set, s, s->min - 1), -ERANGE);
		assert_int_equal(nst_setting_value(&set, s), s->max);
	}
}

/* A value lands in its own member and nowhere else. */
static void put_touches_one_member(void **state)
{
	struct nst_settings set, before;
	const struct nst_setting *s;

	(void)state;
	for (s = nst_setting_table; s < nst_setting_table + NST_SETTINGS_NR; s++) {
		if (is_list(s))
			continue;
		memset(&set, 0, sizeof(set));
		before = set;
		assert_int_equal(nst_setting_put(&set, s, s->max), 0);
		assert_memory_equal(&set, &before, s->offset);
		assert_memory_equal((char *)&set + s->offset + s->size,
				    (char *)&before + s->offset + s->size,
				    sizeof(set) - s->offset - s->size);
	}
}

static void signalling_knows_no_peer_port(void **state)
{
	struct nst_settings set;

	(void)state;
	nst_settings_default(&set);
	assert_int_equal(nst_setting_put(&set, setting("signalling_filter"),
					 NST_FILTER_PEER_PORT), -ERANGE);
	assert_int_equal(nst_setting_put(&set, setting("signalling_filter"),
					 NST_FILTER_OFF), 0);
	assert_int_equal(nst_setting_put(&set, setting("media_filter"),
					 NST_FILTER_PEER_PORT), 0);
	assert_int_equal(set.media_filter, NST_FILTER_PEER_PORT);
	assert_int_equal(set.signalling_filter, NST_FILTER_OFF);
}

static void ranges_have_two_ends(void **state)
{
	struct nst_ranges r = { { 0 } };

	(void)state;
	assert_int_equal(nst_range_put(&r, 0, 1, 65535), 0);
	assert_true(nst_ranges_has(&r, 1) && nst_ranges_has(&r, 65535));
	assert_int_equal(nst_range_put(&r, 0, 5060, 5061), 0);
	assert_false(nst_ranges_has(&r, 5059) || nst_ranges_has(&r, 5062));
	assert_int_equal(nst_range_put(&r, NST_RANGES_MAX - 1, 7, 7), 0);
	assert_int_equal(nst_range_put(&r, NST_RANGES_MAX, 7, 7), -E2BIG);
	assert_int_equal(nst_range_put(&r, 1, 0, 0), -ERANGE);
	assert_int_equal(nst_range_put(&r, 1, 0, 7), -ERANGE);
	assert_int_equal(nst_range_put(&r, 1, 8, 7), -ERANGE);
	assert_int_equal(nst_range_put(&r, 1, 8, 65536), -ERANGE);
	assert_int_equal(nst_range_put(&r, 1, 65544, 65545), -ERANGE);
	assert_int_equal(r.range[1], 0);
}

static void prefixes_are_cut(void **state)
{
	struct nst_prefix list[NST_PREFIXES_MAX] = { { { 0 }, 0 } };
	struct nst_addr a = { 4, { 10, 1, 255, 3 } };
	struct nst_addr b = { 4, { 10, 1, 240, 0 } };
	struct nst_addr c = { 4, { 10, 1, 239, 255 } };
	struct nst_addr six = { 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	struct nst_addr none = { 0, { 0 } };

	(void)state;
	assert_int_equal(nst_prefix_put(list, 0, &a, 20), 0);
	assert_true(addr_equal(&list[0].addr, &b));
	assert_true(nst_prefixes_have(list, &a) && nst_prefixes_have(list, &b));
	assert_false(nst_prefixes_have(list, &c));
	assert_false(nst_prefixes_have(list, &six));
	assert_int_equal(nst_prefix_put(list, 1, &six, 128), 0);
	assert_true(nst_prefixes_have(list, &six));
	assert_int_equal(nst_prefix_put(list, 1, &six, 129), -ERANGE);
	assert_int_equal(nst_prefix_put(list, 2, &a, 33), -ERANGE);
	assert_int_equal(nst_prefix_put(list, 2, &none, 0), -ERANGE);
	assert_int_equal(list[2].addr.family, 0);
	assert_int_equal(nst_prefix_put(list, 2, &a, 0), 0);
	assert_true(nst_prefixes_have(list, &c));
	assert_int_equal(nst_prefix_put(list, NST_PREFIXES_MAX, &a, 8), -E2BIG);
}

static void a_message_must_fit_in(void **state)
{
	struct nst_settings set;

	(void)state;
	nst_settings_default(&set);
	set.hold_max = set.header_max + set.body_max;
	assert_null(nst_settings_conflict(&set));
	set.hold_max--;
	assert_non_null(strstr(nst_settings_conflict(&set), "hold_max"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_covers_the_struct),
		cmocka_unit_test(defaults_are_allowed),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(put_touches_one_member),
		cmocka_unit_test(signalling_knows_no_peer_port),
		cmocka_unit_test(ranges_have_two_ends),
		cmocka_unit_test(prefixes_are_cut),
		cmocka_unit_test(a_message_must_fit_in),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
