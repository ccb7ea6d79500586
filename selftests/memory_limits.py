#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Very many connections that each hold half a message: the cap holds, calls go on.

    phone1 192.168.122.3 ------.
                                 router 10.1.1.1 ---- peer1 10.1.1.10
    50 hosts 192.168.123.x ----'

The hosts write the first half of an INVITE and no more.  The router holds it,
acknowledges it and waits.  Meanwhile phone1 makes calls.

NSIP_HALVES: how many of them (3000, on a debug kernel half of it; 50000 with the default mem_max need a guest
with 3 GB: vm/run -m 3072)
"""
import os
import time

from nsip import ktap, sip, sock
from nsip.flood import Flood
from nsip.lab import Lab
from nsip.tool import Sipnat
from nsip.traffic import Traffic

DEBUG = "-debug" in os.uname().release
HALVES = int(os.environ.get("NSIP_HALVES", "1500" if DEBUG else "3000"))
HOSTS = 50
# All halves together would take more; 1 MiB is the least that can be set.
MEM_MAX = 64 << 20 if HALVES >= 50000 else max(HALVES * 1100, 1 << 20)
# A slow machine must not look like a time-out.
PATIENCE_MS = 300 * 1000
RATE = 2                # calls a second
# What the traffic of both ends takes from the same caches while it lasts.
SLACK = 256 << 10


def slab(name):
    """Bytes in a cache of the kernel: used, and with what is free in its pages."""
    with open("/proc/slabinfo", encoding="ascii") as f:
        for line in f:
            w = line.split()
            if w[0] == name:
                return int(w[1]) * int(w[3]), int(w[14]) * int(w[5]) * 4096
    return 0, 0


def half(lab, i):
    """The first bytes of an INVITE of the host; less than 512 with our head."""
    me = lab.party("phone2").at(addr=Flood.addr(i % HOSTS))
    return sip.invite(me, lab.party("peer1"), f"half-{i}", 6000)[:400]


class Watch:
    """The most that there ever was, by the module's figures and by the kernel's."""

    def __init__(self, tool):
        self.tool, self.base, self.used, self.objects, self.blocks = tool, 0, 0, 0, 0
        self.base = slab("kmalloc-512")[0]

    def look(self):
        self.used = max(self.used, self.tool.show("memory")["used"])
        self.objects = max(self.objects, slab("nf_nat_sip_tcp")[0])
        self.blocks = max(self.blocks, slab("kmalloc-512")[0] - self.base)

    def __str__(self):
        return (f"module {self.used}, slab nf_nat_sip_tcp {self.objects}, "
                f"kmalloc-512 {self.blocks} more than before")


def send_halves(lab, flood, watch):
    start = time.monotonic()
    for i in range(flood.n):
        flood.send(i, half(lab, i))
        if i % (flood.n // 20) == 0:
            watch.look()
    watch.look()
    return time.monotonic() - start


def problems(lab):
    words = "mem", "opaque", "share", "reset", "backlog", "unparsed", "failed"
    return {k: v for k, v in lab.counters().items() if v and any(w in k for w in words)}


def many_halves(t, lab, tool):
    flood = Flood(lab, HALVES, HOSTS)
    start = time.monotonic()
    flood.connect()
    t.note(f"{HALVES} connections in {time.monotonic() - start:.0f} s")
    watch = Watch(tool)
    traffic = Traffic(lab, connections=4, rate=RATE)
    traffic.until("ended", 4, 60)
    before = traffic.command("loaded")["plain"]
    took = send_halves(lab, flood, watch)
    t.note(f"{HALVES} halves in {took:.0f} s, mem_max {MEM_MAX}: {watch}")
    traffic.until("ended", 10, 120)
    for _ in range(20):
        watch.look()
        time.sleep(0.1)
    figures = tool.show("memory")
    t.note(figures)
    t.ok(watch.used <= MEM_MAX and figures["peak"] <= MEM_MAX,
         f"{HALVES} halves of messages: memory was never above mem_max", figures)
    # Objects are made by what they need, so a size of 0 would say nothing.  A debug
    # kernel puts red zones around them and keeps those that were freed.
    if not DEBUG:
        t.ok(0 < watch.objects and watch.objects + watch.blocks <= MEM_MAX + SLACK,
             "nor was it by the kernel's own account", watch)
    count = lab.counters()
    t.ok(count["opaque_mem"] + count["opaque_share"] > HALVES / 20 and not count["conn_nomem"],
         "the largest and oldest went opaque, and nobody was turned away",
         problems(lab))
    raw_halves(t, lab, flood)
    stat = traffic.command("stop", 120)
    t.ok(stat["ended"] > 14 and stat["plain"] == before == 0 and not traffic.complaints,
         "the calls of a phone that holds nothing for long all succeeded meanwhile, translated",
         "\n".join([str(stat), str(problems(lab)), *traffic.complaints[:10]]))
    traffic.kill()
    flood.close()
    given_back(t, lab, tool)


def raw_halves(t, lab, flood):
    """What went opaque was delivered as it was written."""
    got = flood.arrived()
    wrong = [port for port, data in got.items()
             if data != half(lab, port - flood.port(0))]
    t.ok(len(got) > HALVES / 20 and not wrong,
         "what they had held was delivered as it was written", f"{len(got)} {wrong[:5]}")


def given_back(t, lab, tool):
    # Of closed connections conntrack keeps the entry for two minutes.
    lab.conntrack("-F")
    try:
        sock.until(lambda: tool.show("memory")["used"] == 0, "")
    except sock.Timeout:
        pass
    left = tool.show("memory")
    t.ok(left["used"] == 0, "with the connections all memory has gone", left)


def part(lab, addr, size):
    """`size` bytes of an INVITE whose description is longer."""
    me = lab.party("phone1").at(addr=addr)
    body = sip.sdp(me, 6000, [f"a=x-{i}:{'x' * 50}" for i in range(1050)])
    return sip.request("INVITE", me, lab.party("peer1"), f"part-{size}", body=body,
                       extra=["Content-Type: application/sdp"])[:size]


def holder(lab, phone, size):
    """A connection of a phone that holds that much."""
    near, far = lab.tcp_pair(phone)
    near.send(part(lab, lab.addr(phone), size))
    near.wait_acked()
    return near, far


def fates(tool, holders):
    """What has become of connections: "followed", or why not; None: left alone."""
    now = {c["client"]["port"]: c["state"] if c["state"] != "opaque" else c["reason"]
           for c in tool.show("connections") if c["server"]["port"] == 5060}
    return [now.get(near.local[1]) for near, _ in holders]


def wait_counter(lab, name):
    try:
        sock.until(lambda: lab.counters()[name], "", 5)
    except sock.Timeout:
        pass
    return lab.counters()[name]


def largest_first(t, lab, tool):
    """Three of 64 KiB, 32, 8, and many small ones until there is too much."""
    sizes = [60000, 60000, 60000, 20000, 5000]
    holders = [holder(lab, "phone1", size) for size in sizes]
    flood = Flood(lab, 600, HOSTS)
    flood.connect()
    i = 0
    while not lab.counters()["opaque_mem"] and i < flood.n:
        for _ in range(10):
            flood.send(i, half(lab, i))
            i += 1
    wait_counter(lab, "opaque_mem")
    data = holders[0][1].recv_up_to(sizes[0])
    t.ok(data == part(lab, lab.addr("phone1"), sizes[0]) and i > 50,
         f"mem_max is near after {i} halves: the oldest of the largest went on as it was",
         f"{len(data)} bytes, {fates(tool, holders)}")
    t.equal((fates(tool, holders)[3:], lab.counters()["opaque_mem"] <= 3, len(flood.arrived())),
            (["followed"] * 2, True, 0), "smaller ones are followed, large or many or old as they are")
    flood.close()


def share(t, lab, tool):
    """A host that is alone may have half of the whole, then others come first."""
    modest = [holder(lab, "phone2", 12000) for _ in range(8)]
    greedy = [holder(lab, "phone1", 12000) for _ in range(40)]
    count = wait_counter(lab, "opaque_share")
    t.ok(count and not lab.counters()["opaque_mem"],
         f"{count} connections of a host that holds more than its share went opaque")
    seen = fates(tool, greedy)
    t.ok(seen[-1] == "followed" and seen[0] != "followed", "its oldest first, its newest not", seen)
    t.equal(fates(tool, modest), ["followed"] * len(modest), "those of another host did not")


def test(t):
    with Lab(quiet=True, phones=2, sip_ports="5060,5062") as lab:
        tool = Sipnat(lab.netns("router"))
        tool.set(mem_max=MEM_MAX, hold_timeout=PATIENCE_MS)
        many_halves(t, lab, tool)
    if HALVES > 10000:
        return
    for check in largest_first, share:
        with Lab(quiet=True, phones=2, sip_ports="5060,5062") as lab:
            tool = Sipnat(lab.netns("router"))
            tool.set(mem_max=1 << 20, body_max=65535, hold_timeout=PATIENCE_MS)
            check(t, lab, tool)
            lab.check_valid(t)


ktap.main((6 if HALVES > 10000 else 13) - DEBUG, test)
