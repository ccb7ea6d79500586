# SPDX-License-Identifier: GPL-2.0-only
"""Audio that never stops: numbered packets, both ways, as long as a test goes on."""
import select
import struct
import threading
import time

PACE = 0.02         # RFC 3551: 20 ms each
HEAD = 12           # bytes of an RTP header


class End:
    """One end: its socket, where it sends to, and where it must hear the other from."""

    def __init__(self, rtp, to, hears):
        self.sock, self.to, self.hears = rtp.sock, to, hears
        self.heard, self.strange = set(), []

    def send(self, n):
        self.sock.sendto(struct.pack("!BBHII", 0x80, 0, n & 0xffff, n * 160, 0x5eed).ljust(172, b"\x7f"),
                         self.to)

    def take(self):
        data, src = self.sock.recvfrom(2048)
        n = struct.unpack_from("!I", data, 4)[0] // 160
        if src[:2] == self.hears:
            self.heard.add(n)
        else:
            self.strange.append((n, src[:2]))


class Audio(threading.Thread):
    """Both directions until stop(); then gaps() says what was not heard, or from elsewhere."""

    def __init__(self, near, far):
        super().__init__(daemon=True)
        self.ends, self.sent, self.errors = (near, far), 0, []
        self._stop_now = threading.Event()
        self.start()

    def _take_all(self, until):
        ends = {e.sock: e for e in self.ends}
        while (wait := until - time.monotonic()) > 0:
            for s in select.select(list(ends), [], [], wait)[0]:
                try:
                    ends[s].take()
                except OSError as e:
                    self.errors.append(e.errno)

    def run(self):
        tick = time.monotonic()
        while not self._stop_now.is_set():
            self.sent += 1
            for end in self.ends:
                try:
                    end.send(self.sent)
                except OSError as e:
                    self.errors.append(e.errno)
            # A machine that was late does not make up for it.
            tick = max(tick + PACE, time.monotonic())
            self._take_all(tick)
        self._take_all(time.monotonic() + 1)

    def stop(self):
        self._stop_now.set()
        self.join()
        return self

    def gaps(self):
        """For each end: numbers that it missed, and packets that came from elsewhere."""
        return [(sorted(set(range(1, self.sent + 1)) - e.heard)[:20], e.strange[:20]) for e in self.ends]
