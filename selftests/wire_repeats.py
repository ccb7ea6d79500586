#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Repeats, overlaps that contradict, gaps: the peer reads one stream.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    both ends by hand

What a receiver reads depends on what the sender wrote and on nothing else; where a
sender says two things about one byte, on what it said first.
"""
from nsip import ktap, puppet
from nsip.lab import Lab

SIZE = 600


def data(heard):
    return [h for h in heard if h.data]


class Case:
    """A connection, three messages for it, and all that its peer hears."""

    def __init__(self, lab, name, **more):
        self.w = puppet.Wire(lab, **more)
        self.text, self.wants = self.w.requests(3, name, SIZE)
        self.raw, self.wanted = b"".join(self.text), b"".join(self.wants)
        self.phone, self.peer = self.w.phone, self.w.peer
        self.at_peer, self.at_phone = [], []

    def settle(self, least=0):
        """What the peer heard since the last time."""
        to_phone, to_peer = self.w.settle(least)
        self.at_phone += to_phone
        self.at_peer += to_peer
        return to_peer

    def part(self, a, b, **more):
        """Bytes [a, b) of the phone's stream."""
        self.phone.write(self.raw[a:b], at=a, **more)

    def verdict(self, t, claim, n=3):
        """The peer has n messages, every byte ever sent to it was right, and nobody
        acknowledged to the phone what it did not send."""
        have, wrong = puppet.stream(self.at_peer, self.wanted)
        want = sum(map(len, self.wants[:n]))
        t.ok(have == want and not wrong, claim,
             "\n".join([f"{have} bytes of {want}", *wrong, *map(str, self.at_peer)]))
        acks = [h.ack for h in self.at_phone]
        t.ok(acks == sorted(acks) and max(acks, default=0) <= len(self.raw),
             "acknowledgements to the sender never go back", acks)
        self.w.close()


def in_hold(t, lab):
    """The first half is held; the second comes with another first half before it."""
    c = Case(lab, "hold")
    c.part(0, 300)
    c.phone.send(b"X" * 300 + c.raw[300:SIZE], at=0)
    c.settle()
    c.part(SIZE, 3 * SIZE)
    c.settle()
    c.verdict(t, "other bytes for what is held: those that came first count")


def acknowledged(t, lab):
    """The same where the first half was acknowledged in the peer's name."""
    c = Case(lab, "acked")
    c.part(0, 300)
    c.settle(0.1)
    t.ok(any(h.ack == 300 for h in c.at_phone), "a held half is acknowledged", c.at_phone)
    c.phone.send(b"X" * 300 + c.raw[300:SIZE], at=0)
    c.part(SIZE, 3 * SIZE)
    c.settle()
    c.verdict(t, "other bytes for what is acknowledged: they change nothing")


