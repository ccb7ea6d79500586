/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_GENL_H
#define SIPNAT_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "refusal.h"

#define GENL_REQUEST_MAX 8192
#define GENL_GROUPS_MAX 8

/**
 * struct genl - a socket that speaks one generic netlink family
 * @nl: the socket
 * @seq: number of the last request
 * @family: the family's number
 * @version: its version
 * @nr_groups: number of @group
 * @group: its multicast groups
 * @request: the request being made, or asked last
 * @refusal: what the kernel said to it
 * @interrupted: the list changed while it was read
 */
struct genl {
	struct mnl_socket *nl;
	uint32_t seq;
	uint16_t family;
	uint8_t version;
	size_t nr_groups;
	struct { char name[GENL_NAMSIZ]; uint32_t id; } group[GENL_GROUPS_MAX];
	union {
		struct nlmsghdr head;
		char bytes[GENL_REQUEST_MAX];
	} request;
	struct refusal refusal;
	bool interrupted;
};

/** typedef genl_fn - called for each message of an answer */
typedef void (*genl_fn)(const struct nlmsghdr *msg, void *arg);

/**
 * genl_open - find a family
 *
 * Return: 0 or a negative errno; -ENOENT: the kernel has no such family (now).
 */
int genl_open(struct genl *g, const char *family);

/** genl_close - give back what genl_open() took */
void genl_close(struct genl *g);

/**
 * genl_request - begin a request
 * @flags: NLM_F_ACK, NLM_F_DUMP
 *
 * Return: it, for mnl_attr_put_check() with GENL_REQUEST_MAX.
 */
struct nlmsghdr *genl_request(struct genl *g, uint8_t command, uint16_t flags);

/**
 * genl_talk - send the request and take its answer in, message by message
 *
 * Return: 0 or a negative errno; &genl.refusal says more then.
 */
int genl_talk(struct genl *g, genl_fn fn, void *arg);

/**
 * genl_listen - join a multicast group
 *
 * Return: 0 or a negative errno; -ENOENT: the family has no such group.
 */
int genl_listen(struct genl *g, const char *group);

/**
 * genl_hear - wait for messages of the groups joined, and take in what comes
 *
 * Return: 0 or a negative errno; -ENOBUFS: some were lost.
 */
int genl_hear(struct genl *g, genl_fn fn, void *arg);

/** genl_attrs - payload behind the generic header, its length in @len */
const void *genl_attrs(const struct nlmsghdr *msg, size_t *len);

#endif
