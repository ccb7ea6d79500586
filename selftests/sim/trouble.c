// SPDX-License-Identifier: GPL-2.0-only
/*
 * What befalls one connection in a few: a path that takes less than its ends
 * believe, and says so (RFC 1191), or somebody else who says so; packets that
 * come again much later; an end that is gone and says nothing.
 *
 * These dice are others: a seed's schedule is what it was before it had troubles.
 */
#include "sim.h"

/* As long as a time-out gets, shorter than TIME_WAIT. */
#define LATE_MOST 60000
/* With time-outs of a minute: longer than the engine goes on. */
#define TRIES_MAX 18

static u32 fate(struct sim *s, u32 below)
{
	u64 z = s->fate += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (u32)((z ^ (z >> 31)) >> 16) % below;
}

void trouble_plan(struct sim *s)
{
	struct trouble *t = &s->trouble;
	u8 dir;

	s->fate = ~s->seed * 0x9fb21c651e98df25ull;
	if (s->quiet_wires || (!all_troubled && fate(s, 5)))
		return;
	for (dir = 0; dir < 2; dir++) {
		if (fate(s, 2))
			continue;
		t->path[dir] = PATH_LEAST + fate(s, fate(s, 2) ? 200 : 1100);
		t->path_from[dir] = fate(s, 30);
	}
	t->path_silent = fate(s, 2) ? 0 : fate(s, 500);
	t->path_unsaid = !fate(s, 4);
	/* Without being told nobody believes in less than that (RFC 1191 5, 1122 3.3.3). */
	for (dir = 0; dir < 2 && t->path_unsaid; dir++)
		if (t->path[dir])
			t->path[dir] += 536 + 12 - PATH_LEAST;
	t->forged = fate(s, 3) ? 0 : fate(s, 30);
	t->replay = fate(s, 2) ? 0 : fate(s, 20);
	if (!fate(s, 8)) {
		t->junk[fate(s, 2)] = 1 + fate(s, 6) / 2;
		s->may_opaque = true;
	}
	if (!fate(s, 6))
		s->ending = END_VANISH;
	if (!fate(s, 3))
		s->env.env.set.on_error = NST_ON_ERROR_RESET;
}

/** trouble_junk - what an end writes that is no message.  Return: its length */
u32 trouble_junk(struct sim *s, u8 e, char *to)
{
	static const char bad[] = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nl: 1x\r\n\r\n";
	u32 len = 3 + fate(s, JUNK_MAX - 3);

	if (s->writer[e].messages + 1 != s->trouble.junk[e])
		return 0;
	memset(to, 'x', JUNK_MAX);
	/* What comes behind must not make a method of it. */
	if (fate(s, 2))
		to[0] = 0x16;
	else
		memcpy(to + len - 2, "\r\n", 2);
	if (fate(s, 2) && len >= sizeof(bad))
		memcpy(to, bad, sizeof(bad) - 1);
	return len;
}

/* An error of somebody who has seen a segment on its way to the end @to. */
static void send_error(struct sim *s, const struct nst_segment *seg, u16 mss, bool too_big)
{
	struct packet *p = packet_new(s, 0);

	p->seg = *seg;
	p->is_error = true;
	p->error = (struct nst_icmp){
		.dir = seg->dir, .too_big = too_big, .mss = mss, .seq = seg->seq, .ack = seg->ack,
	};
	p->wire = 2 * !seg->dir;
	wire_put(s, p);
}

/**
 * trouble_path - does a segment get through behind the gateway?
 */
bool trouble_path(struct sim *s, u8 wire, const struct nst_segment *seg)
{
	struct trouble *t = &s->trouble;
	u32 most = t->path[seg->dir], options = seg->has_ts ? 12 : 0;

	if (!(wire & 1) || !seg->len)
		return true;
	if (t->forged && fate(s, 1000) < t->forged) {
		struct nst_segment lie = *seg;

		lie.seq += fate(s, 2) ? fate(s, 100000) : -fate(s, 100000);
		send_error(s, &lie, PATH_LEAST + fate(s, 1000), fate(s, 2));
	}
	if (!most || s->side[seg->dir].segments < t->path_from[seg->dir] ||
	    seg->seg_size + options <= most)
		return true;
	if (fate(s, 1000) >= t->path_silent)
		send_error(s, seg, t->path_unsaid ? 0 : most, true);
	return false;
}

/** trouble_again - when else a packet to the gateway comes, 0: never */
u64 trouble_again(struct sim *s, u8 wire)
{
	if (wire & 1 || !s->trouble.replay || fate(s, 1000) >= s->trouble.replay)
		return 0;
	return s->now + 1000 + fate(s, LATE_MOST);
}

/* The end is not there any more: nobody answers. */
void trouble_vanish(struct sim *s)
{
	struct end *p = &s->end[fate(s, 2)];

	s->rst = true;
	s->trouble.vanished = true;
	p->state = TCP_CLOSED;
	p->rto_at = 0;
	p->persist_at = 0;
	p->delack_at = 0;
}

/* RFC 9293 3.8.3, R2.  Return: true where the end @e does not go on. */
bool trouble_tired(struct sim *s, u8 e)
{
	struct end *p = &s->end[e];

	/* Or it was there for as long as TIME_WAIT, and all it said was lost. */
	if (!s->trouble.vanished && (s->end[!e].state != TCP_CLOSED || s->rst || s->closing))
		return false;
	if (++p->tries < (s->trouble.vanished ? TRIES_MAX : TRIES_MAX / 2))
		return false;
	s->rst = true;
	/* Who was given up here is told so, each time it says something. */
	must(s, CLOSE, !s->closing || s->wire[0].loss + s->wire[1].loss + s->wire[2].loss +
	     s->wire[3].loss, "end %u was never told", e);
	p->state = TCP_CLOSED;
	p->rto_at = 0;
	p->persist_at = 0;
	return true;
}
