#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""rmmod when idle, modprobe again: nothing stays behind, and it works as before.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
"""
import os
import subprocess

from nsip import ktap, sip
from nsip.call import Call, works
from nsip.lab import STAT, Lab

MODULE = "/sys/module/nf_nat_sip_tcp"


def command(*cmd):
    print("#", *cmd, flush=True)
    return subprocess.run(cmd, check=False, stderr=subprocess.STDOUT).returncode


def test(t):
    with Lab(attach="ports") as lab:
        good, why = works(lab, name="before")
        t.ok(good, "a call works", why)
        phone, peer = lab.tcp_pair()
        call = Call(lab, phone, peer, "living").establish()
        media = call.media()
        t.equal((lab.doors(), media.inward()), ([6000, 6001], media.expect_inward()),
                "another has doors and audio")
        t.equal((command("rmmod", "nf_nat_sip_tcp"), os.path.exists(MODULE), os.path.exists(STAT)),
                (0, False, False), "rmmod during the call succeeds")
        t.equal(lab.expectations(), [], "no door stays")
        ping = sip.request("OPTIONS", call.me, call.to, "after", 1)
        phone.send(ping)
        t.equal(peer.recv_up_to(len(ping)), ping, "the connection goes on, nothing is rewritten any more")
        peer.send(b"x" * 5000)
        t.equal(phone.recv_up_to(5000), b"x" * 5000, "in both directions")
        media.close()
        phone.close()
        peer.close()
        lab.run("router", "conntrack", "-F", check=False)
        t.equal(command("modprobe", "nf_nat_sip_tcp", f"ports={lab.set['sip_ports']}"), 0, "modprobe again")
        good, why = works(lab, name="again")
        t.ok(good, "a call works again", why)
        lab.check_valid(t)
    for _ in range(5):
        if command("rmmod", "nf_nat_sip_tcp") or command("modprobe", "nf_nat_sip_tcp"):
            t.ok(False, "five times more")
            return
    t.ok(True, "five times more")


ktap.main(10, test)
