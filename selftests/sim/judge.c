// SPDX-License-Identifier: GPL-2.0-only
/* What must hold of each packet, and after each step. */
#include <nf_nat_sip_tcp/flow.h>

#include "sim.h"

#define LL(x) ((long long)(x))

static u32 scale_of(const struct sim *s, const struct nst_segment *seg)
{
	return seg->flags & NST_SYN || s->end[seg->dir].wscale == 0xff ||
	       s->end[!seg->dir].wscale == 0xff ? 0 : s->end[seg->dir].wscale;
}

static s64 max64(s64 a, s64 b)
{
	return a > b ? a : b;
}

/* The connection is gone, or going by force. */
static bool is_over(const struct sim *s)
{
	return s->rst_of_end || s->closing ||
	       (s->trouble.vanished && s->conn.state == NST_CONN_OPAQUE);
}

/* Nobody comes to a clean end. */
static bool is_lost(const struct sim *s)
{
	return s->rst || s->closing;
}

/* Constant offsets: what is late comes late. */
bool judge_constant(const struct sim *s)
{
	return s->conn.state == NST_CONN_OPAQUE && conn_quiet(&s->conn);
}

static void judge_conntrack(struct sim *s, const struct nst_segment *seg)
{
	enum ct_result res = ct_packet(&s->ct, seg);

	if (res == CT_ACCEPT || is_over(s))
		return;
	/* Very late ones are ignored, with or without us. */
	if (show_flows)
		fprintf(stderr, "%8llu conntrack %s: %s\n", (unsigned long long)s->now,
			res == CT_IGNORE ? "ignores" : "invalid", s->ct.why);
	/* Bytes beyond a window of 0, and what comes behind them. */
	if (s->end[0].byte_probe || s->end[1].byte_probe)
		return;
	if (res == CT_IGNORE && (!s->quiet_wires || seg->flags & NST_SYN) && *s->ct.why != 'b')
		return;
	must(s, CONNTRACK, false, "%s by %u", s->ct.why, s->ct.by);
}

static void start_side(struct sim *s, const struct nst_segment *seg)
{
	struct side *d = &s->side[seg->dir];

	d->fin_came = -1;
	d->sent_fin = -1;
	d->tsval = seg->tsval;
	d->ts_low = seg->tsval;
	d->ts_seen = true;
	/* A SYN passes as it is. */
	s->side[!seg->dir].given_edge = seg->win;
	if (seg->flags & NST_ACK)
		s->side[!seg->dir].told_edge = max64(s->side[!seg->dir].told_edge, seg->win);
}

/* A segment reaches the gateway. */
void judge_arrival(struct sim *s, const struct nst_segment *seg)
{
	struct side *d = &s->side[seg->dir];
	struct side *back = &s->side[!seg->dir];
	s64 at = offset_of(s, seg->dir, seg->seq);
	s64 ack = offset_of(s, !seg->dir, seg->ack);

	judge_conntrack(s, seg);
	s->seg_is_repeat = false;
	s->top[seg->dir] = cover_top(&d->sent) + (d->sent_fin >= 0);
	s->resent[0] = 0;
	s->resent[1] = 0;
	if (seg->flags & NST_SYN && !d->ts_seen)
		start_side(s, seg);
	if (seg->has_ts && distance(d->tsval, seg->tsval) > 0)
		d->tsval = seg->tsval;
	/*
	 * RFC 7323 4.3: what is to be echoed, at least.  By 5.3 R2 a segment that
	 * the receiver has all of is none that counts.
	 */
	if (seg->has_ts && distance(d->ts_low, seg->tsval) > 0 &&
	    (seg->flags & NST_SYN ||
	     (at <= d->given_ack && at + (s64)seg->len >= orig_ceil(d, d->told_ack))))
		d->ts_low = seg->tsval;
	if (seg->flags & NST_SYN)
		return;
	/* Who knows a better path. */
	if (seg->seg_size > d->path && at >= d->path_from)
		d->path = 0;
	if (seg->seg_size > d->largest)
		d->largest = seg->seg_size;
	if (seg->len) {
		d->segments++;
		s->seg_is_repeat = at >= 0 ? !cover_add(&d->came, at, at + seg->len) : true;
	}
	if (seg->flags & NST_FIN)
		d->fin_came = at + seg->len;
	if (!(seg->flags & NST_ACK))
		return;
	if (ack > back->told_ack || !seg->win)
		back->heard_at = s->now;
	back->told_ack = max64(back->told_ack, ack);
	back->told_edge = max64(back->told_edge, ack + ((s64)seg->win << scale_of(s, seg)));
	back->edge_most = max64(back->edge_most, edge_ceil(back));
}

