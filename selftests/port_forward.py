#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A server inside, published by port forwarding, takes a call from outside.

    phone1 192.168.122.3:5060 ---- router 10.1.1.1:5060 ---- peer1 10.1.1.10
    the server                     DNAT                      the client

The peer's client has an ephemeral port and writes 5060.
"""
from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab


def connect(lab, v):
    """The two ends, the server's first."""
    listener = lab.tcp_listen("phone1", v=v)
    client = lab.tcp_connect("peer1", 0, (lab.addr("public", v), 5060), v)
    if not sock.readable(listener):
        raise sock.Timeout("the connection does not arrive")
    server = sock.Tcp(listener.accept()[0])
    listener.close()
    return server.nodelay(), client.nodelay()


def one(t, lab, v):
    server, client = connect(lab, v)
    me, public, far = lab.party("phone1", v), lab.public(v), lab.party("peer1", v)
    client.send(sip.invite(far, public, "in", 7000))
    seen = server.recv_message()
    t.equal(seen, sip.invite(far, me, "in", 7000), f"IPv{v}: the server reads its own address")
    server.send(sip.response(seen, 200, "OK", contact=me, body=sip.sdp(me, 6000)))
    answer = client.recv_message()
    t.equal(answer, sip.response(sip.invite(far, public, "in", 7000), 200, "OK", contact=public,
                                 body=sip.sdp(public, 6000)), f"IPv{v}: the client the public one")
    t.equal(lab.wait_open([6000, 6001]), [6000, 6001], f"IPv{v}: the answer opens two doors")
    call = Call(lab, server, client, "in", v)
    call.public = public
    call.learn(answer)
    media = call.media()
    t.equal((media.inward(), media.outward()), (media.expect_inward(), media.expect_outward()),
            f"IPv{v}: audio both ways")
    media.close()
    client.send(sip.request("BYE", far, public, "in", 2, to_tag="to-1"))
    server.send(sip.response(server.recv_message(), 200, "OK"))
    client.recv_message()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: BYE and its 200 close them")


def test(t):
    with Lab(attach="ports", nat="forward") as lab:
        for v in (4, 6):
            one(t, lab, v)
        lab.check_valid(t)


ktap.main(11, test)
