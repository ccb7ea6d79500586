// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors of the kernel and what it says about them.
 */
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "refusal.h"

/* Bounds of the policy that a number did not keep to. */
static void read_policy(struct refusal *r, const struct nlattr *policy)
{
	const struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1];

	attr_nested(policy, tb, NL_POLICY_TYPE_ATTR_MAX);
	if (!tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U] || !tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U])
		return;
	r->has_range = true;
	r->min = attr_uint(tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]);
	r->max = attr_uint(tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]);
}

static void read_attrs(struct refusal *r, const void *attrs, size_t len)
{
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	const struct nlattr *text;

	attr_table(attrs, len, tb, NLMSGERR_ATTR_MAX);
	text = tb[NLMSGERR_ATTR_MSG];
	if (text)
		snprintf(r->text, sizeof(r->text), "%.*s",
			 (int)mnl_attr_get_payload_len(text),
			 (const char *)mnl_attr_get_payload(text));
	if (tb[NLMSGERR_ATTR_OFFS])
		r->offset = attr_uint(tb[NLMSGERR_ATTR_OFFS]);
	if (tb[NLMSGERR_ATTR_POLICY])
		read_policy(r, tb[NLMSGERR_ATTR_POLICY]);
}

/* Bytes before the attributes: of NLMSG_ERROR the request, or its header. */
static size_t head_length(const struct nlmsghdr *msg)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(msg);
	size_t len = sizeof(*err);

	if (msg->nlmsg_type != NLMSG_ERROR)
		return sizeof(int);
	if (!(msg->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > sizeof(err->msg))
		len += err->msg.nlmsg_len - sizeof(err->msg);
	return MNL_ALIGN(len);
}

void refusal_read(struct refusal *r, const struct nlmsghdr *msg)
{
	size_t len = mnl_nlmsg_get_payload_len(msg), head;
	const char *payload = mnl_nlmsg_get_payload(msg);
	int error;

	*r = (struct refusal){ 0 };
	if (len < sizeof(error) ||
	    (msg->nlmsg_type == NLMSG_ERROR && len < sizeof(struct nlmsgerr)))
		return;
	memcpy(&error, payload, sizeof(error));
	/* Of a dump it may be a number of messages. */
	r->error = error < 0 ? -error : 0;
	head = head_length(msg);
	if (msg->nlmsg_flags & NLM_F_ACK_TLVS && head <= len)
		read_attrs(r, payload + head, len - head);
}

const char *refusal_text(const struct refusal *r)
{
	return r->text[0] ? r->text : strerror(r->error);
}
