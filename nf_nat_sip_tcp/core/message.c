// SPDX-License-Identifier: GPL-2.0-only
/*
 * A framed message on its way through the text side: parsed once, given to
 * its calls, rewritten once.
 */
#include <nf_nat_sip_tcp/body.h>
#include <nf_nat_sip_tcp/contact.h>
#include <nf_nat_sip_tcp/message.h>
#include <nf_nat_sip_tcp/multipart.h>

/* Only while somebody watches. */
static void message_trace(const struct message *m, struct nst_trace *t)
{
	t->conn = m->conn;
	t->dir = m->dir;
	t->index = m->index;
	m->env->ops->trace(m->env, t);
}

/* It passes unchanged: say why. */
static void unchanged(struct message *m, enum nst_reason reason)
{
	struct nst_trace t = { .id = NST_TRACE_UNCHANGED, .reason = reason };

	edits_init(&m->room->edits);
	nst_count(m->env, reason);
	if (nst_tracing(m->env))
		message_trace(m, &t);
}

static void room_read(struct message_room *room, const char *buf, u32 hdr_len, u32 len)
{
	room->err = sip_msg_parse(&room->msg, buf, hdr_len, len, &room->lines);
	room->read = true;
}

bool message_wants_body(const struct nst_env *env, const char *buf, u32 hdr_len,
			u32 body_len, struct message_room *room)
{
	if (!body_len || body_len > env->set.body_max)
		return false;
	room_read(room, buf, hdr_len, hdr_len);
	return !room->err && body_may_describe(&room->msg);
}

static void trace_start(const struct message *m, const struct sip_msg *msg)
{
	struct nst_trace method = {
		.id = msg->is_request ? NST_TRACE_METHOD : NST_TRACE_STATUS,
		.n[0] = msg->status,
		.text = m->buf + msg->method_text.off,
		.text_len = msg->method_text.len,
	};
	struct nst_trace body = {
		.id = NST_TRACE_BODY_FOUND,
		.text = m->buf + msg->content_type.off,
		.text_len = msg->content_type.len,
	};

	message_trace(m, &method);
	if (m->body_len)
		message_trace(m, &body);
}

/* The descriptions, where there are some that can be read.  Return: 0, -ENOMEM. */
static int take_body(struct message *m, struct message_room *p)
{
	memset(&p->body, 0, sizeof(p->body));
	if (!m->body_len)
		return 0;
	if (p->msg.encoded || p->msg.kind == MIME_SEALED) {
		nst_count(m->env, NST_R_SDP_ENCODED);
		return 0;
	}
	if (!body_may_describe(&p->msg))
		return 0;
	if (m->body_len > m->env->set.body_max) {
		nst_count(m->env, NST_R_MSG_BODY_TOO_LARGE);
		return 0;
	}
	if (m->len < m->hdr_len + m->body_len)
		return 0;
	p->body.sdp = &p->sdp;
	return body_take(m->env, &p->msg, m->buf, &p->body);
}

/* Doors of the call, and signalling doors. */
static u32 doors_held(const struct dialog *d)
{
	return d->env->bindings->doors + (d->call ? d->call->h.nr_doors : 0);
}

/* Return: how many doors there were before. */
static u32 begin(struct dialog *d)
{
	u32 doors;

	dialog_begin(d);
	doors = doors_held(d);
	register_begin(d);
	call_contacts_begin(d);
	return doors;
}

/* The message passes unchanged: what it would have said is not reserved. */
static void rollback(struct dialog *d)
{
	if (d->call)
		dialog_rollback(d->env, d->call);
	register_rollback(d);
	call_contacts_rollback(d);
}

static void trace_register(const struct message *m, const struct sip_msg *msg, u32 doors)
{
	struct nst_trace t = {
		.id = NST_TRACE_REGISTER, .n = { msg->method == SIP_REGISTER, doors },
	};

	message_trace(m, &t);
}

/* dialog_end() may end calls. */
static void end(struct dialog *d, const struct sdp *sdp)
{
	register_end(d);
	call_contacts_end(d);
	dialog_end(d, sdp);
}

/* Under the calls lock. */
static void track_and_rewrite(struct message *m, struct message_room *p)
{
	struct contact_value contact;
	struct dialog d = {
		.env = m->env, .map = m->map, .dir = m->dir, .zone = m->zone,
		.conn = m->conn, .owner = m->owner, .talker = m->talker,
		.now = m->now, .buf = m->buf, .msg = &p->msg, .work = m->work,
		.contact = &contact,
	};
	struct rewrite rw = {
		.env = m->env, .map = m->map, .conn = m->conn, .dir = m->dir,
		.zone = m->zone, .index = m->index, .buf = m->buf, .msg = &p->msg,
		.sdp = p->body.first, .edits = &p->edits,
		.body_complete = m->len == m->hdr_len + m->body_len,
	};
	u32 doors;
	int err;

	doors = begin(&d);
	rw.call = d.call;
	rw.branch = d.ids.branch;
	rw.contact = contact.next ? &contact : NULL;
	err = rewrite_message(&rw);
	if (err) {
		rollback(&d);
		unchanged(m, -err);
	}
	if (nst_tracing(m->env))
		trace_register(m, &p->msg, doors_held(&d) - doors);
	end(&d, rw.sdp);
}

static void count_changes(struct message *m, const struct sip_msg *msg)
{
	const struct edits *e = &m->room->edits;

	if (!e->nr)
		return;
	nst_count(m->env, NST_R_MSG_REWRITTEN);
	if (e->list[e->nr - 1].at.off >= m->hdr_len)
		nst_count(m->env, NST_R_SDP_REWRITTEN);
	/* The signature is over what changed (RFC 8224 section 4). */
	if (sip_msg_header(msg, SIP_HDR_IDENTITY, 0))
		nst_count(m->env, NST_R_MSG_IDENTITY);
}

static void process(struct message *m, struct message_room *p)
{
	if (p->err) {
		unchanged(m, p->err == -E2BIG ? NST_R_MSG_TOO_COMPLEX : NST_R_MSG_UNPARSED);
		return;
	}
	nst_count(m->env, p->msg.is_request ? NST_R_MSG_REQUEST : NST_R_MSG_RESPONSE);
	if (nst_tracing(m->env))
		trace_start(m, &p->msg);
	if (natmap_idle(m->map))
		return;
	if (take_body(m, p)) {
		unchanged(m, NST_R_MSG_NOMEM);
		return;
	}
	m->env->ops->calls_lock(m->env);
	track_and_rewrite(m, p);
	m->env->ops->calls_unlock(m->env);
	body_free(m->env, &p->body);
	count_changes(m, &p->msg);
}

void message_process(struct message *m)
{
	struct message_room *room = m->room;

	edits_init(&room->edits);
	/* Of one that was read before all of its body was there, or is not looked into. */
	if (room->read)
		room->msg.body = span_of(m->hdr_len, m->len);
	else
		room_read(room, m->buf, m->hdr_len, m->len);
	process(m, room);
	message_forget(room);
}
