# SPDX-License-Identifier: GPL-2.0-only
"""The in-tree helper (nf_conntrack_sip, nf_nat_sip) where it does work.

Its failures mean something only after this.
"""
from . import sip


def whole_invite(t, lab):
    """A whole INVITE from port 5060: right, with doors; the connection's ends."""
    phone, peer = lab.tcp_pair(sport=5060)
    me, to = lab.party("phone1"), lab.party("peer1")
    phone.send(sip.invite(me, to, "whole", 5000))
    seen = peer.recv_message()
    t.ok(not sip.names(seen, me.addr) and lab.wait_doors([5000, 5001]) == [5000, 5001],
         "in-tree helper: right on a whole INVITE from port 5060, with two doors",
         f"{sip.names(seen, me.addr)} {lab.doors()}")
    return phone, peer
