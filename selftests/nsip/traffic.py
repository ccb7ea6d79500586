# SPDX-License-Identifier: GPL-2.0-only
"""Calls by the dozen while something else happens: see traffic/traffic.c."""
import os
import subprocess
import tempfile
import threading

from . import sock
from .ktap import Skip

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "traffic")
_binary = None


def binary():
    """The program, compiled once."""
    global _binary      # pylint: disable=global-statement
    if not _binary:
        _binary = os.path.join(tempfile.mkdtemp(prefix="nsip-"), "traffic")
        cmd = ["gcc", "-O1", "-Wall", "-o", _binary, f"{SOURCE}/traffic.c", f"{SOURCE}/text.c"]
        try:
            subprocess.run(cmd, check=True)
        except FileNotFoundError as e:
            raise Skip("no gcc here") from e
    return _binary


class Traffic:
    """Calls between phone1 and peer1 of a lab."""

    def __init__(self, lab, connections=10, rate=50, seed=1):
        cmd = [binary(), lab.netns("phone1"), lab.netns("peer1"), connections, rate, seed]
        cmd += [lab.addr(host, v) for host in ("phone1", "public", "peer1") for v in (4, 6)]
        cmd = [str(c) for c in cmd]
        print("#", *cmd, flush=True)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.complaints, self.answers, self.last = [], [], {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("error"):
                self.complaints.append(line.rstrip())
                continue
            words = line.split()
            self.answers.append(dict(zip(words[::2], map(int, words[1::2]))))

    def command(self, word, patience=None):
        """What it counted until now."""
        n = len(self.answers)
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        sock.until(lambda: len(self.answers) > n or self.process.poll() is not None,
                   f"the traffic does not answer {word}", patience)
        self._reader.join(0 if self.process.poll() is None else 5)
        if len(self.answers) == n:
            raise RuntimeError(f"the traffic ended with {self.process.returncode}: "
                               + "\n".join(self.complaints[:20]))
        self.last = self.answers[-1]
        return self.last

    def until(self, what, more, patience=30):
        """Until so many more of something are counted."""
        wanted = self.command("stat")[what] + more
        sock.until(lambda: self.complaints or self.command("stat")[what] >= wanted,
                   f"no {more} more {what}", patience)

    def kill(self):
        self.process.kill()
        self.process.wait()
