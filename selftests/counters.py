#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""/proc/net/stat/nf_nat_sip_tcp counts what a call does, in its own namespace only.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
"""
import os
import re

from nsip import ktap
from nsip.call import Call
from nsip.lab import LIB, STAT, Lab

# One call: INVITE 180 200 ACK BYE(401) 401 BYE 200.
WANTED = {"conn_followed": 1, "msg_request": 4, "msg_response": 4, "msg_rewritten": 8,
          "sdp_rewritten": 1, "call_new": 1, "call_ended": 1, "bye_refused": 1,
          "door_reserved": 2, "door_opened": 2, "door_closed": 2, "keepalive": 1}


def names():
    """Names of the reasons list."""
    path = os.path.join(os.path.dirname(LIB), "../include/nf_nat_sip_tcp/reasons.h")
    with open(path, encoding="ascii") as f:
        return re.findall(r'R\(\w+,\s*"(\w+)"', f.read())


def test(t):
    with Lab() as lab, Lab() as other:
        before = lab.counters()
        t.equal(list(before), names(), "a line for each reason, in order")
        t.ok(not any(before.values()), "all zero in a new namespace", before)
        phone, peer = lab.tcp_pair()
        call = Call(lab, phone, peer).establish()
        phone.send(b"\r\n\r\n")
        peer.recv_exact(4)
        call.bye(401, "Unauthorized")
        call.bye()
        lab.wait_doors([])
        after = lab.counters()
        for name, n in WANTED.items():
            t.equal(after.get(name), n, f"{name}: {n}")
        t.ok(other.counters() and not any(other.counters().values()), "none of it in another namespace")
        with open(STAT, encoding="ascii") as f:
            t.ok("door_opened" in f.read(), "the initial namespace has its own")


ktap.main(2 + len(WANTED) + 2, test)
