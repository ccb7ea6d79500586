#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two phones behind one NAT that both use RTP port 6000 have audio both ways at once.

    phone1 192.168.122.3 ---.
                             router 10.1.1.1 ---- peer1 10.1.1.10
    phone2 192.168.122.4 ---'
"""
from nsip import intree, ktap, sip
from nsip.call import Call
from nsip.lab import Lab


def calls(lab, v):
    listener = lab.tcp_listen("peer1", v=v)
    out = []
    for n in (1, 2):
        phone, peer = lab.tcp_pair(phone=f"phone{n}", v=v, sport=40000, listener=listener)
        out.append(Call(lab, phone, peer, f"phone-{n}-{v}", v, 6000, 7000 + 100 * n, f"phone{n}"))
    listener.close()
    return out


def one_family(t, lab, v):
    one, two = calls(lab, v)
    for call in (one, two):
        seen = call.invite()
        t.equal(sip.names(seen, call.me.addr), [], f"IPv{v}: {call.host}: no inside address left")
    t.ok(one.public_rtp == 6000 and two.public_rtp not in (6000, 6001) and two.public_rtp % 2 == 0,
         f"IPv{v}: the second phone is given another even port", (one.public_rtp, two.public_rtp))
    doors = sorted(c.public_rtp + i for c in (one, two) for i in (0, 1))
    t.equal(lab.wait_doors(doors), doors, f"IPv{v}: each has a pair of doors")
    for call in (one, two):
        call.ring()
        call.accept()
    media = [c.media() for c in (one, two)]
    for i, what in enumerate(("RTP", "RTCP")):
        for m in media:
            t.equal(m.inward(i=i, mark=m.call.host.encode()), m.expect_inward(i=i, mark=m.call.host.encode()),
                    f"IPv{v}: {m.call.host} hears its own peer ({what})")
        for m in media:
            t.equal(m.outward(i=i), m.expect_outward(i=i),
                    f"IPv{v}: {m.call.host} speaks from its own advertised port ({what})")
    one.bye()
    left = [two.public_rtp, two.public_rtp + 1]
    t.equal(lab.wait_doors(left), left, f"IPv{v}: the first one's BYE closes the first one's doors")
    two.bye()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: the second one's the others")
    for m in media:
        m.close()


def in_tree(t):
    with Lab("in-tree", phones=2) as lab:
        intree.whole_invite(t, lab)
        phone, peer = lab.tcp_pair(phone="phone2", sport=5060)
        phone.send(sip.invite(lab.party("phone2"), lab.party("peer1"), "second", 5000))
        t.equal(peer.pending(1), b"", "in-tree helper: drops the INVITE of the second phone on that port")


def test(t):
    with Lab(phones=2) as lab:
        for v in (4, 6):
            one_family(t, lab, v)
        lab.check_valid(t)
    in_tree(t)


ktap.main(2 * 14 + 3, test)
