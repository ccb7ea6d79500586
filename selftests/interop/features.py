# SPDX-License-Identifier: GPL-2.0-only
"""What is tried with each pair of phones: one function a row of the table.

A function gets a scene, brings its phones into the state that it wants, and returns if
all went well; Failed says what did not, Cannot what a program does not have.  alice and
anna are behind NAT A, carol is behind NAT B, bob is outside.
"""
import contextlib

from . import net as nets
from .kamailio import Kamailio
from .phone import ANSWER, REGISTER, Cannot, Failed, wait
from .scene import Accepting, Inside, answered, call, end, heard, held, ring, talk

LONG = "alice " + "of the long headers " * 30       # 600 bytes in From, Contact and To
MSS = 536


def register(s):
    """REGISTER over TCP, and anew; the server has a public address of the phone."""
    a, = s.want("alice")
    s.register(a)
    wait(lambda: s.server.contact("alice"), "the server has no Contact", REGISTER)
    inside, contact = s.net.addr(a.host), s.server.contact("alice")
    if inside in contact:
        raise Failed(f"the server has the inside address: {contact}")


def call_out(s):
    a, b = s.want("alice", "bob")
    call(a, b)
    end(a, b)


def call_in(s):
    a, b = s.want("alice", "bob")
    call(b, a)
    end(b, a)
    call(b, a, "second call")
    end(a, b)


def early_media(s):
    """Answered with 183 and a description: audio before the answer, and both ways after."""
    a, b = s.want("alice", "bob")
    for caller, called in ((a, b), (b, a)):
        called.early_media(True)
        try:
            what = f"{caller.user} calls"
            ring(caller, called, what)
            heard([(called, caller)] + ([(caller, called)] if called.EARLY_SENDS else []),
                  f"{what}: before the answer")
            answered(caller, called, what)
            talk(caller, called, f"{what}: after the answer")
            end(called, caller)
        finally:
            called.early_media(False)


def hold_resume(s):
    held(*s.want("alice", "bob"))


def _follows(s, transfer, what):
    """alice talks to bob, who transfers her to carol, behind the other NAT."""
    a, b, c = s.want("alice", "bob", "carol")
    call(a, b)
    with Accepting(c) as carol:
        transfer(b, a.uri("carol"))
        wait(lambda: carol.why or (a.established() == 1 == a.calls() and not b.calls() and carol.talks == 1),
             lambda: f"{what}: alice {a.calls()}, bob {b.calls()}, carol {carol.talks} calls", ANSWER)
        if carol.why:
            raise carol.why
        # alice's call may be that to bob, still: then carol is yet to ring.
        talk(a, c, f"{what}: audio with carol")
    end(c, a)


def blind_transfer(s):
    _follows(s, lambda b, uri: b.transfer(uri), "blind transfer")


def attended_transfer(s):
    """With Replaces if all three have it."""
    replaces = s.near.REPLACES and s.far.REPLACES
    _follows(s, lambda b, uri: (b.attended if replaces else b.ask_and_transfer)(uri), "attended transfer")


def video(s):
    """A stream of video besides, both ways."""
    a, b = s.want("alice", "bob", video=True)
    for caller, called in ((a, b), (b, a)):
        call(caller, called)
        for p in (a, b):
            wait(lambda phone=p: phone.video_packets() >= 20,
                 lambda phone=p: f"{caller.user} calls: {phone.user} got {phone.video_packets()} packets of video", 30)
        end(caller, called)


def dtmf(s):
    a, b = s.want("alice", "bob")
    call(a, b)
    for sender, other, digits in ((a, b, "159#"), (b, a, "26*0")):
        sender.dtmf(digits)
        wait(lambda p=other, d=digits: p.digits() == d,
             lambda p=other, d=digits: f"{p.user} got the digits {p.digits()!r} of {d!r}", 20)
    talk(a, b)
    end(a, b)


def long_headers(s):
    """Names of 600 bytes and segments of 536: each message spans several."""
    with s.net.cut(nets.SERVER, nets.NEAR, nets.OUTSIDE, mss=MSS) as longer:
        a, b = s.want("alice", "bob", display=LONG)
        call(a, b, "alice calls")
        end(a, b)
        call(b, a, "bob calls")
        end(a, b)
        if n := longer():
            raise Failed(f"{n} packets came to NAT A that were not cut")


def _by_name(s):
    """Both proxies, under one name; whoever is there takes the requests within dialogs."""
    name = (s.net.name_servers(), 5060)
    s.server.stop()
    s.forget()
    pair = [Kamailio(s.net, host, by_name=True) for host in (nets.SERVER, nets.SECOND)]
    s.others += pair
    for k in pair:
        k.start()
    return name, pair


