#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""2,000 calls are set up on one connection before the first audio: all are heard both ways.

    phone1 (a trunk) 192.168.122.3 ==== one TCP connection ==== peer1 10.1.1.10
    RTP of call i: 20000 + 2 * i      router 10.1.1.1       RTP: 20000 + 2 * i
                          (initial namespace, ports=5060, masquerade random)

Nothing is set but what Documentation/examples/modprobe.conf sets.  Without that
the kernel has room for some hundreds: these are heard, the description of each of
the others arrives as it was written, and that is counted.
"""
import os
import subprocess

from nsip import ktap, lab, sock
from nsip.bulk import Audio, Bulk
from nsip.ktap import Skip
from nsip.tool import Sipnat

CALLS = int(os.environ.get("NSIP_CALLS", "2000"))
EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                       "Documentation", "examples", "modprobe.conf")
PARAMETER = "/sys/module/nf_conntrack/parameters/expect_hashsize"


def unload(module):
    """It and what stands on it; namespaces of earlier tests may be on their way out."""
    holders = f"/sys/module/{module}/holders"
    if not os.path.isdir(holders):
        return not os.path.isdir(f"/sys/module/{module}")
    return all([unload(m) for m in os.listdir(holders)]) and not subprocess.run(
        ["rmmod", module], check=False, capture_output=True).returncode


def fresh_conntrack(*options):
    """nf_conntrack loaded anew, its table of expectations made anew; its size."""
    if not os.path.isdir("/run/guest") and "NSIP_INITIAL_NS" not in os.environ:
        raise Skip("would unload this machine's nf_conntrack: run it by vm/run")
    if os.path.isdir("/sys/module/nf_conntrack"):
        sock.until(lambda: unload("nf_conntrack"), "nf_conntrack does not unload", 30)
    subprocess.run(["modprobe", *options, "nf_conntrack"], check=True)
    with open(PARAMETER, encoding="ascii") as f:
        return int(f.read())


def room(net):
    """Expectations that the kernel allows."""
    return int(net.run("router", "sysctl", "-n", "net.netfilter.nf_conntrack_expect_max"))


def numbers(calls):
    return [int(c.name.removeprefix("call-")) for c in calls]


def heard(t, net, calls, claim):
    """In every other call the phone speaks first, in the others the peer."""
    audio, wrong = Audio(net, calls), []
    for n, ways in enumerate(((audio.outward, audio.inward), (audio.inward, audio.outward))):
        flows = [i for i in range(2 * len(calls)) if i // 2 % 2 == n]
        for way in ways:
            wrong += way(flows)
    audio.close()
    t.ok(not wrong, claim, "\n".join([f"{len(wrong)} wrong:", *map(str, wrong[:8])]))


def counted(net, *names):
    count = net.counters()
    return [count[name] for name in names]


def left(net):
    """Doors, and calls, when all have ended."""
    doors = net.wait_doors([])
    return len(doors), len(Sipnat().show("calls"))


def all_fit(t):
    size = fresh_conntrack("-C", EXAMPLE)
    with lab.Lab(attach="ports", nat="random") as net:
        bulk = Bulk(net, CALLS)
        bulk.set_up()
        t.equal((size, len(bulk.translated()), len({c.public_rtp for c in bulk.calls})),
                (16384, CALLS, CALLS),
                f"with the example's setting {CALLS} INVITEs arrive translated, each with a port of its own")
        t.equal((len(net.open_doors()), counted(net, "door_used", "door_bound", "door_expect_full")),
                (2 * CALLS, [0, 0, 0]), "before any audio each call has two open doors")
        heard(t, net, bulk.calls, f"{CALLS} calls are heard both ways, whoever speaks first,"
              " from the advertised ports")
        t.equal(counted(net, "door_used", "door_bound", "door_clash"), [CALLS, CALLS, 0],
                "half of the flows came in by the doors, half left by them")
        bulk.bye(bulk.calls)
        t.equal(left(net), (0, 0), "after the last BYE no door and no call is left")
        net.check_valid(t)


def some_fit(t):
    size = fresh_conntrack("-C", os.devnull)
    with lab.Lab(attach="ports", nat="random") as net:
        fit = room(net) // 2
        bulk = Bulk(net, CALLS)
        bulk.set_up()
        t.ok(size < 16384 and 0 < fit < CALLS, f"without it the kernel has room for {fit} calls", (size, fit))
        t.same(numbers(bulk.translated()), list(range(fit)), f"the first {fit} INVITEs arrive translated")
        t.same(numbers(bulk.untouched()), list(range(fit, CALLS)),
               f"the other {CALLS - fit} arrive with the description that the phone wrote, and translated headers")
        t.equal(counted(net, "door_expect_full", "sdp_no_port", "door_reserved", "door_opened", "door_failed"),
                [CALLS - fit, CALLS - fit, 2 * fit, 2 * fit, 0], "each of them is counted, and opens no door")
        heard(t, net, bulk.calls[:fit], "those that were translated are heard both ways")
        bulk.bye(bulk.calls[:1])
        again = Bulk(net, 1, 30000)
        again.set_up()
        t.equal(len(again.translated()), 1, "when one has ended there is room for another")
        again.bye(again.calls)
        bulk.bye(bulk.calls[1:])
        t.equal(left(net), (0, 0), "after the last BYE no door and no call is left")
        net.check_valid(t)


def test(t):
    try:
        all_fit(t)
        some_fit(t)
    finally:
        # The next test finds what it would have found without this one.
        fresh_conntrack()


ktap.main(6 + 8, test)
