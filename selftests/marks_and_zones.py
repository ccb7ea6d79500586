#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A call's media is related to it, has the marks of its signalling, stays in its zone.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3          2001:db8:1::1        2001:db8:1::10
    rules mark and label the connection to port 5060 and count what media matches

    zone 1: phone1 192.168.122.3 ---.
                                     router 10.1.1.1 ---- peer1 10.1.1.10
    zone 2: phone2 192.168.122.3 ---'
    the same inside address twice; what goes inside is routed by the mark
"""
import re
import time

from nsip import ktap, sock
from nsip.call import Call
from nsip.lab import Lab

MARK, LATER, LABEL = 42, 7, 5
WHAT = {"mark": f"ct mark {MARK}", "later": f"ct mark {LATER}", "label": f"ct label {LABEL}",
        "related": "ct state related", "helper": "ct helper \"sip_tcp\""}
SIDES = {"in": "out", "out": "in"}      # direction: prefix of the device it comes from


def rules(lab):
    counts = [(side, what) for side in SIDES for what in WHAT]
    return "\n".join([
        "table inet look {", *(f"counter {side}_{what} {{ }}" for side, what in counts),
        "chain marking { type filter hook prerouting priority mangle;",
        f"iifname {lab.dev('in1')} tcp dport 5060 ct state new ct mark set {MARK} ct label set {LABEL}",
        "}",
        "chain looking { type filter hook forward priority filter - 10;",
        *(f"iifname \"{lab.dev(SIDES[side])}*\" meta l4proto udp {WHAT[what]} counter name {side}_{what}"
          for side, what in counts), "}", "}"])


def matched(lab, side):
    """How many packets that went `side` each rule has matched, since asked last."""
    out = lab.run("router", "nft", "reset", "counters", "table", "inet", "look", show=False)
    seen = dict(re.findall(r"counter (\w+) {\s*packets (\d+)", out))
    return {what: int(seen[f"{side}_{what}"]) for what in WHAT}


def expected(**numbers):
    return {what: numbers.get(what, 0) for what in WHAT}


def helpers(lab, v):
    """Media flows that conntrack shows with a helper of their own."""
    flows = lab.conntrack("-L", "-p", "udp", "-f", "ipv6" if v == 6 else "ipv4").splitlines()
    return len(flows), [f for f in flows if "helper=" in f]


def first_packets(t, lab, call, first, mark="mark"):
    """Three packets before anybody answers."""
    media = call.media()
    matched(lab, "in")
    side, say = {"phone": ("out", lambda: (media.outward(3), media.expect_outward(3))),
                 "peer": ("in", lambda: (media.inward(3), media.expect_inward(3)))}[first]
    heard, wanted = say()
    t.equal((heard, matched(lab, side)),
            (wanted, expected(label=3, related=3, helper=3, **{mark: 3})),
            f"IPv{call.v}: {call.name}: the {first} speaks first: heard, and matched by mark, label,"
            " \"ct state related\" and \"ct helper\"")
    return media


def unknown_destination(t, lab, call, media):
    """Where it was not known that media goes is nothing related, or rules could be got round."""
    other = lab.udp("peer2", 7900, call.v)
    matched(lab, "out")
    media.phone[0].send((lab.addr("peer2", call.v), 7900), 3, b"other")
    t.equal((other.collect(3), matched(lab, "out")),
            ([(call.public.addr, call.public_rtp, b"other")] * 3, expected(mark=3, label=3)),
            f"IPv{call.v}: to a host that is no part of the call it has the marks and is new")
    other.close()


def answered(t, lab, call, media):
    """The other direction is established, and not counted twice."""
    ok = media.outward(3) == media.expect_outward(3) and media.inward(3) == media.expect_inward(3)
    number, own = helpers(lab, call.v)
    t.equal((ok, number > 0, own), (True, True, []),
            f"IPv{call.v}: {call.name}: audio both ways, no media flow has a helper of its own")


def one_family(t, lab, v):
    ends = lab.tcp_pair(v=v)
    for n, first in enumerate(("phone", "peer")):
        call = Call(lab, *ends, f"{first}-{v}", v, 6000 + 10 * n, 7000 + 10 * n).establish()
        media = first_packets(t, lab, call, first)
        answered(t, lab, call, media)
        if first == "phone":
            unknown_destination(t, lab, call, media)
        media.close()
        call.bye()
    marked_later(t, lab, ends, v)
    sock.hang_up(*ends)


def marked_later(t, lab, ends, v):
    """The mark is what it was when the call began."""
    old = Call(lab, *ends, f"old-{v}", v, 6040, 7040).establish()
    lab.run("router", "conntrack", "-U", "-p", "tcp", "-f", "ipv6" if v == 6 else "ipv4",
            "--dport", "5060", "--mark", LATER)
    new = Call(lab, *ends, f"new-{v}", v, 6050, 7050).establish()
    for call, mark in ((old, "mark"), (new, "later")):
        for first in ("phone", "peer"):
            if first == "peer":
                call.peer_rtp += 4
            first_packets(t, lab, call, first, mark).close()
        call.bye()


# --- flowtables --------------------------------------------------------------
def offloaded(lab, v):
    flows = lab.conntrack("-L", "-p", "udp", "-f", "ipv6" if v == 6 else "ipv4").splitlines()
    return sum("[OFFLOAD]" in f for f in flows)


def flowtable(t, v, first):
    with Lab() as lab:
        lab.run("router", "nft", "-f", "-", text=f"""table inet fast {{
            flowtable f {{ hook ingress priority 0; devices = {{ {lab.dev('in1')}, {lab.dev('out1')} }};
            }}
            counter slow {{ }}
            chain moving {{ type filter hook forward priority filter;
                meta l4proto udp counter name slow
                ct state established,related meta l4proto udp flow add @f
            }}
            }}""")
        call = Call(lab, *lab.tcp_pair(v=v), "fast", v).establish()
        media = call.media()
        ways = [lambda: media.outward(5) == media.expect_outward(5),
                lambda: media.inward(5) == media.expect_inward(5)]
        ways = ways if first == "phone" else ways[::-1]
        heard = all(way() for way in ways * 2)
        slow = lambda: int(re.search(r"packets (\d+)", lab.run(
            "router", "nft", "list", "counter", "inet", "fast", "slow", show=False)).group(1))
        t.equal((heard, offloaded(lab, v)), (True, 1),
                f"IPv{v}: the {first} speaks first: a flowtable takes the media over")
        t.equal(fast(ways, slow), (True, 0),
                f"IPv{v}: and it is heard both ways without seeing a rule")
        call.bye()
        lab.wait_doors([])
        media.close()
        late = call.media()
        t.ok(gone(call, late), f"IPv{v}: BYE ends what the flowtable has, too", late.phone[0].heard)
        late.close()


def fast(ways, slow):
    """Is all heard, and how many packets see rules?  A route that changes makes some do so."""
    for _ in range(5):
        before = slow()
        heard = all(way() for way in ways * 2)
        seen = slow() - before
        if not heard or not seen:
            break
    return heard, seen


def gone(call, media):
    """The flowtable looks for dead flows once a second."""
    end = time.monotonic() + sock.PATIENCE
    while time.monotonic() < end:
        media.peer[0].send((call.advertised, call.public_rtp), 1, b"late")
        if not media.phone[0].collect(1, 0.5):
            return True
    return False


# --- zones -------------------------------------------------------------------
class Overlap(Lab):
    """Two inside networks with the same addresses."""

    def addr(self, host, v=4):
        return super().addr("phone1" if host == "phone2" else host, v)

    def overlap(self):
        inside = self.addr("phone1")
        self.run("phone2", "ip", "addr", "add", f"{inside}/32", "dev", "eth0")
        for n in (1, 2):
            self.run("router", "ip", "route", "add", inside, "dev", self.dev(f"in{n}"), "table", 100 + n)
            self.run("router", "ip", "rule", "add", "fwmark", n, "lookup", 100 + n)
        self.run("router", "nft", "-f", "-", text="\n".join([
            "table inet zones {", "chain zoning { type filter hook prerouting priority raw;",
            *(f"iifname {self.dev(f'in{n}')} ct original zone set {n}" for n in (1, 2)), "}",
            "chain marking { type filter hook prerouting priority mangle;",
            *(f"iifname {self.dev(f'in{n}')} tcp dport 5060 ct mark set {n}" for n in (1, 2)),
            "meta mark set ct mark", "}", "}"]))


def zones_round(t, lab, first):
    """Calls with one Call-ID from one address and port, each in its zone."""
    listener = lab.tcp_listen("peer1")
    base = {"peer": 7000, "phone": 7500}[first]
    calls = []
    for n in (1, 2):
        ends = lab.tcp_pair(phone=f"phone{n}", sport=0, listener=listener)
        calls.append(Call(lab, *ends, f"same-{first}", 4, 6000, base + 100 * n, f"phone{n}").establish())
    listener.close()
    media = [c.media() for c in calls]
    ways = {"peer": lambda m: (m.inward(mark=m.call.host.encode()),
                               m.expect_inward(mark=m.call.host.encode())),
            "phone": lambda m: (m.outward(mark=m.call.host.encode()),
                                m.expect_outward(mark=m.call.host.encode()))}
    for who in sorted(ways, key=lambda w: w != first):
        heard = [ways[who](m) for m in media]
        t.equal([h for h, _ in heard], [w for _, w in heard],
                f"zones: {first}s speak first: audio of the {who}s, each by its own call's port")
    left = sorted(calls[1].public_rtp + i for i in (0, 1))
    calls[0].bye()
    t.equal((lab.wait_doors(left), media[1].inward(), media[1].outward()),
            (left, media[1].expect_inward(), media[1].expect_outward()),
            "zones: BYE in one zone leaves the call with the same Call-ID in the other alone")
    calls[1].bye()
    t.equal(lab.wait_doors([]), [], "zones: its own ends it")
    for m in media:
        m.close()
    for call in calls:
        sock.hang_up(call.phone, call.peer)


def test(t):
    with Lab(peers=2) as lab:
        lab.run("router", "nft", "-f", "-", text=rules(lab))
        for v in (4, 6):
            one_family(t, lab, v)
        lab.check_valid(t)
    for v, first in ((4, "phone"), (4, "peer"), (6, "phone")):
        flowtable(t, v, first)
    with Overlap(phones=2) as lab:
        lab.overlap()
        for first in ("peer", "phone"):
            zones_round(t, lab, first)
        lab.check_valid(t)


ktap.main(2 * (5 + 4) + 1 + 3 * 3 + 2 * 4 + 1, test)
