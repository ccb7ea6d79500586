#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ICMP errors name the sender's own numbers, and make our segments smaller, too.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- middle ---- peer1 10.1.1.10:5060
    phone1 192.168.122.3 ---- middle ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

The middle router takes packets of 1000 bytes towards the host behind it, 1280 of
IPv6, and complains about larger ones.  The hosts know nothing of it, and all they
send has DF.  Errors made by hand quote eight bytes of the TCP header, not more.
"""
from nsip import ktap, middle, sip, sock, wire
from nsip.lab import Lab

MTU = {4: 1000, 6: 1280}
HEADERS = {4: 52, 6: 72}    # IP, TCP, timestamps


class Pair:
    """A connection whose both directions have another offset than zero."""

    def __init__(self, lab, v):
        self.lab, self.v = lab, v
        self.phone, self.peer = lab.tcp_pair(v=v)
        self.inside, self.public = lab.party("phone1", v), lab.public(v, self.peer.remote[1])
        self.answer(self.ask("first"), self.wrote("first"))

    def request(self, me, call, method="OPTIONS"):
        return sip.request(method, me, self.lab.party("peer1", self.v), call)

    def wrote(self, call):
        return self.request(self.inside, call)

    def ask(self, call):
        """What the peer reads of a request of the phone."""
        self.phone.send(self.wrote(call))
        return self.peer.recv_message()

    def answer(self, req, orig, text=0):
        """The peer answers; what it wrote, what the phone has to read."""
        made = [sip.response(r, 200, "OK") for r in (req, orig)]
        if text:
            return [sip.with_text(m, text) for m in made]
        self.peer.send(made[0])
        if self.phone.recv_up_to(len(made[1])) != made[1]:
            raise AssertionError("the first answer is wrong")
        return made

    def close(self):
        sock.hang_up(self.phone, self.peer)


def send_apart(end, msg):
    """Header and body in segments of their own: the body's pass as they are."""
    head, body = sip.split(msg)
    end.send(head)
    end.wait_acked()
    end.send(body)


def errors_fit(t, what, sender, near, far):
    """near: a capture at the sender, far: between the two routers."""
    seen, came = near.icmp_errors(), far.icmp_errors()
    sent = near.segments(out=True)
    t.ok(seen and all(e.valid and (e.src, e.sport, e.dst, e.dport) == (*sender.local, *sender.remote)
                      and e.seq in {s.seq for s in sent} and e.ack in {s.ack for s in sent} for e in seen),
         what + "errors are valid and quote numbers that the sender wrote", (seen, [(s.seq, s.ack) for s in sent]))
    t.ok(len(came) == len(seen) and all(c.seq != s.seq and c.ack != s.ack for c, s in zip(came, seen)),
         what + "which are not those that were quoted on the way", (came, seen))


def learns(t, lab, v, host):
    """The sender finds out what the path takes, by segments that pass and by ours."""
    what = f"IPv{v}, middle before {host}: "
    pair = Pair(lab, v)
    with lab.at("phone1" if host == "peer1" else "peer1"):
        near = wire.Capture("eth0")
    far = lab.capture("out1" if host == "peer1" else "in1")
    before = lab.counters()
    if host == "peer1":
        sender, reader = pair.phone, pair.peer
        sent, wanted = (sip.with_text(pair.request(who, "big", "MESSAGE"), 6000)
                        for who in (pair.inside, pair.public))
    else:
        sender, reader = pair.peer, pair.phone
        sent, wanted = pair.answer(pair.ask("second"), pair.wrote("second"), 6000)
    small = MTU[v] - HEADERS[v]
    t.ok(sender.mss > small, what + "the sender does not know the path", sender.mss)
    send_apart(sender, sent)
    t.equal(reader.recv_up_to(len(wanted)), wanted, what + "6000 bytes of text arrive")
    t.equal(sender.mss, small, what + "the sender found out about the path")
    errors_fit(t, what, sender, near, far)
    after = lab.counters()
    t.equal(after["icmp_translated"] - before["icmp_translated"], len(near.icmp_errors()),
            what + "all of them are counted")
    t.ok(after["icmp_cut"] > before["icmp_cut"], what + "and our segments would be smaller, too", after)
    pair.close()


