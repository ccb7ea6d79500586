#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""300 calls ring at once on one connection: each has its doors, and loses only its own.

    phone1 (a trunk) 192.168.122.3 ==== one TCP connection ==== peer1 10.1.1.10
    RTP of call i: 20000 + 2 * i         router 10.1.1.1
"""
from nsip import intree, ktap, sip
from nsip.call import Call
from nsip.lab import Lab

CALLS = 300


def port(i):
    return 20000 + 2 * i


def ports(which):
    return sorted(p for i in which for p in (port(i), port(i) + 1))


def begin(lab):
    """All INVITEs out, in batches; the calls."""
    phone, peer = lab.tcp_pair()
    calls = [Call(lab, phone, peer, f"call-{i}", rtp=port(i)) for i in range(CALLS)]
    for n in range(0, CALLS, 20):
        batch = calls[n:n + 20]
        phone.send(b"".join(sip.invite(c.me, c.to, c.name, c.rtp) for c in batch))
        for c in batch:
            c.received()
    return calls


def end(t, lab, call, i, left):
    """BYE refused, then accepted."""
    call.ring()
    call.accept()
    call.bye(401, "Unauthorized")
    t.same(lab.wait_doors(left), left, f"call {i}: BYE answered with 401 closes none")
    call.bye()
    left = [p for p in left if p not in ports([i])]
    t.same(lab.wait_doors(left), left, f"call {i}: BYE answered with 200 closes its own two and no other")
    return left


def test(t):
    with Lab() as lab:
        calls, left = begin(lab), ports(range(CALLS))
        t.same([c.public_rtp for c in calls], [port(i) for i in range(CALLS)],
                f"{CALLS} INVITEs arrive, each with a public port of its own")
        t.same(lab.wait_doors(left), left, f"{CALLS} calls pending: {len(left)} doors")
        for i in (7, 0, CALLS - 1):
            left = end(t, lab, calls[i], i, left)
        lab.check_valid(t)
    in_tree(t)


def in_tree(t):
    with Lab("in-tree") as lab:
        phone, peer = intree.whole_invite(t, lab)
        phone.send(sip.invite(lab.party("phone1"), lab.party("peer1"), "second", 5010))
        peer.recv_message()
        t.same(lab.wait_doors([5010, 5011]), [5010, 5011],
                "in-tree helper: after the second INVITE the doors of one call are left")


ktap.main(11, test)
