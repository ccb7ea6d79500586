# SPDX-License-Identifier: GPL-2.0-only
"""SIP messages as the tests write and read them (RFC 3261, RFC 8866).

A message is rendered from a Party, so that the text the other side must read
is the same message rendered from the public side of that Party: an oracle that
knows nothing of how the module works.
"""
import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Party:
    """Who a message speaks of: address and port as they stand in the text."""
    addr: str
    port: int = 5060
    user: str = "alice"

    @property
    def v6(self):
        return ":" in self.addr

    @property
    def host(self):
        return f"[{self.addr}]" if self.v6 else self.addr

    @property
    def hostport(self):
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def net(self):
        return "IP6" if self.v6 else "IP4"

    def at(self, **what):
        return replace(self, **what)


def message(start, headers, body=b"", clen="Content-Length"):
    """Bytes of a message; Content-Length comes last and fits the body."""
    if isinstance(body, str):
        body = body.encode()
    lines = [start, *headers, f"{clen}: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def sdp(party, rtp, extra=(), version=28908445):
    lines = ["v=0", f"o=- {version} {version} IN {party.net} {party.addr}", "s=call",
             f"c=IN {party.net} {party.addr}", "t=0 0", f"m=audio {rtp} RTP/AVP 0",
             "a=rtpmap:0 PCMU/8000", *extra, ""]
    return "\r\n".join(lines)


# pylint: disable=too-many-arguments
def request(method, me, to, call="call-1", cseq=1, *, body="", to_tag="", extra=(),
            call_host="192.168.122.3", branch=None, uri=None):
    """A request of `me` to `to`; the same arguments give the same bytes."""
    uri = uri or f"sip:{to.user}@{to.hostport}"
    headers = [f"Via: SIP/2.0/TCP {me.hostport};branch=z9hG4bK-{branch or f'{call}-{cseq}-{method}'}",
               "Max-Forwards: 70",
               f"From: <sip:{me.user}@{me.host}>;tag=from-{call}",
               f"To: <sip:{to.user}@{to.host}>" + (f";tag={to_tag}" if to_tag else ""),
               f"Call-ID: {call}@{call_host}",
               f"CSeq: {cseq} {method}",
               f"Contact: <sip:{me.user}@{me.hostport};transport=tcp>", *extra]
    if body:
        headers.append("Content-Type: application/sdp")
    return message(f"{method} {uri} SIP/2.0", headers, body)


def invite(me, to, call="call-1", rtp=6000, **more):
    more.setdefault("body", sdp(me, rtp))
    return request("INVITE", me, to, call, **more)


def sample_invite(me, to, public=None, size=509, body_size=133):
    """The INVITE of the reference trace: 509 bytes, 376 header, 133 body.

    With `public`: what the peer must read in its place.
    """
    fill = body_size - len(sdp(me, 6000).replace("s=call", "s="))
    body = sdp(public or me, 6000).replace("s=call", "s=" + "c" * fill)
    bare = request("INVITE", me, to, body=sdp(me, 6000).replace("s=call", "s=" + "c" * fill),
                   extra=["Subject: "])
    return request("INVITE", public or me, to, body=body,
                   extra=["Subject: " + "x" * (size - len(bare))])


def response(req, status, reason, *, contact=None, body="", to_tag="to-1", extra=()):
    """The answer of a far end to a request, from the request as it came there."""
    headers = [h for h in header_lines(req)
               if h.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq",
                                              "record-route")]
    headers = [f"{h};tag={to_tag}" if h.startswith("To:") and ";tag=" not in h else h
               for h in headers]
    if contact:
        headers.append(f"Contact: <sip:{contact.user}@{contact.hostport};transport=tcp>")
    headers += list(extra)
    if body:
        headers.append("Content-Type: application/sdp")
    return message(f"SIP/2.0 {status} {reason}", headers, body)


def with_text(msg, size):
    """The same message with a body that is not a session description."""
    head = [x for x in header_lines(msg) if not x.startswith("Content-")]
    return message(start_line(msg), [*head, "Content-Type: text/plain"], "x" * size)


def split(msg):
    """Header block (with its empty line) and body."""
    n = msg.index(b"\r\n\r\n") + 4
    return msg[:n], msg[n:]


def header_lines(msg):
    return split(msg)[0].decode("latin-1").split("\r\n")[1:-2]


def header(msg, name):
    """Value of the first header of that name."""
    for line in header_lines(msg):
        key, _, value = line.partition(":")
        if key.strip().lower() == name.lower():
            return value.strip()
    return None


def start_line(msg):
    return msg.split(b"\r\n", 1)[0].decode("latin-1")


def body_of(msg):
    return split(msg)[1].decode("latin-1")


def media_port(msg):
    """Port of the first m= line."""
    for line in body_of(msg).splitlines():
        if line.startswith("m="):
            return int(line.split()[1])
    return None


def media_addr(msg):
    for line in body_of(msg).splitlines():
        if line.startswith("c="):
            return line.split()[2]
    return None


def names(msg, addr):
    """Lines outside Call-ID that name an address, and not a longer one."""
    part = "0-9a-f:" if ":" in addr else "0-9."
    whole = re.compile(rf"(?<![{part}]){re.escape(addr)}(?![{part}]*[0-9a-f])" if ":" in addr
                       else rf"(?<![{part}]){re.escape(addr)}(?!\.?[0-9])")
    return [line for line in msg.decode("latin-1").split("\r\n")
            if whole.search(line) and not line.lower().startswith("call-id:")]


def frame(buf):
    """Length of the first message in buf, or 0."""
    end = buf.find(b"\r\n\r\n")
    if end < 0:
        return 0
    total = end + 4 + int(header(buf[:end + 4], "Content-Length") or 0)
    return total if len(buf) >= total else 0
