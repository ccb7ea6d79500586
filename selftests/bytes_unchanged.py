#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is not SIP passes over port 5060 byte for byte: 10 MB of noise, TLS, HTTP ... (N13)

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060
"""
import hashlib
import os
import select
import subprocess
import tempfile

from nsip import ktap, sock
from nsip.lab import Lab

SIZE = 10_000_000


def pump(a, b, to_b, to_a):
    """Both directions at once; what each end received."""
    left = {a.sock: memoryview(to_b), b.sock: memoryview(to_a)}
    got = {a.sock: bytearray(), b.sock: bytearray()}
    want = {a.sock: len(to_a), b.sock: len(to_b)}
    while any(len(got[s]) < want[s] for s in got):
        r, w, _ = select.select(list(got), [s for s in left if left[s]], [], sock.PATIENCE)
        if not r and not w:
            break
        for s in r:
            got[s] += s.recv(1 << 18)
        for s in w:
            left[s] = left[s][s.send(left[s][:1 << 16], 0x40):]
    return bytes(got[b.sock]), bytes(got[a.sock])


def digest(data):
    return len(data), hashlib.sha256(data).hexdigest()


def noise(t, lab, v):
    a, b = lab.tcp_pair(v=v)
    up, down = os.urandom(SIZE), os.urandom(SIZE)
    got_up, got_down = pump(a, b, up, down)
    t.equal(digest(got_up), digest(up), f"IPv{v}: {SIZE} random bytes arrive unchanged from inside")
    t.equal(digest(got_down), digest(down), f"IPv{v}: and {SIZE} others from outside at the same time")
    a.close()
    b.close()


def certificate(path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=peer1", "-days", "9",
                    "-keyout", f"{path}/key", "-out", f"{path}/cert"],
                   check=True, capture_output=True)


def tls(t, lab):
    """A file fetched from openssl s_server over TLS."""
    with tempfile.TemporaryDirectory() as path:
        certificate(path)
        data = os.urandom(300_000)
        with open(f"{path}/file", "wb") as f:
            f.write(data)
        server = subprocess.Popen(
            ["ip", "netns", "exec", lab.netns("peer1"), "openssl", "s_server", "-WWW", "-quiet",
             "-accept", "5060", "-key", f"{path}/key", "-cert", f"{path}/cert"],
            cwd=path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sock.until(lambda: ":5060 " in lab.run("peer1", "ss", "-Hltn", show=False), "s_server")
            client = subprocess.run(
                ["ip", "netns", "exec", lab.netns("phone1"), "openssl", "s_client", "-quiet",
                 "-verify_return_error", "-CAfile", f"{path}/cert", "-ign_eof",
                 "-connect", f"{lab.addr('peer1')}:5060"],
                input=b"GET /file HTTP/1.0\r\n\r\n", capture_output=True, check=False, timeout=60)
        finally:
            server.kill()
            server.wait()
        body = client.stdout.partition(b"\r\n\r\n")[2]
        t.ok(digest(body) == digest(data), "a TLS handshake and 300000 bytes fetched through it",
             f"{len(body)} bytes\n{client.stderr.decode(errors='replace')[-400:]}")


def talks(inside):
    """Protocols, (who writes, text) each; all of them speak of the inside address."""
    page = f"Via: SIP/2.0/TCP {inside}:5060\r\nContact: <sip:a@{inside}>\r\n\r\n".encode()
    length = b"Content-Length: %d\r\n\r\n" % len(page)
    http = f"Host: {inside}\r\n".encode()
    return {
        "HTTP": [("phone", b"GET /a HTTP/1.1\r\n" + http + b"\r\n"),
                 ("peer", b"HTTP/1.1 200 OK\r\n" + length + page),
                 ("phone", b"POST /b HTTP/1.1\r\n" + http + length + page),
                 ("peer", b"HTTP/1.1 204 No Content\r\n\r\n")],
        "RTSP, which looks like SIP": [("phone", b"OPTIONS rtsp://10.1.1.10/x RTSP/1.0\r\nCSeq: 1\r\n" + page),
                                       ("peer", b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")],
        "SMTP, where the server speaks first": [("peer", b"220 mail ESMTP\r\n"),
                                                ("phone", f"EHLO [{inside}]\r\n".encode()),
                                                ("peer", b"250 hello\r\n"), ("phone", b"QUIT\r\n")],
        "SSH": [("peer", b"SSH-2.0-x\r\n"), ("phone", b"SSH-2.0-y\r\n" + bytes(range(256)))],
        "zeros": [("phone", bytes(3000)), ("peer", bytes(3000))],
        "a start line that is never ended": [("phone", b"INVITE" + b"x" * 70000), ("peer", page)],
    }


def others(t, lab, v):
    inside = lab.party("phone1", v).host
    for name, talk in talks(inside).items():
        ends = dict(zip(("phone", "peer"), lab.tcp_pair(v=v)))
        wrong = []
        for who, text in talk:
            ends[who].send_parts([text[i:i + 1000] for i in range(0, len(text), 1000)])
            got = ends["peer" if who == "phone" else "phone"].recv_up_to(len(text))
            wrong += [] if got == text else [(text[:200], got[:200])]
        t.equal(wrong, [], f"IPv{v}: {name} arrives as it was written")
        sock.hang_up(ends["phone"], ends["peer"])


def test(t):
    with Lab(attach="ports") as lab:
        for v in (4, 6):
            noise(t, lab, v)
            others(t, lab, v)
        tls(t, lab)
        if lab.helper == "ours":
            t.equal(lab.counters().get("msg_rewritten"), 0, "no message was rewritten")
        else:
            t.ok(False, "no message was rewritten", "nf_nat_sip_tcp is not at work")
        lab.check_valid(t)


ktap.main(2 * (2 + 6) + 3, test)
