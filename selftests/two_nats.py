#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two phones, each behind a NAT of its own, and a proxy between them (N8).

    phone1 192.168.122.3 ---- router 10.1.1.1 ----.   .---- peer1 10.1.1.10:5060, the proxy
           fd00:122::3          2001:db8:1::1      >-<
    behind 192.168.7.2 ------ peer2 10.1.1.11 ----'   (and 2001:db8:1:: likewise)
           fd00:7::2            2001:db8:1::11

    RTP 6000 at phone1, 7000 at the other one, RTCP one above

Both NATs are masquerade and have the helper, each for its own phone.
"""
from nsip import ktap, sock
from nsip.far import Far, wire
from nsip.lab import Lab
from nsip.proxy import Through
from nsip.reg import Phone


def phones(lab, v):
    one = Phone(lab, "phone1", v).connect()
    other = Phone(lab, "behind", v, server=one.server).connect()
    return one, other


def begin(t, lab, v, ends, caller):
    for phone in ends:
        phone.register()
    t.equal([p.contact for p in ends], [(lab.addr("public", v), 5060), (lab.addr("peer2", v), 5060)],
            f"IPv{v}: the proxy reads each phone's public Contact")
    order, rtp = (ends, (6000, 7000)) if caller == "phone1" else (ends[::-1], (7000, 6000))
    call = Through(lab.party("peer1", v, user="proxy"), *order, f"nats-{v}-{caller}", rtp).establish()
    t.equal(call.leaks(), [], f"IPv{v}: {caller} calls: nobody reads an inside address of somebody else")
    return call


def audio(t, lab, far, call, what, first):
    here, there = (call.a, call.b) if call.a.phone.host == "phone1" else (call.b, call.a)
    t.equal((here.seen_as, there.seen_as, here.heard_of, there.heard_of),
            ((lab.addr("public", call.a.phone.v), 6000), (lab.addr("peer2", call.a.phone.v), 7000),
             there.seen_as, here.seen_as), f"{what}: each is told the public port of the other's audio")
    lab.wait_open([6000, 6001])
    sock.until(lambda: far.doors() == [7000, 7001], "doors of the other NAT")
    sockets = {s: [lab.udp(s.phone.host, s.rtp + i, s.phone.v) for i in (0, 1)] for s in (here, there)}
    order = [(here, there), (there, here)][::1 if first == "phone1" else -1]
    for i, name in enumerate(("RTP", "RTCP")):
        heard, wanted = [], []
        for me, other in order:
            sockets[me][i].send((me.heard_of[0], me.heard_of[1] + i), 3, b"audio")
            heard.append(sockets[other][i].collect(3))
            wanted.append([(me.seen_as[0], me.seen_as[1] + i, b"audio")] * 3)
        t.equal(heard, wanted, f"{what}: {first} speaks first: {name} both ways, from the advertised ports")
    for pair in sockets.values():
        for s in pair:
            s.close()


def test(t):
    with Lab(peers=2, contact="door") as lab:
        wire(lab, "peer1", "peer2")
        far = Far(lab, helper=True)
        far.rules("port-restricted")
        for v in (4, 6):
            ends = phones(lab, v)
            for caller, first in (("phone1", "behind"), ("behind", "phone1")):
                call = begin(t, lab, v, ends, caller)
                audio(t, lab, far, call, f"IPv{v}: {caller} calls", first)
                call.bye(call.b)
                sock.until(lambda: not far.doors(), "doors stay")
                t.equal((lab.wait_doors([]), far.doors()), ([], []),
                        f"IPv{v}: {caller} calls: BYE of the other closes the doors at both NATs")
            for phone in ends:
                sock.hang_up(phone.near, phone.distant)
                phone.listener.close()
            ends[0].server.close()
        lab.check_valid(t)


ktap.main(2 * 2 * 6 + 1, test)
