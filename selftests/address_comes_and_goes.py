#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The public address goes in the middle of a call, and comes back, or another one does.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3        and 10.1.1.2          2001:db8:1::10
                              2001:db8:1::1 and ::2
                              masquerade, random

The first address is the one that NAT takes while it is there.
"""
import time

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.reg import Phone


class Router:
    """The addresses of its outside."""

    def __init__(self, lab, v):
        self.lab, self.v = lab, v
        self.first, self.second = lab.addr("public", v), lab.addr("public", v)[:-1] + "2"
        self.dev, self.peer = lab.dev("out1"), lab.addr("peer1", v)
        # Whatever address it has: the peer is there, and knows the way back.
        self._ip("router", "route", "replace", self.peer, "dev", self.dev, "metric", 9)
        self._ip("peer1", "route", "add", self.second, "dev", "eth0")
        # NAT takes the first one while that is there, as it fits the peer better.
        self._ip("router", "addr", "add", *([f"{self.second}/32"] if v == 4 else
                 [f"{self.second}/64", "noprefixroute", "nodad"]), "dev", self.dev)

    def _ip(self, host, *words):
        self.lab.run(host, "ip", f"-{self.v}", *words)

    def _first(self, what, *more):
        addr = [self.first, "peer", f"{self.peer}/32"] if self.v == 4 else [f"{self.first}/128"]
        self._ip("router", "addr", what, *addr, "dev", self.dev, *more)

    def lose(self):
        self._first("del")

    def back(self):
        self._first("add", *([] if self.v == 4 else ["nodad"]))


def moved(lab, before, **wanted):
    """Until the counters have moved by that much; by how much they have."""
    seen = lambda: {k: lab.counters()[k] - before[k] for k in wanted}
    try:
        sock.until(lambda: seen() == wanted, "")
    except sock.Timeout:
        pass
    return seen()


def give_up(call):
    """Nobody is told: there is no way."""
    call.phone.close(reset=True)
    call.peer.close(reset=True)


def outward(media, n=3):
    """What the peer hears of RTP, by the address it comes from, once each."""
    return sorted({(a, p) for a, p, _ in media.outward(n)})


def begin(lab, v, name, n):
    call = Call(lab, *lab.tcp_pair(v=v), name, v, 6000 + 10 * n, 7000 + 10 * n).establish()
    media = call.media()
    good = media.outward() == media.expect_outward() and media.inward() == media.expect_inward()
    return call, media, good


def lost(t, lab, router, call, media, good):
    """The address goes; the call has two doors and audio both ways."""
    before = lab.counters()
    router.lose()
    t.equal((good, call.advertised, moved(lab, before, door_away=2), lab.open_doors()),
            (True, router.first, {"door_away": 2}, []),
            f"IPv{call.v}: {call.name}: audio both ways; the address goes, and both doors are shut")
    heard = outward(media)
    t.ok(len(heard) == 1 and heard[0][0] == router.second,
         f"IPv{call.v}: {call.name}: the phone's audio does not leave with an address that has gone", heard)


def comes_back(t, lab, v):
    router = Router(lab, v)
    call, media, good = begin(lab, v, "back", 0)
    lost(t, lab, router, call, media, good)
    before = lab.counters()
    router.back()
    t.equal((moved(lab, before, door_back=2), lab.open_doors()),
            ({"door_back": 2}, [call.public_rtp, call.public_rtp + 1]),
            f"IPv{v}: back: the address is there again, and both doors are open")
    t.equal([media.outward(), media.inward(), media.outward(i=1), media.inward(i=1)],
            [media.expect_outward(), media.expect_inward(), media.expect_outward(i=1),
             media.expect_inward(i=1)], f"IPv{v}: back: audio both ways by the ports that were advertised")
    give_up(call)
    call.phone, call.peer = lab.tcp_pair(v=v)
    call.bye()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: back: BYE closes them")
    media.close()
    sock.hang_up(call.phone, call.peer)
    return router


def other_one(t, lab, router):
    """The phone offers again by a connection from the other address."""
    v = router.v
    call, media, good = begin(lab, v, "other", 1)
    lost(t, lab, router, call, media, good)
    give_up(call)
    call.phone, call.peer = lab.tcp_pair(v=v)
    call.cseq += 1
    call.public = call.public.at(addr=router.second, port=call.peer.remote[1])
    seen = call.invite(to_tag="to-1")
    call.accept()
    t.equal((sip.names(seen, call.me.addr), call.advertised), ([], router.second),
            f"IPv{v}: other: the next offer names the other address")
    lab.wait_open([call.public_rtp, call.public_rtp + 1])
    # What runs as the rules had it is looked for once a second.
    time.sleep(1.5)
    t.equal([media.outward(), media.inward()], [media.expect_outward(), media.expect_inward()],
            f"IPv{v}: other: audio both ways by the port that was advertised with it")
    call.bye()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: other: BYE closes the doors at both addresses")
    media.close()
    sock.hang_up(call.phone, call.peer)


def registered(t, lab, router):
    v = router.v
    phone = Phone(lab, v=v).connect()
    phone.register()
    t.equal((phone.contact[0], phone.reachable_from("peer1")), (router.first, True),
            f"IPv{v}: registered: the phone is reachable")
    before = lab.counters()
    router.lose()
    away = moved(lab, before, door_away=1)
    router.back()
    moved(lab, before, door_back=1)
    t.equal((away, phone.reachable_from("peer1")), ({"door_away": 1}, True),
            f"IPv{v}: registered: it is again when the address is back")
    phone.close()


def test(t):
    with Lab(nat="random") as lab:
        for v in (4, 6):
            router = comes_back(t, lab, v)
            other_one(t, lab, router)
    with Lab(nat="random", contact="door") as lab:
        for v in (4, 6):
            registered(t, lab, Router(lab, v))


ktap.main(2 * (5 + 5 + 2), test)
