#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every setting is set, read back, and refused when out of range, in its own namespace alone.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

Settings of the router change; those of phone1's namespace and of the initial one stay.
"""
import errno
import os
import socket
import subprocess
import sys

from nsip import ktap, netlink
from nsip.call import works
from nsip.lab import Lab, kernel_log

MiB = 1 << 20
# Smallest, largest, default.
NUMBERS = {
    "ack-delay": (1, 200, 10), "hold-timeout": (1000, 600000, 32000),
    "unload-timeout": (0, 60000, 10000), "header-max": (512, 65535, 16384),
    "body-max": (0, 65535, 40960), "hold-max": (8192, MiB, 163840),
    "mem-max": (MiB, 2048 * MiB, 64 * MiB), "host-share": (1, 100, 25),
    "calls-max": (1, 1 << 22, None), "bindings-max": (1, 1 << 22, 65536),
    "doors-per-call": (2, 255, 32), "call-timeout": (60, 604800, 43200),
    "ringing-timeout": (10, 3600, 180), "media-idle": (10, 86400, 300),
    "binding-max": (60, 604800, 86400),
}
# Values, default, values that are refused, what the refusal says.
CHOICES = {
    "debug": ((0, 1), 0, (2, 255), "0 or 1"),
    "on-error": (("pass", "reset"), "pass", (2, 255), "pass or reset"),
    "media-filter": (("any", "peer", "peer-port", "off"), "peer", (4, 255),
                     "any, peer, peer-port or off"),
    "signalling-filter": (("any", "peer", "off"), "peer", ("peer-port", 4), "any, peer or off"),
    "contact": (("door", "connection"), "door", (2,), "door or connection"),
}
ALL_PORTS = {"first": 1, "last": 65535}
RANGES = ([ALL_PORTS], [{"first": 5060, "last": 5060}, {"first": 1024, "last": 2000}], [{}],
          [{"first": 1000 + i, "last": 1000 + i} for i in range(32)])
BAD_RANGES = ([{"first": 0, "last": 5}], [{"first": 6, "last": 5}], [{"last": 5}, {}], [{}, {}],
              [{}, ALL_PORTS], [ALL_PORTS] * 33, [{"first": 0}])


def ip(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def prefix(text, bits):
    return {"address": ip(text), "length": bits}


LISTS = {
    "ports": (([1], [5060, 65535], [0], list(range(5060, 5076))), ([1] * 17, [0, 1], [1, 0]),
              "at most 16 ports"),
    "signal-ports": (RANGES, BAD_RANGES, "at most 32 ranges"),
    "door-deny": (RANGES, BAD_RANGES, "at most 32 ranges"),
    "door-public-ports": (RANGES, BAD_RANGES, "at most 32 ranges"),
    "media-hosts": (([prefix("0.0.0.0", 0)], [prefix("fd00::", 8), prefix("10.0.0.1", 32)], [{}],
                     [prefix(f"10.{i}.0.0", 16) for i in range(8)]),
                    ([prefix("10.0.0.0", 33)], [prefix("fd00::", 129)], [{"length": 8}],
                     [prefix("10.0.0.0", 8)] * 9, [{"address": b"12345"}], [{}, {}]),
                    "at most 8 prefixes"),
}
# A smaller hold-max goes with smaller messages only.
SMALL = {"header-max": 512, "body-max": 1024}


def refused(fam, values, name, text):
    """Was it refused, with the attribute and with what is allowed?"""
    err, attr, words = netlink.attempt(fam.do, "settings-set", values)
    good = (err, attr and attr.split(".")[1]) == (errno.EINVAL, name) and \
        (words or "").startswith(name.replace("-", "_") + " must be ") and text in (words or "")
    return good, (values, err, attr, words)


class Router:
    """Settings of the router, and those that must not follow them."""

    def __init__(self, t, lab):
        self.t = t
        self.fam = netlink.at(lab)
        self.others = [netlink.at(lab, "phone1"), netlink.family()]
        self.start = self.get()
        self.before = [f.do("settings-get", {}) for f in self.others]

    def get(self):
        return self.fam.do("settings-get", {})

    def takes(self, values):
        """Set, read back, put back; what is wrong or None."""
        wrong = None
        self.fam.do("settings-set", values)
        if self.get() != {**self.start, **values}:
            wrong = self.get()
        elif [f.do("settings-get", {}) for f in self.others] != self.before:
            wrong = "another namespace changed"
        back = {k: self.start[k] for k in values}
        self.fam.do("settings-set", back)
        return wrong or (self.get() != self.start and "not put back") or None

    def check(self, name, good, bad, text):
        wrong = [w for w in map(self.takes, good) if w]
        self.t.ok(not wrong, f"{name}: set and read back, here alone", wrong)
        seen = [refused(self.fam, {name: v}, name, text) for v in bad]
        wrong = [why for ok, why in seen if not ok]
        self.t.ok(not wrong and self.get() == self.start,
                  f"{name}: refused with what is allowed: {text}", wrong or self.get())


def defaults(t, r):
    seen = dict(r.start)
    quarter = int(open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii").read()) // 4
    wanted = {name: quarter if usual is None else usual for name, (_, _, usual) in NUMBERS.items()}
    wanted.update({name: usual for name, (_, usual, _, _) in CHOICES.items()})
    wanted.update({"ports": [0], "media-hosts": [{}], "door-public-ports": [{}],
                   "signal-ports": [{"first": 5060, "last": 5061}], "mem-total": 256 * MiB})
    deny = seen.pop("door-deny")
    t.equal(seen, wanted, "a new namespace has the documented defaults")
    t.ok({"first": 8080, "last": 8080} in deny and len(deny) > 20, "and does not let in services", deny)


def every_setting(r):
    for name, (low, high, _) in NUMBERS.items():
        more = SMALL if name == "hold-max" else {}
        r.check(name, [{name: v, **more} for v in (low, high)], {low - 1, high + 1, 2 ** 32 - 1} - {-1},
                f"{low} to {high} ")
    for name, (good, _, bad, text) in CHOICES.items():
        r.check(name, [{name: v} for v in good], bad, text)
    for name, (good, bad, text) in LISTS.items():
        r.check(name, [{name: v} for v in good], bad, text)


def all_or_nothing(t, r):
    err = netlink.attempt(r.fam.do, "settings-set",
                          {"ack-delay": 20, "ports": [5070], "host-share": 101})
    t.equal((err[:2], r.get() == r.start), ((errno.EINVAL, ".host-share"), True),
            "one value out of range: nothing changes")
    err = netlink.attempt(r.fam.do, "settings-set", {"hold-max": 57343})
    t.equal((err, r.get() == r.start),
            ((errno.EINVAL, None, "hold_max must be at least header_max and body_max together"), True),
            "hold-max below what a message may have is refused")
    r.fam.do("settings-set", {"hold-max": 57344})
    r.fam.do("settings-set", {"hold-max": r.start["hold-max"]})
    r.fam.do("settings-set", {"media-hosts": [prefix("10.1.2.3", 8)]})
    t.equal(r.get()["media-hosts"], [prefix("10.0.0.0", 8)], "a prefix has no bits behind its length")
    r.fam.do("settings-set", {"media-hosts": [{"address": ip("10.1.2.3")}],
                              "signal-ports": [{"first": 5080}]})
    t.equal([r.get()[k] for k in ("media-hosts", "signal-ports")],
            [[prefix("10.1.2.3", 32)], [{"first": 5080, "last": 5080}]],
            "an address alone is a host, a port alone a range")
    r.fam.do("settings-set", {k: r.start[k] for k in ("media-hosts", "signal-ports")})
    _, attr, words = netlink.attempt(r.fam.do, "memory-get", {"used": 1})
    t.ok(words and attr, "attributes that nobody asked for are refused", (attr, words))


def mem_total(t, r):
    initial, there = r.others[1], (r.fam, r.others[0])
    initial.do("settings-set", {"mem-total": 512 * MiB})
    t.equal([f.do("settings-get", {})["mem-total"] for f in there], [512 * MiB] * 2,
            "mem-total: set in the initial namespace, seen in all")
    seen = [netlink.attempt(f.do, "settings-set", {"mem-total": 300 * MiB}) for f in there]
    t.ok(all((e, a) == (errno.EPERM, ".mem-total") and "initial namespace" in w for e, a, w in seen),
         "refused in the others", seen)
    seen = [netlink.attempt(initial.do, "settings-set", {"mem-total": v})
            for v in (MiB - 1, (1 << 40) + 1, 0)]
    t.ok(all((e, a) == (errno.EINVAL, ".mem-total") and "1048576 to 1099511627776" in w
             for e, a, w in seen), "and out of range, with what is allowed", seen)
    initial.do("settings-set", {"mem-total": 256 * MiB})


# --- who may ------------------------------------------------------------------

NOBODY = """
import errno, os, sys
sys.path[:0] = [{here!r}]
from nsip import netlink
if {user_ns}:
    os.setgid(65534), os.setuid(65534)
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
else:
    fam = netlink.family()
    fam.do("settings-get", {{}})
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
fam = netlink.family()
ask = lambda fn, *args: netlink.attempt(fn, *args)[0]
join = 0
try:
    fam.ntf_subscribe("events")
