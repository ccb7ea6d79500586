#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A message that fills a segment and grows past the MTU arrives, with DF set.

    phone1 fd00:122::3 ---- router 2001:db8:1::1:aaaa ... ---- peer1, MTU 1500 all along
    phone1 10.9.9.3    ---- router 198.51.100.101 ----------- peer1 198.51.100.10
"""
from nsip import ktap, sip
from nsip.lab import Lab

LAB = {"in4": "10.9.9", "out4": "198.51.100", "router_out": 101}
MTU = 1500


def full_segment(me, to, size):
    bare = sip.invite(me, to, extra=["Subject: "])
    return lambda who: sip.invite(who, to, extra=["Subject: " + "x" * (size - len(bare))],
                                  body=sip.sdp(who, 6000))


def one(t, lab, v, offload):
    phone, peer = lab.tcp_pair(v=v)
    render = full_segment(lab.party("phone1", v), lab.party("peer1", v), phone.mss)
    sent = render(lab.party("phone1", v))
    wanted = render(lab.public(v, peer.remote[1]))
    into, out = lab.capture("in1"), lab.capture("out1")
    phone.send(sent)
    what = f"IPv{v}, offload {offload}: "
    t.equal(peer.recv_up_to(len(wanted)), wanted, what + f"{len(sent)} bytes arrive as {len(wanted)}")
    t.equal(([s.frame for s in into.segments(out=False, dport=5060) if s.data], phone.retransmissions),
            ([MTU], 0), what + "they came in one full segment, sent once")
    if offload == "off":
        left = [s for s in out.segments(out=True, dport=5060) if s.data]
        t.ok(len(left) == 2 and all(s.df and s.frame <= MTU for s in left)
             and b"".join(s.data for s in left) == wanted,
             what + "and left in two of at most 1500 bytes with DF", [(s.frame, s.df) for s in left])
    answer = sip.response(wanted, 200, "OK", contact=lab.party("peer1", v))
    peer.send(answer)
    t.equal(sip.start_line(phone.recv_message()), "SIP/2.0 200 OK", what + "the way back works")


def test(t):
    for offload in ("on", "off"):
        with Lab(offload=offload, **LAB) as lab:
            for v in (4, 6):
                one(t, lab, v, offload)
            lab.check_valid(t)


ktap.main(2 * 3 + 2 * 4 + 2, test)
