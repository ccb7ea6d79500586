#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a receiver says about bytes that were changed reaches their sender exactly.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    both ends by hand

Acknowledgements, SACK edges, windows and probes, where they fall into a change,
between two, or where there is nothing yet.
"""
from nsip import ktap, puppet
from nsip.lab import Lab
from nsip.tool import Sipnat

SIZE = 600
# Shift counts of phone and peer, and the unit of the peer's windows.
WSCALE, UNIT = (2, 7), 128
GROWING = {"in4": "10.9.9", "out4": "198.51.100", "router_out": 101}


def texts(w, name, n=3, size=SIZE):
    """Messages as written and as read, and where each ends."""
    raw, wanted = w.requests(n, name, size)
    return raw, wanted, [len(b"".join(raw[:i])) for i in range(n + 1)], \
        [len(b"".join(wanted[:i])) for i in range(n + 1)]


def inside(t, lab):
    """Every number of the first message that the peer can acknowledge, and some behind."""
    w = puppet.Wire(lab)
    raw, _, at, new = texts(w, "inside")
    for m in raw:
        w.phone.send(m)     # whole, so that nothing has to be held and acknowledged here
    w.settle()
    for ack in sorted({*range(1, new[1] + 1), *range(new[1] + 50, new[-1], 50), new[2], new[-1]}):
        w.peer.take(ack)
    w.settle()
    acks = [h.ack for h in w.phone.heard if not h.flags & puppet.SYN]
    first, last = common(raw[0])
    t.ok(acks == sorted(acks) and acks[-1:] == at[-1:], "acknowledgements rise to the end of what was written",
         (acks[:5], acks[-5:], at[-1]))
    t.ok(set(range(1, first + 1)) <= set(acks) and at[1] in acks and at[2] in acks,
         "exact where nothing has changed, and at each message's end",
         sorted(set(range(1, first + 1)) - set(acks))[:5])
    t.ok(not any(first < a < at[1] - last for a in acks),
         "a number inside of a change is none of the sender's", [a for a in acks if first < a < at[1] - last][:5])
    w.close()


def common(raw):
    """Bytes in front of the first change, and behind the last."""
    return raw.index(b"192.168.122.3:5060"), len(raw) - raw.rindex(b";transport")


def sack(t, lab):
    """SACK edges across two changes: exact, or the block goes."""
    w = puppet.Wire(lab, sack=True)
    raw, _, at, new = texts(w, "sack")
    for m in raw:
        w.phone.send(m)
    w.settle()
    first, last = common(raw[0])
    cases = [("the last message", [(new[2], new[3])], [(at[2], at[3])]),
             ("the last two", [(new[1], new[3])], [(at[1], at[3])]),
             ("two of three, in two blocks", [(new[2] + 10, new[3]), (new[1], new[1] + 10)],
              [(at[2] + 10, at[3]), (at[1], at[1] + 10)]),
             ("an edge in a change", [(new[1] + first + 1, new[2])], []),
             ("one such block and a good one", [(new[1], new[1] + first + 1), (new[2], new[3])],
              [(at[2], at[3])]),
             ("an unchanged end", [(new[2] - last, new[2])], [(at[2] - last, at[2])])]
    for name, told, exact in cases:
        w.peer.send(ack=0, sack=told)
        heard = w.phone.hear(lambda h: not h.data, patience=1) if exact else w.settle()[0]
        seen = [h.sack for h in heard]
        t.ok(seen == [exact] or (not exact and not any(seen)), f"SACK of {name}", f"wanted {exact}, seen {seen}")
    w.peer.take(new[1], sack=[(new[2], new[3])])
    heard = w.settle()[0]
    t.equal([(h.ack, h.sack) for h in heard], [(at[1], [(at[2], at[3])])], "SACK beside an acknowledgement")
    w.close()


def probes(t, lab):
    """Keep-alives: one below the next, with and without the byte of garbage (RFC 9293 3.8.4)."""
    w = puppet.Wire(lab)
    raw, _, at, new = texts(w, "probe")
    w.phone.write(b"".join(raw))
    w.settle()
    w.peer.take(new[-1])
    w.settle()
    for garbage in (b"", b"\0"):
        w.phone.send(garbage, at=at[-1] - 1)
        heard = w.peer.hear()
        t.equal([h.at for h in heard], [new[-1] - 1], f"a keep-alive of {len(garbage)} bytes is one below the next")
        w.peer.send()
        t.equal([(h.ack, h.data) for h in w.phone.hear()], [(at[-1], b"")], "its answer comes back")
    w.peer.send(at=-1)
    t.equal([h.at for h in w.phone.hear()], [-1], "and so does one from the peer")
    w.close()


def windows(t, lab):
    """Bytes beyond the peer's window wait, a shut window is probed, one that opens filled."""
    w = puppet.Wire(lab)
    raw, wanted, at, new = texts(w, "window")
    w.peer.win = 1000       # enough for the first message, not for the next
    w.peer.send()
    w.phone.hear()
    w.phone.send(raw[0])
    w.peer.hear(lambda h: h.data)
    w.peer.take(new[1], win=1000 - new[1])
    heard = w.phone.hear()
    room = 1000 - new[1]
    t.equal([(h.ack, h.win) for h in heard], [(at[1], room)], "what is left of a window is told")
    w.phone.send(raw[1][:room])
    heard = w.settle(0.1)[0]
    t.equal([(h.ack, h.win) for h in heard], [(at[1] + room, 0)], "and that it is used up")
    t.ok(not any(h.end > 1000 for h in w.peer.heard), "nothing goes beyond it", w.peer.heard)
    w.peer.send(win=1200)
    t.equal([(h.ack, h.win) for h in w.phone.hear()], [(at[1] + room, 1200 - room)], "that it opens is told, too")
    w.phone.send(raw[1][room:])
    w.settle()
    have, wrong = puppet.stream(w.peer.heard, b"".join(wanted))
    t.ok(have == new[2] and not wrong, "the window opens: the message arrives", (have, new[2], wrong))
    edges = [h.ack + h.win for h in w.phone.heard if not h.flags & puppet.SYN]
    t.ok(edges == sorted(edges), "the right edge that the sender is told never goes back (RFC 9293 3.8.6)", edges)
    w.close()


