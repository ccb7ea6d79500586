# SPDX-License-Identifier: GPL-2.0-only
"""linphonec, driven on a terminal: it reads commands there and says what happens.

It puts the port that it connects from into Via and Contact, and corrects its Contact
from received and rport of the answer: what those say must fit what was made of the
address before.  With a route to the world or without, it is told that there is a network:
else it goes off where the host has no default route.
"""
import contextlib
import os
import re
import select
import time
import wave

from nsip import sock

from .phone import ANSWER, REGISTER, Cannot, Failed, Phone, started, wait
from .program import popen

PROMPT = "linphonec> "
EXPIRES = 120
TRACE = os.environ.get("LINPHONE_DEBUG", "1")       # 5: all its messages, in Phone.log()
# Codecs that it would add by itself.
NOT_WANTED = (("opus", 48000, 2), ("speex", 32000, 1), ("speex", 16000, 1), ("speex", 8000, 1), ("G729", 8000, 1))
CONFIG = """\
[sip]
sip_port=0
sip_tls_port=0
sip_tcp_port={listen}
use_ipv6={v6}
contact="{display}" <{uri}>
guess_hostname=1
default_proxy=0
use_rfc2833=1
use_info=0
register_only_when_network_is_up=0
auto_net_state_mon=0
incoming_calls_early_media={early}
inc_timeout=120
[net]
firewall_policy=0
stun_server=
mtu=0
[rtp]
audio_rtp_port={rtp}
video_rtp_port={video}
[sound]
hold_music=
local_ring=
remote_ring=
echocancellation=0
[misc]
real_early_media=1
[app]
auto_download_incoming_files_max_size=-1
[proxy_0]
reg_proxy=<{proxy};transport=tcp>
reg_route=<{proxy};transport=tcp;lr>
reg_identity="{display}" <{uri}>
reg_expires={expires}
reg_sendregister=0
publish=0
[video]
enabled={on}
display=0
capture={on}
device=StaticImage: Static picture
size=qcif
framerate=5
show_local=0
automatically_initiate={on}
automatically_accept={on}
{codecs}"""
ESTABLISHED = ("Connected", "StreamsRunning", "Pausing", "Paused", "Resuming", "PausedByRemote", "Updating",
               "UpdatedByRemote", "Refered")