except PermissionError as e:
    join = e.errno
print([ask(fam.do, "settings-get", {{}}), ask(fam.dump, "counter-get", {{}}),
       ask(fam.do, "memory-get", {{}}), ask(fam.do, "settings-set", {{"ack-delay": 77}}),
       ask(fam.dump, "connection-get", {{}}), ask(fam.dump, "call-get", {{}}),
       ask(fam.dump, "binding-get", {{}}), ask(fam.dump, "door-get", {{}}), join,
       ask(fam.do, "settings-set", {{"mem-total": 300 << 20}}),
       ask(fam.do, "settings-set", {{"debug": 1}}),
       fam.do("settings-get", {{}})["ack-delay"]])
"""


def as_nobody(lab, user_ns):
    """Answers to: get, counters, memory, set, four lists, events, mem-total, debug; ack-delay then."""
    here = os.path.dirname(os.path.abspath(__file__))
    with lab.at("router"):
        p = subprocess.run([sys.executable, "-c", NOBODY.format(here=here, user_ns=user_ns)],
                           capture_output=True, text=True, check=False)
    return p.stdout.strip() or p.stderr


def permissions(t, lab, r):
    no = errno.EPERM
    t.equal(as_nobody(lab, False), str([0, 0, 0, no, no, no, no, no, no, no, no, 10]),
            "without CAP_NET_ADMIN: settings and counters are read, nothing else")
    t.equal(as_nobody(lab, True), str([0] * 9 + [no, no, 77]),
            "root of an unprivileged user namespace may do everything in his own, but mem-total and debug")
    t.equal((r.get(), [f.do("settings-get", {}) for f in r.others]), (r.start, r.before),
            "which changed nowhere else")


# --- what they do ---------------------------------------------------------------

def traced(lab):
    kernel_log(clear=True)
    good, why = works(lab, name="traced")
    return good, b"INVITE" in kernel_log(), why


def effects(t, lab, r):
    t.ok(not works(lab, name="before")[0], "no rule and no port: a call is left alone")
    r.fam.do("settings-set", {"ports": [5060, 5070]})
    for port in (5060, 5070):
        good, why = works(lab, name=f"port-{port}", dport=port)
        t.ok(good, f"the setting ports: a call on port {port} is translated", why)
    t.ok(not works(lab, name="other", dport=5080)[0], "one on another port is not")
    t.equal(traced(lab)[:2], (True, False), "debug is off: no trace")
    r.others[1].do("settings-set", {"debug": 1})
    t.equal(traced(lab)[:2], (True, False), "on in another namespace: none of this one")
    r.others[1].do("settings-set", {"debug": 0})
    r.fam.do("settings-set", {"debug": 1})
    t.equal(traced(lab)[:2], (True, True), "on: a trace")
    r.fam.do("settings-set", {"debug": 0, "ports": [5070]})
    t.ok(not works(lab, name="again")[0], "a port taken away: left alone")
    r.fam.do("settings-set", {"ports": [0]})
    t.ok(not works(lab, name="none", dport=5070)[0], "all of them: the same")


def half_read(lab):
    """A socket on which a dump was begun and not read."""
    fam = netlink.at(lab)
    fam.sock.send(fam._encode_message(fam.ops["counter-get"], {}, [0x300], 1))   # pylint: disable=protected-access
    return fam.sock


def unload(t, lab, r):
    r.fam.do("settings-set", {"ports": [5060], "ack-delay": 11})
    reader = half_read(lab)
    rmmod = ["rmmod", "nf_nat_sip_tcp"]
    t.ok(subprocess.run(rmmod, check=False, capture_output=True).returncode != 0,
         "the module stays as long as somebody reads a list")
    reader.close()
    t.equal(subprocess.run(rmmod, check=False).returncode, 0,
            "it goes, though a namespace uses the setting ports")
    t.equal(netlink.attempt(r.fam.do, "settings-get", {})[0], errno.ENOENT, "and its family, too")
    lab.run("router", "modprobe", "nf_nat_sip_tcp")
    netlink.forget()
    seen = netlink.at(lab).do("settings-get", {})
    t.equal((seen["ports"], seen["ack-delay"]), ([0], 10), "after that there are the defaults again")


def test(t):
    with Lab(attach="none", contact="door") as lab:
        r = Router(t, lab)
        defaults(t, r)
        every_setting(r)
        all_or_nothing(t, r)
        mem_total(t, r)
        permissions(t, lab, r)
        effects(t, lab, r)
        unload(t, lab, r)
        lab.check_valid(t)


ktap.main(2 + 2 * (len(NUMBERS) + len(CHOICES) + len(LISTS)) + 5 + 3 + 3 + 9 + 4 + 1, test)
