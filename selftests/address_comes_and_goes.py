#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The public address goes in the middle of a call, and comes back, or another one does.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3        and 10.1.1.2          2001:db8:1::10
                              2001:db8:1::1 and ::2
                              masquerade, random

The first address is the one that NAT takes while it is there.

Then the peer is behind another link, out9, that is dialled anew: what comes back is
another device, with the same address; or the public address is one of a pool, on no
device.
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


class Dialled:
    """A link to the peer that comes and goes, and no other."""

    def __init__(self, lab, v):
        self.lab, self.v, self.dev = lab, v, lab.dev("out9")
        self.public, self.peer = lab.addr("public", v), lab.addr("peer1", v)
        self.pool = self.public[:-1] + "77"
        self._ip("router", "addr", "del", *self._addr(), "dev", lab.dev("out1"))
        if v == 6:
            self._ip("router", "route", "del", self.peer, "dev", lab.dev("out1"))

    def _ip(self, host, *words):
        self.lab.run(host, "ip", f"-{self.v}", *words)

    def _addr(self):
        return [self.public, "peer", f"{self.peer}/32"] if self.v == 4 else [f"{self.public}/128"]

    def dial(self):
        self._ip("router", "link", "add", self.dev, "type", "veth", "peer", "name", "wan", "netns",
                 self.lab.netns("peer1"))
        self._ip("peer1", "link", "set", "wan", "up")
        if self.v == 6:
            # It is asked for by this link only.
            self._ip("peer1", "addr", "add", f"{self.peer}/128", "dev", "wan", "nodad")
        self._ip("router", "link", "set", self.dev, "up")
        self._ip("peer1", "route", "replace", self.public, "dev", "wan")
        self._ip("peer1", "route", "replace", self.pool, "via", self.public, "dev", "wan")
        self._ip("router", "addr", "add", *self._addr(), "dev", self.dev, *(["nodad"] if self.v == 6 else []))
        self._ip("router", "route", "replace", self.peer, "dev", self.dev)

    def hang_up(self):
        self._ip("router", "link", "del", self.dev)


def dialled(t, lab, v):
    """A rule forwards a port of the link: no door may have it, whatever number the device has."""
    link = Dialled(lab, v)
    link.dial()
    call, media, good = begin(lab, v, "dialled", 2)
    before = lab.counters()
    link.hang_up()
    gone = moved(lab, before, door_away=2)
    link.dial()
    t.equal((good, gone, moved(lab, before, door_back=2), outward(media)),
            (True, {"door_away": 2}, {"door_back": 2}, [(link.public, call.public_rtp)]),
            f"IPv{v}: dialled: the link is another device, and audio leaves by the port that was advertised")
    give_up(call)
    ip, to = ("ip", lab.addr("phone2", v)) if v == 4 else ("ip6", f"[{lab.addr('phone2', v)}]")
    lab.run("router", "nft", "-f", "-", text=f"table {ip} published {{ chain c {{ type nat hook prerouting "
            f"priority dstnat; iifname \"{link.dev}\" udp dport 6100 dnat to {to}:6100; }}; }}")
    call.phone, call.peer = lab.tcp_pair(v=v)
    call.cseq, call.rtp, before = call.cseq + 1, 6100, lab.counters()
    call.invite(to_tag="to-1")
    t.ok(call.public_rtp != 6100 and lab.counters()["door_forwarded"] > before["door_forwarded"],
         f"IPv{v}: dialled: the next offer gets no port that a rule for this device forwards", call.public_rtp)
    call.accept()
    call.bye()
    lab.wait_doors([])
    media.close()
    sock.hang_up(call.phone, call.peer)
    link.hang_up()


def leaves_by(lab, call, media, port):
    """Audio to a port of the peer that nobody named: from which public endpoint it is heard."""
    far = lab.udp("peer1", port, call.v)
    media.phone[0].send((call.to.addr, port), 1, b"new")
    heard = far.collect(1, 1)
    far.close()
    return [(a, p) for a, p, _ in heard]


def of_a_pool(t, lab, v):
    """No address tells the side: a flow that begins now is known by the device alone."""
    link = Dialled(lab, v)
    link.dial()
    ip = "ip" if v == 4 else "ip6"
    lab.run("router", "nft", "-f", "-", text=f"table {ip} pool {{ chain c {{ type nat hook postrouting priority "
            f"srcnat; oifname \"{link.dev}\" snat to {link.pool} random; }}; }}")
    call = Call(lab, *lab.tcp_pair(v=v), "pool", v, 6030, 7030).establish()
    lab.wait_open([call.public_rtp, call.public_rtp + 1])
    media, door = call.media(), [(link.pool, call.public_rtp)]
    first = leaves_by(lab, call, media, 7100)
    link.hang_up()
    link.dial()
    ports = iter(range(7102, 60000, 2))
    try:
        sock.until(lambda: leaves_by(lab, call, media, next(ports)) == door, "")
        again = door
    except sock.Timeout:
        again = leaves_by(lab, call, media, next(ports))
    t.equal((call.advertised, first, again), (link.pool, door, door),
            f"IPv{v}: pool: audio leaves by the port that was advertised, over the first link and the second")
    call.bye()
    lab.wait_doors([])
    media.close()
    sock.hang_up(call.phone, call.peer)
    link.hang_up()


def test(t):
    with Lab(nat="random") as lab:
        for v in (4, 6):
            router = comes_back(t, lab, v)
            other_one(t, lab, router)
    with Lab(nat="random", contact="door") as lab:
        for v in (4, 6):
            registered(t, lab, Router(lab, v))
    with Lab(nat="random", phones=2) as lab:
        for v in (4, 6):
            dialled(t, lab, v)
    with Lab(nat="none") as lab:
        for v in (4, 6):
            of_a_pool(t, lab, v)


ktap.main(2 * (5 + 5 + 2 + 2 + 1), test)
