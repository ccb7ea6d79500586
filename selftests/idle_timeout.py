#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Whatever shrank and grew: an idle phone's conntrack entry keeps its timeout.

    phone1 192.168.122.3 ------ router 10.1.1.1 ------ peer1 10.1.1.10:5060
           fd00:122:1234::3                  2001:db8:1::1         2001:db8:1::10
    from 40004 or 40006          says these
    says port 5060, or none

Conntrack gives a connection five minutes, not five days, while it believes that
bytes are unacknowledged: where a helper lets it believe so for good, a phone that
registers once an hour is cut off.  A phone registers; then messages that shrink
and messages that grow go both ways, in an order that NSIP_SEED chooses, and after
each few nobody speaks.
"""
import os
import random

from nsip import ktap, sip, sock, stream
from nsip.lab import ESTABLISHED, Lab
from nsip.reg import Phone

PORT = 40000    # and the family: the last connection's entry is still there
SEED = int(os.environ.get("NSIP_SEED", "1"))
BURSTS = 12 if "-debug" in os.uname().release else 25


def texts(lab, v, grow):
    """Render a request of the phone: (as written, as read) by name."""
    to = lab.party("peer1", v)
    me, public = lab.party("phone1", v, 0 if grow else 5060), lab.public(v, PORT + v)

    def render(method, name, **more):
        pair = [sip.request(method, who, to, name, **more) for who in (me, public)]
        if grow:    # From is a name, so nothing in it shrinks
            pair = [x.replace(f"<sip:alice@{who.host}>".encode(), b"<sip:alice@example.org>")
                    for x, who in zip(pair, (me, public))]
        return pair
    return render


def idle(lab, phone, peer):
    """The timeout when nobody speaks any more."""
    phone.wait_acked()
    peer.wait_acked()
    try:
        return sock.until(lambda: (n := lab.tcp_timeout(phone.local[1])) and n > ESTABLISHED - 60 and n, "timeout", 2)
    except sock.Timeout:
        return lab.tcp_timeout(phone.local[1])


class Mix:
    """Messages both ways, and how each changed."""

    def __init__(self, lab, v, phone, peer):
        self.ends, self.dice, self.changes = (phone, peer), random.Random(f"{SEED} {v}"), []
        self.render = [texts(lab, v, grow) for grow in (False, True)]
        self.open, self.serial, self.wrong = [], 0, []

    def write(self, side, pairs):
        """Several messages in one write, or in pieces; and what is read."""
        near, far = self.ends[side], self.ends[not side]
        text, wanted = (b"".join(x) for x in zip(*pairs))
        if self.dice.random() < 0.4:
            at = self.dice.randrange(1, len(text))
            near.send(text[:at])
            near.send(text[at:])
        else:
            near.send(text)
        if (got := far.recv_up_to(len(wanted))) != wanted:
            self.wrong.append((got, wanted))
        self.changes += [(side, (len(b) > len(a)) - (len(b) < len(a))) for a, b in pairs]

    def request(self, method="OPTIONS", **more):
        """One of either kind, to be answered some time."""
        self.serial += 1
        pair = self.dice.choice(self.render)(method, f"mix-{self.serial}", **more)
        self.open.append(pair)
        return pair

    def burst(self):
        """Requests, or answers to some; few stay open, for the NAT forgets what was said
        of one among very many."""
        if self.open and (len(self.open) > 8 or self.dice.random() < 0.5):
            n = self.dice.randrange(1, len(self.open) + 1)
            self.dice.shuffle(self.open)
            answered, self.open = self.open[:n], self.open[n:]
            self.write(1, [[sip.response(x, 200, "OK") for x in reversed(pair)] for pair in answered])
        else:
            self.write(0, [self.request() for _ in range(self.dice.randrange(1, 6))])


def one(t, lab, v):
    # What it listens on is not what the messages below speak of: they get no door.
    registered = Phone(lab, v=v, listening=5061).connect(sport=PORT + v)
    registered.register()
    phone, peer = registered.near, registered.distant
    mix = Mix(lab, v, phone, peer)
    seen = [idle(lab, phone, peer)]
    while len(seen) <= BURSTS and not mix.wrong:
        mix.burst()
        seen.append(idle(lab, phone, peer))
    t.ok(not mix.wrong, f"IPv{v}: all messages arrive, rewritten",
         stream.difference(*mix.wrong[0]) if mix.wrong else "")
    t.equal(set(mix.changes), {(side, change) for side in (0, 1) for change in (-1, 1)},
            f"IPv{v}: of {len(mix.changes)} messages some shrank and some grew, each way")
    short = [(i, s) for i, s in enumerate(seen) if not s or s <= ESTABLISHED - 60]
    t.ok(not short, f"IPv{v}: after each of {len(seen)} bursts the timeout was the established one", short)
    t.ok(registered.reachable_from("peer1"), f"IPv{v}: and the phone is registered")
    registered.hang_up()
    registered.close()


def test(t):
    t.note(f"NSIP_SEED={SEED}")
    with Lab(in6="fd00:122:1234:", contact="door") as lab:
        for v in (4, 6):
            one(t, lab, v)
        lab.check_valid(t)


ktap.main(9, test)
