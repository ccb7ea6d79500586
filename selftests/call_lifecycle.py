#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Doors live as long as their call: what the final answers do to them.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
"""
from nsip import ktap, sip
from nsip.call import Call
from nsip.lab import Lab

FINAL = {486: "Busy Here", 404: "Not Found", 503: "Service Unavailable", 603: "Decline"}


def begin(lab, ends, name, rtp):
    """A call with both ports reserved."""
    call = Call(lab, *ends, name, rtp=rtp)
    call.invite()
    return call, lab.wait_doors([rtp, rtp + 1])


def cancel(call):
    """CANCEL, its 200, and the 487 of the INVITE (RFC 3261 9.2)."""
    call.phone.send(sip.request("CANCEL", call.me, call.to, call.name, call.cseq,
                                branch=f"{call.name}-1-INVITE"))
    got = call.peer.recv_message()
    return call.reply(200, "OK", to=got)


def ack_failure(call):
    call.phone.send(sip.request("ACK", call.me, call.to, call.name, call.cseq, to_tag="to-1",
                                branch=f"{call.name}-1-INVITE"))
    call.peer.recv_message()


def failures(t, lab, ends):
    for i, (status, reason) in enumerate(FINAL.items()):
        call, had = begin(lab, ends, f"fails-{status}", 6000 + 2 * i)
        call.reply(status, reason)
        t.equal((had, lab.wait_doors([])), ([call.rtp, call.rtp + 1], []),
                f"INVITE answered with {status}: doors made, doors gone")
        ack_failure(call)


def challenged(t, lab, ends):
    call, had = begin(lab, ends, "challenge", 6020)
    call.reply(401, "Unauthorized")
    ack_failure(call)
    call.cseq += 1
    call.invite(extra=["Authorization: Digest username=\"alice\""])
    both = [call.public_rtp, call.public_rtp + 1]
    call.ring()
    t.equal((had, lab.wait_open(both)), ([6020, 6021], both),
            "INVITE answered with 401 and sent again: the call has its doors")
    call.accept()
    call.bye()
    t.equal(lab.wait_doors([]), [], "and loses them with BYE")


def cancelled(t, lab, ends):
    call, had = begin(lab, ends, "cancelled", 6030)
    call.ring()
    cancel(call)
    t.equal((had, lab.doors()), ([6030, 6031], [6030, 6031]), "CANCEL answered with 200 closes nothing yet")
    call.reply(487, "Request Terminated")
    t.equal(lab.wait_doors([]), [], "the INVITE's 487 closes the doors")
    ack_failure(call)


def cancel_loses(t, lab, ends):
    call, _ = begin(lab, ends, "late-cancel", 6040)
    call.ring()
    call.phone.send(sip.request("CANCEL", call.me, call.to, call.name, 1,
                                branch="late-cancel-1-INVITE"))
    got = call.peer.recv_message()
    call.accept()
    call.reply(481, "Call/Transaction Does Not Exist", to=got)
    media = call.media()
    t.equal((lab.doors(), media.inward()), ([6040, 6041], media.expect_inward()),
            "CANCEL that loses to a 200 closes nothing: audio comes in")
    media.close()
    call.bye()
    t.equal(lab.wait_doors([]), [], "BYE does")


def bye_of_peer(t, lab, ends):
    phone, peer = ends
    call, _ = begin(lab, ends, "peer-ends", 6050)
    call.ring()
    call.accept()
    had = lab.doors()
    bye = sip.message(f"BYE sip:alice@{call.public.hostport} SIP/2.0", [
        f"Via: SIP/2.0/TCP {call.to.hostport};branch=z9hG4bK-bye", "Max-Forwards: 70",
        f"From: <sip:bob@{call.to.host}>;tag=to-1",
        f"To: <sip:alice@{call.public.host}>;tag=from-{call.name}",
        f"Call-ID: {call.name}@192.168.122.3", "CSeq: 1 BYE"])
    peer.send(bye)
    got = phone.recv_message()
    t.equal((lab.doors(), sip.names(got, call.public.addr)), (had, []),
            "BYE of the peer reaches the phone under its own address, and closes nothing yet")
    phone.send(sip.response(got, 200, "OK"))
    peer.recv_message()
    t.equal((had, lab.wait_doors([])), ([6050, 6051], []), "the phone's 200 does")


def running_flows(t, lab, ends):
    call, _ = begin(lab, ends, "flows", 6060)
    call.ring()
    call.accept()
    media = call.media()
    heard = media.inward() == media.expect_inward() and media.outward() == media.expect_outward()
    call.bye()
    lab.wait_doors([])
    media.peer[0].send(media.public, 3, b"late")
    t.equal((heard, media.phone[0].collect(3, 0.5)), (True, []), "BYE ends the running audio too")
    media.close()


def survives_connection(t, lab):
    """Not the connection owns the doors (D4)."""
    ends = lab.tcp_pair()
    call, _ = begin(lab, ends, "reconnect", 6070)
    call.ring()
    call.accept()
    for end in ends:
        end.close(reset=True)
    media = call.media()
    t.equal(media.inward(), media.expect_inward(), "doors survive the connection that made them")
    media.close()
    call.phone, call.peer = lab.tcp_pair()
    call.bye()
    t.equal(lab.wait_doors([]), [], "and BYE on another connection closes them")


def test(t):
    with Lab() as lab:
        ends = lab.tcp_pair()
        for part in (failures, challenged, cancelled, cancel_loses, bye_of_peer, running_flows):
            part(t, lab, ends)
        survives_connection(t, lab)
        lab.check_valid(t)


ktap.main(4 + 2 + 2 + 2 + 2 + 1 + 2 + 1, test)