/* What leaves as data. */
static void judge_data(struct sim *s, const struct nst_segment *seg, const char *data, bool own)
{
	struct side *d = &s->side[seg->dir];
	s64 at = offset_of(s, seg->dir, seg->seq);
	bool opaque = s->conn.state == NST_CONN_OPAQUE;
	s64 was;
	u32 i;

	must(s, WINDOW, at + seg->len <= d->told_edge || (opaque && !own),
	     "overrun by %lld", LL(at + seg->len - d->told_edge));
	must(s, I4_BELOW, at >= d->told_ack || (opaque && !own), "%lld bytes below",
	     LL(d->told_ack - at));
	if (at < 0)
		return;
	/* What the receiver has it does not look at again. */
	if (judge_constant(s) && at < d->told_ack) {
		if (at + seg->len <= d->told_ack)
			return;
		data += d->told_ack - at;
		s->deferred[s->nr_deferred++] = (struct deferred){
			seg->dir, d->told_ack, at + seg->len - d->told_ack, data };
		return;
	}
	if (s->nr_deferred < DEFERRED_MAX)
		s->deferred[s->nr_deferred++] = (struct deferred){
			seg->dir, at, seg->len, data };
	if (own) {
		was = 0;
		for (i = 0; i < d->sent.nr; i++)
			if (d->sent.r[i].from < at + seg->len && d->sent.r[i].to > at)
				was += seg->len;
		if (at < d->sent.low)
			was += (at + seg->len < d->sent.low ? at + seg->len : d->sent.low) - at;
		s->resent[seg->dir] += was;
		s->resends += !!was;
		must(s, RESEND_IDLE, !was || !s->quiet_wires || is_over(s),
		     "%lld bytes at %lld again", LL(was), LL(at));
	}
	cover_add(&d->sent, at, at + seg->len);
}

static void judge_fin(struct sim *s, const struct nst_segment *seg)
{
	struct side *d = &s->side[seg->dir];
	s64 at = offset_of(s, seg->dir, seg->seq) + seg->len;

	must(s, FIN_PLACE, d->fin_came >= 0, "FIN that nobody sent");
	must(s, FIN_PLACE, d->settled < d->nr_pieces || at == d->expect_len,
	     "FIN at %lld of %u", LL(at), d->expect_len);
	must(s, FIN_PLACE, d->sent_fin < 0 || d->sent_fin == at, "FIN at %lld and %lld",
	     LL(d->sent_fin), LL(at));
	d->sent_fin = at;
}

/* What the receiver has acknowledged, in numbers of the sender, at least. */
static s64 told_orig(const struct side *d)
{
	/*
	 * What left of a message may fit more than one of its forms: the last bytes of
	 * it can belong to a change, which is acknowledged as a whole.  When it was
	 * reset nobody looked at what left.
	 */
	if (d->settled < d->nr_pieces && d->told_ack > d->expect_len)
		return d->piece[d->settled].orig;
	if (d->sent_fin >= 0 && d->told_ack == d->sent_fin + 1)
		return d->fin_came + 1;
	return orig_floor(d, d->told_ack);
}

