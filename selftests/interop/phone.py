# SPDX-License-Identifier: GPL-2.0-only
"""What the features ask of a phone, whoever wrote it.

A driver is a class made from Phone, for one program.  It implements what raises
NotImplementedError here, and what its program cannot do raises Cannot, with the reason:
the cell then says "-", not that something failed.  A phone lives in one host of the
network, its files in a directory of its own (self.dir).

All methods return when the program has taken the order; what must then happen is
waited for with wait(), which raises Failed with what was seen instead.  Nothing sleeps
for a fixed time.
"""
import time

from nsip import sock

from . import tones
from .program import Program

# Under emulation everything takes its time; what is said here is when to give up.
START, REGISTER, ANSWER, TALK = 30, 30, 40, 25
ENOUGH = 12             # notes of a melody, 1.2 s, to say that it was heard


class Failed(Exception):
    """What had to happen did not; the text is the reason that the table prints."""


class Cannot(Exception):
    """The program does not have this; the text says what is missing."""


class Pace:     # pylint: disable=too-few-public-methods
    """How patient wait() is: less where nearly all cells fail."""
    factor = 1.0


def wait(condition, what, patience=ANSWER, paced=True):
    """Poll until condition() is true; its value.  Failed(what) when patience is over;
    `what` may be a function that says what there was instead."""
    end = time.monotonic() + patience * sock.SLOW * (Pace.factor if paced else 1)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(what() if callable(what) else what)
        time.sleep(0.1)


def started(condition, what):
    """wait() for a program that starts: no helper has a part in that."""
    return wait(condition, what, START, paced=False)


class Phone(Program):    # pylint: disable=too-many-public-methods
    """One phone of one user.

    net     the network it is in (net.py, made from nsip.lab.Lab): popen() of program.py runs
            a program there, net.at(host) makes sockets there, net.addr(host, v)
    host    where in the network it runs
    user    its name in the domain; what it says is tones.melody(user)
    proxy   (address or name, port) of the server it registers at, over TCP, and by which
            all requests go that have no other route
    v       4 or 6
    display its display name; start() is when that counts.  A long one makes long headers
    video   whether its calls have video, and incoming ones are accepted with it; likewise
    """

    kind = "phone"          # name in the table
    SIP, RTP, VIDEO = 5060, 10000, 10100    # the same ports in all of them, to collide at a NAT:
                            # listening port of SIP (where a program connects from another),
                            # first one of audio, and of video

    SAME_CONTACT = True     # after power off and on it is found where it said that it was before
    REPLACES = False        # RFC 3891: whoever makes, follows or gets it
    EARLY_SENDS = True      # when it answers with 183 it sends audio before it is accepted

    # pylint: disable=too-many-arguments,too-many-positional-arguments,too-many-instance-attributes
    def __init__(self, net, host, user, proxy, v=4):
        super().__init__(net, host, user)
        self.user, self.proxy, self.v = user, proxy, v
        self.display, self.video = user, False
        self.said = tones.write(self.path(f"{user}.wav"), user)

    # --- names ---------------------------------------------------------------
    def uri(self, user=None):
        """sip:user@server, as one dials it: the domain is the registrar's address."""
        addr, port = self.proxy
        at = f"[{addr}]" if ":" in addr else addr
        return f"sip:{user or self.user}@{at}" + (f":{port}" if port != 5060 else "")

    # --- the program ---------------------------------------------------------
    def start(self):
        """Begin the program; it can be ordered about when this returns.  Nothing is
        registered yet."""
        raise NotImplementedError

    def restart(self, **changes):
        """Power off and on again with the same configuration but for `changes`: proxy, v,
        display, video.  It does not register by itself."""
        self.kill()
        for name, value in changes.items():
            setattr(self, name, value)
        self.start()

    # --- registration --------------------------------------------------------
    def register(self):
        """REGISTER over TCP to self.proxy, or anew if it is registered."""
        raise NotImplementedError

    def registered(self):
        """Whether the phone itself says that it is."""
        raise NotImplementedError

    # --- calls; where there are two, orders are for the latest -----------------
    def dial(self, uri):
        """Call; self.video says whether there is a video stream, too."""
        raise NotImplementedError

    def ringing(self):
        """An incoming call waits for an answer here."""
        raise NotImplementedError

    def accept(self):
        """Answer the incoming call."""
        raise NotImplementedError

    def early_media(self, on):
        """From now on incoming calls are answered at once with 183, a description and
        audio, and ringing() says so until accept(); off: with 180 as ever."""
        raise NotImplementedError

    def established(self):
        """Number of calls that are established, held ones included."""
        raise NotImplementedError

    def calls(self):
        """Number of calls in any state."""
        raise NotImplementedError

    def hold(self):
        """re-INVITE that says a=sendonly or inactive."""
        raise NotImplementedError

    def resume(self):
        raise NotImplementedError

    def transfer(self, uri):
        """Blind: REFER of the present call to uri."""
        raise NotImplementedError

    def attended(self, uri):
        """Put the present call on hold, call uri, and when that talks (wait for it in here)
        connect both: REFER with Replaces.  Of those with REPLACES."""
        raise Cannot("no Replaces")

    def ask_and_transfer(self, uri):
        """The same where one of the three has no Replaces: the call to ask ends, then REFER."""
        self.hold()
        self.dial(uri)
        wait(lambda: self.established() == 2, f"{self.user}: the call to ask is not established", ANSWER)
        self.hangup()
        wait(lambda: self.calls() == 1, f"{self.user}: the call to ask does not end", ANSWER)
        self.transfer(uri)

    def dtmf(self, digits):
        """Send digits in the present call (RFC 4733 events)."""
        raise NotImplementedError

    def digits(self):
        """All digits received in the present call so far, a string."""
        raise NotImplementedError

    def video_packets(self):
        """Packets of video received, or frames shown, in the present call so far."""
        raise NotImplementedError

    def hangup(self):
        """BYE, CANCEL or a refusal: the present call ends."""
        raise NotImplementedError

    # --- audio ---------------------------------------------------------------
    def recorded(self):
        """Path of the WAV file with what is heard at the moment, or None."""
        raise NotImplementedError

    def mark(self):
        """Forget what was heard until now: a token for notes_of()."""
        path = self.recorded()
        return (path, tones.size(path) if path else 0)

    def notes_of(self, user, mark=None):
        """How many notes of that user's melody were heard since the mark."""
        path = self.recorded()
        if not path:
            return 0
        begin = mark[1] if mark and mark[0] == path else 0
        if tones.size(path) < begin:        # begun anew since
            begin = 0
        return tones.matched(tones.notes(tones.read(path, begin)), user)

    def heard(self, user, mark=None):
        """Whether it is enough of that user's melody."""
        return self.notes_of(user, mark) >= ENOUGH
