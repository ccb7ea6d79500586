# SPDX-License-Identifier: GPL-2.0-only
"""A few rows in which any two values of any two factors meet."""
import itertools
import random


def _meetings(row):
    return set(itertools.combinations(sorted(row.items(), key=lambda kv: kv[0]), 2))


def rows(factors, seed):
    """Rows {factor: value}, the most telling first; other seeds, other rows."""
    dice = random.Random(seed)
    left = {((a, x), (b, y)) for a, b in itertools.combinations(sorted(factors), 2)
            for x in factors[a] for y in factors[b]}
    while left:
        best, gain = None, -1
        # One meeting that is missing, so that each row is of use.
        must = dict(dice.choice(sorted(left, key=str)))
        for _ in range(30):
            row = {k: must.get(k, dice.choice(v)) for k, v in factors.items()}
            n = len(_meetings(row) & left)
            if n > gain:
                best, gain = row, n
        left -= _meetings(best)
        yield best
