# SPDX-License-Identifier: GPL-2.0-only
"""Very many calls on one connection, and the audio of all of them at once."""
import resource
import select

from . import sip, sock
from .call import Call

BATCH = 50              # messages that are written together


class Bulk:
    """`n` calls of phone1 to peer1; RTP of call i is at `first` + 2 * i at both ends."""

    def __init__(self, lab, n, first=20000):
        self.lab = lab
        self.phone, self.peer = lab.tcp_pair()
        self.calls = [Call(lab, self.phone, self.peer, f"call-{i}", rtp=first + 2 * i,
                           peer_rtp=first + 2 * i) for i in range(n)]

    @staticmethod
    def _pass_on(near, far, messages):
        """Written together at one end, read one by one at the other."""
        near.send(b"".join(messages))
        return [far.recv_message() for _ in messages]

    def _answer(self, calls, requests, status, reason, describe=False):
        answers = [sip.response(r, status, reason, contact=c.to,
                                body=sip.sdp(c.to, c.peer_rtp) if describe else "")
                   for c, r in zip(calls, requests)]
        return self._pass_on(self.peer, self.phone, answers)

    def _batches(self, calls):
        return [calls[i:i + BATCH] for i in range(0, len(calls), BATCH)]

    def set_up(self):
        """INVITE, 180, 200 and ACK of all of them."""
        for calls in self._batches(self.calls):
            seen = self._pass_on(self.phone, self.peer,
                                 [sip.invite(c.me, c.to, c.name, c.rtp) for c in calls])
            for c, c.seen in zip(calls, seen):
                c.learn(c.seen)
            self._answer(calls, seen, 180, "Ringing")
            self._answer(calls, seen, 200, "OK", describe=True)
            self._pass_on(self.phone, self.peer,
                          [sip.request("ACK", c.me, c.to, c.name, to_tag="to-1") for c in calls])

    def bye(self, calls):
        """Each answered with 200."""
        for some in self._batches(calls):
            seen = self._pass_on(self.phone, self.peer, [
                sip.request("BYE", c.me, c.to, c.name, 2, to_tag="to-1") for c in some])
            self._answer(some, seen, 200, "OK")

    def translated(self):
        """Calls whose INVITE came with the public address, and a port, everywhere."""
        return [c for c in self.calls if c.seen == sip.invite(c.public, c.to, c.name, c.public_rtp)]

    def untouched(self):
        """Calls whose INVITE came with the phone's own description, behind translated headers."""
        return [c for c in self.calls
                if c.seen == sip.invite(c.public, c.to, c.name, body=sip.sdp(c.me, c.rtp))]


class Audio:
    """A socket for RTP and one for RTCP at either end of each of these calls."""

    def __init__(self, lab, calls):
        self.flows = [(c, c.name.encode() + what, i)
                      for c in calls for i, what in enumerate((b" RTP", b" RTCP"))]
        need = 2 * len(self.flows) + 1024
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (need, max(need, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
        with lab.at("phone1"):
            self.phone = [sock.udp(c.me.addr, c.rtp + i) for c, _, i in self.flows]
        with lab.at("peer1"):
            self.peer = [sock.udp(c.to.addr, c.peer_rtp + i) for c, _, i in self.flows]

    def outward(self, which):
        """The phone speaks in these flows; those of which the peer heard anything else than
        one packet, from the advertised port: what it heard, and what not."""
        to = [(c.to.addr, c.peer_rtp + i) for c, _, i in self.flows]
        source = [(c.public.addr, c.public_rtp + i) for c, _, i in self.flows]
        return self._wrong(self.phone, self.peer, which, to, source)

    def inward(self, which):
        """The other way round: the peer speaks to where it was told."""
        to = [(c.advertised, c.public_rtp + i) for c, _, i in self.flows]
        source = [(c.to.addr, c.peer_rtp + i) for c, _, i in self.flows]
        return self._wrong(self.peer, self.phone, which, to, source)

    def _wrong(self, near, far, which, to, source):
        for i in which:
            near[i].send(to[i], 1, self.flows[i][1])
        heard = self._hear(far, len(which))
        wanted = {i: [(*source[i], self.flows[i][1])] for i in which}
        return [(heard.get(i), wanted.get(i)) for i in sorted({*heard, *wanted})
                if heard.get(i) != wanted.get(i)]

    @staticmethod
    def _hear(ends, n):
        """So many packets, or as many as come; by flow."""
        heard, index = {}, {e.sock.fileno(): i for i, e in enumerate(ends)}
        poll = select.epoll()
        for fd in index:
            poll.register(fd, select.EPOLLIN)
        while n > 0:
            ready = poll.poll(3 * sock.SLOW)
            if not ready:
                break
            for fd, _ in ready:
                heard.setdefault(index[fd], []).extend(ends[index[fd]].collect(1, 0))
                n -= 1
        poll.close()
        return heard

    def close(self):
        for s in self.phone + self.peer:
            s.close()
