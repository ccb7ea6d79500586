# SPDX-License-Identifier: GPL-2.0-only
"""Requests and answers over one connection, each read against what it has to be."""
from . import sip, sock


class Exchange:
    """Messages that change their size in both directions, whole and in pieces."""

    def __init__(self, lab, v=4, **more):
        self.lab, self.v, self.n = lab, v, 0
        self.phone, self.peer = lab.tcp_pair(v=v, **more)
        self.inside, self.public = lab.party("phone1", v), lab.public(v, self.peer.remote[1])

    def texts(self, size=0):
        """The next request: as the phone writes it, as the peer has to read it."""
        self.n += 1
        extra = ["Subject: " + "x" * size] if size else []
        return [sip.request("OPTIONS", who, self.lab.party("peer1", self.v), f"call-{self.n}", extra=extra)
                for who in (self.inside, self.public)]

    @staticmethod
    def pieces(end, text, cuts):
        """Each held piece is acknowledged in the receiver's name."""
        parts = [text[a:b] for a, b in zip((0, *cuts), (*cuts, len(text)))]
        for part in parts[:-1]:
            end.send(part)
            end.wait_acked()
        end.send(parts[-1])

    def round(self, size=0, cuts=(), back=()):
        """What was read wrongly, of a request and its answer."""
        wrote, wanted = self.texts(size)
        self.pieces(self.phone, wrote, cuts)
        wrong = []
        read = self.peer.recv_up_to(len(wanted))
        if read != wanted:
            wrong.append((wanted, read))
        answer, due = (sip.response(m, 200, "OK", extra=["Subject: " + "y" * size] if size else [])
                       for m in (wanted, wrote))
        self.pieces(self.peer, answer, back)
        read = self.phone.recv_up_to(len(due))
        if read != due:
            wrong.append((due, read))
        return wrong

    def burst(self, n, size=300):
        """n requests in one write; what was read wrongly."""
        texts = [self.texts(size) for _ in range(n)]
        self.phone.send(b"".join(t[0] for t in texts))
        wanted = b"".join(t[1] for t in texts)
        read = self.peer.recv_up_to(len(wanted))
        return [] if read == wanted else [(len(wanted), len(read))]

    def text(self, size):
        """A body that passes in the phone's own segments; what was read wrongly."""
        wrote, wanted = (sip.with_text(m, size) for m in self.texts())
        head, body = sip.split(wrote)
        self.pieces(self.phone, head + body, (len(head),))
        read = self.peer.recv_up_to(len(wanted))
        return [] if read == wanted else [(wanted, read)]

    def usual(self):
        """Some of everything."""
        wrong = []
        for cuts in ((), (40,), (200, 300)):
            wrong += self.round(cuts=cuts, back=cuts[:1])
        return wrong + self.round(size=2500) + self.round(size=2500, cuts=(700,), back=(700,)) + self.burst(8)

    def close(self):
        sock.hang_up(self.phone, self.peer)
