#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Flows that are in a door's way, and more flows by one door than it remembers.

    phone1 192.168.122.3 ---.
                             router 10.1.1.1 ---- peer1 10.1.1.10:5060
    phone2 192.168.122.4 ---'  masquerade, random

A flow that was there before the call has the very tuple that one by the door would
get: the one by the door gets another port, and is heard.  And a flow whose first
packet is still on its way through the router when the call ends.  And one that an
expectation lets find the door, but that the door does not admit.  And audio that the
phone has sent by a door that is given back, as its offer is refused.
"""
import threading

from nsip import ctnetlink, ktap, nfqueue, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.tool import Sipnat

MANY = 20               # a door remembers eight


def clashes(lab):
    return lab.counters()["door_clash"]


def at_the_door(t, lab, v):
    """The phone has spoken to the peer's media port before: by a port that the rules chose."""
    early, far = lab.udp("phone1", 6000, v), lab.udp("peer1", 7000, v)
    early.send((lab.addr("peer1", v), 7000), 2, b"early")
    before = far.collect(2)
    early.close()
    far.close()
    call = Call(lab, *lab.tcp_pair(v=v), f"clash-{v}", v).establish()
    media, had = call.media(), clashes(lab)
    media.peer[0].send((call.advertised, call.public_rtp), 3, b"door")
    heard = media.phone[0].collect(3)
    t.ok(len(before) == 2 and before[0][1] != 6000 and len(heard) == 3 and
         {(a, m) for a, _, m in heard} == {(call.to.addr, b"door")} and heard[0][1] != 7000,
         f"IPv{v}: what comes in by the door is heard beside a flow from before, from another port",
         (before, heard))
    media.phone[0].send(heard[0][:2] if heard else media.peer_addr, 3, b"back")
    t.equal((media.peer[0].collect(3), clashes(lab) - had),
            ([(call.advertised, call.public_rtp, b"back")] * 3, 1),
            f"IPv{v}: answered there, it leaves by the door; the clash is counted")
    call.bye()
    media.peer[0].send((call.advertised, call.public_rtp), 3, b"late")
    t.equal((lab.wait_doors([]), media.phone[0].collect(1, 0.5)), ([], []),
            f"IPv{v}: and BYE ends it")
    media.close()
    sock.hang_up(call.phone, call.peer)


def at_the_source(t, lab, v):
    """Another phone's flow has the public port that the call was given, to the same peer."""
    call = Call(lab, *lab.tcp_pair(v=v), f"taken-{v}", v, 6020, 7020).establish()
    rule = (f"table inet keep {{\nchain post {{\ntype nat hook postrouting priority srcnat - 1;\n"
            f"ip{'6' if v == 6 else ''} saddr {lab.addr('phone2', v)} udp sport 6020 masquerade\n}}\n}}\n")
    lab.run("router", "nft", "-f", "-", text=rule)
    other, media, had = lab.udp("phone2", 6020, v), call.media(), clashes(lab)
    other.send((call.to.addr, 7020), 2, b"other")
    first = media.peer[0].collect(2)
    media.phone[0].send((call.to.addr, 7020), 2, b"phone")
    second = media.peer[0].collect(2)
    t.ok([x[1] for x in first] == [6020] * 2 and len(second) == 2 and second[0][1] != 6020 and
         second[0][0] == call.advertised and clashes(lab) - had == 1,
         f"IPv{v}: where the public port is taken towards a peer, audio leaves by another, counted",
         (first, second, clashes(lab) - had))
    media.peer[0].send(second[0][:2] if second else media.public, 1, b"phone")
    media.peer[0].send(first[0][:2], 1, b"other")
    t.equal((media.phone[0].collect(1), other.collect(1)),
            ([(call.to.addr, 7020, b"phone")], [(call.to.addr, 7020, b"other")]),
            f"IPv{v}: what is answered to either comes to the one who spoke")
    lab.run("router", "nft", "delete", "table", "inet", "keep")
    call.bye()
    for s in (other, media):
        s.close()
    sock.hang_up(call.phone, call.peer)


def heard_from(media, senders, to):
    """Which of them are heard, each speaking once."""
    for n, s in enumerate(senders):
        s.send(to, 1, b"%d" % n)
    return sorted(int(m) for _, _, m in media.phone[0].collect(len(senders) + 1, 1))


def many(t, lab, v):
    """A peer that speaks from one port after another; the phone speaks to as many."""
    call = Call(lab, *lab.tcp_pair(v=v), f"many-{v}", v, 6040, 7040).establish()
    media, to = call.media(), (call.advertised, call.public_rtp)
    senders = [lab.udp("peer1", 7100 + 2 * i, v) for i in range(MANY)]
    everybody = list(range(MANY))
    t.equal([heard_from(media, senders, to) for _ in (1, 2)], [everybody] * 2,
            f"IPv{v}: {MANY} flows come in by one door, and go on")
    others = [lab.udp("peer1", 7200 + 2 * i, v) for i in range(MANY)]
    for s in others:
        media.phone[0].send((call.to.addr, s.sock.getsockname()[1]), 1, b"out")
    t.equal([s.collect(1) for s in others], [[(*to, b"out")]] * MANY,
            f"IPv{v}: as many leave by it, to ports that nobody named")
    t.equal(heard_from(media, senders + others, to), list(range(2 * MANY)), f"IPv{v}: all are heard")
    call.bye()
    lab.wait_doors([])
    t.equal(heard_from(media, senders + others, to), [], f"IPv{v}: BYE ends every one of them")
    for s in (media, *senders, *others):
        s.close()
    sock.hang_up(call.phone, call.peer)


