// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: the way to the kernel and back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attr.h"
#include "genl.h"

/* What a dump fills at a time; the kernel takes what it is offered. */
#define RECEIVE_SIZE 32768

static void set_option(struct genl *g, int option)
{
	int on = 1;

	/* An older kernel has fewer of them, and says less with errors. */
	(void)mnl_socket_setsockopt(g->nl, option, &on, sizeof(on));
}

const void *genl_attrs(const struct nlmsghdr *msg, size_t *len)
{
	size_t payload = mnl_nlmsg_get_payload_len(msg);

	*len = payload < GENL_HDRLEN ? 0 : payload - GENL_HDRLEN;
	return mnl_nlmsg_get_payload_offset(msg, GENL_HDRLEN);
}

struct nlmsghdr *genl_request(struct genl *g, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(g->request.bytes);
	struct genlmsghdr *genl;

	msg->nlmsg_type = g->family;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	msg->nlmsg_seq = ++g->seq;
	genl = mnl_nlmsg_put_extra_header(msg, sizeof(*genl));
	genl->cmd = command;
	genl->version = g->version;
	return msg;
}

/*
 * Takes in one message; true where it was the last one of the answer: every
 * request asks for NLM_F_ACK or NLM_F_DUMP, so there always is one.
 */
static bool take_message(struct genl *g, const struct nlmsghdr *msg, genl_fn fn, void *arg)
{
	if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
		g->interrupted = true;
	if (msg->nlmsg_type == NLMSG_ERROR || msg->nlmsg_type == NLMSG_DONE) {
		refusal_read(&g->refusal, msg);
		return true;
	}
	if (msg->nlmsg_type >= NLMSG_MIN_TYPE && fn)
		fn(msg, arg);
	return false;
}

static bool take_answer(struct genl *g, const void *bytes, ssize_t size, genl_fn fn, void *arg)
{
	const struct nlmsghdr *msg = bytes;
	int left = (int)size;

	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left))
		if (msg->nlmsg_seq == g->seq && take_message(g, msg, fn, arg))
			return true;
	return false;
}

int genl_talk(struct genl *g, genl_fn fn, void *arg)
{
	union { struct nlmsghdr head; char bytes[RECEIVE_SIZE]; } answer;
	ssize_t size;

	g->refusal = (struct refusal){ 0 };
	g->interrupted = false;
	if (mnl_socket_sendto(g->nl, &g->request, g->request.head.nlmsg_len) < 0)
		goto no_socket;
	do {
		size = mnl_socket_recvfrom(g->nl, &answer, sizeof(answer));
		if (size < 0)
			goto no_socket;
	} while (!take_answer(g, &answer, size, fn, arg));
	return -g->refusal.error;

no_socket:
	g->refusal.error = errno;
	return -errno;
}

static void read_group(struct genl *g, const struct nlattr *group)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];
	const struct nlattr *name;

	attr_nested(group, tb, CTRL_ATTR_MCAST_GRP_MAX);
	name = tb[CTRL_ATTR_MCAST_GRP_NAME];
	if (!name || !tb[CTRL_ATTR_MCAST_GRP_ID] || g->nr_groups == GENL_GROUPS_MAX)
		return;
	snprintf(g->group[g->nr_groups].name, GENL_NAMSIZ, "%.*s",
		 (int)mnl_attr_get_payload_len(name),
		 (const char *)mnl_attr_get_payload(name));
	g->group[g->nr_groups].id = (uint32_t)attr_uint(tb[CTRL_ATTR_MCAST_GRP_ID]);
	g->nr_groups++;
}

static void read_family(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1], *group = NULL;
	struct genl *g = arg;
	const void *attrs;
	size_t len;

	attrs = genl_attrs(msg, &len);
	attr_table(attrs, len, tb, CTRL_ATTR_MAX);
	if (tb[CTRL_ATTR_FAMILY_ID])
		g->family = (uint16_t)attr_uint(tb[CTRL_ATTR_FAMILY_ID]);
	if (tb[CTRL_ATTR_VERSION])
		g->version = (uint8_t)attr_uint(tb[CTRL_ATTR_VERSION]);
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return;
	attrs = mnl_attr_get_payload(tb[CTRL_ATTR_MCAST_GROUPS]);
	len = mnl_attr_get_payload_len(tb[CTRL_ATTR_MCAST_GROUPS]);
	while ((group = attr_each(attrs, len, group)))
		read_group(g, group);
}

static int find_family(struct genl *g, const char *name)
{
	struct nlmsghdr *msg;
	int err;

	g->family = GENL_ID_CTRL;
	g->version = 1;
	msg = genl_request(g, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(msg, CTRL_ATTR_FAMILY_NAME, name);
	err = genl_talk(g, read_family, g);
	if (err)
		return err;
	return g->family == GENL_ID_CTRL ? -ENOENT : 0;
}

int genl_open(struct genl *g, const char *family)
{
	*g = (struct genl){ .seq = (uint32_t)time(NULL) };
	g->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!g->nl || mnl_socket_bind(g->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	set_option(g, NETLINK_CAP_ACK);
	set_option(g, NETLINK_EXT_ACK);
	set_option(g, NETLINK_GET_STRICT_CHK);
	return find_family(g, family);
}

void genl_close(struct genl *g)
{
	if (g->nl)
		mnl_socket_close(g->nl);
	g->nl = NULL;
}

int genl_listen(struct genl *g, const char *group)
{
	size_t i;

	for (i = 0; i < g->nr_groups; i++)
		if (!strcmp(g->group[i].name, group))
			break;
	if (i == g->nr_groups)
		return -ENOENT;
	if (mnl_socket_setsockopt(g->nl, NETLINK_ADD_MEMBERSHIP, &g->group[i].id,
				  sizeof(g->group[i].id)) < 0)
		return -errno;
	return 0;
}

int genl_hear(struct genl *g, genl_fn fn, void *arg)
{
	union { struct nlmsghdr head; char bytes[RECEIVE_SIZE]; } heard;
	const struct nlmsghdr *msg = &heard.head;
	ssize_t size;
	int left;

	size = mnl_socket_recvfrom(g->nl, &heard, sizeof(heard));
	if (size < 0)
		return -errno;
	left = (int)size;
	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left))
		if (msg->nlmsg_type == g->family)
			fn(msg, arg);
	return 0;
}
