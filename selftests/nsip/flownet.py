# SPDX-License-Identifier: GPL-2.0-only
"""The network that written call flows are played in.

    phone1 10.16.0.0/12 fd00:d01::/32 ---.            .--- peer1 198.51.100.1 2201:f00::1
      ...                                 router          ...    (10.9.9.1 fd00:1100::1, too)
    phone4 10.64.0.0/12 fd00:d04::/32 ---'   |        '--- peer4 198.51.100.4 2201:f00::4
                                             |        '--- peer5 192.0.2.1 to .3, 10.9.9.7
                       203.0.113.1 and .2, 2101:e00::1 and ::2   2301:1000::1 to ::3, fd00:1100::7

A phone is a whole network of hosts, so that each seed has hosts of its own.  Which
public address a connection gets, and whether it keeps its port, goes by the port
that it comes from; connections from outside are forwarded one by one.
"""
import itertools
import socket

from . import sock
from .lab import Lab
from .lists import Lists
from .tool import Sipnat

PHONES, PEERS, SERVERS = 4, 4, "peer5"
PUBLICS = {4: ["203.0.113.1", "203.0.113.2"], 6: ["2101:e00::1", "2101:e00::2"]}
AT_PEERS = {
    "peer1": ["198.51.100.1", "10.9.9.1", "2201:f00::1", "fd00:1100::1"],
    "peer2": ["198.51.100.2", "2201:f00::2"],
    "peer3": ["198.51.100.3", "2201:f00::3"],
    "peer4": ["198.51.100.4", "2201:f00::4"],
    "peer5": ["192.0.2.1", "192.0.2.2", "192.0.2.3", "10.9.9.7",
              "2301:1000::1", "2301:1000::2", "2301:1000::3", "fd00:1100::7"],
}
INWARD = range(15000, 20000)            # inside, and public where they are the same
OTHERS = 5000                           # else so much higher
OUTWARD = {(0, 1): range(30000, 35000), (1, 1): range(35000, 40000),
           (0, 0): range(40000, 45000), (1, 0): range(45000, 50000)}
ANYWHERE = "50000-59999"


def version(addr):
    return 6 if ":" in addr else 4


def long(addr):
    return f"{addr}/{128 if version(addr) == 6 else 32}"


