#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each way that a connection, a segment or a loss can take is counted, and no other of its kind.

    phone1 192.168.122.3 ------ router 10.1.1.1 ------ peer1 10.1.1.10:5060	both ends by hand
    phone2 192.168.122.4 ------'                `----- peer2 10.1.1.11:5060	real sockets

Each case says what the bytes did and which counters moved.  Beside them, on a network
of its own, a receiver that takes nothing is waited for until it is given up.
"""
import socket
import subprocess

from nsip import ktap, path, puppet, sip, sock, wire
from nsip.counted import FATE, SEGMENTS, SIZE, Case, Moved, Pair, Settings
from nsip.lab import Lab
from nsip.puppet import FIN, RST
from nsip.tool import Sipnat
from nsip.trace import Trace

# Ports of peer2, and of the router: one is not translated, others lead to the router.
NO_NAT, REDIRECTED, OF_ROUTER, FROM_ROUTER = 5070, 5071, 5072, 5073
LOSS = ("loss_", "cut_", "emit_resent", "icmp_", "opaque_", "reset")
# The least that can be set: what is stored has to leave room for a message.
NARROW = {"header_max": 2048, "body_max": 2048, "hold_max": 8192}
ENDS = ("conn_", "opaque_", "reset")
GARBAGE = b"no SIP at all\r\n"


# --- connections that are not followed ------------------------------------

def unfollowed(t, p, claim, **wanted):
    t.equal(p.raw(), [], f"{claim}: messages pass unchanged, both ways")
    p.counted(t, claim, **wanted)
    p.close()


def prepare(lab):
    """Rules for what follows; a RST of the router itself would end what is to go on."""
    lab.run("router", "nft", "insert", "rule", "inet", lab.id, "nat_out", "tcp", "dport", NO_NAT, "accept")
    lab.run("router", "nft", "-f", "-", text=f"""table inet own {{
        ct helper sip {{ type "sip_tcp" protocol tcp; }}
        chain to {{ type nat hook prerouting priority -100; tcp dport {REDIRECTED} redirect to :{OF_ROUTER}; }}
        chain from {{ type nat hook postrouting priority 90;
            tcp dport {FROM_ROUTER} snat ip to {lab.addr('public')}:7073; }}
        chain helper {{ type filter hook output priority 0; tcp dport {FROM_ROUTER} ct helper set "sip"; }}
        chain mute {{ type filter hook output priority -400; ip saddr {lab.addr('peer1')} drop; }}
        }}\n""")
    lab.run("peer2", "ip", "route", "add", lab.addr("phone2"), "via", lab.addr("public"))


def not_nated(t, lab):
    moved = Moved(lab)
    ends = lab.tcp_pair("phone2", "peer2", dport=NO_NAT)
    unfollowed(t, Pair(lab, "no-nat", moved, ends), "no NAT", conn_not_nated=1)


def local(t, lab):
    """The router is the server, behind a redirection; then the client, from another port."""
    moved = Moved(lab)
    with lab.at("router"):
        listener = sock.tcp_listen(lab.addr("inside"), OF_ROUTER)
    phone = lab.tcp_connect("phone2", 0, (lab.addr("inside"), REDIRECTED))
    unfollowed(t, Pair(lab, "to", moved, (phone, sock.Tcp(listener.accept()[0]))), "to the router itself",
               conn_local=1)
    listener.close()
    moved = Moved(lab)
    listener = lab.tcp_listen("peer2", FROM_ROUTER)
    with lab.at("router"):
        phone = sock.tcp_connect(lab.addr("public"), 0, listener.getsockname())
    peer = sock.Tcp(listener.accept()[0])
    t.equal(peer.remote, (lab.addr("public"), 7073), "from the router itself: translated")
    unfollowed(t, Pair(lab, "from", moved, (phone, peer)), "from the router itself", conn_local=1)
    listener.close()


def no_syn(t, lab):
    """Conntrack forgets an idle connection and picks it up in the middle."""
    p = Pair(lab, "no-syn")
    lab.conntrack("-D", "-p", "tcp", "--orig-port-src", str(p.phone.local[1]))
    unfollowed(t, p, "SYN not seen", conn_no_syn=1)


def syn_data(t, lab):
    """TCP Fast Open without a cookie (RFC 7413)."""
    for host, mode in (("phone2", 0x5), ("peer2", 0x602)):
        lab.run(host, "sysctl", "-qw", f"net.ipv4.tcp_fastopen={mode}")
    moved, first = Moved(lab), sip.request("OPTIONS", lab.party("phone2"), lab.party("peer2"), "fast")
    listener = lab.tcp_listen("peer2")
    cap = lab.capture("in2")
    with lab.at("phone2"):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.bind((lab.addr("phone2"), 0))
        s.sendto(first, socket.MSG_FASTOPEN, listener.getsockname())
    peer = sock.Tcp(listener.accept()[0])
    listener.close()
    syn = cap.segments(out=False)[0]
    t.equal((syn.flags & wire.SYN, syn.data), (wire.SYN, first), "data in the SYN: it is there")
    t.equal(peer.recv_up_to(len(first)), first, "data in the SYN: it passes unchanged")
    unfollowed(t, Pair(lab, "fast", moved, (sock.Tcp(s), peer)), "data in the SYN", conn_syn_data=1)


# --- connections that become opaque, or are reset -------------------------

def framing(t, lab):
    """What is not understood goes on as it is, and all that follows."""
    with Settings(lab, header_max=512):
        p = Pair(lab, "header")
        p.translated()
        long = p.outward(extra=["Subject: " + "x" * 512])[0]
        t.equal(p.raw(long, p.outward()[0]), [], "header too long: it and what follows pass unchanged")
        p.counted(t, "header too long", conn_followed=1, msg_request=1, msg_rewritten=1, opaque_header_size=1)
        p.close()
    p = Pair(lab, "clen")
    p.translated()
    two = p.outward()[0].replace(b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 7")
    t.equal(p.raw(two, p.outward()[0]), [], "two Content-Lengths: the message and what follows pass unchanged")
    p.counted(t, "two Content-Lengths", conn_followed=1, msg_request=1, msg_rewritten=1, opaque_bad_clen=1)
    p.close()


def held(t, lab, claim, text, cut, then, reason):
    """The first `cut` bytes of `text` are held; with the settings `then` nothing is any more."""
    p = Pair(lab, claim)
    p.translated()
    text = text(p)
    p.phone.send(text[:cut])
    p.phone.wait_acked()
    t.equal((p.peer.pending(), p.moved.now("opaque_")), (b"", {}), f"{claim}: the beginning of a message is held")
    with Settings(lab, **then):
        p.phone.send(text[cut:-10])
        read = p.peer.recv_up_to(len(text) - 10)
        t.ok(read == text[:-10], f"{claim}: what was held and what follows arrives as it was written",
             f"{len(read)} of {len(text) - 10} bytes")
        t.equal(p.raw(text[-10:]), [], f"{claim}: nor is the rest changed")
    p.counted(t, claim, conn_followed=1, msg_request=1, msg_rewritten=1, **{reason: 1})
    p.close()


def holding(t, lab):
    with Settings(lab, hold_timeout=600000):
        held(t, lab, "hold_timeout", lambda p: p.outward()[0], 200, {"hold_timeout": 1000}, "opaque_hold_timeout")
    body = "v=0\r\n" + "a=x:0123456789\r\n" * 1250
    held(t, lab, "hold_max", lambda p: p.outward(body=body)[0], 12000, NARROW, "opaque_hold_max")


def on_error(t, lab):
    p = Pair(lab, "on-error")
    p.translated()
    with Settings(lab, on_error="reset"):
        p.phone.send(GARBAGE)
        seen = []
        for end in (p.phone, p.peer):
            try:
                seen.append(end.sock.recv(100) if sock.readable(end.sock) else "nothing")
            except ConnectionError as e:
                seen.append(type(e).__name__)
    t.equal(seen, ["ConnectionResetError"] * 2, "on_error=reset: both ends are reset, and no garbage arrives")
    p.counted(t, "on_error=reset", conn_followed=1, msg_request=1, msg_rewritten=1, opaque_start_line=1,
              reset_on_error=1)
    p.phone.close()
    p.peer.close()


def halved(t, lab):
    """Somebody behind the router drops what is large and says nothing."""
    p = Pair(lab, "halved")
    p.translated()
    lab.run("peer2", "nft", "-f", "-", text="table inet hole { chain c { type filter hook input priority 0; "
            "meta l4proto tcp meta length > 1000 drop; }; }")
    wrote, wanted = p.outward(extra=["Subject: " + "x" * 1000])
    out, moved = lab.capture("out2"), Moved(lab)
    p.phone.send(wrote[:1300])
    p.phone.wait_acked()
    p.phone.send(wrote[1300:])
    t.equal(p.peer.recv_up_to(len(wanted)), wanted, "a hole for large packets: the message arrives")
    p.phone.wait_acked()
    sizes = [s.frame for s in out.segments(out=True) if s.data]
    seen = moved.now(*LOSS)
    t.ok(sum(n > 1000 for n in sizes) >= 2 <= seen.get("loss_timeout", 0)
         and moved.now("cut_", *FATE) == {"cut_halved": 1, "msg_request": 1, "msg_rewritten": 1},
         "after two time-outs in segments half as large: counted as cut_halved, once", (sizes, seen))
    lab.run("peer2", "nft", "delete", "table", "inet", "hole")
    p.close()


def half_close(t, lab, who):
    """One end has nothing more to say, the other a lot."""
    p = Pair(lab, f"half-{who}")
    p.translated()
    near, far = (p.phone, p.peer) if who == "phone" else (p.peer, p.phone)
    say = p.inward if who == "phone" else p.outward
    near.shutdown()
    t.equal(far.sock.recv(100) if sock.readable(far.sock) else None, b"", f"FIN of the {who}: it arrives")
    texts = [say() for _ in range(3)] + [say(extra=["Subject: " + "x" * 4000]) for _ in range(2)]
    wrong = []
    for cuts, (wrote, wanted) in zip(((), (50,), (100, 300), (), (2000,)), texts):
        for a, b in zip((0, *cuts), (*cuts, len(wrote))):
            far.send(wrote[a:b])
            far.wait_acked()
        read = near.recv_up_to(len(wanted))
        wrong += [] if read == wanted != wrote else [(read, wanted)]
    burst = [say() for _ in range(5)]
    far.send(b"".join(wrote for wrote, _ in burst))
    wanted = b"".join(w for _, w in burst)
    wrong += [] if near.recv_up_to(len(wanted)) == wanted else [wanted]
    t.equal(wrong, [], f"FIN of the {who}: ten messages go the other way behind it, translated, whole and in pieces")
    far.shutdown()
    t.equal(near.sock.recv(100) if sock.readable(near.sock) else None, b"", "then the other FIN arrives")
    sport = p.phone.local[1]
    try:
        sock.until(lambda: path.state(lab, sport) == "TIME_WAIT", "TIME_WAIT", 3)
    except sock.Timeout:
        pass
    t.equal((path.state(lab, sport), p.moved.now("conn_", "opaque_", "reset", "msg_rewritten")),
            ("TIME_WAIT", {"conn_followed": 1, "msg_rewritten": 11}),
            f"FIN of the {who}: followed to its end, which conntrack has seen")
    p.phone.close()
    p.peer.close()


# --- segments, by hand ----------------------------------------------------

def data(heard):
    return [(h.at, h.end) for h in heard if h.data]


def held_and_carried(t, lab):
    c = Case(lab, "carry")
    c.phone.send(c.raw[1][:300])
    c.phone.hear(lambda h: h.ack == SIZE + 300)
    c.counted(t, "half a message", ("seg_", "ack_"), seg_held=1, ack_spoofed=1)
    c.phone.send(c.raw[1][300:])
    c.arrived(t, 2, "the second half takes the first one along")
    c.counted(t, "and the other one", ("seg_", "ack_"), seg_held=1, ack_spoofed=1, seg_carry=1)
    c.w.close()


def stored(t, lab):
    c = Case(lab, "stored")
    c.say(2)
    c.phone.hear()
    t.ok(c.has(c.wants[0]), "behind a gap: it stays here", data(c.peer.heard))
    c.counted(t, "behind a gap", seg_out_of_order=1)
    c.say(1)
    c.arrived(t, 3, "when the gap closes all of it leaves")
    c.w.close()


def not_stored(t, lab):
    c = Case(lab, "store", sack=True)
    c.say(2)
    told = c.phone.hear()
    t.equal((c.has(c.wants[0]), [(h.ack, h.sack) for h in told]), (True, [(SIZE, [])]),
            "behind a gap, no room: it stays here, and the sender is told that it is not there")
    c.counted(t, "behind a gap, no room", seg_not_stored=1)
    c.say(1)
    c.say(2)
    c.arrived(t, 3, "repeated when the gap is closed it arrives")
    c.w.close()


def out_of_window(t, lab):
    """The peer's window is wide, and ours is not: conntrack looks at the former."""
    c = Case(lab, "window", first=False, win=4000)
    c.say(0)
    c.peer.hear(lambda h: h.data)
    c.peer.take(len(c.wants[0]), win=65535)
    edge = max(h.ack + h.win for h in c.phone.hear(lambda h: h.ack == SIZE))
    c.moved = Moved(lab)
    c.phone.send(b"x" * 100, at=edge + 100)
    told = c.phone.hear()
    t.ok(edge < 9000 and c.has(c.wants[0]) and [h.ack for h in told] == [SIZE],
         "beyond our window: it stays here, and the sender is told what is next", (edge, c.peer.heard, told))
    c.counted(t, "beyond our window", seg_out_of_window=1)
    c.say(1)
    c.say(2)
    c.arrived(t, 3, "and nothing of it stays behind")
    c.w.close()


