# SPDX-License-Identifier: GPL-2.0-only
"""The network of the phones, and what the two NATs have to say.

    phone1 192.168.122.3 --.                           .-- peer1 203.0.113.10  proxy and registrar
                            router 203.0.113.1, NAT A -+-- peer2 203.0.113.11  the second one
    phone2 192.168.122.4 --'                           +-- peer4 203.0.113.13  phone with a public address
                                                       '-- peer3 203.0.113.12, NAT B -- behind 192.168.7.2

and likewise fd00:122::, 2001:db8:1:: and fd00:7::, which are translated, too.  Both NATs
masquerade and have the same helper; who is outside reaches the others there directly.
A name stands for both proxies where it is asked for: see name_servers().
"""
import contextlib
import itertools
import os
import re
import shutil
import socket
import threading

from nsip import far, lab, sock
from nsip.tool import Sipnat

NEAR, NEAR2, OUTSIDE, BEHIND = "phone1", "phone2", "peer4", "behind"
SERVER, SECOND, NAT_B = "peer1", "peer2", "peer3"
HOSTS = (NEAR, NEAR2, OUTSIDE, BEHIND, SERVER, SECOND)
NAME = "sip.interop.test"
TYPES = {"ours": True, "in-tree": "sip", "none": False}
HEADERS = 60        # of IPv6 and TCP; what a segment has of options is of its MSS
LONGER = """table inet cut {{
	counter longer {{ }}
	chain came {{
		type filter hook prerouting priority raw - 10;
		meta l4proto tcp meta length > {bytes} counter name longer
	}}
}}
"""


class Net(lab.Lab):
    """The hosts; NAT A is "router", NAT B is self.far."""

    def __init__(self, helper=None, **more):
        super().__init__(helper=helper, quiet=True, phones=2, peers=4, contact="door", timers="real",
                         **{"out4": "203.0.113", **more})
        with quiet():
            for n, (a, b) in enumerate(itertools.combinations((SERVER, SECOND, NAT_B, OUTSIDE), 2)):
                far.wire(self, a, b, f"wire{n}")
            self.far = far.Far(self, host=NAT_B, name=BEHIND, helper=TYPES[self.helper])
            self.far.rules("port-restricted")
        self.nats = {"A": "router", "B": NAT_B}
        self.names = None

    def down(self):
        if self.names:
            self.names.close()
            self.names = None
        super().down()

    # --- between the hosts ---------------------------------------------------
    @contextlib.contextmanager
    def cut(self, *hosts, mss):
        """Meanwhile what these hosts send each other by TCP comes to NAT A in segments of at
        most so many bytes, on connections made from now on.  A function that says how many
        packets that came were longer."""
        self.run("router", "nft", "-f", "-", text=LONGER.format(bytes=mss + HEADERS), show=False)
        try:
            self._advertise(hosts, mss)
            self._offload(hosts, "off")
            yield lambda: int(re.search(r"packets (\d+)", self.run(
                "router", "nft", "list", "counter", "inet", "cut", "longer", show=False))[1])
        finally:
            self.run("router", "nft", "delete", "table", "inet", "cut", show=False)
            self._offload(hosts, "on")
            self._advertise(hosts, 0)

    def _advertise(self, hosts, mss):
        """The MSS that they take; 0: as ever."""
        for host, v in itertools.product(hosts, ("-4", "-6")):
            for route in self.run(host, "ip", v, "route", "show", show=False).splitlines():
                if " dev " not in route or route.startswith(("fe80", "multicast")):
                    continue
                plain = re.sub(r" (advmss \d+|expires \S+|pref \w+)", "", route).split()
                self.run(host, "ip", v, "route", "replace", *plain, *(["advmss", mss] if mss else []), show=False)

    def _offload(self, hosts, state):
        """Or what they send is cut behind NAT only, as the devices of this network never cut it."""
        for host in hosts:
            for line in self.run(host, "ip", "-o", "link", "show", "type", "veth", show=False).splitlines():
                self.run(host, "ethtool", "-K", line.split()[1].split("@")[0], "tso", state, "gso", state,
                         "tx", state, show=False)

    def _links(self):
        """Both ends of the links of phones and NATs: (host, device)."""
        yield from ((h, "eth0") for h in ("phone1", "phone2", BEHIND, SERVER, SECOND, NAT_B, OUTSIDE))
        yield NAT_B, "near"
        yield from (("router", self.dev(d)) for d in ("in1", "in2", "out1", "out2", "out3", "out4"))

    def loss(self, percent):
        """On all of them, both ways."""
        for host, dev in self._links():
            self.run(host, "tc", "qdisc", "replace", "dev", dev, "root", "netem", "loss", f"{percent}%",
                     "limit", 4000, show=False)

    def lost(self):
        """Packets that were lost on purpose so far."""
        return sum(int(n) for host, dev in self._links() for n in re.findall(
            r"dropped (\d+)", self.run(host, "tc", "-s", "qdisc", "show", "dev", dev, show=False)))

    def name_servers(self):
        """All hosts know NAME from now on; programs started later ask for it.  It has the
        addresses of those who are alive: not all phones try the next one for each request."""
        if not self.names:
            self.names = Names(self)
        self.named(SERVER, SECOND)
        return NAME

    def named(self, *hosts):
        """These are alive."""
        self.names.addrs = {v: [self.addr(h, v) for h in hosts] for v in (4, 6)}

    def settings(self, **settings):
        """Of the module, at both NATs."""
        for nat in self.nats if self.helper == "ours" else ():
            self.tool(nat).set(**settings)

    @contextlib.contextmanager
    def impatient(self):
        """Meanwhile conntrack forgets soon what is over, and the module calls without media."""
        names = [f"nf_conntrack_tcp_timeout_{x}" for x in ("time_wait", "close", "fin_wait", "close_wait", "last_ack")]
        names += ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"]
        was = self.run("router", "sysctl", "-n", *(f"net.netfilter.{n}" for n in names), show=False).split()
        self._timeouts(zip(names, [5] * len(names)))
        self.settings(media_idle=10)
        try:
            yield
        finally:
            self.settings(media_idle=300)
            self._timeouts(zip(names, was))

    def _timeouts(self, values):
        words = [f"net.netfilter.{name}={value}" for name, value in values]
        for host in self.nats.values():
            self.run(host, "sysctl", "-qw", *words, show=False)

    # --- what is left behind -------------------------------------------------
    def tool(self, nat):
        return Sipnat(self.netns(self.nats[nat]))

    def expects(self, nat):
        """Lines of `conntrack -L expect`."""
        return [x for family in ("ipv4", "ipv6") for x in self.run(
            self.nats[nat], "conntrack", "-L", "expect", "-f", family,
            show=False).splitlines() if "proto=" in x]

    def left(self, registrations=False):
        """What calls left behind at the NATs, or at the end registrations, too: lines."""
        lines = []
        for nat in self.nats:
            if self.helper == "ours":
                for noun in ("calls", "doors") + (("bindings",) if registrations else ()):
                    lines += [f"NAT {nat}: {noun}: {x}" for x in self.tool(nat).show(noun)
                              if registrations or noun == "calls" or x.get("transport") == "udp"]
            lines += [f"NAT {nat}: {x}" for x in self.expects(nat) if registrations or "proto=17 " in x]
        return lines

    def wait_left(self, registrations=False, patience=10):
        with contextlib.suppress(sock.Timeout):
            sock.until(lambda: not self.left(registrations), "nothing left", patience)
        return self.left(registrations)

    def wait_over(self, patience=90):
        """wait_left() for calls that end by themselves: conntrack drops what has expired when
        it is listed, and else up to a minute later."""
        def over():
            for host in self.nats.values():
                self.run(host, "conntrack", "-L", show=False, check=False)
            return not self.left()
        with contextlib.suppress(sock.Timeout):
            sock.until(over, "nothing left", patience)

    def memory(self):
        """sipnat show memory of both NATs."""
        return {nat: self.tool(nat).show("memory") for nat in self.nats}


