# SPDX-License-Identifier: GPL-2.0-only
"""Packets through the doors of a written seed, each with a number of its own.

Every inside port that a call has named has a socket.  A packet is meant for one of
them, or for none; what arrives anywhere else is wrong, whenever it does.  What
arrives is answered, and the answer must come from the public side of the door.
"""
import select
import time

from . import sock

BUSY = 0.5              # of a machine that has to do other things, s


class Media:        # pylint: disable=too-many-instance-attributes
    """Sockets and packets of one seed."""

    def __init__(self, net):
        self.net, self.poll = net, select.epoll()
        self.inside, self.outside = {}, {}      # (address, port) of a socket: it
        self.where = {}                         # file descriptor: (kind, address, port)
        self.meant, self.back = {}, {}          # packet: where it is to arrive, and its answer
        self.waits = set()                      # what is under way
        self.ways = {}                          # (speaker, inside): the public side that it spoke to first
        self.wrong, self.passed, self.stopped = [], 0, 0

    def _add(self, kind, key, s):
        self.poll.register(s.fileno(), select.EPOLLIN)
        self.where[s.fileno()] = (kind, *key)
        return s

    def listen(self, host, addr, port):
        """An inside port that a call has named."""
        if (addr, port) not in self.inside:
            self.inside[addr, port] = self._add("inside", (addr, port), self.net.udp_at(host, addr, port))

    def speaker(self, addr, port=0):
        """Who is outside, at that port, or at one that it had never before."""
        s = port and self.outside.get((addr, port))
        if not s:
            s = self.net.udp_at(self.net.host_of[addr], addr, port)
            key = s.getsockname()[:2]
            self.outside[key] = self._add("outside", key, s)
        return s

    def send(self, speaker, public, inside, why):
        """To a public port; `inside`: where it is to arrive, or None."""
        n = len(self.meant) + 1
        name = speaker.getsockname()[:2]
        self.meant[n] = (inside, name, public, why)
        if inside:
            self.ways.setdefault((name, inside), public)
        if inside:
            self.waits |= {n, -n}
        else:
            self.stopped += 1
        try:
            speaker.sendto(str(n).encode(), public)
        except OSError as e:
            # What came back for an earlier one.
            if inside:
                self.wrong.append(f"{why}: {e}")

    def _heard(self, kind, here, data, src):
        n = int(data)
        inside, speaker, public, why = self.meant[abs(n)]
        if kind == "inside":
            # Who speaks to one inside port by two public ones needs two ports to be told apart.
            same = src == speaker if self.ways.get((speaker, inside)) == public else src[0] == speaker[0]
            if here != inside or not same:
                self.wrong.append(f"{why}: from {speaker} to {public}, meant for {inside}: "
                                  f"arrives at {here} from {src}")
            self.inside[here].sendto(str(-n).encode(), src)
        elif here != speaker or src != public:
            self.wrong.append(f"{why}: the answer to what {speaker} has sent to {public} "
                              f"arrives at {here} from {src}")
        self.passed += inside is not None and kind == "inside"
        self.waits.discard(n)

    def _take(self, fd):
        kind, *here = self.where[fd]
        s = (self.inside if kind == "inside" else self.outside)[tuple(here)]
        try:
            data, src = s.recvfrom(64)
        except OSError:         # an ICMP error, or nothing any more
            return
        self._heard(kind, tuple(here), data, src[:2])

    def settle(self, last=False):
        """Until all that is meant to arrive has, and its answers; what is wrong.  What is
        not meant to, and comes late, is found the next time, or the last one."""
        end = time.monotonic() + sock.PATIENCE
        while True:
            ready = self.poll.poll(BUSY if self.waits or last else 0)
            for fd, _ in ready:
                self._take(fd)
            if not ready and (not self.waits or time.monotonic() > end):
                break
        for n in sorted(self.waits, key=abs):
            inside, speaker, public, why = self.meant[abs(n)]
            self.wrong.append(f"{why}: what {speaker} sends to {public} "
                              f"{'does not arrive at' if n > 0 else 'is not answered by'} {inside}")
        self.waits.clear()
        wrong, self.wrong = self.wrong, []
        return wrong

    def close(self):
        self.poll.close()
        for s in (*self.inside.values(), *self.outside.values()):
            s.close()
