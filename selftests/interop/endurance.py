# SPDX-License-Identifier: GPL-2.0-only
"""Many calls in a row between two phones behind two NATs, with loss."""
import gc
import os
import time

from nsip import ktap, sock

from .baresip import Baresip
from .phone import Failed
from .scene import Scene, call, end

ROUND = 10          # calls between two words on how it goes


def slabs():
    """Kilobytes that the kernel cannot give back."""
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("SUnreclaim:"))


def one(scene, n):
    """One call with audio both ways, by turns in both directions and ended by both."""
    a, c = scene.phones["alice"], scene.phones["carol"]
    caller, called = (a, c) if n % 2 == 0 else (c, a)
    call(caller, called, f"call {n + 1}")
    end(*((caller, called) if n % 4 < 2 else (called, caller)))


def many(scene, calls):
    """Those without audio both ways: [(number, why)]."""
    failed, begun = [], time.monotonic()
    for n in range(calls):
        try:
            one(scene, n)
        except Failed as e:
            failed.append((n + 1, str(e)))
            print(f"# call {n + 1}: {e}", flush=True)
            scene.tidy()
            scene.want("alice", "carol")
        if (n + 1) % ROUND == 0:
            print(f"# {n + 1} calls, {n + 1 - len(failed)} with audio both ways, "
                  f"{(time.monotonic() - begun) / (n + 1):.1f} s each; SUnreclaim {slabs()} kB", flush=True)
    return failed


def memory(scene):
    """What the module counts at both NATs, but for its highest mark: that of what was there."""
    return {nat: {k: v for k, v in m.items() if k != "peak"} for nat, m in scene.net.memory().items()}


def test(t, calls, loss):
    with Scene("ours", Baresip, Baresip) as scene:
        scene.want("alice", "carol")
        one(scene, 0)           # tables that are made once are made now
        scene.net.wait_left()
        if loss:
            scene.net.loss(loss)
        failed = many(scene, calls)
        t.ok(not failed, f"{calls} calls between phones behind two NATs with {loss:g} % loss: all with audio both ways",
             "\n".join(f"call {n}: {why}" for n, why in failed))
        t.equal(scene.net.wait_left(), [], "no call, door or expectation of theirs is left at either NAT")
        lost = scene.net.lost()
        t.ok(lost or not loss, f"{lost} packets were lost on the way")
        if loss:
            scene.net.loss(0)
        for p in scene.phones.values():
            scene.off(p)
        scene.server.stop()
        t.equal(scene.net.wait_left(registrations=True), [], "nor of the registrations, when the phones are off")
        for nat in scene.net.nats:
            scene.net.run(scene.net.nats[nat], "conntrack", "-F", show=False)
        gc.collect()

        def empty():
            return all(m["connections"] == 0 and m["used"] == 0 for m in memory(scene).values())
        try:
            sock.until(empty, "memory", 20)
        except sock.Timeout:
            pass
        t.ok(empty(), "and the module holds no memory, when conntrack has no connection", memory(scene))


def run(calls, loss):
    t = ktap.Ktap(5)
    begun = time.monotonic()
    print(f"# {calls} calls, {loss:g} % loss, kernel {os.uname().release}", flush=True)
    test(t, calls, loss)
    print(f"# {time.monotonic() - begun:.0f} s", flush=True)
    return t.end()
