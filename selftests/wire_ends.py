#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How a connection ends or begins anew while the router holds bytes of it.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    both ends by hand

RST in and out of order, FIN in front of a gap, with a message, within one, or of both
ends at once; a SYN that is repeated, one on a live connection, one on a connection that
is forgotten; urgent data.
"""
from nsip import ktap, puppet
from nsip.lab import Lab
from nsip.puppet import FIN, RST, SYN
from nsip.wire import URG

SIZE = 600


class Case:
    """A connection on which one message has passed and was acknowledged."""

    def __init__(self, lab, name, **more):
        self.lab, self.w = lab, puppet.Wire(lab, **more)
        self.raw, self.wants = self.w.requests(4, name, SIZE)
        self.phone, self.peer = self.w.phone, self.w.peer
        self.phone.send(self.raw[0])
        self.w.settle()
        self.new = len(self.wants[0])
        self.peer.take(self.new)
        self.w.settle()
        self.counters = lab.counters()

    def counted(self, name):
        return self.lab.counters()[name] - self.counters[name]

    def data(self):
        return [h for h in self.peer.heard if h.data]

    def stream(self, n):
        """Is what the peer has n whole messages?"""
        have, wrong = puppet.stream(self.peer.heard, b"".join(self.wants))
        return have == len(b"".join(self.wants[:n])) and not wrong

    def goes_on(self, t, claim):
        """The rest of what was begun arrives as it must."""
        self.phone.write(b"".join(self.raw)[self.phone.nxt:3 * SIZE])
        self.w.settle()
        t.ok(self.stream(3), claim, "\n".join(map(str, self.peer.heard)))
        self.w.close()


def reset_with_held(t, lab):
    """A RST of the sender behind half a message: it has the number that the peer waits for."""
    c = Case(lab, "rst")
    c.phone.send(c.raw[1][:300])
    c.w.settle(0.1)
    c.phone.send(flags=RST)
    heard = c.w.settle()[1]
    t.ok([(h.at, h.data) for h in heard if h.flags & RST] == [(c.new, b"")],
         "RST behind held bytes: it passes, with the peer's next number", heard)
    t.ok(c.stream(1), "and the held bytes do not", c.data())
    t.equal(c.counted("opaque_rst"), 1, "counted as opaque_rst")
    c.w.close()


def reset_of_peer(t, lab):
    """A RST of the peer, whose bytes were not changed, reaches the phone as it is."""
    c = Case(lab, "rst-peer")
    c.phone.send(c.raw[1][:300])
    c.w.settle(0.1)
    c.peer.send(flags=RST)
    heard = c.w.settle()[0]
    t.ok([(h.at, h.data) for h in heard if h.flags & RST] == [(0, b"")], "RST of the peer passes", heard)
    t.equal(c.counted("opaque_rst"), 1, "and is counted, too")
    c.w.close()


def reset_out_of_order(t, lab, beyond):
    """A RST that is in the window and not the next ends nothing (RFC 5961 3)."""
    c = Case(lab, f"rst-{beyond}")
    c.phone.send(c.raw[1][:300])
    c.w.settle(0.1)
    before = lab.invalid()
    c.phone.send(at=c.phone.nxt + beyond, flags=RST, ack=-1)
    heard = c.w.settle()[1]
    t.ok(not any(h.flags & RST and h.at == c.new for h in heard),
         f"RST {beyond} bytes beyond: it does not become the number that the peer waits for", heard)
    invalid = lab.invalid()[0] - before[0]
    t.equal(c.counted("opaque_rst"), 0, f"RST {beyond} bytes beyond: not counted as the end")
    c.goes_on(t, f"RST {beyond} bytes beyond: what was held arrives all the same")
    return invalid


def fin_behind_gap(t, lab):
    """The end of a message and FIN come before its beginning."""
    c = Case(lab, "fin")
    end = len(b"".join(c.wants[:2]))
    c.phone.send(c.raw[1][300:], at=SIZE + 300, flags=FIN)
    c.w.settle()
    t.ok(not any(h.flags & FIN for h in c.peer.heard), "FIN behind a gap does not pass", c.peer.heard)
    c.phone.send(c.raw[1][:300], at=SIZE)
    c.w.settle()
    t.ok(max(h.ack for h in c.phone.heard) <= 2 * SIZE, "nor is it acknowledged by anybody but the peer",
         c.phone.heard)
    if c.stream(2):
        c.peer.take(end)
        c.w.settle()
    # As some do, with the bytes that were acknowledged.
    c.phone.send(c.raw[1][300:], at=SIZE + 300, flags=FIN)
    c.w.settle()
    ends = {h.end for h in c.peer.heard if h.flags & FIN}
    t.ok(c.stream(2) and ends == {end}, "when its segment is repeated it passes, behind the whole message",
         "\n".join(map(str, c.peer.heard)))
    c.peer.take(end + 1)
    t.equal([h.ack for h in c.phone.hear()][-1:], [2 * SIZE + 1], "and the peer's acknowledgement covers it")
    c.peer.send(flags=FIN)
    c.phone.hear(lambda h: h.flags & FIN)
    c.phone.got = 1
    c.phone.send()
    heard = c.peer.hear()
    t.equal([(h.at, h.ack) for h in heard], [(end + 1, 1)], "the other side ends, too")


def fin_within(t, lab):
    """FIN with half a message: the half leaves as it is, then FIN; what follows is nobody's."""
    c = Case(lab, "half")
    c.phone.send(c.raw[1][:300], flags=FIN)
    c.w.settle(0.1)
    c.phone.send(at=c.phone.nxt - 1, flags=FIN)
    c.w.settle()
    got = b"".join(h.data for h in sorted(c.data(), key=lambda h: h.at) if h.at >= c.new)
    ends = {h.end for h in c.peer.heard if h.flags & FIN}
    t.ok(got[:300] == c.raw[1][:300] and ends == {c.new + 300}, "FIN within a message: its bytes leave raw, then FIN",
         "\n".join(map(str, c.peer.heard)))
    t.equal(c.counted("opaque_fin"), 1, "counted as opaque_fin")
    c.w.close()


