# SPDX-License-Identifier: GPL-2.0-only
"""A network of lib.sh, and what the router's kernel says about it."""
import atexit
import contextlib
import itertools
import os
import re
import subprocess

from . import sock, wire
from .ktap import Skip
from .sip import Party
from .tool import Sipnat

LIB = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib.sh")
STAT = "/proc/net/stat/nf_nat_sip_tcp"
ESTABLISHED = 432000    # nf_conntrack_tcp_timeout_established
_serial = itertools.count(1)


class Lab:      # pylint: disable=too-many-public-methods
    """The hosts of one network; settings as in lib.sh, lower case."""

    def __init__(self, helper=None, quiet=False, **settings):
        self.helper = helper or os.environ.get("HELPER", "ours")
        settings.setdefault("attach", os.environ.get("ATTACH", "nft"))
        if self.helper != "ours" and settings["attach"] == "ports":
            settings["attach"] = "nft"
        self.set = {"in4": "192.168.122", "in6": "fd00:122:", "out4": "10.1.1",
                    "out6": "2001:db8:1:", "sip_ports": "5060", "router_in": 1,
                    "router_out": 1, "phones": 1, "peers": 1, "nat": "masquerade", "contact": "connection"}
        self.set.update(settings)
        self.id = f"n{os.getpid() % 10000}{chr(96 + next(_serial))}"
        self.env = dict(os.environ, NSIP_ID=self.id, HELPER=self.helper,
                        **{k.upper(): str(v) for k, v in self.set.items()})
        self._up = True
        self._ns = {}
        self.extra = {}         # hosts that a test adds: {name: {4: address, 6: address}}
        atexit.register(self.down)
        self._lib("lab_up", quiet=quiet)
        self._contact()
        self._invalid0 = self._invalid()

    def _contact(self):
        """Most tests are about other things and know the port of the connection;
        contact="door" is the module's own default."""
        if self.helper != "ours":
            return
        Sipnat(self.netns("router")).set(contact=self.set["contact"])

    def _lib(self, *args, quiet=False):
        p = subprocess.run(["bash", LIB, *args], env=self.env, check=False, text=True,
                           stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT)
        rc = p.returncode
        if rc and quiet:
            print(p.stdout, flush=True)
        if rc == 4:
            raise Skip("see above")
        if rc:
            raise RuntimeError(f"lib.sh {' '.join(args)} failed")

    def down(self):
        if not self._up:
            return
        self._up = False
        for fd in self._ns.values():
            os.close(fd)
        self._ns = {}
        self._lib("lab_down")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    # --- hosts -------------------------------------------------------------
    def netns(self, host):
        """Name of a host's namespace; None for the initial one."""
        if host == "router" and self.set["attach"] == "ports":
            return None
        return f"{self.id}-{host}"

    def _fd(self, host):
        if host not in self._ns:
            name = self.netns(host)
            path = f"/run/netns/{name}" if name else "/proc/1/ns/net"
            self._ns[host] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._ns[host]

    @contextlib.contextmanager
    def at(self, host):
        """Sockets made in here belong to that host."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        os.setns(self._fd(host), os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(here, os.CLONE_NEWNET)
            os.close(here)

    def run(self, host, *cmd, check=True, show=True, text=None):
        """A command on a host, echoed; its output."""
        name = self.netns(host)
        full = (["ip", "netns", "exec", name] if name else []) + [str(c) for c in cmd]
        if show:
            print("#", host + ":", " ".join(str(c) for c in cmd), flush=True)
        p = subprocess.run(full, check=False, capture_output=True, text=True, input=text)
        if check and p.returncode:
            raise RuntimeError(f"{' '.join(full)}: {p.returncode}: {p.stdout}{p.stderr}")
        return p.stdout

    def addr(self, host, v=4):
        """Address of phoneN, peerN, or of the router on either side."""
        if host in self.extra:
            return self.extra[host][v]
        kind, n = re.fullmatch(r"([a-z]+)(\d*)", host).groups()
        side, last = {"phone": ("in", int(n or 0) + 2), "peer": ("out", int(n or 0) + 9),
                      "inside": ("in", self.set["router_in"]),
                      "public": ("out", self.set["router_out"])}[kind]
        net = self.set[f"{side}{v}"]
        return f"{net}.{last}" if v == 4 else f"{net}:{last}"

    def party(self, host, v=4, port=5060, user=None):
        return Party(self.addr(host, v), port, user or ("bob" if host[:4] == "peer" else "alice"))

    def public(self, v=4, port=5060, user="alice"):
        return Party(self.addr("public", v), port, user)

    def dev(self, name):
        """A device of the router: in1, out1 ..."""
        return f"{self.id}-{name}"

    # --- sockets -----------------------------------------------------------
    def tcp_listen(self, host, port=5060, v=4, **more):
        with self.at(host):
            return sock.tcp_listen(self.addr(host, v), port, **more)

    def tcp_connect(self, host, port, to, v=4, **more):
        with self.at(host):
            return sock.tcp_connect(self.addr(host, v), port, to, **more)

    # pylint: disable=too-many-arguments,too-many-positional-arguments
    def tcp_pair(self, phone="phone1", peer="peer1", v=4, sport=0, dport=5060, mss=0,
                 listener=None):
        """A connection of a phone to a peer, both ends, without Nagle."""
        own = listener is None
        if own:
            listener = self.tcp_listen(peer, dport, v)
        a = self.tcp_connect(phone, sport, listener.getsockname()[:2], v, mss=mss)
        if not sock.readable(listener):
            raise sock.Timeout("the connection does not arrive")
        b = sock.Tcp(listener.accept()[0])
        if own:
            listener.close()
        return a.nodelay(), b.nodelay()

    def udp(self, host, port, v=4):
        with self.at(host):
            return sock.udp(self.addr(host, v), port)

    def refused(self, host, port, to, v=4):
        with self.at(host):
            return sock.refused(self.addr(host, v), port, to)

    def capture(self, dev, host="router"):
        with self.at(host):
            return wire.Capture(self.dev(dev) if host == "router" else dev)

    # --- the router's kernel -----------------------------------------------
    def conntrack(self, *args):
        return self.run("router", "conntrack", *args, show=False, check=False)

    def expectations(self):
        """Lines of `conntrack -L expect`, which shows one family at a time."""
        return [x for family in ("ipv4", "ipv6")
                for x in self.conntrack("-L", "expect", "-f", family).splitlines() if "proto=" in x]

    def doors(self, proto=17):
        """Public ports that have a door (reserved or open), sorted."""
        return sorted(int(re.search(r"dport=(\d+)", x.split("mask-src")[0]).group(1))
                      for x in self.expectations() if f"proto={proto} " in x)

    def open_doors(self, proto=17):
        return sorted(int(re.search(r"dport=(\d+)", x.split("mask-src")[0]).group(1))
                      for x in self.expectations()
                      if f"proto={proto} " in x and "INACTIVE" not in x)

    def wait_doors(self, wanted):
        """Doors are made after the packet has left: poll; what there is in the end."""
        try:
            sock.until(lambda: self.doors() == wanted, "doors", 3)
        except sock.Timeout:
            pass
        return self.doors()

    def wait_open(self, wanted):
        try:
            sock.until(lambda: self.open_doors() == wanted, "doors", 3)
        except sock.Timeout:
            pass
        return self.open_doors()

    def wait_open_has(self, ports, proto):
        """Until these doors, among others, are open."""
        def there():
            lines = [x for x in self.expectations() if f"proto={proto} " in x and "INACTIVE" not in x]
            return all(any(f"dport={port} " in x for x in lines) for port in ports)
        try:
            sock.until(there, "doors", 3)
        except sock.Timeout:
            pass

    def tcp_timeout(self, sport):
        """Seconds that conntrack gives the TCP connection from that port."""
        for line in (self.conntrack("-L", "-p", "tcp") + self.conntrack(
                "-L", "-p", "tcp", "-f", "ipv6")).splitlines():
            if f"sport={sport} " in line:
                return int(line.split()[2])
        return None

    def counters(self):
        """Counters of nf_nat_sip_tcp in the router's namespace."""
        names, *cpus = self.run("router", "cat", STAT, show=False, check=False).splitlines() or [""]
        rows = [[int(n, 16) for n in cpu.split()] for cpu in cpus]
        return dict(zip(names.split(), map(sum, zip(*rows))))

    def _invalid(self):
        stat = self.run("router", "conntrack", "-S", show=False)
        return sum(int(n) for n in re.findall(r"\binvalid=(\d+)", stat))

    def invalid(self):
        """Packets that conntrack called invalid: (nft counter, conntrack -S)."""
        nft = self.run("router", "nft", "list", "counter", "inet", self.id, "invalid", show=False)
        return int(re.search(r"packets (\d+)", nft).group(1)), self._invalid() - self._invalid0

    def check_valid(self, t):
        t.equal(self.invalid(), (0, 0), "no packet was invalid to conntrack (nft, conntrack -S)")


def kernel_log(clear=False):
    """The kernel's log as it stands, not escaped by anybody."""
    import ctypes   # pylint: disable=import-outside-toplevel
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(1 << 22)
    n = libc.klogctl(3, buf, len(buf))
    if clear:
        libc.klogctl(5, None, 0)
    return buf.raw[:max(n, 0)]


def debug(on):
    with open("/sys/module/nf_nat_sip_tcp/parameters/debug", "w", encoding="ascii") as f:
        f.write("1" if on else "0")
