#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""With IPsec required on the outside leg nothing of ours ever leaves in clear.

    phone1 192.168.122.3 ---- router 10.1.1.1 ==== ESP ==== peer1 10.1.1.10:5060

Bytes that only the router has left are sent again and again to a peer that does
not answer, while their route is replaced, the device goes down, the policy is
taken away and comes back.  The phone sends nothing meanwhile, so that only our
own segments can be what leaves.  So it is with acknowledgements of ours for a
peer that speaks first, with policies that name the router's device, and where the
route leads to an xfrm interface on that device and only its policies are there.
"""
import os
import socket
import subprocess

from nsip import ktap, sip, sock
from nsip.exchange import Exchange
from nsip.lab import Lab

KEYS = ["enc", "cbc(aes)", "0x" + "01" * 16, "auth-trunc", "hmac(sha256)", "0x" + "02" * 32, "128"]
ESP = 50
XFRMI = "ipsec7"
# The kernel with debugging is built without them.
INTERFACES = (4, 6) if not subprocess.call(["modprobe", "-q", "xfrm_interface"]) else ()
# Of ESP itself, which is for the same address and must not go by the interface.
OUTER = "0x99"
XFRMI_NAT = """table inet xfrmi {{ chain c {{ type nat hook postrouting priority srcnat;
    oifname {0} meta nfproto ipv4 snat ip to {1}; oifname {0} meta nfproto ipv6 snat ip6 to {2}; }}; }}"""


# pylint: disable=too-many-arguments,too-many-positional-arguments
def policy(lab, host, src, dst, way, mode, verb="update"):
    """`mode` may have "dev" or "xfrmi" behind it: the router's policies are for its device, or the interface."""
    mode, *what = mode.split()
    ends = ["tmpl", "src", src, "dst", dst] if mode == "tunnel" else ["tmpl"]
    dev = ["dev", lab.dev("out1")] if what == ["dev"] and host == "router" else []
    tmpl = [*ends, "proto", "esp", "reqid", "7", "mode", mode, "level", "required"] if verb == "update" else []
    lab.run(host, "ip", "xfrm", "policy", verb, "src", src, "dst", dst, *dev, "dir", way, *if_id(host, what), *tmpl)


def if_id(host, what, *more):
    return ["if_id", "7", *more] if what == ["xfrmi"] and host == "router" else []


def policies(lab, v, mode, hosts=("router", "peer1")):
    near, far = lab.addr("public", v), lab.addr("peer1", v)
    for host in hosts:
        own, other = (near, far) if host == "router" else (far, near)
        policy(lab, host, own, other, "out", mode)
        policy(lab, host, other, own, "in", mode)
        # What is decrypted and goes on to the phone.
        policy(lab, host, other, own, "fwd", mode)


def secure(lab, v, mode):
    near, far = lab.addr("public", v), lab.addr("peer1", v)
    for host in ("router", "peer1"):
        for n, (src, dst) in enumerate(((near, far), (far, near)), 1):
            try:
                lab.run(host, "ip", "xfrm", "state", "add", "src", src, "dst", dst, "proto", "esp",
                        "spi", f"0x{n}00", "reqid", "7", "mode", mode.split()[0], *KEYS,
                        *if_id(host, mode.split()[1:], *(["output-mark", OUTER] if src == near else [])))
            except RuntimeError as e:
                raise ktap.Skip(f"no ESP in this kernel: {e}") from e
    policies(lab, v, mode)


class Wire:
    """What leaves the router outside."""

    def __init__(self, lab):
        self.cap = lab.capture("out1")

    def clear(self):
        return self.cap.segments(out=True)

    def esp(self):
        self.cap.segments()
        return self.cap.protocols.count((True, ESP))


class Deaf:
    """The peer hears nothing, then the phone says nothing."""

    RULES = "table inet deaf {{ chain c {{ type filter hook {} priority -400; {} drop; }}; }}"

    def __init__(self, lab):
        self.lab = lab

    def peer(self, on=True):
        self._set("peer1", on, "input", "meta l4proto tcp")

    def phone(self, on=True):
        self._set("router", on, "prerouting", f"iifname {self.lab.dev('in1')} meta l4proto tcp")

    def _set(self, host, on, hook, match):
        if on:
            self.lab.run(host, "nft", "-f", "-", text=self.RULES.format(hook, match))
        else:
            self.lab.run(host, "nft", "delete", "table", "inet", "deaf")


def route(lab, v):
    lab.run("router", "ip", f"-{v}", "route", "replace", "198.51.100.0/24" if v == 4 else "2001:db8:ffff::/48",
            "dev", lab.dev("out1"))
    lab.run("router", "ip", f"-{v}", "route", "flush", "cache")
    lab.run("router", "ip", f"-{v}", "route", "replace", lab.addr("peer1", v), "dev", lab.dev("out1"), "mtu", "1480")


def device(lab, v):
    lab.run("router", "ip", "link", "set", lab.dev("out1"), "down")
    lab.run("router", "ip", "link", "set", lab.dev("out1"), "up")
    # Addresses and routes of IPv6 go with the device.
    if v == 6:
        lab.run("router", "ip", "addr", "replace", f"{lab.addr('public', 6)}/128", "dev", lab.dev("out1"), "nodad")
    lab.run("router", "ip", f"-{v}", "route", "replace", lab.addr("peer1", v), "dev", lab.dev("out1"))


