#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A Nagle sender whose INVITE takes three segments does not stall.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    MSS 262, Nagle on

Written in two pieces it leaves as a short segment, a full one, and a rest.
Nagle keeps the rest until the short one is acknowledged (RFC 1122 4.2.3.4, in
Minshall's form), and the peer has not got it, for the router holds it back.  So
the router acknowledges it in the peer's name.
"""
import time

from nsip import ktap, sip, wire
from nsip.lab import Lab


def one(t, lab, v):
    phone, peer = lab.tcp_pair(v=v, mss=262)
    phone.nodelay(False)
    me, to, public = lab.party("phone1", v), lab.party("peer1", v), lab.public(v, peer.remote[1])
    size = {4: (509, 133), 6: (560, 140)}[v]
    sent, wanted = sip.sample_invite(me, to, None, *size), sip.sample_invite(me, to, public, *size)
    cap, out = lab.capture("in1"), lab.capture("out1")
    start = time.monotonic()
    phone.send(sent[:100])
    phone.send(sent[100:])
    got = peer.recv_up_to(len(wanted))
    took = time.monotonic() - start
    segs = cap.segments()
    data = [s for s in segs if s.data and not s.out]
    t.equal(got, wanted, f"IPv{v}: the INVITE arrives, rewritten")
    t.ok(len(data) == 3 and b"".join(s.data for s in data) == sent,
         f"IPv{v}: it came in three segments", [len(s.data) for s in data])
    third = segs.index(data[-1])
    held = [s for s in segs[:third] if s.out and s.flags == wire.ACK and not s.data
            and s.ack > data[0].seq]
    to_peer = [s.data for s in out.segments(out=True) if s.data]
    t.ok(held and held[0].src == to.addr and b"".join(to_peer) == wanted,
         f"IPv{v}: the router acknowledged in the peer's name before the third came", [(s.out, s.flags, s.seq, s.ack, len(s.data)) for s in segs])
    t.equal(phone.retransmissions, 0, f"IPv{v}: the sender repeated nothing")
    t.ok(took < 1.5, f"IPv{v}: it took less than a retransmission timeout (2 s here)", f"{took:.3f} s")


def test(t):
    with Lab(attach="ports", offload="off") as lab:
        before = lab.counters()
        for v in (4, 6):
            one(t, lab, v)
        after = lab.counters()
        t.ok(after.get("ack_spoofed", 0) >= before.get("ack_spoofed", 0) + 2,
             "counted as ack_spoofed", after)
        lab.check_valid(t)


ktap.main(12, test)
