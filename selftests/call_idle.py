#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A call that nobody speaks for lives as long as its audio; any connection may end it.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
                              media_idle 10 s

    reset    the signalling connection is reset, audio goes on for a while
    vanish   its ends fall silent until conntrack has forgotten it, audio goes on
    mute     it is reset, and no audio flows
    kept     it stays, and no audio flows
    unheard  it stays, and the phone's BYE gets no answer
"""
import time

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.tool import Sipnat

IDLE, FLOW, BYE = 10, 3, 32     # media_idle, conntrack's timeout of UDP, timer F
TICKS = 6                       # the module looks at each call every few seconds
AUDIO = 26                      # longer than all of these
SLOW = 20                       # what a slow machine may take longer


def begin(lab, name, n, sport=0):
    return Call(lab, *lab.tcp_pair(sport=sport), name, rtp=6000 + 10 * n,
                peer_rtp=7000 + 10 * n).establish()


class Watch:
    """When the doors of each call went, in seconds."""

    def __init__(self, lab, calls):
        self.lab, self.calls, self.start, self.gone = lab, calls, time.monotonic(), {}

    def now(self):
        return time.monotonic() - self.start

    def look(self):
        # Listing them makes conntrack drop entries whose time is over.
        self.lab.conntrack("-L")
        doors = set(self.lab.doors())
        for call in self.calls:
            if not doors & {call.public_rtp, call.public_rtp + 1}:
                self.gone.setdefault(call.name, self.now())

    def run(self, seconds, media=()):
        """Look for so long; True while `media` is heard both ways."""
        end, heard = self.now() + seconds, True
        while self.now() < end:
            self.look()
            for m in media:
                heard &= m.inward(1) == m.expect_inward(1) and m.outward(1) == m.expect_outward(1)
            time.sleep(0.4)
        return heard

    def wait(self, names, seconds):
        end = self.now() + seconds
        while self.now() < end and not set(names) <= set(self.gone):
            self.run(0.5)

    def between(self, name, first, last):
        return first <= self.gone.get(name, 1e9) <= last


def connections_gone(lab, ports):
    return lambda: not any(f"sport={p} " in lab.conntrack("-L", "-p", "tcp") for p in ports)


def go_silent(t, lab, calls):
    """The connections of `reset`, `mute` and `vanish` are no more."""
    for name in ("reset", "mute"):
        sock.hang_up(calls[name].phone, calls[name].peer)
    ports = [calls[name].sport for name in ("reset", "mute", "vanish")]
    sock.until(connections_gone(lab, ports), "connections stay", 30)
    t.ok(lab.tcp_timeout(calls["kept"].sport) is not None,
         "conntrack has forgotten three of five connections")


def idle(t, lab):
    names = ("reset", "vanish", "mute", "kept", "unheard")
    calls = {name: begin(lab, name, n) for n, name in enumerate(names)}
    for call in calls.values():
        call.sport = call.phone.local[1]
    media = [calls["reset"].media(), calls["vanish"].media()]
    # conntrack's patience is that of a connection's last packet: three have little.
    lab.run("router", "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_close=1")
    last_words(lab, calls)
    watch = Watch(lab, calls.values())
    unheard = calls["unheard"]
    unheard.phone.send(sip.request("BYE", unheard.me, unheard.to, unheard.name, 2, to_tag="to-1"))
    unheard.peer.recv_message()
    go_silent(t, lab, calls)
    alone = watch.now()
    heard = watch.run(AUDIO, media)
    silent = watch.now()
    t.equal((heard, sorted(set(watch.gone) & {"reset", "vanish"})), (True, []),
            f"audio both ways for {AUDIO} s keeps the doors, however the connection went")
    t.ok(watch.between("mute", IDLE - 1, alone + IDLE + TICKS + SLOW),
         f"without audio they close {IDLE} s later", watch.gone)
    watch.wait(("reset", "vanish", "unheard"), BYE + SLOW)
    for name in ("reset", "vanish"):
        t.ok(watch.between(name, silent + IDLE - TICKS, silent + FLOW + IDLE + TICKS + SLOW),
             f"{name}: {IDLE} s after the last of it they close", (silent, watch.gone))
    t.ok(watch.between("unheard", BYE - 1, BYE + TICKS + SLOW),
         f"a BYE without answer closes them after {BYE} s", watch.gone)
    media[0].peer[0].send(media[0].public, 3, b"late")
    t.equal(media[0].phone[0].collect(3, 0.5), [], "and nothing is heard any more")
    kept = calls["kept"]
    t.ok("kept" not in watch.gone, "without audio, but with a connection, a call stays", watch.gone)
    kept.bye()
    t.equal(lab.wait_doors([]), [], "until its BYE")
    for m in media:
        m.close()


def last_words(lab, calls):
    """One more request by the connection that shall vanish: its timeout is short now."""
    established = "net.netfilter.nf_conntrack_tcp_timeout_established"
    before = lab.run("router", "sysctl", "-n", established, show=False).strip()
    lab.run("router", "sysctl", "-qw", f"{established}=2")
    calls["vanish"].request("OPTIONS", 200, "OK")
    calls["vanish"].phone.wait_acked()
    time.sleep(0.3)
    lab.run("router", "sysctl", "-qw", f"{established}={before}")


def other_connection(t, lab):
    """BYE on a second connection of the phone, the first one is still there."""
    for n, who in enumerate(("phone", "peer"), 9):
        call = begin(lab, f"second-{who}", n)
        first = (call.phone, call.peer)
        media = call.media()
        heard = media.inward() == media.expect_inward()
        call.phone, call.peer = lab.tcp_pair()
        call.public = lab.public(port=call.peer.remote[1])
        doors = lab.doors()
        if who == "phone":
            call.bye()
        else:
            peer_bye(call)
        media.peer[0].send((call.public.addr, call.public_rtp), 3, b"late")
        t.equal((heard, doors, lab.wait_doors([]), media.phone[0].collect(3, 0.5)),
                (True, [call.rtp, call.rtp + 1], [], []),
                f"BYE of the {who} on another connection than the call's ends it, and its audio")
        media.close()
        sock.hang_up(*first)
        sock.hang_up(call.phone, call.peer)


def peer_bye(call):
    call.peer.send(sip.message(f"BYE sip:alice@{call.public.hostport} SIP/2.0", [
        f"Via: SIP/2.0/TCP {call.to.hostport};branch=z9hG4bK-{call.name}", "Max-Forwards: 70",
        f"From: <sip:bob@{call.to.host}>;tag=to-1",
        f"To: <sip:alice@{call.public.host}>;tag=from-{call.name}",
        f"Call-ID: {call.name}@192.168.122.3", "CSeq: 1 BYE"]))
    call.phone.send(sip.response(call.phone.recv_message(), 200, "OK"))
    call.peer.recv_message()


def test(t):
    with Lab() as lab:
        Sipnat(lab.netns("router")).set(media_idle=IDLE)
        for name in ("timeout", "timeout_stream"):
            lab.run("router", "sysctl", "-qw", f"net.netfilter.nf_conntrack_udp_{name}={FLOW}")
        other_connection(t, lab)
        idle(t, lab)
        lab.check_valid(t)


ktap.main(2 + 9 + 1, test)