def retained(t, lab, ex, wire, what, change, gap=None):
    """A message that only we have left, while something changes under it."""
    deaf = Deaf(lab)
    wrote, wanted = ex.texts()
    ex.phone.send(wrote[:200])
    ex.phone.wait_acked()
    deaf.peer()
    held = wire.esp()
    ex.phone.send(wrote[200:])
    sock.until(lambda: wire.esp() > held, "the message does not leave")
    deaf.phone()
    before = lab.counters()
    change()
    if gap:
        sock.until(lambda: wire.clear() or lab.counters()["emit_failed"] > before["emit_failed"], "nothing was tried")
        gap()
    went = wire.esp()
    sock.until(lambda: wire.esp() > went, "nothing was sent again", 40)
    deaf.peer(False)
    read = ex.peer.recv_up_to(len(wanted))
    deaf.phone(False)
    t.equal((read, wire.clear()), (wanted, []), what + ": the message arrives by our repeats, nothing in clear")
    ex.phone.wait_acked()


def server_first(t, lab, v, mode, wire, what):
    """Half a message of the peer, acknowledged by nobody but the router, with its policy, if any, gone at first."""
    ex, deaf = Exchange(lab, v), Deaf(lab)
    port = ex.phone.local[1]
    wrote, wanted = (sip.request("OPTIONS", lab.party("peer1", v), who, "first")
                     for who in (ex.public, lab.party("phone1", v, port)))
    before = lab.counters()
    policy(lab, "router", lab.addr("public", v), lab.addr("peer1", v), "out", mode, "delete")
    # An interface takes it, and throws it away.
    tried = "ack_spoofed" if "xfrmi" in mode else "emit_failed"
    ex.peer.send(wrote[:200])
    sock.until(lambda: wire.clear() or lab.counters()[tried] > before[tried], "nothing was tried")
    went = wire.esp()
    policies(lab, v, mode, ("router",))
    ex.peer.wait_acked()
    t.ok(wire.esp() > went and not wire.clear() and not ex.phone.pending(),
         what + "the peer first: half a message is acknowledged, nothing in clear", (wire.clear(), wire.esp() - went))
    deaf.phone()
    ex.peer.send(wrote[200:])
    sock.until(lambda: lab.counters()["emit_resent"] > before["emit_resent"], "nothing was sent again", 40)
    deaf.phone(False)
    read = ex.phone.recv_up_to(len(wanted))
    ex.peer.wait_acked()
    t.equal((read, wire.clear()), (wanted, []), what + "and it arrives inside by our repeats, nothing in clear")
    ex.close()


def told(cap):
    """The window that the phone has been told of, in bytes."""
    return [s for s in cap.segments(out=True) if not s.data][-1].win


def fill(lab, ex, cap):
    """Fill the peer's window to the brim; what has grown lacks room.  What is to be read."""
    wanted = b""
    for _ in range(40):
        room = told(cap)
        wrote, text = ex.texts(size=1)
        if len(wrote) < room < 3000:
            wrote, text = ex.texts(size=1 + room - len(wrote))
        ex.phone.send(wrote)
        wanted += text
        try:
            sock.until(lambda: lab.counters()["emit_probe"] or told(cap) not in (0, room), "", 2)
        except sock.Timeout:
            continue
        if lab.counters()["emit_probe"]:
            return wanted
    raise sock.Timeout("the peer's window stays open")


def shut(t, lab, wire, what):
    """A peer without room, asked for it by the router while the phone is silent."""
    # Without scaling a window can be filled to the byte.
    lab.run("phone1", "sysctl", "-qw", "net.ipv4.tcp_window_scaling=0")
    cap = lab.capture("in1")
    listener = lab.tcp_listen("peer1", 5060, 6, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)])
    ex, deaf = Exchange(lab, 6, listener=listener), Deaf(lab)
    listener.close()
    # The public address is longer.
    wanted = fill(lab, ex, cap)
    deaf.phone()
    probes, went = lab.counters()["emit_probe"], wire.esp()
    sock.until(lambda: lab.counters()["emit_probe"] >= probes + 2 and wire.esp() >= went + 2, "no more probes", 30)
    asked = wire.esp() - went
    deaf.phone(False)
    t.ok(asked >= 2 and ex.peer.recv_up_to(len(wanted)) == wanted and not wire.clear(),
         what + "a window of 0: the router probes it, nothing in clear", (asked, wire.clear()))
    ex.close()


SCENES = {
    "nothing changes": (lambda lab, v: None,),
    "another route": (route,),
    "device down and up": (device,),
    "no policy for a while": (lambda lab, v: lab.run("router", "ip", "xfrm", "policy", "flush"), True),
}


