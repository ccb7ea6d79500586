#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Generated call flows on real sockets do what their model says.

    4 networks of phones ---- router ---- 4 peers, and a host of media servers
                         203.0.113.1 and .2, 2101:e00::1 and ::2

The flows, and what they mean, are those of selftests/calls: calls, forks, re-INVITEs,
failures, transfers, registrations in random interleaving, over several connections
and phones, with what others say that must do nothing.  Each message must be read as
the model renders it for the other side.  At moments that the dice choose the router
must have the doors that the model has then, no other ones, and packets are sent to
all of them: through those that are open for who sends, and to those that are
reserved, closed, open for somebody else, or gone.

Calls that nobody ends (see calls/script.c) are left to the router's timers, which are
as short as a seed allows; behind the last seed nothing may be left.

NSIP_SEED: what the seeds are chosen by; NSIP_FIRST: the first one itself, to play it
again; NSIP_FLOWS: how many flows (150; make check-long: 1,000)
"""
import os
import time

from nsip import ktap, script, sock
from nsip.flownet import FlowNet
from nsip.flows import Seed, Tally

FLOWS = int(os.environ.get("NSIP_FLOWS", "150"))
FIRST = int(os.environ.get("NSIP_FIRST") or int(os.environ.get("NSIP_SEED", "1")) * 1000)
# No seed should take that long (flows.SLOW), and what is left does: a BYE is taken for
# lost after 32 s.
SHORT, IDLE = 30, 10    # the shortest that media_idle may be
ENOUGH = 3              # seeds that fail, to be told of
NOTHING = ([0] * 4, [0] * 5, [])
EXPECTATIONS = "/proc/sys/net/netfilter/nf_conntrack_expect_max"


def number(path, value=None):
    """What stands there; and what is to stand there from now on."""
    with open(path, "r+", encoding="ascii") as f:
        old = int(f.read())
        if value is not None:
            f.seek(0)
            f.write(str(value))
    return old


def claim(t, tally, name, text):
    broken = tally.of(name)
    t.ok(not broken, text, "\n".join(broken[:ENOUGH]))


def left(net):
    """What there is when all has ended."""
    tool = net.tool
    memory = tool.show("memory")
    return ([len(tool.show(noun)) for noun in ("connections", "calls", "bindings", "doors")],
            [memory[k] for k in ("connections", "calls", "bindings", "anchors", "doors")], net.expectations())


def reaped(net):
    """Conntrack forgets what has expired within a minute, and at once where somebody lists it."""
    for family in ("ipv4", "ipv6"):
        net.conntrack("-L", "-f", family)
    return left(net)


def all_over(net):
    net.tool.set(media_idle=IDLE)
    try:
        sock.until(lambda: reaped(net) == NOTHING, "", 3 * SHORT)
    except sock.Timeout:
        pass
    return left(net), NOTHING


def play(net, seeds):
    tally, taken = Tally(), set()
    start = time.monotonic()
    for steps in seeds:
        Seed(net, steps, tally, taken).play()
        if len(tally.broken) >= ENOUGH:
            break
    tally["seconds"] = round(time.monotonic() - start)
    return tally


def claims(t, net, tally, strays):
    t.note(", ".join(f"{v} {k}" for k, v in sorted(tally.items())))
    slow = tally["flows of seeds that took too long"]
    t.ok(tally["flows"] >= max(FLOWS - slow, FLOWS / 2), f"{FLOWS} flows are played to their end",
         f"{tally['flows']}, and {slow} of seeds that took longer than a timer")
    claim(t, tally, "messages", "each message arrives whole, as the model renders it for the other side")
    claim(t, tally, "doors", "the doors are those of the model, each reserved or open for whom, and leads where it says")
    claim(t, tally, "calls", "so are the calls and the registrations")
    claim(t, tally, "media", "what may pass a door arrives at its call's inside port and is answered from its public "
          "one; nothing else arrives anywhere")
    t.equal(net.strays(), strays, "and nothing at a port that no call has named")
    t.equal(*all_over(net), "when all has ended no connection, call, binding, door or expectation is left")
    net.check_valid(t)


def test(t):
    # Those with the same settings follow one another.
    seeds = sorted(script.written(FIRST, FLOWS), key=Seed.settings)
    t.note(f"{len(seeds)} seeds from {FIRST} on; one again: NSIP_FIRST=SEED NSIP_FLOWS=1")
    with FlowNet(seeds) as net:
        net.tool.set(ringing_timeout=SHORT)
        # What is over is forgotten soon.
        net.run("router", "sysctl", "-qw", *(f"net.netfilter.nf_conntrack_{k}" for k in (
            "tcp_timeout_close=1", "udp_timeout=15", "udp_timeout_stream=15")), show=False)
        room = number(EXPECTATIONS, 65536)
        try:
            strays = net.strays()
            claims(t, net, play(net, seeds), strays)
        finally:
            number(EXPECTATIONS, room)


ktap.main(8, test)
