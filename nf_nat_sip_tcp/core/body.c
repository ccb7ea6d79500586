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

static struct span header_value(const struct sip_msg *msg, u8 id)
{
	const struct sip_header *h = sip_msg_header(msg, id, 0);

	return h ? h->value : (struct span){ 0 };
}

static inline bool disposition_is(const char *buf, const struct mime_part *part, const char *name)
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
	return part->kind == MIME_SDP && !part->encoded &&
	       (!part->disposition.len || disposition_is(buf, part, "session") ||
		part_is_early(buf, part));
}

static void count_closed(struct nst_env *env, const struct mime_part *part)
{
	if (part->kind == MIME_SEALED)
		nst_count(env, NST_R_SDP_ENCODED);
	else if (part->kind == MIME_SDP)
		nst_count(env, part->encoded ? NST_R_SDP_ENCODED : NST_R_SDP_NO_CALL);
}

/* Return: how many descriptions there are; -EINVAL where nobody can say so. */
static int count_parts(struct nst_env *env, struct multipart *mp, const char *buf)
{
	struct mime_part part;
	int nr = 0;
	int r;

	while ((r = multipart_next(mp, buf, &part)) > 0) {
		if (!part_describes(buf, &part))
			count_closed(env, &part);
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

/* Reads the description into @sdp.  Return: is it one? */
static bool read_part(struct nst_env *env, const char *buf, const struct mime_part *part,
		      struct nst_body *body, struct sdp *sdp)
{
	if (sdp_parse(sdp, buf, part->body)) {
		nst_count(env, NST_R_SDP_UNPARSED);
		return false;
	}
	sdp->length = part->length;
	sdp->first = part_is_early(buf, part) ? SDP_MEDIA_MAX : 0;
	body_link(body, sdp);
	return true;
}

static void read_parts(struct nst_env *env, struct multipart *mp, const char *buf,
		       struct nst_body *body)
{
	struct sdp *sdp = body->sdp;
	struct mime_part part;

	while (multipart_next(mp, buf, &part) > 0) {
		if (!part_describes(buf, &part) || !read_part(env, buf, &part, body, sdp))
			continue;
		memcpy(sdp->outer, mp->length, mp->depth * sizeof(*sdp->outer));
		sdp++;
	}
}

/* The parts are counted first: that many descriptions need room. */
static int take_multipart(struct nst_env *env, const struct sip_msg *msg, const char *buf,
			  struct nst_body *body)
{
	struct multipart first;
	struct multipart mp;
	int nr;

	nr = multipart_begin(&mp, buf, msg->content_type, msg->body);
	first = mp;
	if (!nr)
		nr = count_parts(env, &mp, buf);
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
	read_parts(env, &first, buf, body);
	return 0;
}

bool body_may_describe(const struct sip_msg *msg)
{
	return !msg->encoded && (msg->kind == MIME_SDP || msg->kind == MIME_OPEN);
}

int body_take(struct nst_env *env, const struct sip_msg *msg, const char *buf,
	      struct nst_body *body)
{
	struct mime_part whole = { .type = msg->content_type, .kind = msg->kind };

	if (msg->kind == MIME_OPEN)
		return take_multipart(env, msg, buf, body);
	whole.disposition = header_value(msg, SIP_HDR_CONTENT_DISPOSITION);
	whole.body = msg->body;
	if (part_describes(buf, &whole))
		read_part(env, buf, &whole, body, body->sdp);
	else
		count_closed(env, &whole);
	return 0;
}

void body_free(struct nst_env *env, struct nst_body *body)
{
	if (body->room)
		env->ops->free(env, body->sdp, body->room * sizeof(*body->sdp));
}
