#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""One allocation in 20 fails: streams arrive right or are reset, and that is counted.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
                                |
           failslab: allocations with the module among their callers

Want of memory may cost translation, of a message or of a connection, but never
a byte; no kernel complaint and no leak follows from it (the test bed's verdict).
Needs CONFIG_FAILSLAB with its stack trace filter, as in the debug kernel.
"""
import os
import re
import subprocess

from nsip import ktap, sip, sock
from nsip.lab import Lab

FAILSLAB = "/sys/kernel/debug/failslab"
ROUNDS, CALLS = 8, 12
# One in 20; all but those that may wait, which the kernel does not let fail.
SETTINGS = {"probability": 5, "interval": 1, "times": 1000000, "space": 0, "verbose": 0,
            "ignore-gfp-wait": "Y", "task-filter": "N"}


def knob(name, value=None):
    with open(f"{FAILSLAB}/{name}", "r" if value is None else "w", encoding="ascii") as f:
        return f.read().strip() if value is None else f.write(str(value))


def text_of_module():
    """Where the module's functions are: first and last address."""
    with open("/proc/kallsyms", encoding="ascii") as f:
        at = [int(line.split()[0], 16) for line in f
              if line.rstrip().endswith("[nf_nat_sip_tcp]") and line.split()[1] in "tT"]
    return min(at), (max(at) | 0xfff) + 1


class Failing:
    """Within, allocations of the module fail."""

    def __enter__(self):
        start, end = text_of_module()
        knob("require-start", start)
        knob("require-end", end)
        for name, value in SETTINGS.items():
            knob(name, value)
        self.failed = 0
        return self

    def __exit__(self, *_):
        knob("probability", 0)
        self.failed = SETTINGS["times"] - int(knob("times"))
        knob("require-start", 0)
        knob("require-end", 0xffffffffffffffff)


def fate_of(got, forms):
    """Which of the allowed forms a message has, or what it was instead."""
    return next((name for name, form in forms.items() if got == form), got)


def media_port(msg):
    """Port of the audio of a description; 0: there is none."""
    found = re.search(rb"m=audio (\d+) ", msg)
    return int(found[1]) if found else 0


class Stream:
    """One connection with calls on it; each message's fate."""

    def __init__(self, lab):
        self.phone, self.peer = lab.tcp_pair()
        self.me, self.to = lab.party("phone1"), lab.party("peer1")
        self.public = lab.public(port=self.peer.remote[1])
        self.fates = []
        self.unread = []        # ports of calls of which a message went by unread

    def outward(self, method, name, cseq, rtp=None, **more):
        """The phone sends; the peer reads it translated, without its SDP, or as sent.

        Where no door could be made for a port, the media may get another pair.
        """
        def form(me, media, port):
            body = sip.sdp(media, port) if rtp else ""
            return sip.request(method, me, self.to, name, cseq, body=body, **more)
        sent = form(self.me, self.me, rtp)
        self.phone.send_parts([sent[:333], sent[333:]] if sent[333:] else [sent])
        got = self.peer.recv_message()
        port = media_port(got) if rtp else None
        forms = {"right": form(self.public, self.public, rtp), "raw": sent,
                 "half": form(self.public, self.me, rtp)}
        if rtp and port != rtp and port % 2 == 0 and port >= 1024:
            forms["moved"] = form(self.public, self.public, port)
        self.fates.append(fate_of(got, forms))
        return sent, got, port

    def inward(self, sent, got, status, reason, **more):
        """The peer answers what it got; the phone reads the answer to what it sent, or as sent."""
        raw = sip.response(got, status, reason, contact=self.to, **more)
        self.peer.send(raw)
        self.fates.append(fate_of(self.phone.recv_message(), {
            "right": sip.response(sent, status, reason, contact=self.to, **more), "raw": raw}))

    def call(self, name, rtp):
        sent, got, port = self.outward("INVITE", name, 1, rtp)
        self.unread += [port, port + 1]
        self.inward(sent, got, 180, "Ringing")
        self.inward(sent, got, 200, "OK", body=sip.sdp(self.to, 7000))
        self.outward("ACK", name, 1, to_tag="to-1")
        sent, got, _ = self.outward("BYE", name, 2, to_tag="to-1")
        self.inward(sent, got, 200, "OK")

    def run(self, n):
        """All calls, or those until the connection is reset."""
        try:
            for i in range(CALLS):
                before = len(self.fates)
                self.call(f"call-{n}-{i}", 6000 + 2 * (CALLS * n + i))
                if set(self.fates[before:]) <= {"right", "moved"}:
                    self.unread[-2:] = []
        except ConnectionError as e:
            self.fates.append("reset")
            print(f"# {type(e).__name__}: {e}", flush=True)
        self.phone.close(reset=True)
        self.peer.close()


def one(t, lab, n, allowed=("right", "moved", "half", "raw", "reset")):
    """One connection; the ports of calls that may not have been seen to end."""
    before = lab.counters()["reset"]
    stream, why = None, ""
    try:
        stream = Stream(lab)
        stream.run(n)
    except (sock.Timeout, OSError) as e:
        why = f"{type(e).__name__}: {e}"
    fates = stream.fates if stream else []
    resets = lab.counters()["reset"] - before
    seen = {name: fates.count(name) for name in allowed}
    t.ok(not why and sum(seen.values()) == len(fates) and (resets or "reset" not in fates),
         f"connection {n}: {seen}: no byte lost or changed, a reset is counted",
         f"{why}\n{[f for f in fates if f not in seen]}\nresets counted: {resets}")
    return stream.unread if stream else []


def wanted(lab):
    """Counters that tell of want of memory."""
    return {k: v for k, v in lab.counters().items()
            if v and (k.endswith("_nomem") or k in ("reset", "emit_failed", "door_failed", "conn_seqadj"))}


def test(t):
    if not os.path.exists(FAILSLAB):
        subprocess.run(["mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug"], check=False,
                       capture_output=True)
    if not os.path.exists(f"{FAILSLAB}/require-start"):
        raise ktap.Skip("this kernel has no failslab with a stack trace filter")
    unread = []
    with Lab(timers="real") as lab:
        with Failing() as failing:
            for n in range(ROUNDS):
                unread += one(t, lab, n)
        t.ok(failing.failed >= 50, "allocations did fail", failing.failed)
        t.note(f"{failing.failed} allocations failed")
        t.ok(wanted(lab), "and what came of it is counted by name", lab.counters())
        t.note(wanted(lab))
        one(t, lab, ROUNDS, allowed=("right",))
        try:
            sock.until(lambda: set(lab.doors()) <= set(unread), "doors")
        except sock.Timeout:
            pass
        left = lab.doors()
        t.ok(set(left) <= set(unread), "no door is left but of calls of which a message went by unread",
             f"left {left}, those calls {unread}")


ktap.main(ROUNDS + 4, test)
