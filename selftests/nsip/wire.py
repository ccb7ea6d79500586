# SPDX-License-Identifier: GPL-2.0-only
"""What passes on a link: captures, and segments made by hand."""
import errno
import socket
import struct
from dataclasses import dataclass, replace

ETH_P_ALL, PACKET_OUTGOING = 3, 4
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SO_RCVBUFFORCE = 33
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128


@dataclass
class Segment:
    """A TCP segment as it stood on the wire."""
    src: str
    sport: int
    dst: str
    dport: int
    seq: int
    ack: int
    flags: int
    win: int
    options: bytes
    data: bytes
    frame: int      # bytes behind the Ethernet header
    df: bool
    out: bool       # sent by the host that captured it
    ether: bytes    # the frame's Ethernet header
    urgent: int = 0
    ttl: int = 0    # or hop limit
    tos: int = 0    # or traffic class


def parse(pkt, out=False):
    """Segment in an Ethernet frame, or None."""
    proto = pkt[12:14]
    if proto == b"\x08\x00":
        hlen = (pkt[14] & 15) * 4
        if pkt[23] != 6:
            return None
        src, dst = (socket.inet_ntop(socket.AF_INET, pkt[n:n + 4]) for n in (26, 30))
        end, tcp = 14 + struct.unpack_from("!H", pkt, 16)[0], 14 + hlen
        df, ttl, tos = bool(pkt[20] & 0x40), pkt[22], pkt[15]
    elif proto == b"\x86\xdd":
        if pkt[20] != 6:
            return None
        src, dst = (socket.inet_ntop(socket.AF_INET6, pkt[n:n + 16]) for n in (22, 38))
        end, tcp, df = 54 + struct.unpack_from("!H", pkt, 18)[0], 54, True
        ttl, tos = pkt[21], struct.unpack_from("!H", pkt, 14)[0] >> 4 & 0xff
    else:
        return None
    sport, dport, seq, ack, off, flags, win, _, urgent = struct.unpack_from("!HHIIBBHHH", pkt, tcp)
    data = tcp + (off >> 4) * 4
    return Segment(src, sport, dst, dport, seq, ack, flags, win, pkt[tcp + 20:data],
                   pkt[data:end], end - 14, df, out, pkt[:14], urgent, ttl, tos)


@dataclass
class IcmpError:
    """An ICMP error about a TCP segment, and what it quotes of that."""
    kind: int
    code: int
    mtu: int
    valid: bool     # its checksum fits
    to: str
    src: str
    sport: int
    dst: str
    dport: int
    seq: int
    ack: int        # None: not quoted
    out: bool       # sent by the host that captured it


def parse_icmp(pkt, out=False):
    """IcmpError in an Ethernet frame, or None; IP options are not expected."""
    v6 = pkt[12:14] == b"\x86\xdd"
    icmp, proto = (54, pkt[20]) if v6 else (34, pkt[23])
    if pkt[12:14] not in (b"\x08\x00", b"\x86\xdd") or proto != (58 if v6 else 1):
        return None
    end = 54 + struct.unpack_from("!H", pkt, 18)[0] if v6 else 14 + struct.unpack_from("!H", pkt, 16)[0]
    kind, code = pkt[icmp:icmp + 2]
    if kind >= 128 or not v6 and kind not in (3, 11, 12):
        return None
    ip, tcp = icmp + 8, icmp + (48 if v6 else 28)
    if pkt[ip + (6 if v6 else 9)] != 6:
        return None
    family, addr, size = (socket.AF_INET6, 8, 16) if v6 else (socket.AF_INET, 12, 4)
    src, dst = (socket.inet_ntop(family, pkt[ip + addr + n:ip + addr + n + size]) for n in (0, size))
    pseudo = pkt[22:54] + struct.pack("!IBBBB", end - icmp, 0, 0, 0, 58) if v6 else b""
    sport, dport, seq = struct.unpack_from("!HHI", pkt, tcp)
    return IcmpError(kind, code, struct.unpack_from("!I", pkt, icmp + 4)[0],
                     checksum(pseudo + pkt[icmp:end]) == 0,
                     socket.inet_ntop(family, pkt[38:54] if v6 else pkt[30:34]), src, sport, dst, dport,
                     seq, struct.unpack_from("!I", pkt, tcp + 8)[0] if end >= tcp + 12 else None, out)


def udp_ports(pkt):
    """Ports of a UDP packet, or None; IP options are not expected."""
    v6 = pkt[12:14] == b"\x86\xdd"
    if pkt[20 if v6 else 23] != 17 or pkt[12:14] not in (b"\x08\x00", b"\x86\xdd"):
        return None
    return struct.unpack_from("!HH", pkt, 54 if v6 else 34)


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def build(seg):
    """The frame of an IPv4 segment, checksums and all."""
    src, dst = socket.inet_aton(seg.src), socket.inet_aton(seg.dst)
    options = seg.options + b"\0" * (-len(seg.options) % 4)
    tcp = struct.pack("!HHIIBBHHH", seg.sport, seg.dport, seg.seq, seg.ack,
                      (20 + len(options)) // 4 << 4, seg.flags, seg.win, 0,
                      seg.urgent) + options + seg.data
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return seg.ether + ip + tcp


def inject(dev, seg, **changes):
    """Send a segment like `seg` from this host's device."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((dev, 0))
        s.send(build(replace(seg, **changes)))


def unreachable(src, to, seq, code, mtu=0):
    """This host complains about a segment src -> to; it quotes no more of TCP than it has to."""
    inner = struct.pack("!BBHHHBBH", 0x45, 0, 1500, 1, 0x4000, 60, 6, 0) + socket.inet_aton(src[0]) + \
        socket.inet_aton(to[0]) + struct.pack("!HHI", src[1], to[1], seq & 0xffffffff)
    icmp = struct.pack("!BBHI", 3, code, 0, mtu) + inner
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.sendto(icmp, (src[0], 0))


class Capture:
    """Everything on one device since this was made; on all of the host without a name."""

    def __init__(self, dev=None):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        if dev:
            self.sock.bind((dev, ETH_P_ALL))
        self.sock.setblocking(False)
        self._all, self.udp, self._errors, self.protocols = [], [], [], []

    def segments(self, **match):
        """TCP segments so far; keyword arguments select, e.g. out=False, dport=5060."""
        while True:
            try:
                pkt, addr = self.sock.recvfrom(1 << 17)
            except BlockingIOError:
                break
            except OSError as e:
                if e.errno != errno.ENETDOWN:   # said once, where the device went down
                    raise
                continue
            out = addr[2] == PACKET_OUTGOING
            if udp_ports(pkt):
                self.udp.append((out, *udp_ports(pkt)))
            if pkt[12:14] in (b"\x08\x00", b"\x86\xdd"):
                self.protocols.append((out, pkt[20 if pkt[12] == 0x86 else 23]))
            error = parse_icmp(pkt, out)
            if error:
                self._errors.append(error)
            seg = parse(pkt, out)
            if seg:
                self._all.append(seg)
        return [s for s in self._all if all(getattr(s, k) == v for k, v in match.items())]

    def datagrams(self):
        """UDP so far: (sent by this host, source port, destination port) each."""
        self.segments()
        return self.udp

    def icmp_errors(self):
        """ICMP errors about TCP segments so far."""
        self.segments()
        return self._errors

    def payloads(self, **match):
        """Payloads of the segments that have one."""
        return [s.data for s in self.segments(**match) if s.data]

    def close(self):
        self.sock.close()
