// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keyed hash over packet content: SipHash-1-3, so that nobody who does not
 * know the key can aim at one bucket or forge an equal Call-ID.  It is what the
 * kernel's hsiphash() is for tables, with all 64 bits of the result.
 */
#include <nf_nat_sip_tcp/env.h>

struct sip_hash {
	u64 v[4];
};

static inline u64 rotl(u64 x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(struct sip_hash *h)
{
	u64 *v = h->v;

	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static void sip_word(struct sip_hash *h, u64 word)
{
	h->v[3] ^= word;
	sip_round(h);
	h->v[0] ^= word;
}

/* Less than eight bytes, little endian, whatever the machine's order is. */
static u64 load_word(const u8 *p, u32 n)
{
	u64 word = 0;
	u32 i;

	for (i = 0; i < n; i++)
		word |= (u64)p[i] << (8 * i);
	return word;
}

static u64 load_eight(const u8 *p)
{
	return (u64)p[0] | (u64)p[1] << 8 | (u64)p[2] << 16 | (u64)p[3] << 24 |
	       (u64)p[4] << 32 | (u64)p[5] << 40 | (u64)p[6] << 48 | (u64)p[7] << 56;
}

u64 nst_hash(const struct nst_env *env, const void *p, u32 len)
{
	struct sip_hash h = { {
		env->key[0] ^ 0x736f6d6570736575ULL,
		env->key[1] ^ 0x646f72616e646f6dULL,
		env->key[0] ^ 0x6c7967656e657261ULL,
		env->key[1] ^ 0x7465646279746573ULL,
	} };
	const u8 *byte = p;
	u32 left = len;
	int i;

	/* A constant number of bytes becomes one load. */
	for (; left >= 8; left -= 8, byte += 8)
		sip_word(&h, load_eight(byte));
	sip_word(&h, load_word(byte, left) | (u64)(len & 0xff) << 56);
	h.v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(&h);
	return h.v[0] ^ h.v[1] ^ h.v[2] ^ h.v[3];
}