@contextlib.contextmanager
def quiet():
    """What networks say while they are built is not for the table."""
    with open(os.devnull, "w", encoding="ascii") as null, contextlib.redirect_stdout(null):
        yield


class Names:
    """A name server on each host, for one name that has several addresses."""

    def __init__(self, net):
        self.addrs, self.sockets, self.etc = {4: [], 6: []}, [], []
        for host in HOSTS:
            etc = f"/etc/netns/{net.netns(host)}"       # "ip netns exec" puts it over /etc
            os.makedirs(etc, exist_ok=True)
            with open(f"{etc}/resolv.conf", "w", encoding="ascii") as f:
                f.write("nameserver 127.0.0.1\n")
            self.etc.append(etc)
            with net.at(host):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("127.0.0.1", 53))
            self.sockets.append(s)
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        while True:
            try:
                query, who = s.recvfrom(512)
                if not query:       # shut down
                    return
                s.sendto(self.answer(query), who)
            except OSError:
                return

    def answer(self, query):
        """RFC 1035: all addresses, in their order, not to be kept."""
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode("ascii", "replace"))
            end += 1 + query[end]
        kind = int.from_bytes(query[end + 1:end + 3], "big")
        known = ".".join(labels).lower() == NAME
        family, v = {1: (socket.AF_INET, 4), 28: (socket.AF_INET6, 6)}.get(kind, (None, 0))
        data = [socket.inet_pton(family, a) for a in self.addrs[v]] if known and v else []
        head = query[:2] + (b"\x84\x00" if known else b"\x84\x03") + b"\0\1" + len(data).to_bytes(2, "big") + bytes(4)
        return head + query[12:end + 5] + b"".join(
            b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\0" + len(d).to_bytes(2, "big") + d for d in data)

    def close(self):
        for s in self.sockets:
            # A thread that waits in recvfrom() keeps it open otherwise.
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        for etc in self.etc:
            shutil.rmtree(etc, ignore_errors=True)

