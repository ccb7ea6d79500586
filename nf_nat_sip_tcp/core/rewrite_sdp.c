// SPDX-License-Identifier: GPL-2.0-only
/*
 * Session descriptions (RFC 8866) of the inside host.
 *
 * Each medium gets a plan first: which public ports stand for which of its
 * own.  Only when every medium of every description in the body has its ports
 * are the edits made (D6).
 *
 * What is left alone:
 *  - media at another address than the signalling host's own or one of
 *    media_hosts, and their c= lines: no door may lead anywhere else (P3);
 *  - "on hold" (c=0.0.0.0) and refused media (port 0), but a c= line that
 *    names the inside host is translated even for a refused medium;
 *  - media at the signalling host's public address: the host knows it, by STUN
 *    or because somebody has told it.  The ports get their doors, in order that
 *    who speaks first does not matter, and the text stays (N2);
 *  - media that do not run over UDP: doors are UDP.  A c= line that serves
 *    nothing else stays as it is with them;
 *  - everything where there are ICE candidates: to translate c= and m= but
 *    not the candidates would make the peer refuse ICE (RFC 8839 section
 *    4.2.5), and connectivity checks find their way through a NAT by
 *    themselves;
 *  - what a message says that belongs to no offer or answer of a call, such
 *    as the capabilities in the answer to OPTIONS: nothing may be opened for
 *    it (P2).
 */
#include <nf_nat_sip_tcp/body.h>
#include <nf_nat_sip_tcp/dialog.h>
#include <nf_nat_sip_tcp/natmap.h>

/**
 * struct medium_plan - what becomes of one medium
 * @translate: it has public ports
 * @port: public port of the m= line
 * @rtcp_port: public port of the a=rtcp line; 0: leave that line alone
 */
struct medium_plan {
	bool translate;
	u16 port;
	u16 rtcp_port;
};

/**
 * struct sdp_plan - what becomes of a description
 * @wanted: it may be touched
 * @own: the signalling host
 * @hosts: other hosts that are taken for it
 * @media: each medium
 */
struct sdp_plan {
	bool wanted;
	const struct nst_mapping *own;
	const struct nst_prefix *hosts;
	struct medium_plan media[SDP_MEDIA_MAX];
};

/* What is public already stays, whatever the prefixes say. */
static bool conn_is_own(const struct sdp_plan *plan, const struct sdp_conn *conn)
{
	const struct nst_mapping *own = plan->own;

	if (!conn->text.len)
		return false;
	return addr_equal(&conn->addr, &own->inside.addr) ||
	       (conn->addr.family == own->outside.addr.family &&
		!addr_is_any(&conn->addr) &&
		!addr_equal(&conn->addr, &own->outside.addr) &&
		nst_prefixes_have(plan->hosts, &conn->addr));
}

static bool conn_is_public(const struct sdp_plan *plan, const struct sdp_conn *conn)
{
	return conn->text.len && addr_equal(&conn->addr, &plan->own->outside.addr);
}

/* The a=rtcp line has an address of its own, or that of the medium. */
static bool rtcp_is_own(const struct sdp_plan *plan, const struct sdp_media *m)
{
	return !m->rtcp_addr.text.len || conn_is_own(plan, &m->rtcp_addr);
}

static int reserve(struct rewrite *rw, const struct sdp_plan *plan, u8 i,
		   struct nst_reserve *req, enum nst_port_use use)
{
	req->holder = &rw->call->h;
	req->transport = NST_UDP;
	req->public_addr = plan->own->outside.addr;
	return dialog_media_port(rw->env, req, rw->sdp->first + i, use);
}

static const struct nst_addr *rtcp_addr(const struct sdp_media *m, const struct nst_addr *addr)
{
	return m->rtcp_addr.text.len ? &m->rtcp_addr.addr : addr;
}

static int plan_rtcp(struct rewrite *rw, struct sdp_plan *plan, u8 i)
{
	const struct nst_addr *addr = &sdp_media_conn(rw->sdp, i)->addr;
	const struct sdp_media *m = &rw->sdp->media[i];
	struct nst_reserve req = {
		.inside = { *rtcp_addr(m, addr), m->rtcp_port }, .count = 1,
	};
	int err;

	err = reserve(rw, plan, i, &req, NST_PORTS_RTCP);
	plan->media[i].rtcp_port = req.public_port;
	return err;
}

/*
 * RTCP at the next port comes as a pair.  At any other port (RFC 3605) it is
 * a door of its own; at the same port RTP and RTCP share one (RFC 5761).
 */
