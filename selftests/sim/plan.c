// SPDX-License-Identifier: GPL-2.0-only
/* What a seed stands for: ends, wires, what is said, and how it ends. */
#include <nf_nat_sip_tcp/event.h>

#include "sim.h"

#define SEGMENTS_MIN 32
#define MESSAGES_MIN 8
#define BACKLOG 24000
#define MESSAGES_MAX 1500
/* Beyond that no more calls: public ports are counted. */
#define CALLS_MAX 250

static u32 pick(struct sim *s, const u32 *from, u32 nr)
{
	return from[dice(s, nr)];
}

#define PICK(s, ...)							\
	pick(s, (const u32[]){ __VA_ARGS__ }, sizeof((u32[]){ __VA_ARGS__ }) / sizeof(u32))

static void plan_end(struct sim *s, struct end *p)
{
	p->iss = PICK(s, 1, 0xffffff00, 0xfffff000, 0x7ffff800, 0xffffffff, 0x80000000) +
		 dice(s, 200);
	p->mss = PICK(s, 1460, 1460, 1448, 536, 536, 88, 200, 1220, 8960, 9000);
	if (!dice(s, 8))
		p->mss = 88 + dice(s, 8900);
	p->tso = dice(s, 3) ? 0 : 2000 + dice(s, 30000);
	p->wscale = PICK(s, 7, 7, 0, 0xff, 2, 14);
	p->ts = dice(s, 4);
	p->sack = dice(s, 4);
	p->dsack = dice(s, 2);
	p->trust_sack = dice(s, 2);
	p->nagle = dice(s, 2);
	p->byte_probe = !s->quiet_wires && !dice(s, 3);
	p->piecemeal = !s->quiet_wires && !dice(s, 4);
	p->space = PICK(s, 65535, 65535, 30000, 20000);
	p->delack = PICK(s, 0, 40, 40, 200, 5);
	p->rto_min = s->quiet_wires || p->delack == 200 ? 1000 : PICK(s, 200, 200, 1000);
	p->cwnd = PICK(s, 10, 10, 2, 1, 4);
	if (p->wscale == 7 && !dice(s, 3))
		p->space = 500000;
	/* A window below a message makes it pass as it is. */
	if (!dice(s, 12)) {
		p->space = PICK(s, 3000, 1000, 500, 6000);
		s->may_opaque = true;
	}
	/* Its windows can be said in units of a quarter of it. */
	while (p->wscale != 0xff && 4u << p->wscale > p->space)
		p->wscale--;
}

static void plan_wire(struct sim *s, struct wire *w)
{
	u32 hard = dice(s, 3);

	w->delay = 1 + dice(s, dice(s, 3) ? 4 : 30);
	if (s->quiet_wires)
		return;
	w->jitter = dice(s, 2) ? 0 : dice(s, 8);
	w->loss = hard == 2 ? dice(s, 120) : hard ? dice(s, 30) : 0;
	w->dup = dice(s, 2) ? 0 : dice(s, 60);
	w->late = dice(s, 2) ? 0 : dice(s, 200);
}

static void plan_settings(struct sim *s)
{
	struct nst_settings *set = &s->env.env.set;

	set->hold_timeout = 600000;
	set->ack_delay = PICK(s, 10, 10, 1, 50, 100);
	s->settings = !dice(s, 6);
	if (!s->quiet_wires && !dice(s, 10)) {
		set->hold_max = PICK(s, 8192, 12000, 30000);
		s->may_opaque = true;
	}
	if (!dice(s, 20)) {
		set->hold_timeout = 1000;
		s->may_opaque = true;
	}
	if (!dice(s, 16)) {
		s->opaque_at = 1 + dice(s, 12);
		s->may_opaque = true;
	}
	s->ecn = !s->quiet_wires && !dice(s, 4);
	set->debug = !dice(s, 20);
	nst_event_switch = !dice(s, 20);
	if (!dice(s, 24)) {
		s->urgent = true;
		s->may_opaque = true;
	}
	if (!dice(s, 24)) {
		s->junk_at = dice(s, 12);
		s->may_opaque = true;
	}
	if (!s->quiet_wires && !dice(s, 10))
		s->oom = 5 + dice(s, 20);
	s->hold_max = set->hold_max;
}

static void plan_writer(struct sim *s, u8 e)
{
	struct writer *w = &s->writer[e];

	w->pause = PICK(s, 3, 30, 100, 300);
	w->cut = PICK(s, 0, 30, 60, 90);
	w->at = s->now + 1;
	if (dice(s, 4))
		return;
	w->read_step = 300 + dice(s, 4000);
	w->read_pause = 5 + dice(s, dice(s, 4) ? 60 : 600);
	s->slow_reader = true;
}

