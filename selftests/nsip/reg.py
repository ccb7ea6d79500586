# SPDX-License-Identifier: GPL-2.0-only
"""A phone inside that registers with a registrar outside, step by step."""
import re
import socket

from . import sip, sock
from .call import Call


class Phone:    # pylint: disable=too-many-instance-attributes
    """A phone that listens on one port and connects from others, as real ones do."""

    # pylint: disable=too-many-arguments,too-many-positional-arguments
    def __init__(self, lab, host="phone1", v=4, far="peer1", listening=5060, server=None):
        self.lab, self.host, self.v, self.far = lab, host, v, far
        self.me = lab.party(host, v, listening, user=host)
        self.registrar = lab.party(far, v, user="reg")
        self.listener = lab.tcp_listen(host, listening, v)
        # Phones with one registrar share where it listens.
        self.server = server or lab.tcp_listen(far, 5060, v)
        self.near = self.distant = None
        self.asked = self.wrote = None
        self.contact = None         # as the registrar was told: (address, port)
        self.cseq = 0

    @property
    def public(self):
        """The phone as the outside knows it."""
        return self.me.at(addr=self.contact[0], port=self.contact[1])

    def connect(self, sport=0):
        self.near, self.distant = self.lab.tcp_pair(self.host, self.far, self.v, sport=sport,
                                                    listener=self.server)
        return self

    def hang_up(self):
        sock.hang_up(self.near, self.distant)

    def ask(self, *extra, contact=None):
        """REGISTER; as the registrar gets it.  @contact: header lines instead of the usual."""
        self.cseq += 1
        msg = sip.request("REGISTER", self.me, self.registrar, f"reg-{self.host}", self.cseq,
                          uri=f"sip:{self.registrar.host}", extra=extra)
        if contact is not None:
            msg = re.sub(rb"Contact: [^\r]*\r\n", b"".join(c.encode() + b"\r\n" for c in contact),
                         msg)
        self.wrote = msg
        self.near.send(msg)
        self.asked = self.distant.recv_message()
        found = re.search(r"<sip:[^@>]*@(\[[^]]*\]|[^:;>]*)(?::(\d+))?",
                          sip.header(self.asked, "Contact") or "")
        if found:
            self.contact = (found[1].strip("[]"), int(found[2] or 5060))
        return self.asked

    def answer(self, status=200, reason="OK", *extra, expires=None):
        """The registrar's answer, with the Contact it was given; as the phone gets it."""
        extra = list(extra)
        if status == 200 and sip.header(self.asked, "Contact"):
            more = "" if expires is None else f";expires={expires}"
            extra.append(f"Contact: {sip.header(self.asked, 'Contact')}{more}")
        self.distant.send(sip.response(self.asked, status, reason, extra=extra))
        return self.near.recv_message()

    def register(self, expires=3600):
        self.ask(f"Expires: {expires}")
        return self.answer(expires=expires)

    def try_from(self, host):
        """A connection from outside to the public Contact: both ends, or None where refused."""
        if sock.readable(self.listener, 0):
            raise sock.Timeout("a connection that nobody asked for")
        try:
            far = self.lab.tcp_connect(host, 0, self.contact, self.v, patience=5 * sock.SLOW)
        except (ConnectionError, socket.timeout, OSError):
            return None
        if not sock.readable(self.listener, 3 * sock.SLOW):
            far.close()
            return None
        return sock.Tcp(self.listener.accept()[0]).nodelay(), far.nodelay()

    def reachable_from(self, host):
        ends = self.try_from(host)
        if ends:
            sock.hang_up(ends[1], ends[0])
        return bool(ends)

    def called_from(self, host, name="in"):
        """A whole call that comes in through the door: (good, why not)."""
        lab, v = self.lab, self.v
        ends = self.try_from(host)
        if not ends:
            return False, "the connection does not reach the phone"
        near, far = ends
        peer = lab.party(host, v)
        public = self.public
        far.send(sip.invite(peer, public, name, 7000))
        seen = near.recv_message()
        if seen != sip.invite(peer, self.me, name, 7000):
            return False, f"the phone reads {seen!r}"
        near.send(sip.response(seen, 180, "Ringing"))
        far.recv_message()
        near.send(sip.response(seen, 200, "OK", contact=self.me, body=sip.sdp(self.me, 6000)))
        answer = far.recv_message()
        if sip.names(answer, self.me.addr):
            return False, f"inside address left: {answer!r}"
        call = Call(lab, near, far, name, v, host=self.host, far=host)
        call.me, call.public = self.me, public
        call.learn(answer)
        lab.wait_open_has([call.public_rtp], 17)
        media = call.media()
        try:
            if (media.inward(), media.outward()) != (media.expect_inward(), media.expect_outward()):
                return False, f"audio: in {media.phone[0].heard} out {media.peer[0].heard}"
        finally:
            media.close()
        far.send(sip.request("BYE", peer, public, name, 2, to_tag="to-1"))
        near.send(sip.response(near.recv_message(), 200, "OK"))
        far.recv_message()
        sock.hang_up(far, near)
        return True, ""

    def close(self):
        self.listener.close()
        self.server.close()
