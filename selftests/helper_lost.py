#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of a connection with an offset when the helper, or conntrack's entry, is taken away.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

Who takes the helper off through ctnetlink (IPCTNL_MSG_CT_NEW with an empty
CTA_HELP_NAME) leaves the offset to conntrack: bytes still arrive, as written.  "conntrack -D" leaves nothing that could adjust: both ends are
told, lest one reads bytes with wrong numbers.
"""
import errno
import os
import socket
import struct

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab

GARBAGE = b"no SIP at all\r\n"


def connection(lab, name, opaque=False):
    """A connection with an offset in both directions, at rest."""
    phone, peer = lab.tcp_pair()
    call = Call(lab, phone, peer, name).establish()
    if opaque:
        phone.send(GARBAGE)
        peer.recv_exact(len(GARBAGE))
        for a, b in ((phone, peer), (peer, phone)):
            a.send(b"x" * 3000)
            b.recv_exact(3000)
    phone.wait_acked()
    peer.wait_acked()
    return call


def ends(tcp):
    """How the stream ends for one who only waits."""
    try:
        if not sock.readable(tcp.sock, 3):
            return "stays"
        return f"{tcp.sock.recv(100)!r}"
    except ConnectionError as e:
        return type(e).__name__


def attr(kind, data, nested=False):
    head = struct.pack("HH", 4 + len(data), kind | (0x8000 if nested else 0))
    return head + data + b"\0" * (-len(data) % 4)


def take_off(call):
    """Helper "" for the entry of the phone's connection; 0 or an errno."""
    me, to = call.phone.local, call.phone.remote
    addresses = attr(1, socket.inet_aton(me[0])) + attr(2, socket.inet_aton(to[0]))
    ports = attr(1, b"\6") + attr(2, struct.pack("!H", me[1])) + attr(3, struct.pack("!H", to[1]))
    tuple_ = attr(1, attr(1, addresses, True) + attr(2, ports, True), True)
    body = struct.pack("!BBH", socket.AF_INET, 0, 0) + tuple_ + attr(5, attr(1, b"\0"), True)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        # IPCTNL_MSG_CT_NEW of NFNL_SUBSYS_CTNETLINK, NLM_F_REQUEST | NLM_F_ACK
        s.send(struct.pack("IHHII", 16 + len(body), 1 << 8, 5, 1, 0) + body)
        return -struct.unpack_from("i", s.recv(4096), 16)[0]


def entry(call):
    return ["-p", "tcp", "--orig-port-src", str(call.phone.local[1])]


def taken_off(t, lab):
    call = connection(lab, "taken")
    err = take_off(call)
    t.note(f"taken off: {err and os.strerror(err)}")
    out = sip.request("OPTIONS", call.me, call.to, "after", 1)
    seen = out
    if err in (errno.EBUSY, errno.EOPNOTSUPP):
        seen = sip.request("OPTIONS", call.public, call.to, "after", 1)
    call.phone.send(out)
    t.equal(call.peer.recv_up_to(len(seen)), seen, "the phone's next bytes arrive"
            + (" translated, this kernel refuses" if err else ", as they were written"))
    call.peer.send(GARBAGE * 300)
    t.ok(call.phone.recv_up_to(300 * len(GARBAGE)) == GARBAGE * 300, "so do the peer's")
    t.equal(lab.counters()["conn_handed_over"], int(not err), "that is counted")
    t.equal(lab.counters()["reset"], 0, "nothing was reset")


def deleted(t, lab, opaque):
    call = connection(lab, f"deleted-{opaque}", opaque)
    lab.run("router", "conntrack", "-D", *entry(call))
    t.equal((ends(call.phone), ends(call.peer)), ("ConnectionResetError",) * 2,
            "entry deleted: both ends are reset" + (", also behind opaque text" if opaque else ""))


def test(t):
    with Lab(attach="ports") as lab:
        taken_off(t, lab)
        deleted(t, lab, False)
        deleted(t, lab, True)
        lab.check_valid(t)


ktap.main(7, test)
