#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Multipart bodies over several segments: descriptions in them change, and nothing else does.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3               2001:db8:1::1        2001:db8:1::10

All of them come in segments of 536 bytes; corpus/service-multipart.sip is six.
Signed, encrypted and encoded bodies arrive as they were written.
"""
import os

from nsip import ktap, sip, sock
from nsip.counted import Moved, Settings
from nsip.lab import Lab

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
SEGMENT = 536
BODIES = ("msg_re", "msg_un", "msg_body", "sdp_", "multipart_", "opaque_")
XML = "Content-Type: application/xml\r\n\r\n<host>{}</host>\r\nc=IN IP4 {}\r\n" + "<!-- filler -->\r\n" * 40


def multipart(kind, *parts, boundary="part-of-a-body"):
    """Headers and body of a multipart; parts with their headers."""
    body = "".join(f"--{boundary}\r\n{p}\r\n" for p in parts) + f"--{boundary}--\r\n"
    return [f"Content-Type: multipart/{kind};boundary={boundary}"], body


def sdp_part(party, rtp, more="", version=1):
    return f"Content-Type: application/sdp\r\n{more}\r\n" + sip.sdp(party, rtp, version=version)


def invite(me, to, call, how):
    """An INVITE whose headers and body are `how`(me)."""
    head, body = how(me)
    msg = sip.request("INVITE", me, to, call)
    return sip.message(sip.start_line(msg), [*(h for h in sip.header_lines(msg) if not h.startswith("Content-")), *head],
                       body)


def cut(text, size=SEGMENT):
    return [text[i:i + size] for i in range(0, len(text), size)]


class Line:
    """A connection, and what is counted of it."""

    def __init__(self, lab, v=4):
        self.lab, self.moved = lab, Moved(lab)
        self.phone, self.peer = lab.tcp_pair(v=v)
        self.me = lab.party("phone1", v, self.phone.local[1])
        self.to, self.public = lab.party("peer1", v), lab.public(v, self.peer.remote[1])

    def arrives(self, t, what, text, wanted, inward=False):
        """`text` in segments of 536 bytes is read as `wanted`."""
        source, sink = (self.peer, self.phone) if inward else (self.phone, self.peer)
        cap = self.lab.capture("out1" if inward else "in1")
        source.send_parts(cut(text))
        read = sink.recv_up_to(len(wanted)) + sink.pending()
        port = {"sport": 5060} if inward else {"dport": 5060}
        t.equal(read, wanted, f"{what}: {len(text)} bytes arrive as {len(wanted)}, and no other byte changes")
        t.equal([len(x) for x in cap.payloads(out=False, **port)], [len(x) for x in cut(text)],
                f"{what}: it came in segments of {SEGMENT} bytes")

    def counted(self, t, what, **wanted):
        self.moved.claim(t, what, BODIES, wanted)

    def invites(self, t, what, how, call):
        """An INVITE out; `how` makes its body from whom it speaks of."""
        wanted = invite(self.public, self.to, call, how)
        self.arrives(t, what, invite(self.me, self.to, call, how), wanted)
        return wanted

    def close(self):
        sock.hang_up(self.phone, self.peer)


def service(t, lab):
    """The message of the corpus, with addresses of these ends in the place of its own."""
    with open(os.path.join(CORPUS, "service-multipart.sip"), "rb") as f:
        text = f.read()
    line = Line(lab)
    line.arrives(t, "SERVICE that names no inside address", text, text)
    line.arrives(t, "SERVICE outward", *[text.replace(b"64.100.0.10:7003", b"%s:%d" % (w.addr.encode(), w.port))
                                         for w in (line.me, line.public)])
    line.arrives(t, "SERVICE inward", *[text.replace(b"64.100.0.10:4401", b"%s:%d" % (w.addr.encode(), w.port))
                                        for w in (line.public, line.me)], inward=True)
    line.counted(t, "SERVICE", msg_request=3, msg_rewritten=2)
    line.close()


def one_description(t, lab):
    """XML in front of it and behind; then audio through the door."""
    line = Line(lab)
    xml = XML.format(*[line.me.addr] * 2)
    seen = line.invites(t, "one description", lambda who: multipart("mixed", xml, sdp_part(who, 6000), xml), "one")
    line.counted(t, "one description", msg_request=1, msg_rewritten=1, sdp_rewritten=1)
    t.equal(lab.wait_doors([6000, 6001]), [6000, 6001], "one description: its ports are reserved")
    answer = sip.response(seen, 200, "OK", contact=line.to, body=sip.sdp(line.to, 7000))
    line.peer.send(answer)
    line.phone.recv_message()
    lab.wait_open([6000, 6001])
    a, b = lab.udp("phone1", 6000), lab.udp("peer1", 7000)
    b.send((line.public.addr, 6000), mark=b"in")
    heard = a.collect(1)
    a.send((line.to.addr, 7000), mark=b"out")
    t.equal(([x[2] for x in heard], b.collect(1)), ([b"in"], [(line.public.addr, 6000, b"out")]),
            "one description: audio both ways through its door")
    a.close()
    b.close()
    line.close()


def two_descriptions(t, lab, v):
    """That of the session and that of an early session (RFC 3959), lengths of their own."""
    line = Line(lab, v)

    def how(who):
        def part(rtp, more):
            text = sip.sdp(who, rtp)
            return sdp_part(who, rtp, f"Content-Length: {len(text)}\r\n{more}")
        return multipart("mixed", XML.format(*[line.me.addr] * 2), part(6100 + v, ""),
                         part(6110 + v, "Content-Disposition: early-session\r\n"))
    before = lab.doors()
    ports = [p + v for p in (6100, 6101, 6110, 6111)]
    line.invites(t, f"IPv{v}, two descriptions", how, f"two-{v}")
    line.counted(t, f"IPv{v}, two descriptions", msg_request=1, msg_rewritten=1, sdp_rewritten=1)
    t.equal(lab.wait_doors(sorted(before + ports)), sorted(before + ports), f"IPv{v}, two descriptions: four ports")
    line.close()


def bytewise(t, lab):
    """Each byte in a segment of its own."""
    line = Line(lab)
    pair = [invite(who, line.to, "bytes", lambda w: multipart(
        "alternative", "Content-Type: text/plain\r\n\r\nhi", sdp_part(w, 6200), sdp_part(w, 6200)))
        for who in (line.me, line.public)]
    cap = lab.capture("in1")
    line.phone.send_parts(cut(pair[0], 1))
    t.equal(line.peer.recv_up_to(len(pair[1])), pair[1], "two alternatives, byte by byte: both are translated")
    t.equal(max(map(len, cap.payloads(out=False, dport=5060))), 1, "two alternatives: no segment had two bytes")
    line.close()


def closed(me):
    """Bodies that nobody may edit, and what is counted of each."""
    plain = sdp_part(me, 6300)
    signature = "Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n" + "MIIB" * 200
    signed = multipart("signed;protocol=\"application/pkcs7-signature\";micalg=sha-256", plain, signature, boundary="sig")
    raw, xml = sip.sdp(me, 6300, ["a=x:" + "0123456789" * 60]), XML.format(me.addr, me.addr)
    return [("multipart/signed", signed, {"sdp_encoded": 1}),
            ("multipart/encrypted", multipart("encrypted", plain, xml), {"sdp_encoded": 1}),
            ("signed within mixed", multipart("mixed", signed[0][0] + "\r\n\r\n" + signed[1], xml), {"sdp_encoded": 1}),
            ("pkcs7-mime", (["Content-Type: application/pkcs7-mime"], raw), {"sdp_encoded": 1}),
            ("Content-Encoding", (["Content-Encoding: gzip", "Content-Type: application/sdp"], raw), {"sdp_encoded": 1}),
            ("a part in base64", multipart("mixed", xml, sdp_part(me, 6300, "Content-Transfer-Encoding: base64\r\n")),
             {"sdp_encoded": 1}),
            ("no end", (multipart("mixed", plain)[0], multipart("mixed", xml, plain)[1][:-4]), {"multipart_unparsed": 1})]


def closed_bodies(t, lab):
    doors = lab.doors()
    for n, (what, (head, body), counted) in enumerate(closed(lab.party("phone1"))):
        line = Line(lab)
        line.invites(t, what, lambda _, h=head, b=body: (h, b), f"closed-{n}")
        line.counted(t, what, msg_request=1, msg_rewritten=1, **counted)
        line.close()
    t.equal(lab.doors(), doors, "none of these has made a door")


def too_large(t, lab):
    """A multipart above body_max streams through; its headers are translated."""
    with Settings(lab, body_max=2048):
        line = Line(lab)
        xml = XML.format(*[line.me.addr] * 2)
        body = multipart("mixed", sdp_part(line.me, 6400), xml, xml, xml)
        line.invites(t, "above body_max", lambda _: body, "large")
        line.counted(t, "above body_max", msg_request=1, msg_rewritten=1, msg_body_too_large=1)
        line.close()


def test(t):
    with Lab() as lab:
        service(t, lab)
        one_description(t, lab)
        for v in (4, 6):
            two_descriptions(t, lab, v)
        bytewise(t, lab)
        closed_bodies(t, lab)
        too_large(t, lab)
        lab.check_valid(t)


ktap.main(7 + 5 + 2 * 4 + 2 + 7 * 3 + 1 + 3 + 1, test)
