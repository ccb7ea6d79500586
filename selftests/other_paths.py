#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Whatever else is in a packet's path: bytes are right, and none is invalid.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

VRFs on both legs, a queue to user space, bridges, conntrack in tc, GRO of all
kinds, a flow table; and a server that speaks first, before its client does.
"""
import threading

from nsip import ktap, nfqueue, sip, sock, wire
from nsip.exchange import Exchange
from nsip.lab import Lab


def followed(lab):
    return lab.counters()["conn_followed"]


def works(t, lab, what, v=4):
    """The usual messages over a new connection, which is followed."""
    before = followed(lab)
    ex = Exchange(lab, v)
    t.equal((ex.usual(), followed(lab) - before), ([], 1), what + "messages arrive right")
    return ex


# --- VRF ------------------------------------------------------------------

def vrfs(lab):
    """Each leg is in a VRF; the other one's hosts are known by name only."""
    for n, (name, dev) in enumerate((("blue", lab.dev("in1")), ("red", lab.dev("out1"))), 10):
        lab.run("router", "ip", "link", "add", name, "type", "vrf", "table", n)
        lab.run("router", "ip", "link", "set", name, "up")
        lab.run("router", "ip", "link", "set", dev, "master", name)
        for v, side, host in ((4, "inside", "phone1"), (6, "inside", "phone1"), (4, "public", "peer1"),
                              (6, "public", "peer1")):
            if (side == "inside") != (name == "blue"):
                continue
            other = 21 - n
            # IPv6 addresses go when a device changes its VRF.
            if v == 6:
                lab.run("router", "ip", "addr", "replace", f"{lab.addr(side, 6)}/128", "dev", dev, "nodad")
                lab.run("router", "ip", "-6", "route", "replace", lab.addr(host, 6), "dev", dev, "table", n)
            lab.run("router", "ip", f"-{v}", "route", "replace", lab.addr(host, v), "dev", dev, "table", other)


def repeats(t, lab, ex, what):
    """A message that only we have left finds a new route, in the VRF."""
    out = lab.capture("out1")
    wrote, wanted = ex.texts()
    ex.phone.send(wrote[:200])
    ex.phone.wait_acked()
    lab.run("peer1", "nft", "-f", "-", text="table inet deaf { chain c { type filter hook input priority -400;"
            " meta l4proto tcp drop; }; }")
    before = lab.counters()["emit_resent"]
    ex.phone.send(wrote[200:])
    sock.until(lambda: out.payloads(out=True), "the message does not leave")
    lab.run("router", "ip", f"-{ex.v}", "route", "replace", lab.addr("peer1", ex.v), "dev", lab.dev("out1"),
            "table", 11, "mtu", 1480)
    sent = len(out.payloads(out=True))
    sock.until(lambda: lab.counters()["emit_resent"] > before, "nothing is sent again")
    sock.until(lambda: len(out.payloads(out=True)) > sent, "nothing leaves again")
    lab.run("peer1", "nft", "delete", "table", "inet", "deaf")
    t.equal((ex.peer.recv_up_to(len(wanted)), lab.counters()["emit_failed"]), (wanted, 0),
            what + "a repeat finds its way when the route has changed")


def vrf(t):
    with Lab() as lab:
        vrfs(lab)
        for v in (4, 6):
            ex = works(t, lab, f"VRF on both legs, IPv{v}: ", v)
            repeats(t, lab, ex, f"VRF on both legs, IPv{v}: ")
            ex.close()
        speaks_first(t, lab, "VRF on both legs: ")
        lab.check_valid(t)


# --- a server that speaks first -------------------------------------------

def speaks_first(t, lab, what, v=4):
    """Its first piece is acknowledged before the client has sent a byte."""
    before = lab.counters()
    phone, peer = lab.tcp_pair(v=v)
    far, me = lab.party("peer1", v), lab.party("phone1", v, port=phone.local[1])
    wrote, wanted = (sip.request("OPTIONS", far, to, uri=f"sip:alice@{to.hostport}")
                     for to in (lab.public(v, peer.remote[1]), me))
    Exchange.pieces(peer, wrote, (100,))
    read = phone.recv_up_to(len(wanted))
    after = lab.counters()
    t.equal((sip.start_line(read), len(read), peer.retransmissions, after["emit_failed"] - before["emit_failed"],
             after["conn_followed"] - before["conn_followed"]),
            (sip.start_line(wanted), len(wanted), 0, 0, 1),
            what + "a server that speaks first, in pieces, is acknowledged")
    sock.hang_up(phone, peer)