static void judge_sack(struct sim *s, const struct nst_segment *seg, s64 ack)
{
	const struct side *d = &s->side[!seg->dir];
	s64 from, to;
	u8 i;

	for (i = 0; i < seg->nr_sack; i++) {
		from = offset_of(s, !seg->dir, seg->sack[i].left);
		to = offset_of(s, !seg->dir, seg->sack[i].right);
		if (judge_constant(s))
			continue;
		must(s, SACK_SHAPE, from < to, "block %lld-%lld", LL(from), LL(to));
		if (from < 0 && !i)
			continue;	/* a keep-alive's garbage */
		must(s, SACK_OF_NOTHING, cover_has(&d->came, from, to), "block %lld-%lld",
		     LL(from), LL(to));
		must(s, SACK_SHAPE, from > ack || !i, "block %lld-%lld behind %lld", LL(from),
		     LL(to), LL(ack));
	}
}

/*
 * What was allowed once is not taken back, even if nobody has been told of it,
 * and messages have grown since.
 */
static void judge_edge(struct sim *s, struct side *d, s64 edge)
{
	d->edge_most = max64(d->edge_most, edge_ceil(d));
	if (is_over(s) || s->oom)
		return;
	must(s, EDGE_KEPT, edge <= max64(d->edge_most, d->given_edge), "%lld, where %lld was told",
	     LL(edge), LL(d->edge_most));
}

static void judge_ack(struct sim *s, const struct nst_segment *seg, bool own)
{
	struct side *d = &s->side[!seg->dir];
	u32 unit = 1u << scale_of(s, seg);
	s64 ack = offset_of(s, !seg->dir, seg->ack);
	s64 edge = ack + ((s64)seg->win << scale_of(s, seg));
	bool late = !own && judge_constant(s);

	must(s, ACK_OF_NOTHING, ack <= d->came.low + (d->fin_came == d->came.low),
	     "%lld, of %u that came", LL(ack), d->came.low);
	must(s, FIN_ACK, d->fin_came < 0 || ack <= d->fin_came || d->told_ack == d->sent_fin + 1,
	     "FIN is acknowledged");
	if (!late) {
		must(s, ACK_MONOTONE, ack >= d->given_ack, "by %lld", LL(d->given_ack - ack));
		must(s, EDGE_MONOTONE, edge + unit - 1 >= d->given_edge, "by %lld",
		     LL(d->given_edge - edge));
		/* Behind an end, a reset too, nobody looks at what passes raw, or its length. */
		must(s, I2_ACK, ack >= told_orig(d) || s->oom ||
		     (is_over(s) && s->conn.state == NST_CONN_OPAQUE),
		     "%lld, where %lld (%lld) was told", LL(ack), LL(told_orig(d)),
		     LL(d->told_ack));
	}
	judge_edge(s, d, edge);
	d->given_ack = max64(d->given_ack, ack);
	d->given_edge = max64(d->given_edge, edge);
	judge_sack(s, seg, ack);
}

/* Numbers of what has no bytes to tell its place. */
static void judge_seq(struct sim *s, const struct nst_segment *seg)
{
	const struct side *d = &s->side[seg->dir];
	s64 orig = offset_of(s, seg->dir, s->seg->seq);
	s64 at = offset_of(s, seg->dir, seg->seq);
	s64 top = cover_top(&d->sent) + (d->sent_fin >= 0);
	s64 low = fresh_floor(d, orig), high = fresh_ceil(d, orig);
	bool probe = false;

	if (d->sent_fin >= 0 && orig > d->fin_came)
		low = high = d->sent_fin + 1;
	/* Own segments of this step may have left before it, or will do so. */
	if (low > s->top[seg->dir])
		low = s->top[seg->dir];
	if (d->settled < d->nr_pieces || judge_constant(s))
		return;
	/* Bytes that are missing, or were refused, leave behind all that did. */
	if (orig > (s64)d->came.low && orig != d->fin_came + 1 &&
	    s->conn.state != NST_CONN_OPAQUE)
		high = top;
	/* A keep-alive is one below what is next. */
	if (orig >= 0 && orig == (s64)d->came.low - 1 && d->fin_came < 0 && d->given_ack == orig + 1) {
		low = top - 1;
		high = top - 1;
		probe = true;
		if (s->oom || s->settings || d->came.nr)
			return;
	}
	/* Below what the receiver has, one old number is as good as another. */
	if (at <= d->told_ack && low <= d->told_ack && !probe)
		return;
	must(s, I2_SEQ, at >= (low < top - 1 ? low : top - 1) && at <= max64(high, low),
	     "%lld becomes %lld, not %lld..%lld", LL(orig), LL(at), LL(low), LL(high));
}

