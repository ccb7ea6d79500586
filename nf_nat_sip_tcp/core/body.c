// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in a body the session descriptions are.
 *
 * A body is one (RFC 3261 section 7.4), or a multipart with some among its parts
 * (RFC 5621).  What is signed, encrypted or encoded is for who has the key or the
 * decoder; a change would break it, so that it stays as it is (R8).
 *
 * A description is about the session of its dialog, and one with "early-session"
 * about media before that (RFC 3959): two offers side by side, and answers to
 * either.  Their media are counted apart.
 */
#include <nf_nat_sip_tcp/body.h>
#include <nf_nat_sip_tcp/multipart.h>

/**
 * struct body_walk - one part of a body after the other
 * @mp: the reader of a multipart
 * @whole: the body as one part, where it is none
 * @single: @whole is still to come
 * @err: there is nothing to read
 */
struct body_walk {
	struct multipart mp;
	struct mime_part whole;
	bool single;
	int err;
};

static struct span header_value(const struct sip_msg *msg, u8 id)
{
	const struct sip_header *h = sip_msg_header(msg, id, 0);

	return h ? h->value : (struct span){ 0 };
}

static void walk_begin(struct body_walk *w, const struct sip_msg *msg, const char *buf)
{
	memset(w, 0, sizeof(*w));
	if (mime_is_open(buf, msg->content_type)) {
		w->err = multipart_begin(&w->mp, buf, msg->content_type, msg->body);
		return;
	}
	w->single = true;
	w->whole.type = msg->content_type;
	w->whole.disposition = header_value(msg, SIP_HDR_CONTENT_DISPOSITION);
	w->whole.body = msg->body;
}

/* Return: 1, 0 at the end, -EINVAL. */
static int walk_next(struct body_walk *w, const char *buf, struct mime_part *part)
{
	bool single = w->single;

	if (w->err)
		return w->err;
	if (w->mp.depth)
		return multipart_next(&w->mp, buf, part);
	*part = w->whole;
	w->single = false;
	return single;
}

static bool part_is_sdp(const char *buf, const struct mime_part *part)
{
	return mime_is(buf, part->type, "application", "sdp");
}

static bool disposition_is(const char *buf, const struct mime_part *part, const char *name)
{
	struct span s = part->disposition;

	return span_is(buf, span_trim(buf, span_of(s.off, span_chr(buf, s, ';'))), name);
}

static bool part_is_early(const char *buf, const struct mime_part *part)
{
	return disposition_is(buf, part, "early-session");
}

/* SDP without a disposition is about the session (RFC 3261 20.11). */
static bool part_describes(const char *buf, const struct mime_part *part)
{
	return !part->encoded && part_is_sdp(buf, part) &&
	       (!part->disposition.len || disposition_is(buf, part, "session") ||
		part_is_early(buf, part));
}

static void count_closed(struct nst_env *env, const char *buf, const struct mime_part *part)
{
	if (mime_is_sealed(buf, part->type))
		nst_count(env, NST_R_SDP_ENCODED);
	else if (part_is_sdp(buf, part))
		nst_count(env, part->encoded ? NST_R_SDP_ENCODED : NST_R_SDP_NO_CALL);
}

/* Return: how many descriptions there are; -EINVAL where nobody can say so. */
static int count_parts(struct nst_env *env, const struct sip_msg *msg, const char *buf)
{
	struct mime_part part;
	struct body_walk w;
	int nr = 0;
	int r;

	walk_begin(&w, msg, buf);
	while ((r = walk_next(&w, buf, &part)) > 0) {
		if (!part_describes(buf, &part))
			count_closed(env, buf, &part);
		else if (++nr > NST_BODY_SDP_MAX)
			return -EINVAL;
	}
	return r ? r : nr;
}

/* Those of early sessions come last. */
static void body_link(struct nst_body *body, struct sdp *sdp)
{
	const struct sdp **p = &body->first;

	while (*p && (*p)->first <= sdp->first)
		p = &((struct sdp *)*p)->next;
	sdp->next = *p;
	*p = sdp;
}

static void read_parts(struct nst_env *env, const struct sip_msg *msg, const char *buf,
		       struct nst_body *body)
{
	struct sdp *sdp = body->sdp;
	struct mime_part part;
	struct body_walk w;

	walk_begin(&w, msg, buf);
	while (walk_next(&w, buf, &part) > 0) {
		if (!part_describes(buf, &part))
			continue;
		if (sdp_parse(sdp, buf, part.body)) {
			nst_count(env, NST_R_SDP_UNPARSED);
			continue;
		}
		sdp->length = part.length;
		memcpy(sdp->outer, w.mp.length, w.mp.depth * sizeof(*sdp->outer));
		sdp->first = part_is_early(buf, &part) ? SDP_MEDIA_MAX : 0;
		body_link(body, sdp++);
	}
}

bool body_may_describe(const struct sip_msg *msg, const char *buf)
{
	return !msg->encoded && (mime_is(buf, msg->content_type, "application", "sdp") ||
				 mime_is_open(buf, msg->content_type));
}

int body_take(struct nst_env *env, const struct sip_msg *msg, const char *buf,
	      struct nst_body *body)
{
	int nr = count_parts(env, msg, buf);

	if (nr < 0)
		nst_count(env, NST_R_MULTIPART_UNPARSED);
	if (nr <= 0)
		return 0;
	if (nr > 1) {
		body->sdp = env->ops->alloc(env, nr * sizeof(*body->sdp));
		if (!body->sdp)
			return -ENOMEM;
		body->room = nr;
	}
	read_parts(env, msg, buf, body);
	return 0;
}

void body_free(struct nst_env *env, struct nst_body *body)
{
	if (body->room)
		env->ops->free(env, body->sdp, body->room * sizeof(*body->sdp));
}
