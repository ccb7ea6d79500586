#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Lists read over netlink hold every entry once, whatever comes and goes while they are read.

    phone1 192.168.122.3 ====== router 10.1.1.1 ====== peer1 10.1.1.10:5060
    RTP of call i: 20000 + 2 * i

Events arrive as well, with what happened and why.
"""
import socket
import time

from nsip import ktap, netlink, sip, sock
from nsip.call import Call
from nsip.lab import Lab

CALLS, CONNECTIONS = 250, 120
HALF = b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP "


class Between:
    """A socket; once its owner has read the first part of an answer, something happens."""

    def __init__(self, inner, event):
        self.inner, self.event, self.reads, self.first = inner, event, 0, b""

    def recv(self, *args):
        self.reads += 1
        if self.reads == 2:
            self.event(self.first)
        data = self.inner.recv(*args)
        self.first = self.first or data
        return data

    def __getattr__(self, name):
        return getattr(self.inner, name)


def interrupted(lab, what, event):
    """A dump during which event(first part) happens; and how many parts it had."""
    fam = netlink.at(lab, recv_size=4000)
    fam.sock = Between(fam.sock, event)
    return fam.dump(what, {}), fam.sock.reads


def text(addr):
    return socket.inet_ntop(socket.AF_INET if len(addr) == 4 else socket.AF_INET6, addr)


def end(ep):
    return text(ep["address"]), ep["port"]


# --- calls and doors --------------------------------------------------------

def ring(lab, pair, i):
    call = Call(lab, *pair, f"call-{i}", rtp=20000 + 2 * i)
    call.phone.send(sip.invite(call.me, call.to, call.name, call.rtp))
    call.received()
    return call


def media(doors):
    return [d for d in doors if d["kind"] == "media"]


def reserved(doors):
    return sorted(end(d["public"])[1] for d in media(doors) if d["state"] == "reserved")


def some_calls(t, lab, fam):
    pair = lab.tcp_pair()
    calls = [ring(lab, pair, i) for i in range(CALLS)]
    ports = [20000 + n for n in range(2 * CALLS)]
    t.same(lab.wait_doors(ports), ports, f"{CALLS} calls ring on one connection")
    seen, doors = fam.dump("call-get", {}), fam.dump("door-get", {})
    c, = fam.dump("connection-get", {})
    t.equal((len({x["id"] for x in seen}), len(seen)), (CALLS, CALLS), "each is listed once")
    wrong = [x for x in seen if (text(x["inside"]), text(x["peer"]), x["state"], x["outgoing"],
                                 x["doors"], x["bye"], x["connection"]) !=
             (lab.addr("phone1"), lab.addr("peer1"), "early", 1, 2, 0, c["id"])
             or not 100000 < x["expires"] <= 180000]
    t.ok(not wrong, "with its ends, state, doors, time left, and the connection", wrong[:3])
    t.same(reserved(doors), ports, "all doors are listed, reserved")
    owners = {x["anchor"]: 2 for x in seen}
    for d in media(doors):
        owners[d["anchor"]] = owners.get(d["anchor"], 0) - 1
    t.ok(not any(owners.values()) and len(owners) == CALLS, "two for each call", owners)
    t.equal([(d["kind"], d["transport"], d["state"], end(d["inside"]), end(d["public"]))
             for d in doors if d not in media(doors)],
            [("signalling", 6, "reserved", (lab.addr("phone1"), 5060), (lab.addr("public"), 5060))],
            "and one for the Contact that they have in common")
    mem = fam.do("memory-get", {})
    t.equal([mem[k] for k in ("connections", "calls", "anchors", "doors")],
            [1, CALLS, CALLS + 1, 2 * CALLS + 1], "as many are in use")
    return pair, calls, {x["id"] for x in seen}


def calls_change(t, lab, fam, pair, calls, before):
    """50 calls end and 50 begin while calls, then doors are read."""
    stay = reserved(fam.dump("door-get", {}))[100:]

    def change(_):
        for call in calls[:50]:
            call.reply(404, "Not Found")
        for i in range(50):
            ring(lab, pair, 1000 + i)

    seen, reads = interrupted(lab, "call-get", change)
    after = {x["id"] for x in fam.dump("call-get", {})}
    ids = [x["id"] for x in seen]
    t.ok(reads > 5 and len(before & after) == CALLS - 50,
         f"50 end and 50 begin while {reads} parts are read", (reads, len(before & after)))
    t.ok(len(ids) == len(set(ids)) and before & after <= set(ids) <= before | after,
         "those that stay are listed, once", (len(ids), len(set(ids)), len(before & after)))

    def more(_):
        for i in range(50):
            ring(lab, pair, 2000 + i)

    seen, reads = interrupted(lab, "door-get", more)
    ports = reserved(seen)
    t.ok(reads > 5 and len(seen) == len({end(d["public"]) for d in seen}) and set(stay) <= set(ports),
         f"and so are doors, in {reads} parts", set(stay) - set(ports))


def one_call(t, lab, fam, pair):
    call = ring(lab, pair, 3000)
    before = {x["id"]: x for x in fam.dump("call-get", {})}
    call.ring()
    call.accept()
    known = {i: x["state"] for i, x in before.items()}
    seen = [x for x in fam.dump("call-get", {}) if known[x["id"]] != x["state"]]
    t.ok(len(seen) == 1 and seen[0]["state"] == "confirmed" and
         43100000 < seen[0]["expires"] <= 43200000, "a call that was answered", seen)
    doors = [d for d in fam.dump("door-get", {}) if d["anchor"] == seen[0]["anchor"]]
    t.equal(sorted((d["state"], d["kind"], d["transport"], end(d["inside"]), text(d["filter"]["address"]),
                    d["flows"]) for d in doors),
            [("open", "media", 17, (lab.addr("phone1"), call.rtp + i), lab.addr("peer1"), 0)
             for i in (0, 1)], "its doors are open for the peer alone")
    audio = call.media()
    audio.inward()
    audio.outward(i=1)
    flows = {end(d["inside"])[1] - call.rtp: d["flows"] for d in fam.dump("door-get", {})
             if d["anchor"] == seen[0]["anchor"]}
    t.equal(flows, {0: 1, 1: 1}, "flows through them are counted")
    audio.close()
    return call


# --- registrations ----------------------------------------------------------

def register(lab, pair, user, expires=600):
    """A phone registers that user at the peer, which grants what it asks for."""
    me, to = lab.party("phone1", user=user), lab.party("peer1", user=user)
    pair[0].send(sip.request("REGISTER", me, to, f"reg-{user}-{expires}", extra=[f"Expires: {expires}"]))
    got = pair[1].recv_message()
    contact = [f"Contact: {sip.header(got, 'Contact')}"] if expires else []
    pair[1].send(sip.response(got, 200, "OK", extra=[*contact, f"Expires: {expires}"]))
    pair[0].recv_message()


def aors(seen):
    return sorted(x["aor"].decode() for x in seen)


def registrations(t, lab, fam, pair):
    def aor(user):
        return f"sip:{user}@{lab.addr('peer1')}"

    for i in range(60):
        register(lab, pair, f"user{i}")
    seen = fam.dump("binding-get", {})
    t.same(aors(seen), sorted(aor(f"user{i}") for i in range(60)), "60 registrations")
    anchor, = {d["anchor"] for d in fam.dump("door-get", {}) if d["kind"] == "signalling"}
    wrong = [x for x in seen if (x["state"], x["granted"], end(x["inside"]), end(x["public"]),
                                 text(x["registrar"]), text(x["filter"]), x["anchor"], x["zone"]) !=
             ("active", 600, (lab.addr("phone1"), 5060), (lab.addr("public"), 5060),
              lab.addr("peer1"), lab.addr("peer1"), anchor, 0) or not 500000 < x["expires"] <= 600000]
    t.ok(not wrong, "with endpoints, registrar, door and time left", wrong[:3])

    def change(_):
        for i in range(20):
            register(lab, pair, f"user{i}", 0)
            register(lab, pair, f"other{i}")

    seen, reads = interrupted(lab, "binding-get", change)
    seen = aors(seen)
    stay = {aor(f"user{i}") for i in range(20, 60)}
    t.ok(reads > 3 and len(seen) == len(set(seen)) and stay <= set(seen),
         f"20 end and 20 begin while {reads} parts are read: the others are listed, once",
         (reads, len(seen), len(set(seen)), stay - set(seen)))


# --- connections ------------------------------------------------------------

def flow(c, name):
    return {k: c[name][k] for k in ("held", "retained", "offset", "in-flight", "spoke")}


def connection_facts(t, lab, fam, call):
    sport = call.phone.local[1]
    c, = fam.dump("connection-get", {})
    t.equal([end(c[k]) for k in ("client", "client-public", "server", "server-public")],
            [(lab.addr("phone1"), sport), (lab.addr("public"), call.peer.remote[1])] +
            [(lab.addr("peer1"), 5060)] * 2, "a connection and its ends")
    t.ok(c["state"] == "followed" and "reason" not in c and c["zone"] == 0 and
         c["original"]["spoke"] == c["reply"]["spoke"] == 1 and c["memory"] > 500,
         "followed; both ends speak SIP", c)
    t.ok(c["original"]["rto"] >= 200 and c["original"]["rto"] > c["original"]["rtt"] and
         not c["original"]["stored"], "the time-out is that of a measured round trip", c)
    before = c["original"]["offset"]
    call.phone.send(HALF)
    sock.until(lambda: call.phone.outq() == 0, "not acknowledged")
    c, = fam.dump("connection-get", {})
    t.equal(c["original"]["held"], len(HALF), "half a message is held")
    t.ok(before and c["original"]["offset"] == before and c["original"]["held-ms"] < 60000,
         "the offset is what was changed before", c)
    call.phone.send(b"\x16\x03\x01 is no header\r\n\r\n")
    call.peer.recv_some()
    c, = fam.dump("connection-get", {})
    t.equal((c["state"], c.get("reason-name"), c["original"]["held"]),
            ("opaque", "opaque_no_clen", 0), "it becomes opaque, and says why")
    ids = {x["id"]: x for x in fam.dump("counter-get", {})}
    t.ok(ids[c["reason"]]["name"] == "opaque_no_clen" and
         ids[c["reason"]]["meaning"] == c["reason-meaning"] and ids[c["reason"]]["value"] == 1,
         "the reason is the number of a counter", c)
    counters = {x["name"]: x["value"] for x in ids.values()}
    t.equal(counters, lab.counters(), "counters are those of /proc/net/stat")


def half(lab, listener, n):
    pairs = []
    for _ in range(n):
        pair = lab.tcp_pair(listener=listener)
        pair[0].send(HALF)
        pairs.append(pair)
    for phone, _ in pairs:
        sock.until(lambda p=phone: p.outq() == 0, "not acknowledged")
    return pairs


def sports(connections):
    return [end(c["client"])[1] for c in connections]


def connections_change(t, lab, fam):
    """A hundred and more hold half a message; what is read last goes while the rest is read."""
    listener = lab.tcp_listen("peer1")
    pairs = half(lab, listener, CONNECTIONS)
    seen = [c for c in fam.dump("connection-get", {}) if c["state"] == "followed"]
    ports = [p.local[1] for p, _ in pairs]
    t.same(sorted(sports(seen)), sorted(ports), f"{CONNECTIONS} connections are listed")
    t.ok(all(c["original"]["held"] == len(HALF) for c in seen),
         "all hold half a message", [c["original"] for c in seen][:3])
    gone, came = [], []

    def change(first):
        from lib import ynl     # pylint: disable=import-outside-toplevel
        part = [netlink_ports(m) for m in ynl.NlMsgs(first)]
        gone.extend([p for p in part if p in ports][-10:])
        for port in gone:
            lab.conntrack("-D", "-p", "tcp", "--sport", port)
        came.extend(half(lab, listener, 5))

    def netlink_ports(msg):
        return end(fam._decode(fam.nlproto.decode(fam, msg, None).raw_attrs,  # pylint: disable=protected-access
                               "connection")["client"])[1]

    seen, reads = interrupted(lab, "connection-get", change)
    seen = [c for c in seen if c["state"] == "followed"]
    # A new connection may have the port of one that is gone: not the same one.
    once = len(seen) == len({c["id"] for c in seen})
    seen = sports(seen)
    t.ok(reads > 5 and len(gone) == 10, f"10 end and 5 begin while {reads} parts are read",
         (reads, gone))
    new = [p.local[1] for p, _ in came]
    t.ok(once and set(ports) <= set(seen) <= set(ports + new),
         "those that stay are listed, once",
         (len(seen), len(set(seen)), set(ports) - set(seen), set(seen) - set(ports + new)))
    after = sports(c for c in fam.dump("connection-get", {}) if c["state"] == "followed")
    t.same(sorted(after), sorted(set(ports) - set(gone) | set(new)), "later the others are not")
    for pair in pairs + came:
        for s in pair:
            s.sock.close()
    listener.close()


# --- events -----------------------------------------------------------------

class Events:
    def __init__(self, lab):
        self.fam = netlink.at(lab)
        self.fam.ntf_subscribe("events")

    def until(self, n):
        end_of = time.monotonic() + 5
        while len(self.fam.async_msg_queue) < n and time.monotonic() < end_of:
            self.fam.check_ntf()
            time.sleep(0.02)
        got, self.fam.async_msg_queue = self.fam.async_msg_queue, []
        return [(m["name"], m["msg"]) for m in got]


def events(t, lab):
    ev, deaf = Events(lab), netlink.at(lab, "phone1")
    deaf.ntf_subscribe("events")
    pair = lab.tcp_pair()
    call = ring(lab, pair, 4000)
    call.ring()
    call.accept()
    call.bye()
    got = [(n, m) for n, m in ev.until(7) if m.get("kind") != "signalling"]
    t.equal([(n, m["state"]) for n, m in got],
            [("call-ntf", "early"), ("door-ntf", "open"), ("door-ntf", "open"),
             ("call-ntf", "confirmed"), ("call-ntf", "ended"),
             ("door-ntf", "closed"), ("door-ntf", "closed")],
            "events: a call begins, its doors open, it is answered, it ends, they close")
    calls = [m for n, m in got if n == "call-ntf"]
    t.ok(len({m["id"] for m in calls}) == 1 and text(calls[0]["peer"]) == lab.addr("peer1") and
         ["reason-name" in m for m in calls] == [False, False, True] and
         calls[2]["reason-name"] == "call_ended", "and why", calls)
    doors = [m for n, m in got if n == "door-ntf"]
    t.ok(sorted(end(m["public"])[1] for m in doors) == sorted(2 * [call.rtp, call.rtp + 1]) and
         {m["anchor"] for m in doors} == {calls[1]["anchor"]}, "whose doors they are", doors)
    register(lab, pair, "heard")
    register(lab, pair, "heard", 0)
    got = [m for n, m in ev.until(2) if n == "binding-ntf"]
    t.equal([(m["state"], m.get("reason-name"), m["aor"]) for m in got],
            [(state, why, f"sip:heard@{lab.addr('peer1')}".encode())
             for state, why in (("active", None), ("ended", "binding_removed"))],
            "a registration is granted and removed")
    pair[1].send(b"HTTP/1.1 200 OK\r\n\r\n")
    pair[0].recv_some()
    got = ev.until(1)
    t.ok([(n, m["state"], m["reason-name"]) for n, m in got] ==
         [("connection-ntf", "opaque", "opaque_start_line")] and
         end(got[0][1]["client"]) == (lab.addr("phone1"), pair[0].local[1]),
         "a connection becomes opaque, and why", got)
    deaf.check_ntf()
    t.equal(deaf.async_msg_queue, [], "another namespace hears nothing")


def elsewhere():
    """Calls of the initial namespace; those of earlier tests may still last."""
    return {x["id"] for x in netlink.family().dump("call-get", {})}


def test(t):
    with Lab(contact="door") as lab:
        fam, before = netlink.at(lab), elsewhere()
        t.equal([fam.dump(f"{x}-get", {}) for x in ("connection", "call", "binding", "door")],
                [[]] * 4, "nothing at the start")
        pair, calls, ids = some_calls(t, lab, fam)
        calls_change(t, lab, fam, pair, calls, ids)
        registrations(t, lab, fam, pair)
        call = one_call(t, lab, fam, pair)
        connection_facts(t, lab, fam, call)
        connections_change(t, lab, fam)
        events(t, lab)
    t.ok(elsewhere() <= before, "the initial namespace has none of it", elsewhere())


ktap.main(1 + 7 + 3 + 3 + 3 + 8 + 5 + 6 + 1, test)
