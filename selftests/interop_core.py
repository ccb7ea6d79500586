#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Phones and a server that others wrote, unchanged: the core of make interop.

    alice, baresip --- NAT A --.                 .-- bob, baresip
                                >-- Kamailio ---<
                               '                 '-- NAT B --- carol, baresip

The phones register over TCP; each says a melody of its own, and what the others heard
is compared.  Kamailio does nothing about NAT.  All of it, with linphone, sipp and
rtpengine, too: interop/README.rst.
"""
import argparse
import os
import shutil

from interop.baresip import Baresip
from interop.features import FEATURES
from interop.scene import Scene
from interop.table import attempt, chosen
from nsip import ktap

CORE = ("register over TCP", "call out", "call in", "hold and resume", "both ends behind NATs")


def refused(columns, features):
    """Whether make interop does not begin at all with these words."""
    try:
        return not chosen(argparse.Namespace(columns=columns, features=features))
    except SystemExit:
        return True


def test(t):
    t.equal([refused("", "hold,video"), refused("", "hold,vidoe"), refused("baresip", "")], [False, True, True],
            "words that fit no cell are refused: a cell that is not there cannot fail")
    for program in ("kamailio", "baresip"):
        if not shutil.which(program):
            raise ktap.Skip(f"no {program} here")
    with Scene(os.environ.get("HELPER", "ours"), Baresip, Baresip) as scene:
        for name in CORE:
            good, why = attempt(scene, FEATURES[name])
            t.ok(good, name, why)
        for phone in scene.phones.values():
            scene.off(phone)
        t.equal(scene.net.wait_left(registrations=True), [], "when the phones are off nothing is left behind")


ktap.main(len(CORE) + 2, test)
