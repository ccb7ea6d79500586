#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An INVITE reads the same behind the NAT, wherever TCP cut it.

    phone1 192.168.122.3:40000 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3                   2001:db8:1::1         2001:db8:1::10

Via and Contact say port 5060, the connection comes from port 40000.  Each
position is cut once on one connection; those of the start line, which decides
whether this is SIP, on connections of their own too; and once each byte is in a
segment of its own.  The capture at the router's input says where the cuts were.
"""
from nsip import intree, ktap, sip, sock
from nsip.lab import Lab

PORT = 40000


def texts(lab, v, port=PORT):
    """The INVITE as sent, and as the peer must read it."""
    me, to, public = lab.party("phone1", v), lab.party("peer1", v), lab.public(v, port)
    size = {4: (509, 133), 6: (560, 140)}[v]
    return sip.sample_invite(me, to, None, *size), sip.sample_invite(me, to, public, *size)


def one_connection(t, lab, v, sent, wanted):
    phone, peer = lab.tcp_pair(v=v, sport=PORT)
    cap = lab.capture("in1")
    got = {}
    for at in range(1, len(sent)):
        phone.send(sent[:at])
        phone.send(sent[at:])
        got.setdefault(peer.recv_message(), []).append(at)
    cuts = [p for at in range(1, len(sent)) for p in (sent[:at], sent[at:])]
    t.equal(cap.payloads(out=False, dport=5060), cuts,
            f"IPv{v}: {len(sent) - 1} INVITEs came to the router, each cut at another byte")
    t.ok(list(got) == [wanted], f"IPv{v}: the peer read the same bytes for every cut, and the right ones",
         "\n".join(f"cut at {at[:5]}... ({len(at)}): {m!r}" for m, at in list(got.items())[:3])
         + f"\nwanted {wanted!r}")
    inside = sip.header(sent, "Contact").split("@")[1].split(":5060")[0].strip("[]")
    t.ok(got and not any(sip.names(m, inside) for m in got),
         f"IPv{v}: no inside address is left outside Call-ID",
         "\n".join(f"cut at {at[0]}: {sip.names(m, inside)}" for m, at in list(got.items())[:3]))
    t.equal(phone.retransmissions, 0, f"IPv{v}: the sender repeated nothing")
    sock.hang_up(phone, peer)


def own_connections(t, lab, v, sent, wanted):
    got = {}
    for at in range(1, sent.index(b"\r\n") + 3):
        phone, peer = lab.tcp_pair(v=v, sport=PORT)
        phone.send(sent[:at])
        phone.send(sent[at:])
        got.setdefault(peer.recv_message(), []).append(at)
        sock.hang_up(phone, peer)
    t.ok(list(got) == [wanted], f"IPv{v}: so it is where the first bytes of a connection are cut",
         list(got)[:3])


def bytewise(t, lab, v, sent, wanted):
    phone, peer = lab.tcp_pair(v=v, sport=PORT)
    cap = lab.capture("in1")
    phone.send_parts([sent[i:i + 1] for i in range(len(sent))])
    t.equal(peer.recv_message(), wanted, f"IPv{v}: so it is with each byte in a segment of its own")
    t.equal(max(map(len, cap.payloads(out=False, dport=5060))), 1,
            f"IPv{v}: {len(sent)} segments of one byte came to the router")
    sock.hang_up(phone, peer)


def in_tree(t):
    """The same with nf_conntrack_sip, first where it does work."""
    with Lab("in-tree") as lab:
        phone, peer = intree.whole_invite(t, lab)
        sent = sip.invite(lab.party("phone1"), lab.party("peer1"), "cut", 5010)
        phone.send(sent[:200])
        phone.wait_acked()
        phone.send(sent[200:])
        left = sip.names(peer.recv_message(), "192.168.122.3")
        t.ok(left, f"in-tree helper: cut in the header, {len(left)} lines with inside addresses leave")
        phone, peer = lab.tcp_pair(sport=PORT)
        phone.send(sip.invite(lab.party("phone1"), lab.party("peer1"), "ephemeral", 5020))
        left = sip.names(peer.recv_message(), "192.168.122.3")
        t.ok(left, f"in-tree helper: from port {PORT}, {len(left)} lines with inside addresses leave")


def test(t):
    with Lab(attach="ports") as lab:
        for v in (4, 6):
            sent, wanted = texts(lab, v)
            one_connection(t, lab, v, sent, wanted)
            own_connections(t, lab, v, sent, wanted)
            bytewise(t, lab, v, sent, wanted)
        lab.check_valid(t)
    in_tree(t)


ktap.main(18, test)
