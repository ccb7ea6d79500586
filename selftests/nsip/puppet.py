# SPDX-License-Identifier: GPL-2.0-only
"""Connections made by hand: both ends do what they are told and nothing else.

Numbers count bytes of a stream from 0: `at` is where a segment's data begin in
what its sender writes, `ack` how much of the other stream is acknowledged.  The
hosts' kernels know nothing of it: they drop all TCP that comes.
"""
import re
import struct
import time
from dataclasses import dataclass, field

from . import sip, sock, wire
from .wire import ACK, FIN, PSH, RST, SYN

QUIET = 0.06 * sock.SLOW    # after that nothing more is on its way
PORT = 5060
MSS = 1400                  # of what is written here, with any options
MOD = 1 << 32


def near(number, base):
    """A sequence number as a distance, which may be negative."""
    return (number - base + (MOD >> 1)) % MOD - (MOD >> 1)


@dataclass
class Heard:
    """A segment as an end got it."""
    at: int
    ack: int
    data: bytes
    flags: int
    win: int
    frame: int
    urgent: int = 0
    ts: tuple = None        # TSval, TSecr
    sack: list = field(default_factory=list)
    mss: int = 0

    @property
    def end(self):
        return self.at + len(self.data)

    def __str__(self):
        names = "".join(c for c, bit in zip("FSRPAU", (1, 2, 4, 8, 16, 32)) if self.flags & bit)
        more = f" ts {self.ts}" if self.ts else ""
        more += f" sack {self.sack}" if self.sack else ""
        return f"{self.at}:{self.end} {names} ack {self.ack} win {self.win}{more}"


def options(*, ts=None, sack=(), mss=0, wscale=None, sack_ok=False):
    """Bytes of TCP options."""
    out = b""
    if mss:
        out += struct.pack("!BBH", 2, 4, mss)
    if sack_ok:
        out += b"\4\2"
    if wscale is not None:
        out += struct.pack("!BBB", 3, 3, wscale)
    if ts:
        out += b"\1\1" + struct.pack("!BBII", 8, 10, *ts)
    if sack:
        out += b"\1\1" + struct.pack("!BB", 5, 2 + 8 * len(sack))
        out += b"".join(struct.pack("!II", a % MOD, b % MOD) for a, b in sack)
    return out + b"\1" * (-len(out) % 4)


def each_option(raw):
    while raw and raw[0]:
        if raw[0] == 1:
            raw = raw[1:]
            continue
        yield raw[0], raw[2:raw[1]]
        raw = raw[max(raw[1], 2):]


class End:      # pylint: disable=too-many-instance-attributes
    """One end."""

    def __init__(self, lab, host, port, isn):
        self.lab, self.host, self.isn, self.other = lab, host, isn, None
        self.src, self.dst = (lab.addr(host), port), None
        with lab.at(host):
            self.cap = wire.Capture("eth0")
        self.ether = self._ether()
        self.win, self.has_ts, self.tsval, self.tsecr = 65535, False, 1000, 0
        self.nxt, self.got, self._seen, self.heard = 0, 0, 0, []

    def _ether(self):
        dev = {"phone": "in", "peer": "out"}[re.match("[a-z]+", self.host)[0]] + self.host[-1]
        macs = [self.lab.run(host, "cat", f"/sys/class/net/{d}/address", show=False).strip()
                for host, d in (("router", self.lab.dev(dev)), (self.host, "eth0"))]
        return b"".join(bytes.fromhex(m.replace(":", "")) for m in macs) + b"\x08\x00"

    # pylint: disable=too-many-arguments
    def send(self, data=b"", *, at=None, ack=None, flags=0, win=None, sack=(), ts=None, urgent=0,
             raw_options=None):
        """A segment; unless told otherwise in order, and with the present acknowledgement."""
        if at is None:
            at = self.nxt
        if data or flags & FIN:
            self.nxt = max(self.nxt, at + len(data) + bool(flags & FIN))
        if raw_options is None:
            if self.has_ts and not ts:
                self.tsval += 1
                ts = (self.tsval, self.tsecr)
            raw_options = options(ts=ts, sack=[(self.other.isn + 1 + a, self.other.isn + 1 + b)
                                               for a, b in sack])
        seg = wire.Segment(self.src[0], self.src[1], self.dst[0], self.dst[1],
                           (self.isn + 1 + at) % MOD, self._number(ack),
                           flags | (ACK if ack != -1 else 0) | (PSH if data else 0),
                           self.win if win is None else win, raw_options, data, 0, True, True,
                           self.ether, urgent)
        with self.lab.at(self.host):
            wire.inject("eth0", seg)

    def _number(self, ack):
        if ack == -1:
            return 0
        return (self.other.isn + 1 + (self.got if ack is None else ack)) % MOD

    def write(self, data, at=None, **more):
        """As many segments as that takes."""
        for i in range(0, len(data), MSS):
            self.send(data[i:i + MSS], at=None if at is None else at + i, **more)

    def take(self, upto, **more):
        """Acknowledge that much of the other stream."""
        self.got = upto
        self.send(**more)

    def poll(self):
        """Segments heard since the last time."""
        match = {"sport": self.dst[1]} if self.dst else {}
        segs = self.cap.segments(out=False, dport=self.src[1], **match)
        new = [self._heard(s) for s in segs[self._seen:]]
        self._seen = len(segs)
        self.heard += new
        return new

    def _heard(self, s):
        h = Heard(near(s.seq, self.other.isn + 1), near(s.ack, self.isn + 1), s.data, s.flags,
                  s.win, s.frame, s.urgent)
        for kind, value in each_option(s.options):
            if kind == 8:
                h.ts = struct.unpack("!II", value)
                self.tsecr = h.ts[0]
            elif kind == 2:
                h.mss = struct.unpack("!H", value)[0]
            elif kind == 5:
                edges = struct.unpack(f"!{len(value) // 4}I", value)
                h.sack = [(near(a, self.isn + 1), near(b, self.isn + 1))
                          for a, b in zip(edges[::2], edges[1::2])]
        return h

    def hear(self, what=None, n=1, patience=None):
        """Wait for n segments (for which what() is true); those, or what came instead."""
        new = []

        def there():
            new.extend(self.poll())
            return sum(bool(what is None or what(h)) for h in new) >= n
        try:
            sock.until(there, "segments", patience or 3)
        except sock.Timeout:
            pass
        return [h for h in new if what is None or what(h)]


