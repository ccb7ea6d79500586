// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <nf_nat_sip_tcp/env.h>

/* The paper's reference with one round a word and three at the end: key 00..0f, input 00, 01 ... */
static void hash_is_siphash_1_3(void **state)
{
	static const struct nst_env env = {
		.key = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL },
	};
	static const struct {
		u32 len;
		u64 hash;
	} cases[] = {
		{ 0, 0xabac0158050fc4dcULL },
		{ 1, 0xc9f49bf37d57ca93ULL },
		{ 7, 0xd3927d989bb11140ULL },
		{ 8, 0x369095118d299a8eULL },
		{ 15, 0xd320d86d2a519956ULL },
		{ 63, 0x9d199062b7bbb3a8ULL },
	};
	u8 input[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(input); i++)
		input[i] = (u8)i;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(nst_hash(&env, guard_put(input, cases[i].len),
					  cases[i].len), cases[i].hash);
}

static void hash_depends_on_the_key(void **state)
{
	struct nst_env a = { .key = { 1, 2 } };
	struct nst_env b = { .key = { 1, 3 } };

	(void)state;
	assert_int_not_equal(nst_hash(&a, "x", 1), nst_hash(&b, "x", 1));
}

static bool name_is_clean(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!is_digit(name[i]) && name[i] != '_' &&
		    (name[i] < 'a' || name[i] > 'z'))
			return false;
	return i > 0;
}

/* The names are columns of a /proc file and words of a manual. */
static void every_reason_has_its_own_name(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < NST_R_MAX; i++) {
		assert_true(name_is_clean(nst_reason_name(i)));
		assert_true(strlen(nst_reason_meaning(i)) > 5);
		for (j = 0; j < i; j++) {
			assert_string_not_equal(nst_reason_name(i), nst_reason_name(j));
			assert_string_not_equal(nst_reason_meaning(i), nst_reason_meaning(j));
		}
	}
	assert_string_equal(nst_reason_name(NST_R_OPAQUE_NO_CLEN), "opaque_no_clen");
	assert_string_equal(nst_reason_name(NST_R_MAX), "unknown");
	assert_string_equal(nst_reason_name((enum nst_reason)-1), "unknown");
	assert_non_null(nst_reason_meaning((enum nst_reason)-1));
}

static void defaults_are_the_documented_ones(void **state)
{
	struct nst_settings set;

	(void)state;
	memset(&set, 0xff, sizeof(set));
	nst_settings_default(&set);
	assert_int_equal(set.header_max, 16384);
	assert_int_equal(set.body_max, 40960);
	assert_int_equal(set.hold_max, 163840);
	assert_int_equal(set.ack_delay, 10);
	assert_int_equal(set.hold_timeout, 32000);
	assert_int_equal(set.calls_max, 65536);
	assert_int_equal(set.doors_per_call, 32);
	assert_int_equal(set.call_timeout, 43200);
	assert_int_equal(set.ringing_timeout, 180);
	assert_int_equal(set.media_filter, NST_FILTER_PEER);
	assert_false(set.debug);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_siphash_1_3),
		cmocka_unit_test(hash_depends_on_the_key),
		cmocka_unit_test(every_reason_has_its_own_name),
		cmocka_unit_test(defaults_are_the_documented_ones),
	};

	return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
