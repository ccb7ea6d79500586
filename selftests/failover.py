#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The proxy fails in mid call; another one takes over, by TCP or by UDP (N11).

                                                .--- peer1 10.1.1.10:5060  first proxy, TCP
    phone1 192.168.122.3 ---- router 10.1.1.1 -<---- peer2 10.1.1.11:5060  second one, TCP or UDP
    RTP 6000 ...              masquerade        '--- peer3 10.1.1.12       the other party's audio,
                              media_idle 10 s                              RTP 7000 ...
                              likewise fd00:122:: and 2001:db8:1::

Packets of audio go both ways all the time and each of them is heard.  What is
said over UDP passes without a look at it: then the doors close by themselves.
"""
import time

from nsip import audio, ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.tool import Sipnat

IDLE, FLOW = 10, 3          # media_idle, conntrack's timeout of UDP
TICKS, SLOW = 6, 20         # the module looks every few seconds; a slow machine
KEPT = 60                   # call_timeout of the call that nobody ends


class Moving(Call):
    """A call whose signalling moves from proxy to proxy."""

    def __init__(self, lab, v, name, rtp, proxy="peer1"):
        super().__init__(lab, *lab.tcp_pair("phone1", proxy, v), name, v, rtp, rtp + 1000)
        self.other = lab.party("peer3", v)
        self.audio = None

    def accept(self, **more):
        answer = self.reply(200, "OK", body=sip.sdp(self.other, self.peer_rtp), **more)
        self.phone.send(sip.request("ACK", self.me, self.to, self.name, self.cseq, to_tag="to-1"))
        self.peer.recv_message()
        return answer

    @property
    def doors(self):
        return [self.public_rtp, self.public_rtp + 1]

    def speak(self):
        """Audio from now on, when both have been heard once."""
        near, far = self.lab.udp("phone1", self.rtp, self.v), self.lab.udp("peer3", self.peer_rtp, self.v)
        here, there = (self.public.addr, self.public_rtp), (self.other.addr, self.peer_rtp)
        self.lab.wait_open_has(self.doors, 17)
        self.audio = audio.Audio(audio.End(near, there, there), audio.End(far, here, here))
        return self

    def silence(self):
        """What was not heard, of how many."""
        gaps = self.audio.stop().gaps()
        for end in self.audio.ends:
            end.sock.close()
        return gaps, self.audio.sent

    def proxy_dies(self):
        sock.hang_up(self.peer, self.phone)

    def connect(self, proxy):
        self.phone, self.peer = self.lab.tcp_pair("phone1", proxy, self.v)

    def again(self):
        """re-INVITE by the present connection; as the proxy reads it."""
        self.cseq += 1
        seen = self.invite(to_tag="to-1")
        self.accept()
        return seen

    def peer_bye(self):
        self.peer.send(sip.message(f"BYE sip:alice@{self.public.host}:{self.peer.remote[1]} SIP/2.0", [
            f"Via: SIP/2.0/TCP {self.to.hostport};branch=z9hG4bK-{self.name}", "Max-Forwards: 70",
            f"From: <sip:bob@{self.to.host}>;tag=to-1",
            f"To: <sip:alice@{self.public.host}>;tag=from-{self.name}",
            f"Call-ID: {self.name}@192.168.122.3", "CSeq: 1 BYE"]))
        self.phone.send(sip.response(self.phone.recv_message(), 200, "OK"))
        self.peer.recv_message()


NOTHING = [([], []), ([], [])]


def unbroken(t, call, claim, least=1):
    gaps, sent = call.silence()
    t.ok(gaps == NOTHING and sent >= least, f"{claim}: each packet is heard, both ways, from the advertised port",
         f"{sent} sent, of {least}; missed, and from elsewhere: {gaps}")


def gone(lab, call):
    return not set(lab.doors()) & set(call.doors)


def failback(t, lab, v, rtp):
    """The first proxy is there again: the next call goes by it."""
    call = Moving(lab, v, f"failback-{v}-{rtp}", rtp).establish().speak()
    time.sleep(0.5)
    unbroken(t, call, f"IPv{v}: failback: the next call by the first proxy")
    call.bye()
    t.equal(lab.wait_doors([]), [], f"IPv{v}: failback: its BYE closes its doors")
    sock.hang_up(call.phone, call.peer)


def to_tcp(t, lab, v, rtp, who):
    """The connection is reset; the phone goes on with the second proxy."""
    what = f"IPv{v}, TCP, {who} ends"
    call = Moving(lab, v, f"tcp-{v}-{who}", rtp).establish().speak()
    first = call.public_rtp
    time.sleep(0.5)
    call.proxy_dies()
    time.sleep(0.5)
    call.connect("peer2")
    seen = call.again()
    t.equal((sip.media_addr(seen), call.public_rtp, sip.names(seen, call.me.addr)),
            (call.public.addr, first, []), f"{what}: the second proxy reads the same public port")
    time.sleep(0.5)
    had = lab.doors()
    unbroken(t, call, what)
    if who == "phone":
        call.bye()
    else:
        call.peer_bye()
    t.equal((had, lab.wait_doors([])), (call.doors, []), f"{what}: BYE by the second proxy closes the doors")
    sock.hang_up(call.phone, call.peer)


class Udp:
    """Signalling that the helper does not see."""

    def __init__(self, lab, v):
        self.phone, self.proxy = lab.udp("phone1", 5060, v).sock, lab.udp("peer2", 5060, v).sock
        self.at = (lab.addr("peer2", v), 5060)

    def request(self, msg, body=""):
        """It and its answer; did both arrive as they were written?"""
        msg = msg.replace(b"SIP/2.0/TCP", b"SIP/2.0/UDP")
        self.phone.sendto(msg, self.at)
        if not sock.readable(self.proxy):
            raise sock.Timeout("no request by UDP")
        seen, src = self.proxy.recvfrom(4096)
        answer = sip.response(seen, 200, "OK", body=body)
        self.proxy.sendto(answer, src[:2])
        if not sock.readable(self.phone):
            raise sock.Timeout("no answer by UDP")
        return (seen, self.phone.recv(4096)) == (msg, answer)

    def close(self):
        self.phone.close()
        self.proxy.close()


def over_udp(call, udp, method="INVITE"):
    call.cseq += 1
    body = sip.sdp(call.me, call.rtp) if method == "INVITE" else ""
    return udp.request(sip.request(method, call.me, call.to, call.name, call.cseq, to_tag="to-1", body=body),
                       sip.sdp(call.other, call.peer_rtp) if body else "")


def to_udp(t, lab, rtp):
    """Both families at once, for it takes its time."""
    calls = [Moving(lab, v, f"udp-{v}", rtp + v).establish().speak() for v in (4, 6)]
    back = Moving(lab, 4, "back", rtp + 20).establish().speak()
    udp = {v: Udp(lab, v) for v in (4, 6)}
    ports = [call.phone.local[1] for call in (*calls, back)]
    for call in (*calls, back):
        call.proxy_dies()
    # Listing them makes conntrack drop entries whose time is over.
    sock.until(lambda: not any(lab.tcp_timeout(p) for p in ports), "connections stay", 30)
    sent = [over_udp(call, udp[call.v]) for call in (*calls, back)]
    t.equal(sent, [True] * 3, "UDP: re-INVITE by the second proxy passes as it is")
    time.sleep(IDLE + TICKS + FLOW)
    had = {p for c in (*calls, back) for p in c.doors}
    t.ok(set(lab.doors()) >= had, "UDP: without a connection the doors stay as long as there is audio",
         (lab.doors(), had))
    back.connect("peer1")
    unbroken(t, back, "UDP, and back to the first proxy", (IDLE + FLOW) * 10)
    back.bye()
    sock.until(lambda: gone(lab, back), "doors", 3)
    t.ok(not gone(lab, calls[0]), "UDP, and back to the first proxy: BYE there closes the doors of this call only")
    sock.hang_up(back.phone, back.peer)
    for call in calls:
        unbroken(t, call, f"IPv{call.v}, UDP", (IDLE + FLOW) * 10)
    silent = time.monotonic()
    for call in calls:
        over_udp(call, udp[call.v], "BYE")
    t.ok(not any(gone(lab, c) for c in calls), "UDP: nobody has seen the BYE")
    return calls, silent, udp


def close_by_themselves(t, lab, calls, silent):
    """No media for media_idle, and no connection speaks for them (D4)."""
    def look():
        lab.conntrack("-L")     # makes conntrack drop entries whose time is over
        return all(gone(lab, c) for c in calls)
    try:
        sock.until(look, "doors", IDLE + FLOW + TICKS + SLOW)
    except sock.Timeout:
        pass
    took = time.monotonic() - silent
    t.ok(look() and took >= IDLE - TICKS,
         f"UDP: the doors close {IDLE} s after the last audio", (took, lab.doors()))


def kept(t, lab, call, begun):
    """A connection is left that speaks for it: its life is that of calls without signalling."""
    t.ok(not gone(lab, call) or time.monotonic() - begun > KEPT,
         "without audio, but with its connection, a call keeps its doors")
    try:
        sock.until(lambda: gone(lab, call), "doors", begun + KEPT + TICKS + SLOW - time.monotonic())
    except sock.Timeout:
        pass
    took = time.monotonic() - begun
    t.ok(gone(lab, call) and took >= KEPT - 1, f"until {KEPT} s after the last of its signalling (call_timeout)",
         (took, lab.doors()))


def test(t):
    with Lab(peers=3, contact="door") as lab:
        tool = Sipnat(lab.netns("router"))
        for name in ("timeout", "timeout_stream"):
            lab.run("router", "sysctl", "-qw", f"net.netfilter.nf_conntrack_udp_{name}={FLOW}")
        lab.run("router", "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_close=1")
        for n, v in enumerate((4, 6)):
            to_tcp(t, lab, v, 6000 + 100 * n, "phone")
            failback(t, lab, v, 6020 + 100 * n)
            to_tcp(t, lab, v, 6040 + 100 * n, "peer")
        tool.set(media_idle=IDLE, call_timeout=KEPT)
        stays = Moving(lab, 4, "kept", 6300).establish()
        begun = time.monotonic()
        tool.set(call_timeout=43200)
        calls, silent, udp = to_udp(t, lab, 6400)
        close_by_themselves(t, lab, calls, silent)
        kept(t, lab, stays, begun)
        failback(t, lab, 4, 6400)
        for u in udp.values():
            u.close()
        lab.check_valid(t)


ktap.main(2 * (2 * 3 + 2) + 2 + 1 + 1 + 2 + 1 + 1 + 2 + 2 + 1, test)