# pylint: disable=too-many-instance-attributes
class Wire:
    """A connection of phone1 to peer1, port 5060.

    `win` is the peer's window field from its SYN on, `wscale` the shift counts of
    phone and peer, which hold behind the SYN.  `again`: the phone repeats its SYN when
    that was answered already, as one does to whom the answer comes late.
    """

    serial = 0

    # pylint: disable=too-many-arguments
    def __init__(self, lab, *, mss=1460, wscale=(None, None), sack=False, ts=False, win=65535, phone_win=65535,
                 again=False):
        Wire.serial += 1
        self.lab = lab
        self.phone = End(lab, "phone1", 41000 + Wire.serial, 0xfffff000 + Wire.serial)
        self.peer = End(lab, "peer1", PORT, 0x20000000 + 7919 * Wire.serial)
        self.phone.other, self.peer.other = self.peer, self.phone
        self.phone.dst = (lab.addr("peer1"), PORT)
        self.phone.win, self.peer.win = phone_win, win
        self.syn = dict(mss=mss, sack_ok=sack)
        self.wscale = dict(zip(self.ends, wscale))
        self.ts, self.again = ts, again
        self.wrong = []
        self.handshake()

    def _syn(self, end, ack):
        ts = (end.tsval, end.tsecr) if self.ts else None
        end.send(at=-1, ack=ack, flags=SYN, raw_options=options(ts=ts, wscale=self.wscale[end], **self.syn))

    def handshake(self):
        self._syn(self.phone, -1)
        if not self.peer.hear(lambda h: h.flags & SYN):
            raise sock.Timeout("no SYN arrives")
        last = self.peer.cap.segments(out=False, dport=PORT)[-1]
        self.peer.dst = (last.src, last.sport)
        self.phone.has_ts = self.peer.has_ts = self.ts
        self._syn(self.peer, 0)
        if not self.phone.hear(lambda h: h.flags & SYN):
            raise sock.Timeout("no SYN/ACK arrives")
        if self.again:
            self._syn(self.phone, -1)
            self.peer.hear(lambda h: h.flags & SYN)
        self.phone.send()
        self.peer.hear()

    @property
    def ends(self):
        return self.phone, self.peer

    def settle(self, least=0):
        """Until nothing is on its way: (what the phone heard, what the peer heard)."""
        heard, last = ([], []), time.monotonic() + least * sock.SLOW
        while time.monotonic() < last + QUIET:
            for end, new in zip(self.ends, heard):
                more = end.poll()
                new += more
                if more:
                    last = max(last, time.monotonic())
            time.sleep(0.003)
        return heard

    # --- messages ------------------------------------------------------------
    def requests(self, n, name="m", size=0, **more):
        """n requests of the phone, as written and as the peer must read them."""
        me, to = self.lab.party("phone1"), self.lab.party("peer1")
        public = self.lab.public(port=self.peer.dst[1])
        fill = 0
        if size:
            fill = size - len(sip.request("OPTIONS", me, to, f"{name}-0", extra=["Subject: "], **more))
        extra = [f"Subject: {'x' * fill}"] if size else []
        return [[sip.request("OPTIONS", who, to, f"{name}-{i}", extra=extra, **more) for i in range(n)]
                for who in (me, public)]

    def close(self):
        """Without a trace: a RST of the phone, and one of the peer."""
        self.phone.send(flags=RST)
        self.peer.send(flags=RST)
        for end in self.ends:
            end.cap.close()


def mute(lab):
    """The hosts' own TCP hears nothing, so that it answers nothing."""
    for host in ("phone1", "peer1"):
        lab.run(host, "nft", "-f", "-", text="table inet mute { chain in { type filter hook input "
                "priority 0; meta l4proto tcp drop; }; }\n")


def stream(heard, wanted):
    """The bytes that segments bring, and whether all of them stand in `wanted` at
    their place (I4): (how many without a gap, complaints)."""
    have, wrong = 0, []
    for h in sorted((h for h in heard if h.data and not h.flags & SYN), key=lambda h: h.at):
        if wanted[h.at:h.end] != h.data:
            wrong.append(f"{h}: {h.data!r}, wanted {wanted[h.at:h.end]!r}")
        if h.at <= have:
            have = max(have, h.end)
    return have, wrong