def fin_unacknowledged(t, lab):
    """FIN behind a message of which the peer has nothing yet; all of it repeated."""
    c = Case(lab, "late")
    c.phone.send(c.raw[1], flags=FIN)
    c.w.settle()
    end = len(b"".join(c.wants[:2]))
    t.ok(c.stream(2) and any(h.flags & FIN and h.end == end for h in c.peer.heard),
         "a message with FIN carries it", c.peer.heard)
    mark = len(c.peer.heard)
    c.phone.send(c.raw[1], at=SIZE, flags=FIN)
    c.w.settle()
    c.phone.send(at=2 * SIZE, flags=FIN)
    c.w.settle()
    again = c.peer.heard[mark:]
    t.ok(c.stream(2) and any(h.flags & FIN for h in again) and {h.end for h in again if h.flags & FIN} == {end},
         "its repeat brings the same, and FIN at the same place", "\n".join(map(str, again)))
    c.w.close()


def syn_repeated(t, lab):
    """A SYN that is repeated when its answer is on the way makes no difference."""
    c = Case(lab, "again", again=True)
    c.phone.send(c.raw[1] + c.raw[2][:300])
    c.w.settle(0.1)
    c.goes_on(t, "a SYN comes again behind its answer: the connection is followed all the same")


def syn_challenged(t, lab):
    """A SYN on a live connection, from anybody: the peer answers with an acknowledgement."""
    c = Case(lab, "syn")
    c.phone.send(c.raw[1][:300])
    c.w.settle(0.1)
    c.phone.send(at=77777, ack=-1, flags=SYN, raw_options=puppet.options(mss=1460))
    heard = c.w.settle()[1]
    t.ok([h.at for h in heard if h.flags & SYN] in ([77777], []), "a SYN on a live connection passes as it is, or not",
         heard)
    c.peer.send()
    c.w.settle()
    c.goes_on(t, "challenged by the peer it changes nothing")
    t.equal((c.counted("opaque_new_syn"), c.counted("opaque_one_sided")), (0, 0), "the connection is followed as before")


