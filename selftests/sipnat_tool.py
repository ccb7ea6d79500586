#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""sipnat: command line, settings, errors, namespaces, completion.

    sipnat ---- generic netlink ---- nf_nat_sip_tcp in two namespaces
"""
import os
import re
import subprocess
import time

from nsip import ktap
from nsip.tool import Sipnat

COMMANDS = ["show", "stats", "set", "trace", "monitor"]

# name: (another value than the default, one that the kernel refuses)
SETTINGS = {
    "ports": ("5070,8000", ",".join(str(n) for n in range(6001, 6018))),
    "debug": ("on", None),
    "ack_delay": ("20", "201"),
    "hold_timeout": ("16000", "999"),
    "unload_timeout": ("5000", "60001"),
    "on_error": ("reset", "2"),
    "header_max": ("8192", "511"),
    "body_max": ("20480", "65536"),
    "hold_max": ("131072", "8191"),
    "mem_max": ("16777216", "1048575"),
    "host_share": ("50", "101"),
    "calls_max": ("1000", "0"),
    "bindings_max": ("2000", "0"),
    "doors_per_call": ("64", "256"),
    "call_timeout": ("7200", "59"),
    "ringing_timeout": ("60", "9"),
    "media_idle": ("120", "86401"),
    "binding_max": ("3600", "604801"),
    "media_filter": ("peer-port", "4"),
    "media_hosts": ("10.0.0.0/8,2001:db8::5", ",".join(f"10.0.{n}.0/24" for n in range(9))),
    "signalling_filter": ("any", "2"),
    "signal_ports": ("5060-5061,5080", "5061-5060"),
    "contact": ("connection", "2"),
    "door_deny": ("1-1024,65535", "5-4"),
    "door_public_ports": ("10000-20000", "20000-10000"),
}

# Arguments, exit status, and what stderr has to say.
WRONG = [
    ("", 1, "Usage: sipnat"),
    ("shwo", 1, 'no command "shwo".*did you mean: show'),
    ("--what stats", 1, "--what"),
    ("stats --details", 1, "stats.*takes no --details"),
    ("stats more", 1, '"more" is too much'),
    ("show", 1, "show: what.*sipnat show --help"),
    ("show call", 1, 'no "call".*did you mean: calls'),
    ("show settings ack_dlay", 1, 'no setting "ack_dlay".*did you mean: ack_delay'),
    ("set", 1, "set: what"),
    ("set ack_delay", 1, "set ack_delay: to what"),
    ("set ack_delay 1 ack-delay 2", 1, "given twice"),
    ("set ack_delay soon", 1, 'ack_delay: "soon" is not a value.*a number.*ms'),
    ("set on_error stop", 1, 'on_error: "stop".*one of: pass, reset'),
    ("set signal_ports 5060,", 1, 'signal_ports: "5060,".*ranges.*"none"'),
    ("set media_hosts 10.0.0.0/33", 1, "media_hosts.*addresses and prefixes"),
    ("set mem_max 1T", 1, "mem_max.*64k, 16M, 1G"),
    ("trace maybe", 1, '"on" or "off"'),
    ("monitor all", 1, '"all" is too much'),
    ("-n no-such-netns stats", 1, 'namespace "no-such-netns".*ip netns'),
    ("set header_max 60000 body_max 60000 hold_max 8192", 2, "hold_max must be at least"),
]

# Words of a line with an unfinished last one, and all that may become of it.
COMPLETED = [
    (["sipnat", "s"], ["show", "stats", "set"]),
    (["sipnat", "-j", "sh"], ["show"]),
    (["sipnat", "show", "c"], ["connections", "calls"]),
    (["sipnat", "show", "settings", "hold_"], ["hold_timeout", "hold_max"]),
    (["sipnat", "set", "media_f"], ["media_filter"]),
    (["sipnat", "set", "media_filter", "p"], ["peer", "peer-port"]),
    (["sipnat", "set", "signalling_filter", "p"], ["peer"]),
    (["sipnat", "set", "ack_delay", "5", "on_"], ["on_error"]),
    (["sipnat", "-n", "tool-a", "set", "debug", "o"], ["on", "off"]),
    (["sipnat", "trace", "o"], ["on", "off"]),
    (["sipnat", "stats", "--"], ["--json", "--explain", "--nonzero", "--netns", "--help"]),
    (["sipnat", "--netns", "tool-"], ["tool-a", "tool-b"]),
]


def run(*cmd):
    subprocess.run(cmd, check=True)


def unload():
    """Namespaces of earlier tests may hold it for a moment."""
    for _ in range(100):
        if not os.path.isdir("/sys/module/nf_nat_sip_tcp"):
            return
        subprocess.run(["rmmod", "nf_nat_sip_tcp"], check=False, stderr=subprocess.DEVNULL)
        time.sleep(0.05)
    raise RuntimeError("nf_nat_sip_tcp does not unload")


def without_module(t):
    unload()
    for command in ("stats", "show settings", "show calls", "set debug on", "monitor"):
        p = Sipnat().run(*command.split())
        t.ok(p.returncode == 2 and not p.stdout and "modprobe nf_nat_sip_tcp" in p.stderr,
             f"{command} without the module: 2, and what to do", p)


def helps(t):
    p = Sipnat().run("--help")
    t.ok(p.returncode == 0 and not p.stderr and all(f"\n  {c} " in p.stdout for c in COMMANDS),
         "--help names all commands", p)
    for c in COMMANDS:
        p = Sipnat().run(c, "--help")
        t.ok(p.returncode == 0 and not p.stderr and p.stdout.startswith("Usage: sipnat ")
             and f" {c}" in p.stdout.splitlines()[0], f"{c} --help", p)
    p = Sipnat().run("set", "-h")
    t.equal([n for n in SETTINGS if f"\n  {n} " not in p.stdout], [], "set -h names all settings")
    p = Sipnat().run("-V")
    t.ok(p.returncode == 0 and re.fullmatch(r"sipnat [0-9.]+\n", p.stdout), "-V", p)
    p = subprocess.run(["mandoc", "/usr/local/share/man/man8/sipnat.8"], check=False,
                       capture_output=True, text=True)
    t.ok(p.returncode == 0 and "EXIT STATUS" in re.sub(".\b", "", p.stdout),
         "the man page is installed", p)


def errors(t, tool):
    before = tool.text("show", "settings")
    for args, status, says in WRONG:
        p = tool.run(*args.split())
        t.ok(p.returncode == status and not p.stdout and re.search(says, p.stderr, re.S),
             f"sipnat {args}: {status}, {says}", p)
    t.equal(tool.text("show", "settings"), before, "none of it changed a setting")
    p = subprocess.run("sipnat stats >/dev/full", shell=True, check=False,
                       capture_output=True, text=True)
    t.ok(p.returncode == 2 and "cannot write" in p.stderr, "a full disk: 2", p)


def rows(tool, *names):
    """Settings as text, without the head."""
    lines = tool.text("show", "settings", *names).splitlines()
    return [x.split() for x in lines[1:]]


def settings(t, tool, other):
    default = rows(tool)
    t.same(sorted(x[0] for x in default), sorted([*SETTINGS, "mem_total"]),
           "the settings of the module are those that the tool has names for")
    t.equal({len(x) for x in default}, {3}, "three columns each")
    t.equal(sorted(tool.show("settings")), sorted(x[0] for x in default), "JSON has the same")
    untouched = rows(other)
    for name, (value, _) in SETTINGS.items():
        p = tool.run("set", name, value)
        t.equal((p.returncode, p.stderr, rows(tool, name)[0][1]), (0, "", value),
                f"{name} {value}: set and read back")
    t.equal(rows(other), untouched, "the other namespace keeps its own")
    for name, (value, bad) in SETTINGS.items():
        if not bad:
            continue
        p = tool.run("set", name, bad)
        t.ok(p.returncode == 2 and f"set {name} {bad}: {name} must be" in p.stderr and
             rows(tool, name)[0][1] == value, f"{name} {bad[:20]}: refused, 2, with what is allowed",
             p)
    tool.text("set", *(x for row in default for x in row[:2] if row[0] != "mem_total"))
    t.equal(rows(tool), default, "what is printed can be set: all at once, back to the defaults")


def memory_of_all(t, tool):
    """mem_total is one for the whole system, and the initial namespace's."""
    here = Sipnat()
    before = rows(here, "mem_total")[0][1]
    here.set(mem_total="128M")
    t.equal({rows(x, "mem_total")[0][1] for x in (here, tool)}, {str(128 << 20)},
            "mem_total 128M: set in the initial namespace, read in all")
    p = tool.run("set", "mem_total", "64M")
    t.ok(p.returncode == 2 and "set mem_total 64M: mem_total is set by" in p.stderr,
         "in another one: refused, 2", p)
    here.set(mem_total=before)
    p = here.run("set", "mem_total", 1)
    t.ok(p.returncode == 2 and "mem_total must be" in p.stderr and
         rows(here, "mem_total")[0][1] == before, "mem_total 1: refused, 2", p)


