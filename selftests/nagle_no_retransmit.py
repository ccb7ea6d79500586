#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A Nagle sender whose messages take two segments never has to repeat one.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    Nagle on                                       acknowledges late (RFC 1122 4.2.3.2)

Written in two pieces, the second waits at the sender until the first is
acknowledged (RFC 1122 4.2.3.4, in Minshall's form), which the router holds back:
it acknowledges that in the peer's name, and before the sender repeats anything.
First with time-outs of two seconds, in which nothing excuses a repeat; then with
the kernel's own, of 200 ms and a round trip.  An emulated machine may stand still
for as long, hence some tries, each a connection of its own that must be without
fault as a whole: an acknowledgement that is late by design spoils them all.
"""
import socket

from nsip import ktap, path, sip, sock
from nsip.lab import Lab

MESSAGES = 12
CUTS = (1, 17, 120, 250)
TRIES = 6
# A sender begins with the second before it has measured anything (RFC 6298 2.1), µs.
MIN_RTO, FIRST_RTO = 200000, 1000000


def late_acks(end):
    """Linux acknowledges the first segments of a connection at once, others late."""
    end.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def exchange(lab, v, phone, peer, alone):
    """MESSAGES requests in two pieces each; those that did not arrive as they must.

    With `alone` each is written when the one before was acknowledged; otherwise
    Nagle joins the first half to what the sender has not sent yet.
    """
    me, to, public = lab.party("phone1", v), lab.party("peer1", v), lab.public(v, peer.remote[1])
    wrong = []
    for i in range(MESSAGES):
        sent, wanted = (sip.request("OPTIONS", who, to, f"nagle-{alone}-{i}") for who in (me, public))
        late_acks(peer)
        at = CUTS[i % len(CUTS)]
        phone.send(sent[:at])
        phone.send(sent[at:])
        got = peer.recv_up_to(len(wanted))
        if got != wanted:
            wrong.append((i, got))
        if alone:
            phone.wait_acked()
    return wrong


def passes(segments):
    """(data segments, of these repeated, half messages, of these acknowledged while
    the other half was at the sender) as the router's inside link saw them."""
    data = [(i, s) for i, s in enumerate(segments) if s.data and not s.out]
    repeated = sum(s.seq < max(x.seq + len(x.data) for _, x in data[:n])
                   for n, (_, s) in enumerate(data) if n)
    halves = waited = 0
    for n, (i, s) in enumerate(data[:-1]):
        if s.data[-4:] == b"\r\n\r\n":
            continue
        halves += 1
        after = data[n + 1][0]
        waited += any(a.out and not a.data and a.ack == s.seq + len(s.data) for a in segments[i:after])
    return len(data), repeated, halves, waited


def one(t, lab, v):
    phone, peer = lab.tcp_pair(v=v)
    phone.nodelay(False)
    cap = lab.capture("in1")
    mib, before = path.Mib(lab, "phone1", "peer1"), lab.counters()["ack_spoofed"]
    wrong = exchange(lab, v, phone, peer, True)
    t.ok(not wrong, f"IPv{v}: {MESSAGES} messages arrive, rewritten", wrong)
    spoofed = lab.counters()["ack_spoofed"] - before
    n, repeated, halves, waited = passes(cap.segments(sport=phone.local[1]) and cap.segments())
    t.equal((n, halves), (2 * MESSAGES, MESSAGES), f"IPv{v}: each in two segments")
    t.equal((repeated, waited), (0, MESSAGES),
            f"IPv{v}: each first half was acknowledged before anything else came, and came once")
    wrong = exchange(lab, v, phone, peer, False)
    t.ok(not wrong, f"IPv{v}: so they do one behind the other", wrong)
    t.equal(phone.retransmissions, 0, f"IPv{v}: the sender's count of repeats (TCP_INFO) is 0")
    t.equal(mib.since("RetransSegs", *path.TIMEOUTS), {}, f"IPv{v}: nor did any host repeat, or time out")
    t.equal(spoofed, MESSAGES, f"IPv{v}: counted as ack_spoofed, once a message")
    sock.hang_up(phone, peer)


def attempt(lab, v):
    """A connection with the kernel's own time-outs: (the sender's at its end, faults)."""
    phone, peer = lab.tcp_pair(v=v)
    phone.nodelay(False)
    cap, mib = lab.capture("in1"), path.Mib(lab, "phone1", "peer1")
    wrong = exchange(lab, v, phone, peer, True)
    n, repeated, halves, waited = passes(cap.segments())
    moved = mib.since("RetransSegs", *path.TIMEOUTS)
    faults = [wrong] if wrong else []
    if (n, repeated, halves, waited) != (2 * MESSAGES, 0, MESSAGES, MESSAGES) or phone.retransmissions or moved:
        faults.append(f"{n} segments, {repeated} repeated, {halves} halves, {waited} of them acknowledged "
                      f"before anything else, TCP_INFO says {phone.retransmissions} repeats; {moved}")
    rto = phone.rto
    sock.hang_up(phone, peer)
    cap.close()
    return rto, faults


def real(t, lab, v):
    rto, seen = 0, []
    while len(seen) < TRIES and [] not in seen:
        rto, faults = attempt(lab, v)
        seen.append(faults)
        if faults:
            t.note(faults)
    t.ok(seen[-1] == [], f"IPv{v}: with a time-out of {rto // 1000} ms each first half was acknowledged before "
         f"anything else came, the sender repeated nothing (try {len(seen)} of {TRIES})", seen)
    t.ok(MIN_RTO <= rto < FIRST_RTO, f"IPv{v}: that is the kernel's own, as measured (TCP_INFO)", rto)


def test(t):
    with Lab() as lab:
        for v in (4, 6):
            one(t, lab, v)
        lab.check_valid(t)
    with Lab(timers="real") as lab:
        path.no_tail_probes(lab, "phone1", "peer1")
        for v in (4, 6):
            real(t, lab, v)
        lab.check_valid(t)


ktap.main(20, test)