def syn_answered(t, lab):
    """A SYN on a connection that its peer has forgotten begins a new one, on the same ports."""
    c = Case(lab, "anew")
    c.phone.send(c.raw[1][:300])
    c.w.settle(0.1)
    c.phone.isn, c.peer.isn = (c.phone.isn + 777777) % puppet.MOD, 0x70000000
    for end in c.w.ends:
        end.nxt = end.got = 0
        end.heard = []
    c.w.handshake()
    c.phone.send(c.raw[1])
    c.phone.send(c.raw[2])
    c.w.settle()
    have, wrong = puppet.stream(c.peer.heard, c.raw[1] + c.raw[2])
    t.ok(have == 2 * SIZE and not wrong, "answered, its bytes pass as they are, with numbers of their own",
         "\n".join(map(str, c.peer.heard)))
    c.peer.take(2 * SIZE)
    t.equal([h.ack for h in c.phone.hear()], [2 * SIZE], "and so do acknowledgements")
    t.equal(c.counted("opaque_new_syn"), 1, "counted as opaque_new_syn")
    c.w.close()


def both_at_once(t, lab):
    """Both ends write FIN before they hear of the other's (RFC 9293 3.6)."""
    c = Case(lab, "both")
    end = len(b"".join(c.wants[:2]))
    c.phone.send(c.raw[1], flags=FIN)
    c.peer.send(flags=FIN)
    c.w.settle()
    t.ok([h.end for h in c.peer.heard if h.flags & FIN] == [end]
         and [(h.at, h.ack) for h in c.phone.heard if h.flags & FIN] == [(0, SIZE)], "both FINs cross",
         c.peer.heard + c.phone.heard)
    c.phone.got, c.peer.got = 1, end + 1
    c.phone.send()
    c.peer.send()
    to_phone, to_peer = c.w.settle()
    t.equal(([h.ack for h in to_phone], [(h.at, h.ack) for h in to_peer]), ([2 * SIZE + 1], [(end + 1, 1)]),
            "and both acknowledgements")


def urgent(t, lab):
    """Urgent data is no SIP: the rest passes as it is, with the pointer at its byte."""
    c = Case(lab, "urgent")
    c.phone.send(c.raw[1][:300])
    c.w.settle(0.1)
    # Behind bytes that wait here it is dropped; the sender repeats it.
    for at in (None, SIZE + 300):
        c.phone.send(c.raw[1][300:], at=at, flags=URG, urgent=100)
        c.w.settle()
    have, wrong = puppet.stream(c.peer.heard, c.wants[0] + c.raw[1])
    t.ok(have == c.new + SIZE and not wrong, "urgent data: the message arrives as it was written", c.data())
    marks = {h.at + h.urgent for h in c.peer.heard if h.flags & URG}
    t.equal(marks, {c.new + 400}, "the urgent pointer names the same byte")
    t.equal(c.counted("opaque_urgent"), 1, "counted as opaque_urgent")
    c.w.close()


def test(t):
    with Lab(offload="off") as lab:
        puppet.mute(lab)
        reset_with_held(t, lab)
        reset_of_peer(t, lab)
        invalid = [reset_out_of_order(t, lab, n) for n in (100, 1 << 30)]
        t.equal(invalid[1:], [1], "only a RST out of the window is invalid to conntrack")
        fin_behind_gap(t, lab)
        fin_within(t, lab)
        fin_unacknowledged(t, lab)
        both_at_once(t, lab)
        syn_repeated(t, lab)
        syn_challenged(t, lab)
        syn_answered(t, lab)
        urgent(t, lab)
        t.equal(lab.invalid(), (sum(invalid),) * 2, "nothing else was invalid (nft, conntrack -S)")


ktap.main(34, test)
