#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A connection with an option that forbids changes (MPTCP, MD5) is not touched.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

MPTCP with the kernel's own sockets; the MD5 option (RFC 2385) in a SYN made by
hand, for a signature does not survive NAT anyway.
"""
import socket

from nsip import ktap, sip, sock, wire
from nsip.lab import Lab

IPPROTO_MPTCP = 262


def count(lab):
    return lab.counters().get("conn_tcp_option", 0)


def mptcp_pair(lab):
    """A connection between MPTCP sockets."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP).close()
    except OSError as e:
        raise ktap.Skip(f"no MPTCP in this kernel: {e}") from e
    server = lab.tcp_listen("peer1", proto=IPPROTO_MPTCP)
    phone = lab.tcp_connect("phone1", 0, server.getsockname(), proto=IPPROTO_MPTCP)
    peer = sock.Tcp(server.accept()[0])
    server.close()
    return phone, peer


def mptcp(t, lab):
    before = count(lab)
    cap = lab.capture("in1")
    phone, peer = mptcp_pair(lab)
    syn = [s for s in cap.segments(out=False) if s.flags == wire.SYN]
    t.ok(syn and bytes([30]) in options(syn[0]), "MPTCP: the SYN carries the option", syn)
    text = sip.invite(lab.party("phone1"), lab.party("peer1"))
    phone.send(text)
    t.equal(peer.recv_up_to(len(text)), text, "MPTCP: an INVITE arrives untouched")
    t.equal((count(lab) - before, lab.expectations()), (1, []), "MPTCP: counted, no door")
    phone.close()
    peer.close()


def options(seg):
    """Kinds of a segment's options."""
    kinds, o = bytearray(), seg.options
    while o and o[0]:
        kinds.append(o[0])
        o = o[1:] if o[0] == 1 else o[max(o[1], 2):]
    return bytes(kinds)


def md5(t, lab):
    before = count(lab)
    with lab.at("phone1"):
        cap = wire.Capture("eth0")
        phone, peer = lab.tcp_pair()
        syn = [s for s in cap.segments(out=True) if s.flags == wire.SYN][0]
        out = lab.capture("out1")
        wire.inject("eth0", syn, sport=41000, options=b"\2\4\5\xb4\1\1\x13\x12" + bytes(16))
    try:
        left = sock.until(lambda: out.segments(out=True, flags=wire.SYN), "SYN", 2)
    except sock.Timeout:
        left = []
    t.ok(left and 19 in options(left[0]), "MD5: the SYN passes with its option", left)
    t.equal(count(lab) - before, 1, "MD5: counted")
    phone.close()
    peer.close()


def test(t):
    with Lab(attach="ports") as lab:
        mptcp(t, lab)
        md5(t, lab)


ktap.main(5, test)
