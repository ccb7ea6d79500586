# SPDX-License-Identifier: GPL-2.0-only
"""TCP and UDP endpoints on real sockets."""
import errno
import fcntl
import os
import select
import socket
import struct
import time

from . import sip

# A kernel that checks whatever it does takes its time: all waits are longer there.
SLOW = 3 if "-debug" in os.uname().release else 1
PATIENCE = float(os.environ.get("NSIP_PATIENCE", "10")) * SLOW
SIOCOUTQ = 0x5411
TCP_INFO_RETRANS = 100      # offset of tcpi_total_retrans
TCP_INFO_RTO, TCP_INFO_SND_MSS = 8, 16


class Timeout(Exception):
    """What had to happen did not, within PATIENCE."""


def until(condition, what, patience=None):
    """Poll until condition() is true; its value."""
    end = time.monotonic() + (patience * SLOW if patience else PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(what)
        time.sleep(0.002)


def readable(sock, patience=None):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(1000 * (PATIENCE if patience is None else patience)))


class Tcp:
    """A TCP connection."""

    def __init__(self, sock):
        self.sock, self.buf = sock, b""

    def nodelay(self, on=True):
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(on))
        return self

    def send(self, data):
        self.sock.sendall(data)

    def outq(self):
        """Bytes that the other end has not acknowledged."""
        return struct.unpack("i", fcntl.ioctl(self.sock, SIOCOUTQ, b"\0" * 4))[0]

    def wait_acked(self):
        until(lambda: self.outq() == 0, "bytes sent stay unacknowledged")

    def send_parts(self, parts, acked_every=8):
        """Each part in a segment of its own.

        Without Nagle the kernel sends each write at once, as long as the
        congestion window lets it: hence a wait after every few.
        """
        for i, part in enumerate(parts, 1):
            self.send(part)
            if i % acked_every == 0:
                self.wait_acked()

    def recv_some(self, patience=None):
        if not readable(self.sock, patience):
            raise Timeout(f"nothing to read; so far {self.buf!r}")
        data = self.sock.recv(1 << 16)
        if not data:
            raise ConnectionError(f"end of stream; so far {self.buf!r}")
        self.buf += data

    def recv_exact(self, n):
        while len(self.buf) < n:
            self.recv_some()
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def recv_up_to(self, n):
        """n bytes, or fewer where no more come: for comparing."""
        try:
            return self.recv_exact(n)
        except (Timeout, ConnectionError):
            data, self.buf = self.buf, b""
            return data

    def recv_message(self):
        """The next SIP message, cut where its Content-Length says."""
        while not (n := sip.frame(self.buf)):
            self.recv_some()
        return self.recv_exact(n)

    def recv_final(self):
        """The next message that is not a 1xx."""
        while (m := self.recv_message()).startswith(b"SIP/2.0 1"):
            pass
        return m

    def pending(self, patience=0.05):
        """What else there is to read; empty where nothing is."""
        while readable(self.sock, patience * SLOW):
            data = self.sock.recv(1 << 16)
            if not data:
                break
            self.buf += data
        data, self.buf = self.buf, b""
        return data

    def info(self, offset):
        raw = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
        return struct.unpack_from("I", raw, offset)[0]

    @property
    def retransmissions(self):
        return self.info(TCP_INFO_RETRANS)

    @property
    def rto(self):
        """The time-out that runs now or would, µs."""
        return self.info(TCP_INFO_RTO)

    @property
    def mss(self):
        return self.info(TCP_INFO_SND_MSS)

    @property
    def local(self):
        return self.sock.getsockname()[:2]

    @property
    def remote(self):
        return self.sock.getpeername()[:2]

    def shutdown(self):
        """FIN behind what was written; reading goes on."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def hang_up(near, far):
    """Reset a connection and see the reset arrive: its addresses are free again.

    Without the wait the next SYN may overtake the RST, on another CPU.
    """
    near.close(reset=True)
    try:
        while readable(far.sock) and far.sock.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    far.close()


class Rtp:
    """A UDP socket that counts what comes, by source."""

    def __init__(self, sock):
        self.sock, self.seq, self.heard, self.errors = sock, 0, [], []

    def send(self, to, n=1, mark=b""):
        """n packets of RTP (RFC 3550, 20 ms of PCMU); the payload names them."""
        for _ in range(n):
            self.seq += 1
            head = struct.pack("!BBHII", 0x80, 0, self.seq & 0xffff, self.seq * 160, 0x5eed)
            try:
                self.sock.sendto(head + mark.ljust(160, b"\x7f"), to)
            except OSError as e:    # no route, or a late ICMP error
                self.errors.append(e.errno)

    def collect(self, n, patience=None):
        """Wait for n packets; (source address, port, mark) each."""
        end = time.monotonic() + (min(PATIENCE, 3) if patience is None else patience) * SLOW
        got = []
        while len(got) < n and readable(self.sock, max(0, end - time.monotonic())):
            try:
                data, src = self.sock.recvfrom(2048)
            except ConnectionError:
                continue
            got.append((src[0], src[1], data[12:].rstrip(b"\x7f")))
        self.heard += got
        return got

    def close(self):
        self.sock.close()


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def tcp_listen(addr, port, mss=0, proto=0, options=()):
    """`proto`: 0 is TCP; or what looks like it, as MPTCP. `options`: arguments of
    setsockopt(), set before there is a connection."""
    s = socket.socket(family(addr), socket.SOCK_STREAM, proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if mss:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    for option in options:
        s.setsockopt(*option)
    s.bind((addr, port))
    s.listen(64)
    return s


# pylint: disable=too-many-arguments,too-many-positional-arguments
def tcp_connect(addr, port, to, mss=0, patience=None, proto=0, options=()):
    s = socket.socket(family(addr), socket.SOCK_STREAM, proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if mss:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    for option in options:
        s.setsockopt(*option)
    s.bind((addr, port))
    s.settimeout(patience or PATIENCE)
    s.connect(to)
    s.settimeout(None)
    return Tcp(s)


def udp(addr, port):
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.bind((addr, port))
    return Rtp(s)


def refused(addr, port, to):
    """Does a UDP packet from addr:port to `to` come back as an ICMP error?"""
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    try:
        s.bind((addr, port))
        s.connect(to)
        s.send(b"\x80" + bytes(171))
        return until(lambda: s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
                     "", 1) == errno.ECONNREFUSED
    except Timeout:
        return False
    finally:
        s.close()
