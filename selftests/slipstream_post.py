#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An HTTP POST that smuggles SIP in a segment of its own opens no door.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    a browser, and a                               an attacker's web server, which
    service on 8080                                answers as a SIP registrar would
"""
from nsip import intree, ktap, sip, sock
from nsip.lab import Lab

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"


def smuggled(lab, method):
    """SIP text that asks for a door, and the answer that would open it."""
    me, to = lab.party("phone1", port=8080), lab.party("peer1")
    if method == "INVITE":
        text = sip.invite(me, to, "smuggled", 6000)
        return text, sip.response(text, 200, "OK", contact=to, body=sip.sdp(to, 7000))
    text = sip.request("REGISTER", me, to, "smuggled", extra=["Expires: 3600"])
    public = lab.public(port=8080)
    return text, sip.response(text, 200, "OK", contact=public, extra=["Expires: 3600"])


def attack(lab, method, phone, peer):
    """What arrives at each end, and what was sent."""
    text, answer = smuggled(lab, method)
    head = HEAD % len(text)
    phone.send(head)
    phone.wait_acked()
    phone.send(text)
    got = peer.recv_exact(len(head + text))
    peer.send(answer)
    return got == head + text, phone.recv_exact(len(answer)) == answer


def reachable(lab):
    """Can the attacker connect to port 8080 of the inside host?"""
    service = lab.tcp_listen("phone1", 8080)
    try:
        lab.tcp_connect("peer1", 0, (lab.addr("public"), 8080), patience=2).close()
        return sock.readable(service, 1)
    except OSError:
        return False
    finally:
        service.close()


def test(t):
    with Lab(attach="ports") as lab:
        for method in ("REGISTER", "INVITE"):
            phone, peer = lab.tcp_pair()
            before = lab.counters()
            t.equal(attack(lab, method, phone, peer), (True, True),
                    f"POST with {method}: the bytes are untouched both ways")
            t.equal(lab.expectations(), [], f"POST with {method}: no door")
            t.ok(not reachable(lab), f"POST with {method}: port 8080 inside is out of reach")
            t.equal({k: n - before.get(k, 0) for k, n in lab.counters().items()
                     if k.startswith("opaque") and n != before.get(k, 0)},
                    {"opaque_not_sip": 1}, f"POST with {method}: the connection is opaque")
            whole = sip.invite(lab.party("phone1"), lab.party("peer1"), "later", 6100)
            phone.send(whole)
            t.equal((peer.recv_exact(len(whole)), lab.expectations()), (whole, []),
                    f"POST with {method}: and stays so: SIP behind it is not looked at")
            phone.close()
            peer.close()
        lab.check_valid(t)
    in_tree(t)


def in_tree(t):
    with Lab("in-tree") as lab:
        intree.whole_invite(t, lab)
        attack_in_tree(lab)
        t.ok(reachable(lab), "in-tree helper: the POST with REGISTER opens port 8080 of the inside host")


def attack_in_tree(lab):
    phone, peer = lab.tcp_pair(sport=5060 + 1)
    text, answer = smuggled(lab, "REGISTER")
    phone.send(HEAD % len(text))
    phone.wait_acked()
    phone.send(text)
    sock.until(lambda: peer.pending(), "the POST")
    peer.send(answer)
    phone.recv_some()
    return phone, peer


if __name__ == "__main__":
    ktap.main(13, test)
