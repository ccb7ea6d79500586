# SPDX-License-Identifier: GPL-2.0-only
"""A call between a phone inside and a peer outside, step by step."""
from . import sip, sock


class Call:     # pylint: disable=too-many-instance-attributes
    """One call on a connection that may carry others.

    `phone` and `peer` are the two ends of the connection; the phone writes its
    listening port 5060, its source port is another, as with real phones.
    """

    def __init__(self, lab, phone, peer, name="call-1", v=4, rtp=6000, peer_rtp=7000,
                 host="phone1", far="peer1", listening=5060):
        self.lab, self.phone, self.peer, self.name, self.v = lab, phone, peer, name, v
        self.rtp, self.peer_rtp, self.host, self.far = rtp, peer_rtp, host, far
        self.me = lab.party(host, v, listening)
        self.to = lab.party(far, v, peer.local[1])
        self.public = lab.public(v, peer.remote[1])
        self.public_rtp = None      # as the peer was told
        self.advertised = None
        self.seen = None            # the INVITE as the peer got it
        self.answer = None          # the final answer as the phone got it
        self.cseq = 1

    def invite(self, **more):
        """Phone calls; the INVITE as the peer got it."""
        self.sent = sip.invite(self.me, self.to, self.name, self.rtp, cseq=self.cseq, **more)
        self.phone.send(self.sent)
        return self.received()

    def received(self):
        self.seen = self.peer.recv_message()
        self.learn(self.seen)
        return self.seen

    def learn(self, msg):
        """Where the peer is told to send audio."""
        self.public_rtp, self.advertised = sip.media_port(msg), sip.media_addr(msg)

    def reply(self, status, reason, to=None, **more):
        """Peer answers `to` (the INVITE); the answer as the phone got it."""
        self.peer.send(sip.response(to or self.seen, status, reason, contact=self.to, **more))
        return self.phone.recv_message()

    def ring(self):
        return self.reply(180, "Ringing")

    def accept(self):
        """200 with SDP, and the ACK; the 200 as the phone got it."""
        self.answer = self.reply(200, "OK", body=sip.sdp(self.to, self.peer_rtp))
        self.phone.send(sip.request("ACK", self.me, self.to, self.name, self.cseq, to_tag="to-1"))
        self.peer.recv_message()
        return self.answer

    def request(self, method, status, reason, **more):
        """A request of the phone within the call and its answer."""
        self.cseq += method not in ("ACK", "CANCEL")
        more.setdefault("to_tag", "to-1")
        self.phone.send(sip.request(method, self.me, self.to, self.name, self.cseq, **more))
        got = self.peer.recv_message()
        return got, self.reply(status, reason, to=got)

    def bye(self, status=200, reason="OK"):
        return self.request("BYE", status, reason)

    def establish(self):
        self.invite()
        self.ring()
        self.accept()
        return self

    # --- audio -------------------------------------------------------------
    def media(self):
        """Sockets for RTP and RTCP at both ends."""
        lab, v = self.lab, self.v
        return Media(self, [lab.udp(self.host, self.rtp + i, v) for i in (0, 1)],
                     [lab.udp(self.far, self.peer_rtp + i, v) for i in (0, 1)])


class Media:
    """RTP and RTCP sockets of a call's two ends."""

    def __init__(self, call, phone, peer):
        self.call, self.phone, self.peer = call, phone, peer
        self.phone_addr = (call.me.addr, call.rtp)
        self.peer_addr = (call.to.addr, call.peer_rtp)

    @property
    def public(self):
        return (self.call.public.addr, self.call.public_rtp)

    def inward(self, n=5, i=0, mark=b"in"):
        """Peer speaks to the advertised address; what the phone hears."""
        self.peer[i].send((self.call.advertised, self.public[1] + i), n, mark)
        return self.phone[i].collect(n)

    def outward(self, n=5, i=0, mark=b"out"):
        self.phone[i].send((self.peer_addr[0], self.peer_addr[1] + i), n, mark)
        return self.peer[i].collect(n)

    def expect_inward(self, n=5, i=0, mark=b"in"):
        return [(self.peer_addr[0], self.peer_addr[1] + i, mark)] * n

    def expect_outward(self, n=5, i=0, mark=b"out"):
        return [(self.public[0], self.public[1] + i, mark)] * n

    def close(self):
        for s in self.phone + self.peer:
            s.close()


def segments_cut(msg, at):
    """A message in two parts."""
    return [msg[:at], msg[at:]]


def works(lab, v=4, name="probe", sport=0, dport=5060):
    """A whole call: rewritten, audio both ways, doors gone; (bool, why not).

    The short question of tests that are about how the helper is attached.
    """
    try:
        phone, peer = lab.tcp_pair(v=v, sport=sport, dport=dport)
        call = Call(lab, phone, peer, name, v)
        seen = call.invite(branch=name)
        leaks = sip.names(seen, call.me.addr)
        if leaks:
            return False, f"inside address left: {leaks}"
        call.ring()
        call.accept()
        media = call.media()
        try:
            if media.inward() != media.expect_inward():
                return False, f"audio inward: {media.phone[0].heard}"
            if media.outward() != media.expect_outward():
                return False, f"audio outward: {media.peer[0].heard}"
        finally:
            media.close()
        call.bye()
        if lab.wait_doors([]):
            return False, f"doors stay: {lab.doors()}"
        phone.close()
        peer.close()
        return True, ""
    except (sock.Timeout, ConnectionError, OSError) as e:
        return False, f"{type(e).__name__}: {e}"
