#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The torture messages of RFC 4475 pass unharmed, and nothing changes in them but an inside address.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

Each of the 49 files of corpus/rfc4475 goes through in both directions, on a
connection of its own (on two where the first is opaque by then), with an ordinary
request behind it: that one is translated where the connection is still followed,
and raw where it is not.  Then each that names an address goes through with that of
phone1 in its place.
"""
import os
import re

from nsip import ktap, sip, sock
from nsip.counted import FATE, Moved
from nsip.lab import Lab
from nsip.tool import Sipnat

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "rfc4475")
PASSES = "passes"
NO_END, NO_CLEN, BAD_CLEN, NO_START = "opaque_fin", "opaque_no_clen", "opaque_bad_clen", "opaque_start_line"

# All others are followed and understood: PASSES (framed, not understood; the next one is
# followed) or why the connection is opaque.  Numbers are sections of RFC 4475.
FATES = {
    "badvers": PASSES,      # 3.1.2.16
    "bigcode": PASSES,      # 3.1.2.19
    "insuf": PASSES,        # 3.3.1
    "ltgtruri": PASSES,     # 3.1.2.7
    "lwsruri": PASSES,      # 3.1.2.8
    "mismatch01": PASSES,   # 3.1.2.17
    "mismatch02": PASSES,   # 3.1.2.18
    "multi01": PASSES,      # 3.3.8
    "quotbal": PASSES,      # 3.1.2.6
    "scalar02": PASSES,     # 3.1.2.4
    "scalarlg": PASSES,     # 3.1.2.5
    "baddn": NO_END,        # the file has no empty line at its end
    "clerr": NO_END,        # 3.1.2.2: more is announced than comes
    "inv2543": NO_CLEN,     # 3.4.1: for UDP only
    "mcl01": BAD_CLEN,      # 3.3.9
    "ncl": BAD_CLEN,        # 3.1.2.3
    "dblreq": NO_START,     # 3.1.1.8: two messages over TCP, and the rest of a body behind them
}
RESPONSES = ("bcast", "noreason", "unreason")
HOST, SOCKET = "host", "socket"
OFFER = [("o=mhandley 29739 7272939 IN IP4 %s\r\n", HOST), ("\r\nc=IN IP4 %s\r\n", HOST)]
UDP = [("/UDP %s;", SOCKET)]
# File, address in it that is taken for the phone's, and where: the text around it,
# and whether it is given the port of the connection.
PLACES = [
    ("badbranch", "192.0.2.1", UDP),
    ("baddate", "192.0.2.5", OFFER),
    ("badinv01", "192.0.2.15", UDP + OFFER),
    ("bcast", "192.0.2.198", UDP),
    ("dblreq", "192.0.2.125", UDP),
    ("dblreq", "192.0.2.15", UDP + OFFER),
    ("esc01", "192.0.2.1", OFFER),
    ("escruri", "192.0.2.1", OFFER),
    ("longreq", "192.0.2.5", [(";received=%s;", HOST)]),
    ("longreq", "192.0.2.1", OFFER),
    ("lwsstart", "192.0.2.1", OFFER),
    ("mpart01", "127.0.0.1", [("/UDP %s:5070;", SOCKET), ("Route: <sip:%s:5080>", SOCKET),
                              ("<sip:fluffy@%s:5070>", SOCKET)]),
    ("noreason", "192.0.2.105", UDP),
    ("regaut01", "192.0.2.253", [("/TCP %s;", SOCKET)]),
    ("regbadct", "135.180.130.133", [("/UDP %s:5060;", SOCKET)]),
    ("sdp01", "192.0.2.15", UDP),
    ("sdp01", "192.0.2.5", OFFER),
    ("semiuri", "192.0.2.1", UDP),
    ("unksm2", "192.0.2.21", [("/UDP %s:5060;", SOCKET)]),
    ("unreason", "192.0.2.198", UDP),
    ("wsinv", "192.0.2.2", [("    %s;", SOCKET)]),
    ("wsinv", "192.168.255.111", [("UDP  %s   ;", SOCKET)]),
    ("wsinv", "192.0.2.3", OFFER[:1]),
    ("wsinv", "192.0.2.4", OFFER[1:]),
]


def read(name):
    with open(os.path.join(FILES, name + ".dat"), "rb") as f:
        return f.read()


def names():
    return sorted(f[:-4] for f in os.listdir(FILES) if f.endswith(".dat"))


class Line:
    """A connection of phone1 to peer1."""

    def __init__(self, lab):
        self.lab, self.moved = lab, Moved(lab)
        self.phone, self.peer = lab.tcp_pair()
        self.me, self.to = lab.party("phone1", port=self.phone.local[1]), lab.party("peer1")
        self.public = lab.public(port=self.peer.remote[1])

    def ends(self, inward):
        return (self.peer, self.phone) if inward else (self.phone, self.peer)

    def request(self, inward):
        """An ordinary request, as written and as it has to be read."""
        if inward:
            return [sip.request("OPTIONS", self.to, who, "next") for who in (self.public, self.me)]
        return [sip.request("OPTIONS", who, self.to, "next") for who in (self.me, self.public)]

    def state(self):
        """followed, or opaque and why, as sipnat shows it."""
        for c in Sipnat(self.lab.netns("router")).show("connections"):
            if c["client"]["port"] == self.phone.local[1]:
                return (c["state"], c.get("reason"))
        return None

    def close(self):
        sock.hang_up(self.phone, self.peer)


def counts(name):
    """What the router has to count of a file in both directions, and a request behind each."""
    kind = "msg_response" if name in RESPONSES else "msg_request"
    wanted = {"conn_followed": 1, "msg_request": 2, "msg_rewritten": 2}
    if name in FATES:
        wanted["msg_unparsed"] = 2
    else:
        wanted[kind] = wanted.get(kind, 0) + 2
    return wanted


def counted(t, line, what, wanted, state):
    line.moved.soon(lambda: line.moved.now(*FATE) == wanted)
    t.equal((line.moved.now(*FATE), line.state()), (wanted, state), f"{what}: {' '.join(wanted)}; {state[0]}")
    line.close()


def held(source, sink, text):
    """Part of a message: nothing of it arrives before its sender closes."""
    source.send(text)
    source.wait_acked()
    early = sink.pending()
    source.shutdown()
    return early + b"!" if early else sink.recv_up_to(len(text))


def passes(source, sink, text, wrote, wanted):
    """A file, then a request; what arrived of either."""
    source.send(text)
    seen = sink.recv_up_to(len(text))
    source.send(wrote)
    return seen, sink.recv_up_to(len(wanted))


def followed(t, lab, name):
    text, line = read(name), Line(lab)
    for inward in (False, True):
        wrote, wanted = line.request(inward)
        t.equal(passes(*line.ends(inward), text, wrote, wanted), (text, wanted),
                f"{name}, {'inward' if inward else 'outward'}: {len(text)} bytes arrive as they were written, "
                "and what follows is translated")
    counted(t, line, name, counts(name), ("followed", None))


def lost(t, lab, name, inward):
    """No end of the message can be told: the connection is opaque."""
    text, fate, line = read(name), FATES[name], Line(lab)
    source, sink = line.ends(inward)
    what = f"{name}, {'inward' if inward else 'outward'}"
    if fate == NO_END:
        t.equal(held(source, sink, text), text, f"{what}: {len(text)} bytes arrive when their sender closes")
    else:
        wrote = line.request(inward)[0]
        t.equal(passes(source, sink, text, wrote, wrote), (text, wrote),
                f"{what}: {len(text)} bytes arrive as they were written, and so does what follows")
    wanted = {"conn_followed": 1, fate: 1, **({"msg_request": 2} if fate == NO_START else {})}
    counted(t, line, what, wanted, ("opaque", fate))


def where_body(name, text):
    """Start of the message with the description: dblreq has one in front of it."""
    return text.index(b"INVITE") if name == "dblreq" else 0


def put(text, old, new):
    old, new = old.encode(), new.encode()
    if text.count(old) != 1:
        raise AssertionError(f"{old!r} is there {text.count(old)} times")
    return text.replace(old, new)


def growth(places, by):
    """Bytes by which the description grows, if each address in it does by so many."""
    return by * sum(where.startswith(("o=", "\r\nc=")) for where, _ in places)


def fit(text, at, more):
    """Content-Length for a description that is longer by so much."""
    return text[:at] + re.sub(rb"(?im)^((?:content-length|l)\s*:\s*)(\d+)",
                              lambda m: m.group(1) + b"%d" % (int(m.group(2)) + more), text[at:], count=1)


def with_address(t, lab, n):
    """A file with the phone's address in it."""
    name, addr, places = PLACES[n]
    line = Line(lab)
    phone, public = lab.addr("phone1"), lab.addr("public")
    at = where_body(name, read(name))
    base = read(name).replace(b" 49217 ", b" %d " % (20000 + 10 * n)).replace(b" 3227 ", b" %d " % (7000 + 4 * n))
    sent = wanted = base
    for where, kind in places:
        sent = put(sent, where % addr, where % phone)
        new = re.sub(r"%s(:\d+)?", f"{public}:{line.public.port}" if kind == SOCKET else public, where)
        wanted = put(wanted, where % addr, new)
    sent = fit(sent, at, growth(places, len(phone) - len(addr)))
    wanted = fit(wanted, at, growth(places, len(public) - len(addr)))
    line.phone.send(sent)
    seen = line.peer.recv_up_to(len(wanted))
    t.equal((seen, line.peer.pending()), (wanted, b""),
            f"{name}, {addr} is the phone's: it changes in {len(places)} places, and what depends on it")
    line.close()


def test(t):
    with Lab() as lab:
        found = names()
        t.equal(len(found), 49, "there are 49 messages")
        for name in found:
            if FATES.get(name, PASSES) == PASSES:
                followed(t, lab, name)
            else:
                lost(t, lab, name, False)
                lost(t, lab, name, True)
        t.equal(lab.doors(), [], "none of them has made a door")
        for n in range(len(PLACES)):
            with_address(t, lab, n)
        lab.check_valid(t)


LOST = sum(fate != PASSES for fate in FATES.values())
ktap.main(1 + (49 - LOST) * 3 + LOST * 4 + 1 + len(PLACES) + 1, test)
