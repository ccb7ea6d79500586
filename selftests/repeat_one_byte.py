#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A repeat of one byte never makes the router send more than one segment.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    both ends by hand

Bytes that were changed on the way, or acknowledged in the receiver's name, are the
router's to repeat.  A sender, or somebody who can write its address, must not turn
one byte into a window full of them.
"""
from nsip import ktap, puppet
from nsip.lab import Lab

MSS = 1460
MESSAGES, SIZE = 8, 1400
FLOOD = 100


def data(heard):
    return [h for h in heard if h.data]


def one_byte(w, text, at):
    """(segments with data to the peer, their bytes, segments to the phone) for one
    byte of the phone's stream that comes again."""
    w.phone.send(text[at:at + 1], at=at)
    to_phone, to_peer = w.settle()
    return len(data(to_peer)), sum(len(h.data) for h in to_peer), len(to_phone), to_peer


def everywhere(t, w, what, text, wanted, places):
    """No place is worse than one segment, of one MSS, each way; but for what the
    router sends after time-outs of its own, which it counts."""
    before = w.lab.counters()["emit_resent"]
    w.settle()      # of a time-out before that
    seen = {at: one_byte(w, text, at) for at in places}
    ours = w.lab.counters()["emit_resent"] - before
    bad = {at: s[:3] for at, s in seen.items() if s[0] > 1 or s[1] > MSS or s[2] > 1}
    t.ok(len(bad) <= ours and all(s[0] <= 1 + ours and s[2] <= 1 for s in bad.values()),
         f"{what}: one byte again, at {len(seen)} places: at most one segment each way", bad)
    heard = [h for s in seen.values() for h in s[3]]
    t.equal(puppet.stream(heard, wanted)[1], [], f"{what}: and it has the same bytes as the first time")
    return sum(s[0] for s in seen.values())


def flood(t, w, what, text, wanted, size):
    """So many times the same segment of that size: as many come out, or as many bytes."""
    before = w.lab.counters()["emit_resent"]
    w.settle()
    for _ in range(FLOOD):
        w.phone.send(text[:size], at=0)
    to_phone, to_peer = w.settle()
    most = FLOOD + w.lab.counters()["emit_resent"] - before
    sent = data(to_peer)
    # After time-outs the router cuts smaller: what came as one may leave as two.
    t.ok((len(sent) <= most or size > 1) and sum(len(h.data) for h in sent) <= MSS * most
         and len(to_phone) <= FLOOD,
         f"{what}: {FLOOD} repeats of {size} bytes: {len(sent)} segments to the peer, {len(to_phone)} to the phone")
    t.equal(puppet.stream(to_peer, wanted)[1], [], f"{what}: all with the same bytes")


def unacknowledged(t, lab, name, held):
    """The peer acknowledges nothing of several messages.

    With `held` they come behind a gap, so that all leave at once when it closes, and
    the first half of one more was acknowledged in the peer's name.
    """
    w = puppet.Wire(lab, mss=MSS)
    texts, wants = (b"".join(x) for x in w.requests(MESSAGES + 1, name, SIZE))
    sent = MESSAGES * SIZE
    for at in sorted(range(0, sent, MSS), reverse=held):
        w.phone.send(texts[at:min(at + MSS, sent)], at=at)
    if held:
        w.phone.send(texts[sent:sent + 700])
    _, to_peer = w.settle(0.2)
    wanted = wants[:len(wants) // (MESSAGES + 1) * MESSAGES]
    have, wrong = puppet.stream(to_peer, wanted)
    t.ok(have == len(wanted) and not wrong, f"{name}: {MESSAGES} messages arrive", wrong or (have, len(wanted)))
    before = lab.counters()["seg_repeat"]
    last = sent + (600 if held else -1)
    n = everywhere(t, w, name, texts, wanted, [0, 1, SIZE - 1, SIZE, 3 * SIZE + 700, sent - 1, last])
    t.ok(n and lab.counters()["seg_repeat"] > before, f"{name}: some were answered, counted as seg_repeat")
    for size in (1, SIZE):
        flood(t, w, name, texts, wanted, size)
    w.peer.take(len(wanted) // 2)
    w.settle()
    everywhere(t, w, name + ", half of it acknowledged", texts, wanted, [0, SIZE, sent // 2, sent - 1])
    w.close()


def test(t):
    with Lab(offload="off") as lab:
        puppet.mute(lab)
        unacknowledged(t, lab, "whole", False)
        unacknowledged(t, lab, "held", True)
        lab.check_valid(t)


ktap.main(21, test)