def backlog(t, lab):
    c = Case(lab, "backlog", 8, first=False)
    n = 0
    while n < 8 and not c.moved.now("seg_backlog"):
        c.say(n)
        n += 1
        c.moved.soon(lambda: c.has(b"".join(c.wants[:n])) or c.moved.now("seg_backlog"))
    told = c.w.settle()[0]
    c.arrived(t, n - 1, f"more than hold_max waits: message {n} stays here")
    t.equal(max([h.ack for h in told], default=0), 0, "and nobody acknowledges it")
    c.counted(t, "more than hold_max waits", seg_backlog=1)
    c.peer.take(len(b"".join(c.wants[:n - 1])))
    c.phone.hear(lambda h: h.ack == SIZE * (n - 1))
    c.say(n - 1)
    c.arrived(t, n, "repeated when the receiver has taken some it arrives")
    c.w.close()


def timeout(t, lab):
    c = Case(lab, "rto", size=500)      # so small that time-outs cut nothing off it
    c.say(1)
    c.peer.hear(lambda h: h.data, n=2, patience=5)
    c.peer.take(len(b"".join(c.wants[:2])))
    c.phone.hear(lambda h: h.ack == 2 * c.size)
    c.w.settle(0.1)
    place = len(c.wants[0]), len(b"".join(c.wants[:2]))
    copies = [x for x in data(c.peer.heard) if x[0]]
    t.ok(len(copies) > 1 and set(copies) == {place}, "no acknowledgement: the message is sent again", copies)
    c.counted(t, "no acknowledgement", LOSS, loss_timeout=len(copies) - 1, emit_resent=len(copies) - 1)
    c.arrived(t, 2, "and it is the same")
    c.w.close()