static void judge_stamp(struct sim *s, const struct side *d, u32 stamp, const char *which)
{
	if (!s->end[0].ts || !s->end[1].ts)
		return;
	must(s, TIMESTAMP, distance(d->ts_low, stamp) >= 0, "%s is %lld old", which,
	     LL(distance(stamp, d->ts_low)));
	must(s, TIMESTAMP, distance(stamp, d->tsval) >= 0, "%s of a time to come", which);
}

static void judge_stamps(struct sim *s, const struct nst_segment *seg)
{
	bool ts = s->end[0].ts && s->end[1].ts;

	must(s, TIMESTAMP, seg->has_ts == ts, "option %s", ts ? "is missing" : "is too much");
	judge_stamp(s, &s->side[seg->dir], seg->tsval, "TSval");
	judge_stamp(s, &s->side[!seg->dir], seg->tsecr, "TSecr");
}

static void note_shown(struct sim *s, const struct nst_segment *seg)
{
	struct side *d = &s->side[seg->dir];
	s64 end = offset_of(s, seg->dir, seg->seq) + seg->len + !!(seg->flags & NST_FIN);

	if (end > d->shown)
		d->shown = end;
}

void judge_departure(struct sim *s, const struct nst_segment *seg, const char *data, bool own)
{
	if (seg->flags & (NST_SYN | NST_RST))
		return;
	must(s, I1_STREAM, !seg->len || !s->closing, "bytes of a connection that was given up");
	note_shown(s, seg);
	if (seg->len)
		judge_data(s, seg, data, own);
	if (seg->flags & NST_FIN)
		judge_fin(s, seg);
	if (!own && !s->seg->len && !((seg->flags | s->seg->flags) & NST_FIN) && !is_over(s))
		judge_seq(s, seg);
	if (seg->flags & NST_ACK)
		judge_ack(s, seg, own);
	if (own)
		judge_stamps(s, seg);
}

/* Are [from, to) of the new stream in somebody's hands behind the gateway? */
static bool is_kept(const struct sim *s, u8 dir, s64 from, s64 to)
{
	const struct end *r = &s->end[!dir];
	const struct nst_block *b;
	u32 base = s->end[dir].iss + 1;
	s64 at;

	if (from < r->got.low)
		from = r->got.low;
	for (b = s->conn.flow[dir].blocks; b && from < to; b = b->next) {
		at = distance(base, b->seq);
		if (at > from && !cover_has(&r->got, from, at < to ? at : to))
			return false;
		if (at + b->len > from)
			from = at + b->len;
	}
	return from >= to || cover_has(&r->got, from, to);
}

/*
 * I3.  Up to the message that the acknowledgement reaches into everything has
 * been read, or is retained; that message is held, or retained, too.
 */
