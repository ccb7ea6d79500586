# SPDX-License-Identifier: GPL-2.0-only
"""Another router, with a small MTU, between the router of a lab and a host.

    router out1 ---- near MIDDLE far ---- eth0 peer1

The host keeps its own MTU, and so announces an MSS that does not fit.
"""
import subprocess

MAC = "02:00:00:00:99:0{}"


def _ip(lab, host, *args):
    """Not from within the host: it sees no other's name."""
    cmd = ["ip", "-n", lab.netns(host), *args]
    print("#", " ".join(cmd), flush=True)
    subprocess.run(cmd, check=True)


def _links(lab, host, dev, name):
    """The host's eth0 becomes `near` of the middle, and it gets another one."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    _ip(lab, host, "link", "set", "eth0", "netns", name)
    _ip(lab, "middle", "link", "set", "eth0", "address", MAC.format(1), "name", "near", "up")
    _ip(lab, "middle", "link", "add", "far", "address", MAC.format(2), "type", "veth",
        "peer", "name", "eth0", "address", MAC.format(3), "netns", lab.netns(host))
    lab.run("middle", "sh", "-c", "cd /proc/sys/net; echo 1 >ipv4/ip_forward;"
            "echo 1 >ipv6/conf/all/forwarding; echo 0 >ipv4/icmp_ratelimit; echo 0 >ipv6/icmp/ratelimit;"
            "for i in all near far; do echo 0 >ipv4/conf/$i/rp_filter; done;"
            "ip link set far up; ip link set lo up")
    lab.run(host, "ip", "link", "set", "eth0", "up")
    return lab.run("router", "cat", f"/sys/class/net/{dev}/address", show=False).strip()


def _routes(lab, host, dev, mac, small):
    side = "inside" if host.startswith("phone") else "public"
    for v in (4, 6):
        net = lab.set[("in" if side == "inside" else "out") + str(v)]
        own, router = lab.addr(host, v), lab.addr(side, v)
        middle, bits = (f"{net}.254", 32) if v == 4 else (f"{net}:fe", 128)
        ip = ["ip", f"-{v}"]
        lab.run("router", *ip, "neigh", "replace", own, "lladdr", MAC.format(1), "dev", dev, "nud", "permanent")
        lab.run("router", *ip, "route", "replace", f"{middle}/{bits}", "dev", dev)
        lab.run("router", *ip, "neigh", "replace", middle, "lladdr", MAC.format(1), "dev", dev, "nud", "permanent")
        dad = ["nodad"] if v == 6 else []
        lab.run("middle", *ip, "addr", "add", f"{middle}/{bits}", "dev", "near", *dad)
        lab.run("middle", *ip, "neigh", "replace", router, "lladdr", mac, "dev", "near", "nud", "permanent")
        lab.run("middle", *ip, "neigh", "replace", own, "lladdr", MAC.format(3), "dev", "far", "nud", "permanent")
        lab.run("middle", *ip, "route", "replace", f"{own}/{bits}", "dev", "far", "mtu", "lock", small[v])
        # What it complains about may be on its way to somebody behind.
        lab.run("middle", *ip, "route", "replace", "default", "via", router, "dev", "near", "onlink")
        lab.run(host, *ip, "addr", "add", f"{own}/{bits}", "dev", "eth0", *dad)
        lab.run(host, *ip, "route", "replace", f"{router}/{bits}", "dev", "eth0", "rto_min", "2s")
        lab.run(host, *ip, "neigh", "replace", router, "lladdr", MAC.format(2), "dev", "eth0", "nud", "permanent")
        if side == "inside":
            lab.run(host, *ip, "route", "replace", "default", "via", router, "dev", "eth0", "rto_min", "2s")


def insert(lab, host, mtu4=1000, mtu6=1280):
    """Behind it segments may have mtu4 or mtu6 bytes, towards the host."""
    dev = lab.dev(("in" if host.startswith("phone") else "out") + host.lstrip("phoner"))
    mac = _links(lab, host, dev, f"{lab.id}-middle")
    _routes(lab, host, dev, mac, {4: mtu4, 6: mtu6})
