#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A phone calls a far end that is somebody else's program: sipp, which echoes audio.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
           fd00:122::3          2001:db8:1::1        2001:db8:1::10
    RTP 6000                                       sipp -sn uas -rtp_echo, RTP 7000
"""
import subprocess
import tempfile

from nsip import ktap, sip, sock
from nsip.lab import Lab


def start_sipp(lab, v, path):
    addr = lab.party("peer1", v).host
    cmd = ["ip", "netns", "exec", lab.netns("peer1"), "sipp", "-sn", "uas", "-t", "t1", "-i", addr,
           "-mi", addr, "-p", "5060", "-mp", "7000", "-rtp_echo", "-m", "1", "-nostdin",
           "-trace_msg", "-message_file", f"{path}/messages", "-timeout", "30"]
    print("# peer1:", *cmd[4:])
    p = subprocess.Popen(cmd, cwd=path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    sock.until(lambda: ":5060 " in lab.run("peer1", "ss", "-Hltn", show=False), "sipp does not listen")
    return p


def call(t, lab, v, path):
    me, to = lab.party("phone1", v), lab.party("peer1", v)
    sipp = start_sipp(lab, v, path)
    try:
        phone = lab.tcp_connect("phone1", 0, (to.addr, 5060), v).nodelay()
        phone.send(sip.invite(me, to, "sipp"))
        answer = phone.recv_final()
        t.equal((sip.start_line(answer), sip.header(answer, "Via").split(";")[0]),
                ("SIP/2.0 200 OK", f"SIP/2.0/TCP {me.hostport}"),
                f"IPv{v}: sipp answers, and the Via comes back as the phone wrote it")
        tag = sip.header(answer, "To").partition("tag=")[2]
        phone.send(sip.request("ACK", me, to, "sipp", to_tag=tag))
        rtp = lab.udp("phone1", 6000, v)
        rtp.send((sip.media_addr(answer), sip.media_port(answer)), 20, b"echo")
        t.equal(rtp.collect(20), [(to.addr, 7000, b"echo")] * 20,
                f"IPv{v}: 20 packets of audio go out and come back")
        phone.send(sip.request("BYE", me, to, "sipp", 2, to_tag=tag))
        t.equal(sip.start_line(phone.recv_message()), "SIP/2.0 200 OK", f"IPv{v}: BYE is answered")
        t.equal(sipp.wait(15), 0, f"IPv{v}: sipp counts one successful call")
        rtp.close()
        phone.close()
    finally:
        sipp.kill()
        sipp.wait()
    with open(f"{path}/messages", "rb") as f:
        log = f.read()
    t.ok(log.count(b"INVITE sip:") == 1 and not sip.names(log, me.addr),
         f"IPv{v}: sipp's log has no inside address outside Call-ID", sip.names(log, me.addr))


def test(t):
    with Lab(attach="ports") as lab:
        for v in (4, 6):
            with tempfile.TemporaryDirectory() as path:
                call(t, lab, v, path)
        t.equal(lab.wait_doors([]), [], "no door is left")
        lab.check_valid(t)


ktap.main(12, test)
