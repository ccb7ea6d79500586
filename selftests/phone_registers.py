#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A phone registers, closes its connection, and can be called.

    phone1 192.168.122.3:5060 ---- router 10.1.1.1 ---- peer1 10.1.1.10  its registrar
    listens on 5060, connects      masquerade          peer2 10.1.1.11  somebody else
    from other ports

The door is for the registrar alone, lasts as long as it granted, and does not
depend on the connection by which the phone registered.

NSIP_WAIT: seconds from its end until the call (0; conntrack is made to forget it)
"""
import os
import time

from nsip import ktap, sip, sock
from nsip.lab import Lab
from nsip.reg import Phone
from nsip.tool import Sipnat


WAIT = int(os.environ.get("NSIP_WAIT", "0"))


def forget_connections(lab):
    """Conntrack knows nothing of the phone's connection; by itself after two minutes."""
    time.sleep(WAIT)
    if WAIT > 120:
        return
    lab.conntrack("-D", "-p", "tcp")
    lab.conntrack("-D", "-p", "tcp", "-f", "ipv6")


def gone(phone, host="peer1", patience=8):
    """Does the door close?  Its end is looked for once in a while."""
    try:
        sock.until(lambda: not phone.reachable_from(host), "the door", patience)
    except sock.Timeout:
        return False
    return True


def comes_back(phone, host="peer1", patience=8):
    try:
        return bool(sock.until(lambda: phone.reachable_from(host), "the door", patience))
    except sock.Timeout:
        return False


def registers(t, lab, v):
    phone = Phone(lab, v=v).connect()
    phone.ask("Expires: 3600")
    port = phone.contact[1]
    t.equal(phone.contact, (lab.addr("public", v), 5060), f"IPv{v}: the registrar reads a public Contact")
    t.equal(sip.names(phone.asked, phone.me.addr), [], f"IPv{v}: and no inside address")
    # Before the answer the registrar itself is refused.
    t.ok(not phone.reachable_from("peer1"), f"IPv{v}: no door before the answer")
    got = phone.answer(expires=3600)
    t.equal(sip.header(got, "Contact"), sip.header(phone.wrote, "Contact") + ";expires=3600",
            f"IPv{v}: the phone reads back what it wrote")
    phone.hang_up()
    forget_connections(lab)
    t.ok(*phone_called(phone, f"IPv{v}: without its connection it is called, audio both ways"))
    t.ok(not phone.reachable_from("peer2"), f"IPv{v}: somebody else is refused")
    t.ok(phone.reachable_from("peer1"), f"IPv{v}: the registrar is not, once more")
    lab.conntrack("-F")
    t.ok(comes_back(phone), f"IPv{v}: conntrack -F: it is called again soon after")
    return phone, port


def phone_called(phone, claim):
    good, why = phone.called_from("peer1")
    return good, claim, why


def anybody(t, lab, phone, nat):
    v = phone.v
    nat.set(signalling_filter="any")
    phone.connect().register()
    phone.hang_up()
    t.ok(phone.reachable_from("peer2"), f"IPv{v}: signalling_filter any: anybody may call")
    nat.set(signalling_filter="peer")
    phone.connect().register()
    phone.hang_up()
    t.ok(phone.reachable_from("peer1"), f"IPv{v}: peer: the registrar may")


def ends(t, lab, phone):
    v = phone.v
    near, far = phone.try_from("peer1")
    phone.connect().register(expires=0)
    t.ok(not phone.reachable_from("peer1"), f"IPv{v}: expires=0 and its 200: refused at once")
    options = sip.request("OPTIONS", lab.party("peer1", v), phone.public, "late", 1)
    far.send(options)
    t.equal(near.recv_message(), sip.request("OPTIONS", lab.party("peer1", v), phone.me, "late", 1),
            f"IPv{v}: a connection that came in before goes on")
    sock.hang_up(far, near)
    phone.hang_up()
    t.equal(lab.doors(6), [], f"IPv{v}: no door is left")
    phone.connect().register(expires=3)
    phone.hang_up()
    t.ok(phone.reachable_from("peer1"), f"IPv{v}: registered for three seconds, reachable")
    time.sleep(3)
    t.ok(gone(phone), f"IPv{v}: and refused after them")


def challenged(t, lab, phone):
    v = phone.v
    phone.connect()
    phone.ask("Expires: 60")
    first = phone.contact
    phone.answer(401, "Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n"')
    t.ok(not phone.reachable_from("peer1"), f"IPv{v}: a challenge opens nothing")
    phone.ask("Expires: 60", 'Authorization: Digest username="alice", realm="r", nonce="n"')
    t.equal(phone.contact, first, f"IPv{v}: the retry has the same port")
    phone.answer(expires=60)
    t.ok(phone.reachable_from("peer1"), f"IPv{v}: and its 200 opens the door")
    phone.ask(contact=["Contact: *", "Expires: 0"])
    phone.answer()
    t.ok(not phone.reachable_from("peer1"), f"IPv{v}: 'Contact: *' closes it")
    phone.hang_up()


def test(t):
    with Lab(contact="door", peers=2) as lab:
        nat = Sipnat(lab.netns("router"))
        for v in (4, 6):
            phone, _ = registers(t, lab, v)
            shown = nat.show("bindings")
            t.equal([b["state"] for b in shown], ["active"], f"IPv{v}: sipnat shows the binding")
            anybody(t, lab, phone, nat)
            ends(t, lab, phone)
            challenged(t, lab, phone)
            phone.close()
        lab.check_valid(t)


ktap.main(2 * 20 + 1, test)
