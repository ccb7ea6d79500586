// SPDX-License-Identifier: GPL-2.0-only
/*
 * sipnat monitor
 */
#include <errno.h>

#include <linux/nf_nat_sip_tcp.h>

#include "monitor.h"
#include "noun.h"

static const struct noun *find_noun(const struct nlmsghdr *msg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);
	const struct noun *const *n;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*genl))
		return NULL;
	for (n = nouns; *n; n++)
		if ((*n)->notify == genl->cmd)
			return *n;
	return NULL;
}

void monitor_print(const struct nlmsghdr *msg, void *arg)
{
	const struct noun *n = find_noun(msg);
	struct tool *t = arg;
	struct json j = { .out = t->out };
	const void *attrs;
	size_t len;

	/* A newer kernel has more kinds. */
	if (!n)
		return;
	attrs = genl_attrs(msg, &len);
	if (t->json) {
		j.line = true;
		json_open(&j, '{');
		json_key(&j, "event");
		json_string(&j, n->event);
		record_json(&j, n->fields, attrs, len);
		json_close(&j, '}');
	} else {
		fputs(n->event, t->out);
		record_line(t->out, n->fields, attrs, len);
		fputc('\n', t->out);
	}
	/* Whoever reads wants it now. */
	fflush(t->out);
}

static int monitor(struct tool *t, int argc, char **argv)
{
	int err;

	if (argc)
		return complain(EXIT_USAGE, "monitor: \"%s\" is too much", argv[0]);
	err = tool_open(t);
	if (err)
		return err;
	err = genl_listen(&t->genl, SIPNAT_MCGRP_EVENTS);
	if (err)
		return tool_failed("monitor", -err);
	while (!ferror(t->out)) {
		err = genl_hear(&t->genl, monitor_print, t);
		if (err == -ENOBUFS)
			advise("warning: events were lost, too many at once");
		else if (err && err != -EINTR)
			return tool_failed("monitor", -err);
	}
	return EXIT_DONE;
}

const struct command command_monitor = {
	.name = "monitor",
	.usage = "",
	.what = "print events as they happen, a line each, until interrupted",
	.help = "A connection became opaque; a call began or ended; a registration was granted\n"
		"or ended; a door was opened or closed: what \"sipnat show\" has about it, as\n"
		"name=value, or a JSON object a line.\n",
	.options = "j",
	.run = monitor,
};
