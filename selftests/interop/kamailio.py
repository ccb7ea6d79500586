# SPDX-License-Identifier: GPL-2.0-only
"""Kamailio, a registrar and proxy, on one host of the network."""
import contextlib
import os
import re
import signal
import subprocess

from . import net as nets
from .phone import Failed, started
from .program import Program

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kamailio.cfg")


class Kamailio(Program):
    """One of them; registrations are in its memory only, a restart forgets them.

    by_name     in dialogs requests go to the name of both proxies, not to this one's
                address: whichever is alive gets them
    load, relay, reply  lines more for the configuration, where a relay of media wants them
    """

    kind = "kamailio"

    # pylint: disable=too-many-arguments,too-many-positional-arguments
    def __init__(self, net, host=nets.SERVER, by_name=False, load="", relay="", reply=""):
        super().__init__(net, host, host)
        self.lines = {"LOAD": load, "RELAY": relay, "REPLY": reply, "NAME": nets.NAME, "DIR": self.dir,
                      "RECORD_ROUTE": f'record_route_preset("{nets.NAME}:5060;transport=tcp")'
                                      if by_name else "record_route()",
                      "LISTEN": "\n".join(f"listen=tcp:{self._at(v)}:5060" for v in (4, 6))}

    def _at(self, v):
        addr = self.net.addr(self.host, v)
        return f"[{addr}]" if v == 6 else addr

    def proxy(self, v=4):
        """What a phone is told of it."""
        return (self.net.addr(self.host, v), 5060)

    def start(self):
        with open(TEMPLATE, encoding="utf-8") as f:
            text = re.sub("@([A-Z_]+)@", lambda m: self.lines[m.group(1)], f.read())
        cfg = self.path("kamailio.cfg")
        with open(cfg, "w", encoding="utf-8") as f:
            f.write(text)
        # A process group of its own: it has children.
        self.popen("kamailio", "-f", cfg, "-DD", "-E", "-m", 64, "-M", 8, "-w", self.dir, "-Y", self.dir,
                   "-P", self.path("pid"), process_group=0)
        started(self._there, lambda: f"Kamailio does not start: {self.log()[-300:]}")
        return self

    def _there(self):
        if self.process.poll() is not None:
            raise Failed(f"Kamailio ended: {self.log()[-300:]}")
        ports = self.net.run(self.host, "ss", "-Hltn", "sport = :5060", show=False).split("\n")
        return len([x for x in ports if x]) == 2 and "rror" not in self.rpc("core.version")

    def kill(self):
        """With its children."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        super().kill()

    def restart(self):
        """It forgets who is registered, and all its connections are gone."""
        self.stop()
        return self.start()

    def rpc(self, *command):
        p = subprocess.run(["kamcmd", "-s", f"unix:{self.dir}/ctl", *command], check=False, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.stdout

    def contact(self, user):
        """The Contact that it has for a user, or None."""
        found = re.search(r"Address: (\S+)", self.rpc("ul.lookup", "location", user))
        return found and found.group(1)
