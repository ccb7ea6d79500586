# SPDX-License-Identifier: GPL-2.0-only
"""A proxy outside between two phones, and a call that goes through it (RFC 3261 16)."""
import re

from . import sip


def onward(proxy, msg, uri):
    """A request as the proxy sends it on: its Via on top, and it stays in the route."""
    method = sip.start_line(msg).split()[0]
    branch = re.search(r"branch=([^;]*)", sip.header(msg, "Via"))[1]
    ours = f"<sip:{proxy.hostport};transport=tcp;lr>"
    lines = [f"Via: SIP/2.0/TCP {proxy.hostport};branch={branch}-on"]
    if method == "INVITE":
        lines.append(f"Record-Route: {ours}")
    lines += [x for x in sip.header_lines(msg)
              if x != f"Route: {ours}" and not x.startswith("Content-Length")]
    return sip.message(f"{method} {uri} SIP/2.0", lines, sip.split(msg)[1])


def back(msg):
    """An answer as the proxy sends it back: without its own Via."""
    lines = [x for x in sip.header_lines(msg) if not x.startswith("Content-Length")]
    own = next(i for i, x in enumerate(lines) if x.startswith("Via:"))
    return sip.message(sip.start_line(msg), lines[:own] + lines[own + 1:], sip.split(msg)[1])


class Side:     # pylint: disable=too-few-public-methods
    """One party of a Through: a Phone of reg.py, its port for RTP, its tag."""

    def __init__(self, phone, rtp, tag):
        self.phone, self.rtp, self.tag = phone, rtp, tag
        self.remote = None      # the other one's Contact, as this one was told
        self.heard_of = None    # where this one is told to send audio: (address, port)
        self.seen_as = None     # the same as the proxy reads it
        self.cseq = 0

    def told(self, msg):
        """What the phone reads."""
        contact = re.search(r"<(sip:[^>]*)>", sip.header(msg, "Contact") or "")
        if contact:
            self.remote = contact[1]
        if sip.media_port(msg):
            self.heard_of = (sip.media_addr(msg), sip.media_port(msg))

    def shown(self, msg):
        """What the proxy reads of it."""
        if sip.media_port(msg):
            self.seen_as = (sip.media_addr(msg), sip.media_port(msg))


class Through:
    """A call of `caller` to `called`, both registered at one proxy.

    `read` are all messages as they arrived: (who, text).
    """

    def __init__(self, proxy, caller, called, name, rtp=(6000, 6000)):
        self.proxy, self.name, self.read = proxy, name, []
        self.a, self.b = Side(caller, rtp[0], f"from-{name}"), Side(called, rtp[1], f"to-{name}")

    def _other(self, side):
        return self.b if side is self.a else self.a

    def _text(self, side, method, body):
        other, me = self._other(side), side.phone.me
        first = other.remote is None and side.remote is None
        side.cseq += method != "ACK"
        route = [] if first else [f"Route: <sip:{self.proxy.hostport};transport=tcp;lr>"]
        return sip.message(
            f"{method} {side.remote or f'sip:{other.phone.host}@{self.proxy.host}'} SIP/2.0",
            [f"Via: SIP/2.0/TCP {me.hostport};branch=z9hG4bK-{self.name}-{side.tag}-{side.cseq}-{method}",
             *route, "Max-Forwards: 70",
             f"From: <sip:{side.phone.host}@example.com>;tag={side.tag}",
             f"To: <sip:{other.phone.host}@example.com>" + ("" if first else f";tag={other.tag}"),
             f"Call-ID: {self.name}", f"CSeq: {side.cseq} {method}",
             f"Contact: <sip:{me.user}@{me.hostport};transport=tcp>",
             *(["Content-Type: application/sdp"] if body else [])], body)

    def request(self, side, method, body=""):
        """By way of the proxy; as the other one reads it."""
        other = self._other(side)
        side.phone.near.send(self._text(side, method, body))
        shown = side.phone.distant.recv_message()
        side.shown(shown)
        uri = sip.start_line(shown).split()[1]
        if uri.endswith(f"@{self.proxy.host}"):
            uri = f"sip:{other.phone.me.user}@{other.phone.public.hostport};transport=tcp"
        other.phone.distant.send(onward(self.proxy, shown, uri))
        read = other.phone.near.recv_message()
        other.told(read)
        self.read += [(self.proxy, shown), (other.phone.me, read)]
        return read

    # pylint: disable=too-many-arguments,too-many-positional-arguments
    def answer(self, side, request, status, reason, body=""):
        """`side` answers; as the other one reads it."""
        other = self._other(side)
        side.phone.near.send(sip.response(request, status, reason, contact=side.phone.me, body=body,
                                          to_tag=side.tag))
        shown = side.phone.distant.recv_message()
        side.shown(shown)
        other.phone.distant.send(back(shown))
        read = other.phone.near.recv_message()
        other.told(read)
        self.read += [(self.proxy, shown), (other.phone.me, read)]
        return read

    def establish(self):
        a, b = self.a, self.b
        seen = self.request(a, "INVITE", sip.sdp(a.phone.me, a.rtp))
        self.answer(b, seen, 180, "Ringing")
        self.answer(b, seen, 200, "OK", sip.sdp(b.phone.me, b.rtp))
        self.request(a, "ACK")
        return self

    def bye(self, side):
        return self.answer(self._other(side), self.request(side, "BYE"), 200, "OK")

    def leaks(self):
        """Lines that name the other one's inside address, or any to the proxy."""
        inside = {p.me.addr for p in (self.a.phone, self.b.phone)}
        return [line for who, msg in self.read for addr in inside - {who.addr}
                for line in sip.names(msg, addr)]
