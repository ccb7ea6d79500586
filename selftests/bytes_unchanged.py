#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is not SIP passes over port 5060 byte for byte: 10 MB of noise, and TLS.

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


def test(t):
    with Lab(attach="ports") as lab:
        for v in (4, 6):
            noise(t, lab, v)
        tls(t, lab)
        if lab.helper == "ours":
            t.equal(lab.counters().get("msg_rewritten"), 0, "no message was rewritten")
        else:
            t.ok(False, "no message was rewritten", "nf_nat_sip_tcp is not at work")
        lab.check_valid(t)


ktap.main(7, test)
