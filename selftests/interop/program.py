# SPDX-License-Identifier: GPL-2.0-only
"""A program of others that runs on one host, with its files in a directory of its own."""
import os
import shutil
import subprocess
import tempfile


class Program:
    """One of them.

    net     the network: net.netns(host) names the namespace
    host    where it runs
    process None when it does not run
    """

    kind = "program"        # for the names of directories

    def __init__(self, net, host, name):
        self.net, self.host, self.process = net, host, None
        self.dir = tempfile.mkdtemp(prefix=f"{self.kind}-{name}-")

    def path(self, name):
        return os.path.join(self.dir, name)

    def popen(self, *cmd, **more):
        """Begin it, with a log; `more` as for subprocess."""
        self.process = popen(self.net, self.host, self.path("log"), *cmd, **more)

    def stop(self):
        """End it in good order.  Safe to be called twice, and after kill()."""
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        """Power off: it has no chance to say anything to anybody."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self):
        """stop(), and its files go."""
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        """What it wrote; the last lines are the interesting ones."""
        try:
            with open(self.path("log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""


def popen(net, host, log, *cmd, **more):
    """A program in the background on a host, with a log; `more` as for subprocess."""
    with open(log, "ab") as out:
        # pylint: disable=consider-using-with
        return subprocess.Popen(["ip", "netns", "exec", net.netns(host), *map(str, cmd)],
                                **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": subprocess.STDOUT, **more})
