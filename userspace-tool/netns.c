// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces, by the names that ip-netns(8) gives them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "netns.h"

#define NETNS_DIR "/run/netns/"

static int no_such(const char *name, int err)
{
	complain(EXIT_USAGE, "network namespace \"%s\": %s", name, strerror(err));
	if (err == ENOENT)
		advise("\"ip netns\" lists those that there are");
	return EXIT_USAGE;
}

int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NETNS_DIR, name);
	/* "" and ".." name a directory. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return no_such(name, errno);
	if (setns(fd, CLONE_NEWNET))
		err = errno;
	close(fd);
	if (err == EPERM) {
		complain(EXIT_KERNEL, "network namespace \"%s\": %s", name, strerror(err));
		advise("entering one needs CAP_SYS_ADMIN: be root, or use sudo");
		return EXIT_KERNEL;
	}
	return err ? no_such(name, err) : EXIT_DONE;
}
