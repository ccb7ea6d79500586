#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""64 messages in flight that each change size survive loss and reordering, both ways.

    phone1 192.168.122.3:5060 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    a PBX                                               its trunk
    netem on both directions of both links: 5 % lost, 20 % out of order

In each round the PBX writes 64 requests at once, and the trunk 64 of its own and
64 answers.  Each message changes its size on the way.  One segment far out of the
window, made by hand at the end, must count as invalid: else the zero would prove
nothing.

NSIP_ROUNDS: how many rounds (3)
"""
import os
import socket

from nsip import intree, ktap, path, stream, wire
from nsip.lab import Lab
from nsip.puppet import near

# So long that all have come before the first is acknowledged.
NETEM = "delay 60ms loss 5% reorder 20%"
MESSAGES = 64
ROUNDS = int(os.environ.get("NSIP_ROUNDS", "3"))
NOISE = ("seg_", "ack_", "emit", "opaque", "reset")


def wide_start(lab):
    """The congestion window of the start lets 64 messages out at once."""
    lab.run("phone1", "ip", "route", "change", "default", "via", lab.addr("inside"), "dev", "eth0",
            "initcwnd", "200")
    lab.run("peer1", "ip", "route", "change", lab.addr("public"), "dev", "eth0", "initcwnd", "200")


# How the bytes of a round are cut into writes: at once, a message each, anyhow.
SIZES = (lambda messages: (), lambda messages: [len(m) for m in messages], lambda messages: (333, 90, 1200))


def rounds(trunk):
    """What went wrong, or ""."""
    answers = None
    for i in range(ROUNDS):
        out = trunk.out(MESSAGES)
        back = trunk.requests_in(MESSAGES)
        if answers:
            back = [a + b for a, b in zip(answers, back)]
        wrong = stream.run(trunk.way(out, sizes=SIZES[i % 3](out[0])),
                           trunk.way(back, inward=True, sizes=SIZES[i % 3](back[0])))
        if wrong:
            return f"round {i}: {wrong}"
        answers = trunk.answers(out)
    return ""


def in_flight(lab, segments, lengths):
    """The most messages that had all come to the router and that the peer had not
    acknowledged to it, by a capture of all its links."""
    came = [s for s in segments if not s.out and s.src == lab.addr("phone1") and s.data]
    start = min((s.seq for s in came), key=lambda n: near(n, came[0].seq))
    ends, at = [], [0, 0]
    for pair in lengths:
        at = [n + more for n, more in zip(at, pair)]
        ends.append(at)
    most = edge = acked = 0
    for s in segments:
        if s.out:
            continue
        if s.src == lab.addr("phone1"):
            edge = max(edge, near(s.seq, start) + len(s.data))
        else:
            acked = max(acked, near(s.ack, start))
        most = max(most, sum(a <= edge and b > acked for a, b in ends))
    return most


def ours(t):
    with Lab(timers="real") as lab:
        wide_start(lab)
        phone, peer = lab.tcp_pair(sport=5060)
        phone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        trunk = stream.Trunk(lab, phone, peer)
        with lab.at("router"):
            cap = wire.Capture()        # of both links, in order
        path.netem(lab, NETEM)
        mib = path.Mib(lab, "phone1", "peer1")
        wrong = rounds(trunk)
        t.ok(not wrong, f"{ROUNDS} rounds of {MESSAGES} and {2 * MESSAGES} messages: all bytes right", wrong)
        t.ok(all(a != b for a, b in trunk.lengths), f"each of {len(trunk.lengths)} messages changed its size")
        most = in_flight(lab, cap.segments(), trunk.lengths[:MESSAGES])
        t.ok(most >= MESSAGES, f"{most} messages of the PBX were in flight at once")
        t.note(f"{mib.since('RetransSegs', 'TCPTimeouts', 'TCPOFOQueue', 'TCPSACKReorder')}")
        counters = lab.counters()
        t.note(f"{ {k: v for k, v in counters.items() if v and k.startswith(NOISE)} }")
        path.netem(lab, "")
        t.equal({k: v for k, v in counters.items() if v and k.startswith(("opaque", "reset"))}, {},
                "the connection stayed translated to its end")
        t.ok(counters["msg_rewritten"] == len(trunk.lengths) and counters["seg_carry"] and counters["seg_repeat"]
             and counters["seg_out_of_order"] and counters["loss_fast"],
             "each message was rewritten once; segments were stored, carried, repeated and recovered", counters)
        lab.check_valid(t)
        path.stray(lab, phone, peer)
        t.equal(lab.invalid(), (1, 1), "one segment out of the window counts, once")
        t.equal(path.ends_cleanly(lab, phone, peer), "", "it closes cleanly")
        t.equal(lab.counters().get("reset", 0), 0, "with no reset of ours")


def in_tree(t):
    """What it makes of each message when that is alone, and then of all at once.

    Its two offsets do for one change under way: bytes go to wrong places of the
    stream.  Nothing resets the connection, which was still ESTABLISHED a minute and a half later.
    """
    with Lab("in-tree", timers="real") as lab:
        wide_start(lab)
        phone, peer = intree.whole_invite(t, lab)
        text = stream.Trunk(lab, phone, peer).out(MESSAGES)[0]
        alone = []
        for m in text:
            phone.send(m)
            alone.append(peer.recv_message())
            phone.wait_acked()
        t.ok(all(len(a) != len(b) for a, b in zip(text, alone)),
             "in-tree helper: one by one each message changes its size and arrives")
        path.netem(lab, NETEM)
        with lab.at("router"):
            cap = wire.Capture()
        raw, wanted = b"".join(text * ROUNDS), b"".join(alone * ROUNDS)
        wrong = stream.run(stream.Way(phone, peer, raw, wanted, sizes=[len(m) for m in text]))
        t.note(wrong)
        told = [s for s in cap.segments() if s.flags & (wire.RST | wire.FIN)]
        what = wrong.splitlines()[0] if wrong else "all is right"
        t.ok(what.startswith("differs") and not told,
             f"in-tree helper: at once the trunk reads other bytes than it ought to ({what}), of a "
             "connection that nobody resets", (what, told))


def test(t):
    ours(t)
    in_tree(t)


ktap.main(12, test)