def settings_as_json(t, tool):
    tool.set(signal_ports="5060-5061,5080", media_hosts="10.0.0.0/8", ports="5070", debug="off",
             door_public_ports="any", media_filter="peer-port", hold_timeout="16s", mem_max="32M")
    seen = tool.show("settings")
    wanted = {"signal_ports": [{"first": 5060, "last": 5061}, {"first": 5080, "last": 5080}],
              "media_hosts": ["10.0.0.0/8"], "ports": [5070], "debug": False,
              "door_public_ports": [], "media_filter": "peer-port", "hold_timeout": 16000,
              "mem_max": 32 << 20}
    t.equal({k: seen.get(k) for k in wanted}, wanted, "JSON: numbers, lists, words; units are read")
    t.equal(tool.json("show", "settings", "ports"), {"ports": [5070]}, "JSON of one setting")
    p = tool.run("set", "ack_delay", 30, "hold_max", 1)
    t.ok(p.returncode == 2 and "nothing was changed" in p.stderr and
         rows(tool, "ack_delay")[0][1] == "10", "several settings: all or none", p)


def trace(t, tool, other):
    for word in ("on", "off"):
        tool.text("trace", word)
        t.equal((rows(tool, "debug")[0][1], rows(other, "debug")[0][1]), (word, "off"),
                f"trace {word}: in this namespace alone")