def traversal(t, lab):
    """Packets of a followed connection turn out to be for the router itself."""
    c = Case(lab, "way")
    c.phone.send(c.raw[1][:300])
    c.phone.hear(lambda h: h.ack == SIZE + 300)
    way = ["local", lab.addr("peer1"), "dev", "lo", "table", "local"]
    lab.run("router", "ip", "route", "add", *way)
    c.phone.send(c.raw[1][300:])
    c.moved.wait("opaque_traversal")
    t.ok(c.has(c.wants[0]), "a packet for the router itself: nothing leaves", data(c.peer.heard))
    lab.run("router", "ip", "route", "del", *way)
    c.peer.hear(lambda h: h.data, patience=10)
    c.phone.send(c.raw[1][300:], at=SIZE + 300)
    c.say(2)
    c.arrived(t, c.wants[0] + c.raw[1] + c.raw[2],
              "when the way is there again what was held and what follows arrives as it was written")
    c.counted(t, "a packet for the router itself", FATE, opaque_traversal=1)
    c.w.close()


def expire(lab, c):
    """Bytes on their way, then the end of what conntrack knows."""
    name = "net.netfilter.nf_conntrack_tcp_timeout_established"
    usual = lab.run("router", "sysctl", "-n", name).strip()
    lab.run("router", "sysctl", "-qw", f"{name}=2")
    c.say(1)
    c.phone.send(c.raw[2][:300])
    c.phone.hear(lambda h: h.ack == 2 * SIZE + 300)
    lab.run("router", "sysctl", "-qw", f"{name}={usual}")
    # Whoever lists them ends those that have expired.
    sock.until(lambda: lab.tcp_timeout(c.phone.src[1]) is None, "the entry does not expire")


