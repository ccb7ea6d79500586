# SPDX-License-Identifier: GPL-2.0-only
"""All cells for all helpers, and the table of what came of them."""
import contextlib
import importlib
import importlib.util
import os
import time
import traceback

from nsip import intree, ktap, lab

from .baresip import Baresip
from .features import FEATURES
from .phone import Cannot, Failed, Pace
from .scene import Scene

HELPERS = ("ours", "in-tree", "none")
LEAST = 0.4         # of the patience, where nearly all cells fail


def title(helper):
    """Of a table."""
    if helper == "in-tree":
        return f"the in-tree helper, nf_nat_sip {os.environ.get('IN_TREE', '')}".rstrip()
    return {"ours": "nf_nat_sip_tcp", "none": "no helper"}[helper]


class Cell:     # pylint: disable=too-few-public-methods
    """What came of one: good is True, False, or None where it cannot be tried."""

    def __init__(self, good, why="", seconds=0.0):
        self.good, self.why, self.seconds = good, " ".join(str(why).split()), seconds

    def __str__(self):
        return {True: "pass", False: "FAIL", None: "-"}[self.good]


class Pair:
    """A column: phones of one kind behind NAT A, of another elsewhere."""

    def __init__(self, near, far):
        self.near, self.far, self.name = near, far, f"{near.kind}-{far.kind}"
        self.rows = list(FEATURES)

    @contextlib.contextmanager
    def open(self, helper):
        """A function that tries a row; what it needs is there meanwhile."""
        with Scene(helper, self.near, self.far) as scene:
            yield lambda row: attempt(scene, FEATURES[row])
            leaves(scene)


def attempt(scene, feature):
    """One feature, and that it leaves nothing behind; (good, why)."""
    try:
        try:
            feature(scene)
        except Exception as e:
            if scene.helper == "ours" and not isinstance(e, Cannot):
                print(*(f"#     {line}" for line in scene.logs()), sep="\n", flush=True)
            raise
        finally:
            scene.tidy()
            if scene.helper != "ours":
                scene.clean()
        left = scene.left() if scene.helper == "ours" else []
        return not left, f"left behind: {'; '.join(left)}" if left else ""
    except Cannot as e:
        return None, str(e)
    except Exception as e:     # pylint: disable=broad-exception-caught
        return False, str(e) if isinstance(e, Failed) else f"{type(e).__name__}: {e}"


def leaves(scene):
    """When all phones are off, having unregistered."""
    for p in scene.phones.values():
        scene.off(p)
    if scene.helper == "ours" and (left := scene.net.wait_left(registrations=True)):
        raise Failed(f"left behind when all is over: {'; '.join(left)}")


def columns():
    """Those whose drivers are here."""
    kinds, more = [Baresip], []
    for name, cls in (("linphone", "Linphone"), ("sippflows", "Column"), ("rtpengine", "Column")):
        if importlib.util.find_spec(f"interop.{name}"):
            found = getattr(importlib.import_module(f"interop.{name}"), cls)
            if cls == "Column":
                more.append(found())
            else:
                kinds.append(found)
    pairs = [Pair(a, a) for a in kinds] + [Pair(a, b) for a in kinds for b in kinds if a is not b][:1]
    return pairs + more


def shown_working(t):
    """In-tree: its failures mean something only after this."""
    with lab.Lab(helper="in-tree", quiet=True) as one:
        for end in intree.whole_invite(t, one):
            end.close()