# --- user space, bridges, tc ----------------------------------------------

def queue(t):
    with Lab() as lab:
        lab.run("router", "nft", "-f", "-", text="table inet queued { chain c { type filter hook forward "
                "priority 0; meta l4proto tcp counter queue num 7; }; }")
        for gso in (True, False):
            with lab.at("router"):
                q = nfqueue.Queue(7, gso=gso)
            thread = threading.Thread(target=q.run, daemon=True)
            thread.start()
            what = f"nfqueue, {'GSO as it is' if gso else 'cut before it'}: "
            works(t, lab, what).close()
            t.ok(q.seen > 20, what + "all of it went through user space", q.seen)
            q.stop()
            thread.join()
        lab.check_valid(t)


def bridged_port(lab):
    """The router's inside is a bridge with phone1 at one port, netfilter sees what is bridged."""
    dev, mac = lab.dev("in1"), "02:00:00:00:98:01"
    lab.run("router", "modprobe", "-q", "br_netfilter", check=False)
    lab.run("router", "ip", "link", "add", "br0", "address", mac, "type", "bridge")
    for v, bits in ((4, 32), (6, 128)):
        lab.run("router", "ip", f"-{v}", "addr", "flush", "dev", dev)
    lab.run("router", "ip", "link", "set", dev, "master", "br0")
    lab.run("router", "ip", "link", "set", "br0", "up")
    lab.run("router", "sysctl", "-q", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1",
            "net.ipv6.conf.br0.accept_dad=0")
    for v, bits in ((4, 32), (6, 128)):
        dad = ["nodad"] if v == 6 else []
        lab.run("router", "ip", f"-{v}", "addr", "add", f"{lab.addr('inside', v)}/{bits}", "dev", "br0", *dad)
        for host in ("phone1", "phone2"):
            lab.run("router", "ip", f"-{v}", "route", "replace", lab.addr(host, v), "dev", "br0")
    for host in ("phone1", "phone2"):
        lab.run(host, "ip", "neigh", "flush", "all")
        lab.run(host, "ip", "route", "replace", f"{lab.set['in4']}.0/24", "dev", "eth0")
    dev2 = lab.dev("in2")
    for v in (4, 6):
        lab.run("router", "ip", f"-{v}", "addr", "flush", "dev", dev2)
    lab.run("router", "ip", "link", "set", dev2, "master", "br0")


def bridge(t):
    with Lab(phones=2) as lab:
        bridged_port(lab)
        lab.run("router", "nft", "add", "rule", "inet", lab.id, "forward", "iifname", "br0", "accept")
        lab.run("router", "nft", "insert", "rule", "inet", lab.id, "forward", "ct", "state",
                "established,related", "accept")
        for v in (4, 6):
            works(t, lab, f"routed after coming in through a bridge port, IPv{v}: ", v).close()
        between(t, lab)
        lab.check_valid(t)


def between(t, lab):
    """Two phones on the bridge: translated on their way, and not for us."""
    lab.run("router", "nft", "-f", "-", text=f"table ip hair {{ chain c {{ type nat hook postrouting priority 90; "
            f"ip saddr {lab.addr('phone1')} ip daddr {lab.addr('phone2')} snat to {lab.addr('inside')}; }}; }}")
    before = lab.counters()
    cap = wire.Capture
    with lab.at("phone2"):
        cap = cap("eth0")
        listener = lab.tcp_listen("phone2")
    a = lab.tcp_connect("phone1", 0, listener.getsockname()[:2])
    b = sock.Tcp(listener.accept()[0])
    text = sip.invite(lab.party("phone1"), lab.party("phone2"))
    a.send(text)
    after = lab.counters()
    t.equal((b.recv_up_to(len(text)), b.remote[0], after["conn_bridged"] - before["conn_bridged"]),
            (text, lab.addr("inside"), 1), "between two ports of a bridge: translated, and not followed")
    cap.close()
    listener.close()
    sock.hang_up(a, b)


def act_ct(t):
    with Lab() as lab:
        lab.run("router", "modprobe", "-q", "-a", "act_ct", "cls_matchall", "sch_ingress", check=False)
        for dev in (lab.dev("in1"), lab.dev("out1")):
            lab.run("router", "tc", "qdisc", "add", "dev", dev, "clsact")
            lab.run("router", "tc", "filter", "add", "dev", dev, "ingress", "protocol", "ip", "matchall", "action", "ct", "pipe",
                    "action", "continue")
        works(t, lab, "conntrack in tc on both legs: ").close()
        stat = lab.run("router", "tc", "-s", "filter", "show", "dev", lab.dev("in1"), "ingress", show=False)
        t.ok("action order 1: ct" in stat and "Sent 0 bytes" not in stat.split("action order 2")[0],
             "conntrack in tc: it saw the packets", stat)
        lab.check_valid(t)


