#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Conntrack finds every packet valid, and its timeout back at the established value.

    shrinking:	phone1 192.168.122.3 ---- router 10.1.1.1 ------- peer1 10.1.1.10:5060
    growing:	phone1 10.9.9.3 -------- router 198.51.100.101 -- peer1 198.51.100.10

nf_conntrack_tcp_be_liberal is 0.  One segment far out of the window, made by
hand at the end, must count: else the zero before would prove nothing.
"""
from nsip import ktap, sip, sock, wire
from nsip.call import Call
from nsip.lab import ESTABLISHED, Lab

CASES = {"shrinking": {}, "growing": {"in4": "10.9.9", "out4": "198.51.100", "router_out": 101}}


def settled(lab, phone, peer):
    """All acknowledged, so that conntrack has nothing outstanding."""
    phone.wait_acked()
    peer.wait_acked()
    try:
        return sock.until(lambda: (n := lab.tcp_timeout(phone.local[1])) and n > ESTABLISHED - 60 and n,
                          "timeout", 2)
    except sock.Timeout:
        return lab.tcp_timeout(phone.local[1])


def exchange(t, lab, name, phone, peer):
    """Each message alone, then many at once, both ways."""
    call = Call(lab, phone, peer)
    sent = len(sip.invite(call.me, call.to, call.name))
    got = len(call.invite())
    t.ok((got < sent) if name == "shrinking" else (got > sent), f"{name}: {sent} bytes arrive as {got}")
    for what, step in (("request", lambda: None), ("answer", call.ring), ("call", call.accept),
                       ("BYE", call.bye)):
        step()
        timeout = settled(lab, phone, peer)
        t.ok(timeout and timeout > ESTABLISHED - 60, f"{name}: after the {what} the timeout is back",
             f"{timeout} s")
    many = [sip.invite(call.me, call.to, f"many-{i}", 6100 + 2 * i) for i in range(40)]
    phone.send(b"".join(many))
    for _ in many:
        peer.send(sip.response(peer.recv_message(), 486, "Busy Here"))
    for _ in many:
        phone.recv_message()
    timeout = settled(lab, phone, peer)
    t.ok(timeout and timeout > ESTABLISHED - 60, f"{name}: and after 40 INVITEs and answers at once",
         f"{timeout} s")


def stray(lab, phone, peer):
    """A segment of the phone's connection, 1 GiB beyond its window."""
    with lab.at("phone1"):
        cap = wire.Capture("eth0")
        phone.send(b"\r\n\r\n")
        peer.recv_exact(4)
        last = [s for s in cap.segments(out=True) if s.data][-1]
        wire.inject("eth0", last, seq=(last.seq + (1 << 30)) & 0xffffffff, data=b"stray")


def test(t):
    for name, settings in CASES.items():
        with Lab(**settings) as lab:
            phone, peer = lab.tcp_pair()
            exchange(t, lab, name, phone, peer)
            lab.check_valid(t)
            stray(lab, phone, peer)
            t.equal(lab.invalid(), (1, 1), f"{name}: one segment out of the window counts, once")
            phone.close()
            peer.close()


ktap.main(16, test)