def own(t, lab, v):
    """Bytes that were acknowledged in the peer's name: nobody repeats them but us."""
    what = f"IPv{v}, own bytes: "
    lab.run("phone1", "ip", f"-{v}", "route", "flush", "cache")
    pair = Pair(lab, v)
    out = lab.capture("out1")
    before = lab.counters()
    bare = sip.invite(pair.inside, lab.party("peer1", v), "own", extra=["Subject: "])
    extra = ["Subject: " + "x" * (1350 - len(bare))]
    sent, wanted = (sip.invite(who, lab.party("peer1", v), "own", extra=extra, body=sip.sdp(who, 6000))
                    for who in (pair.inside, pair.public))
    for part in (sent[:1300], sent[1300:]):
        pair.phone.send(part)
        if part is not sent[1300:]:
            pair.phone.wait_acked()
    t.equal(pair.peer.recv_up_to(len(wanted)), wanted, what + "a message held in two pieces arrives")
    pair.phone.wait_acked()
    left = [s for s in out.segments(out=True, dport=5060) if s.data]
    after = lab.counters()
    t.ok(left[0].frame > MTU[v] and all(s.frame <= MTU[v] for s in left[1:]),
         what + "the first segment was too large, the others are not", [s.frame for s in left])
    t.equal((pair.phone.retransmissions, after["icmp_cut"] - before["icmp_cut"]), (0, 1),
            what + "one error, and the phone repeated nothing")
    t.ok(after["emit_resent"] > before["emit_resent"], what + "we did", after)
    pair.close()


def forge(lab, host, src, sport, to, seq, code, mtu=0):
    """An ICMP error about a segment src:sport -> to that `host` makes up."""
    with lab.at(host):
        wire.unreachable((src, sport), to, seq, code, mtu)


def made_up(t, lab, v=4):
    """Errors that quote as little as is allowed, and those that only claim something."""
    pair = Pair(lab, v)
    with lab.at("phone1"):
        near = wire.Capture("eth0")
    out = lab.capture("out1")
    pair.ask("second")
    pair.phone.wait_acked()
    last = out.segments(out=True, dport=5060)[-1]
    nxt = last.seq + len(last.data)
    mine = near.segments(out=True)[-1]
    before = lab.counters()
    forge(lab, "peer1", pair.public.addr, pair.peer.remote[1], pair.peer.local, nxt, code=1)
    seen = sock.until(near.icmp_errors, "the error does not arrive")
    t.equal((seen[0].seq, seen[0].ack, seen[0].valid, seen[0].kind, seen[0].code),
            (mine.seq + len(mine.data) & 0xffffffff, None, True, 3, 1),
            "an error that quotes eight bytes is translated")
    t.ok(nxt & 0xffffffff != seen[0].seq, "and was not right before", nxt)
    for n, seq in enumerate((nxt, nxt - 3000000, nxt + 3000000), 2):
        forge(lab, "peer1", pair.public.addr, pair.peer.remote[1], pair.peer.local, seq, code=4, mtu=600)
        sock.until(lambda n=n: len(near.icmp_errors()) == n, "the error does not arrive")
    after = lab.counters()
    t.equal((after["icmp_stale"] - before["icmp_stale"], after["icmp_cut"] - before["icmp_cut"],
             after["seg_bad"] - before["seg_bad"]), (3, 0, 0),
            "too big, about what is not under way: we do not believe it")
    pair.close()


def not_ours(t, lab):
    """An error about another NATed connection keeps its number."""
    phone, peer = lab.tcp_pair(dport=8080)
    with lab.at("phone1"):
        near = wire.Capture("eth0")
    forge(lab, "peer1", lab.addr("public"), peer.remote[1], peer.local, 0x12345678, code=1)
    seen = sock.until(near.icmp_errors, "the error does not arrive")
    t.equal((seen[0].seq, seen[0].valid), (0x12345678, True), "another connection's error passes as it is")
    sock.hang_up(phone, peer)


def test(t):
    with Lab() as lab:
        made_up(t, lab)
        not_ours(t, lab)
        middle.insert(lab, "peer1", MTU[4], MTU[6])
        for v in (4, 6):
            own(t, lab, v)
            learns(t, lab, v, "peer1")
        lab.check_valid(t)
    with Lab() as lab:
        middle.insert(lab, "phone1", MTU[4], MTU[6])
        for v in (4, 6):
            learns(t, lab, v, "phone1")
        lab.check_valid(t)


ktap.main(4 + 2 * 4 + 4 * 7 + 2, test)
