# SPDX-License-Identifier: GPL-2.0-only
"""The module's tracepoints, read from a buffer of our own."""
import os
import re

from .ktap import Skip

TRACING = "/sys/kernel/tracing"


class Trace:
    """A trace buffer of our own."""

    def __init__(self):
        if not os.path.isdir(f"{TRACING}/events/nf_nat_sip_tcp"):
            raise Skip(f"no {TRACING}/events here: a kernel without CONFIG_EVENT_TRACING")
        self.dir = f"{TRACING}/instances/nsip"
        os.makedirs(self.dir, exist_ok=True)

    def set(self, what, value):
        with open(f"{self.dir}/{what}", "w", encoding="ascii") as f:
            f.write(value)

    def enable(self, *events):
        for e in os.listdir(f"{self.dir}/events/nf_nat_sip_tcp"):
            if e.startswith("sip_"):
                self.set(f"events/nf_nat_sip_tcp/{e}/enable", str(int(e in events)))
        self.set("trace", "")

    def lines(self):
        with open(f"{self.dir}/trace", encoding="latin-1") as f:
            return [x.rstrip() for x in f if not x.startswith("#")]

    def seen(self, event):
        """Fields of each line of an event; words without "=" are in ""."""
        found = []
        for line in self.lines():
            m = re.search(rf" {event}: (.*)", line)
            if m:
                words = [w.rpartition("=")[::2] for w in m[1].split()]
                found.append({k: v for k, v in words if k} | {"": [v for k, v in words if not k]})
        return found

    def close(self):
        self.enable()
        os.rmdir(self.dir)