def permission(t, tool):
    """Without CAP_NET_ADMIN: who looks at numbers may, who looks at people or changes may not."""
    nobody = ["ip", "netns", "exec", tool.netns, "setpriv", "--reuid=65534", "--clear-groups",
              "--bounding-set=-all"]
    here = Sipnat()
    for command, status in (("show settings", 0), ("stats", 0), ("show memory", 0),
                            ("show calls", 2), ("-j show doors", 2), ("monitor", 2),
                            ("set debug on", 2), ("trace off", 2)):
        p = here.run(*command.split(), prefix=nobody)
        t.ok(p.returncode == status and bool(p.stdout) == (not status) and
             (not status or "CAP_NET_ADMIN" in p.stderr), f"nobody: {command}: {status}", p)
    p = Sipnat(tool.netns).run("stats", prefix=nobody[4:])
    t.ok(p.returncode == 2 and "CAP_SYS_ADMIN" in p.stderr, "nobody: -n: 2, and why", p)
    p = Sipnat(f"/run/netns/{tool.netns}").run("stats")
    t.ok(p.returncode == 0, "-n takes a path, too", p)


# What readline does with a line; its words are the arguments.
COMPLETE = r"""
. /usr/share/bash-completion/bash_completion
_completion_loader sipnat
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
function=$(complete -p sipnat | sed 's/.*-F \([^ ]*\).*/\1/')
$function sipnat "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def completion(t):
    for words, wanted in COMPLETED:
        p = subprocess.run(["bash", "-c", COMPLETE, "bash", *words], check=False,
                           capture_output=True, text=True)
        t.ok(sorted(p.stdout.split()) == sorted(wanted) and not p.stderr,
             f"{' '.join(words)}<Tab>: {' '.join(wanted)}", p)


def test(t):
    without_module(t)
    helps(t)
    run("modprobe", "nf_nat_sip_tcp", "ports=0")
    for ns in ("tool-a", "tool-b"):
        run("ip", "netns", "add", ns)
    try:
        a, b = Sipnat("tool-a"), Sipnat("tool-b")
        errors(t, a)
        settings(t, a, b)
        memory_of_all(t, a)
        settings_as_json(t, a)
        trace(t, a, b)
        permission(t, a)
        completion(t)
    finally:
        for ns in ("tool-a", "tool-b"):
            run("ip", "netns", "del", ns)


REFUSED = sum(bad is not None for _, bad in SETTINGS.values())
ktap.main(5 + len(COMMANDS) + 4 + len(WRONG) + 2 + 3 + len(SETTINGS) + 1 + REFUSED + 1 + 3 + 3 + 2 +
          10 + len(COMPLETED), test)
