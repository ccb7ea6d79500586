# SPDX-License-Identifier: GPL-2.0-only
"""Expectations that somebody else writes (linux/netfilter/nfnetlink_conntrack.h)."""
import os
import re
import socket
import struct

from .sock import family

NETLINK_NETFILTER, EXP_NEW = 12, 2 << 8
REQUEST, ACK, CREATE = 0x1, 0x4, 0x400
MASTER, TUPLE, MASK, FLAGS, FN = 1, 2, 3, 8, 11
PERMANENT = 1
ANCHOR = 253


def _attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def _nest(kind, *attrs):
    return _attr(kind | 0x8000, b"".join(attrs))


def _tuple(kind, src, dst, proto, ports=None):
    """Addresses as bytes; ports: (source, destination)."""
    first = 1 if len(src) == 4 else 3
    more = [_attr(2 + i, struct.pack("!H", p)) for i, p in enumerate(ports or ())]
    return _nest(kind, _nest(1, _attr(first, src), _attr(first + 1, dst)),
                 _nest(2, _attr(1, bytes([proto])), *more))


def anchors(lab, v=4):
    """Addresses of the anchors' conntrack entries, as bytes."""
    found = re.findall(rf"^unknown +{ANCHOR} .*?src=(\S+) dst=(\S+)", lab.conntrack("-L", "-f", f"ipv{v}"), re.M)
    af = socket.AF_INET if v == 4 else socket.AF_INET6
    return [tuple(socket.inet_pton(af, x) for x in pair) for pair in found]


def expect(lab, master, to, name="nat-sip-tcp"):
    """An expectation of UDP from anywhere to there that names this function."""
    dst = socket.inet_pton(family(to[0]), to[0])
    zero, ones = bytes(len(dst)), b"\xff" * len(dst)
    attrs = (_tuple(MASTER, *master, ANCHOR) + _tuple(TUPLE, zero, dst, 17, (0, to[1])) +
             _tuple(MASK, zero, ones, 17, (0, 0xffff)) + _attr(FLAGS, struct.pack("!I", PERMANENT)) +
             _attr(FN, name.encode() + b"\0"))
    body = struct.pack("!BBH", family(to[0]), 0, 0) + attrs
    with lab.at("router"), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
        s.bind((0, 0))
        s.send(struct.pack("=IHHII", 16 + len(body), EXP_NEW, REQUEST | ACK | CREATE, 1, 0) + body)
        error = struct.unpack_from("=i", s.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error))
