# SPDX-License-Identifier: GPL-2.0-only
"""Four phones, a server, and what features do with them."""
import contextlib
import threading
import time

from . import net as nets
from .kamailio import Kamailio
from .phone import ANSWER, REGISTER, TALK, Failed, wait

PLACES = {"alice": nets.NEAR, "anna": nets.NEAR2, "bob": nets.OUTSIDE, "carol": nets.BEHIND}


def heard(pairs, what):
    """Each of the pairs (who listens, who speaks) hears the other from now on."""
    marks = [(a, b, a.mark()) for a, b in pairs]

    def missing():
        return [f"{a.user} does not hear {b.user}" for a, b, m in marks if not a.heard(b.user, m)]

    wait(lambda: not missing(), lambda: f"{what}: {', '.join(missing())}", TALK)


def talk(a, b, what="audio"):
    heard([(a, b), (b, a)], what)


def silent(a, b, seconds=1.5):
    """How little a hears of b in that time."""
    mark = a.mark()
    time.sleep(seconds)
    if a.heard(b.user, mark):
        raise Failed(f"{a.user} still hears {b.user}")


def ring(a, b, what="call"):
    """a calls b until it rings there."""
    a.dial(a.uri(b.user))
    begun = time.monotonic()

    def there():
        if b.ringing():
            return True
        # A moment to begin, and one to ring: a refusal ends the call.
        if time.monotonic() - begun > 3 and not a.calls():
            raise Failed(f"{what}: refused, {b.user} does not ring")
        return False
    wait(there, f"{what}: {b.user} does not ring", ANSWER)


def answered(a, b, what="call", before=(0, 0)):
    b.accept()
    wait(lambda: a.established() > before[0] and b.established() > before[1],
         lambda: f"{what}: not established: {a.user} {a.established()}, {b.user} {b.established()}", ANSWER)


def call(a, b, what="call"):
    """A whole call with audio both ways."""
    ring(a, b, what)
    answered(a, b, what)
    talk(a, b, f"{what}: audio")


def end(a, b, what="BYE"):
    """a hangs up; nobody has a call any more."""
    a.hangup()
    wait(lambda: not a.calls() and not b.calls(), lambda: f"{what} of {a.user}: calls stay: {a.user} {a.calls()}, "
         f"{b.user} {b.calls()}", ANSWER)


def held(a, b, hear=talk):
    """A call that each of them holds and resumes; hear(a, b, what) finds audio both ways."""
    call(a, b)
    for holder, other in ((a, b), (b, a)):
        holder.hold()
        silent(holder, other, 2)
        holder.resume()
        hear(a, b, f"resumed by {holder.user}")
    end(b, a)


class Accepting:
    """A phone that takes any call while this lives, as a thread: nobody else may give it
    orders meanwhile.  talks: calls that it has; why: what went wrong."""

    def __init__(self, phone):
        self.phone, self.why, self.talks, self._on = phone, None, 0, True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while self._on:
                if self.phone.ringing():
                    # It rings until the ACK has come, and is refused to be accepted again.
                    with contextlib.suppress(Failed):
                        self.phone.accept()
                self.talks = self.phone.established()
                time.sleep(0.2)
        except Failed as e:
            self.why = e

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._on = False
        self._thread.join()


class Scene:
    """alice and anna behind NAT A, bob outside, carol behind NAT B, and Kamailio.

    near, far   classes of the phones behind NAT A, and elsewhere
    server      what Kamailio's configuration has more: see kamailio.py
    """

    places, settings, host = PLACES, {}, nets.SERVER

    def __init__(self, helper, near, far, **server):
        self.helper, self.near, self.far = helper, near, far
        self.net = nets.Net(helper, **self.settings)
        self.server = Kamailio(self.net, self.host, **server)
        self.others = []        # servers more
        self.phones = {user: (near if user[0] == "a" else far)(self.net, host, user, self.proxy(user))
                       for user, host in self.places.items()}
        self._plain = {}        # how each was started last

    def proxy(self, _user, v=4):
        """Where a user registers."""
        return self.server.proxy(v)

    def __getattr__(self, name):
        try:
            return self.__dict__["phones"][name]
        except KeyError:
            raise AttributeError(name) from None

    # --- before and after a feature ------------------------------------------
    def want(self, *users, **changes):
        """These are up, as always but for `changes`, and registered; all others are off."""
        for user, p in self.phones.items():
            how = {"proxy": self.proxy(user, changes.get("v", 4)), "v": 4, "display": user, "video": False, **changes}
            if user not in users:
                self.off(p)
            elif self._plain.get(user) != how or not p.process or p.process.poll() is not None:
                self.off(p)
                p.restart(**how)
                self._plain[user] = how
                self.register(p)
            elif not p.registered():
                self.register(p)
        return [self.phones[u] for u in users]

    def off(self, phone):
        if phone.process:
            phone.stop()
        self._plain.pop(phone.user, None)

    def register(self, phone):
        phone.register()
        wait(phone.registered, f"REGISTER of {phone.user}: no answer, or refused", REGISTER)

    def tidy(self):
        """No call is left at any phone, whatever happened."""
        for p in self.phones.values():
            if p.process and p.process.poll() is not None:
                self.off(p)
            with contextlib.suppress(Failed, OSError):
                for _ in range(3):
                    if not p.process or not p.calls():
                        break
                    p.hangup()
                    with contextlib.suppress(Failed):
                        wait(lambda phone=p: not phone.calls(), "", 3)
                else:
                    self.off(p)
        for s in self.others:
            s.remove()
        self.others = []
        if not self.server.process:
            self.server.start()
            self.forget()

    def forget(self):
        """Servers know nobody any more: whoever is wanted next begins anew."""
        self._plain.clear()

    def clean(self):
        """Phones off, and the NATs know of nothing: what one cell of another helper left
        behind is not to be the next one's fault."""
        for p in self.phones.values():
            self.off(p)
        for host in self.net.nats.values():
            for what in ("expect", "conntrack"):
                self.net.run(host, "conntrack", "-F", what, show=False, check=False)

    def left(self):
        """What the feature left behind at the NATs."""
        return self.net.wait_left()

    # --- its life --------------------------------------------------------------
    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        for p in self.phones.values():
            with contextlib.suppress(OSError):
                p.remove()
        for s in (*self.others, self.server):
            s.remove()
        self.net.down()

    def logs(self, lines=200):
        """The last words of everybody, for a cell that failed."""
        for name, who in [*self.phones.items(), ("Kamailio", self.server)]:
            if who.process:
                yield f"--- {name}"
                yield from who.log().splitlines()[-lines:]


class Inside(Scene):
    """Kamailio is behind NAT A, which forwards its port; alice is there, too."""

    places = {"alice": nets.NEAR2, "bob": nets.OUTSIDE, "carol": nets.BEHIND}
    settings, host = {"nat": "forward"}, nets.NEAR

    def proxy(self, user, v=4):
        return self.server.proxy(v) if user == "alice" else (self.net.addr("public", v), 5060)

    def __enter__(self):
        # Kamailio speaks for alice: descriptions are of another host than it is.
        if self.helper == "ours":
            self.net.tool("A").set(media_hosts="192.168.122.0/24,fd00:122::/64")
        return super().__enter__()
