#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A call works with an nft ct helper object, whichever table and hook it stands in.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3          2001:db8:1::1        2001:db8:1::10
"""
from nsip import ktap
from nsip.call import works
from nsip.lab import Lab

HOOKS = {"prerouting, before NAT": ("prerouting", "filter - 150"),
         "prerouting, after NAT": ("prerouting", "filter"),
         "forward": ("forward", "filter")}
FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}


def test(t):
    for family, versions in FAMILIES.items():
        for where, (hook, prio) in HOOKS.items():
            with Lab(attach="nft", nft_family=family, nft_hook=hook, nft_prio=prio) as lab:
                for v in versions:
                    good, why = works(lab, v)
                    t.ok(good, f"table {family}, {where}: a call over IPv{v}", why)
                t.ok(lab.invalid() == (0, 0), f"table {family}, {where}: no packet was invalid")


ktap.main(3 * 4 + 9, test)
