#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""One message and a half in a segment: the receiver reads exactly the right bytes.

    shrinking:	phone1 192.168.122.3 ---- router 10.1.1.1     ---- peer1 10.1.1.10
    growing:	phone1 10.9.9.3      ---- router 198.51.100.101 -- peer1 198.51.100.10

Each with offloads (checksums left to the card, large segments) and without.
"""
from nsip import intree, ktap, sip, sock
from nsip.lab import Lab

CASES = {"shrinking": {}, "growing": {"in4": "10.9.9", "out4": "198.51.100", "router_out": 101}}


def stream(me, to, n=3):
    return [sip.invite(me, to, f"call-{i}", 6000 + 2 * i) for i in range(n)]


def halves(msgs):
    """The segments: one and a half, half and one ..."""
    text, half = b"".join(msgs), len(msgs[1]) // 2
    at = len(msgs[0]) + half
    return [text[:at], text[at:]]


def case(t, name, offload, settings):
    with Lab(offload=offload, **settings) as lab:
        phone, peer = lab.tcp_pair()
        public = lab.public(port=peer.remote[1])
        parts = halves(stream(lab.party("phone1"), lab.party("peer1")))
        wanted = b"".join(stream(public, lab.party("peer1")))
        cap = lab.capture("in1")
        for part in parts:
            phone.send(part)
        got = peer.recv_up_to(len(wanted)) + peer.pending()
        t.equal(got, wanted, f"{name}, offload {offload}: the peer reads the right bytes, no more and no less")
        t.equal(cap.payloads(out=False, dport=5060), parts,
                f"{name}, offload {offload}: the router got one and a half in one segment")
        reply(t, lab, (phone, peer), name, offload)
        lab.check_valid(t)


def reply(t, lab, ends, name, offload):
    """The other way: answers to the first two, cut in the second."""
    phone, peer = ends
    public, me, to = lab.public(port=peer.remote[1]), lab.party("phone1"), lab.party("peer1")
    there = [sip.response(m, 180, "Ringing", contact=to) for m in stream(public, to)]
    home = [sip.response(m, 180, "Ringing", contact=to) for m in stream(me, to)]
    for part in halves(there):
        peer.send(part)
    got = phone.recv_up_to(len(b"".join(home))) + phone.pending()
    t.equal(got, b"".join(home), f"{name}, offload {offload}: so does the phone, as it wrote it")


def test(t):
    for name, settings in CASES.items():
        for offload in ("on", "off"):
            case(t, name, offload, settings)
    in_tree(t)


def in_tree(t):
    """From port 5060, so that it takes part; framed messages, then what is left."""
    with Lab("in-tree") as lab:
        phone, peer = intree.whole_invite(t, lab)
        msgs = [sip.invite(lab.party("phone1"), lab.party("peer1"), f"x-{i}", 5010 + 2 * i)
                for i in range(2)]
        for part in halves(msgs):
            phone.send(part)
            phone.wait_acked()
        sock.until(lambda: sip.frame(peer.buf) or peer.recv_some() or True, "")
        got = peer.buf + peer.pending(1)
        n = sip.frame(got)
        second = got[n:n + sip.frame(got[n:])]
        t.ok(not second.startswith(b"INVITE ") or sip.frame(got[n:]) == 0
             or sip.names(second, "192.168.122.3") or got[n + len(second):],
             f"in-tree helper: corrupts the stream ({len(got)} bytes)", got)


ktap.main(18, test)
