#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A server inside and another one outside, each with a connection of its own (N6).

    phone1 192.168.122.3:5060 ---- router 10.1.1.1:5060 ---- peer1 10.1.1.10:5060
    the PBX   fd00:122::3          DNAT, masquerade          the provider
                                     2001:db8:1::1             2001:db8:1::10

    out   PBX :ephemeral ---> provider :5060      calls of the PBX
    in    provider :ephemeral ---> router :5060   calls of the provider

Calls in both directions at once, each with audio; and requests within a call that
come by the other connection, as servers send them where the Contact says.
"""
from nsip import ktap, sip, sock
from nsip.call import Media
from nsip.lab import Lab


class Servers:
    """Both connections, (PBX's end, provider's end) each."""

    def __init__(self, lab, v):
        self.lab, self.v = lab, v
        self.pbx, self.provider = lab.party("phone1", v, user="pbx"), lab.party("peer1", v, user="trunk")
        self.public = lab.public(v, user="pbx")
        provider, pbx = lab.tcp_listen("peer1", 5060, v), lab.tcp_listen("phone1", 5060, v)
        self.out = lab.tcp_pair(v=v, listener=provider)
        far = lab.tcp_connect("peer1", 0, (self.public.addr, 5060), v)
        if not sock.readable(pbx):
            raise sock.Timeout("the provider's connection does not arrive")
        self.into = sock.Tcp(pbx.accept()[0]).nodelay(), far.nodelay()
        provider.close()
        pbx.close()

    def close(self):
        sock.hang_up(*self.out)
        sock.hang_up(*self.into[::-1])


class TrunkCall:    # pylint: disable=too-many-instance-attributes
    """A call of one server to the other: `outward` by the PBX."""

    def __init__(self, servers, name, outward, rtp):
        self.s, self.name, self.outward, self.rtp, self.peer_rtp = servers, name, outward, rtp, rtp + 1000
        self.lab, self.v = servers.lab, servers.v
        self.me, self.to, self.public = servers.pbx, servers.provider, servers.public
        self.host, self.far = "phone1", "peer1"
        self.leaks, self.cseq = [], 1

    def _ends(self, from_pbx, ends):
        return ends if from_pbx else ends[::-1]

    def send(self, ends, msg, from_pbx):
        """Over that connection; as the other server reads it."""
        a, b = self._ends(from_pbx, ends)
        a.send(msg)
        seen = b.recv_message()
        self.leaks += sip.names(seen, self.me.addr if from_pbx else self.public.addr)
        return seen

    def _parties(self, from_pbx):
        """Who asks and who is asked, as the former writes them."""
        return (self.me, self.to) if from_pbx else (self.to, self.public)

    def establish(self):
        ends = self.s.out if self.outward else self.s.into
        me, to = self._parties(self.outward)
        offer, answer = (self.rtp, self.peer_rtp)[::1 if self.outward else -1]
        seen = self.send(ends, sip.invite(me, to, self.name, offer), self.outward)
        callee = self.to if self.outward else self.me
        self.send(ends, sip.response(seen, 180, "Ringing"), not self.outward)
        final = self.send(ends, sip.response(seen, 200, "OK", contact=callee, body=sip.sdp(callee, answer)),
                          not self.outward)
        told = seen if self.outward else final
        self.advertised, self.public_rtp = sip.media_addr(told), sip.media_port(told)
        self.contact = sip.header(told, "Contact")
        self.send(ends, sip.request("ACK", me, to, self.name, 1, to_tag="to-1"), self.outward)
        return self

    def bye(self, from_pbx, ends):
        """By any connection; the tags are those of the call."""
        self.cseq += 1
        me, to = self._parties(from_pbx)
        caller, callee = f"from-{self.name}", "to-1"
        if from_pbx != self.outward:
            caller, callee = callee, caller
        uri = None if from_pbx else self.contact.strip("<>").replace(";transport=tcp", "")
        msg = sip.request("BYE", me, to, self.name, self.cseq, to_tag=callee, uri=uri)
        msg = msg.replace(f"tag=from-{self.name}".encode(), f"tag={caller}".encode(), 1) \
            if caller != f"from-{self.name}" else msg
        seen = self.send(ends, msg, from_pbx)
        self.send(ends, sip.response(seen, 200, "OK"), not from_pbx)
        return seen

    @property
    def doors(self):
        return [self.public_rtp, self.public_rtp + 1]

    def media(self):
        return Media(self, [self.lab.udp("phone1", self.rtp + i, self.v) for i in (0, 1)],
                     [self.lab.udp("peer1", self.peer_rtp + i, self.v) for i in (0, 1)])


def one_family(t, lab, v):
    s = Servers(lab, v)
    calls = [TrunkCall(s, f"{'out' if n % 2 == 0 else 'in'}-{n}-{v}", n % 2 == 0, 6000 + 10 * n).establish()
             for n in range(4)]
    t.equal([c.leaks for c in calls], [[]] * 4,
            f"IPv{v}: four calls, two each way: no server reads an inside address, or of itself the public one")
    left = sorted(p for c in calls for p in c.doors)
    t.equal((len(set(left)), lab.wait_open(left)), (8, left), f"IPv{v}: each has a pair of doors of its own")
    for first in ("inward", "outward"):
        second = "outward" if first == "inward" else "inward"
        media = [c.media() for c in calls]
        for i, what in enumerate(("RTP", "RTCP")):
            heard = [[getattr(m, way)(i=i) for way in (first, second)] for m in media]
            wanted = [[getattr(m, f"expect_{way}")(i=i) for way in (first, second)] for m in media]
            t.equal(heard, wanted, f"IPv{v}: {what} of all, both ways, {first} first")
        for m in media:
            m.close()
    # Each server sends BYE by the connection that it opened itself.
    for n, (from_pbx, ends, how) in enumerate(((False, s.into, "a call of the PBX by the provider's connection"),
                                               (True, s.out, "a call of the provider by the PBX's connection"),
                                               (True, s.out, "a call of the PBX by the same connection"),
                                               (False, s.into, "a call of the provider by the same connection"))):
        call = calls[n]
        seen = call.bye(from_pbx, ends)
        left = [p for p in left if p not in call.doors]
        reads_own = from_pbx or f"@{call.me.host}:5060 " in sip.start_line(seen)
        t.equal((call.leaks, reads_own, lab.wait_doors(left)), ([], True, left),
                f"IPv{v}: BYE for {how}: the other reads its own address, and exactly this call's doors close")
    s.close()


def test(t):
    with Lab(nat="forward", contact="door") as lab:
        for v in (4, 6):
            one_family(t, lab, v)
        lab.check_valid(t)


ktap.main(2 * (2 + 4 + 4) + 1, test)
