#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""sipnat shows what there is: connections, calls, doors, registrations, memory, counters, events.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3               2001:db8:1::1        2001:db8:1::10
"""
import json
import os
import re
import subprocess
import threading
import time

from nsip import ktap, sip
from nsip.call import Call
from nsip.lab import LIB, Lab, kernel_log
from nsip.tool import Sipnat

NOUNS = ["connections", "calls", "bindings", "doors"]


def poll(ask, wanted, seconds=5):
    """What ask() says once that is wanted(), or in the end."""
    end = time.monotonic() + seconds
    while not wanted(seen := ask()) and time.monotonic() < end:
        time.sleep(0.1)
    return seen


def table(text):
    """Lines of a table as dicts; all have as many words as the head."""
    head, *lines = [x.split() for x in text.splitlines()]
    if any(len(x) != len(head) for x in lines):
        raise ValueError(f"a line with other columns:\n{text}")
    return [dict(zip(head, x)) for x in lines]


def where(addr, port):
    return {"address": addr, "port": port}


def empty(t, tool):
    for noun in NOUNS:
        t.equal((tool.show(noun), table(tool.text("show", noun))), ([], []), f"no {noun}")


def a_connection(t, lab, tool, call):
    c, = tool.show("connections")
    port, public = call.phone.local[1], call.peer.remote[1]
    t.equal({k: c.get(k) for k in ("state", "client", "client_public", "server", "server_public")},
            {"state": "followed", "client": where(lab.addr("phone1"), port),
             "client_public": where(lab.addr("public"), public),
             "server": where(lab.addr("peer1"), 5060),
             "server_public": where(lab.addr("peer1"), 5060)}, "a connection and its ends")
    t.equal((c["original"]["offset"], c["reply"]["offset"]), (len(call.seen) - len(call.sent), 0),
            "the offset is what the INVITE grew by")
    t.ok(c["memory"] > 0 and c["original"]["held"] == 0 and c["original"]["spoke"] is True and
         c["reply"]["spoke"] is False, "its memory, nothing held, who has spoken", c)
    row, = table(tool.text("show", "connections"))
    t.equal((row["CLIENT"], row["O_OFFSET"], row["REASON"]),
            (f"{lab.addr('phone1')}:{port}", str(c["original"]["offset"]), "-"), "the same as text")
    more, = table(tool.text("show", "connections", "-d"))
    t.ok(set(row) < set(more) and more["R_SPOKE"] == "no", "-d has more columns", more)
    return c


def media_doors(tool):
    return sorted((d for d in tool.show("doors") if d["kind"] == "media"),
                  key=lambda d: d["inside"]["port"])


def a_call(t, lab, tool):
    phone, peer = lab.tcp_pair()
    call = Call(lab, phone, peer)
    call.invite()
    c = a_connection(t, lab, tool, call)
    seen, = tool.show("calls")
    t.equal({k: seen.get(k) for k in ("state", "inside", "peer", "outgoing", "connection")},
            {"state": "early", "inside": lab.addr("phone1"), "peer": lab.addr("peer1"),
             "outgoing": True, "connection": c["id"]}, "a call that has begun")
    t.ok(0 < seen["expires_ms"] <= 180000, "it may ring for three minutes", seen)
    doors = poll(lambda: media_doors(tool), lambda d: len(d) == 2)
    t.equal([(d["state"], d["transport"], d["inside"], d["public"]["port"]) for d in doors],
            [("reserved", "udp", where(lab.addr("phone1"), 6000 + i), call.public_rtp + i)
             for i in (0, 1)], "two ports are reserved for its audio")
    t.equal({d["anchor"] for d in doors}, {seen["anchor"]}, "they belong to the call")
    call.ring()
    call.accept()
    doors = poll(lambda: media_doors(tool), lambda d: all(x["state"] == "open" for x in d))
    t.equal([(d["state"], d.get("filter", {}).get("address")) for d in doors],
            [("open", lab.addr("peer1"))] * 2, "open to the peer once it has answered")
    row, = (x for x in table(tool.text("show", "doors")) if x["INSIDE"].endswith(":6000"))
    t.equal((row["STATE"], row["PUBLIC"], row["INSIDE"]),
            ("open", f"{lab.addr('public')}:{call.public_rtp}", f"{lab.addr('phone1')}:6000"),
            "the same as text")
    row, = table(tool.text("show", "calls"))
    t.ok(row["STATE"] == "confirmed" and re.fullmatch(r"\d+s", row["EXPIRES"]) and
         re.fullmatch(r"[0-9a-f]{16}", row["ID"]), "the call as text", row)
    return call


def memory(t, tool):
    m = tool.show("memory")
    t.ok(m["used"] > 0 and m["connections"] == m["calls"] == 1 and m["doors"] >= 2,
         "memory: in use, one connection, one call, doors", m)
    rows = {x["NAME"]: x for x in table(tool.text("show", "memory"))}
    t.ok(set(rows) == set(m) and rows["used"]["UNIT"] == "bytes", "the same as text", rows)


def half_and_opaque(t, lab, tool):
    phone, peer = lab.tcp_pair()
    text = sip.invite(lab.party("phone1"), lab.party("peer1"), "call-2")
    phone.send(text[:300])
    port = phone.local[1]

    def mine():
        return [c for c in tool.show("connections") if c["client"]["port"] == port]
    seen = poll(mine, lambda c: c and c[0]["original"]["held"])
    t.equal([c["original"]["held"] for c in seen], [300], "300 bytes of a message are held")
    phone.send(text[300:])
    peer.recv_message()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    phone.recv_exact(19)
    c, = poll(mine, lambda c: c[0]["state"] == "opaque")
    t.equal((c["state"], c.get("reason")), ("opaque", "opaque_not_sip"), "opaque, with the reason")
    t.ok(c.get("meaning", "").startswith("connections opaque"), "and what it means", c)


def six(t, lab, tool):
    phone, peer = lab.tcp_pair(v=6)
    call = Call(lab, phone, peer, "call-6", 6)
    call.invite()
    row, = (x for x in table(tool.text("show", "connections")) if x["CLIENT"][0] == "[")
    t.equal((row["CLIENT"], row["SERVER"]), (f"[{lab.addr('phone1', 6)}]:{phone.local[1]}",
            f"[{lab.addr('peer1', 6)}]:5060"), "IPv6: [address]:port, as RFC 5952 writes it")


def counters(t, lab, tool):
    seen, proc = tool.stats(), lab.counters()
    t.equal(seen, proc, "counters are those of /proc/net/stat")
    t.equal({x["NAME"]: int(x["VALUE"]) for x in table(tool.text("stats"))}, proc, "as text, too")
    t.equal(tool.stats("-z"), {k: n for k, n in proc.items() if n}, "-z leaves out zeros")
    with open(os.path.join(os.path.dirname(LIB), "../include/nf_nat_sip_tcp/reasons.h"),
              encoding="ascii") as f:
        meaning = dict(re.findall(r'R\(\w+,\s*"(\w+)",\s*"([^"]+)"', f.read()))
    t.equal({k: v["meaning"] for k, v in tool.stats("--explain").items()}, meaning,
            "--explain says what each means")
    line = [x for x in tool.text("stats", "-e").splitlines() if x.startswith("call_new ")]
    t.ok(len(line) == 1 and line[0].endswith(meaning["call_new"]), "as text, too", line)


class Events:
    """What sipnat monitor prints, line by line."""

    def __init__(self, tool, *options):
        self.process, self.lines = tool.monitor(*options), []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def end(self):
        self.process.kill()
        self.thread.join()
        return self.lines


def listeners(lab):
    """Generic netlink sockets (16) of the router that joined a group."""
    lines = lab.run("router", "cat", "/proc/net/netlink", show=False).splitlines()[1:]
    return sum(x.split()[1] == "16" and int(x.split()[3], 16) != 0 for x in lines)


def events(t, lab, tool):
    """A call from its INVITE to its BYE."""
    before = listeners(lab)
    text, js = Events(tool), Events(tool, "-j")
    poll(lambda: listeners(lab), lambda n: n >= before + 2)
    phone, peer = lab.tcp_pair()
    call = Call(lab, phone, peer, "call-3", rtp=6100).establish()
    poll(lambda: media_doors(tool), lambda d: all(x["state"] == "open" for x in d))
    call.bye()
    poll(lambda: "".join(text.lines + js.lines).count("state=ended") +
         "".join(js.lines).count('"ended"'), lambda n: n >= 2)
    time.sleep(0.5)
    text, js = text.end(), [json.loads(x) for x in js.end()]
    t.note("".join(text))
    t.equal([e["state"] for e in js if e["event"] == "call"][-1:], ["ended"], "an event: the call ended")
    t.ok([e for e in js if e["event"] == "call" and e.get("reason") == "call_ended"],
         "with the reason", js)
    for state in ("open", "closed"):
        ports = [e["inside"]["port"] for e in js if e["event"] == "door" and e["state"] == state
                 and e["kind"] == "media"]
        t.equal(sorted(ports), [6100, 6101], f"an event for each door: {state}")
    line = re.compile(r"(connection|call|binding|door)( [\w.]+=\S+)+\n")
    t.ok(text and len(text) == len(js) and all(line.fullmatch(x) for x in text),
         "as text: a line each, name=value", "".join(text))


def trace(t, lab, tool):
    phone, peer = lab.tcp_pair()
    kernel_log(clear=True)
    tool.text("trace", "on")
    phone.send(sip.request("OPTIONS", lab.party("phone1"), lab.party("peer1"), "trace"))
    peer.recv_message()
    tool.text("trace", "off")
    t.ok(b"OPTIONS request" in kernel_log(), "trace on: the message is in the kernel log")


def registration(t, lab, tool):
    """With an address-of-record that would like to write on the screen."""
    phone, peer = lab.tcp_pair()
    me = lab.party("phone1")
    text = sip.request("REGISTER", me, lab.party("peer1"), "reg-1", extra=["Expires: 600"])
    aor = b"sip:al%1B\x7f\xc3\xa4@example.com"
    text = re.sub(rb"\r\nTo: [^\r]*", lambda _: b"\r\nTo: <" + aor + b">", text)
    phone.send(text)
    got = peer.recv_message()
    peer.send(sip.response(got, 200, "OK", extra=[f"Contact: {sip.header(got, 'Contact')}",
                                                  "Expires: 600"]))
    phone.recv_message()
    seen = poll(lambda: tool.show("bindings"), lambda b: b and b[0]["state"] == "active")
    t.equal([(b["state"], b["inside"], b["registrar"], b["granted_s"]) for b in seen],
            [("active", where(me.addr, 5060), lab.addr("peer1"), 600)], "a registration")
    t.equal([b["aor"] for b in seen], [aor.decode()], "its address-of-record in JSON")
    raw = subprocess.run(tool.command("-j", "show", "bindings"), check=True,
                         capture_output=True).stdout
    t.ok(seen and all(10 == c or 32 <= c < 127 for c in raw), "JSON is ASCII alone", raw)
    rows = table(tool.text("show", "bindings"))
    t.equal([r["AOR"] for r in rows], [r"sip:al%1B\x7f\xc3\xa4@example.com"], "escaped as text")


def jq(t, tool):
    for noun in [*NOUNS, "memory", "settings"]:
        p = subprocess.run(["jq", "-e", "."], input=tool.text("-j", "show", noun), text=True,
                           check=False, capture_output=True)
        t.equal((p.returncode, p.stderr), (0, ""), f"jq reads {noun}")


def test(t):
    with Lab(contact="door") as lab:
        if lab.helper != "ours":
            raise ktap.Skip("only nf_nat_sip_tcp has sipnat")
        tool = Sipnat(lab.netns("router"))
        empty(t, tool)
        call = a_call(t, lab, tool)
        memory(t, tool)
        half_and_opaque(t, lab, tool)
        six(t, lab, tool)
        counters(t, lab, tool)
        events(t, lab, tool)
        trace(t, lab, tool)
        registration(t, lab, tool)
        jq(t, tool)
        call.bye()
        left = poll(lambda: [c for c in tool.show("calls") if c["state"] == "confirmed"],
                    lambda c: not c)
        t.equal(left, [], "after its BYE the call is gone")


ktap.main(len(NOUNS) + 5 + 7 + 2 + 3 + 1 + 5 + 5 + 1 + 4 + 6 + 1, test)
