#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two phones inside call each other by way of their public address (N9).

    phone1 192.168.122.3:5060 ---.
                                  router 10.1.1.1 ---- peer1 10.1.1.10:5060
    phone2 192.168.122.4:5060 ---'  masquerade           the proxy of both
    phone3 192.168.122.5            fd00:122:: and 2001:db8:1:: likewise
    RTP 6000 ..., RTCP one above; the same port at all phones

The proxy tells each the public address of the other, so their audio goes to the
router and back.  Who hears it must see it come from that address (RFC 4787
REQ-9): a phone that is spoken to by somebody else does not listen, and one that
sees the private address answers to that.

peer2 is behind a second link outside, and no rp_filter is in its way when it says
that it is phone1.
"""
import re

from nsip import ktap, sip, sock
from nsip.lab import Lab
from nsip.proxy import Through
from nsip.reg import Phone
from nsip.tool import Sipnat


class Hairpin:
    """A call of phone1 to phone2, with sockets for RTP and RTCP."""

    def __init__(self, lab, v, name, rtp):
        self.lab, self.v = lab, v
        one = Phone(lab, "phone1", v).connect()
        one.register()
        two = Phone(lab, "phone2", v, server=one.server).connect()
        two.register()
        self.phones = [one, two]
        self.call = Through(lab.party("peer1", v, user="proxy"), one, two, name,
                            (rtp, rtp)).establish()
        self.sockets = [[lab.udp(p.host, rtp + i, v) for i in (0, 1)] for p in self.phones]

    @property
    def doors(self):
        return sorted(s.seen_as[1] + i for s in (self.call.a, self.call.b) for i in (0, 1))

    def speak(self, n, i=0, to=None, mark=b"audio"):
        """Phone n speaks, to where it was told; what the other hears."""
        here, there = (self.call.a, self.call.b)[::1 if n == 0 else -1]
        addr, port = to or here.heard_of
        self.sockets[n][i].send((addr, port + (0 if to else i)), 3, mark)
        return self.sockets[1 - n][i].collect(3, 1), [(here.seen_as[0], here.seen_as[1] + i, mark)] * 3

    def close(self):
        for sockets in self.sockets:
            for s in sockets:
                s.close()
        for phone in self.phones:
            sock.hang_up(phone.near, phone.distant)
            phone.listener.close()
        self.phones[0].server.close()


def both_ways(t, h, what, first):
    """RTP and RTCP of both, and what is sent back to where it came from."""
    for i, name in enumerate(("RTP", "RTCP")):
        heard, wanted = zip(*(h.speak(n, i) for n in (first, 1 - first)))
        t.equal(heard, wanted, f"{what}: phone{first + 1} speaks first: {name} both ways, from the public "
                               "address and the advertised port")
    last = h.sockets[1 - first][0].heard[-1:] or [h.call.a.heard_of]
    heard, wanted = h.speak(1 - first, to=last[0][:2], mark=b"back")
    t.equal(heard, wanted, f"{what}: what is sent back to where it came from, too")


def inside_only(t, h, what, captures):
    """Nothing leaves the router by the public side."""
    t.equal([c.datagrams() for c in captures], [[]], f"{what}: none of it leaves the router outside")


def one_call(t, lab, v, first, filter_kind="peer"):
    what = f"IPv{v}, {filter_kind}"
    lab.tool.set(media_filter=filter_kind)
    lab.rtp += 10
    h = Hairpin(lab, v, f"hairpin-{v}-{first}-{filter_kind}", lab.rtp)
    captures = [lab.capture("out1")]
    t.equal(h.call.leaks(), [], f"{what}: nobody reads an inside address of somebody else")
    t.equal((lab.wait_open(h.doors), {s.seen_as[0] for s in (h.call.a, h.call.b)}),
            (h.doors, {lab.addr("public", v)}), f"{what}: each has a pair of doors at the public address")
    both_ways(t, h, what, first)
    inside_only(t, h, what, captures)
    return h, what


def stranger(t, h, what):
    """phone3 is in no call: the filter names the other phone's public address, not its own."""
    lab, before = h.lab, h.lab.counters()["door_shut"]
    s = lab.udp("phone3", h.call.b.rtp, h.v)
    s.send(h.call.a.heard_of, 3, b"stranger")
    t.equal((h.sockets[1][0].collect(3, 0.5), lab.counters()["door_shut"] - before), ([], 3),
            f"{what}: a third host inside is not heard, and counted")
    s.close()


def other_port(t, h, what):
    """With `any`, phone1 may speak from a port that no description named."""
    s = h.lab.udp("phone1", h.call.a.rtp + 5, h.v)
    s.send(h.call.a.heard_of, 3, b"other")
    heard = h.sockets[1][0].collect(3, 1)
    t.equal([(addr, mark) for addr, _, mark in heard], [(h.lab.addr("public", h.v), b"other")] * 3,
            f"{what}: from another port it is heard by the public address, too")
    if heard:
        h.sockets[1][0].send(heard[0][:2], 3, b"reply")
    t.equal(s.collect(3, 1), [(*h.call.a.heard_of, b"reply")] * 3,
            f"{what}: and is answered by the address that it spoke to")
    s.close()


