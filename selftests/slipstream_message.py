#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The body of a MESSAGE that reads like SIP opens no door, and is not touched.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
    sends a MESSAGE whose body, in a segment of its own, is a REGISTER or an
    INVITE; the peer answers both, as one who wants in would
"""
from nsip import intree, ktap, sip, sock
from nsip.lab import Lab
from slipstream_post import reachable, smuggled


def carrier(me, to, text):
    return sip.request("MESSAGE", me, to, "carrier", extra=["Content-Type: text/plain"],
                       branch="carrier")[:-len("Content-Length: 0\r\n\r\n")] \
        + b"Content-Length: %d\r\n\r\n" % len(text) + text


def attack(lab, method, phone, peer):
    """(MESSAGE as it must be read, as it was read)"""
    text, answer = smuggled(lab, method)
    sent = carrier(lab.party("phone1"), lab.party("peer1"), text)
    phone.send(sent[:-len(text)])
    phone.wait_acked()
    phone.send(text)
    got = peer.recv_message()
    peer.send(answer)
    phone.recv_message()
    peer.send(sip.response(got, 200, "OK"))
    phone.recv_message()
    return carrier(lab.public(port=peer.remote[1]), lab.party("peer1"), text), got


def test(t):
    with Lab(attach="ports") as lab:
        for method in ("REGISTER", "INVITE"):
            phone, peer = lab.tcp_pair()
            wanted, got = attack(lab, method, phone, peer)
            t.equal(got, wanted, f"MESSAGE with {method}: header translated, body untouched")
            t.equal(lab.expectations(), [], f"MESSAGE with {method}: no door")
            t.ok(not reachable(lab), f"MESSAGE with {method}: port 8080 inside is out of reach")
            phone.close()
            peer.close()
        lab.check_valid(t)
    in_tree(t)


def in_tree(t):
    with Lab("in-tree") as lab:
        intree.whole_invite(t, lab)
        phone, peer = lab.tcp_pair(sport=5062)
        text, answer = smuggled(lab, "REGISTER")
        phone.send(carrier(lab.party("phone1", port=5062), lab.party("peer1"), text)[:-len(text)])
        phone.wait_acked()
        phone.send(text)
        sock.until(lambda: peer.pending(), "the MESSAGE")
        peer.send(answer)
        phone.recv_some()
        t.ok(reachable(lab), "in-tree helper: the MESSAGE's body opens port 8080 of the inside host")


if __name__ == "__main__":
    ktap.main(9, test)
