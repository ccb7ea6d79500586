# SPDX-License-Identifier: GPL-2.0-only
"""Results in the form of the kernel's selftests (KTAP)."""
import signal
import sys
import traceback

PASS, FAIL, SKIP = 0, 1, 4


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Ktap:
    """Counts claims; a claim that was announced and never made is a failure."""

    def __init__(self, plan):
        self.plan, self.made, self.skipped, self.failed = plan, 0, 0, []
        print(f"TAP version 13\n1..{plan}", flush=True)

    def ok(self, good, claim, why=""):
        """One claim; `why` is what was seen instead, printed when it fails."""
        self.made += 1
        print(f"{'ok' if good else 'not ok'} {self.made} {claim}", flush=True)
        if not good:
            self.failed.append(claim)
            for line in str(why).splitlines():
                print(f"#   {line}", flush=True)
        return good

    def skip(self, claim, why):
        """One that cannot be tried here."""
        self.made += 1
        self.skipped += 1
        print(f"ok {self.made} {claim} # SKIP {why}", flush=True)

    def equal(self, seen, wanted, claim):
        return self.ok(seen == wanted, claim, f"wanted {wanted!r}\nseen   {seen!r}")

    def same(self, seen, wanted, claim):
        """As equal(), for long lists: says what is missing and what is too much."""
        missing = [x for x in wanted if x not in set(seen)]
        extra = [x for x in seen if x not in set(wanted)]
        return self.ok(seen == wanted, claim, f"missing {len(missing)}: {missing[:8]}\n"
                       f"too much {len(extra)}: {extra[:8]}")

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def end(self):
        missing = self.plan - self.made
        if missing:
            print(f"# {self.made} claims made of {self.plan}")
        print(f"# Totals: pass:{self.made - len(self.failed) - self.skipped} "
              f"fail:{len(self.failed) + max(missing, 0)} skip:{self.skipped}", flush=True)
        return FAIL if self.failed or missing else PASS


def main(plan, test):
    """Run test(ktap); labs clean up by themselves on any way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAIL))
    t = Ktap(plan)
    try:
        test(t)
    except Skip as e:
        print(f"# SKIP {e}", flush=True)
        sys.exit(SKIP)
    except Exception as e:
        t.ok(False, f"ran to its end ({type(e).__name__}: {e})", traceback.format_exc())
    sys.exit(t.end())
