#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two phones behind one NAT with equal ports: RTP 6000, SIP 5060 (N10).

    phone1 192.168.122.3 ---.
                             router 10.1.1.1 ---- peer1 10.1.1.10
    phone2 192.168.122.4 ---'

Both have audio both ways at once; both are registered, and each is called.
"""
from nsip import intree, ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.reg import Phone


def calls(lab, v, first):
    """The calls of both phones; the peer's RTP ports are those of no other round."""
    listener = lab.tcp_listen("peer1", v=v)
    base = {"peer": 7000, "phone": 7500}[first]
    out = []
    for n in (1, 2):
        phone, peer = lab.tcp_pair(phone=f"phone{n}", v=v, sport=0, listener=listener)
        out.append(Call(lab, phone, peer, f"phone-{n}-{v}-{first}", v, 6000, base + 100 * n, f"phone{n}"))
    listener.close()
    return out


def speak(t, media, what, i, first):
    """Both phones, both ways; True where all was heard from the right ports."""
    v = media[0].call.v
    ways = {"peer": lambda m: (m.inward(i=i, mark=m.call.host.encode()),
                               m.expect_inward(i=i, mark=m.call.host.encode())),
            "phone": lambda m: (m.outward(i=i), m.expect_outward(i=i))}
    for who in sorted(ways, key=lambda w: w != first):
        heard = [ways[who](m) for m in media]
        t.equal([h for h, _ in heard], [w for _, w in heard],
                f"IPv{v}: {first}s speak first: {what} of the {who}s, each by its own advertised port")


def one_round(t, lab, v, first):
    one, two = calls(lab, v, first)
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
        speak(t, media, what, i, first)
    other = lab.udp("peer1", 7900, v)
    media[1].phone[0].send((two.to.addr, 7900), 3, b"other")
    t.equal(other.collect(3), [(two.public.addr, two.public_rtp, b"other")] * 3,
            f"IPv{v}: the second phone's audio leaves by that port to one that nobody named, too")
    other.close()
    one.bye()
    left = [two.public_rtp, two.public_rtp + 1]
    t.equal(lab.wait_doors(left), left, f"IPv{v}: the first one's BYE closes the first one's doors")
    two.bye()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: the second one's the others")
    for m in media:
        m.close()
    for call in (one, two):
        sock.hang_up(call.phone, call.peer)


def both_registered(t, v):
    """Each listens on 5060, and connects from 40000."""
    with Lab(phones=2, contact="door") as lab:
        one = Phone(lab, "phone1", v).connect(40000)
        two = Phone(lab, "phone2", v, server=one.server).connect(40000)
        for phone in (one, two):
            phone.register()
        t.ok(one.contact[1] == 5060 and two.contact[1] not in (5060, 40000) and
             one.distant.remote[1] == 40000 != two.distant.remote[1],
             f"IPv{v}: two phones listen on 5060 and connect from 40000: the second gets other public ports",
             (one.contact, two.contact, one.distant.remote, two.distant.remote))
        for phone in (one, two):
            sock.hang_up(phone.near, phone.distant)
        for phone in (two, one):
            good, why = phone.called_from("peer1", f"in-{phone.host}")
            t.ok(good, f"IPv{v}: a call to {phone.host} reaches {phone.host}, audio both ways", why)
        for phone in (one, two):
            phone.listener.close()
        one.server.close()
        lab.check_valid(t)


def in_tree(t):
    with Lab("in-tree", phones=2) as lab:
        intree.whole_invite(t, lab)
        phone, peer = lab.tcp_pair(phone="phone2", sport=5060)
        phone.send(sip.invite(lab.party("phone2"), lab.party("peer1"), "second", 5000))
        t.equal(peer.pending(1), b"", "in-tree helper: drops the INVITE of the second phone on that port")


def test(t):
    with Lab(phones=2) as lab:
        for v in (4, 6):
            for first in ("peer", "phone"):
                one_round(t, lab, v, first)
        lab.check_valid(t)
    for v in (4, 6):
        both_registered(t, v)
    in_tree(t)


ktap.main(2 * 2 * 11 + 2 * 4 + 3, test)
