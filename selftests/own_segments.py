#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Segments of our own look like those of the sender they stand in for.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

TTL, DSCP and mark are those of its last packet; no segment is longer than what
the receiver announced; and where ECN is used CWR and ECE go their way.
"""
import socket

from nsip import ktap, sock, wire
from nsip.exchange import Exchange
from nsip.lab import Lab

TOS, TTL, MARK = 0xb8, 50, 0x42


def dress(end, v):
    if v == 4:
        end.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, TOS)
        end.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
    else:
        end.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, TOS)
        end.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, TTL)


def marked(lab, dev):
    """Packets that left there with the mark."""
    stat = lab.run("router", "tc", "-s", "filter", "show", "dev", dev, "egress", show=False)
    return sum(int(x.split()[3]) for x in stat.splitlines() if "Sent" in x)


def looks(t, lab, v):
    """A peer that does not answer gets a message again and again, from us."""
    ex = Exchange(lab, v)
    dress(ex.phone, v)
    ex.round()
    wrote, wanted = ex.texts()
    out, inside = lab.capture("out1"), lab.capture("in1")
    acks, n = lab.counters()["ack_spoofed"], marked(lab, lab.dev("out1"))
    ex.phone.send(wrote[:200])
    ex.phone.wait_acked()
    t.ok(lab.counters()["ack_spoofed"] > acks and all(
        (s.ttl, s.tos & ~3) == (63, 0) for s in inside.segments(out=True)),
         f"IPv{v}: an acknowledgement in the peer's name has its TTL and DSCP", inside.segments(out=True))
    lab.run("peer1", "nft", "-f", "-", text="table inet deaf { chain c { type filter hook input priority -400;"
            " meta l4proto tcp drop; }; }")
    ex.phone.send(wrote[200:])
    sock.until(lambda: len(out.payloads(out=True)) >= 4, "nothing is sent again")
    lab.run("peer1", "nft", "delete", "table", "inet", "deaf")
    read = ex.peer.recv_up_to(len(wanted))
    left = [s for s in out.segments(out=True) if s.data]
    t.equal((read, {(s.ttl, s.tos & ~3) for s in left}), (wanted, {(TTL - 1, TOS)}),
            f"IPv{v}: repeats have the phone's TTL and DSCP")
    t.equal(marked(lab, lab.dev("out1")) - n, len(out.segments(out=True)), f"IPv{v}: and all have the mark")
    ex.close()


def marks(lab):
    lab.run("router", "modprobe", "-q", "-a", "cls_fw", "sch_ingress", check=False)
    lab.run("router", "nft", "-f", "-", text=f"table inet marks {{ chain c {{ type filter hook forward priority 0;"
            f" meta l4proto tcp meta mark set {MARK}; }}; }}")
    lab.run("router", "tc", "qdisc", "add", "dev", lab.dev("out1"), "clsact")
    for n, family in enumerate(("ip", "ipv6"), 1):
        lab.run("router", "tc", "filter", "add", "dev", lab.dev("out1"), "egress", "prio", n, "protocol", family,
                "handle", MARK, "fw", "action", "pass")


def maxseg(t, lab, mss):
    """Nothing is longer than what the receiver says, less the timestamps."""
    listener = lab.tcp_listen("peer1", mss=mss)
    out = lab.capture("out1")
    ex = Exchange(lab, listener=listener)
    listener.close()
    wrong = ex.round() + ex.round(cuts=(300,)) + ex.round(size=1500, cuts=(700,)) + ex.burst(4)
    longest = max(len(s.data) for s in out.segments(out=True))
    t.equal((wrong, longest), ([], mss - 12), f"TCP_MAXSEG {mss}: messages arrive right, in segments of that size")
    ex.close()


def ecn(t, mode):
    """Every third packet with data is marked on its way."""
    with Lab() as lab:
        for host in ("phone1", "peer1"):
            # AccECN, where the kernel has it; elsewhere the same once more.
            for try_mode in (1, mode):
                lab.run(host, "sysctl", "-qw", f"net.ipv4.tcp_ecn={try_mode}", check=False)
            on = lab.run(host, "sysctl", "-n", "net.ipv4.tcp_ecn", show=False).strip()
        what = f"ECN, tcp_ecn={on}: "
        lab.run("router", "nft", "-f", "-", text="table ip congested { chain c { type filter hook forward priority 5;"
                " ip ecn != not-ect numgen inc mod 3 0 ip ecn set ce; }; }")
        cap, ex = lab.capture("out1"), Exchange(lab)
        wrong = [w for _ in range(3) for w in ex.usual()]
        t.equal(wrong, [], what + "messages arrive right")
        seen = cap.segments()
        flags = (sum(bool(s.flags & wire.CWR) for s in seen), sum(bool(s.flags & wire.ECE) for s in seen))
        t.ok(all(flags), what + "CWR and ECE were seen", flags)
        ex.close()
        lab.check_valid(t)


def test(t):
    with Lab() as lab:
        marks(lab)
        for v in (4, 6):
            looks(t, lab, v)
        lab.check_valid(t)
    with Lab(offload="off") as lab:
        for mss in (88, 536):
            maxseg(t, lab, mss)
        lab.check_valid(t)
    ecn(t, 1)
    ecn(t, 3)


ktap.main(2 * 3 + 1 + 2 + 1 + 2 * 3, test)
