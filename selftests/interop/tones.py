# SPDX-License-Identifier: GPL-2.0-only
"""What a phone says: a melody of its own, and whether somebody heard it.

Each user has a sequence of notes of 100 ms, made from the name, that comes again
every few seconds.  What was heard is cut in pieces of 20 ms; a piece is a note where
one of the frequencies has most of its energy.  As long as five notes stand in the
order of a melody, they are that melody: codecs, a jitter buffer that drops or repeats
a packet and a few lost ones do not matter, another phone's melody and silence do.
"""
import array
import math
import operator
import os
import random
import wave

RATE = 8000
NOTE = 800              # samples of a note
PIECE = 160             # and of a piece that is judged
NOTES = 40              # of a melody, 4 s
FREQUENCIES = tuple(400 + 200 * n for n in range(10))     # each has whole periods in a piece
RUN = 5                 # notes in a row that nobody else has
LOUD = 200              # amplitude below which it is silence
SHARE = 0.6             # of a piece's energy that its note must have

_TABLES = [([math.cos(2 * math.pi * f * i / RATE) for i in range(PIECE)],
            [math.sin(2 * math.pi * f * i / RATE) for i in range(PIECE)]) for f in FREQUENCIES]


def melody(user):
    """The notes of a user, no two alike in a row."""
    dice, notes = random.Random(f"melody of {user}"), []
    while len(notes) < NOTES:
        n = dice.randrange(len(FREQUENCIES))
        if n not in (notes[-1:] + (notes[:1] if len(notes) == NOTES - 1 else [])):
            notes.append(n)
    return notes


def write(path, user, times=75):
    """The melody as a WAV file, 8 kHz, mono, 16 bits, so many times: 75 are five minutes."""
    samples = array.array("h")
    for n in melody(user):
        samples.extend(int(9000 * math.sin(2 * math.pi * FREQUENCIES[n] * i / RATE)) for i in range(NOTE))
    with wave.open(path, "wb") as f:
        f.setparams((1, 2, RATE, 0, "NONE", ""))
        f.writeframes(samples.tobytes() * times)
    return path


def read(path, begin=0):
    """Samples of a WAV file from byte `begin` of its data on, one channel at 8 kHz.

    The head is not believed further than it must be: the file may still be written to,
    or the writer may have been killed.  Other rates: multiples of 8 kHz."""
    try:
        with open(path, "rb") as f:
            head = f.read(44)
            channels, rate = head[22] + 256 * head[23], int.from_bytes(head[24:28], "little")
            f.seek(44 + begin)
            data = f.read()
    except (OSError, IndexError):
        return array.array("h")
    samples = array.array("h", data[:len(data) // 2 * 2])
    return samples[::max(channels, 1) * max(rate // RATE, 1)]


def size(path):
    """Bytes of its data so far: where read() begins to hear only what is new."""
    try:
        return max(os.path.getsize(path) - 44, 0) // 4 * 4
    except OSError:
        return 0


def _note(piece):
    """Which note a piece is, or None."""
    energy = sum(map(operator.mul, piece, piece))
    if energy < LOUD * LOUD * PIECE / 2:
        return None
    for n, (cos, sin) in enumerate(_TABLES):
        a, b = sum(map(operator.mul, piece, cos)), sum(map(operator.mul, piece, sin))
        if (a * a + b * b) * 2 / PIECE > SHARE * energy:
            return n
    return None


def notes(samples):
    """The notes in the order heard, each once however long it stood; None: silence, or no note."""
    heard = []
    for at in range(0, len(samples) - PIECE + 1, PIECE):
        n = _note(samples[at:at + PIECE])
        if not heard or heard[-1] != n:
            heard.append(n)
    # Where two notes meet in one piece it is none of both.
    return [n for i, n in enumerate(heard)
            if n is not None or not 0 < i < len(heard) - 1 or heard[i - 1] == heard[i + 1]]


def matched(heard, user):
    """Notes that stand in runs of a user's melody."""
    tune = melody(user)
    runs = {tuple((tune + tune)[i:i + RUN]) for i in range(NOTES)}
    good = set()
    for i in range(len(heard) - RUN + 1):
        if tuple(heard[i:i + RUN]) in runs:
            good.update(range(i, i + RUN))
    return len(good)