void plan_make(struct sim *s)
{
	u8 i;

	s->now = 1000;
	s->quiet_wires = !dice(s, 4);
	s->own_last = dice(s, 2);
	s->contradict = !s->quiet_wires && !dice(s, 8);
	s->variant = dice(s, VARIANTS);
	s->ending = dice(s, ENDINGS);
	plan_settings(s);
	for (i = 0; i < 2; i++)
		plan_end(s, &s->end[i]);
	for (i = 0; i < 4; i++)
		plan_wire(s, &s->wire[i]);
	for (i = 0; i < 4; i += 2) {
		s->wire[i].gro = dice(s, 3) == 0;
		s->wire[i].split = dice(s, 3) ? 0 : dice(s, 500);
	}
	for (i = 0; i < 2; i++)
		plan_writer(s, i);
	/* What is not SIP is no message to be held: its framing is lost. */
	if (s->ending == END_CUT)
		s->may_opaque = true;
	trouble_plan(s);
}

/* Room for what is to be written; it stays where it is. */
static char *room(struct end *p, u32 at, u32 len)
{
	if (at + len > p->out_cap) {
		p->out_cap = 2 * (at + len) + 65536;
		p->out = realloc(p->out, p->out_cap);
	}
	return p->out + at;
}

/* Short ones are the rule; the first makes known how the client writes itself. */
static const struct phrase *choose(struct sim *s, u8 e, u32 nr)
{
	const struct book *b = &book[s->variant];
	u32 i = dice(s, b->nr_of[e]);

	if (b->phrase[b->of[e][i]].raw.len + b->phrase[b->of[e][i]].body.len > 2000 && dice(s, 2))
		i = dice(s, b->nr_of[e]);
	if (!e && (!nr || (nr > CALLS_MAX && i >= 7)))
		i = 0;
	return &b->phrase[b->of[e][i]];
}

static void compose(struct sim *s, u8 e)
{
	struct writer *w = &s->writer[e];
	struct end *p = &s->end[e];
	u32 at = p->out_len;
	const struct phrase *ph;
	char *to;

	w->pos = 0;
	w->text_len = trouble_junk(s, e, room(p, at, JUNK_MAX));
	if (w->text_len) {
		judge_written(s, e, NULL, 0, w->text_len);
	} else if (s->junk_at && w->messages == s->junk_at) {
		w->text_len = 1 + dice(s, 200);
		memset(room(p, at, 200), dice(s, 2) ? 'x' : ' ', w->text_len);
		memcpy(p->out + at, "\x16", 1);
		judge_written(s, e, NULL, 0, w->text_len);
	} else if (w->messages && !dice(s, 8)) {
		w->text_len = 2 + 2 * dice(s, 2);
		memcpy(room(p, at, 4), "\r\n\r\n", 4);
		judge_written(s, e, NULL, 0, w->text_len);
	} else {
		ph = choose(s, e, w->messages);
		to = room(p, at, ph->raw.len + ph->body.len);
		w->text_len = text_put(to, &ph->raw, 2 * w->messages);
		w->text_len += text_put(to + w->text_len, &ph->body, 2 * w->messages);
		judge_written(s, e, ph, 2 * w->messages, ph->raw.len);
		if (ph->body.len)
			judge_written(s, e, NULL, 0, ph->body.len);
	}
	w->messages++;
}

/* Enough for what a schedule must have? */
static bool has_enough(const struct sim *s, u8 e)
{
	const struct side *d = &s->side[e];

	return s->writer[e].messages >= MESSAGES_MIN && d->changes >= 4 &&
	       d->segments >= SEGMENTS_MIN;
}

static void change_settings(struct sim *s)
{
	struct nst_settings *set = &s->env.env.set;

	if (!s->settings || dice(s, 10))
		return;
	set->ack_delay = PICK(s, 1, 10, 50, 200);
	if (s->quiet_wires || dice(s, 2))
		return;
	set->hold_max = PICK(s, 163840, 40000, 20000, 1048576);
	if (set->hold_max > s->hold_max)
		s->hold_max = set->hold_max;
}

static void step_writer(struct sim *s, u8 e)
{
	struct writer *w = &s->writer[e];
	struct end *p = &s->end[e];
	u32 len;

	w->at = s->now + 1 + dice(s, w->pause);
	if (w->done || p->state == TCP_CLOSED)
		return;
	/* The server speaks once it has been spoken to. */
	if ((e && !p->got.low) || p->state < TCP_ESTABLISHED || p->out_len - p->una > BACKLOG)
		return;
	if (w->pos == w->text_len) {
		if (w->messages >= MESSAGES_MAX || (!w->extra && has_enough(s, e))) {
			w->done = true;
			return;
		}
		if (w->extra)
			w->extra--;
		compose(s, e);
		change_settings(s);
		if (!dice(s, 30))
			end_keepalive(s, e, dice(s, 2));
	}
	len = w->text_len - w->pos;
	if (dice(s, 100) < w->cut && len > 1)
		len = 1 + dice(s, dice(s, 2) ? len : len < 60 ? len : 60);
	w->pos += len;
	end_write(s, e, NULL, len);
	if (s->opaque_at && w->messages == s->opaque_at && !e) {
		s->opaque_at = 0;
		gate_opaque(s);
	}
}

