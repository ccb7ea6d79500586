// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exact translation of sequence numbers while changes of size are in flight.
 *
 *	sender    |--same--[ orig_len ]--same--[ orig_len ]--same-->
 *	receiver  |--same--[  new_len  ]--same--[new_len]--same-->
 *	offset     before             between            after
 *
 * nf_conntrack_seqadj keeps one correction per direction and loses its
 * bearings with the second change in flight; this keeps them all.
 */
#include <nf_nat_sip_tcp/flow.h>

static const struct seqrec *rec_at(const struct seqmap *m, u16 i)
{
	return &m->rec[(m->first + i) % m->cap];
}

const struct seqrec *seqmap_last(const struct seqmap *m)
{
	return m->nr ? rec_at(m, m->nr - 1) : NULL;
}

u32 seqmap_to_new(const struct seqmap *m, u32 orig)
{
	u16 i = m->nr;

	/* From the newest: most numbers asked for are the latest ones. */
	while (i--) {
		const struct seqrec *r = rec_at(m, i);
		u32 into = orig - r->orig_seq;

		if (seq_before(orig, r->orig_seq))
			continue;
		if (into < r->orig_len)
			return r->new_seq;
		return r->new_seq + r->new_len + (into - r->orig_len);
	}
	return orig + m->before;
}

static u32 to_orig(const struct seqmap *m, u32 new_seq, bool *inside)
{
	u16 i = m->nr;

	*inside = false;
	while (i--) {
		const struct seqrec *r = rec_at(m, i);
		u32 into = new_seq - r->new_seq;

		if (seq_before(new_seq, r->new_seq))
			continue;
		if (into >= r->new_len)
			return r->orig_seq + r->orig_len + (into - r->new_len);
		*inside = into > 0;
		return r->orig_seq;
	}
	return new_seq - m->before;
}

u32 seqmap_to_orig(const struct seqmap *m, u32 new_seq)
{
	bool inside;

	return to_orig(m, new_seq, &inside);
}

bool seqmap_edge_to_orig(const struct seqmap *m, u32 new_seq, u32 *orig)
{
	bool inside;

	*orig = to_orig(m, new_seq, &inside);
	return !inside;
}

void seqmap_prune(struct seqmap *m, u32 new_ack)
{
	while (m->nr) {
		const struct seqrec *r = rec_at(m, 0);

		if (seq_after(r->new_seq + r->new_len, new_ack))
			return;
		m->before = r->new_seq + r->new_len - r->orig_seq - r->orig_len;
		m->first = (m->first + 1) % m->cap;
		m->nr--;
	}
}

s32 seqmap_max_offset(const struct seqmap *m)
{
	s32 max = (s32)m->before;
	u16 i;

	for (i = 0; i < m->nr; i++) {
		const struct seqrec *r = rec_at(m, i);
		s32 off = (s32)(r->new_seq + r->new_len - r->orig_seq - r->orig_len);

		if (off > max)
			max = off;
	}
	return max;
}

/* The ring doubles; most connections have one or two in flight. */
#define CAP_MIN 4

static int grow(struct nst_conn *c, struct seqmap *m)
{
	u16 cap = m->cap ? m->cap * 2 : CAP_MIN;
	struct nst_env *env = c->env;
	struct seqrec *rec;
	u16 i;

	if (cap > SEQMAP_MAX)
		return -ENOSPC;
	rec = env->ops->alloc_for(env, &c->account, cap * sizeof(*rec));
	if (!rec)
		return -ENOMEM;
	for (i = 0; i < m->nr; i++)
		rec[i] = *rec_at(m, i);
	if (m->rec)
		env->ops->free_for(env, &c->account, m->rec, m->cap * sizeof(*rec));
	m->rec = rec;
	m->cap = cap;
	m->first = 0;
	return 0;
}

/* Room for one more record, so that seqmap_add() cannot fail. */
int seqmap_room(struct nst_conn *c, struct seqmap *m)
{
	return m->nr < m->cap ? 0 : grow(c, m);
}

void seqmap_add(struct seqmap *m, const struct seqrec *r)
{
	m->rec[(m->first + m->nr) % m->cap] = *r;
	m->nr++;
	m->after = r->new_seq + r->new_len - r->orig_seq - r->orig_len;
}

void seqmap_free(struct nst_conn *c, struct seqmap *m)
{
	if (m->rec)
		c->env->ops->free_for(c->env, &c->account, m->rec,
				      m->cap * sizeof(*m->rec));
	m->rec = NULL;
	m->cap = 0;
	m->nr = 0;
	m->before = m->after;
}

/* A burst of changes is over: what it took is not kept for the next one. */
void seqmap_trim(struct nst_conn *c, struct seqmap *m)
{
	if (!m->nr && m->cap > CAP_MIN)
		seqmap_free(c, m);
}