# --- GRO and flow tables --------------------------------------------------

def offload(lab, host, dev, **what):
    args = [x for k, v in what.items() for x in (k.replace("_", "-"), v)]
    lab.run(host, "ethtool", "-K", dev, *args, check=False)


def shrink(ex):
    """Messages that are a little longer than a segment, and not when rewritten."""
    bare = len(ex.texts(1)[0]) - 1
    return [w for n in range(1449, 1473, 4) for w in ex.round(size=n - bare - 1)]


def raw(ex):
    """No SIP any more: only numbers are translated, in packets that stay as they came."""
    wrong = []
    for n in range(4):
        data = b"\0no SIP\0" + bytes((n + i) % 251 for i in range(50000))
        ex.phone.send(data)
        wrong += [n] if ex.peer.recv_up_to(len(data)) != data else []
    return wrong


def gro(t):
    """Single segments come in and are joined; by a list of them where the kernel can."""
    for fraglist in ("off", "on"):
        with Lab() as lab:
            for host in ("phone1", "peer1"):
                offload(lab, host, "eth0", tso="off", gso="off")
            for dev in ("in1", "out1"):
                # What is joined is cut again before it leaves.
                offload(lab, "router", lab.dev(dev), gro="on", rx_gro_list=fraglist, tso="off")
            what = f"GRO, list {fraglist}: "
            cap = lab.capture("in1")
            ex = works(t, lab, what)
            t.equal([w for _ in range(4) for w in ex.text(12000)], [], what + "long bodies arrive")
            t.equal((raw(ex), ex.phone.retransmissions), ([], 0), what + "and so do other bytes, at once")
            biggest = max(s.frame for s in cap.segments(out=False))
            t.ok(biggest > 1500, what + "and segments were joined", biggest)
            ex.close()
            lab.check_valid(t)


def recut(t):
    """The phone hands over more than a segment at once, and the router's device cuts nothing."""
    with Lab() as lab:
        offload(lab, "router", lab.dev("out1"), tso="off")
        ex = Exchange(lab)
        before = lab.counters()["emit_resent"]
        t.equal((shrink(ex), ex.phone.retransmissions, lab.counters()["emit_resent"] - before), ([], 0, 0),
                "what came as two segments in one packet and fits one is one, and nobody repeats it")
        ex.close()
        lab.check_valid(t)


def flowtable(t):
    with Lab() as lab:
        devices = f'"{lab.dev("in1")}", "{lab.dev("out1")}"'
        lab.run("router", "nft", "-f", "-", text=f"""table inet fast {{
            flowtable f {{ hook ingress priority 0; devices = {{ {devices} }};
            }}
            chain c {{ type filter hook forward priority 5;
                meta l4proto tcp flow add @f
            }}
            }}""")
        ex = works(t, lab, "flow table for all TCP: ")
        phone, peer = lab.tcp_pair(dport=8080)
        for n in range(6):
            phone.send(b"x" * 100)
            peer.send(b"y" * 100)
            t.ok(peer.recv_up_to(100) == b"x" * 100 and phone.recv_up_to(100) == b"y" * 100, "other traffic") \
                if n == 5 else (peer.recv_up_to(100), phone.recv_up_to(100))
        flows = lab.conntrack("-L", "-p", "tcp").splitlines()
        t.equal(sorted((("dport=8080" in x), "OFFLOAD" in x) for x in flows if "dport=8080" in x or "dport=5060" in x),
                [(False, False), (True, True)], "flow table: takes other traffic, not ours")
        t.equal(ex.usual(), [], "flow table: and messages still arrive right")
        ex.close()
        sock.hang_up(phone, peer)
        lab.check_valid(t)


def test(t):
    with Lab() as lab:
        for v in (4, 6):
            speaks_first(t, lab, f"IPv{v}: ", v)
    vrf(t)
    queue(t)
    bridge(t)
    act_ct(t)
    gro(t)
    recut(t)
    flowtable(t)


ktap.main(2 + 6 + 5 + 4 + 3 + 10 + 2 + 5, test)