static int plan_rtp(struct rewrite *rw, struct sdp_plan *plan, u8 i)
{
	const struct nst_addr *addr = &sdp_media_conn(rw->sdp, i)->addr;
	const struct sdp_media *m = &rw->sdp->media[i];
	struct nst_reserve rtp = { .inside = { *addr, m->port }, .count = 1, .pair = true };
	struct medium_plan *p = &plan->media[i];
	enum nst_port_use use = NST_PORTS_PLAIN;
	u32 offset = m->rtcp_port - m->port;
	bool explicit = m->rtcp_port_text.len;
	bool same;
	int err;

	same = addr_equal(rtcp_addr(m, addr), addr);
	if (m->count > NST_PORT_COUNT_MAX / 2)
		return -ERANGE;
	if (m->count > 1 || (explicit ? offset == 1 && same : m->port < 65535)) {
		rtp.count = 2 * m->count;
		use = NST_PORTS_PAIRS;
	}
	err = reserve(rw, plan, i, &rtp, use);
	if (err)
		return err;
	p->port = rtp.public_port;
	if (!explicit || !m->rtcp_port || !rtcp_is_own(plan, m))
		return 0;
	if (same && offset < rtp.count) {
		p->rtcp_port = p->port + offset;
		return 0;
	}
	return plan_rtcp(rw, plan, i);
}

static int plan_plain(struct rewrite *rw, struct sdp_plan *plan, u8 i)
{
	const struct sdp_media *m = &rw->sdp->media[i];
	struct nst_reserve req = {
		.inside = { sdp_media_conn(rw->sdp, i)->addr, m->port }, .count = m->count,
	};
	int err;

	err = reserve(rw, plan, i, &req, NST_PORTS_PLAIN);
	plan->media[i].port = req.public_port;
	return err;
}

/* Why there is no port, beside the fact. */
static void count_refusal(struct nst_env *env, int err)
{
	nst_count(env, NST_R_SDP_NO_PORT);
	switch (err) {
	case -EACCES:
		nst_count(env, NST_R_SDP_DENIED);
		break;
	case -ENOSPC:
		nst_count(env, NST_R_CALL_LIMIT);
		break;
	case -ENOMEM:
		nst_count(env, NST_R_CALL_NOMEM);
		break;
	default:
		break;
	}
}

/* Without memory for it, or where it is another's, the text is as good as before. */
static u16 public_door(struct rewrite *rw, const struct sdp_plan *plan, u8 i,
		       struct nst_reserve *req, enum nst_port_use use)
{
	int err;

	req->holder = &rw->call->h;
	req->transport = NST_UDP;
	req->inside.addr = plan->own->inside.addr;
	req->public_addr = plan->own->outside.addr;
	req->count = 1;
	err = dialog_public_port(rw->env, req, rw->sdp->first + i, use);
	if (err)
		count_refusal(rw->env, err);
	return req->inside.port;
}

/*
 * Where nothing is known of a port NAT has kept it.  RTCP that nobody names is
 * next to RTP, inside as well as outside.
 */
static void plan_public(struct rewrite *rw, const struct sdp_plan *plan, u8 i)
{
	const struct sdp_media *m = &rw->sdp->media[i];
	struct nst_reserve rtp = { .inside.port = m->port, .wanted = m->port };
	struct nst_reserve rtcp = { .inside.port = m->rtcp_port, .wanted = m->rtcp_port };
	u16 inside = public_door(rw, plan, i, &rtp, NST_PORTS_PLAIN);

	if (!m->rtp || m->rtcp_port == m->port)
		return;
	if (m->rtcp_addr.text.len && !conn_is_public(plan, &m->rtcp_addr))
		return;
	if (!m->rtcp_port_text.len) {
		rtcp.inside.port = inside + 1;
		rtcp.wanted = m->port + 1;
	}
	if (rtcp.wanted)
		public_door(rw, plan, i, &rtcp, NST_PORTS_RTCP);
}

static int plan_medium(struct rewrite *rw, struct sdp_plan *plan, u8 i)
{
	const struct sdp_conn *conn = sdp_media_conn(rw->sdp, i);
	const struct sdp_media *m = &rw->sdp->media[i];
	int err;

	if (!m->port || !conn || addr_is_any(&conn->addr))
		return 0;
	if (!conn_is_own(plan, conn) && !conn_is_public(plan, conn)) {
		nst_count(rw->env, NST_R_SDP_FOREIGN);
		return 0;
	}
	if (!m->udp) {
		nst_count(rw->env, NST_R_SDP_NOT_UDP);
		return 0;
	}
	if (conn_is_public(plan, conn)) {
		plan_public(rw, plan, i);
		return 0;
	}
	err = m->rtp ? plan_rtp(rw, plan, i) : plan_plain(rw, plan, i);
	plan->media[i].translate = !err;
	return err;
}

static int plan_media(struct rewrite *rw, struct sdp_plan *plan)
{
	int err = 0;
	u8 i;

	for (i = 0; i < rw->sdp->nr && !err; i++)
		err = plan_medium(rw, plan, i);
	return err;
}

static void trace_n(const struct rewrite *rw, enum nst_trace_id id, u32 n0, u32 n1)
{
	struct nst_trace t;

	if (!nst_tracing(rw->env))
		return;
	t = (struct nst_trace){ .id = id, .n = { n0, n1 } };
	rewrite_trace(rw, &t);
}

static void trace_conn(const struct rewrite *rw, const struct nst_addr *from,
		       const struct nst_addr *to)
{
	struct nst_trace t;

	if (!nst_tracing(rw->env))
		return;
	t = (struct nst_trace){
		.id = NST_TRACE_ADDR, .text = "SDP", .text_len = 3,
		.from.addr = *from, .to.addr = *to,
	};
	rewrite_trace(rw, &t);
}