static void judge_kept(struct sim *s, u8 dir)
{
	const struct nst_flow *f = &s->conn.flow[dir];
	const struct side *d = &s->side[dir];
	s64 given = d->fin_came >= 0 && d->given_ack > d->fin_came ? d->fin_came : d->given_ack;
	s64 low = fresh_floor(d, given);
	s64 high = fresh_ceil(d, given);
	s64 have = s->end[!dir].got.low;
	u32 hold = f->hold ? f->hold->len : 0;
	s64 held = distance(s->end[dir].iss + 1, f->rcv_nxt) - hold;

	if (is_over(s) || high <= have || s->end[!dir].state == TCP_CLOSED)
		return;
	if (hold && held < given) {
		low = fresh_floor(d, held);
		high = low;
	}
	if (d->settled < d->nr_pieces && low > d->expect_len)
		low = high = d->expect_len;
	must(s, I3_KEPT, is_kept(s, dir, have, low), "byte %lld (%lld) is acknowledged and nowhere",
	     LL(d->given_ack), LL(low));
	/* Without memory it may pass in two parts. */
	if (s->oom)
		return;
	/* The receiver's own acknowledgement may have been within the message. */
	if (d->told_ack > low && d->given_ack <= orig_ceil(d, d->told_ack))
		return;
	must(s, I3_KEPT, is_kept(s, dir, have, high),
	     "byte %lld of a message up to %lld is acknowledged and nowhere", LL(d->given_ack),
	     LL(high));
}

/* Memory of a flow, as far as it can be seen from outside. */
static u32 flow_bytes(struct sim *s, const struct nst_flow *f)
{
	const struct nst_block *b;
	u32 caps = 0, all = 0;

	for (b = f->blocks; b; b = b->next) {
		must(s, I7_MEMORY, b->len <= b->cap, "block of %u bytes has %u", b->cap, b->len);
		caps += b->cap;
		all += sizeof(*b) + b->cap;
	}
	must(s, I7_MEMORY, caps == f->retained, "%u bytes are retained, %u said", caps,
	     f->retained);
	if (f->hold)
		all += sizeof(*b) + f->hold->cap;
	return all + f->map.cap * sizeof(struct seqrec);
}

static void judge_memory(struct sim *s)
{
	u32 used = s->conn.account.used;
	u32 seen = flow_bytes(s, &s->conn.flow[0]) + flow_bytes(s, &s->conn.flow[1]);
	u32 segment = s->seg ? s->seg->len : 65535;

	must(s, I7_MEMORY, used >= seen, "%u bytes accounted, %u in use", used, seen);
	must(s, I7_MEMORY, used <= 4 * (s->hold_max + segment + 8192) + 16384,
	     "%u bytes in use, hold_max is %u", used, s->hold_max);
	if (s->conn.state == NST_CONN_FOLLOWED || !conn_quiet(&s->conn))
		return;
	must(s, I7_MEMORY, used <= 2048, "%u bytes in use at rest", used);
}

/* What leaves in one step may do so in any order. */
static void judge_bytes_of_step(struct sim *s)
{
	u32 i, first;

	while (s->nr_deferred) {
		struct deferred f;
		const struct side *d;

		for (first = 0, i = 1; i < s->nr_deferred; i++)
			if (s->deferred[i].at < s->deferred[first].at)
				first = i;
		f = s->deferred[first];
		memmove(s->deferred + first, s->deferred + first + 1,
			(--s->nr_deferred - first) * sizeof(f));
		if (is_over(s) && s->conn.state == NST_CONN_OPAQUE)
			continue;
		d = &s->side[f.dir];
		must(s, I1_STREAM, judge_bytes(s, f.dir, f.at, f.data, f.len),
		     "%u bytes at %u: \"%.20s\", not \"%.20s\" (%u of %u settled, %u)", f.len,
		     f.at, f.data, f.at < d->expect_len ? d->expect + f.at : "", d->settled,
		     d->nr_pieces, d->expect_len);
	}
}

static bool is_moved(const struct side *d, s64 fresh)
{
	return orig_floor(d, fresh) != fresh && orig_ceil(d, fresh) != fresh;
}

/*
 * What the skin asks when a connection is taken away from under us: does a sender
 * believe of some bytes that they have arrived, and are numbers off?
 */
