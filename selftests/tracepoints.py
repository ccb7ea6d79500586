#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tracepoints say of a call what was sent, field for field.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

Segments are compared with what a capture saw in front of the router and behind
it, messages with what was written and read.
"""
import re

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.trace import Trace

EVENTS = ("sip_segment", "sip_message", "sip_edits", "sip_door", "sip_opaque")
OWN = ("sip_emit",)     # not of a call whose messages come whole


def numbers(rows, *fields):
    return [tuple(int(r[f]) for f in fields) for r in rows]


def segments(t, trace, before, after, phone):
    """Data of the phone, as it came and as it went on."""
    sport = phone.local[1]
    rows = [r for r in trace.seen("sip_segment") if r["dir"] == "orig" and r["len"] != "0"]
    came = before.segments(sport=sport, out=False)
    t.equal(numbers(rows, "seq", "ack", "len"), [(s.seq, s.ack, len(s.data)) for s in came if s.data],
            "sip_segment: seq, ack and len of the phone's data are those of the capture")
    t.equal([int(r["flags"], 16) for r in rows], [s.flags for s in came if s.data], "and so are its flags")
    went = after.segments(dport=5060, out=True)
    t.equal(numbers([r for r in rows if r["new_len"] != "0"], "new_seq", "new_ack", "new_len"),
            [(s.seq, s.ack, len(s.data)) for s in went if s.data],
            "new_seq, new_ack, new_len are those behind the router")
    t.equal([(r["verdict"], int(r["new_len"]) > 0) for r in rows],
            [("drop", False), ("carry", True), ("carry", True)],
            "a held piece, one that completes a message, one that is one")


def own(t, trace, before, after):
    """The held piece was acknowledged by nobody else."""
    rows = trace.seen("sip_emit")
    left = {(s.seq, s.ack, len(s.data)) for cap in (before, after) for s in cap.segments(out=True)}
    t.ok(("reply", "10", "0", "0") in {tuple(r[k] for k in ("dir", "flags", "len", "failed")) for r in rows}
         and set(numbers(rows, "seq", "ack", "len")) <= left,
         "sip_emit: an acknowledgement in the peer's name; all of them are in a capture", (rows, left))


def messages(t, trace, wrote):
    """wrote: direction, text as written, text as read."""
    rows = trace.seen("sip_message")
    t.equal([(r["dir"], r[""][0], int(r["hdr_len"]), int(r["body_len"])) for r in rows],
            [(d, "response" if a.startswith(b"SIP/") else "request", *map(len, sip.split(a)))
             for d, a, _ in wrote], "sip_message: direction, kind and lengths of each message")
    rows = trace.seen("sip_edits")
    t.equal([(r["dir"], int(r["old_len"]), int(r["new_len"])) for r in rows],
            [(d, len(a), len(b)) for d, a, b in wrote], "sip_edits: length before and after")
    t.ok(all(0 < int(r["nr"]) < 32 for r in rows), "and a number of edits", rows)


def doors(t, trace, call):
    def row(action, port, peer):
        return {"": [action, "udp"], "public_ep": f"{call.public.addr}:{port}",
                "inside": f"{call.me.addr}:{port}", "filter": peer}
    ports, peer = (6000, 6001), call.to.addr
    rows = trace.seen("sip_door")
    t.equal([r[""][0] for r in rows], ["reserved"] * 2 + ["open"] * 2 + ["closed"] * 2,
            "sip_door: what becomes of two doors")
    # Which of the two comes first is of no importance.
    rows.sort(key=lambda r: (["reserved", "open", "closed"].index(r[""][0]), r["inside"]))
    t.equal(rows, [row("reserved", p, "any") for p in ports]
            + [row("open", p, peer) for p in ports] + [row("closed", p, peer) for p in ports],
            "their addresses and who may send: nobody in particular, then the peer alone")


def call_traced(t, lab, trace):
    before, after = lab.capture("in1"), lab.capture("out1")
    phone, peer = lab.tcp_pair()
    call = Call(lab, phone, peer, "traced")
    text = sip.invite(call.me, call.to, call.name)
    trace.enable(*EVENTS, *OWN)
    phone.send(text[:200])
    phone.wait_acked()
    phone.send(text[200:])
    call.received()
    answer = sip.response(call.seen, 200, "OK", contact=call.to, body=sip.sdp(call.to, 7000))
    peer.send(answer)
    read = phone.recv_message()
    lab.wait_open([6000, 6001])
    bye = sip.request("BYE", call.me, call.to, call.name, 2, to_tag="to-1")
    phone.send(bye)
    bye_read = peer.recv_message()
    done = sip.response(bye_read, 200, "OK")
    peer.send(done)
    done_read = phone.recv_message()
    lab.wait_doors([])
    sock.until(lambda: len(trace.seen("sip_door")) >= 6 or None, "doors close", 3)
    segments(t, trace, before, after, phone)
    own(t, trace, before, after)
    messages(t, trace, [("orig", text, call.seen), ("reply", answer, read), ("orig", bye, bye_read),
                        ("reply", done, done_read)])
    doors(t, trace, call)
    rows = [r for e in ("sip_segment", "sip_message", "sip_edits") for r in trace.seen(e)]
    t.equal(len({r["conn"] for r in rows}), 1, "all of them are of one connection")
    t.equal([x for x in trace.lines() if "alice" in x or "traced" in x], [], "no payload is in the trace")
    return call, rows[0]["conn"]


def opaque(t, trace, call, conn):
    call.phone.send(b"no SIP at all\r\n")
    call.peer.recv_exact(15)
    t.equal(trace.seen("sip_opaque"), [{"": [], "conn": conn, "reason": "opaque_start_line"}],
            "sip_opaque: connection and reason, once")


def alone(t, lab, trace):
    for event in EVENTS:
        trace.enable(event)
        phone, peer = lab.tcp_pair()
        call = Call(lab, phone, peer, f"alone-{event}")
        call.invite()
        call.accept()
        call.bye()
        lab.wait_doors([])
        phone.send(b"no SIP at all\r\n")
        peer.recv_exact(15)
        names = {m[1] for m in (re.search(r" (\w+): ", x) for x in trace.lines()) if m}
        t.equal(names, {event}, f"{event} alone")
    trace.enable()
    phone, peer = lab.tcp_pair()
    Call(lab, phone, peer, "off").establish().bye()
    t.equal(trace.lines(), [], "switched off: not a line")


def test(t):
    with Lab(attach="ports") as lab:
        if lab.helper != "ours":
            raise ktap.Skip("only nf_nat_sip_tcp has these tracepoints")
        trace = Trace()
        try:
            call, conn = call_traced(t, lab, trace)
            opaque(t, trace, call, conn)
            alone(t, lab, trace)
        finally:
            trace.close()


ktap.main(4 + 1 + 3 + 4 + 1 + len(EVENTS) + 1, test)