def expired(t, lab, trace):
    """Conntrack's entry goes while the receiver has not taken what is ours to deliver."""
    c = Case(lab, "expired")
    trace.enable("sip_emit")
    expire(lab, c)
    for end in c.w.ends:
        end.hear(lambda h: h.flags & RST)
    c.w.settle()
    new = [len(b"".join(c.wants[:n])) for n in (1, 2)]
    t.equal([[h.at for h in end.heard if h.flags & RST] for end in c.w.ends], [[0], new],
            "the entry expires with bytes on their way: both ends get a RST that counts")
    c.counted(t, "the entry expires", ENDS, reset=1)
    rows = [(r["dir"], int(r["seq"])) for r in trace.seen("sip_emit") if int(r["flags"], 16) & RST]
    t.equal(sorted(rows), sorted([("orig", (c.phone.isn + 1 + n) % puppet.MOD) for n in new]
                                 + [("reply", c.peer.isn + 1)]), "sip_emit: these RSTs")
    c.leave()


def icmp_traced(t, lab, trace, c):
    """An ICMP error about a message on its way: sip_icmp; the name of the connection."""
    seq, mine = ((c.phone.isn + 1 + n) % puppet.MOD for n in (len(c.wants[0]), SIZE))
    with lab.at("phone1"):
        near = wire.Capture("eth0")
    with lab.at("peer1"):
        wire.unreachable(c.peer.dst, c.peer.src, seq, 4, 640)
    error = sock.until(near.icmp_errors, "the error does not arrive")[0]
    near.close()
    t.equal((error.seq, error.valid), (mine, True), "an ICMP error arrives with the sender's own number")
    rows = trace.seen("sip_icmp")
    conn = rows[0]["conn"] if rows else None
    t.equal(rows, [{"": [], "conn": conn, "dir": "orig", "too_big": "1", "mss": "600", "path_max": "600",
                    "seq": str(seq), "new_seq": str(mine)}], "sip_icmp: what it said, and what it says now")
    c.counted(t, "it", ("icmp_",), icmp_cut=1, icmp_translated=1)
    return conn