static void judge_owes(struct sim *s)
{
	bool owes = false, depends = false;
	u8 dir;

	for (dir = 0; dir < 2; dir++) {
		const struct side *d = &s->side[dir];
		bool fin = d->fin_came >= 0 && d->given_ack > d->fin_came;
		s64 given = fin ? d->fin_came : d->given_ack;
		s64 top = cover_top(&d->sent);

		if (d->settled < d->nr_pieces && d->told_ack > d->expect_len)
			continue;
		if (d->sent_fin < 0 || d->told_ack <= d->sent_fin)
			owes |= given > orig_ceil(d, d->told_ack);
		depends |= is_moved(d, d->told_ack);
		if (d->settled == d->nr_pieces || top <= d->expect_len)
			depends |= is_moved(d, top);
	}
	if (is_over(s))
		return;
	must(s, I3_KEPT, conn_owes(&s->conn) || !owes, "bytes are owed, and it does not say so");
	must(s, I2_SEQ, conn_depends(&s->conn) || !depends, "numbers are off, and it does not say so");
}

/* Only who has not taken anything for long is given up. */
void judge_closing(struct sim *s, bool closing)
{
	u64 heard = s->side[0].heard_at;

	if (heard > s->side[1].heard_at)
		heard = s->side[1].heard_at;
	must(s, I5_OPAQUE, !closing || s->rst || (!s->quiet_wires && s->now - heard >= 20000) ||
	     (s->env.env.set.on_error == NST_ON_ERROR_RESET && (s->may_opaque || s->oom)),
	     "gives up on who is there");
}

void judge_step(struct sim *s)
{
	const struct nst_segment *seg = s->seg;
	u8 dir;

	must(s, I5_OPAQUE, s->conn.state != NST_CONN_OPAQUE || s->may_opaque || s->oom ||
	     is_over(s) || s->ending == END_CUT,
	     "reason %s", s->conn.reason < NST_R_MAX ? nst_reason_name(s->conn.reason) : "none");
	judge_bytes_of_step(s);
	judge_memory(s);
	conn_holds_since(&s->conn, s->now - 1000);
	for (dir = 0; dir < 2; dir++)
		judge_kept(s, dir);
	judge_owes(s);
	if (seg && s->seg_is_repeat) {
		u32 most = s->end[!seg->dir].mss > seg->len ? s->end[!seg->dir].mss : seg->len;

		if (most < 536)
			most = 536;
		must(s, AMPLIFIED, s->resent[seg->dir] <= most, "%u bytes for %u",
		     s->resent[seg->dir], seg->len);
	}
}

/* An ICMP error reaches the gateway. */
void judge_error(struct sim *s)
{
	s->resent[0] = 0;
	s->resent[1] = 0;
}

/* What is quoted as acknowledged: what its sender, who reads it, was given. */
static void judge_quoted_ack(struct sim *s, u8 dir, s64 ack, s64 fresh)
{
	const struct side *d = &s->side[dir];

	if (s->conn.flow[dir].hold || d->settled < d->nr_pieces || ack < d->given_ack ||
	    (d->fin_came >= 0 && ack > d->fin_came))
		return;
	must(s, I2_ACK, fresh >= fresh_floor(d, ack) && fresh <= fresh_ceil(d, ack),
	     "an ICMP error quotes %lld as %lld", LL(ack), LL(fresh));
}

/*
 * And has passed it: it says numbers that its reader knows.  One about nothing that
 * is under way changes nothing (RFC 5927 4.1).
 */
