#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A phone that puts its public address in: the text stays, and its ports have doors.

    phone1 192.168.122.3 ---.                       .--- peer1 10.1.1.10:5060
                             router 10.1.1.1 ------<
    phone2 192.168.122.4 ---'  masquerade, random   '--- peer2 10.1.1.11:3478 STUN
    RTP 6000, RTCP 6001                                  RTP 7000, RTCP 7001

The phone asks with its RTP sockets how it is seen (RFC 8489), or has been told
its address by its user and takes it that ports stay.
"""
import os
import socket
import struct

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab

COOKIE = 0x2112a442


def stun_server(server):
    """One Binding request answered with XOR-MAPPED-ADDRESS."""
    if not sock.readable(server.sock):
        raise sock.Timeout("no STUN request")
    request, (addr, port) = server.sock.recvfrom(2048)
    seen = struct.unpack("!I", socket.inet_aton(addr))[0]
    value = struct.pack("!HHI", 1, port ^ COOKIE >> 16, seen ^ COOKIE)
    server.sock.sendto(struct.pack("!HH", 0x0101, 12) + request[4:20] +
                       struct.pack("!HH", 0x0020, 8) + value, (addr, port))


def stun(rtp, server, at):
    """Address and port that the server saw a socket with."""
    rtp.sock.sendto(struct.pack("!HHI", 1, 0, COOKIE) + os.urandom(12), at)
    stun_server(server)
    if not sock.readable(rtp.sock):
        raise sock.Timeout("no STUN answer")
    port, addr = struct.unpack("!HI", rtp.sock.recv(2048)[26:32])
    return socket.inet_ntoa(struct.pack("!I", addr ^ COOKIE)), port ^ COOKIE >> 16


class StunCall(Call):
    """A call of a phone that writes itself as it is seen."""

    def __init__(self, lab, ends, name, peer_rtp, host="phone1"):
        super().__init__(lab, *ends, name, peer_rtp=peer_rtp, host=host)
        self.me = self.public
        self.sockets = [lab.udp(host, self.rtp + i) for i in (0, 1)]
        self.far_sockets = [lab.udp("peer1", peer_rtp + i) for i in (0, 1)]
        self.ports = [self.rtp, self.rtp + 1]

    def register(self):
        """The connection is in use before there is a call."""
        _, answer = self.request("OPTIONS", 200, "OK", to_tag="")
        return answer

    def ask(self, server):
        seen = [stun(s, server, (self.lab.addr("peer2"), 3478)) for s in self.sockets]
        self.ports = [port for _, port in seen]
        return {addr for addr, _ in seen}

    def describe(self):
        rtp, rtcp = self.ports
        return sip.sdp(self.me, rtp, [f"a=rtcp:{rtcp}"] if rtcp != rtp + 1 else ())

    def texts(self):
        """INVITE, 200 and ACK; True where each arrived as it was sent."""
        seen = self.invite(body=self.describe())
        answer = sip.response(seen, 200, "OK", contact=self.to, body=sip.sdp(self.to, self.peer_rtp))
        self.peer.send(answer)
        got = self.phone.recv_message()
        ack = sip.request("ACK", self.me, self.to, self.name, self.cseq, to_tag="to-1")
        self.phone.send(ack)
        return [seen, got, self.peer.recv_message()] == [self.sent, answer, ack]

    def speak(self, who):
        """RTP and RTCP of one side; True where it came from and to the advertised ports."""
        public, far = self.public.addr, self.to.addr
        for i, port in enumerate(self.ports):
            if who == "phone":
                self.sockets[i].send((far, self.peer_rtp + i), 3, who.encode())
                heard, wanted = self.far_sockets[i].collect(3), (public, port)
            else:
                self.far_sockets[i].send((public, port), 3, who.encode())
                heard, wanted = self.sockets[i].collect(3), (far, self.peer_rtp + i)
            if heard != [(*wanted, who.encode())] * 3:
                return heard or f"nothing, i={i}"
        return True

    def end(self):
        bye = sip.request("BYE", self.me, self.to, self.name, self.cseq + 1, to_tag="to-1")
        self.phone.send(bye)
        got = self.peer.recv_message()
        self.peer.send(sip.response(got, 200, "OK"))
        self.phone.recv_message()
        for s in self.sockets + self.far_sockets:
            s.close()
        return got == bye


def one(t, lab, what, asked, first):
    call = StunCall(lab, lab.tcp_pair(), f"{first}-{asked}", 7000 + 10 * (2 * asked + (first == "peer")))
    call.register()
    if asked:
        seen = call.ask(lab.stun)
        t.equal((seen, set(call.ports) & {6000, 6001} == set()), ({call.public.addr}, what == "random"),
                f"{what}: the phone learns the public address and its ports")
    how = "mapped" if asked else "its own"
    t.equal((call.texts(), lab.wait_open(sorted(call.ports))), (True, sorted(call.ports)),
            f"{what}: with {how} ports: INVITE, 200 and ACK arrive as they were sent, doors at these ports")
    second = {"phone": "peer", "peer": "phone"}[first]
    t.equal([call.speak(first), call.speak(second), call.speak(first)], [True] * 3,
            f"{what}: with {how} ports: the {first} speaks first: audio both ways, by these ports")
    t.equal((call.end(), lab.wait_doors([])), (True, []),
            f"{what}: with {how} ports: BYE arrives as it was sent, and closes the doors")
    sock.hang_up(call.phone, call.peer)


def two_phones(t, lab):
    """NAT keeps the first one's port 6000 and changes the second one's."""
    listener = lab.tcp_listen("peer1")
    calls = [StunCall(lab, lab.tcp_pair(phone=f"phone{n}", listener=listener), f"two-{n}",
                      7100 + 10 * n, f"phone{n}") for n in (1, 2)]
    listener.close()
    for call in calls:
        call.register()
        call.ask(lab.stun)
    t.ok(calls[0].ports == [6000, 6001] and not set(calls[0].ports) & set(calls[1].ports),
         "two phones with RTP port 6000: the second one learns others", [c.ports for c in calls])
    t.equal([c.texts() for c in calls], [True, True], "two phones: all texts arrive as they were sent")
    doors = sorted(p for c in calls for p in c.ports)
    t.equal(lab.wait_open(doors), doors, "two phones: each has doors at its ports")
    t.equal([c.speak(who) for who in ("peer", "phone") for c in calls], [True] * 4,
            "two phones: audio of each both ways, by these ports")
    for call in calls:
        call.end()
        sock.hang_up(call.phone, call.peer)


def test(t):
    for nat in ("masquerade", "random"):
        with Lab(nat=nat, peers=2, phones=2) as lab:
            lab.stun = lab.udp("peer2", 3478)
            for asked in (True, False):
                for first in ("peer", "phone"):
                    one(t, lab, nat, asked, first)
            if nat == "masquerade":
                two_phones(t, lab)
            lab.stun.close()
            lab.check_valid(t)


ktap.main(2 * (2 * 4 + 2 * 3 + 1) + 4, test)
