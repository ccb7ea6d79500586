#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Both ends of a connection are inside, and both are translated (N9).

    phone1 10.0.30.2:27901 ---.
    the client                 router 64.100.0.10
    phone2 10.0.10.2:5060  ---'   :7003 -> phone2:5060, the client shows as :4401
    the server                    likewise fd00:30::2, fd00:10::2, 2001:db8:64::10

Each end knows the other by the public address, and of that only the port tells
which of the two is meant.
"""
import os
import re

from nsip import ktap, sip, sock
from nsip.lab import Lab

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = {4: "10.0.30.2", 6: "fd00:30::2"}
SERVER = {4: "10.0.10.2", 6: "fd00:10::2"}
PUBLIC = {4: "64.100.0.10", 6: "2001:db8:64::10"}
MSS = 536


def addresses(lab):
    lab.run("router", "ip", "link", "add", "wan", "type", "dummy")
    lab.run("router", "ip", "link", "set", "wan", "up")
    for v, bits in ((4, 32), (6, 128)):
        nodad = ["nodad"] if v == 6 else []
        lab.run("router", "ip", "addr", "add", f"{PUBLIC[v]}/{bits}", "dev", "wan", *nodad)
        for n, addr in ((1, CLIENT[v]), (2, SERVER[v])):
            lab.run(f"phone{n}", "ip", "addr", "add", f"{addr}/{bits}", "dev", "eth0", *nodad)
            lab.run("router", "ip", "route", "add", f"{addr}/{bits}", "dev", lab.dev(f"in{n}"))


def rules(lab):
    """What a router does that publishes a server for its own inside, too."""
    text = ""
    for v, ip in ((4, "ip"), (6, "ip6")):
        def at(addr, port, v=v):
            return f"{addr}:{port}" if v == 4 else f"[{addr}]:{port}"
        text += f"""
            add rule inet {lab.id} nat_in {ip} daddr {PUBLIC[v]} tcp dport 7003 dnat {ip} to {at(SERVER[v], 5060)}
            add rule inet {lab.id} nat_out {ip} saddr {CLIENT[v]} tcp sport 27901 ct status dnat snat {ip} to {at(PUBLIC[v], 4401)}
            """
    lab.run("router", "nft", "-f", "-", text=text)


class Reflected:
    """The connection: `client` and `server` are its ends."""

    def __init__(self, lab, v):
        self.lab, self.v = lab, v
        with lab.at("phone2"):
            listener = sock.tcp_listen(SERVER[v], 5060)
        with lab.at("phone1"):
            self.client = sock.tcp_connect(CLIENT[v], 27901, (PUBLIC[v], 7003), mss=MSS).nodelay()
        if not sock.readable(listener):
            raise sock.Timeout("the connection does not arrive")
        self.server = sock.Tcp(listener.accept()[0]).nodelay()
        listener.close()
        self.near = sip.Party(CLIENT[v], 27901, "client")
        self.far = sip.Party(SERVER[v], 5060, "server")
        self.near_public, self.far_public = self.near.at(addr=PUBLIC[v], port=4401), \
            self.far.at(addr=PUBLIC[v], port=7003)

    def close(self):
        sock.hang_up(self.client, self.server)


def named(msg):
    """Users are named by a domain: without a port nobody could tell which of the two is meant."""
    return re.sub(rb"((?:From|To): <sip:\w+)@[^>]*>", rb"\1@example.com>", msg)


def route(party):
    return f"Route: <sip:{party.hostport};transport=tcp;lr>"


def service(t, r):
    """The server asks the client, which it knows by the public address."""
    v, uri = r.v, "sip:client@example.com"
    sent, wanted = (named(sip.request("SERVICE", me, to, f"service-{v}", uri=uri, extra=[route(to)]))
                    for me, to in ((r.far, r.near_public), (r.far_public, r.near)))
    r.server.send(sent)
    seen = r.client.recv_message()
    t.equal(seen, wanted, f"IPv{v}: SERVICE with Route {r.near_public.hostport} arrives with {r.near.hostport}")
    r.client.send(sip.response(seen, 200, "OK"))
    t.equal(r.server.recv_message(), sip.response(sent, 200, "OK"),
            f"IPv{v}: its 200 goes back, with the Via as the server wrote it")


def multipart(t, r):
    """A server that knows its public address; the body is no session description."""
    with open(f"{HERE}/corpus/service-multipart.sip", "rb") as f:
        text = f.read()
    r.server.send_parts([text[i:i + MSS] for i in range(0, len(text), MSS)])
    seen = r.client.recv_message()
    wanted = text.replace(b"Route: <sip:64.100.0.10:4401;", b"Route: <sip:10.0.30.2:27901;")
    t.equal((len(text) > 4 * MSS, seen), (True, wanted),
            f"SERVICE of {len(text)} bytes in segments of {MSS}: of all that it says only this Route changes")
    answer = sip.response(seen, 200, "OK")
    r.client.send(answer)
    t.equal(r.server.recv_message(), answer, "its 200 goes back as it was written: the Via was public before")


def call(t, r):
    """The client calls the server: audio both ways, from public addresses only."""
    v, lab = r.v, r.lab
    r.client.send(named(sip.invite(r.near, r.far_public, f"call-{v}", 6000)))
    seen = r.server.recv_message()
    t.equal(seen, named(sip.invite(r.near_public, r.far, f"call-{v}", sip.media_port(seen))),
            f"IPv{v}: INVITE: each end reads the other's public address, and its own inside one")
    to_client = (sip.media_addr(seen), sip.media_port(seen))
    r.server.send(sip.response(seen, 200, "OK", contact=r.far, body=sip.sdp(r.far, 6000)))
    seen = r.client.recv_message()
    to_server = (sip.media_addr(seen), sip.media_port(seen))
    t.equal((sip.names(seen, r.far.addr), to_server[0], to_server[1] != to_client[1]), ([], PUBLIC[v], True),
            f"IPv{v}: and so in its answer; the ports are two")
    lab.wait_open_has([to_client[1], to_server[1]], 17)
    with lab.at("phone1"):
        client = sock.udp(CLIENT[v], 6000)
    with lab.at("phone2"):
        server = sock.udp(SERVER[v], 6000)
    for first in ("client", "server"):
        for who in (first, "server" if first == "client" else "client"):
            here, there, to, seen_as = (client, server, to_server, to_client) if who == "client" else \
                (server, client, to_client, to_server)
            here.send(to, 3, who.encode())
            t.equal(there.collect(3, 1), [(*seen_as, who.encode())] * 3,
                    f"IPv{v}: {first} first: audio of the {who} comes from the public address and its port")
    r.client.send(named(sip.request("BYE", r.near, r.far_public, f"call-{v}", 2, to_tag="to-1")))
    r.server.send(sip.response(r.server.recv_message(), 200, "OK"))
    r.client.recv_message()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: BYE closes the doors of both")
    client.close()
    server.close()


def test(t):
    with Lab(phones=2, peers=0, in4="192.168.9", in6="fd00:9:") as lab:
        addresses(lab)
        rules(lab)
        for v in (4, 6):
            r = Reflected(lab, v)
            t.equal(r.server.remote, (PUBLIC[v], 4401), f"IPv{v}: the server sees {PUBLIC[v]}:4401")
            service(t, r)
            if v == 4:
                multipart(t, r)
            call(t, r)
            r.close()
        lab.check_valid(t)


ktap.main(2 * 10 + 2 + 1, test)
