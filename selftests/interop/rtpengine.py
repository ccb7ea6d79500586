# SPDX-License-Identifier: GPL-2.0-only
"""rtpengine beside Kamailio, outside: it puts its own address into each description,
and all audio goes through it.

It learns where a phone sends from; what no relay can do is to make a phone that says a
private address of itself reachable for a call.
"""
import contextlib
import re

from . import net as nets
from .baresip import Baresip
from .linphone import Linphone
from .phone import Failed, started, wait
from .program import Program
from .scene import Scene, call, end, held, talk

CONTROL, FIRST, LAST = "127.0.0.1:2223", 30000, 30099
LOAD = f"""loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:{CONTROL}")"""
# By itself it finds out which of offer, answer and delete a message asks for.
MANAGE = 'rtpengine_manage("replace-origin replace-session-connection")'
RELAY = f"""if (is_method("INVITE|ACK|UPDATE|PRACK|BYE|CANCEL"))
		{MANAGE};"""
REPLY = f"""if (has_body("application/sdp"))
		{MANAGE};"""
LEAST = 100             # packets through it, two seconds of audio one way


class Rtpengine(Program):
    """In user space: no module of its own in the kernel."""

    kind = "rtpengine"

    def __init__(self, net, host=nets.SERVER):
        super().__init__(net, host, host)

    def start(self):
        conf = self.path("conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write("[rtpengine]\n")
        self.popen("rtpengine", "--foreground", "--log-stderr", "--log-level=5", f"--config-file={conf}", "--table=-1",
                   f"--pidfile={self.path('pid')}", f"--listen-ng={CONTROL}", "--num-threads=2",
                   f"--port-min={FIRST}", f"--port-max={LAST}",
                   *(f"--interface={self.net.addr(self.host, v)}" for v in (4, 6)))
        started(self._there, lambda: f"rtpengine does not start: {self.log()[-300:]}")
        self._count()
        return self

    def _there(self):
        if self.process.poll() is not None:
            raise Failed(f"rtpengine ended: {self.log()[-300:]}")
        return CONTROL in self.net.run(self.host, "ss", "-Hlun", show=False)

    def _count(self):
        self.net.run(self.host, "nft", "-f", "-", show=False, text=f"""table inet relay
            delete table inet relay
            table inet relay {{
              counter got {{ }}
              counter sent {{ }}
              chain input {{ type filter hook input priority 0; udp dport {FIRST}-{LAST} counter name got; }}
              chain output {{ type filter hook output priority 0; udp sport {FIRST}-{LAST} counter name sent; }}
            }}
            """)

    def packets(self):
        """(got, sent) so far."""
        text = [self.net.run(self.host, "nft", "list", "counter", "inet", "relay", n, show=False)
                for n in ("got", "sent")]
        return tuple(int(re.search(r"packets (\d+)", t).group(1)) for t in text)


def relayed(engine, a, b, what):
    """Audio both ways, and it went through there."""
    before = engine.packets()
    talk(a, b, what)

    def through():
        return tuple(now - was for now, was in zip(engine.packets(), before))
    wait(lambda: min(through()) >= LEAST, lambda: f"{what}: packets that rtpengine got, sent: {through()}", 20)


def both_natted(s, engine):
    """alice behind NAT A, carol behind NAT B; each calls the other."""
    a, c = s.want("alice", "carol")
    for caller, called in ((a, c), (c, a)):
        what = f"{caller.user} calls"
        call(caller, called, what)
        relayed(engine, a, c, what)
        end(called, caller)


def hold_resume(s, engine):
    held(*s.want("alice", "carol"), lambda a, c, what: relayed(engine, a, c, what))


def outside(s, engine):
    """bob, who has a public address, calls and is called."""
    a, b = s.want("alice", "bob")
    for caller, called in ((a, b), (b, a)):
        call(caller, called, f"{caller.user} calls")
        relayed(engine, a, b, f"{caller.user} calls")
        end(caller, called)


FEATURES = {
    "media relayed by rtpengine": both_natted,
    "relayed: a phone outside": outside,
    "relayed: hold and resume": hold_resume,
}


class Column:
    """Of the table: baresip behind NAT A, linphone elsewhere."""

    name = "rtpengine"
    rows = tuple(FEATURES)

    @contextlib.contextmanager
    def open(self, helper):
        # Not when this file is read: the table imports it.
        from .table import attempt, leaves      # pylint: disable=import-outside-toplevel,cyclic-import
        scene = Scene(helper, Baresip, Linphone, load=LOAD, relay=RELAY, reply=REPLY)
        engine = Rtpengine(scene.net)
        try:
            # Before Kamailio, which would not ask for a minute where it gets no answer.
            engine.start()
            with scene:
                yield lambda row: attempt(scene, lambda s: FEATURES[row](s, engine))
                leaves(scene)
        finally:
            engine.remove()
