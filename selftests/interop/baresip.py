# SPDX-License-Identifier: GPL-2.0-only
"""baresip, driven over ctrl_tcp: netstrings with JSON in them.

It puts the port that it listens on into Contact and Via and connects from another, so
that a server opens a second connection to it: one dialog, two connections.
"""
import itertools
import json
import os
import re
import select
import socket
import time

from nsip import sock

from .phone import Cannot, Failed, Phone, started

CONTROL = 4444
MODULES = "/usr/lib/baresip/modules"
CONFIG = """\
poll_method		epoll
sip_listen		{listen}
call_local_timeout	120
call_max_calls		4
audio_path		{dir}
audio_player		aufile,{dir}/heard.wav
audio_source		aufile,{said}
audio_alert		aufile,{dir}/alert.wav
ausrc_srate		8000
auplay_srate		8000
ausrc_channels		1
auplay_channels		1
audio_level		no
rtp_ports		{rtp}-{rtp_last}
rtp_stats		yes
jitter_buffer_type	fixed
jitter_buffer_delay	3-10
ring_aufile		none
ringback_aufile		none
ringback_disabled	yes
module_path		{modules}
module			g711.so
module			aufile.so
{video}module_app		menu.so
module_app		ctrl_tcp.so
ctrl_tcp_listen		127.0.0.1:{control}
"""
VIDEO = """\
module			vp8.so
module			fakevideo.so
video_source		fakevideo,nil
video_display		fakevideo,nil
video_size		176x144
video_fps		5
video_bitrate		100000
"""


class Baresip(Phone):   # pylint: disable=too-many-public-methods
    """One baresip."""

    kind = "baresip"
    EARLY_SENDS = False
    EXPIRES = 20        # it registers again when most of this is over

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self._control, self._buf, self._events = None, b"", []
        self._tokens, self._early = itertools.count(1), False

    # --- the program ---------------------------------------------------------
    def start(self):
        self._early, self._buf, self._events = False, b"", []
        listen = f"[::]:{self.SIP}" if self.v == 6 else f"0.0.0.0:{self.SIP}"
        with open(os.path.join(self.dir, "config"), "w", encoding="ascii") as f:
            f.write(CONFIG.format(listen=listen, dir=self.dir, said=self.said, rtp=self.RTP, rtp_last=self.RTP + 7,
                                  modules=MODULES, video=VIDEO if self.video else "", control=CONTROL))
        for name in ("accounts", "contacts"):
            with open(os.path.join(self.dir, name), "w", encoding="ascii"):
                pass
        self.popen("baresip", f"-{self.v}", "-f", self.dir, "-s")
        self._connect()
        self.command("uanew", f"{self._account()};regint=0")

    def _connect(self):
        def there():
            if self.process.poll() is not None:
                raise Failed(f"baresip ended: {self.log()[-300:]}")
            try:
                with self.net.at(self.host):
                    return socket.create_connection(("127.0.0.1", CONTROL), 5)
            except OSError:
                return None
        self._control = started(there, lambda: f"baresip does not start: {self.log()[-300:]}")

    def _account(self):
        return f'"{self.display}" <{self.uri()};transport=tcp>;ptime=20;answermode=manual;call_transfer=yes'

    def kill(self):
        super().kill()
        if self._control:
            self._control.close()
            self._control = None

    def log(self):
        lines = re.sub(r"\x1b\[[0-9;]*m", "", super().log()).replace("\r", "\n").split("\n")
        return "\n".join(x for x in lines if x.strip() and "(bit/s)" not in x)

    # --- ctrl_tcp ------------------------------------------------------------
    def _messages(self, patience):
        """Those that have come, at least one; none if patience is over."""
        found = []
        while not found and select.select([self._control], [], [], patience)[0]:
            more = self._control.recv(1 << 16)
            if not more:
                raise Failed(f"baresip is gone: {self.log()[-300:]}")
            self._buf += more
            while (m := re.match(rb"(\d+):", self._buf)) and len(self._buf) > m.end() + int(m.group(1)):
                end = m.end() + int(m.group(1))
                found.append(json.loads(self._buf[m.end():end].decode("utf-8", "replace"), strict=False))
                self._buf = self._buf[end + 1:]
        return found

    def command(self, name, params=""):
        """What it says, and whether it did it."""
        token = str(next(self._tokens))
        text = json.dumps({"command": name, "params": params, "token": token}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))
        end, answer = time.monotonic() + 20 * sock.SLOW, None
        while answer is None and time.monotonic() < end:
            for m in self._messages(1):
                if m.get("response") and m.get("token", token) == token:
                    answer = m
                else:
                    self._events.append(m)
        if answer is None:
            raise Failed(f"baresip does not answer to {name}")
        return re.sub(r"\x1b\[[0-9;]*m", "", answer.get("data") or ""), answer.get("ok")

    def say(self, name, params=""):
        text, good = self.command(name, params)
        if not good:
            raise Failed(f"{self.user}: baresip refuses {name} {params}: {text.strip()}")
        return text

    def events(self, kind):
        """All of one type, in their order."""
        while more := self._messages(0):
            self._events += more
        return [m for m in self._events if m.get("type") == kind]

    # --- registration --------------------------------------------------------
    def register(self):
        """While there is a call it does so by itself, soon; else as a new account."""
        if self.calls():
            return
        self.say("uadelall")
        self.say("uanew", f"{self._account()};regint={self.EXPIRES}")

    def registered(self):
        return bool(re.search(r"\bOK\b", self.command("reginfo")[0]))

    # --- calls ---------------------------------------------------------------
    def _lines(self):
        return re.findall(r"\b(IDLE|INCOMING|OUTGOING|RINGING|EARLY|ESTABLISHED|TERMINATED)\b",
                          self.command("listcalls")[0])

    def dial(self, uri):
        self.say("dial", uri)       # it adds the account's transport

    def ringing(self):
        return any(x in ("INCOMING", "EARLY") for x in self._lines())

    def accept(self):
        self.say("accept")

    def early_media(self, on):
        self.say("answermode", "early" if on else "manual")

    def established(self):
        return self._lines().count("ESTABLISHED")

    def calls(self):
        return len(self._lines())

    def hold(self):
        self.say("hold")

    def resume(self):
        # "Invalid argument" is what it says of a file that the player has open; it does it.
        self.command("resume")

    def transfer(self, uri):
        self.say("transfer", f"{uri};transport=tcp")

    def dtmf(self, digits):
        self.say("sndcode", digits)

    def digits(self):
        return "".join(m.get("param", "") for m in self.events("CALL_DTMF_START"))

    def video_packets(self):
        if not self.video:
            raise Cannot("started without video")
        shown = re.search(r"vidisp: .* frames=(\d+)", self.command("video_debug")[0])
        return int(shown.group(1)) if shown else 0

    def hangup(self):
        self.command("hangup")

    def recorded(self):
        path = os.path.join(self.dir, "heard.wav")
        return path if os.path.exists(path) else None
