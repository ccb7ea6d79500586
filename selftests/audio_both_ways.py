#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Audio goes both ways whoever speaks first, from the advertised port, after the answer.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10
           fd00:122::3          2001:db8:1::1        2001:db8:1::10
    RTP 6000, 6010, 6020, RTCP one above           RTP 7000 ..., RTCP one above

The offer reserves the public ports and lets nothing in; the answer opens them.
"""
from nsip import ktap, sip
from nsip.call import Call
from nsip.lab import Lab


def ready(t, lab, v, first):
    """A call whose INVITE has passed."""
    phone, peer = lab.tcp_pair(v=v)
    n = {"phone": 0, "peer": 10}[first]
    call = Call(lab, phone, peer, f"{first}-first-{v}", v, 6000 + n, 7000 + n)
    seen = call.invite()
    t.equal((sip.media_addr(seen), sip.media_port(seen)), (call.public.addr, call.rtp),
            f"IPv{v}: the peer is told the public address, and the same port where free")
    return call


def before_answer(t, lab, call):
    """Reserved and shut; a peer that speaks too early is not shut out later."""
    v, both = call.v, [call.rtp, call.rtp + 1]
    t.equal((lab.wait_doors(both), lab.open_doors()), (both, []),
            f"IPv{v}: the offer reserves both ports and opens none")
    media, out, into = call.media(), lab.capture("out1"), lab.capture("in1")
    media.peer[0].send((call.advertised, call.public_rtp), 3, b"early")
    t.equal((media.phone[0].collect(3, 0.3), into.datagrams(),
             out.datagrams().count((False, call.peer_rtp, call.public_rtp))), ([], [], 3),
            f"IPv{v}: packets before the answer reach the router and get no further")
    return media


def both_ways(t, call, media, first):
    """Each direction on both ports; `first` speaks first."""
    v = call.v
    for i, what in enumerate(("RTP", "RTCP")):
        ways = {"phone": lambda i=i: (media.outward(i=i), media.expect_outward(i=i)),
                "peer": lambda i=i: (media.inward(i=i), media.expect_inward(i=i))}
        for who in sorted(ways, key=lambda w: w != first):
            seen, wanted = ways[who]()
            t.equal(seen, wanted, f"IPv{v}: {first} speaks first: {what} of the {who} arrives,"
                                  " from and to the advertised ports")
    return media


def unforeseen_port(t, lab, call, media):
    """The phone speaks to a port of the peer that no SDP named."""
    other = lab.udp("peer1", 7100, call.v)
    media.phone[0].send((call.to.addr, 7100), 3, b"other")
    t.equal(other.collect(3), [(call.public.addr, call.public_rtp, b"other")] * 3,
            f"IPv{call.v}: so it leaves to a peer port that nobody named")
    other.close()


def one_family(t, lab, v):
    for first in ("phone", "peer"):
        call = ready(t, lab, v, first)
        media = before_answer(t, lab, call)
        call.ring()
        both = [call.rtp, call.rtp + 1]
        t.equal(lab.wait_open(both), both, f"IPv{v}: 180 opens both")
        call.accept()
        both_ways(t, call, media, first)
        unforeseen_port(t, lab, call, media)
        had = lab.doors()
        call.bye()
        t.equal((had, lab.wait_doors([])), (both, []), f"IPv{v}: BYE and its 200 close them")
        media.close()


def called(t, lab, v):
    """The peer calls: offer outside, answer inside."""
    phone, peer = lab.tcp_pair(v=v)
    call = Call(lab, phone, peer, f"called-{v}", v, 6020, 7020)
    at_nat, at_home = call.public.at(user="alice"), call.me.at(port=call.public.port)
    offer = sip.invite(call.to, at_nat, call.name, call.peer_rtp)
    peer.send(offer)
    seen = phone.recv_message()
    t.ok(not sip.names(seen, call.public.addr) and sip.start_line(seen).startswith(
        f"INVITE sip:alice@{at_home.host}:"), f"IPv{v}: called: the phone reads its own address", seen)
    phone.send(sip.response(seen, 200, "OK", contact=call.me, body=sip.sdp(call.me, call.rtp)))
    answer = peer.recv_message()
    call.learn(answer)
    t.equal((sip.names(answer, call.me.addr), sip.media_addr(answer)), ([], call.public.addr),
            f"IPv{v}: called: the peer reads the public one")
    media = call.media()
    both_ways(t, call, media, "peer")
    media.close()
    bye = sip.request("BYE", call.me, call.to, call.name, 1, to_tag=f"from-{call.name}")
    phone.send(bye.replace(f"tag=from-{call.name}".encode(), b"tag=to-1", 1))
    bye = peer.recv_message()
    peer.send(sip.response(bye, 200, "OK"))
    phone.recv_message()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: called: the phone's BYE closes the doors")


def test(t):
    with Lab(attach="ports") as lab:
        for v in (4, 6):
            one_family(t, lab, v)
            called(t, lab, v)
        lab.check_valid(t)


ktap.main(2 * (2 * 10 + 7) + 1, test)
