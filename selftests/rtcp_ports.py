#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""RTCP has its door where the description says, and none where it shares that of RTP.

    phone1 192.168.122.3 ---.
                             router 10.1.1.1 ---- peer1 10.1.1.10:5060
    phone2 192.168.122.4 ---'
    a=rtcp (RFC 3605), a=rtcp-mux (RFC 5761)

Both phones use the same ports at the same time: the second one gets others.
"""
import re

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.tool import Sipnat


class RtcpCall(Call):
    """A call with attributes of its medium; RTCP is at `rtcp` inside, at `far_rtcp` outside."""

    def __init__(self, lab, n, host, rtcp, *, v=4, far_rtcp=0):
        super().__init__(lab, *lab.tcp_pair(host, v=v), f"{host}-{n}-{v}", v, 6000 + 20 * n,
                         7000 + 40 * n + 20 * (host == "phone2"), host)
        self.rtcp, self.far_rtcp = rtcp, far_rtcp or self.peer_rtp + 1
        self.public_rtcp = None

    def set_up(self, offer, answer=()):
        """`offer`: attributes; the public port that stands for RTCP is read from a=rtcp."""
        self.invite(body=sip.sdp(self.me, self.rtp, offer))
        named = re.search(r"a=rtcp:(\d+)", sip.body_of(self.seen))
        self.public_rtcp = int(named.group(1)) if named else self.public_rtp + 1
        self.reply(180, "Ringing")
        self.answer = self.reply(200, "OK", body=sip.sdp(self.to, self.peer_rtp, answer))
        self.phone.send(sip.request("ACK", self.me, self.to, self.name, self.cseq, to_tag="to-1"))
        self.peer.recv_message()
        return self

    def ports(self):
        """RTP and RTCP: inside, public, far."""
        return ((self.rtp, self.public_rtp, self.peer_rtp), (self.rtcp, self.public_rtcp, self.far_rtcp))

    def talk(self, which=(0, 1), first="peer"):
        """What is heard of these at each end, and what should be."""
        heard, wanted = [], []
        for inside, public, far in (self.ports()[i] for i in which):
            near, other = self.lab.udp(self.host, inside, self.v), self.lab.udp("peer1", far, self.v)
            ways = [(other, near, (self.advertised, public), (self.to.addr, far)),
                    (near, other, (self.to.addr, far), (self.public.addr, public))]
            for a, b, to, source in ways if first == "peer" else ways[::-1]:
                a.send(to, 2, b"x")
                heard.append(b.collect(2))
                wanted.append([(*source, b"x")] * 2)
            near.close()
            other.close()
        return heard, wanted

    def end(self):
        self.bye()
        sock.hang_up(self.phone, self.peer)


def told(call, offer):
    """Is the text what it has to be, with the ports that were chosen?"""
    own = [x.replace(f"rtcp:{call.rtcp}", f"rtcp:{call.public_rtcp}").replace(call.me.addr, call.public.addr)
           for x in offer]
    return call.seen == sip.invite(call.public, call.to, call.name,
                                   body=sip.sdp(call.public, call.public_rtp, own))


def attribute(t, lab, v, n, rtcp, more=""):
    """a=rtcp names the port; both phones, each speaks first in its turn."""
    calls = []
    for host in ("phone1", "phone2"):
        offer = [f"a=rtcp:{rtcp}{more}".replace("HERE", f"IN IP{v} {lab.addr(host, v)}")]
        calls.append(RtcpCall(lab, n, host, rtcp, v=v).set_up(offer))
        t.ok(told(calls[-1], offer), f"IPv{v}: {offer[0]}: {host}'s arrives with public ports", calls[-1].seen)
    one, two = calls
    t.ok((one.public_rtp, one.public_rtcp) == (one.rtp, rtcp) and
         not {two.public_rtp, two.public_rtcp} & {one.public_rtp, one.public_rtcp} and
         two.public_rtp % 2 == 0, f"IPv{v}: the second phone's are others", two.ports())
    doors = sorted(p for c in calls for p in (c.public_rtp, c.public_rtcp))
    t.equal((lab.wait_open(doors), lab.doors()), (doors, doors), f"IPv{v}: these have doors, no other port has")
    for call, first in (one, "peer"), (two, "phone"):
        heard, wanted = call.talk(first=first)
        t.equal(heard, wanted, f"IPv{v}: the {first} speaks first: RTP and RTCP of {call.host} go both ways")
    for call in calls:
        call.end()
    lab.wait_doors([])


def shared(t, lab, n, offer, answer, rtcp, separate):
    """RTP and RTCP on one port, if both agree."""
    call = RtcpCall(lab, n, "phone1", rtcp)
    what = f"{' '.join(offer)}, answered {' '.join(answer) or 'without'}"
    call.set_up(offer, answer)
    doors = [call.rtp, call.rtp + 1] if separate else [call.rtp]
    t.equal((told(call, offer), lab.wait_open(doors)), (True, doors),
            f"{what}: {'two doors are open' if separate else 'one door is'}")
    heard, wanted = call.talk((0, 1) if separate else (0,))
    t.equal(heard, wanted, f"{what}: {'RTP and RTCP go' if separate else 'it goes'} both ways")
    if not separate:
        near, far = lab.udp("phone1", call.rtp + 1), lab.udp("peer1", call.far_rtcp)
        far.send((call.advertised, call.public_rtp + 1), 2, b"x")
        t.equal(near.collect(1, 0.5), [], f"{what}: nothing comes to the port next to it")
        near.close()
        far.close()
    call.end()
    lab.wait_doors([])


def filtered(t, lab):
    """The peer's own a=rtcp says from where its RTCP comes."""
    tool = Sipnat(lab.netns("router"))
    tool.set(media_filter="peer-port")
    call = RtcpCall(lab, 9, "phone1", 6181, far_rtcp=7777).set_up([], ["a=rtcp:7777"])
    lab.wait_open([6180, 6181])
    heard, wanted = call.talk()
    t.equal(heard, wanted, "peer-port: RTCP comes from the port that the answer's a=rtcp names")
    near, far = lab.udp("phone1", 6181), lab.udp("peer1", call.peer_rtp + 1)
    far.send((call.advertised, 6181), 2, b"x")
    t.equal(near.collect(1, 0.5), [], "peer-port: and not from the one next to RTP's")
    near.close()
    far.close()
    call.end()
    tool.set(media_filter="peer")


def test(t):
    with Lab(phones=2) as lab:
        for v in (4, 6):
            attribute(t, lab, v, 0, 6111)
            attribute(t, lab, v, 1, 6133, " HERE")
        shared(t, lab, 2, ["a=rtcp-mux"], ["a=rtcp-mux"], 6041, False)
        shared(t, lab, 3, ["a=rtcp-mux"], [], 6061, True)
        shared(t, lab, 4, ["a=rtcp-mux", "a=rtcp:6080"], ["a=rtcp-mux"], 6080, False)
        filtered(t, lab)
        lab.check_valid(t)


ktap.main(2 * 2 * 6 + 3 + 2 + 3 + 2 + 1, test)
