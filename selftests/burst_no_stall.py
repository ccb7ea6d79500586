#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Five INVITEs in one write make no sender wait for a time-out.

    shrinking:	phone1 192.168.122.3:5060 ---- router 10.1.1.1 ------- peer1 10.1.1.10:5060
    growing:	phone1 10.9.9.3:5060 -------- router 198.51.100.101 -- peer1 198.51.100.10
    MTU 1500, no offloads

Segments end where the MTU says, in the middle of messages.  Time-outs are
counted at both hosts, and the sender's repeats.
"""
from nsip import intree, ktap, path, sip, sock
from nsip.lab import Lab

CASES = {"shrinking": {}, "growing": {"in4": "10.9.9", "out4": "198.51.100", "router_out": 101}}
BURSTS, INVITES, SIZE = 6, 5, 509


def render(who, me, to, burst, i):
    """An INVITE of `who`; `me` makes it 509 bytes long."""
    def text(of, fill):
        return sip.invite(of, to, f"burst-{burst}-{i}", 6000 + 2 * (INVITES * burst + i),
                          extra=["Subject: " + "x" * fill])
    return text(who, SIZE - len(text(me, 0)))


def burst(lab, n, phone, peer):
    """One write; the bytes as read, and as they must be read."""
    me, to, public = lab.party("phone1"), lab.party("peer1"), lab.public(port=peer.remote[1])
    phone.send(b"".join(render(me, me, to, n, i) for i in range(INVITES)))
    wanted = b"".join(render(public, me, to, n, i) for i in range(INVITES))
    return peer.recv_up_to(len(wanted)), wanted


def one(t, name, settings):
    with Lab(offload="off", timers="real", **settings) as lab:
        path.no_tail_probes(lab, "phone1", "peer1")
        phone, peer = lab.tcp_pair(sport=5060)
        cap = lab.capture("in1")
        mib = path.Mib(lab, "phone1", "peer1")
        read = [burst(lab, n, phone, peer) for n in range(BURSTS)]
        t.ok(all(got == wanted for got, wanted in read), f"{name}: {BURSTS} bursts arrive, rewritten",
             [n for n, (got, wanted) in enumerate(read) if got != wanted])
        phone.wait_acked()
        sizes = [s.frame for s in cap.segments(out=False, sport=5060) if s.data]
        t.ok(len(sizes) == BURSTS * 2 and max(sizes) == 1500,
             f"{name}: in two segments each, the first of 1500 bytes", sizes)
        t.equal(phone.retransmissions, 0, f"{name}: the sender repeated nothing")
        t.equal(mib.since("RetransSegs", *path.TIMEOUTS), {}, f"{name}: nobody timed out")
        counters = lab.counters()
        t.ok(counters["seg_carry"] >= BURSTS * 2 and counters["seg_held"] >= BURSTS
             and not counters["emit_resent"],
             f"{name}: parts of messages were held, then carried; nothing was sent twice", counters)
        lab.check_valid(t)
        sock.hang_up(phone, peer)


def in_tree(t):
    with Lab("in-tree", offload="off", timers="real") as lab:
        phone, peer = intree.whole_invite(t, lab)
        phone.wait_acked()
        stalls = []
        for n in range(BURSTS):
            mib = path.Mib(lab, "phone1", "peer1")
            try:
                burst(lab, n, phone, peer)
                phone.wait_acked()
            except (ConnectionError, sock.Timeout) as e:
                t.note(f"in-tree helper: burst {n}: {e}")
            stalls.append(mib.since("RetransSegs", *path.TIMEOUTS))
            if phone.outq():
                break
        t.ok(len(stalls) == BURSTS and all(any("Retrans" not in k for k in s) for s in stalls),
             f"in-tree helper: each of {len(stalls)} bursts ran into a time-out", stalls)


def test(t):
    for name, settings in CASES.items():
        one(t, name, settings)
    in_tree(t)


ktap.main(14, test)
