#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Loss, repeats and reordering may cost translation, never a byte.

    phone1 10.9.9.3 ---- router 198.51.100.101 ---- peer1 198.51.100.10:5060
    netem on both of the phone's directions: loss, duplicates, reordering

Each message is read as it must be or as it was sent, whole, in order; and a
connection that is not translated any more stays so.
"""
from nsip import ktap, sip, sock
from nsip.lab import Lab

LAB = {"in4": "10.9.9", "out4": "198.51.100", "router_out": 101, "timers": "real"}
NETEM = "delay 3ms reorder 80% loss 2% duplicate 3%"
ROUNDS, MESSAGES = 4, 30


def shake(lab):
    for host, dev in (("phone1", "eth0"), ("router", lab.dev("in1"))):
        lab.run(host, "tc", "qdisc", "add", "dev", dev, "root", "netem", *NETEM.split(), "limit", "1000")


def read(peer, n, left):
    """n bytes or what comes within the time that is left to the round."""
    while len(peer.buf) < n and left > 0:
        try:
            peer.recv_some(1)
        except sock.Timeout:
            left -= 1
    data, peer.buf = peer.buf[:n], peer.buf[n:]
    return data


def one(lab, n):
    """What became of each message: "right", "raw", or what was read instead."""
    phone, peer = lab.tcp_pair()
    me, to, public = lab.party("phone1"), lab.party("peer1"), lab.public(port=peer.remote[1])
    calls = [(f"call-{n}-{i}", 6000 + 100 * n + 2 * i) for i in range(MESSAGES)]
    raw = [sip.invite(me, to, *c) for c in calls]
    text = b"".join(raw)
    for at in range(0, len(text), 333):
        phone.send(text[at:at + 333])
    fate = []
    for i, c in enumerate(calls):
        right = sip.invite(public, to, *c)
        got = read(peer, min(len(right), len(raw[i])), 60)
        longer, name = (right, "right") if right.startswith(got) else (raw[i], "raw")
        got += read(peer, len(longer) - len(got), 60)
        fate.append(name if got == longer else got)
        if got != longer:
            break
    phone.close(reset=True)
    peer.close()
    return fate


def test(t):
    with Lab(**LAB) as lab:
        shake(lab)
        for n in range(ROUNDS):
            fate = one(lab, n)
            first = next((i for i, f in enumerate(fate) if f != "right"), len(fate))
            t.ok(fate == ["right"] * first + ["raw"] * (MESSAGES - first),
                 f"round {n}: {first} of {MESSAGES} messages right, the others as sent, no byte lost or changed",
                 fate[-3:])
            t.note(f"opaque and segment counters: { {k: v for k, v in lab.counters().items() if v and k[:3] in ('opa', 'seg')} }")


ktap.main(ROUNDS, test)