def late(t, lab, v, way):
    """The first packet waits in a queue, as far behind as there may be one, until the call has ended."""
    ip, n = ("ip6" if v == 6 else "ip"), 6060 if way == "in" else 6066
    call = Call(lab, *lab.tcp_pair(v=v), f"late-{way}-{v}", v, n, n + 1000).establish()
    opened = lab.wait_open([call.public_rtp, call.public_rtp + 1])
    lab.run("router", "nft", "-f", "-", text=f"table {ip} queued {{ chain c {{ type filter hook postrouting "
            f"priority 1000; udp dport {n if way == 'in' else n + 1000} queue num 7; }}; }}")
    with lab.at("router"):
        q = nfqueue.Queue(7, gso=True)
    thread = threading.Thread(target=q.run, daemon=True)
    thread.start()
    q.pass_on.clear()
    media = call.media()
    if way == "in":
        media.peer[0].send((call.advertised, call.public_rtp), 1, b"late")
    else:
        media.phone[0].send(media.peer_addr, 1, b"late")
    sock.until(lambda: q.seen == 1, "nothing is queued")
    call.bye()
    doors = lab.wait_doors([])
    q.pass_on.set()
    hears = media.phone[0] if way == "in" else media.peer[0]
    heard = hears.collect(1, 1)
    flows = [x for x in lab.conntrack("-L", "-p", "udp", "-f", f"ipv{v}").splitlines()
             if f"dport={n} " in x or f"sport={n} " in x]
    t.equal((len(opened), doors, heard, flows), (2, [], [], []),
            f"IPv{v}: what began {way}ward as its call ended is not heard, and leaves no flow")
    q.stop()
    thread.join()
    lab.run("router", "nft", "delete", "table", ip, "queued")
    media.close()
    sock.hang_up(call.phone, call.peer)


def not_admitted(t, lab, v):
    """Somebody has removed the door's expectation and written one for everybody that names our function."""
    lab.tool.set(media_filter="peer-port")
    call = Call(lab, *lab.tcp_pair(v=v), f"wide-{v}", v, 6100, 7300).establish()
    to, media, stranger = (call.advertised, call.public_rtp), call.media(), lab.udp("peer1", 7398, v)
    lab.wait_open([call.public_rtp, call.public_rtp + 1])
    lab.run("router", "conntrack", "-F", "expect", check=False)
    ctnetlink.expect(lab, ctnetlink.anchors(lab, v)[0], to)
    before = lab.counters()
    stranger.send(to, 3, b"stranger")
    heard, after = media.phone[0].collect(3, 0.5), lab.counters()
    t.equal((heard, *(after[k] - before[k] for k in ("door_shut", "door_foreign_expect"))), ([], 3, 0),
            f"IPv{v}: whom the door does not admit is stopped, and is not counted as a foreign expectation's")
    t.equal(media.inward(), media.expect_inward(), f"IPv{v}: whom it admits is heard")
    call.bye()
    lab.wait_doors([])
    for s in (media, stranger):
        s.close()
    sock.hang_up(call.phone, call.peer)
    lab.tool.set(media_filter="peer")


def refused(t, lab, v):
    """A re-INVITE with another port, from which the phone speaks at once, gets 488."""
    call = Call(lab, *lab.tcp_pair(v=v), f"refused-{v}", v, 6130, 7400).establish()
    call.cseq, call.rtp, first = call.cseq + 1, 6140, call.public_rtp
    call.invite(to_tag="to-1")
    media = call.media()
    good = media.outward() == media.expect_outward()
    call.reply(488, "Not Acceptable Here")
    call.phone.send(sip.request("ACK", call.me, call.to, call.name, call.cseq, to_tag="to-1"))
    call.peer.recv_message()
    doors = lab.wait_doors([first, first + 1])

    def flows():
        return [x for x in lab.conntrack("-L", "-p", "udp", "-f", f"ipv{v}").splitlines()
                if f"sport={call.rtp} " in x]
    try:
        sock.until(lambda: not flows(), "")
    except sock.Timeout:
        pass
    t.equal((good, doors, flows()), (True, [first, first + 1], []),
            f"IPv{v}: what ran through a door ends when that is given back, as its offer is refused")
    call.bye()
    lab.wait_doors([])
    media.close()
    sock.hang_up(call.phone, call.peer)


def test(t):
    with Lab(nat="random", phones=2) as lab:
        lab.tool = Sipnat(lab.netns("router"))
        lab.tool.set(media_filter="peer")
        for v in (4, 6):
            at_the_door(t, lab, v)
            at_the_source(t, lab, v)
            many(t, lab, v)
            for way in ("in", "out"):
                late(t, lab, v, way)
            not_admitted(t, lab, v)
            refused(t, lab, v)
        lab.check_valid(t)


ktap.main(2 * (3 + 2 + 4 + 2 + 2 + 1) + 1, test)
