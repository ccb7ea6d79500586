// SPDX-License-Identifier: GPL-2.0-only
/*
 * To the module, and what to do when it does not answer.
 */
#include <errno.h>
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "tool.h"

int tool_open(struct tool *t)
{
	int err = genl_open(&t->genl, SIPNAT_FAMILY_NAME);

	if (!err)
		return EXIT_DONE;
	if (err != -ENOENT)
		return complain(EXIT_KERNEL, "netlink: %s", strerror(-err));
	complain(EXIT_KERNEL, "the module nf_nat_sip_tcp is not loaded, or older than this tool");
	advise("load it, as root: modprobe nf_nat_sip_tcp");
	return EXIT_KERNEL;
}

static int refused(const char *what, const char *text, int error)
{
	complain(EXIT_KERNEL, "%s: %s", what, text);
	if (error == EPERM || error == EACCES)
		advise("it takes CAP_NET_ADMIN in this network namespace: be root, or use sudo");
	else if (error == EOPNOTSUPP)
		advise("the module that is loaded is older than this tool");
	return EXIT_KERNEL;
}

int tool_refused(const struct tool *t, const char *what)
{
	const struct refusal *r = &t->genl.refusal;

	return refused(what, refusal_text(r), r->error);
}

int tool_failed(const char *what, int error)
{
	return refused(what, strerror(error), error);
}

void tool_interrupted(const struct tool *t, const char *what)
{
	if (t->genl.interrupted)
		advise("warning: the %s changed while they were read: some may be missing", what);
}