def scaled(t, lab):
    """The same in units: what does not fill one is not told, for it would be too much (RFC 7323 2.4)."""
    w = puppet.Wire(lab, wscale=WSCALE, win=8 * UNIT, phone_win=3000)
    raw, wanted, at, new = texts(w, "scaled")
    w.peer.win = 8
    w.peer.send()
    t.equal([(h.ack, h.win) for h in w.phone.hear()], [(0, 8)], "a window of 8 units is told")
    w.phone.send(raw[0])
    w.peer.hear(lambda h: h.data)
    room = 8 * UNIT - new[1]
    w.peer.take(new[1], win=room // UNIT)
    t.equal([(h.ack, h.win) for h in w.phone.hear()], [(at[1], room // UNIT)],
            f"of the {room} bytes that are left those that fill units")
    sent = 0
    for more in (100, (room - 100) // UNIT * UNIT):
        w.phone.send(raw[1][sent:sent + more])
        sent += more
        t.equal([(h.ack, h.win) for h in w.settle(0.1)[0]], [(at[1] + sent, (room - sent) // UNIT)],
                f"so does our acknowledgement of {sent} bytes that are held")
    w.peer.send(win=16)
    t.equal([(h.ack, h.win) for h in w.phone.hear()], [(at[1] + sent, (16 * UNIT - sent) // UNIT)],
            "that the window opens is told in units, too")
    w.phone.send(raw[1][sent:])
    w.phone.send(raw[2])
    w.settle()
    have, wrong = puppet.stream(w.peer.heard, b"".join(wanted))
    t.ok(have == new[3] and not wrong, "and the messages arrive", (have, new[3], wrong))
    fields = {h.win for h in w.peer.heard if not h.flags & puppet.SYN}
    t.equal(fields, {3000}, "the phone's window stays as it is, in its own units")
    w.close()


def grown(t, lab):
    """A message that fills the window grows: the rest waits, and the router asks for room."""
    w = puppet.Wire(lab, win=SIZE)
    raw, wanted, at, new = texts(w, "grown", 2)
    w.phone.send(raw[0])
    w.settle()
    have, wrong = puppet.stream(w.peer.heard, wanted[0])
    t.ok(have == SIZE < new[1] and not wrong, f"of {new[1]} bytes as many leave as there is room for", (have, wrong))
    w.peer.take(SIZE, win=0)
    heard = w.settle()[0]
    t.ok(all(h.ack + h.win == at[1] for h in heard), "the sender is told of no room behind it", heard)
    probe = w.peer.hear(patience=5)
    t.ok(probe and all(h.end <= SIZE + 1 for h in probe), "the shut window is probed", probe)
    mark = len(w.peer.heard)
    more = w.peer.hear(patience=8)
    t.ok(more and all(h.end <= SIZE + 1 for h in more), "and again, as long as the peer is there", more)
    t.ok(lab.counters()["emit_probe"] >= 2, "counted as emit_probe", lab.counters()["emit_probe"])
    w.peer.take(SIZE, win=5000)
    w.settle()
    have, wrong = puppet.stream(w.peer.heard, wanted[0])
    t.ok(have == new[1] and not wrong, "what waited leaves at once when there is room", w.peer.heard[mark:])
    w.peer.take(new[1])
    t.equal([h.ack for h in w.phone.hear()][-1:], [at[1]], "and is acknowledged")
    w.close()


def grown_scaled(t, lab):
    """The same in units; the probes and what waited state the phone's window in its own."""
    size = 5 * UNIT
    w = puppet.Wire(lab, wscale=WSCALE, win=size, phone_win=3000)
    raw, wanted, at, new = texts(w, "units", 2, size)
    w.phone.send(raw[0])
    w.settle()
    w.peer.take(size, win=0)
    w.settle()
    seen = [(h.at, h.data, h.win) for h in w.peer.hear(patience=5)[:1]]
    t.equal(seen, [(size - 1, b"", 3000)], "in units: the shut window is probed, with the phone's window")
    mark = len(w.peer.heard)
    w.peer.take(size, win=1)
    w.settle()
    have, wrong = puppet.stream(w.peer.heard, wanted[0])
    t.ok(have == new[1] and not wrong, f"in one unit the {new[1] - size} bytes that waited leave",
         w.peer.heard[mark:])
    t.equal({h.win for h in w.peer.heard[mark:]}, {3000}, "with the phone's window, too")
    w.peer.take(new[1], win=0)
    w.settle()
    fields = {h.win for h in w.phone.heard if not h.flags & puppet.SYN}
    t.equal((w.phone.heard[-1].ack, fields), (at[1], {0}),
            "the phone is never told of a unit that is not there")
    w.close()


def too_small(t, lab):
    """A window that has become smaller than a message for good: the rest passes as it is."""
    # Sockets with small segments do that since 6.6; a quarter of hold_timeout is waited.
    Sipnat(lab.netns("router")).set(hold_timeout=8000)
    before = lab.counters()["opaque_window"]
    w = puppet.Wire(lab, win=1300)
    raw, wanted, at, new = texts(w, "small")
    for m in raw[:2]:
        w.phone.send(m)
    w.settle()
    w.peer.win = 152
    w.peer.take(new[2])
    heard = w.phone.hear()
    t.equal([(h.ack, h.win) for h in heard], [(at[2], 152)], "a window of 152 bytes is told")
    w.phone.send(raw[2][:152])
    for _ in range(10):
        if any(h.at >= new[2] and h.data for h in w.settle(0.3)[1]):
            break
        # The sender asks, the peer tells it again.
        w.phone.send(at=w.phone.nxt - 1)
        w.peer.send()
    have, wrong = puppet.stream(w.peer.heard, b"".join(wanted[:2]) + raw[2])
    t.ok(have == new[2] + 152 and not wrong, "no message fits: its bytes pass as they are, and soon",
         "\n".join(map(str, w.peer.heard)))
    t.equal(lab.counters()["opaque_window"] - before, 1, "counted as opaque_window")
    w.close()
    Sipnat(lab.netns("router")).set(hold_timeout=32000)


def unsent(t, lab):
    """An acknowledgement of bytes that wait here is none."""
    w = puppet.Wire(lab)
    raw, wanted, at, new = texts(w, "unsent")
    before = lab.counters()["ack_clamped"]
    # Behind a gap, so that the router does not acknowledge them itself meanwhile.
    w.phone.send(raw[0][100:400], at=100)
    w.peer.send(ack=400)
    heard = w.settle()[0]
    t.ok(all(h.ack == 0 for h in heard), "bytes that wait here are not acknowledged by the peer", heard)
    t.equal(lab.counters()["ack_clamped"] - before, 1, "counted as ack_clamped")
    w.phone.send(raw[0][:100], at=0)
    w.phone.send(raw[0][400:])
    w.settle()
    have, wrong = puppet.stream(w.peer.heard, wanted[0])
    t.ok(have == new[1] and not wrong, "the message arrives, whole", (have, wrong))
    w.peer.take(new[1])
    t.equal([h.ack for h in w.phone.hear()], [at[1]], "and its acknowledgement counts")
    w.close()


def test(t):
    with Lab(offload="off") as lab:
        puppet.mute(lab)
        inside(t, lab)
        sack(t, lab)
        probes(t, lab)
        windows(t, lab)
        scaled(t, lab)
        unsent(t, lab)
        too_small(t, lab)
        lab.check_valid(t)
    with Lab(offload="off", **GROWING) as lab:
        puppet.mute(lab)
        grown(t, lab)
        grown_scaled(t, lab)
        lab.check_valid(t)


ktap.main(48, test)