def _fails_over(s, name, pair, ends):
    """The first proxy dies in mid call; audio goes on; the phone `ends` hangs up."""
    first, second = pair
    a, b = s.want("alice", "bob", proxy=name)
    call(a, b)
    if second.contact("alice") or not first.contact("alice"):
        raise Failed("the phone is not registered at the first proxy")
    first.kill()
    s.net.named(nets.SECOND)
    talk(a, b, "without a proxy: audio")
    for p in (a, b):
        p.register()
    wait(lambda: second.contact("alice") and second.contact("bob"), "no REGISTER by the second proxy", 2 * REGISTER)
    talk(a, b, "after REGISTER by the second proxy: audio")
    here, there = (a, b) if ends == "alice" else (b, a)
    end(here, there, "BYE by the second proxy:")
    call(b, a, "call by the second proxy")
    end(a, b, "BYE by the second proxy:")


@contextlib.contextmanager
def _lost(s, *users):
    """A Contact that was a connection of the proxy of before: the one of now cannot take a
    BYE there, and a refused BYE closes nothing.  The call ends when the connection does
    that its signalling came on; here soon."""
    if s.near.SAME_CONTACT and s.far.SAME_CONTACT:
        yield
        return
    with s.net.impatient():
        yield
        for user in users:
            s.off(s.phones[user])
        s.net.wait_over()


def second_proxy(s):
    """In mid call; the inside hangs up by the second one, and is called by it (N11)."""
    name, pair = _by_name(s)
    with _lost(s, "alice", "bob"):
        _fails_over(s, name, pair, "alice")


def second_proxy_bye(s):
    """The outside hangs up: the second proxy connects to a Contact that the first one
    knows, and has to be let in there."""
    if not (s.near.SAME_CONTACT and s.far.SAME_CONTACT):
        raise Cannot("its Contact is its connection to the first proxy, where nobody listens any more")
    s.net.settings(signalling_filter="any")
    try:
        name, pair = _by_name(s)
        _fails_over(s, name, pair, "bob")
    finally:
        s.net.settings(signalling_filter="peer")


def phone_restart(s):
    """Power off in mid call, and on again: it is called, and calls."""
    a, b = s.want("alice", "bob")
    if a.SAME_CONTACT:
        _restarted(s, a, b)
        return
    # Nobody's BYE finds it: its call ends for want of media, here soon.
    with s.net.impatient():
        _restarted(s, a, b)
        s.net.wait_over()


def _restarted(s, a, b):
    call(a, b)
    a.restart()
    s.register(a)
    b.hangup()
    wait(lambda: not b.calls(), "bob's call does not end", ANSWER)
    call(b, a, "call in after it")
    end(b, a)
    call(a, b, "call out after it")
    end(b, a)


def server_restart(s):
    """In mid call; it forgets all registrations, and its connections are reset."""
    a, b = s.want("alice", "bob")
    with _lost(s, "alice", "bob"):
        call(a, b)
        s.server.restart()
        talk(a, b, "audio meanwhile")
        for p in (a, b):
            p.register()
        wait(lambda: s.server.contact("alice") and s.server.contact("bob"), "no REGISTER afterwards", 2 * REGISTER)
        end(b, a, "BYE afterwards")
        call(b, a, "call in after it")
        end(a, b)
    s.forget()


def ipv6(s):
    """Through NAT66, to a phone outside and to one behind the other NAT."""
    a, b, c = s.want("alice", "bob", "carol", v=6)
    call(a, b, "alice calls bob")
    end(b, a)
    call(b, a, "bob calls alice")
    end(a, b)
    call(c, a, "carol calls alice")
    end(a, c)


def two_phones(s):
    """With the same ports behind one NAT: both talk at once, then to each other."""
    a, n, b, c = s.want("alice", "anna", "bob", "carol")
    call(a, b, "alice calls bob")
    call(c, n, "carol calls anna")
    talk(a, b, "both calls at once: audio")
    end(a, b)
    talk(c, n, "the other call is left: audio")
    end(n, c)
    call(a, n, "alice calls anna, behind the same NAT")
    end(n, a)


def both_natted(s):
    a, c = s.want("alice", "carol")
    call(a, c, "alice calls carol")
    end(c, a)
    call(c, a, "carol calls alice")
    end(c, a)


def server_inside(s):
    """Kamailio and alice behind NAT A, the others outside and behind NAT B."""
    with Inside(s.helper, s.near, s.far) as i:
        a, b, c = i.want("alice", "bob", "carol")
        for far in (b, c):
            call(a, far, f"alice calls {far.user}")
            end(far, a)
            call(far, a, f"{far.user} calls alice")
            end(far, a)
        call(b, c, "bob calls carol")
        end(c, b)
        left = i.left() if i.helper == "ours" else []
        if left:
            raise Failed(f"left behind: {'; '.join(left)}")


FEATURES = {
    "register over TCP": register,
    "call out": call_out,
    "call in": call_in,
    "early media": early_media,
    "hold and resume": hold_resume,
    "blind transfer": blind_transfer,
    "attended transfer": attended_transfer,
    "video": video,
    "DTMF": dtmf,
    "long headers": long_headers,
    "second proxy in mid call": second_proxy,
    "BYE from outside by it": second_proxy_bye,
    "phone restart": phone_restart,
    "server restart": server_restart,
    "server inside": server_inside,
    "IPv6": ipv6,
    "two phones behind one NAT": two_phones,
    "both ends behind NATs": both_natted,
}
