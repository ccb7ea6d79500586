#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A PBX published on port 5060, and a phone that registers elsewhere (N14).

    phone1 192.168.122.3:5060  PBX ------ router 10.1.1.1 ------ peer1 10.1.1.10
                                          5060 -> phone1           a registrar
    phone2 192.168.122.4:5060  phone ---- masquerade

The public port 5060 is the PBX's by a rule; the phone's Contact says 5060, too.
Nor does a phone get a port on which the gateway itself listens, that it keeps,
or that a rule redirects to it; and media gets none that a rule forwards.
"""
import shutil

from nsip import ktap, sip, sock
from nsip.call import Call
from nsip.lab import Lab
from nsip.reg import Phone
from nsip.tool import Sipnat


def pbx_answers(lab, v):
    """A stranger's call to port 5060 reaches the PBX."""
    listener = lab.tcp_listen("phone1", 5060, v)
    far = lab.tcp_connect("peer1", 0, (lab.addr("public", v), 5060), v, patience=5 * sock.SLOW)
    if not sock.readable(listener, 3 * sock.SLOW):
        return False
    near = sock.Tcp(listener.accept()[0])
    listener.close()
    peer, public, pbx = lab.party("peer1", v), lab.public(v), lab.party("phone1", v)
    far.send(sip.invite(peer, public, "pbx", 7000))
    good = near.recv_message() == sip.invite(peer, pbx, "pbx", 7000)
    sock.hang_up(far, near)
    return good


def beside_a_pbx(t, lab, v):
    phone = Phone(lab, "phone2", v=v).connect()
    phone.register()
    phone.hang_up()
    t.ok(phone.contact[1] != 5060, f"IPv{v}: the phone does not get 5060", phone.contact)
    good, why = phone.called_from("peer1")
    t.ok(good, f"IPv{v}: it is called on the port that it got", why)
    t.ok(pbx_answers(lab, v), f"IPv{v}: and 5060 is the PBX's as before")
    phone.connect().register(expires=0)
    phone.hang_up()
    phone.close()


def given(lab, v):
    """The public port that a phone gets which listens on 5061."""
    phone = Phone(lab, "phone2", v=v, listening=5061).connect()
    phone.register()
    good, why = phone.called_from("peer1")
    port = phone.contact[1]
    phone.register(expires=0)
    phone.hang_up()
    phone.close()
    return port, good, why


def refused(t, lab, v, whose):
    port, good, why = given(lab, v)
    t.ok(port != 5061 and good, f"IPv{v}: the phone gets another port than one {whose}, and is "
         "called on that", (port, why))


def never_ours(t, lab, v):
    """Ports of the gateway itself."""
    t.equal(given(lab, v), (5061, True, ""), f"IPv{v}: 5061 is free, and given")
    for addr in ("::" if v == 6 else "0.0.0.0", lab.addr("public", v)):
        with lab.at("router"):
            ours = sock.tcp_listen(addr, 5061)
        refused(t, lab, v, f"on which the gateway listens at {addr}")
        ours.close()
    keep = "/proc/sys/net/ipv4/ip_local_reserved_ports"
    lab.run("router", "sh", "-c", f"echo 5061 >{keep}")
    refused(t, lab, v, "that is in ip_local_reserved_ports")
    lab.run("router", "sh", "-c", f"echo >{keep}")


def nft(lab, v, rule):
    """Adds a DNAT chain with that rule."""
    lab.run("router", "nft", "-f", "-", text=f"""
        table inet forwarded{v} {{
            chain pre {{
                type nat hook prerouting priority dstnat;
                {rule}
            }}
        }}""")


def nft_off(lab, v):
    lab.run("router", "nft", "delete", "table", "inet", f"forwarded{v}")


def rules_come_first(t, lab, v):
    """Ports that rules use."""
    nft(lab, v, "tcp dport 5061 redirect to :22")
    refused(t, lab, v, "that nft redirects")
    nft_off(lab, v)
    nft(lab, v, f"ip{'6' if v == 6 else ''} saddr {lab.addr('peer1', v)} udp dport 5061 redirect to :9")
    refused(t, lab, v, "of which nft redirects the datagrams of the peer")
    nft_off(lab, v)
    nft(lab, v, f"iifname {lab.dev('in2')} tcp dport 5061 redirect to :22")
    t.equal(given(lab, v)[:2], (5061, True), f"IPv{v}: what is redirected inside is given outside")
    nft_off(lab, v)
    ipt = "ip6tables" if v == 6 else "iptables"
    if shutil.which(f"{ipt}-legacy"):
        ipt += "-legacy"
    rule = ["-t", "nat", "-{}", "PREROUTING", "-p", "tcp", "--dport", "5061", "-j", "DNAT",
            "--to-destination", f"[{lab.addr('phone1', v)}]:5060" if v == 6 else
            f"{lab.addr('phone1', v)}:5060"]
    lab.run("router", ipt, *(x.format("A") for x in rule))
    refused(t, lab, v, f"that {ipt} forwards")
    lab.run("router", ipt, *(x.format("D") for x in rule))


def media_ports(t, lab, v):
    """A range of UDP ports is forwarded to the PBX."""
    nft(lab, v, f"udp dport 6000-6009 dnat ip{'6' if v == 6 else ''} to {lab.addr('phone1', v)}")
    call = Call(lab, *lab.tcp_pair("phone2", v=v), f"media-{v}", v, 6000, host="phone2").establish()
    media = call.media()
    t.ok(call.public_rtp % 2 == 0 and not 6000 <= call.public_rtp < 6010,
         f"IPv{v}: media that is at 6000 inside gets an even port that no rule forwards",
         call.public_rtp)
    t.equal((media.inward(), media.outward()), (media.expect_inward(), media.expect_outward()),
            f"IPv{v}: audio both ways")
    pbx, far = lab.udp("phone1", 6000, v), lab.udp("peer1", 7200, v)
    far.send((lab.addr("public", v), 6000), 3, b"pbx")
    t.equal(pbx.collect(3), [(lab.addr("peer1", v), 7200, b"pbx")] * 3,
            f"IPv{v}: and what is sent to 6000 is the PBX's")
    for s in (media, pbx, far):
        s.close()
    call.bye()
    sock.hang_up(call.phone, call.peer)
    nft_off(lab, v)


def from_a_range(t, lab, v):
    """Public ports are drawn from a range, of which a part is taken."""
    nat = Sipnat(lab.netns("router"))
    nat.set(door_public_ports="20000-20003,20010")
    nft(lab, v, "tcp dport 20000-20003 redirect to :22")
    t.equal(given(lab, v), (20010, True, ""), f"IPv{v}: door_public_ports: the one that is left")
    nft_off(lab, v)
    nat.set(door_public_ports="any")


def test(t):
    with Lab(contact="door", attach="ports", nat="forward", phones=2) as lab:
        for v in (4, 6):
            beside_a_pbx(t, lab, v)
            never_ours(t, lab, v)
            rules_come_first(t, lab, v)
            media_ports(t, lab, v)
            from_a_range(t, lab, v)
        lab.check_valid(t)


ktap.main(2 * 15 + 1, test)