class Run:
    """One helper: {(row, column name): Cell}."""

    def __init__(self, helper, cols, words, t):
        self.helper, self.t, self.cells = helper, t, {}
        Pace.factor = LEAST if helper == "none" else 1.0
        for col in cols:
            if rows := wanted(col, words):
                self._column(col, rows)

    def _column(self, col, rows):
        left = list(rows)
        try:
            with col.open(self.helper) as one:
                for row in rows:
                    begun = time.monotonic()
                    good, why = one(row)
                    self._judge(row, col, Cell(good, why, time.monotonic() - begun))
                    left.remove(row)
        except Exception as e:     # pylint: disable=broad-exception-caught
            # A column that breaks takes the cells behind it along, not the other columns.
            print("#", traceback.format_exc().replace("\n", "\n# "), flush=True)
            for row in left or rows[-1:]:
                self._judge(row, col, Cell(False, f"{type(e).__name__}: {e}"))

    def _judge(self, row, col, cell):
        self.cells[row, col.name] = cell
        what = f"{col.name}: {row} ({cell.seconds:.0f} s)"
        if self.helper != "ours":
            print(f"# {self.helper}: {cell}: {what}{': ' if cell.why else ''}{cell.why}", flush=True)
        elif cell.good is None:
            self.t.skip(what, cell.why)
        else:
            self.t.ok(cell.good, what, cell.why)


def split(words):
    return [w.strip().lower() for w in words.split(",") if w.strip()]


def wanted(col, words):
    return [r for r in col.rows if not split(words) or any(w in r.lower() for w in split(words))]


def chosen(args):
    """The columns that are asked for.  What fits none, or no row of theirs, would be a cell
    that cannot fail."""
    cols = columns()
    bad = [n for n in split(args.columns) if n not in [c.name for c in cols]]
    cols = [c for c in cols if not split(args.columns) or c.name in split(args.columns)]
    bad += [w for w in split(args.features) if not any(wanted(c, w) for c in cols)]
    if bad:
        raise SystemExit(f"interop: no such column or feature: {', '.join(bad)}")
    return cols


def text(run, cols):
    """The table for people."""
    rows = list(dict.fromkeys(row for row, _ in run.cells))
    names = [c.name for c in cols]
    wide = max(map(len, rows), default=0)
    lines = [f"{title(run.helper)}:", "", f"{'':{wide}}  " + "  ".join(names)]
    for row in rows:
        cells = [str(run.cells.get((row, n), "")).ljust(len(n)) for n in names]
        lines.append(f"{row:{wide}}  " + "  ".join(cells).rstrip())
    why = [f"  {row}, {name}: {c.why}" for (row, name), c in run.cells.items() if not c.good]
    return "\n".join(lines + ([""] + why if why else []))


def _escaped(word):
    return "".join("\\" + c if c in "*`_|\\" else c for c in word)


def _shown(cell):
    """A cell that is "-" would be an empty list, which looks like none."""
    return "\\-" if str(cell) == "-" else str(cell)


def rst(run, cols):
    """The same, for the documents."""
    rows, names = list(dict.fromkeys(row for row, _ in run.cells)), [c.name for c in cols]
    lines = [f".. list-table:: {title(run.helper)}, {os.uname().release}", "   :header-rows: 1", ""]
    for row in [None, *rows]:
        cells = ["" if row is None else row] + [n if row is None else _shown(run.cells.get((row, n), "")) for n in names]
        lines += [f"   {'*' if i == 0 else ' '} - {c}".rstrip() for i, c in enumerate(cells)]
    why = [f"- {row}, {name}: {_escaped(c.why)}" for (row, name), c in run.cells.items() if not c.good]
    return "\n".join(lines + ([""] + why if why else []) + [""])


def run(args):
    """Exit status: 0 exactly if no cell of ours failed."""
    cols = chosen(args)
    helpers = HELPERS if args.helper == "all" else (args.helper,)
    plan = sum(len(wanted(c, args.features)) for c in cols) if "ours" in helpers else 0
    t = ktap.Ktap(plan + ("in-tree" in helpers))
    runs = []
    for helper in helpers:
        if helper == "in-tree":
            try:
                shown_working(t)
            except ktap.Skip as e:
                t.ok(True, f"in-tree helper # SKIP {e}")
                continue
        runs.append(Run(helper, cols, args.features, t))
    for one in runs:
        print("\n" + text(one, cols), flush=True)
    if args.rst:
        with open(args.rst, "w", encoding="utf-8") as f:
            f.write("\n".join(rst(one, cols) for one in runs))
    return t.end()