def retained(t, lab):
    """Messages that left, changed, unacknowledged; then other bytes in their place."""
    c = Case(lab, "retained")
    c.part(0, 3 * SIZE)
    c.settle()
    first = len(c.at_peer)
    c.phone.send(b"X" * SIZE, at=0)
    c.phone.send(b"Y" * SIZE, at=SIZE // 2)
    c.settle()
    t.ok(len(data(c.at_peer)) > len(data(c.at_peer[:first])), "a repeat of what left is answered", c.at_peer)
    c.verdict(t, "a repeat with other bytes brings the first ones")


def across(t, lab):
    """Half of one message and half of the next, as a sender repeats that cut anew."""
    c = Case(lab, "across", mss=1200)
    for at in range(0, 3 * SIZE, 900):
        c.part(at, at + 900)
    c.settle()
    before = lab.counters()["seg_repeat"]
    for a, b in ((300, 900), (500, 700), (900, 1500), (1, SIZE), (SIZE - 1, SIZE + 1), (1799, 1800)):
        resent = lab.counters()["emit_resent"]
        c.settle()
        mark = len(c.at_peer)
        c.part(a, b)
        again = data(c.settle())
        most = 1 + lab.counters()["emit_resent"] - resent
        sent = sum(len(h.data) for h in again)
        # After time-outs the router cuts smaller: what came as one may leave as two.
        if sent > 1200 * most or (len(again) > most and sent > b - a):
            t.ok(False, f"repeat of [{a}, {b})", again)
        c.at_peer[mark:] = again
    c.peer.take(len(c.wants[0]) + 100)
    c.settle()
    c.part(0, 2 * SIZE)
    again = data(c.settle())
    t.ok(again and all(h.at >= len(c.wants[0]) + 100 for h in again),
         "nothing that the peer has acknowledged is sent again", again)
    t.ok(lab.counters()["seg_repeat"] > before, "counted as seg_repeat")
    c.verdict(t, "repeats of half messages across their boundary bring the same bytes")


def acked_all(t, lab):
    """What the peer has acknowledged is stripped, and the sender told so once more."""
    c = Case(lab, "stale")
    c.part(0, 3 * SIZE)
    c.settle()
    c.peer.take(len(c.wanted))
    c.settle()
    before, mark, told = lab.counters()["seg_stale"], len(c.at_peer), len(c.at_phone)
    c.part(SIZE, 2 * SIZE)
    c.settle()
    t.ok(not data(c.at_peer[mark:]) and [h.ack for h in c.at_phone[told:]] == [3 * SIZE],
         "a repeat of what is acknowledged goes no further, and is acknowledged again",
         c.at_peer[mark:] + c.at_phone[told:])
    t.equal(lab.counters()["seg_stale"] - before, 1, "counted as seg_stale")
    c.verdict(t, "and the peer has what it had")


def gaps(t, lab, sack):
    """Segments in the worst order: each is announced, and all arrive when the gap closes."""
    c = Case(lab, f"gap-{int(sack)}", sack=sack, ts=True)
    what = "with SACK" if sack else "without SACK"
    for a in range(1500, 0, -300):
        c.part(a, a + 300)
    c.settle()
    t.ok(not data(c.at_peer), f"gap {what}: nothing leaves behind it", c.at_peer)
    dup = [h for h in c.at_phone if not h.ack]
    t.ok(len(dup) >= 5, f"gap {what}: each segment behind it is answered by a duplicate acknowledgement", c.at_phone)
    if sack:
        t.ok(dup and dup[-1].sack and dup[-1].sack[0] == (300, 1800),
             "gap with SACK: the last one says what is there", "\n".join(map(str, dup)))
    c.part(0, 300)
    c.settle()
    c.verdict(t, f"gap {what}: filled, all that waited arrives at once")


def gap_contradicted(t, lab):
    """Behind a gap one thing was said, and with the gap another: the peer reads either."""
    c = Case(lab, "liar")
    at, other = c.raw.index(b"xxxx"), b"y" * 50
    c.part(at, SIZE)
    c.settle()
    c.phone.send(c.raw[:at] + other + c.raw[at + len(other):SIZE], at=0)
    c.part(SIZE, 3 * SIZE)
    c.settle()
    c.part(at, SIZE)    # the first again
    c.settle()
    read = b"".join(h.data for h in data(c.at_peer) if not h.at)
    if other in read:
        at = c.wanted.index(b"xxxx")
        c.wanted = c.wanted[:at] + other + c.wanted[at + len(other):]
    c.verdict(t, "other bytes for what came behind a gap: the peer reads one of the two, each time")


def old_stamp(t, lab):
    """A repeat that was long on its way; what the router says itself has the newest stamp."""
    c = Case(lab, "stamp", ts=True)
    c.part(0, 2 * SIZE)
    c.settle()
    newest, before = c.phone.tsval, lab.counters()["seg_old_timestamp"]
    c.part(0, SIZE, ts=(newest - 100, c.phone.tsecr))
    c.settle()
    # Bytes that are new, with such a stamp: the peer would not take them either.
    c.part(2 * SIZE, 2 * SIZE + 100, ts=(newest - 100, c.phone.tsecr))
    told = c.settle()
    t.ok(not any(h.at >= len(b"".join(c.wants[:2])) and h.data for h in told)
         and max(h.ack for h in c.at_phone) <= 2 * SIZE,
         "bytes with a stamp from long ago are neither passed on nor acknowledged (RFC 7323 5.3)", told)
    t.equal(lab.counters()["seg_old_timestamp"] - before, 2, "counted as seg_old_timestamp")
    c.part(2 * SIZE, 2 * SIZE + 300, ts=(newest + 5, c.phone.tsecr))
    c.settle(0.1)
    own = [h for h in c.at_phone if h.ack == 2 * SIZE + 300]
    c.part(2 * SIZE + 300, 3 * SIZE, ts=(newest + 6, c.phone.tsecr))
    c.settle()
    stamps = [h.ts[0] for h in data(c.at_peer)]
    t.ok(all(h.ts for h in c.at_peer) and stamps == sorted(stamps),
         "what carries bytes to the peer never has an older TSval than before (RFC 7323 5.2)",
         "\n".join(map(str, c.at_peer)))
    t.ok(not own or all(h.ts and h.ts[0] <= c.peer.tsval for h in own),
         "an acknowledgement in the peer's name has a TSval that the peer did send", own)
    c.verdict(t, "old TSval: the stream is right")


def test(t):
    with Lab(offload="off") as lab:
        puppet.mute(lab)
        in_hold(t, lab)
        acknowledged(t, lab)
        retained(t, lab)
        across(t, lab)
        acked_all(t, lab)
        gaps(t, lab, False)
        gaps(t, lab, True)
        gap_contradicted(t, lab)
        old_stamp(t, lab)
        lab.check_valid(t)


ktap.main(34, test)
