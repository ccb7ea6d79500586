#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A call works with iptables -t raw -j CT --helper sip_tcp.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
"""
from nsip import ktap
from nsip.call import works
from nsip.lab import Lab


def test(t):
    with Lab(attach="iptables") as lab:
        for v in (4, 6):
            good, why = works(lab, v)
            t.ok(good, f"a call over IPv{v}", why)
        lab.check_valid(t)


ktap.main(3, test)
