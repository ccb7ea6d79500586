# SPDX-License-Identifier: GPL-2.0-only
"""A second NAT, at the other end, with a host behind it.

    router out2 ---- eth0 peer2 near ---- eth0 behind 192.168.7.2, fd00:7::2

A peer of a lab becomes the router of another network, and lets in what the kinds
of NAT that RFC 3489 section 5 names let in:

full-cone         everybody
restricted        addresses that were spoken to
port-restricted   addresses and ports that were spoken to
symmetric         the same, and shows another port to each of them
"""
import subprocess

from .tool import Sipnat

KINDS = ("full-cone", "restricted", "port-restricted", "symmetric")
ADDR = {4: "192.168.7.2", 6: "fd00:7::2"}
GATEWAY = {4: "192.168.7.1", 6: "fd00:7::1"}
PORTS = "7000-7999"         # that the cones keep
MAC = "02:00:00:00:77:0{}"


def ip(lab, host, *args):
    """Not from within the host: it sees no other's name."""
    cmd = ["ip", "-n", lab.netns(host), *(str(a) for a in args)]
    print("#", *cmd, flush=True)
    subprocess.run(cmd, check=True)


def wire(lab, a, b, name="wire"):
    """Two peers reach each other without the router in between."""
    ip(lab, a, "link", "add", name, "address", MAC.format(1), "type", "veth",
       "peer", "name", name, "address", MAC.format(2), "netns", lab.netns(b))
    for n, (here, there) in enumerate(((a, b), (b, a)), 1):
        ip(lab, here, "link", "set", name, "up")
        for v, bits in ((4, 32), (6, 128)):
            ip(lab, here, "neigh", "replace", lab.addr(there, v), "lladdr", MAC.format(3 - n), "dev", name,
               "nud", "permanent")
            ip(lab, here, f"-{v}", "route", "add", f"{lab.addr(there, v)}/{bits}", "dev", name)


class Far:
    """The peer `host` of a lab is a NAT now; its inside host is `name`.  Helper: True is
    ours, or nft's word for another one."""

    def __init__(self, lab, host="peer2", name="behind", helper=False):
        self.lab, self.host, self.name, self.helper = lab, host, name, helper
        print("# ip netns add", lab.netns(name), flush=True)
        subprocess.run(["ip", "netns", "add", lab.netns(name)], check=True)
        lab.extra[name] = ADDR
        ip(lab, host, "link", "add", "near", "type", "veth", "peer", "name", "eth0", "netns", lab.netns(name))
        for where, dev, addr in ((host, "near", GATEWAY), (name, "eth0", ADDR)):
            lab.run(where, "sh", "-c", "cd /proc/sys/net; echo 1 >ipv4/ip_forward;"
                    "echo 1 >ipv6/conf/all/forwarding; echo 0 >ipv4/tcp_early_retrans;"
                    f"for i in all {dev}; do echo 0 >ipv4/conf/$i/rp_filter; done")
            ip(lab, where, "link", "set", "lo", "up")
            ip(lab, where, "link", "set", dev, "up")
            ip(lab, where, "addr", "add", f"{addr[4]}/24", "dev", dev)
            ip(lab, where, "addr", "add", f"{addr[6]}/64", "dev", dev, "nodad")
        calm = [] if lab.set.get("timers") == "real" else ["rto_min", "2s"]
        for v in (4, 6):
            ip(lab, name, f"-{v}", "route", "add", "default", "via", GATEWAY[v], *calm)
        if helper is True:
            Sipnat(lab.netns(host)).set(contact="door")

    def _kind(self, kind):
        """Rules for UDP of the ports that are kept: (prerouting, postrouting)."""
        if kind == "symmetric":
            return "", "udp sport 1-65535 masquerade fully-random"
        if kind == "port-restricted":
            return "", ""
        who = {4: "", 6: ""}
        if kind == "restricted":
            who = {4: "ip saddr @spoken4", 6: "ip6 saddr @spoken6"}
        return "\n".join(f'iifname != "near" {who[v]} udp dport {PORTS} dnat {f} to {ADDR[v]}'
                         for v, f in ((4, "ip"), (6, "ip6"))), ""

    def rules(self, kind, published=False):
        """It is a NAT of this kind from now on; it knows of no flow.  Published: the
        port for SIP leads to the host behind."""
        into, out = self._kind(kind)
        forwarded = "" if not published else "\n".join(f'iifname != "near" tcp dport 5060 dnat {f} to {ADDR[v]}'
                              for v, f in ((4, "ip"), (6, "ip6")))
        kind = "sip_tcp" if self.helper is True else self.helper
        helper = f"""ct helper sip {{ type "{kind}" protocol tcp; }}
              chain helper {{
                type filter hook prerouting priority filter;
                tcp dport 5060 ct helper set "sip"
              }}""" if self.helper else ""
        text = f"""table inet far
            delete table inet far
            table inet far {{
              set spoken4 {{ type ipv4_addr; flags dynamic,timeout; timeout 5m; }}
              set spoken6 {{ type ipv6_addr; flags dynamic,timeout; timeout 5m; }}
              {helper}
              chain input {{
                type filter hook input priority filter;
                meta l4proto udp drop
              }}
              chain forward {{
                type filter hook forward priority filter;
                iifname "near" udp sport {PORTS} add @spoken4 {{ ip daddr }}
                iifname "near" udp sport {PORTS} add @spoken6 {{ ip6 daddr }}
                iifname "near" accept
                ct state established,related accept
                ct status dnat accept
                drop
              }}
              chain nat_in {{
                type nat hook prerouting priority dstnat;
                {into}
                {forwarded}
              }}
              chain nat_out {{
                type nat hook postrouting priority srcnat;
                {f'oifname != "near" {out}' if out else ''}
                oifname != "near" masquerade
              }}
            }}
            """
        self.lab.run(self.host, "nft", "-f", "-", text=text)
        self.lab.run(self.host, "conntrack", "-F", show=False, check=False)

    def doors(self):
        """Public ports of its doors for media, where it has our helper."""
        return sorted(d["public"]["port"] for d in Sipnat(self.lab.netns(self.host)).show("doors")
                      if d["transport"] == "udp")
