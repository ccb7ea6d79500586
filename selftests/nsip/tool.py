# SPDX-License-Identifier: GPL-2.0-only
"""sipnat(8), the way to look at the module and to steer it."""
import json
import subprocess


class Sipnat:
    """sipnat in one network namespace, by name; None: the present one."""

    def __init__(self, netns=None):
        self.netns = netns

    def command(self, *args):
        return ["sipnat", *(["-n", self.netns] if self.netns else []), *(str(a) for a in args)]

    def run(self, *args, prefix=()):
        """It, whatever comes of it: returncode (124: no end), stdout, stderr."""
        return subprocess.run(["timeout", "20", *prefix, *self.command(*args)], check=False,
                              text=True, capture_output=True, stdin=subprocess.DEVNULL)

    def text(self, *args):
        """What it prints; an error where it fails, or complains."""
        p = self.run(*args)
        if p.returncode or p.stderr:
            raise RuntimeError(f"sipnat {' '.join(map(str, args))}: {p.returncode}: {p.stderr}")
        return p.stdout

    def json(self, *args):
        return json.loads(self.text("-j", *args))

    def show(self, noun):
        """connections, calls, bindings, doors: a list; memory, settings: a dict."""
        return self.json("show", noun)

    def stats(self, *options):
        return self.json("stats", *options)

    def set(self, **settings):
        """set(ack_delay=20, ports="5060,5080")"""
        self.text("set", *(x for pair in settings.items() for x in pair))

    def monitor(self, *options):
        """Events as they come, a process with text on stdout; kill() it."""
        # pylint: disable=consider-using-with
        return subprocess.Popen(self.command(*options, "monitor"), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
