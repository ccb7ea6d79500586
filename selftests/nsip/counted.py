# SPDX-License-Identifier: GPL-2.0-only
"""What the router counts of a connection, and connections to count."""
from . import puppet, sip, sock
from .tool import Sipnat

SIZE = 600          # of each message of a Case
# What becomes of a connection, and of its messages.
FATE = ("conn_", "opaque_", "reset", "msg_")
# Of segments those that nobody wants.
SEGMENTS = ("seg_not", "seg_out", "seg_backlog", "seg_old", "opaque_", "reset")
USUAL = {"header_max": 16384, "body_max": 40960, "hold_max": 163840, "hold_timeout": 32000, "on_error": "pass"}


class Moved:
    """What the router has counted since this was made."""

    def __init__(self, lab):
        self.lab, self.first = lab, lab.counters()

    def now(self, *prefixes):
        return {k: v - self.first[k] for k, v in self.lab.counters().items()
                if v != self.first[k] and k.startswith(prefixes)}

    def wait(self, name):
        sock.until(lambda: self.now(name), f"{name} does not move")

    @staticmethod
    def soon(condition):
        """Wait for what is to be claimed, on a machine that is busy."""
        try:
            sock.until(condition, "", 3)
        except sock.Timeout:
            pass

    def claim(self, t, claim, families, wanted):
        self.soon(lambda: self.now(*families) == wanted)
        t.equal(self.now(*families), wanted, f"{claim}: counted as {', '.join(wanted)}, and as nothing else")


class Settings:
    """Settings that last as long as a block."""

    def __init__(self, lab, **more):
        self.tool, self.more = Sipnat(lab.netns("router")), more

    def __enter__(self):
        self.tool.set(**self.more)

    def __exit__(self, *_):
        self.tool.set(**{k: USUAL[k] for k in USUAL if k in self.more})


class Pair:     # pylint: disable=too-many-instance-attributes
    """A connection of phone2 to peer2 on real sockets."""

    def __init__(self, lab, name, moved=None, ends=None):
        """`ends`, where there are some already, since `moved`."""
        self.name, self.moved, self.serial = name, moved or Moved(lab), 0
        self.phone, self.peer = ends or lab.tcp_pair("phone2", "peer2")
        self.me, self.to = lab.party("phone2", port=self.phone.local[1]), lab.party("peer2")
        self.public = lab.public(port=self.peer.remote[1])

    def outward(self, **more):
        """The next request of the phone: as written, and translated."""
        self.serial += 1
        return [sip.request("OPTIONS", who, self.to, f"{self.name}-{self.serial}", **more)
                for who in (self.me, self.public)]

    def inward(self, **more):
        """The next one of the peer."""
        self.serial += 1
        return [sip.request("OPTIONS", self.to, who, f"{self.name}-{self.serial}", **more)
                for who in (self.public, self.me)]

    def translated(self):
        """A message that is followed; anything else is an error of the test."""
        wrote, wanted = self.outward()
        self.phone.send(wrote)
        read = self.peer.recv_up_to(len(wanted))
        if read != wanted or wrote == wanted:
            raise AssertionError(f"{read!r} instead of {wanted!r}")
        self.phone.wait_acked()

    def raw(self, *texts):
        """Texts of the phone, then one of the peer, arrive as they were written; what did not."""
        wrong = []
        for text in texts or self.outward()[:1]:
            self.phone.send(text)
            read = self.peer.recv_up_to(len(text))
            wrong += [] if read == text else [(read, text)]
        back = self.inward()[0]
        self.peer.send(back)
        read = self.phone.recv_up_to(len(back))
        return wrong + ([] if read == back else [(read, back)])

    def counted(self, t, claim, **wanted):
        self.moved.claim(t, claim, FATE, wanted)

    def close(self):
        sock.hang_up(self.phone, self.peer)


class Case:
    """A connection, requests for it as written and as read; the first has passed."""

    def __init__(self, lab, name, n=3, first=True, size=SIZE, **more):
        self.size, self.w = size, puppet.Wire(lab, **more)
        self.raw, self.wants = self.w.requests(n, name, size)
        self.phone, self.peer = self.w.phone, self.w.peer
        if first:
            self.phone.send(self.raw[0])
            self.peer.hear(lambda h: h.data)
            self.peer.take(len(self.wants[0]))
            self.phone.hear(lambda h: h.ack == size)
        self.moved = Moved(lab)

    def say(self, i):
        """Message i."""
        self.phone.send(self.raw[i], at=i * self.size)

    def has(self, text):
        """Is what the peer heard so far this, and nothing else?"""
        self.peer.poll()
        have, wrong = puppet.stream(self.peer.heard, text)
        return have == len(text) and not wrong

    def arrived(self, t, text, claim):
        """This, or that many messages."""
        if isinstance(text, int):
            text = b"".join(self.wants[:text])
        self.moved.soon(lambda: self.has(text))
        t.ok(self.has(text), claim, "\n".join(map(str, self.peer.heard)))

    def counted(self, t, claim, families=SEGMENTS, **wanted):
        self.moved.claim(t, claim, families, wanted)

    def leave(self):
        """Conntrack would call a RST invalid: this connection is over."""
        for end in self.w.ends:
            end.cap.close()
