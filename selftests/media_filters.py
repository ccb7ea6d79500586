#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Who may send to an open media door is a setting.

    phone1 192.168.122.3 ---- router 203.0.113.1 ---- peer1 203.0.113.10:5060
    RTP 6000, RTCP 6001         media_filter     '--- peer2 203.0.113.11
                              any, peer, peer-port, off

Each call is offered packets from the address and port of the peer's description,
from another port there, and from another host; they tell where they come from.
"""
from nsip import ktap, sip
from nsip.call import Call
from nsip.lab import Lab
from nsip.tool import Sipnat

FAR = 7000
SOURCES = {"described": ("peer1", FAR), "other port": ("peer1", 7050), "other host": ("peer2", FAR)}
ADMITTED = {
    "any": ["described", "other port", "other host"],
    "peer": ["described", "other port"],
    "peer-port": ["described"],
}


def heard(lab, call, sources, port=0):
    """Who of them is heard at the inside port, and how many packets were shut out."""
    before = lab.counters()["door_shut"]
    phone = lab.udp("phone1", call.rtp + port)
    names = []
    for name, (host, source) in sources.items():
        sender = lab.udp(host, source)
        sender.send((call.public.addr, call.public_rtp + port), 2, name.encode())
        sender.close()
    for _, _, mark in phone.collect(2 * len(sources) + 1, 1):
        if mark.decode() not in names:
            names.append(mark.decode())
    phone.close()
    return names, lab.counters()["door_shut"] - before


def begin(lab, name, body=None, rtp=6000):
    call = Call(lab, *lab.ends, name, rtp=rtp, peer_rtp=FAR)
    call.invite()
    call.ring()
    call.answer = call.reply(200, "OK", body=body or sip.sdp(call.to, FAR))
    call.phone.send(sip.request("ACK", call.me, call.to, name, call.cseq, to_tag="to-1"))
    call.peer.recv_message()
    lab.wait_open([rtp, rtp + 1])
    return call


def refusals(admitted):
    return 2 * (len(SOURCES) - len(admitted))


def one_filter(t, lab, kind, rtp):
    lab.tool.set(media_filter=kind)
    call = begin(lab, kind, rtp=rtp)
    wanted = ADMITTED[kind]
    t.equal(heard(lab, call, SOURCES), (wanted, refusals(wanted)),
            f"{kind}: RTP is heard from: {', '.join(wanted)}; the rest is dropped and counted")
    rtcp = {"described": ("peer1", FAR + 1), "other port": ("peer1", FAR), "other host": ("peer2", FAR + 1)}
    t.equal(heard(lab, call, rtcp, 1), (wanted, refusals(wanted)),
            f"{kind}: and RTCP likewise, by the port next to RTP's")
    media = call.media()
    t.equal(media.outward(), media.expect_outward(), f"{kind}: the phone is heard as ever")
    media.close()
    call.bye()
    lab.wait_doors([])


def described_elsewhere(t, lab):
    """A media server answers for the peer; another peer is behind a NAT of its own."""
    lab.tool.set(media_filter="peer")
    call = begin(lab, "server", sip.sdp(lab.party("peer2"), FAR), 6200)
    t.equal(heard(lab, call, SOURCES), (["other host"], 4),
            "peer: the host that the description names is meant, not who signals")
    call.bye()
    lab.wait_doors([])
    call = begin(lab, "private", sip.sdp(lab.party("peer2").at(addr="192.168.9.9"), FAR), 6210)
    t.equal(heard(lab, call, SOURCES), (["described", "other port"], 2),
            "peer: where it names a private address, the signalling peer's is meant")
    call.bye()
    lab.wait_doors([])


def running_call(t, lab):
    """A setting is for doors that open from now on."""
    lab.tool.set(media_filter="peer-port")
    call = begin(lab, "running", rtp=6300)
    lab.tool.set(media_filter="any")
    t.equal(heard(lab, call, SOURCES), (ADMITTED["peer-port"], 4),
            "a call goes on as it was let in when the setting changes")
    call.bye()
    lab.wait_doors([])


def off(t, lab):
    lab.tool.set(media_filter="off")
    call = Call(lab, *lab.ends, "off", rtp=6400)
    seen = call.invite()
    t.equal((sip.media_addr(seen), sip.media_port(seen), sip.names(sip.split(seen)[0], call.me.addr)),
            (call.me.addr, 6400, []), "off: the description stays as it is, headers do not")
    call.accept()
    call.advertised, call.public_rtp = call.public.addr, 6400
    t.equal((heard(lab, call, SOURCES), lab.doors()), (([], 0), []), "off: no door, nothing is heard")
    call.bye()


def test(t):
    with Lab(out4="203.0.113", peers=2) as lab:
        lab.tool = Sipnat(lab.netns("router"))
        lab.ends = lab.tcp_pair()
        for n, kind in enumerate(ADMITTED):
            one_filter(t, lab, kind, 6000 + 10 * n)
        described_elsewhere(t, lab)
        running_call(t, lab)
        off(t, lab)
        lab.check_valid(t)


ktap.main(3 * 3 + 2 + 1 + 2 + 1, test)
