# SPDX-License-Identifier: GPL-2.0-only
"""Odd flows by sipp over TCP, through the router in either direction.

    sipp sipp/NAME-client.xml -- router -- sipp sipp/NAME-server.xml

One of them is inside.  That both ends finish is what sipp says; that whatever
arrived outside names no inside address, and that audio goes both ways while the call
stands, is seen here.  The side that pauses in its scenario is stopped there until the
audio has been tried, so that a slow machine changes nothing.
"""
import contextlib
import dataclasses
import itertools
import os
import re
import shutil
import signal
import tempfile

from nsip import sip, sock
from nsip.lab import Lab

from .phone import Failed, wait
from .program import popen

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sipp")
PORT = 5060
RTP = {"client": 6000, "server": 7000}      # and two above, where audio moves
PACKETS = 5
_ports = itertools.count(5070)
LOGGED = re.compile(r"^-{20,} [^\n]*\nTCP message (sent|received) [\[(]\d+\]? bytes\)? ?:\n\n", re.M)


@dataclasses.dataclass(frozen=True)
class Flow:
    """@client, @server: their scenarios where another's do; @pauses: who does, "" where
    there is no audio; @more: arguments of the client; @calls: how many."""
    name: str
    what: str
    client: str = ""
    server: str = ""
    pauses: str = "client"
    more: tuple = ()
    calls: int = 1

    def scenario(self, role):
        return getattr(self, role) or self.name


FLOWS = (
    Flow("call", "a whole call"),
    Flow("bye", "a call that the called side ends", pauses="server"),
    Flow("long", "4 KiB of headers before the Contact", server="call"),
    Flow("compact", "compact headers", server="call"),
    Flow("multipart", "an offer in a multipart body", server="call"),
    Flow("delayed", "the offer in the 200, the answer in the ACK", server="call"),
    Flow("prack", "the offer in a 183, the answer in the PRACK, audio before the 200", pauses="server"),
    Flow("hold", "held and resumed"),
    Flow("update", "audio moved by an UPDATE"),
    Flow("redirect", "302, and a call to where it says"),
    Flow("cancel", "CANCEL while it rings", pauses=""),
    Flow("options", "100 OPTIONS on one connection", pauses="", calls=100, more=("-r", "50")),
    Flow("message", "20 MESSAGEs on one connection", pauses="", calls=20, more=("-r", "20")),
    Flow("load", "200 calls on one connection, 20 a second", "call", "call", pauses="", calls=200,
         more=("-r", "20", "-d", "500")),
    Flow("many", "40 calls on as many connections, 10 a second", "call", "call", pauses="", calls=40,
         more=("-r", "10", "-d", "500", "-t", "tn")),
)


class Sipp:
    """One sipp of a flow, in a directory of its own."""

    # pylint: disable=too-many-arguments,too-many-positional-arguments
    def __init__(self, lab, host, role, scenario, v, port, *args):
        self.dir = tempfile.mkdtemp(prefix=f"sipp-{role}-")
        self.log, self.shown = os.path.join(self.dir, "messages"), os.path.join(self.dir, "screen")
        addr = lab.addr(host, v)
        at = f"[{addr}]" if v == 6 else addr
        self.process = popen(
            lab, host, self.shown, "sipp", "-sf", os.path.join(SCENARIOS, f"{scenario}-{role}.xml"),
            "-i", at, "-mi", at, "-p", port, "-key", "media", RTP[role], "-key", "media2", RTP[role] + 2,
            "-trace_msg", "-message_file", self.log, "-trace_err", "-error_file", os.path.join(self.dir, "errors"),
            "-nostdin", "-skip_rlimit", "-timeout", f"{int(60 * sock.SLOW)}s", "-timeout_error", *args, cwd=self.dir)

    def messages(self, way):
        """Messages sent or received so far; text."""
        try:
            with open(self.log, encoding="utf-8", errors="replace", newline="") as f:
                parts = LOGGED.split(f.read())
        except FileNotFoundError:
            return []
        return [text for w, text in zip(parts[1::2], parts[2::2]) if w == way]

    def ended(self):
        """Exit status, None while it runs."""
        return self.process.poll()

    def freeze(self, on):
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def complaint(self):
        """The last that it says went wrong."""
        lines = []
        for name in ("errors", "screen"):
            with contextlib.suppress(FileNotFoundError):
                with open(os.path.join(self.dir, name), encoding="utf-8", errors="replace") as f:
                    lines += [x.strip() for x in f if x.strip()]
            if lines:
                break
        return " / ".join(lines[-4:])[:400]

    def close(self):
        if self.ended() is None:
            self.freeze(False)
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def listens(process, v):
    """Whether it waits for connections at PORT."""
    try:
        with open(f"/proc/{process.pid}/net/tcp{'6' if v == 6 else ''}", encoding="ascii") as f:
            rows = [x.split() for x in f][1:]
    except OSError:
        return False
    return any(int(r[1].rpartition(":")[2], 16) == PORT and r[3] == "0A" for r in rows)


def before_pause(scenario, role):
    """(sent, received) messages of a scenario before its pause; a 100 may be absent."""
    with open(os.path.join(SCENARIOS, f"{scenario}-{role}.xml"), encoding="utf-8") as f:
        text = f.read().partition("<pause")[0]
    return text.count("<send"), len(re.findall(r"<recv (?![^>]*optional)", text))