class FlowNet(Lab):
    """Its hosts; connections are opened as a step of a script says."""

    def __init__(self, seeds):
        super().__init__(phones=PHONES, peers=PEERS + 1, nat="none", contact="door", quiet=True,
                         sip_ports=f"5060, {INWARD[0]}-{INWARD[-1]}")
        self.tool, self.lists, self._settings = Sipnat(self.netns("router")), Lists(self), {}
        self.host_of = {a: peer for peer, addrs in AT_PEERS.items() for a in addrs}
        self._ports = {k: itertools.cycle(v) for k, v in OUTWARD.items()}
        self._inward = itertools.cycle(INWARD)
        for i in range(PHONES):
            self._phone(f"phone{i + 1}", f"in{i + 1}", f"10.{16 * i + 16}.0.0/12", f"fd00:d0{i + 1}::/32")
        for i, (peer, addrs) in enumerate(AT_PEERS.items(), 1):
            self._peer(peer, f"out{i}", addrs)
        self._ip("router", [f"addr add {long(a)} dev lo" for v in (4, 6) for a in PUBLICS[v]])
        self._rules([x for steps in seeds for x in self._forwards(steps)])
        self.listeners = {a: self._listen(peer, a) for peer in list(AT_PEERS)[:PEERS] for a in AT_PEERS[peer]}

    def _ip(self, host, lines):
        self.run(host, "ip", "-batch", "-", text="\n".join(lines), show=False)

    def _phone(self, host, dev, *nets):
        # IPv6 lets nobody take an address out of a network that is local as a whole.
        self.run(host, "sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1", show=False)
        self._ip(host, [f"route add local {n} dev lo" for n in nets])
        self._ip("router", [f"route add {n} via {self.addr(host, version(n))} dev {self.dev(dev)}" for n in nets])

    def _peer(self, host, dev, addrs):
        self._ip(host, [f"addr add {long(a)} dev lo" for a in addrs] +
                 [f"route add {p} via {self.addr('public', v)} dev eth0" for v in (4, 6) for p in PUBLICS[v]])
        self._ip("router", [f"route add {long(a)} via {self.addr(host, version(a))} dev {self.dev(dev)}"
                            for a in addrs])

    def _forwards(self, steps):
        """Ports for the connections from outside; the lines of the map for them."""
        begin = steps[0]
        for x in steps:
            if x["do"] != "connect" or x["from"] == 0:
                continue
            x["inside"] = next(self._inward)
            x["public"] = x["inside"] + (0 if x["same"] else OTHERS)
            yield (begin["publics"][x["pub"]], x["public"], begin["hosts"][x["host"]], x["inside"])

    def _rules(self, forwards):
        text = [f"table inet {self.id}-flows {{"]
        for v, ip, kind in ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr")):
            mine = [f"{a} . {p} : {b} . {q}" for a, p, b, q in forwards if version(a) == v]
            text += [f"map in{v} {{ type {kind} . inet_service : {kind} . inet_service",
                     f"elements = {{ {', '.join(mine)} }}" if mine else "", "}",
                     f"chain in{v} {{ type nat hook prerouting priority dstnat",
                     f"meta l4proto tcp dnat {ip} to {ip} daddr . tcp dport map @in{v}", "}",
                     f"chain out{v} {{ type nat hook postrouting priority srcnat"]
            for (pub, same), ports in OUTWARD.items():
                to = PUBLICS[v][pub] if v == 4 else f"[{PUBLICS[v][pub]}]"
                text.append(f'oifname "{self.id}-out*" meta nfproto ipv{v} tcp sport {ports[0]}-{ports[-1]} '
                            f"snat {ip} to {to}{'' if same else ':' + ANYWHERE}")
            text.append("}")
        self.run("router", "nft", "-f", "-", text="\n".join(text + ["}"]) + "\n", show=False)

    def set_all(self, **settings):
        if settings != self._settings:
            self.tool.set(**settings)
        self._settings = settings

    def _listen(self, host, addr, port=5060):
        with self.at(host):
            return sock.tcp_listen(addr, port)

    def connect(self, begin, step):
        """Both ends, the inside first, and its ports inside and outside."""
        phone, addr = f"phone{step['host'] + 1}", begin["hosts"][step["host"]]
        peer = begin["peers"][step["peer"]]
        public = begin["publics"][step["pub"]]
        if step["from"]:
            listener = self._listen(phone, addr, step["inside"])
            far = self._open(self.host_of[peer], peer, 0, (public, step["public"]))
            near = self._accepted(listener)
            listener.close()
            return (near, far), step["inside"], step["public"]
        port = next(self._ports[step["pub"], step["same"]])
        near = self._open(phone, addr, port, (peer, 5060))
        far = self._accepted(self.listeners[peer])
        if far.remote[0] != public:
            raise RuntimeError(f"a connection comes from {far.remote}, not from {public}")
        return (near, far), port, far.remote[1]

    def _open(self, host, addr, port, to):
        with self.at(host):
            return sock.tcp_connect(addr, port, to).nodelay()

    @staticmethod
    def _accepted(listener):
        if not sock.readable(listener):
            raise sock.Timeout("the connection does not arrive")
        return sock.Tcp(listener.accept()[0]).nodelay()

    def udp_at(self, host, addr, port=0):
        """A socket that never waits."""
        with self.at(host):
            s = socket.socket(sock.family(addr), socket.SOCK_DGRAM)
        s.bind((addr, port))
        s.setblocking(False)
        return s

    def strays(self):
        """Packets that reached an inside host at a port where nobody listens."""
        n = 0
        for i in range(PHONES):
            for line in self.run(f"phone{i + 1}", "cat", "/proc/net/snmp", "/proc/net/snmp6", show=False).splitlines():
                words = line.split()
                if words[0] == "Udp:" and words[2].isdigit():
                    n += int(words[2])
                elif words[0] == "Udp6NoPorts":
                    n += int(words[1])
        return n