static void put_conn(struct rewrite *rw, const struct sdp_plan *plan,
		     const struct sdp_conn *conn)
{
	if (!conn_is_own(plan, conn))
		return;
	edits_replace_addr(rw->edits, rw->buf, conn->text, &plan->own->outside.addr);
	trace_conn(rw, &conn->addr, &plan->own->outside.addr);
}

static bool keeps_conn(const struct sdp_plan *plan, const struct sdp *sdp, u8 i)
{
	return sdp->media[i].port && !plan->media[i].translate;
}

/* Does the session's c= line serve media only that stay as they are? */
static bool session_conn_stays(const struct sdp_plan *plan, const struct sdp *sdp)
{
	bool keeps = false;
	u8 i;

	for (i = 0; i < sdp->nr; i++) {
		if (sdp->media[i].conn.text.len)
			continue;
		if (!keeps_conn(plan, sdp, i))
			return false;
		keeps = true;
	}
	return keeps;
}

static void trace_medium(const struct rewrite *rw, const struct sdp_plan *plan, u8 i)
{
	const struct sdp_media *m = &rw->sdp->media[i];
	struct nst_trace t;

	if (!nst_tracing(rw->env))
		return;
	t = (struct nst_trace){
		.id = NST_TRACE_MEDIA,
		.from = { sdp_media_conn(rw->sdp, i)->addr, m->port },
		.to = { plan->own->outside.addr, plan->media[i].port },
		.text = rw->buf + m->type.off, .text_len = m->type.len,
	};
	rewrite_trace(rw, &t);
}

static void put_medium(struct rewrite *rw, const struct sdp_plan *plan, u8 i)
{
	const struct medium_plan *p = &plan->media[i];
	const struct sdp_media *m = &rw->sdp->media[i];

	if (!keeps_conn(plan, rw->sdp, i))
		put_conn(rw, plan, &m->conn);
	if (!p->translate)
		return;
	if (p->port != m->port)
		edits_replace_uint(rw->edits, rw->buf, m->port_text, p->port, 0);
	if (p->rtcp_port) {
		if (p->rtcp_port != m->rtcp_port)
			edits_replace_uint(rw->edits, rw->buf, m->rtcp_port_text,
					   p->rtcp_port, 0);
		put_conn(rw, plan, &m->rtcp_addr);
	}
	trace_medium(rw, plan, i);
}

static void put_description(struct rewrite *rw, const struct sdp_plan *plan)
{
	const struct sdp *sdp = rw->sdp;
	s32 delta;
	u8 i;

	put_conn(rw, plan, &sdp->origin);
	if (!session_conn_stays(plan, sdp))
		put_conn(rw, plan, &sdp->conn);
	for (i = 0; i < sdp->nr; i++)
		put_medium(rw, plan, i);
	delta = edits_delta_within(rw->edits, sdp->whole);
	trace_n(rw, NST_TRACE_SDP_LEN, sdp->whole.len, sdp->whole.len + delta);
}

static bool has_candidates(const struct sdp *sdp)
{
	u8 i;

	for (i = 0; i < sdp->nr; i++)
		if (sdp->media[i].candidates)
			return true;
	return false;
}

/* May this description be touched at all?  Counts why not. */
static bool may_translate(const struct rewrite *rw)
{
	if (!natmap_translates(rw->map, rw->dir))
		return false;
	if (rw->env->set.media_filter == NST_FILTER_OFF) {
		nst_count(rw->env, NST_R_SDP_OFF);
		return false;
	}
	if (has_candidates(rw->sdp)) {
		nst_count(rw->env, NST_R_SDP_ICE);
		return false;
	}
	if (!rw->call) {
		nst_count(rw->env, NST_R_SDP_NO_CALL);
		return false;
	}
	return true;
}

/* Return: 0, also where nothing is to be done, or why there are no ports. */
static int plan_description(struct rewrite *rw, struct sdp_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->own = &rw->map->end[rw->dir];
	plan->hosts = rw->env->set.media_hosts;
	trace_n(rw, NST_TRACE_MEDIA_LINES, rw->sdp->nr, 0);
	plan->wanted = may_translate(rw);
	return plan->wanted ? plan_media(rw, plan) : 0;
}

void rewrite_sdp(struct rewrite *rw)
{
	struct sdp_plan plan[NST_BODY_SDP_MAX];
	const struct sdp *all = rw->sdp;
	u8 n = 0;
	int err;

	/* There is one at least. */
	do {
		err = plan_description(rw, &plan[n++]);
		rw->sdp = rw->sdp->next;
	} while (rw->sdp && !err);
	rw->sdp = all;
	if (err) {
		dialog_rollback(rw->env, rw->call);
		count_refusal(rw->env, err);
		return;
	}
	for (n = 0; rw->sdp; rw->sdp = rw->sdp->next, n++)
		if (plan[n].wanted)
			put_description(rw, &plan[n]);
	rw->sdp = all;
}
