# SPDX-License-Identifier: GPL-2.0-only
"""Very many connections at once, of very many inside hosts."""
import errno
import resource
import select
import socket
import struct

from . import sock

NET = "192.168.123"     # of the hosts that one phone's machine stands for
FIRST_PORT = 10000
AT_ONCE = 200           # handshakes under way


class Flood:
    """`n` connections from `hosts` addresses behind the link of a phone to a peer.

    Each has a source port of its own, so that the NAT has none to change.
    """

    def __init__(self, lab, n, hosts, phone="phone2", peer="peer1"):
        self.lab, self.n, self.hosts, self.phone = lab, n, hosts, phone
        self.near, self.far = [], []
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * n + 4096, max(hard, 2 * n + 4096)))
        with open("/proc/sys/net/netfilter/nf_conntrack_max", "r+", encoding="ascii") as f:
            most = max(int(f.read()), 4 * n)
            f.seek(0)
            f.write(str(most))
        lab.run(phone, "ip", "-batch", "-", show=False,
                text="".join(f"addr add {self.addr(i)}/32 dev eth0\n" for i in range(hosts)))
        lab.run("router", "ip", "route", "add", f"{NET}.0/24", "dev", lab.dev(f"in{phone[5:]}"))
        lab.run(peer, "sysctl", "-qw", "net.core.somaxconn=4096")
        self.to = (lab.addr(peer), 5062)
        with lab.at(peer):
            self.listener = sock.tcp_listen(*self.to)
        self.listener.listen(1024)
        self.listener.setblocking(False)

    @staticmethod
    def addr(host):
        return f"{NET}.{host + 1}"

    def _begin(self, i):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setblocking(False)
        s.bind((self.addr(i % self.hosts), FIRST_PORT + i))
        if s.connect_ex(self.to) not in (0, errno.EINPROGRESS):
            raise ConnectionError(f"connection {i}")
        return s

    def _accept(self, wanted):
        """Take what has come, until all but so many handshakes are done."""
        while len(self.far) < wanted:
            if not select.select([self.listener], [], [], sock.PATIENCE)[0]:
                raise sock.Timeout(f"{len(self.far)} connections arrived of {wanted}")
            try:
                while True:
                    self.far.append(self.listener.accept()[0])
            except BlockingIOError:
                pass

    def connect(self, upto=None):
        """All of them, or until there are so many."""
        with self.lab.at(self.phone):
            for i in range(len(self.near), upto or self.n):
                self.near.append(self._begin(i))
                self._accept(i + 1 - AT_ONCE)
        self._accept(len(self.near))

    def port(self, i):
        """Source port of a connection, at both sides of the NAT."""
        return FIRST_PORT + i

    def send(self, i, data):
        """Does it all fit into the connection?"""
        try:
            return self.near[i].send(data) == len(data)
        except BlockingIOError:
            return False

    def arrived(self, patience=0):
        """What the peer reads now, by source port."""
        got = {}
        poll = select.poll()
        by_fd = {s.fileno(): s for s in self.far}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(patience * 1000):
            s = by_fd[fd]
            try:
                s.setblocking(False)
                got[s.getpeername()[1]] = s.recv(1 << 16)
            except OSError as e:
                got[FIRST_PORT - 1] = e
        return got

    def close(self):
        for s in self.near + self.far:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        self.near, self.far = [], []
        self.listener.close()
