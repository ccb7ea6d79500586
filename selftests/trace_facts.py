#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""debug=1 tells the facts of the reference trace of a 509-byte INVITE, one line each.

    phone1 192.168.122.3:40000 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

The reference: 509 bytes received, 376 of header and 133 of body, one INVITE,
192.168.122.3 behind 10.1.1.1, RTP port 6000.
"""
import re

from nsip import ktap, sip
from nsip.lab import Lab, debug, kernel_log

IN, OUT = r"192\.168\.122\.3", r"10\.1\.1\.1"
# What, and a line that says so; each exactly once unless a count is given.
FACTS = [
    ("bytes received", r"received 509 bytes", 1),
    ("header size", r"header 376 bytes", 1),
    ("body length", r"body 133 bytes", 1),
    ("total length", r"message 509 bytes", 1),
    ("state after framing", r"state: \d+ bytes held, missing header 0 body 0", 1),
    ("number of messages", r"messages 1\b", 1),
    ("method", r"\[0\] INVITE request", 1),
    ("addresses translated in header and SDP", rf"\[0\] (Via|From|Contact|SDP|media audio) {IN}\S* -> {OUT}", 6),
    ("Contact", r"\[0\] Contact found: <sip:alice@192\.168\.122\.3:5060;transport=tcp>", 1),
    ("expires", r"\[0\] expires not found", 1),
    ("register and door outcome", r"\[0\] register 0 doors 2", 1),
    ("message body", r"\[0\] body found: application/sdp", 1),
    ("media lines", r"\[0\] media lines 1\b", 1),
    ("media address and port", rf"\[0\] media audio {IN}:6000 -> {OUT}:6000", 1),
    ("old and new SDP length", r"\[0\] sdp 133 -> 123 bytes", 1),
    ("bytes sent", r"sent 486 bytes", 1),
]


def lines():
    return [x for x in kernel_log().decode("latin-1").splitlines() if "nf_nat_sip_tcp: " in x]


def sample(t, lab):
    phone, peer = lab.tcp_pair(sport=40000)
    text = sip.sample_invite(lab.party("phone1"), lab.party("peer1"))
    t.equal(tuple(map(len, sip.split(text))), (376, 133), "the INVITE has the sizes of the reference")
    kernel_log(clear=True)
    debug(True)
    phone.send(text)
    got = peer.recv_message()
    debug(False)
    seen = lines()
    t.note("\n".join(seen))
    for what, pattern, n in FACTS:
        hits = [x for x in seen if re.search(pattern, x)]
        t.equal(len(hits), n, f"{what}: {pattern}")
    t.equal(len(got), 486, "what arrived is as long as the trace says")
    kernel_log(clear=True)
    phone.send(text)
    peer.recv_message()
    t.equal(lines(), [], "debug=0: not a line")


def escapes(t, lab):
    """Packet content never prints raw (P6)."""
    phone, peer = lab.tcp_pair()
    nasty = b"\x1b[31m\x07\x80\xff"
    text = sip.request("MESSAGE", lab.party("phone1"), lab.party("peer1"), "nasty")
    text = text.replace(b"Contact: <sip:alice", b"Contact: \"" + nasty + b"\" <sip:alice")
    text = text.replace(b"Max-Forwards", b"Expires: " + nasty + b"\r\nMax-Forwards")
    kernel_log(clear=True)
    debug(True)
    phone.send(text)
    got = peer.recv_message()
    debug(False)
    log = kernel_log()
    t.ok(nasty in got, "a message with control and 8-bit bytes arrives with them")
    bad = sorted({c for c in log if (c < 32 and c != 10) or c > 126})
    t.ok(lines() and not bad, "none of them is printed raw", bad)
    t.ok(any(re.search(r"\\(e|x1b|033)\[31m", x) for x in lines()), "they are printed escaped",
         "\n".join(lines()))


def test(t):
    with Lab(attach="ports") as lab:
        if lab.helper != "ours":
            raise ktap.Skip("only nf_nat_sip_tcp has a trace")
        sample(t, lab)
        escapes(t, lab)


ktap.main(1 + len(FACTS) + 2 + 3, test)