def traced(t, lab, trace):
    """Segments that are sent again, smaller; one that is stripped; what is no SIP."""
    c = Case(lab, "traced")
    end = len(b"".join(c.wants))
    trace.enable("sip_icmp", "sip_emit", "sip_segment")
    c.phone.send(b"".join(c.raw[1:]))
    c.peer.hear(lambda h: h.data)
    conn = icmp_traced(t, lab, trace, c)
    c.peer.hear(lambda h: h.data and h.end - h.at <= 600)
    c.peer.take(end)
    c.phone.hear(lambda h: h.ack == 3 * SIZE)
    c.w.settle(0.1)
    emits = {(int(r["seq"]), int(r["len"])) for r in trace.seen("sip_emit") if r["len"] != "0" and r["conn"] == conn}
    heard = {((c.phone.isn + 1 + h.at) % puppet.MOD, h.end - h.at) for h in c.peer.heard if h.data}
    t.ok(((c.phone.isn + 1 + len(c.wants[0])) % puppet.MOD, 600) in emits <= heard,
         "sip_emit: what it was about is sent again, smaller", (emits, heard))
    c.arrived(t, 3, "and the messages arrive")
    c.peer.send(b"\r\n\r\n")
    c.phone.hear(lambda h: h.data)
    c.phone.got = 4
    c.say(1)
    c.peer.hear(lambda h: h.ack == 4)
    c.phone.send(GARBAGE, at=3 * SIZE)
    c.peer.hear(lambda h: h.data)
    rows = [(r["verdict"], int(r["len"]), int(r["new_len"])) for r in trace.seen("sip_segment")
            if r["conn"] == conn and r["dir"] == "orig" and r["len"] != "0"]
    t.equal(rows, [("carry", 2 * SIZE, end - len(c.wants[0])), ("trim", SIZE, 0), ("accept", len(GARBAGE), len(GARBAGE))],
            "sip_segment: carried; a repeat with news trimmed; passed, as it is no SIP")
    c.w.close()