class Linphone(Phone):  # pylint: disable=too-many-public-methods
    """One linphonec."""

    kind = "linphone"
    REPLACES = True
    SAME_CONTACT = False    # it says where it connects from

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self._pty, self._text, self._early = None, "", False
        self._video_before = 0

    # --- the program ---------------------------------------------------------
    def start(self):
        os.makedirs(os.path.join(self.dir, ".local/share/linphone"), exist_ok=True)
        codecs = "".join(f"[audio_codec_{n}]\nmime={m}\nrate={r}\nchannels={c}\nenabled={on}\n"
                         for n, (m, r, c, on) in enumerate([("PCMU", 8000, 1, 1), ("PCMA", 8000, 1, 1)]
                                                           + [(*c, 0) for c in NOT_WANTED]))
        rc = os.path.join(self.dir, "linphonerc")
        with open(rc, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(listen=self.SIP, v6=int(self.v == 6), display=self.display, uri=self.uri(),
                                  proxy=self._server(), expires=EXPIRES, rtp=self.RTP, video=self.VIDEO,
                                  early=int(self._early), on=int(self.video), codecs=codecs))
        if self.video:
            self._count_video()
        self._text = ""
        self._pty, slave = os.openpty()
        self.process = popen(self.net, self.host, os.devnull, "linphonec", "-c", rc, "-l", self.path("log"), "-d", TRACE,
                             *(["-V"] if self.video else []), stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True, env=dict(os.environ, HOME=self.dir))
        os.close(slave)
        started(lambda: self._read() and PROMPT in self._text,
                lambda: f"linphonec does not start: {self.log()[-300:]}")
        for line in (f"ipv6 {'enable' if self.v == 6 else 'disable'}", "soundcard use files",
                     f"play {self.said}", f"record {self._heard()}"):
            self.command(line)

    def _server(self):
        return self.uri("").replace("sip:@", "sip:")

    def _silence(self):
        path = os.path.join(self.dir, "silence.wav")
        with wave.open(path, "wb") as f:
            f.setparams((1, 2, 8000, 0, "NONE", ""))
            f.writeframes(bytes(16000 * 60))
        return path

    def _heard(self):
        return os.path.join(self.dir, "heard.wav")

    def stop(self):
        """It unregisters, which it would not do by itself."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(Failed, OSError):
                if self.registered():
                    self.command("unregister")
                    wait(lambda: not self.registered(), "", 10)
                os.write(self._pty, b"quit\n")
                # Having done all it may stay for a while.
                wait(lambda: self._read() is None or self.process.poll() is not None, "", 2)
        self.kill()

    def kill(self):
        super().kill()
        if self._pty is not None:
            os.close(self._pty)
            self._pty = None

    def log(self):
        # What the questions of this file make of it tells nothing.
        said = re.sub(rf"^({PROMPT})?(calls|No active call\.|Call states|Id \|.*|-+|\d+ +\|.*|"
                      r"status register|registered.*)\n", "", self._text, flags=re.M)
        return super().log() + said

    # --- the terminal --------------------------------------------------------
    def _read(self, patience=0.0):
        """All that it wrote since."""
        while self._pty is not None and select.select([self._pty], [], [], patience)[0]:
            try:
                self._text += os.read(self._pty, 1 << 16).decode("utf-8", "replace").replace("\r", "")
            except OSError:
                raise Failed(f"linphonec is gone: {self.log()[-300:]}") from None
            patience = 0.0
        return self._text

    def command(self, line):
        """What it says until it asks for more; other news may be among it.  The terminal
        gives the line back first."""
        begin = len(self._read())
        if self._pty is None:
            raise Failed(f"{self.user}: linphonec does not run")
        os.write(self._pty, f"{line}\n".encode())
        end = time.monotonic() + 20 * sock.SLOW
        while PROMPT not in self._text[begin:].partition(f"{line}\n")[2]:
            self._read(1)
            if time.monotonic() > end:
                raise Failed(f"linphonec does not answer to {line}: {self._text[begin:][-200:]}")
        return self._text[begin:].partition(f"{line}\n")[2]

    def _list(self):
        """Calls as (id, state), in the order of their ids."""
        rows = re.findall(r"^(\d+) *\|[^|\n]*\| (\w+) *\|", self.command("calls"), re.M)
        return sorted((int(n), state) for n, state in rows if state not in ("End", "Released", "Error"))

    def _latest(self, *states):
        found = [n for n, state in self._list() if not states or state in states]
        if not found:
            raise Failed(f"{self.user}: no call {'that is ' + ' or '.join(states) if states else ''}")
        return found[-1]

    # --- registration --------------------------------------------------------
    def register(self):
        self.command(f"register {self.uri()} <{self._server()};transport=tcp> -")

    def registered(self):
        return "registered, identity=" in self.command("status register")

    # --- calls ---------------------------------------------------------------
    def dial(self, uri):
        self._video_before = self._video_so_far()
        self.command(f"call {uri}")

    def ringing(self):
        return any(state in ("IncomingReceived", "IncomingEarlyMedia") for _, state in self._list())

    def accept(self):
        self._video_before = self._video_so_far()
        self.command(f"answer {self._latest('IncomingReceived', 'IncomingEarlyMedia')}")

    def early_media(self, on):
        """Its file says so: it begins anew."""
        was = self.registered()
        self.stop()
        self._early = on
        self.start()
        if was:
            self.register()
            wait(self.registered, f"{self.user}: does not register again", REGISTER)

    def established(self):
        return sum(state in ESTABLISHED for _, state in self._list())

    def calls(self):
        return len(self._list())

    def hold(self):
        """What it plays it also plays to who is on hold."""
        self.command(f"play {self._silence()}")
        self.command("pause")
        wait(lambda: "Paused" in [state for _, state in self._list()], f"{self.user}: not on hold", ANSWER)

    def resume(self):
        self.command(f"play {self.said}")
        self.command(f"resume {self._latest('Paused')}")

    def transfer(self, uri):
        # Who is told dials just that, and there is nothing but TCP.
        self.command(f"transfer {self._latest(*ESTABLISHED)} {uri};transport=tcp")

    def attended(self, uri):
        """With Replaces."""
        first = self._latest(*ESTABLISHED)
        self.hold()
        self.command(f"play {self.said}")
        self.dial(uri)
        wait(lambda: self.established() == 2, f"{self.user}: the call to ask is not established", ANSWER)
        self.command(f"transfer {first} --to-call {self._latest(*ESTABLISHED)}")

    def dtmf(self, digits):
        for digit in digits:
            self.command(digit)
            time.sleep(0.3)     # a digit takes its time, and the next would cut it

    def digits(self):
        return "".join(re.findall(r"Receiving tone (.) from", self._read().rpartition("assigned id")[2]))

    def video_packets(self):
        if not self.video:
            raise Cannot("started without video")
        return self._video_so_far() - self._video_before

    def _video_so_far(self):
        """Packets that came to its port, for it has no display here to show them; those of
        20 bytes only keep NATs open."""
        if not self.video:
            return 0
        text = self.net.run(self.host, "nft", "list", "counter", "inet", "linphone", "video", show=False)
        return int(re.search(r"packets (\d+)", text).group(1))

    def _count_video(self):
        self.net.run(self.host, "nft", "-f", "-", show=False, text=f"""table inet linphone
            delete table inet linphone
            table inet linphone {{
              counter video {{ }}
              chain input {{ type filter hook input priority 0;
                udp dport {self.VIDEO} udp length != 28 counter name video; }}
            }}
            """)

    def hangup(self):
        self.command(f"terminate {self._latest()}")

    # --- audio ---------------------------------------------------------------
    def recorded(self):
        return self._heard() if os.path.exists(self._heard()) else None
