#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The in-tree SIP helper and ours work side by side on port 5060, whichever came first.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    over TCP: ours; over UDP: nf_conntrack_sip, by an nft object beside ours
"""
import os
import subprocess

from nsip import ktap, sip, sock
from nsip.call import works
from nsip.lab import Lab

IN_TREE = ("nf_nat_sip", "nf_conntrack_sip")
RULES = """table inet sip_udp {
  ct helper sip { type "sip" protocol udp; }
  chain c { type filter hook prerouting priority filter; udp dport 5060 ct helper set "sip"; }
}
"""


def modules(*cmd):
    """A namespace on its way out may hold a module for a moment."""
    print("#", *cmd, flush=True)
    sock.until(lambda: not subprocess.run(cmd, check=False, stderr=subprocess.DEVNULL).returncode,
               " ".join(cmd))


def udp_call(lab):
    """An INVITE over UDP; lines that still name the inside address."""
    a, b = lab.udp("phone1", 5060), lab.udp("peer1", 5060)
    me, to = lab.party("phone1"), lab.party("peer1")
    text = sip.invite(me, to, "udp", 7000).replace(b"/TCP", b"/UDP").replace(b";transport=tcp", b"")
    a.sock.sendto(text, (to.addr, 5060))
    b.sock.settimeout(3)
    got = b.sock.recv(4096)
    a.close()
    b.close()
    return sip.names(got, me.addr)


def lab_is_ours():
    return os.environ.get("HELPER", "ours") == "ours"


def order(t, first):
    if lab_is_ours():
        modules("modprobe", "-r", "nf_nat_sip_tcp")
    modules("modprobe", "-ra", *IN_TREE)
    if first == "in-tree":
        modules("modprobe", "-a", *IN_TREE)
    with Lab(attach="ports") as lab:
        if first == "ours":
            modules("modprobe", "-a", *IN_TREE)
        lab.run("router", "nft", "-f", "-", text=RULES)
        try:
            for v in (4, 6):
                good, why = works(lab, v, f"tcp-{v}")
                t.ok(good, f"{first} first: a call over TCP, IPv{v}", why)
            t.equal(udp_call(lab), [], f"{first} first: the in-tree helper translates an INVITE over UDP")
        finally:
            lab.run("router", "nft", "delete", "table", "inet", "sip_udp", check=False)
        lab.check_valid(t)


def test(t):
    for first in ("in-tree", "ours"):
        order(t, first)


ktap.main(8, test)
