#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""rmmod and modprobe at random moments of 50 calls a second: nothing is lost.

    phone1 192.168.122.3 ---- router 10.1.1.1 ---- peer1 10.1.1.10:5060

Connections stay over unloading.  Each byte that was written arrives once and
in order; a message arrives as it was written or translated, nothing between;
what is begun while the module is there is translated.

NSIP_ROUNDS: how often (20), NSIP_RATE: calls a second (50), NSIP_SEED
"""
import os
import random
import subprocess
import time

from nsip import ktap
from nsip.lab import Lab
from nsip.traffic import Traffic

ROUNDS = int(os.environ.get("NSIP_ROUNDS", "20"))
RATE = int(os.environ.get("NSIP_RATE", "50"))
SEED = int(os.environ.get("NSIP_SEED", "1"))
# With the object of a rule the module is in use as long as the rule is there.
VARIANT = os.environ.get("NSIP_ATTACH", "ports")


def command(*cmd):
    p = subprocess.run(cmd, check=False, capture_output=True, text=True)
    return p.stdout + p.stderr if p.returncode else ""


class Module:
    """Loads and unloads, with the rule where there is one."""

    def __init__(self, lab):
        self.lab, self.slowest = lab, 0.0

    def rule(self, what):
        if VARIANT != "nft":
            return
        table = f"table inet {self.lab.id}-helper"
        if what == "delete":
            self.lab.run("router", "nft", "delete", *table.split(), show=False)
            return
        self.lab.run("router", "nft", "-f", "-", show=False, text=f"""{table} {{
            ct helper sip {{ type "sip_tcp" protocol tcp; }}
            chain helper {{
                type filter hook prerouting priority filter;
                tcp dport 5060 ct helper set "sip"
            }}
        }}""")

    def unload(self):
        start = time.monotonic()
        self.rule("delete")
        why = command("rmmod", "nf_nat_sip_tcp")
        # The rule's object goes in the background.
        while "in use" in why and time.monotonic() < start + 10:
            time.sleep(0.05)
            why = command("rmmod", "nf_nat_sip_tcp")
        self.slowest = max(self.slowest, time.monotonic() - start)
        return why

    def load(self):
        why = command("modprobe", "nf_nat_sip_tcp", "ports=" + ("5060" if VARIANT == "ports" else "0"))
        if not why:
            self.rule("add")
        return why


def one_round(module, traffic, dice):
    """Why it failed, or nothing."""
    time.sleep(dice.random() * 0.8)
    traffic.command("leaving")
    why = module.unload()
    if why:
        return why
    if dice.random() < 0.7:
        time.sleep(dice.random() * 0.3)
    why = module.load()
    if why:
        return why
    traffic.command("loaded")
    # It works again: connections made from now on are translated.
    traffic.until("translated", 20)
    return "\n".join(traffic.complaints[:12])


def test(t):
    dice = random.Random(SEED)
    with Lab(attach="ports", timers="real", sip_ports="5060" if VARIANT == "ports" else "0") as lab:
        module = Module(lab)
        module.rule("add")
        traffic = Traffic(lab, rate=RATE, seed=SEED)
        traffic.command("loaded")
        traffic.until("translated", 20)
        why, start, done = "", time.monotonic(), 0
        while done < ROUNDS and not why:
            why = one_round(module, traffic, dice)
            done += not why
        took = time.monotonic() - start
        t.ok(done == ROUNDS, f"{ROUNDS} times unloaded and loaded under traffic", f"{done} times: {why}")
        total = traffic.command("stop", 90)
        t.note(f"{took:.0f} s, unloading took {module.slowest:.2f} s at most, "
               f"{total['calls'] / took:.0f} calls a second: {total}")
        t.equal((total["errors"], traffic.complaints[:12]), (0, []), "each byte arrived once, in order, "
                "in messages of one piece")
        t.equal((total["ended"], total["broken"]), (total["calls"], 0),
                "all calls ended, no connection broke")
        t.ok(total["plain"] > 0 and total["translated"] > 0,
             "messages came translated, and others as they were written", total)
        lab.check_valid(t)


ktap.main(5, test)
