#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""SIP on port 8000: by ports=5060,8000, or by an nft object in another namespace.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:8000
"""
from nsip import ktap
from nsip.call import works
from nsip.lab import Lab


def calls(t, lab, what):
    for v in (4, 6):
        for port, wanted in ((8000, True), (5060, "5060" in lab.set["sip_ports"]), (9000, False)):
            good, why = works(lab, v, f"port-{port}-{v}", dport=port)
            t.ok(good == wanted, f"{what}, IPv{v}: a call on port {port} is "
                 + ("translated" if wanted else "left alone"), why)
    lab.check_valid(t)


def test(t):
    with Lab(attach="ports", sip_ports="5060,8000") as lab:
        calls(t, lab, "ports=5060,8000")
    with Lab(attach="nft", sip_ports="8000") as lab:
        calls(t, lab, "nft object for 8000")


ktap.main(14, test)