def pausing(end, wanted):
    def there():
        got = [m for m in end.messages("received") if not m.startswith("SIP/2.0 100")]
        return len(end.messages("sent")) >= wanted[0] and len(got) >= wanted[1]
    return there


def described(messages):
    """Address and port of audio in the last description among the messages."""
    last = [m.encode() for m in messages if "\nm=audio " in m][-1]
    return sip.media_addr(last), sip.media_port(last)


class Run:
    """One flow in one direction: client "phone1" and server "peer1", or the other way round."""

    def __init__(self, lab, flow, way, v):
        self.lab, self.flow, self.way, self.v = lab, flow, way, v
        self.hosts = ("phone1", "peer1") if way == "out" else ("peer1", "phone1")
        self.ends = {}

    @property
    def inside(self):
        return self.ends["client" if self.way == "out" else "server"]

    @property
    def outside(self):
        return self.ends["server" if self.way == "out" else "client"]

    def start(self):
        lab, flow, v = self.lab, self.flow, self.v
        pause = ("-t", "t1", "-d", int(2000 * sock.SLOW), "-m", flow.calls)
        server = Sipp(lab, self.hosts[1], "server", flow.scenario("server"), v, PORT, *pause)
        self.ends["server"] = server
        wait(lambda: listens(server.process, v) or server.ended() is not None, "sipp does not listen", 20)
        to = lab.addr("public" if self.way == "in" else "peer1", v)
        to = f"[{to}]:{PORT}" if v == 6 else f"{to}:{PORT}"
        # A port that no earlier flow had: that connection may not be over for the kernel.
        self.ends["client"] = Sipp(lab, self.hosts[0], "client", flow.scenario("client"), v, next(_ports),
                                   *pause, *flow.more, to)

    def _ended(self):
        return all(e.ended() is not None for e in self.ends.values())

    def _state(self):
        return "; ".join(f"{role}: " + (f"status {e.ended()} " if e.ended() is not None else "waits ") + e.complaint()
                         for role, e in self.ends.items() if e.ended() != 0)

    def audio(self):
        """While the side that pauses is stopped: both ways, from the ports that were told."""
        pauser = self.ends[self.flow.pauses]
        there = pausing(pauser, before_pause(self.flow.scenario(self.flow.pauses), self.flow.pauses))
        wait(lambda: there() or self._ended(), "sipp does not come to its pause", 30)
        if not there():
            raise Failed(self._state())
        pauser.freeze(True)
        try:
            self._talk()
        finally:
            pauser.freeze(False)

    def _talk(self):
        lab, v = self.lab, self.v
        own, told = described(self.inside.messages("sent")), described(self.outside.messages("received"))
        far, seen = described(self.outside.messages("sent")), described(self.inside.messages("received"))
        if seen != far:
            raise Failed(f"the inside reads that audio goes to {seen}, it is {far}")
        if lab.helper != "none":
            lab.wait_open_has([told[1]], 17)
        near_end, far_end = lab.udp(self.inside_host, own[1], v), lab.udp(self.outside_host, far[1], v)
        try:
            near_end.send(far, PACKETS, b"out")
            far_end.send(told, PACKETS, b"in")
            heard = far_end.collect(PACKETS), near_end.collect(PACKETS)
        finally:
            near_end.close()
            far_end.close()
        if heard != ([(*told, b"out")] * PACKETS, [(*far, b"in")] * PACKETS):
            raise Failed(f"audio told at {told}: heard outside {sorted(set(heard[0]))}, inside {sorted(set(heard[1]))}")

    @property
    def inside_host(self):
        return "phone1"

    @property
    def outside_host(self):
        return "peer1"

    def finish(self):
        wait(self._ended, self._state, 60)
        if any(e.ended() for e in self.ends.values()):
            raise Failed(self._state())
        inside = self.lab.addr("phone1", self.v)
        received = self.outside.messages("received")
        if len(received) < self.flow.calls:
            raise Failed(f"the log of the sipp outside has {len(received)} messages that it received")
        named = [line for m in received for line in sip.names(m.encode(), inside) if not line.startswith("i:")]
        if named:
            raise Failed(f"{len(named)} lines outside name the inside address: {named[0]}")
        if self.lab.helper == "ours" and self.lab.wait_doors([]):
            raise Failed(f"doors stay: {self.lab.doors()}")

    def close(self):
        for end in self.ends.values():
            end.close()


def run(lab, flow, way="out", v=4):
    """(good, why not); lab: nsip.lab.Lab, with nat="forward" for way="in"."""
    r = Run(lab, flow, way, v)
    # What the flow before left behind is not this one's fault.
    for what in ("expect", "conntrack"):
        lab.conntrack("-F", what)
    try:
        r.start()
        if flow.pauses:
            r.audio()
        r.finish()
    except (Failed, sock.Timeout, IndexError) as e:
        return False, str(e) or type(e).__name__
    finally:
        r.close()
    return True, ""


class Column:
    """Of the table: each flow in both directions, segments as small as on the wire."""

    name = "sipp"
    rows = tuple(f"sipp: {f.what}" for f in FLOWS)

    @contextlib.contextmanager
    def open(self, helper):
        with Lab(helper=helper, nat="forward", offload="off", quiet=True) as lab:
            yield lambda row: self._try(lab, FLOWS[self.rows.index(row)])

    @staticmethod
    def _try(lab, flow):
        for way, what in (("out", "client inside"), ("in", "server inside")):
            good, why = run(lab, flow, way)
            if not good:
                return False, f"{what}: {why}"
        return True, ""
