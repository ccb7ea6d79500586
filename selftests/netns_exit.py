#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Namespaces go at random moments while calls run: nothing hangs, nothing stays.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

Router, phone and peer are deleted in any order; the ends that live longer must
not read bytes that nobody wrote to them.  What a namespace has left behind would
hold up the module, which waits for all that are on their way out.

NSIP_ROUNDS: how often (6), NSIP_SEED
"""
import os
import random
import subprocess
import time

from nsip import ktap
from nsip.lab import Lab
from nsip.traffic import Traffic

ROUNDS = int(os.environ.get("NSIP_ROUNDS", "6"))
SEED = int(os.environ.get("NSIP_SEED", "1"))


def unload():
    """Seconds it takes, and why it does not."""
    start = time.monotonic()
    why = "in use"
    # The object of the rule keeps it until its namespace has gone.
    while "in use" in why and time.monotonic() < start + 20:
        p = subprocess.Popen(["rmmod", "nf_nat_sip_tcp"], stderr=subprocess.PIPE, text=True)
        try:
            why = p.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            return 20, "rmmod hangs:\n" + stacks()
        time.sleep(0.02)
    return time.monotonic() - start, why


def stacks():
    """Of all that wait in the kernel for something."""
    with open("/proc/sysrq-trigger", "w", encoding="ascii") as f:
        f.write("w")
    return subprocess.run(["dmesg"], check=False, capture_output=True, text=True).stdout[-6000:]


def one_round(dice, rate):
    """What the ends say about the bytes they read, and how many connections there were."""
    lab = Lab(attach="nft", timers="real", quiet=True)
    traffic = Traffic(lab, connections=6, rate=rate, seed=dice.randrange(1 << 30))
    try:
        traffic.command("loaded")
        traffic.until("translated", 20)
        time.sleep(dice.random() * 0.2)
        total = traffic.command("dying")
        ends = ["router", "phone1", "peer1", None]
        dice.shuffle(ends)
        for end in ends:
            if end is None:
                # Its sockets keep the hosts' namespaces alive.
                traffic.kill()
            elif dice.random() < 0.9:
                subprocess.run(["ip", "netns", "del", lab.netns(end)], check=True)
            time.sleep(dice.random() * 0.3)
        return traffic.complaints, total["connections"]
    finally:
        traffic.kill()
        lab.down()


def test(t):
    dice = random.Random(SEED)
    subprocess.run(["modprobe", "nf_nat_sip_tcp", "ports=0"], check=True)
    complaints, connections, slowest, why = [], 0, 0.0, ""
    done = 0
    while done < ROUNDS and not complaints and not why:
        complaints, n = one_round(dice, 50)
        connections += n
        if dice.random() < 0.5:
            took, why = unload()
            slowest = max(slowest, took)
            subprocess.run(["modprobe", "nf_nat_sip_tcp", "ports=0"], check=True)
        done += not complaints and not why
    t.note(f"{connections} connections, the module took {slowest:.2f} s at most to go")
    t.ok(done == ROUNDS, f"{ROUNDS} times three namespaces go under traffic", f"{done} times")
    t.equal(complaints[:12], [], "none of the ends read a byte that was not for it")
    if not why:
        took, why = unload()
    t.equal(why, "", "the module goes, so nothing of them is left")


ktap.main(3, test)