def end(t, h, what, who):
    h.call.bye(h.call.a if who == 1 else h.call.b)
    t.equal(h.lab.wait_doors([]), [], f"{what}: BYE of phone{who} closes all doors")
    heard = [h.speak(n, mark=b"late")[0] for n in (0, 1)]
    t.equal(heard, [[], []], f"{what}: and ends the audio of both")
    h.close()


def forged(t, lab, v, filter_kind):
    """peer2 writes the inside endpoint of phone1 as its own."""
    what = f"IPv{v}, {filter_kind}"
    lab.tool.set(media_filter=filter_kind)
    lab.rtp += 10
    h = Hairpin(lab, v, f"forged-{v}-{filter_kind}", lab.rtp)
    t.equal(lab.wait_open(h.doors), h.doors, f"{what}: each has a pair of doors")
    before = lab.counters()
    with lab.at("peer2"):
        s = sock.udp(lab.addr("phone1", v), h.call.a.rtp)
    s.send(h.call.a.heard_of, 3, b"forged")
    try:
        sock.until(lambda: lab.counters()["door_shut"] == before["door_shut"] + 3, "")
    except sock.Timeout:
        pass
    heard, after = h.sockets[1][0].collect(3, 0.5), lab.counters()
    t.equal((heard, after["door_shut"] - before["door_shut"]), ([], 3),
            f"{what}: nobody outside is let in because it names an inside source")
    heard, wanted = h.speak(0)
    t.equal(heard, wanted, f"{what}: and phone1 is, from that very port")
    s.close()
    h.call.bye(h.call.a)
    lab.wait_doors([])
    h.close()


def direct(t, lab, v):
    """Without the proxy: phone1 connects to the public Contact of phone2."""
    what = f"IPv{v}, signalling_filter any"
    lab.tool.set(signalling_filter="any", media_filter="peer")
    two = Phone(lab, "phone2", v).connect()
    two.register()
    near, far = two.try_from("phone1") or (None, None)
    t.ok(near and near.remote[0] == lab.addr("public", v),
         f"{what}: a connection to a phone's Contact is seen from the public address", near and near.remote)
    one, public = lab.party("phone1", v), lab.addr("public", v)
    def named(msg):
        """An address without a port could be either of the two."""
        return re.sub(rb"From: <[^>]*>", b"From: <sip:phone1@example.com>", msg)

    far.send(named(sip.invite(one, two.public, f"direct-{v}", 6900)))
    seen = near.recv_message()
    near.send(sip.response(seen, 200, "OK", contact=two.me, body=sip.sdp(two.me, 6900)))
    answer = far.recv_message()
    t.equal((sip.names(seen, one.addr), sip.names(answer, two.me.addr), {sip.media_addr(m) for m in (seen, answer)}),
            ([], [], {public}), f"{what}: each reads the other's public address")
    told = [(sip.media_addr(m), sip.media_port(m)) for m in (answer, seen)]
    lab.wait_open_has([port for _, port in told], 17)
    sockets = [lab.udp(f"phone{n}", 6900, v) for n in (1, 2)]
    heard = []
    for n in (0, 1):
        sockets[n].send(told[n], 3, b"direct")
        heard.append(sockets[1 - n].collect(3, 1))
    t.equal(heard, [[(*told[1 - n], b"direct")] * 3 for n in (0, 1)], f"{what}: and hears it from there")
    for s in sockets:
        s.close()
    far.send(named(sip.request("BYE", one, two.public, f"direct-{v}", 2, to_tag="to-1")))
    near.send(sip.response(near.recv_message(), 200, "OK"))
    far.recv_message()
    t.equal(lab.wait_doors([]), [], f"{what}: BYE closes the doors")
    sock.hang_up(far, near)
    sock.hang_up(two.near, two.distant)
    two.listener.close()
    two.server.close()
    lab.tool.set(signalling_filter="peer")


def test(t):
    with Lab(phones=3, peers=2, contact="door") as lab:
        lab.tool, lab.rtp = Sipnat(lab.netns("router")), 6090
        for v, bits in ((4, 32), (6, 128)):
            lab.run("peer2", "ip", "addr", "add", f"{lab.addr('phone1', v)}/{bits}", "dev", "lo")
        lab.run("router", "sh", "-c", "for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$i; done")
        for v in (4, 6):
            h, what = one_call(t, lab, v, 0)
            stranger(t, h, what)
            end(t, h, what, 1)
            h, what = one_call(t, lab, v, 1, "peer-port")
            end(t, h, what, 2)
            h, what = one_call(t, lab, v, 1, "any")
            other_port(t, h, what)
            end(t, h, what, 2)
            for filter_kind in ("any", "peer"):
                forged(t, lab, v, filter_kind)
            direct(t, lab, v)
        lab.check_valid(t)


ktap.main(2 * (3 * 8 + 1 + 2 + 2 * 3 + 4) + 1, test)
