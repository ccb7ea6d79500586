#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Public ports are few: pairs stay pairs, the last one is found, and then text is left alone.

    phone1 192.168.122.3 ---.
                             router 10.1.1.1 ---- peer1 10.1.1.10:5060
    phone2 192.168.122.4 ---'  door_public_ports
    a PBX, in some rules

The phone uses RTP ports from 40000 on, which are not among the public ones.
"""
import random
import re

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.tool import Sipnat

SEED = 5


class Ring:
    """Calls that are offered, one after another."""

    def __init__(self, lab, host="phone1"):
        self.lab, self.host, self.n, self.calls = lab, host, 0, []
        self.phone, self.peer = self.ends = lab.tcp_pair(host)

    def call(self, rtp=None, **more):
        """Another call whose INVITE has arrived."""
        self.n += 1
        call = Call(self.lab, *self.ends, f"{self.host}-{self.n}", 4, rtp or 40000 + 10 * self.n,
                    7000 + 10 * self.n, self.host)
        call.invite(**more)
        self.calls.append(call)
        return call

    def end(self):
        """All of them."""
        for call in self.calls:
            self.fail(call)
        sock.hang_up(*self.ends)

    @staticmethod
    def fail(call):
        call.reply(486, "Busy Here")
        call.phone.send(sip.request("ACK", call.me, call.to, call.name, call.cseq, to_tag="to-1",
                                    branch=f"{call.name}-1-INVITE"))
        call.peer.recv_message()


def untouched(call):
    """Headers translated, and the description as the phone wrote it."""
    return call.seen == sip.invite(call.public, call.to, call.name, body=sip.body_of(call.sent))


def since(lab, before, *names):
    now = lab.counters()
    return [now[name] - before[name] for name in names]


def last_pair(t, lab, tool):
    """Of hundreds of pairs all but one are taken, each time another one."""
    tool.set(door_public_ports="20000-20999")
    ring = Ring(lab)
    for _ in range(500):
        ring.call()
    calls = list(ring.calls)
    t.ok(sorted(c.public_rtp for c in calls) == list(range(20000, 21000, 2)),
         "500 calls get the 500 pairs of 20000-20999", sorted(c.public_rtp for c in calls)[:20])
    before = lab.counters()
    left = ring.call()
    t.equal((untouched(left), lab.doors().count(left.rtp),
             since(lab, before, "sdp_no_port", "door_failed", "door_reserved")), (True, 0, [1, 1, 0]),
            "the next one keeps its description, and is counted")
    dice, found = random.Random(SEED), []
    for _ in range(12):
        gone = calls.pop(dice.randrange(len(calls)))
        ring.calls.remove(gone)
        ring.fail(gone)
        calls.append(ring.call())
        found.append((gone.public_rtp, calls[-1].public_rtp))
    t.ok(all(a == b for a, b in found), "a pair that becomes free is found among all others", found)
    t.ok(untouched(ring.call()), "and then there is none again")
    call = calls[-1]
    call.accept()
    media = call.media()
    t.equal((media.outward(), media.inward(), media.outward(i=1), media.inward(i=1)),
            (media.expect_outward(), media.expect_inward(), media.expect_outward(i=1),
             media.expect_inward(i=1)), "audio goes both ways by the last pair, RTP and RTCP")
    media.close()
    ring.calls.remove(call)
    call.bye()
    ring.end()
    t.equal(lab.wait_doors([]), [], "with the calls all doors have gone")


def parity(t, lab, tool):
    """Single ports between are no pair; an odd port stays odd."""
    tool.set(door_public_ports="20000,20010-20011,20020,20031-20032")
    ring = Ring(lab)
    one, two = ring.call(40100), ring.call(40200)
    t.equal((one.public_rtp, untouched(two)), (20010, True),
            "single ports are no pair: of 20000,20010-20011,20020,20031-20032 an even one has one choice")
    odd = ring.call(40301)
    t.equal(odd.public_rtp, 20031, "and an odd one the other")
    ring.end()
    ring = Ring(lab)
    tool.set(door_public_ports="20002-20007,20013-20018")
    t.equal([layers(lab, ring, n) for n in (3, 2, 2, 1)], ["20002/3", "20014/2", None, None],
            "layers get as many pairs in a row, of 20002-20007,20013-20018")
    sock.hang_up(*ring.ends)


def layers(lab, ring, n):
    """The public port of a call with that many streams in one medium, as the text has it."""
    ring.n += 1
    rtp = 40400 + 10 * ring.n
    many = f"{rtp}/{n}" if n > 1 else f"{rtp}"
    body = sip.sdp(lab.party("phone1"), rtp).replace(f"{rtp} RTP", f"{many} RTP")
    ring.phone.send(sip.request("INVITE", lab.party("phone1"), lab.party("peer1"), f"layers-{n}-{rtp}",
                                body=body))
    port = re.search(r"m=audio (\S+)", sip.body_of(ring.peer.recv_message())).group(1)
    return None if port == many else port


def forwarded(t, lab, tool):
    """A PBX has most of the range: ports next to each other are taken together."""
    tool.set(door_public_ports="20000-29999")
    lab.run("router", "nft", "-f", "-", text=f"""table inet taken {{ chain pre {{
        type nat hook prerouting priority dstnat;
        udp dport 20000-25999 dnat ip to {lab.addr('phone2')}
        }}
        }}""")
    ring = Ring(lab)
    calls = [ring.call() for _ in range(20)]
    lab.run("router", "nft", "delete", "table", "inet", "taken")
    t.ok(all(26000 <= c.public_rtp < 30000 for c in calls),
         "20 calls get pairs beside those that a rule forwards, 6,000 of 10,000",
         [c.public_rtp for c in calls])
    ring.end()


def others_ports(t, lab, tool):
    """What is not the gateway's to give."""
    tool.set(door_public_ports="21000-21009")
    lab.run("router", "sh", "-c", "echo 21001 >/proc/sys/net/ipv4/ip_local_reserved_ports")
    with lab.at("router"):
        own = [sock.udp(lab.addr("public"), 21002), sock.udp("0.0.0.0", 21005)]
    lab.run("router", "nft", "-f", "-", text=f"""table inet taken {{ chain pre {{
        type nat hook prerouting priority dstnat;
        udp dport 21007 dnat ip to {lab.addr('phone2')}
        }}
        }}""")
    ring = Ring(lab)
    before = lab.counters()
    one, two = ring.call(), ring.call()
    t.equal((one.public_rtp, untouched(two)), (21008, True),
            "no pair of which one is reserved, listened on at its address or at any, or forwarded")
    t.ok(since(lab, before, "door_forwarded")[0] > 0, "the last is counted")
    for s in own:
        s.close()
    three = ring.call()
    t.ok(three.public_rtp in (21002, 21004), "what the gateway gives up can be had", three.public_rtp)
    lab.run("router", "nft", "delete", "table", "inet", "taken")
    lab.run("router", "sh", "-c", "echo >/proc/sys/net/ipv4/ip_local_reserved_ports")
    ring.end()


def denied(t, lab, tool):
    """Where no door may lead (P3)."""
    tool.set(door_public_ports="any", door_deny="6700-6709")
    ring, before = Ring(lab), lab.counters()
    calls = [ring.call(rtp) for rtp in (80, 1022, 6700, 6709)]
    t.equal(([untouched(c) for c in calls], since(lab, before, "sdp_denied", "door_reserved")),
            ([True] * 4, [4, 0]), "no door leads to an inside port below 1024 or in door_deny")
    t.equal([ring.call(rtp).public_rtp for rtp in (1024, 6710)], [1024, 6710],
            "one leads to the ports beside them")
    ring.end()


def test(t):
    with Lab(phones=2) as lab:
        tool = Sipnat(lab.netns("router"))
        for part in (last_pair, parity, forwarded, others_ports, denied):
            part(t, lab, tool)
        lab.check_valid(t)


ktap.main(6 + 3 + 1 + 3 + 2 + 1, test)
