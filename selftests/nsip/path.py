# SPDX-License-Identifier: GPL-2.0-only
"""What lies between the hosts: loss, sizes, offloads; and what their TCP counted."""
from . import sock, wire

# /proc/net/netstat, TcpExt: each is a time-out of a sender of some kind.
TIMEOUTS = ("TCPTimeouts", "TCPSpuriousRTOs", "TCPLossProbes")


def links(lab):
    """Both ends of each link: (host, device)."""
    for side, kind in (("in", "phone"), ("out", "peer")):
        for n in range(1, lab.set[f"{kind}s"] + 1):
            yield f"{kind}{n}", "eth0"
            yield "router", lab.dev(f"{side}{n}")


def netem(lab, what, side=None):
    """The same trouble in both directions of each link, or of one side's; "" ends it."""
    for host, dev in links(lab):
        if side and side not in (host[:5].rstrip("1"), dev.rpartition("-")[2][:-1]):
            continue
        lab.run(host, "tc", "qdisc", "del", "dev", dev, "root", check=False, show=False)
        if what:
            lab.run(host, "tc", "qdisc", "add", "dev", dev, "root", "netem", *what.split(),
                    "limit", "4000")


def no_tail_probes(lab, *hosts):
    """A probe a few ms behind a tail is no time-out; a busy machine makes it come."""
    for host in hosts:
        lab.run(host, "sysctl", "-qw", "net.ipv4.tcp_early_retrans=0")


def mib(lab, host):
    """The counters of a host's TCP: TcpExt's and Tcp's names in one dict."""
    seen = {}
    for name in ("netstat", "snmp"):
        lines = lab.run(host, "cat", f"/proc/net/{name}", show=False).splitlines()
        for head, row in zip(lines[::2], lines[1::2]):
            if head.split(":")[0] in ("TcpExt", "Tcp"):
                seen.update(zip(head.split()[1:], map(int, row.split()[1:])))
    return seen


class Mib:
    """What the TCP of some hosts has counted since this was made."""

    def __init__(self, lab, *hosts):
        self.lab, self.first = lab, {h: mib(lab, h) for h in hosts}

    def since(self, *names):
        """Of each host, those that moved."""
        moved = {}
        for host, first in self.first.items():
            now = mib(self.lab, host)
            moved.update({f"{host} {n}": now[n] - first[n] for n in names
                          if now.get(n, 0) != first.get(n, 0)})
        return moved


def state(lab, sport):
    """Conntrack's word for the TCP connection from that port."""
    for family in ("ipv4", "ipv6"):
        for line in lab.conntrack("-L", "-p", "tcp", "-f", family).splitlines():
            if f"sport={sport} " in line:
                return line.split()[3]
    return None


def ends_cleanly(lab, near, far, patience=30, ordered=True):
    """FIN both ways, each read as the end of the stream; what went wrong, or "".

    TIME_WAIT of conntrack says that it saw both FINs and their acknowledgements,
    and no RST.  Where segments overtake each other a late one may meet a socket
    that is gone already, and be answered with a RST: then that is not asked for.
    """
    sport, seen = near.local[1], ""
    try:
        for a, b in ((near, far), (far, near)):
            a.sock.setblocking(True)
            b.sock.setblocking(True)
            a.shutdown()
            if not sock.readable(b.sock, patience * sock.SLOW):
                return "the end of the stream does not arrive"
            if b.sock.recv(1 << 16):
                return "bytes that nobody wrote"
        if ordered:
            sock.until(lambda: state(lab, sport) == "TIME_WAIT", "TIME_WAIT", patience)
    except (ConnectionError, sock.Timeout) as e:
        seen = f"{type(e).__name__}: {e}, conntrack says {state(lab, sport)}"
    near.close()
    far.close()
    return seen


def stray(lab, phone, peer):
    """A segment of the phone's connection, 1 GiB beyond its window: conntrack must
    count it, or zeros before it proved nothing."""
    with lab.at("phone1"):
        cap = wire.Capture("eth0")
        phone.send(b"\r\n\r\n")
        peer.recv_exact(4)
        last = sock.until(lambda: [s for s in cap.segments(out=True, sport=phone.local[1])
                                   if s.data], "the segment before the stray one")[-1]
        wire.inject("eth0", last, seq=(last.seq + (1 << 30)) & 0xffffffff, data=b"stray")
        cap.close()
