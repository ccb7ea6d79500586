#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Our NAT of each kind, each media_filter, and peers behind each kind of NAT (N3).

    phone1 192.168.122.3 ---- router 203.0.113.1 -- peer2 203.0.113.11 -- behind 192.168.7.2
    RTP 16000 ...   masquerade, random, or a pool   a NAT without        RTP 7000 ...
                    203.0.113.4-203.0.113.7               helper, 5060 published

The host behind knows its public address and ports, as STUN tells them, or else
describes its inside ones.  Both phones send to the described address until they
hear the other one, and from then on to where they hear it from.  In the end each
has to hear the other, whoever speaks first, and always from the advertised port.
The one exception is a filter that was set to forbid it: with `peer-port` who is
behind a symmetric NAT is not heard, as its port is not the one that it described.
"""
import itertools

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.far import KINDS, Far
from nsip.lab import Lab
from nsip.tool import Sipnat

FILTERS = ("any", "peer", "peer-port")
N = 3


class Behind(Call):
    """A call of phone1 to the host behind the other NAT."""

    def __init__(self, lab, ends, name, ports):
        super().__init__(lab, *ends, name, rtp=ports[0], peer_rtp=ports[1], far="behind")
        self.to = lab.party("peer2", user="bob")
        self.public = self.public.at(addr=ends[1].remote[0])

    def establish(self, knows=True):
        self.invite()
        self.ring()
        described = self.to if knows else self.lab.party("behind", user="bob")
        self.answer = self.reply(200, "OK", body=sip.sdp(described, self.peer_rtp))
        self.phone.send(sip.request("ACK", self.me, self.to, self.name, self.cseq, to_tag="to-1"))
        self.peer.recv_message()
        self.described = (described.addr, self.peer_rtp)
        self.lab.wait_open_has([self.public_rtp], 17)
        return self


class Speakers:
    """RTP of both; each sends to where it last heard the other from."""

    def __init__(self, call):
        lab = call.lab
        self.call, self.near, self.far = call, lab.udp("phone1", call.rtp), lab.udp("behind", call.peer_rtp)
        self.to = {"near": call.described, "far": (call.advertised, call.public_rtp)}
        self.sources = {"near": set(), "far": set()}

    def speak(self, who, wait):
        """What the other one hears of it: how many."""
        here, there, other = (self.near, self.far, "far") if who == "near" else (self.far, self.near, "near")
        here.send(self.to[who], N, who.encode())
        heard = there.collect(N, None if wait else 0.05)
        for addr, port, _ in heard:
            self.to[other] = (addr, port)
            self.sources[who].add((addr, port))
        return len(heard)

    def close(self):
        self.near.close()
        self.far.close()


def arrives_first(kind, who, knows):
    """Does what is said first, before the other has said anything, come through?"""
    return who == "far" or kind == "full-cone" and knows


def talk(call, kind, first, admitted, knows):
    """What is wrong, or nothing."""
    s = Speakers(call)
    second = {"near": "far", "far": "near"}[first]
    wants = {"far": N if admitted else 0}
    wants["near"] = N if admitted or kind == "full-cone" and knows else 0
    opening = wants[first] if arrives_first(kind, first, knows) else 0
    seen = [s.speak(first, opening)]
    seen += [s.speak(who, wants[who]) for who in (second, first, second)]
    wanted = [opening, wants[second], wants[first], wants[second]]
    s.close()
    wrong = [] if seen == wanted else [f"packets heard: {seen}, wanted {wanted}"]
    # Early packets may come late, never from elsewhere.
    if s.sources["near"] - {(call.advertised, call.public_rtp)}:
        wrong.append(f"the phone is heard from {s.sources['near']}")
    if any(addr != call.to.addr for addr, _ in s.sources["far"]):
        wrong.append(f"the other one is heard from {s.sources['far']}")
    if kind != "symmetric" and any(port != call.peer_rtp for _, port in s.sources["far"]):
        wrong.append(f"this is no NAT that keeps ports: {s.sources['far']}")
    if kind == "symmetric" and admitted and s.sources["far"] == {(call.to.addr, call.peer_rtp)}:
        wrong.append("this is no symmetric NAT")
    return wrong


def one(lab, far, kind, filter_kind, first, knows, ports):
    before = lab.counters()
    lab.tool.set(media_filter=filter_kind)
    far.rules(kind, published=True)
    listener = lab.tcp_listen("behind")
    near = lab.tcp_connect("phone1", 0, (lab.addr("peer2"), 5060))
    if not sock.readable(listener):
        return ["the connection does not arrive"]
    ends = near.nodelay(), sock.Tcp(listener.accept()[0]).nodelay()
    listener.close()
    call = Behind(lab, ends, f"{kind}-{filter_kind}-{first}-{knows}", ports).establish(knows)
    admitted = filter_kind != "peer-port" or kind != "symmetric"
    wrong = talk(call, kind, first, admitted, knows)
    if call.advertised != ends[1].remote[0]:
        wrong.append({k: v - before[k] for k, v in lab.counters().items() if v != before[k]})
        wrong.append(f"advertised is {call.advertised}, the connection comes from {ends[1].remote}")
    call.bye()
    if lab.wait_doors([]):
        wrong.append(f"doors stay: {lab.doors()}")
    sock.hang_up(*ends)
    return wrong


def pool(lab):
    """Source NAT to one of four addresses that are on no device."""
    lab.run("router", "nft", f"flush chain inet {lab.id} nat_out")
    lab.run("router", "nft", f"add rule inet {lab.id} nat_out oifname \"{lab.id}-out*\" "
            "meta nfproto ipv4 snat ip to 203.0.113.4-203.0.113.7")
    lab.run("peer2", "ip", "route", "add", "203.0.113.4/30", "via", "203.0.113.1", "dev", "eth0")


def claim(nat, kind, filter_kind, first):
    text = f"{nat}, {filter_kind}, peer behind {kind}, {'phone1' if first == 'near' else 'the peer'} speaks first: "
    if filter_kind == "peer-port" and kind == "symmetric":
        return text + "the peer is not heard, as the filter says"
    return text + "audio both ways"


def ports(serial):
    """RTP ports of both that no other call has had."""
    n = next(serial)
    return 16000 + 10 * n, 7000 + 10 * n


def test(t):
    """Each kind of NAT at the other end, filter and first speaker meet once, at one of ours."""
    serial = itertools.count()
    for n, nat in enumerate( ("masquerade", "random", "pool")):
        with Lab(nat="masquerade" if nat == "pool" else nat, peers=2, out4="203.0.113") as lab:
            lab.tool = Sipnat(lab.netns("router"))
            far = Far(lab)
            if nat == "pool":
                pool(lab)
            for k, kind in enumerate(KINDS):
                for f, first in enumerate(("near", "far")):
                    filter_kind = FILTERS[(n + k + f) % 3]
                    t.equal(one(lab, far, kind, filter_kind, first, True, ports(serial)), [],
                            claim(nat, kind, filter_kind, first))
            kind = KINDS[n + 1]
            t.equal(one(lab, far, kind, "peer", "near", False, ports(serial)), [],
                    f"{nat}, peer behind {kind} that describes its inside address: audio both ways")
            lab.check_valid(t)


ktap.main(3 * (4 * 2 + 1 + 1), test)