# --- a network of its own -------------------------------------------------

def deaf(lab):
    """Both ends have said FIN, and the peer takes nothing of what is in front of it."""
    c = Case(lab, "deaf")
    c.phone.send(c.raw[1], flags=FIN)
    c.peer.hear(lambda h: h.flags & FIN)
    c.peer.send(flags=FIN)
    c.phone.hear(lambda h: h.flags & FIN)
    return c


def given_up(t, c):
    """20 s behind both FINs."""
    for end in c.w.ends:
        end.hear(lambda h: h.flags & RST, patience=25)
    c.w.settle()
    ends = [len(c.wants[0]), len(b"".join(c.wants[:2])) + 1]
    t.equal([[h.at for h in end.heard if h.flags & RST] for end in c.w.ends], [[0, 1], ends],
            "a receiver that takes nothing is given up: both ends get a RST that counts")
    c.counted(t, "a receiver that takes nothing", ENDS, reset=1)
    seen = c.moved.now(*LOSS)
    t.ok(seen.get("loss_timeout", 0) >= 3, "it has been asked again and again", seen)
    c.leave()


def unloaded(t, lab):
    """The module leaves while it holds half a message: it goes out, and is waited for."""
    Sipnat().set(unload_timeout=60000)
    c = Case(lab, "unload")
    c.phone.send(c.raw[1][:300])
    c.phone.hear(lambda h: h.ack == SIZE + 300)
    # A namespace on its way out still holds it.
    with subprocess.Popen(["sh", "-c", "until rmmod nf_nat_sip_tcp 2>/dev/null; do sleep 0.1; done"]) as rmmod:
        c.moved.wait("opaque_setting")
        c.peer.hear(lambda h: h.data)
        t.ok(c.has(c.wants[0] + c.raw[1][:300]) and rmmod.poll() is None,
             "unloaded: what was held goes out as it was written, and is waited for", data(c.peer.heard))
        c.counted(t, "unloaded", FATE, opaque_setting=1)
        c.peer.take(len(c.wants[0]) + 300)
        rmmod.wait()
    c.phone.send(c.raw[1][300:])
    c.say(2)
    c.arrived(t, c.wants[0] + c.raw[1] + c.raw[2], "what follows arrives in its place, as it was written")
    c.w.close()


def sockets(t, lab):
    prepare(lab)
    for case in not_nated, local, no_syn, syn_data, framing, holding, on_error, halved:
        case(t, lab)
    for who in "phone", "peer":
        half_close(t, lab, who)


def by_hand(t, lab, trace):
    puppet.mute(lab)
    with Settings(lab, **NARROW):
        for case in not_stored, out_of_window, backlog:
            case(t, lab)
    for case in held_and_carried, stored, timeout, traversal:
        case(t, lab)
    expired(t, lab, trace)
    traced(t, lab, trace)


def test(t):
    with Lab(attach="ports", offload="off") as slow:
        puppet.mute(slow)
        waiting = deaf(slow)
        trace = Trace()
        try:
            with Lab(offload="off", phones=2, peers=2, sip_ports=f"5060,{NO_NAT},{OF_ROUTER}") as lab:
                sockets(t, lab)
                by_hand(t, lab, trace)
                lab.check_valid(t)
        finally:
            trace.close()
        given_up(t, waiting)
        unloaded(t, slow)
        slow.check_valid(t)


ktap.main(76, test)
