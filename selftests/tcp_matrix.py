#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Whatever TCP and the path are like: the bytes are right, both ways.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3               2001:db8:1::1       2001:db8:1::10

Slow readers with small windows and with windows that shut, Nagle, small segments,
MTU 576 to 9000 on either side, offloads, options of TCP, congestion control, loss,
repeats, reordering, and how the sender cuts its writes: rows in which any two of
these meet.  NSIP_SEED chooses the rows.  A congestion control that the kernel has
not is left out, and said.

NSIP_CASES: how many of them (14; 0: until any two have met)
"""
import os
import random
import socket
import struct
import subprocess

from nsip import ktap, pairs, path, sock, stream
from nsip.lab import Lab

SEED = int(os.environ.get("NSIP_SEED", "1"))
CASES = int(os.environ.get("NSIP_CASES", "14"))
MESSAGES = 12
FACTORS = {
    "v": (4, 6),
    "window": ("wide", "tiny", "shut"),
    "nagle": (False, True),
    "mss": (0, 88, 536),
    "mtu": ((1500, 1500), (576, 1500), (1500, 576), (9000, 1500), (1500, 9000)),
    "offload": ("on", "off"),
    "sack": (1, 0),
    "timestamps": (1, 0),
    "window_scaling": (1, 0),
    "cc": ("cubic", "bbr", "reno"),
    # Those with a delay let segments overtake each other, by jitter or on purpose.
    "trouble": ("", "delay 8ms 4ms", "loss 4%", "duplicate 20%", "delay 5ms reorder 75%",
                "delay 3ms reorder 80% loss 2% duplicate 3%"),
    "cut": ("whole", "messages", "pieces"),
}
# (bytes that SO_RCVBUF asks for, bytes read at once, pause after them)
READERS = {"wide": (0, 1 << 16, 0), "tiny": (4096, 500, 0.004), "shut": (4096, 4096, 0.25)}
# tcpi_options
TS, SACK, WSCALE = 1, 2, 4
TCP_CC_INFO = 26


def congestion_controls():
    """Those of FACTORS that the kernel has."""
    for cc in FACTORS["cc"]:
        subprocess.run(["modprobe", "-q", f"tcp_{cc}"], check=False)
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as f:
        there = f.read().split()
    return tuple(cc for cc in FACTORS["cc"] if cc in there)


def set_path(lab, case):
    """The links and both hosts, as a case wants them."""
    on = case["offload"]
    # Below 1280 a device has no IPv6 any more: such cases come last.
    mtu = [max(m, 1280) if case["v"] == 6 else m for m in case["mtu"]]
    devices = {"phone1": [("eth0", mtu[0])], "peer1": [("eth0", mtu[1])],
               "router": [(lab.dev("in1"), mtu[0]), (lab.dev("out1"), mtu[1])]}
    for host, devs in devices.items():
        lines = []
        for dev, size in devs:
            lines += [f"ip link set {dev} mtu {size}",
                      f"ethtool -K {dev} tso {on} gso {on} gro {on} tx {on} rx {on} >/dev/null 2>&1",
                      f"tc qdisc del dev {dev} root 2>/dev/null"]
            if case["trouble"]:
                lines.append(f"tc qdisc add dev {dev} root netem {case['trouble']} limit 4000 || exit 1")
        lines += [f"echo {case[k]} >/proc/sys/net/ipv4/tcp_{k}" for k in ("sack", "timestamps", "window_scaling")]
        lab.run(host, "sh", "-c", "\n".join(lines), show=False)


def pair(lab, case, sport):
    """A connection, options set before there is one."""
    v, room = case["v"], READERS[case["window"]][0]
    # Since 6.6 a window is that part of the memory which is payload, and of small
    # segments that is little; a message has to fit.
    room *= 4 if case["mss"] == 88 else 1
    options = [(socket.IPPROTO_TCP, socket.TCP_CONGESTION, case["cc"].encode())]
    if room:
        options.append((socket.SOL_SOCKET, socket.SO_RCVBUF, room))
    listener = lab.tcp_listen("peer1", 5060, v, mss=case["mss"], options=options)
    phone = lab.tcp_connect("phone1", sport, (lab.addr("peer1", v), 5060), v, mss=case["mss"],
                            patience=3 * sock.PATIENCE, options=options)
    if not sock.readable(listener, 3 * sock.PATIENCE):
        raise sock.Timeout("the connection does not arrive")
    peer = sock.Tcp(listener.accept()[0])
    listener.close()
    return phone.nodelay(not case["nagle"]), peer.nodelay(not case["nagle"])


def as_wanted(case, tcp):
    """Does the connection have what the case is about?  "" or what it lacks."""
    options = tcp.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5]
    wanted = TS * case["timestamps"] | SACK * case["sack"] | WSCALE * case["window_scaling"]
    # A small segment has no room for SACK of as many blocks, but for the option.
    if options & 7 != wanted:
        return f"tcpi_options {options}, wanted {wanted}"
    most = min(case["mss"] or 1 << 16, *(m - 40 for m in case["mtu"] if m > 576 or case["v"] == 4))
    if tcp.mss > most:
        return f"segments of {tcp.mss}, wanted {most}"
    return ""


def control(tcp):
    """(name of the congestion control that runs, what BBR has measured of the path:
    bytes a second, 0 of others)."""
    name = tcp.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
    seen = tcp.sock.getsockopt(socket.IPPROTO_TCP, TCP_CC_INFO, 20)
    # struct tcp_bbr_info
    return name, struct.unpack_from("=Q", seen)[0] if name == "bbr" and len(seen) == 20 else 0


def sizes(case, messages, dice):
    if case["cut"] == "whole":
        return ()
    if case["cut"] == "messages":
        return [len(m) for m in messages]
    return [dice.choice((1, 7, 60, 200, 333, 536, 900)) for _ in range(40)]


def both_ways(case, phone, peer, trunk, dice):
    """Requests one way, requests and answers the other; a body that streams through."""
    reader = READERS[case["window"]][1:]
    out = trunk.out(MESSAGES)
    body = trunk.out(1, body="x" * 5000)
    body = [[m.replace(b"application/sdp", b"text/plain") for m in side] for side in body]
    first = [a + b for a, b in zip(out, body)]
    wrong = stream.run(trunk.way(first, sizes=sizes(case, first[0], dice), reader=reader))
    if wrong:
        return wrong
    back, more = [a + b for a, b in zip(trunk.answers(out), trunk.requests_in(MESSAGES))], trunk.out(MESSAGES)
    return stream.run(trunk.way(back, inward=True, sizes=sizes(case, back[0], dice), reader=reader),
                      trunk.way(more, sizes=sizes(case, more[0], dice), reader=reader))


def one(t, lab, i, case, controls):
    """`controls` gets (what was wanted, control()) of both ends, read at the end."""
    set_path(lab, case)
    told = ", ".join(f"{k} {v}" for k, v in case.items())
    try:
        phone, peer = pair(lab, case, 20000 + i)
        wrong = as_wanted(case, phone) or both_ways(
            case, phone, peer, stream.Trunk(lab, phone, peer, case["v"], f"m{i}"), random.Random(SEED + i))
        controls += [(case["cc"], control(end)) for end in (phone, peer)]
        if wrong:
            sock.hang_up(phone, peer)
        else:
            wrong = path.ends_cleanly(lab, phone, peer, ordered="delay" not in case["trouble"])
    except (sock.Timeout, OSError) as e:
        wrong = f"{type(e).__name__}: {e}"
    t.ok(not wrong, f"case {i}: {told}", wrong)


def chosen():
    factors = dict(FACTORS, cc=congestion_controls())
    rows = list(pairs.rows(factors, SEED))
    rows = rows[:CASES] if CASES else rows
    for cc in factors["cc"]:
        used = [r["cc"] for r in rows]
        if cc not in used:
            max(rows, key=lambda r: used.count(r["cc"]))["cc"] = cc     # pylint: disable=cell-var-from-loop
    return sorted(rows, key=lambda r: r["v"] == 4 and min(r["mtu"]) < 1280)


def controlled(t, controls):
    """Each congestion control ran where it was wanted; BBR, because it measures."""
    for cc in FACTORS["cc"]:
        ran = [seen for wanted, seen in controls if wanted == cc]
        claim = f"{cc} ran at both ends of {len(ran) // 2} cases"
        if cc not in congestion_controls():
            t.ok(not ran, f"{cc} # SKIP not in kernel {os.uname().release}", ran)
        elif cc == "bbr":
            t.ok(ran and all(name == cc and bandwidth for name, bandwidth in ran),
                 f"{claim}, and measured them", ran)
        else:
            t.ok(ran and all(name == cc for name, _ in ran), claim, ran)


def test(t, cases):
    t.note(f"NSIP_SEED={SEED}, {len(cases)} cases")
    controls = []
    with Lab(timers="real") as lab:
        mib = path.Mib(lab, "phone1", "peer1")
        for i, case in enumerate(cases):
            one(t, lab, i, case, controls)
        controlled(t, controls)
        counters = lab.counters()
        t.note({k: v for k, v in counters.items() if v and k[:3] in ("seg", "ack", "emi", "opa", "res")})
        t.equal({k: v for k, v in counters.items() if v and k.startswith(("opaque", "reset"))}, {},
                "no connection ceased to be translated, or was reset")
        taken = ("seg_held", "seg_carry", "seg_trimmed", "seg_repeat", "seg_out_of_order", "ack_spoofed")
        t.ok(all(counters[k] for k in taken), f"all of these happened: {', '.join(taken)}", counters)
        seen = mib.since("TCPToZeroWindowAdv", "RetransSegs", "TCPOFOQueue")
        t.ok({k.split()[1] for k in seen} == {"TCPToZeroWindowAdv", "RetransSegs", "TCPOFOQueue"},
             "the hosts saw shut windows, losses and disorder", seen)
        lab.check_valid(t)


CHOSEN = chosen()
ktap.main(len(CHOSEN) + len(FACTORS["cc"]) + 4, lambda t: test(t, CHOSEN))
