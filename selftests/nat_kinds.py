#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The text names the translated source port, whatever kind of NAT chose it.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3          2001:db8:1::1        2001:db8:1::10
    snat, masquerade random, and port 40000 used by two phones at once
"""
from nsip import ktap, sip
from nsip.call import Call
from nsip.lab import Lab


def one(t, lab, what, ends, v, phone="phone1"):
    call = Call(lab, *ends, f"{phone}-{v}", v, host=phone)
    wanted = lambda seen: sip.invite(call.public, call.to, call.name, sip.media_port(seen))
    seen = call.invite()
    t.equal(seen, wanted(seen), f"{what}, IPv{v}: Via and Contact name {call.public.host} and the"
            " port that the connection comes from")
    answer = call.reply(200, "OK", body=sip.sdp(call.to, call.peer_rtp))
    t.equal(sip.header(answer, "Via").split(";")[0], f"SIP/2.0/TCP {call.me.hostport}",
            f"{what}, IPv{v}: the answer's Via is the phone's own")
    media = call.media()
    t.equal((media.inward(), media.outward()), (media.expect_inward(), media.expect_outward()),
            f"{what}, IPv{v}: audio both ways")
    media.close()
    call.bye()


def test(t):
    for nat in ("snat", "random"):
        with Lab(attach="ports", nat=nat) as lab:
            for v in (4, 6):
                ends = lab.tcp_pair(v=v, sport=40000)
                if nat == "random":
                    t.ok(ends[1].remote[1] != 40000, f"random, IPv{v}: the source port is another",
                         ends[1].remote)
                one(t, lab, nat, ends, v)
            lab.check_valid(t)
    with Lab(attach="ports", phones=2) as lab:
        listener = lab.tcp_listen("peer1")
        ends = [lab.tcp_pair(phone=f"phone{n}", sport=40000, listener=listener) for n in (1, 2)]
        t.ok(ends[0][1].remote[1] == 40000 != ends[1][1].remote[1],
             "two phones from port 40000: the second one's is translated", ends[1][1].remote)
        for n, pair in enumerate(ends, 1):
            one(t, lab, f"phone {n} of two", pair, 4, f"phone{n}")
        lab.check_valid(t)


ktap.main(4 * 3 + 2 + 2 + 1 + 2 * 3 + 1, test)
