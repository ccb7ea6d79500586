#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two hosts inside, with no NAT between them: there is nothing to do (N7).

    phone1 192.168.122.3 ---.
            fd00:122::3      router 10.1.1.1 ---- peer1 10.1.1.10
    phone2 192.168.122.4 ---'  masquerade, outwards only
            fd00:122::4

A call from one to the other over port 5060 of the router that does NAT for calls
outwards: no byte changes, no door is made, audio goes directly.
"""
from nsip import ktap, sip, sock
from nsip.call import works
from nsip.lab import Lab
from nsip.tool import Sipnat


def texts(one, two, name):
    """A whole call, (who writes, text) each."""
    invite = sip.invite(one, two, name, 6000)
    ok = sip.response(invite, 200, "OK", contact=two, body=sip.sdp(two, 6000))
    ack, bye = (sip.request(m, one, two, name, n, to_tag="to-1") for m, n in (("ACK", 1), ("BYE", 2)))
    return [("one", invite), ("two", sip.response(invite, 180, "Ringing", contact=two)), ("two", ok),
            ("one", ack)], [("one", bye), ("two", sip.response(bye, 200, "OK"))]


def pass_on(ends, talk, cut):
    """What arrived otherwise than it was written."""
    wrong = []
    for who, text in talk:
        a, b = ends if who == "one" else ends[::-1]
        a.send_parts([text[i:i + cut] for i in range(0, len(text), cut)] if cut else [text])
        got = b.recv_up_to(len(text))
        wrong += [] if got == text else [(text, got)]
    return wrong


def call(t, lab, tool, what, v, cut):
    one, two = lab.party("phone1", v), lab.party("phone2", v)
    ends = lab.tcp_pair("phone1", "phone2", v)
    begin, end = texts(one, two, f"inside-{v}-{cut}")
    how = f"in pieces of {cut} bytes" if cut else "whole"
    t.equal(pass_on(ends, begin, cut), [], f"{what}, IPv{v}: INVITE, 180, 200 and ACK, {how}, arrive as they were written")
    t.equal((lab.doors(), tool.show("doors"), tool.show("calls")), ([], [], []),
            f"{what}, IPv{v}: no door, no call")
    media = [lab.udp(p, 6000, v) for p in ("phone1", "phone2")]
    heard = []
    for here, there, to in ((0, 1, two), (1, 0, one)):
        media[here].send((to.addr, 6000), 3, b"audio")
        heard.append(media[there].collect(3))
    t.equal(heard, [[(p.addr, 6000, b"audio")] * 3 for p in (one, two)],
            f"{what}, IPv{v}: audio both ways, directly")
    t.equal(pass_on(ends, end, cut), [], f"{what}, IPv{v}: and so do BYE and its 200")
    for m in media:
        m.close()
    sock.hang_up(*ends)


def test(t):
    for attach in ("ports", "nft"):
        with Lab(attach=attach, phones=2) as lab:
            tool = Sipnat(lab.netns("router"))
            before = lab.counters()
            for v in (4, 6):
                for cut in (0, 100):
                    call(t, lab, tool, attach, v, cut)
            now = lab.counters()
            t.equal([now[k] - before[k] for k in ("msg_request", "msg_rewritten", "conn_followed", "conn_not_nated")],
                    [0, 0, 0, 4 if attach == "nft" else 0],
                    f"{attach}: nobody looked into it; where a rule asked for it, it is counted")
            for v in (4, 6):
                t.ok(*works_outwards(lab, attach, v))
            lab.check_valid(t)


def works_outwards(lab, attach, v):
    good, why = works(lab, v, f"out-{attach}-{v}")
    return good, f"{attach}, IPv{v}: a call outwards by the same router is translated", why


ktap.main(2 * (4 * 4 + 1 + 2 + 1), test)
