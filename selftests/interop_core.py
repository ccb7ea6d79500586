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
import os
import shutil

from interop.baresip import Baresip
from interop.features import FEATURES
from interop.scene import Scene
from interop.table import attempt
from nsip import ktap

CORE = ("register over TCP", "call out", "call in", "hold and resume", "both ends behind NATs")


def test(t):
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


ktap.main(len(CORE) + 1, test)
