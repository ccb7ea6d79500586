#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Connections that expire are found while a call looks for public ports.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10
    200 connections with half a message, whose conntrack entries have expired
    one with an INVITE for 14 media

Whether a rule forwards a public port is asked with locks held, and conntrack
ends what it finds expired on the way.  The table is made small, so that the way
to anything leads past some of them.  A debug kernel watches the locks.
"""
import re
import select

from nsip import ktap, sip, sock
from nsip.lab import Lab
from nsip.tool import Sipnat

IDLE = 200
MEDIA = 14
LIFE = 1
BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets"


def buckets(lab, value):
    """Sets the size of the table, which all namespaces share; the old one."""
    old = lab.run("router", "cat", BUCKETS, show=False).strip()
    lab.run("router", "sh", "-c", f"echo {value} >{BUCKETS}")
    return old


def idle_ones(lab):
    """Connections that hold half a message each; their phone's ends."""
    listener = lab.tcp_listen("peer1")
    ends = []
    for _ in range(IDLE):
        near, far = lab.tcp_pair(listener=listener)
        near.send(sip.invite(lab.party("phone1"), lab.party("peer1"), "idle", 7000)[:100])
        ends.append((near, far))
    for near, _ in ends:
        near.wait_acked()
    listener.close()
    return ends


def big_invite(lab, n):
    """Each asks for ports that none before has asked for."""
    me, port = lab.party("phone1"), 20000 + 200 * n
    body = sip.sdp(me, port) + "".join(f"m=audio {port + 10 * i} RTP/AVP 0\r\n"
                                      for i in range(1, MEDIA))
    return sip.invite(me, lab.party("peer1"), f"big-{n}", body=body)


def reset(ends):
    """How many of them have been reset."""
    poll = select.poll()
    for near, _ in ends:
        poll.register(near.sock, 0)
    return sum(bool(event & (select.POLLERR | select.POLLHUP)) for _, event in poll.poll(0))


def attempt(lab, nat, n):
    """Connections that there are, and after the INVITE; resets; INVITE as it arrives."""
    ends = idle_ones(lab)
    # Conntrack's own walk comes when the time-outs that it has seen let it expect something.
    lab.conntrack("-U", "-p", "tcp", "--timeout", str(LIFE))
    sock.time.sleep(LIFE + 0.5)
    phone, peer = lab.tcp_pair()
    before = len(nat.show("connections"))
    phone.send(big_invite(lab, n))
    seen = peer.recv_message()
    try:
        sock.until(lambda: len(nat.show("connections")) < before, "", 2)
    except sock.Timeout:
        pass
    after, resets = len(nat.show("connections")), reset(ends)
    for near, far in ends + [(phone, peer)]:
        near.close(reset=True)
        far.close(reset=True)
    return before, after, resets, seen


def test(t):
    with Lab(attach="ports") as lab:
        nat = Sipnat(lab.netns("router"))
        old = buckets(lab, 512)
        try:
            # The kernel's own walk over the table may be faster.
            for n in range(3):
                before, after, resets, seen = attempt(lab, nat, n)
                if before >= IDLE - 10 and after < before - 5:
                    break
        finally:
            buckets(lab, old)
        ports = [int(p) for p in re.findall(r"m=audio (\d+)", sip.body_of(seen))]
        t.ok(len(set(ports)) == MEDIA and not sip.names(seen, lab.addr("phone1")),
             f"the call gets {MEDIA} pairs of ports", ports)
        t.ok(before >= IDLE - 10 and after < before - 5,
             "connections that have expired end meanwhile", (before, after))
        t.ok(resets >= min(before - after, 5), "and their ends are told", resets)


ktap.main(3, test)