def one(t, v, mode, *scenes):
    what = f"IPv{v}, {mode.replace(' dev', ' mode for a device') if 'dev' in mode else mode + ' mode'}: "
    # With masquerade conntrack would forget all that leaves by a device that goes down.
    with Lab(nat="snat") as lab:
        wire = Wire(lab)
        ex = Exchange(lab, v)
        ex.round()
        t.ok(len(wire.clear()) > 3 and not wire.esp(), what + "before, all is in clear", wire.esp())
        ex.close()
        secure(lab, v, mode)
        sock.until(lambda: not lab.run("peer1", "ss", "-Htn", show=False).strip(), "old connection", 3)
        wire = Wire(lab)
        ex = Exchange(lab, v)
        t.equal((ex.usual(), wire.clear()), ([], []), what + "messages arrive right, nothing in clear")
        t.ok(wire.esp() > 20, what + "by ESP", wire.esp())
        if mode.startswith("tunnel"):
            # Behind NAT the router itself complains, about a segment with other numbers.
            t.equal((ex.text(6000), wire.clear()), ([], []), what + "6000 bytes of text arrive")
            t.ok(ex.phone.mss < 1448 and lab.counters()["icmp_translated"],
                 what + "and the phone found out what fits", (ex.phone.mss, lab.counters()["icmp_translated"]))
        for name in scenes:
            change, *gap = SCENES[name]
            retained(t, lab, ex, wire, what + name, lambda c=change: c(lab, v),
                     (lambda: policies(lab, v, mode, ("router",))) if gap else None)
        t.equal((ex.usual(), wire.clear()), ([], []), what + "and the connection goes on")
        ex.close()
        server_first(t, lab, v, mode, wire, what)
        if v == 6:
            shut(t, lab, wire, what)
        lab.check_valid(t)


def interface(t, v):
    what = f"IPv{v}, xfrm interface: "
    with Lab(nat="snat") as lab:
        lab.run("router", "ip", "link", "add", XFRMI, "type", "xfrm", "dev", lab.dev("out1"), "if_id", "7")
        lab.run("router", "ip", "link", "set", XFRMI, "up")
        lab.run("router", "nft", "-f", "-",
                text=XFRMI_NAT.format(XFRMI, lab.addr("public", 4), lab.addr("public", 6)))
        # Neighbour discovery would need the tunnel, and the tunnel needs it.
        Exchange(lab, v).close()
        secure(lab, v, "tunnel xfrmi")
        lab.run("router", "ip", f"-{v}", "rule", "add", "fwmark", OUTER, "lookup", OUTER)
        lab.run("router", "ip", f"-{v}", "route", "add", lab.addr("peer1", v), "dev", lab.dev("out1"), "table", OUTER)
        lab.run("router", "ip", f"-{v}", "route", "replace", lab.addr("peer1", v), "dev", XFRMI)
        wire = Wire(lab)
        ex = Exchange(lab, v)
        t.equal((ex.usual(), wire.clear()), ([], []), what + "messages arrive right, nothing in clear")
        t.ok(wire.esp() > 20, what + "by ESP", wire.esp())
        retained(t, lab, ex, wire, what + "nothing changes", lambda: None)
        ex.close()
        server_first(t, lab, v, "tunnel xfrmi", wire, what)
        misled(t, lab, v, wire, what)
        lab.check_valid(t)


def misled(t, lab, v, wire, what):
    """What comes by the interface is marked, and a route in clear is for packets with that mark."""
    lab.run("router", "nft", "-f", "-", text=f"table inet misled {{ chain c {{ type filter hook prerouting "
            f"priority mangle; iifname {XFRMI} meta mark set {OUTER}; }}; }}")
    ex = Exchange(lab, v)
    wrote = sip.request("OPTIONS", lab.party("peer1", v), ex.public, "misled")
    wanted = sip.request("OPTIONS", lab.party("peer1", v), lab.party("phone1", v, ex.phone.local[1]), "misled")
    before = lab.counters()
    ex.peer.send(wrote[:200])
    sock.until(lambda: wire.clear() or lab.counters()["emit_failed"] > before["emit_failed"], "nothing was tried")
    ex.peer.send(wrote[200:])
    t.equal((ex.phone.recv_up_to(len(wanted)), wire.clear()), (wanted, []),
            what + "a mark of the other direction leads nothing out in clear")
    ex.close()


def rounds():
    """IP version, mode and scenes of each connection."""
    # xfrm_trans_reinject() forwards what comes in transport mode without the
    # RCU read lock, of which kernels with lockdep complain (seen on 6.12).  With
    # policies of tunnels that name the device no connection comes about there.
    complains = os.path.exists("/proc/lockdep")
    either = "tunnel" if complains else "transport"
    return [(4, either, *SCENES), (6, either, "device down and up", "no policy for a while"),
            *([] if complains else [(4, "tunnel", "another route"),
                                    (4, "transport dev", "another route", "device down and up"),
                                    (6, "transport dev", "another route")])]


def claims(v, mode, *scenes):
    return 7 + len(scenes) + (2 if mode.startswith("tunnel") else 0) + (v == 6)


def test(t):
    for args in rounds():
        one(t, *args)
    for v in INTERFACES:
        interface(t, v)


ktap.main(sum(claims(*args) for args in rounds()) + 7 * len(INTERFACES), test)