void judge_error_passed(struct sim *s, const struct nst_icmp *e, const struct nst_icmp *was,
			bool same)
{
	struct side *d = &s->side[e->dir];
	u32 left = e->mss - (s->end[0].ts && s->end[1].ts ? 12 : 0);
	u32 largest = d->largest > 536 ? d->largest : 536;
	s64 at = offset_of(s, e->dir, was->seq), orig = offset_of(s, e->dir, e->seq);

	/* An end of an opaque connection shows how far it is before its bytes come. */
	if (at < d->told_ack || at >= d->shown)
		must(s, MSS, same, "an ICMP error about %lld counts", LL(at));
	if (!is_lost(s))
		judge_quoted_ack(s, !e->dir, offset_of(s, !e->dir, was->ack),
				 offset_of(s, !e->dir, e->ack));
	/* What is acknowledged is no news to anybody. */
	if (at < d->told_ack || !cover_has(&d->sent, at, at + 1))
		return;
	/* It lies about a segment that was larger than any. */
	if (e->too_big && e->mss && (!d->path || left < d->path) && left < largest) {
		d->path = left;
		d->path_from = d->given_edge;
	}
	must(s, I2_SEQ, is_over(s) || d->settled < d->nr_pieces ||
	     (orig >= orig_floor(d, at) && orig <= orig_ceil(d, at)),
	     "an ICMP error about %lld becomes one about %lld", LL(at), LL(orig));
}

/* It costs a segment at most. */
void judge_error_answered(struct sim *s, const struct nst_icmp *e)
{
	u32 most = s->end[!e->dir].mss > 536 ? s->end[!e->dir].mss : 536;

	must(s, AMPLIFIED, s->resent[0] + s->resent[1] <= most, "%u bytes for an ICMP error",
	     s->resent[0] + s->resent[1]);
}

/* Everything is acknowledged, nothing is on its way. */
void judge_idle(struct sim *s)
{
	if (is_lost(s))
		return;
	must(s, CT_IDLE, !ct_waits(&s->ct) || s->end[0].byte_probe || s->end[1].byte_probe, "waits: %s", s->ct.seen[0].flags & 1 ? "client's bytes" :
	     "server's bytes");
	must(s, I7_MEMORY, conn_quiet(&s->conn), "not at rest");
	must(s, I7_MEMORY, s->conn.account.used <= 2048, "%u bytes in use at rest",
	     s->conn.account.used);
}

static void judge_read(struct sim *s, u8 e)
{
	struct side *d = &s->side[!e];
	const struct end *p = &s->end[e];
	u32 low = p->got.low < d->expect_len ? p->got.low : d->expect_len;

	bool raw = s->rst_of_end || (s->trouble.vanished && s->conn.state == NST_CONN_OPAQUE &&
				     s->conn.reason != NST_R_RESET);

	must(s, I1_READ, p->got.low <= d->expect_len || is_lost(s), "end %u reads %u bytes, %u expected", e,
	     p->got.low, d->expect_len);
	/* What was under way when it was reset may overtake the RST, and passes raw. */
	must(s, I1_READ, !p->got.low || raw || !memcmp(p->in, d->expect, low),
	     "end %u reads other bytes", e);
	if (is_lost(s))
		return;
	must(s, I1_READ, d->settled == d->nr_pieces, "piece %u of %u never left", d->settled,
	     d->nr_pieces);
	must(s, I1_READ, p->got.low == d->expect_len, "end %u reads %u bytes of %u", e, p->got.low,
	     d->expect_len);
}

void judge_end(struct sim *s)
{
	u8 e;

	for (e = 0; e < 2; e++) {
		judge_read(s, e);
		if (is_lost(s) || s->ending == END_IDLE)
			continue;
		must(s, CLOSE, s->end[e].state == TCP_CLOSED && !s->end[e].reset,
		     "end %u is in state %u%s", e, s->end[e].state, s->end[e].reset ? ", reset" : "");
	}
	must(s, I7_MEMORY, conn_quiet(&s->conn) || s->rst, "not at rest at the end");
	for (e = 0; e < 2; e++) {
		must(s, PLAN, s->side[e].segments >= 30 || is_lost(s) || s->may_opaque,
		     "%u segments from end %u", s->side[e].segments, e);
		must(s, PLAN, s->side[e].changes >= 4 || s->closing, "%u changes from end %u",
		     s->side[e].changes, e);
	}
	conn_free(&s->conn);
	must(s, I7_MEMORY, !s->conn.account.used, "%u bytes are lost", s->conn.account.used);
}
