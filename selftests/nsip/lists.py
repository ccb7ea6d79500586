# SPDX-License-Identifier: GPL-2.0-only
"""Lists of calls, bindings and doors, read over a netlink socket and no more.

For who asks a thousand times: a process for each question would take most of the
time, above all in a guest whose machine is emulated.
"""
import re
import os
import socket
import struct

HEADER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "include/uapi/linux/nf_nat_sip_tcp.h")
NETLINK_GENERIC, GENL_ID_CTRL, CTRL_GETFAMILY = 16, 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
HEAD, GENL, ATTR = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")


def constants():
    """What the header for programs names, each enum counted from its first value."""
    with open(HEADER, encoding="ascii") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.DOTALL)
    found = {}
    for body in re.findall(r"\benum\s*\w*\s*\{([^}]*)\}", text):
        n = 0
        for name, value in re.findall(r"\b(_*SIPNAT_\w+)\s*(?:=\s*(\d+))?\s*,", body):
            n = int(value) if value else n
            found[name] = n
            n += 1
    return found


def attributes(data):
    """Of a message or a nest: {number: bytes}."""
    found, at = {}, 0
    while at + 4 <= len(data):
        n, kind = ATTR.unpack_from(data, at)
        found[kind & 0x3fff] = data[at + 4:at + n]
        at += n + 3 & ~3
    return found


def integer(data):
    return int.from_bytes(data, "little")


def address(data):
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


class Lists:
    """The module's lists in the network namespace of a host of a lab."""

    def __init__(self, lab, host="router"):
        self.name = constants()
        with lab.at(host):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.bind((0, 0))
        self.family = self._family()

    def close(self):
        self.sock.close()

    def _ask(self, family, command, flags, payload=b""):
        """The answers' attributes, up to the end of the answer."""
        body = GENL.pack(command, 1, 0) + payload
        self.sock.send(HEAD.pack(HEAD.size + len(body), family, NLM_F_REQUEST | flags, 1, 0) + body)
        found = []
        while True:
            data, at = self.sock.recv(1 << 18), 0
            while at < len(data):
                n, kind, _, _, _ = HEAD.unpack_from(data, at)
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    error = struct.unpack_from("=i", data, at + HEAD.size)[0] if n > HEAD.size else 0
                    if error:
                        raise OSError(-error, os.strerror(-error))
                    return found
                found.append(attributes(data[at + HEAD.size + GENL.size:at + n]))
                at += n + 3 & ~3

    def _family(self):
        name = b"nf_nat_sip_tcp\0"
        ask = ATTR.pack(4 + len(name), CTRL_ATTR_FAMILY_NAME) + name
        found, = self._ask(GENL_ID_CTRL, CTRL_GETFAMILY, NLM_F_ACK, ask.ljust(len(ask) + 3 & ~3, b"\0"))
        return integer(found[CTRL_ATTR_FAMILY_ID])

    def _dump(self, what):
        return self._ask(self.family, self.name[f"SIPNAT_CMD_{what}_GET"], NLM_F_DUMP)

    def _endpoint(self, data):
        found = attributes(data)
        return (address(found[self.name["SIPNAT_A_ENDPOINT_ADDRESS"]]),
                integer(found.get(self.name["SIPNAT_A_ENDPOINT_PORT"], b"")))

    def calls(self):
        """Their inside addresses."""
        return [address(x[self.name["SIPNAT_A_CALL_INSIDE"]]) for x in self._dump("CALL")]

    def bindings(self):
        return [self._endpoint(x[self.name["SIPNAT_A_BINDING_INSIDE"]])[0] for x in self._dump("BINDING")]

    def doors(self):
        """(kind, transport, inside, public, open, filter) of each; who may send to one that is
        not open is nobody's business."""
        c, found = self.name, []
        kinds = {c["SIPNAT_DOOR_KIND_MEDIA"]: "media", c["SIPNAT_DOOR_KIND_SIGNALLING"]: "signalling"}
        for x in self._dump("DOOR"):
            is_open = integer(x[c["SIPNAT_A_DOOR_STATE"]]) == c["SIPNAT_DOOR_OPEN"]
            who = x.get(c["SIPNAT_A_DOOR_FILTER"]) if is_open else None
            found.append((kinds[integer(x[c["SIPNAT_A_DOOR_KIND"]])],
                          {6: "tcp", 17: "udp"}[integer(x[c["SIPNAT_A_DOOR_TRANSPORT"]])],
                          self._endpoint(x[c["SIPNAT_A_DOOR_INSIDE"]]), self._endpoint(x[c["SIPNAT_A_DOOR_PUBLIC"]]),
                          is_open, self._endpoint(who) if who else ("", 0)))
        return found
