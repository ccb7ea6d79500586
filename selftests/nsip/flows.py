# SPDX-License-Identifier: GPL-2.0-only
"""One written seed, played to the router; what it has to be like meanwhile."""
import random
import re
import time
from collections import Counter

from . import sock
from .flowmedia import Media
from .script import filled, learn

# What may end a call, and must not end another, or a dialog too many.
ENDS = re.compile(r"SIP/2\.0 ([3-6]|2(?=.*\r\nCSeq: \d+ BYE\r))", re.DOTALL)
OFTEN, SELDOM = 0.12, 0.02      # how often it is looked at, after a change and without
PATIENCE = 10                   # seconds until the router has done what a message means
# No time passes in a script, and the first timer that a seed may start ends after 30 s:
# what a machine that is as slow as that shows behind it is no fault of the module.
SLOW = 25


class Broken(Exception):
    """A claim does not hold: which, and what was seen."""

    def __init__(self, claim, *why):
        super().__init__(claim)
        self.claim, self.why = claim, [str(w) for w in why]


class Tally(Counter):
    """What was played, of all seeds."""

    def __init__(self):
        super().__init__()
        self.broken = []

    def of(self, claim):
        return [text for name, text in self.broken if name == claim]


class Seed:     # pylint: disable=too-many-instance-attributes
    """The steps of a seed; `taken`: public ports that calls of earlier seeds may have."""

    def __init__(self, net, steps, tally, taken):
        self.net, self.steps, self.tally, self.taken = net, steps, tally, taken
        self.begin = steps[0]
        self.hosts, self.publics = self.begin["hosts"], self.begin["publics"]
        self.v = 6 if ":" in self.publics[0] else 4
        self.anybody = list(dict.fromkeys(self.begin["peers"] + self.begin["servers"]))
        self.dice = random.Random(self.begin["seed"])
        self.media = Media(net)
        self.ports, self.ends, self.ladder = {}, {}, []
        self.calls, self.listens, self.bindings = {}, [], 0     # live calls: (host, doors)
        self.gone = []                                          # public sides of doors
        self.spoke = {}                                         # public side: who has spoken to it

    @staticmethod
    def settings(steps):
        """Those of the router that a seed is made for: names and values."""
        return tuple((k, steps[0][k]) for k in ("media_filter", "signalling_filter", "doors_per_call"))

    # --- what the model wants ----------------------------------------------
    def public(self, door, doors):
        """RTCP that no text has named is one above its RTP, as for any peer."""
        nr, pub, inside, *_ = door
        if f"m{nr}" not in self.ports:
            rtp, = (d[0] for d in doors if d[1:3] == [pub, inside - 1])
            self.ports[f"m{nr}"] = self.ports[f"m{rtp}"] + 1
        return (self.publics[pub], self.ports[f"m{nr}"])

    def doors(self):
        """Each door of a live call: host, door, public side."""
        return [(host, d, self.public(d, doors)) for host, doors in self.calls.values() for d in doors]

    def wanted(self):
        found = [("media", "udp", (self.hosts[host], d[2]), public, bool(d[3]), (d[4], d[5]))
                 for host, d, public in self.doors()]
        for nr, pub, host, inside, who, tcp, udp, has_udp in self.listens:
            public = (self.publics[pub], self.ports.get(f"l{nr}"))
            for name, is_open in (("tcp", tcp), ("udp", udp))[:1 + has_udp]:
                found.append(("signalling", name, (self.hosts[host], inside), public, bool(is_open),
                              (who if is_open else "", 0)))
        return sorted(found)

    # --- the moments at which it is looked at --------------------------------
    def _have(self):
        """What the router has of this seed's hosts: doors, number of calls, of registrations."""
        lists = self.net.lists
        return (sorted(d for d in lists.doors() if d[2][0] in self.hosts),
                sum(a in self.hosts for a in lists.calls()), sum(a in self.hosts for a in lists.bindings()))

    def _compare(self):
        """The kernel works on behind the message: what it has in the end."""
        wanted, doors = (self.wanted(), len(self.calls), self.bindings), None
        self.tally["comparisons"] += 1
        try:
            sock.until(lambda: self._have() == wanted, "", PATIENCE)
            return
        except sock.Timeout:
            doors, calls, bindings = self._have()
        if doors != wanted[0]:
            raise Broken("doors", *(f"the model has {x}" for x in wanted[0] if x not in doors),
                         *(f"the kernel has {x}" for x in doors if x not in wanted[0]))
        if (calls, bindings) != wanted[1:]:
            raise Broken("calls", f"{calls} calls and {bindings} registrations, not {wanted[1]} and {wanted[2]}")

    def look(self, last=False):
        self.tally["moments"] += 1
        self._compare()
        for host, door, public in self.doors():
            self._speak(host, door, public)
        self._speak_to_gone()
        wrong = self.media.settle(last)
        if wrong:
            raise Broken("media", *wrong)

    def _speak(self, host, door, public):
        """Who may, and who may not."""
        nr, _, port, is_open, who, at, _ = door
        inside, what = (self.hosts[host], port), f"door {nr} to {self.hosts[host]}:{port}"
        if not is_open:
            self.media.send(self.media.speaker(self.dice.choice(self.anybody)), public, None, f"{what}, not open")
            return
        speaker = self.media.speaker(who or self.dice.choice(self.anybody), at)
        self.spoke.setdefault(public, []).append(speaker)
        self.media.send(speaker, public, inside, f"{what}, open")
        if who:
            other = self.dice.choice([a for a in self.anybody if a != who])
            self.media.send(self.media.speaker(other), public, None, f"{what}, open for {who}")
        if at:
            self.media.send(self.media.speaker(who), public, None, f"{what}, open for {who} port {at}")

    def _speak_to_gone(self):
        """To what was a door, unless it is another's by now: by new flows and by old ones."""
        used = self.taken | {public for _, _, public in self.doors()}
        for public in self.gone:
            if public in used:
                continue
            strangers = [self.media.speaker(self.dice.choice(self.anybody))]
            for speaker in strangers + self.spoke.pop(public, []):
                self.media.send(speaker, public, None, "a door that is gone")
        self.gone = []

    # --- the steps -----------------------------------------------------------
    def do_begin(self, _):
        self.net.set_all(**dict(self.settings(self.steps)))

    def do_connect(self, step):
        nr = step["conn"]
        self.ends[nr], self.ports[f"i{nr}"], self.ports[f"o{nr}"] = self.net.connect(self.begin, step)
        self.tally["connections"] += 1

    def do_end(self, step):
        sock.hang_up(*self.ends.pop(step["conn"]))

    def do_say(self, step):
        self.ladder.append(step["line"])
        ends = self.ends[step["conn"]]
        wrote = filled(step["wrote"], self.ports)
        try:
            ends[step["from"]].send(wrote)
            message = ends[not step["from"]].recv_message()
        except (sock.Timeout, ConnectionError) as e:
            raise Broken("messages", f"it does not arrive: {e}", wrote.decode()) from e
        wrong = learn(step["read"], message, self.ports)
        if wrong:
            raise Broken("messages", wrong, "written:", wrote.decode(), "read:", message.decode("latin-1"))
        self.tally["messages"] += 1
        changed = self._model(step)
        if self.dice.random() < (OFTEN if changed else SELDOM):
            self.look()
        elif ENDS.match(step["wrote"]):
            self._compare()

    def _model(self, step):
        """What the message means; whether that changes anything."""
        before = (self.calls.get(step["call"]), self.listens, self.bindings)
        old = {self.public(d, before[0][1]) for d in before[0][1]} if before[0] else set()
        self.calls.pop(step["call"], None)
        if step["live"]:
            self.calls[step["call"]] = (step["host"], step["doors"])
        for d in step["doors"]:
            self.media.listen(f"phone{step['host'] + 1}", self.hosts[step["host"]], d[2])
        now = {self.public(d, step["doors"]) for d in step["doors"]}
        self.tally["doors"] += len(now - old)
        self.gone += old - now
        self.listens, self.bindings = step["listens"], step["bindings"]
        return before != (self.calls.get(step["call"]), self.listens, self.bindings)

    def do_over(self, step):
        self.look(last=True)
        self.tally["flows"] += step["flows"]
        self.tally["left to time"] += len(self.calls)

    def play(self):
        started = time.monotonic()
        try:
            for step in self.steps:
                getattr(self, "do_" + step["do"])(step)
        except Broken as e:
            took = time.monotonic() - started
            if took > SLOW:
                self.tally["flows of seeds that took too long"] += self.steps[-1]["flows"]
                return
            self.tally.broken.append((e.claim, "\n".join(
                [f"seed {self.begin['seed']}, {took:.1f} s after its begin, ports {self.ports}:",
                 *self.ladder, *e.why])))
        finally:
            self.taken.update((self.publics[d[1]], self.ports[f"m{d[0]}"])
                              for _, doors in self.calls.values() for d in doors if f"m{d[0]}" in self.ports)
            self.tally["packets"] += self.media.passed
            self.tally["stopped"] += self.media.stopped
            for ends in self.ends.values():
                sock.hang_up(*ends)
            self.media.close()
