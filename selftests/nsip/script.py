# SPDX-License-Identifier: GPL-2.0-only
"""Call flows that selftests/calls has made and written down, and their texts.

A text has marks where a port stands that nobody knows beforehand, because a
kernel chooses it: {o3} is the public port of connection 3.  Whoever reads a
message finds out what such a mark is, and from then on it is that.
"""
import json
import os
import re
import subprocess
import tempfile

from .ktap import Skip

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "calls")
BUILT = "/usr/local/libexec/nsip/calls"
MARK = re.compile(r"\{([iolm]\d+|n)\}")
DIGITS = re.compile(r"[1-9]\d{0,4}")
LENGTH = "n"            # of the body, whatever is in it


def generator():
    """The program; a guest of the test bed has it, elsewhere it is compiled."""
    if os.path.exists(BUILT):
        return BUILT
    out = tempfile.mkdtemp(prefix="nsip-")
    try:
        subprocess.run(["make", "-s", "-C", SOURCE, "SAN=", "OPT=-O0", f"O={out}", f"-j{os.cpu_count()}", "all"],
                       check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError as e:
        raise Skip("no make here") from e
    return os.path.join(out, "calls")


def written(first, flows):
    """Seeds from `first` on until there are so many flows: a list of steps each."""
    cmd = [generator(), "-w", "-n", str(flows), "-s", str(first)]
    print("#", *cmd, flush=True)
    seeds, steps = [], []
    p = subprocess.run(cmd, check=False, text=True, stdout=subprocess.PIPE)
    for line in p.stdout.splitlines():
        if not line.startswith("{"):
            print("#", line)
            continue
        steps.append(json.loads(line))
        if steps[-1]["do"] == "over":
            seeds.append(steps)
            steps = []
    if p.returncode or steps or not seeds:
        raise RuntimeError(f"{' '.join(cmd)}: {p.returncode}: see above")
    return seeds


def filled(text, ports):
    """What is sent: all of its ports are known."""
    head, body = text.split("\r\n\r\n", 1)
    body = MARK.sub(lambda m: str(ports[m[1]]), body)
    known = {**ports, LENGTH: len(body)}
    return (MARK.sub(lambda m: str(known[m[1]]), head) + "\r\n\r\n" + body).encode()


def _line(line, seen, known):
    """A line with marks, against what is seen; adds to `known`."""
    while (mark := MARK.search(line)) and mark[1] in known:
        line = line[:mark.start()] + str(known[mark[1]]) + line[mark.end():]
    if not mark:
        return line == seen
    start = mark.start()
    port = DIGITS.match(seen, start)
    if not port or line[:start] != seen[:start]:
        return False
    known[mark[1]] = int(port[0])
    return _line(line, seen, known)


def learn(text, message, ports):
    """Reads `message`, which should be `text`; adds to `ports`.  What is wrong, or None."""
    lines, seen = text.split("\r\n"), message.decode("latin-1").split("\r\n")
    known = {**ports, LENGTH: len(message) - message.index(b"\r\n\r\n") - 4}
    for i, line in enumerate(lines):
        if i >= len(seen) or not (line == seen[i] or _line(line, seen[i], known)):
            here = seen[i] if i < len(seen) else "the end"
            return f"{here!r} should be {MARK.sub(lambda m: str(known.get(m[1], m[0])), line)!r}"
    del known[LENGTH]
    ports.update(known)
    return f"{seen[len(lines)]!r} is too much" if len(seen) > len(lines) else None
