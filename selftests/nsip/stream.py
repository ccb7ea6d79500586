# SPDX-License-Identifier: GPL-2.0-only
"""Both directions of a connection at once, and what is read compared byte for byte."""
import select
import time

from . import sip, sock


class Way:
    """From one end to the other: `text` is written, `wanted` must be read.

    `sizes` cuts the text into writes; `reader` says how many bytes are read at
    once, and how long the reader pauses after it.
    """

    def __init__(self, near, far, text, wanted, sizes=(), reader=(1 << 16, 0)):
        self.near, self.far, self.wanted = near, far, wanted
        self.parts = list(cut(text, sizes))
        self.size, self.pause = reader
        self.read, self.wrong, self.next_read = b"", "", 0.0
        near.sock.setblocking(False)
        far.sock.setblocking(False)

    @property
    def done(self):
        return bool(self.wrong) or (not self.parts and len(self.read) >= len(self.wanted))

    def write(self):
        try:
            n = self.near.sock.send(self.parts[0])
        except BlockingIOError:
            return
        except ConnectionError as e:
            self.wrong = f"write: {e}"
            return
        self.parts[0] = self.parts[0][n:]
        if not self.parts[0]:
            self.parts.pop(0)

    def take(self, now):
        try:
            data = self.far.sock.recv(self.size)
        except BlockingIOError:
            return
        except ConnectionError as e:
            self.wrong = f"read after {len(self.read)} bytes: {e}"
            return
        at = len(self.read)
        self.read += data
        self.next_read = now + self.pause
        if not data:
            self.wrong = f"end of the stream after {at} bytes"
        elif self.wanted[at:at + len(data)] != data:
            self.wrong = difference(self.read, self.wanted)


def cut(text, sizes):
    """Pieces of these sizes, over and over; in one piece without."""
    i = 0
    while text:
        n = sizes[i % len(sizes)] if sizes else len(text)
        yield text[:n]
        text = text[n:]
        i += 1


def difference(read, wanted):
    """Where two streams part, with what stands there."""
    at = next((i for i, (a, b) in enumerate(zip(read, wanted)) if a != b), min(len(read), len(wanted)))
    return (f"differs at byte {at} of {len(wanted)}\nread   {read[max(0, at - 60):at + 60]!r}\n"
            f"wanted {wanted[max(0, at - 60):at + 60]!r}")


def turn(ways, limit):
    """Wait until something can be written or read, and do it; whether it was so."""
    now = time.monotonic()
    reads = {w.far.sock: w for w in ways if not w.done and w.next_read <= now}
    writes = {w.near.sock: w for w in ways if w.parts and not w.wrong}
    sleeping = [w.next_read - now for w in ways if not w.done and w.next_read > now]
    ready = select.select(list(reads), list(writes), [], min([limit, *sleeping]))
    for s in ready[1]:
        writes[s].write()
    for s in ready[0]:
        reads[s].take(time.monotonic())
    return bool(ready[0] or ready[1])


def run(*ways, patience=60):
    """Until all is read, or nothing happens for so long; what went wrong, or ""."""
    last = time.monotonic()
    while not all(w.done for w in ways):
        if turn(ways, 0.5):
            last = time.monotonic()
        elif time.monotonic() - last > patience * sock.SLOW:
            break
    return "\n".join(w.wrong or f"nothing more after {len(w.read)} of {len(w.wanted)} bytes"
                     for w in ways if w.wrong or not w.done)


# pylint: disable=too-many-instance-attributes
class Trunk:
    """Requests and answers of both ends, each of which the NAT has to change.

    `port` is that of the connection at the phone and at the NAT: a PBX that
    sends from the port where it listens.
    """

    def __init__(self, lab, phone, peer, v=4, name="trunk"):
        self.phone, self.peer, self.name, self.serial = phone, peer, name, 0
        port = phone.local[1]
        self.me, self.to = lab.party("phone1", v, port), lab.party("peer1", v)
        self.public = lab.public(v, peer.remote[1])
        self.lengths = []       # of each message, as written and as read

    def _note(self, pairs):
        pairs = list(pairs)
        self.lengths += [(len(a), len(b)) for a, b in pairs]
        return [b"".join(x) for x in zip(*pairs)]

    def out(self, n, **more):
        """n requests of the phone, as written and as read."""
        names = [f"{self.name}-{self.serial + i}" for i in range(n)]
        self.serial += n
        return [[sip.request("OPTIONS", who, self.to, name, **more) for name in names]
                for who in (self.me, self.public)]

    def requests_in(self, n, **more):
        """n requests of the peer."""
        names = [f"{self.name}-{self.serial + i}" for i in range(n)]
        self.serial += n
        return [[sip.request("OPTIONS", self.to, who, name, **more) for name in names]
                for who in (self.public, self.me)]

    @staticmethod
    def answers(requests):
        """The peer's answers to requests(), as written and as read."""
        written, read = requests
        return [[sip.response(m, 200, "OK") for m in side] for side in (read, written)]

    def way(self, messages, inward=False, **more):
        text, wanted = self._note(zip(*messages))
        ends = (self.peer, self.phone) if inward else (self.phone, self.peer)
        return Way(*ends, text, wanted, **more)
