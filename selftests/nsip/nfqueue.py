# SPDX-License-Identifier: GPL-2.0-only
"""A program at an nfqueue that lets everything pass (linux/netfilter/nfnetlink_queue.h)."""
import select
import socket
import struct
import threading

NETLINK_NETFILTER, SUBSYS_QUEUE = 12, 3
MSG_PACKET, MSG_VERDICT, MSG_CONFIG = 0, 1, 2
A_PACKET_HDR, A_VERDICT_HDR = 1, 2
C_CMD, C_PARAMS, C_MASK, C_FLAGS = 1, 2, 4, 5
CMD_BIND, COPY_META, F_GSO, NF_ACCEPT = 1, 1, 4, 1


def _attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


class Queue:
    """Made within the namespace of the queue; what comes waits while `pass_on` is clear."""

    def __init__(self, num, gso):
        self.num, self.seen, self._on = num, 0, True
        self.pass_on = threading.Event()
        self.pass_on.set()
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.sock.bind((0, 0))
        self._config(_attr(C_CMD, struct.pack("!BxH", CMD_BIND, 0)))
        self._config(_attr(C_PARAMS, struct.pack("!IB", 0, COPY_META)))
        self._config(_attr(C_FLAGS, struct.pack("!I", F_GSO if gso else 0)) +
                     _attr(C_MASK, struct.pack("!I", F_GSO)))

    def _message(self, kind, attrs, flags=1):
        body = struct.pack("!BBH", 0, 0, self.num) + attrs
        return struct.pack("=IHHII", 16 + len(body), SUBSYS_QUEUE << 8 | kind, flags, 0, 0) + body

    def _config(self, attrs):
        self.sock.send(self._message(MSG_CONFIG, attrs, flags=5))
        error = struct.unpack_from("=i", self.sock.recv(4096), 16)[0]
        if error:
            raise OSError(-error, "nfqueue")

    def run(self):
        """Until stop()."""
        while self._on:
            if not select.select([self.sock], [], [], 0.1)[0]:
                continue
            msg = self.sock.recv(1 << 16)
            # The packet header is the first attribute.
            if struct.unpack_from("=H", msg, 4)[0] != SUBSYS_QUEUE << 8 | MSG_PACKET:
                continue
            ident = struct.unpack_from("!I", msg, 24)[0]
            self.seen += 1
            self.pass_on.wait()
            self.sock.send(self._message(MSG_VERDICT, _attr(A_VERDICT_HDR, struct.pack("!II", NF_ACCEPT, ident))))
        self.sock.close()

    def stop(self):
        self._on = False