static void step_reader(struct sim *s, u8 e)
{
	struct writer *w = &s->writer[e];

	w->read_at = s->now + 1 + dice(s, w->read_pause);
	end_read(s, e, w->read_step);
	s->last_progress = s->now;
	if (s->stage >= 3)
		w->read_step = 1 << 30;
}

/* Nothing under way, nothing to be done. */
static bool at_rest(const struct sim *s)
{
	u8 e;

	for (e = 0; e < 2; e++)
		if (s->end[e].una != end_of_stream(&s->end[e]) ||
		    s->end[e].got.low != s->end[e].taken)
			return false;
	return !s->heap.nr && !s->timer && !s->gro[0] && !s->gro[1];
}

static void finish_message(struct sim *s, u8 e, bool cut)
{
	struct writer *w = &s->writer[e];
	u32 at = s->end[e].out_len;

	w->extra = 0;
	w->done = true;
	if (!cut)
		return;
	/* Half a message; nobody completes it. */
	memcpy(room(&s->end[e], at, 64), "OPTIONS sip:a SIP/2.0\r\nVia: SIP", 31);
	judge_written(s, e, NULL, 0, 31);
	end_write(s, e, NULL, 31);
}

static void begin_ending(struct sim *s)
{
	switch (s->ending) {
	case END_FIN_FIRST:
	case END_HALF_CLIENT:
		end_close(s, 0);
		break;
	case END_FIN_SECOND:
	case END_HALF_SERVER:
		end_close(s, 1);
		break;
	case END_FIN_BOTH:
		end_close(s, 0);
		end_close(s, 1);
		break;
	case END_CUT:
		finish_message(s, dice(s, 2), true);
		end_close(s, 0);
		end_close(s, 1);
		break;
	case END_RST:
	case END_RST_IN_DATA:
		end_abort(s, dice(s, 2));
		break;
	case END_VANISH:
		trouble_vanish(s);
		break;
	default:
		break;
	}
	if (s->ending == END_HALF_CLIENT || s->ending == END_HALF_SERVER) {
		u8 other = s->ending == END_HALF_CLIENT;

		s->writer[other].extra = 1 + dice(s, 4);
		s->writer[other].done = false;
	}
}

/* Whoever has read FIN closes, too, when all is said. */
static void follow_fin(struct sim *s)
{
	u8 e;

	for (e = 0; e < 2; e++)
		if (s->end[e].state == TCP_CLOSE_WAIT && s->writer[e].done)
			end_close(s, e);
}

static void next_stage(struct sim *s)
{
	bool both = s->writer[0].done && s->writer[1].done;

	if (s->stage == 0 && both) {
		s->stage = s->ending != END_RST_IN_DATA && s->ending != END_VANISH && (s->ending == END_IDLE || dice(s, 2)) ?
			1 : 3;
		if (s->stage == 3)
			begin_ending(s);
	} else if (s->stage == 1 && at_rest(s)) {
		judge_idle(s);
		end_keepalive(s, 0, dice(s, 2));
		end_keepalive(s, 1, dice(s, 2));
		s->stage = 2;
	} else if (s->stage == 2 && at_rest(s)) {
		judge_idle(s);
		s->stage = 3;
		begin_ending(s);
	} else if (s->stage == 3) {
		follow_fin(s);
	}
}

u64 plan_due(const struct sim *s)
{
	u64 due = 0;
	u8 e;

	for (e = 0; e < 2; e++) {
		if (!s->writer[e].done && s->end[e].state != TCP_CLOSED && !s->rst)
			due = sooner(due, s->writer[e].at);
		if (s->writer[e].read_step && s->end[e].taken != s->end[e].got.low)
			due = sooner(due, s->writer[e].read_at ? s->writer[e].read_at : s->now);
	}
	return due;
}

/* What applications do now. */
void plan_step(struct sim *s)
{
	u8 e;

	for (e = 0; e < 2; e++) {
		if (!s->writer[e].done && s->writer[e].at <= s->now)
			step_writer(s, e);
		if (s->writer[e].read_step && s->writer[e].read_at <= s->now &&
		    s->end[e].taken != s->end[e].got.low)
			step_reader(s, e);
	}
	next_stage(s);
}

bool plan_over(const struct sim *s)
{
	if (s->heap.nr || s->gro[0] || s->gro[1])
		return false;
	if (s->ending == END_IDLE && s->stage == 3)
		return true;
	/* Who has nothing to say does not learn that the other one is gone. */
	if (s->rst && !end_due(&s->end[0]) && !end_due(&s->end[1]) && !plan_due(s))
		return true;
	return s->end[0].state == TCP_CLOSED && s->end[1].state == TCP_CLOSED;
}
