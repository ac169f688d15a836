#!/usr/bin/env python3
"""The evidence of Halftone's guard in Python, as docs/reference.md defines it under "Guard".

    guard.py           prints the golden vectors, docs/guard-vectors.json
    guard.py --check   compares that file with the vectors that this script computes

This script shares no code with the filter. It follows the reference, and both must agree.
"""

import json
import math
import pathlib
import sys

VECTORS = pathlib.Path(__file__).with_name("guard-vectors.json")
ALTERNATIVES = [0.05, 0.2, 0.5, 0.9]
BOUND = math.log(1e6) + math.log(len(ALTERNATIVES))


class Evidence:
    """The evidence against one version. margin is a rate, 0.02 for two percentage points."""

    def __init__(self, margin: float, at_least: int):
        self.margin, self.at_least = margin, at_least
        self.waiting = [0, 0, 0, 0]
        self.failed, self.passed = 0.5, 50.0
        self.logs = [0.0] * len(ALTERNATIVES)
        self.failures = [0] * len(ALTERNATIVES)

    def add(self, n1: int, x1: int, n0: int, x0: int) -> bool:
        """One tick: responses and failures of the version, and of the principal. True: it is failing."""
        n1, x1, n0, x0 = self.waiting = [a + b for a, b in zip(self.waiting, (n1, x1, n0, x0))]
        if n1 == 0 or n0 < 5:
            return False
        self.waiting = [0, 0, 0, 0]
        p0 = min(max(self.failed / (self.failed + self.passed), 1e-4), 0.9)
        for i, theta in enumerate(ALTERNATIVES):
            p1 = theta if theta > p0 + self.margin else min(p0 + self.margin + theta * (1 - p0), 0.99)
            p = (n1 * p1 + n0 * p0) / (n1 + n0)
            self.logs[i] += x1 * math.log(p1 / p) + (n1 - x1) * math.log((1 - p1) / (1 - p))
            self.logs[i] += x0 * math.log(p0 / p) + (n0 - x0) * math.log((1 - p0) / (1 - p))
            if self.logs[i] < 0:
                self.logs[i], self.failures[i] = 0.0, 0
            else:
                self.failures[i] += x1
        self.failed = 0.998 * self.failed + x0
        self.passed = 0.998 * self.passed + n0 - x0
        self.passed += max(50 - self.failed - self.passed, 0)
        return any(log > BOUND and x >= self.at_least for log, x in zip(self.logs, self.failures))


CASES = [
    # What happens, the margin, atLeast, and the ticks.
    ("every response fails, 100 requests a second", 0.02, 3, [[10, 0, 90, 0]] * 5 + [[10, 10, 90, 0]] * 3),
    ("every response fails, 10 requests a second", 0.02, 3, [[1, 1, 9, 0]] * 12),
    ("a fifth fails", 0.02, 3, [[10, 0, 90, 1], [10, 2, 90, 0], [10, 3, 90, 1], [10, 1, 90, 0]] * 4),
    ("both fail at the same rate", 0.02, 3, [[10, 0, 90, 1], [10, 1, 90, 0], [10, 0, 90, 1]] * 8),
    ("both have an outage", 0.02, 3, [[10, 0, 90, 0]] * 3 + [[10, 9, 90, 88]] * 10),
    ("ticks with little traffic are joined", 0.02, 3, [[0, 0, 3, 0], [1, 1, 1, 0], [0, 0, 1, 0], [1, 1, 4, 0]] * 12),
    ("a version may fail by the margin", 0.2, 3, [[20, 3, 80, 0]] * 10),
    ("one failure is no evidence", 0.0, 1, [[1, 1, 5, 0]]),
    ("atLeast delays a verdict", 0.02, 20, [[10, 5, 990, 1]] * 6),
    ("the principal fails more often than the largest alternative", 0.02, 3, [[5, 5, 45, 44], [5, 4, 45, 45]] * 6),
]


def vectors() -> list:
    rows = []
    for what, margin, at_least, ticks in CASES:
        evidence = Evidence(margin, at_least)
        verdicts = [(evidence.add(*tick), list(evidence.logs)) for tick in ticks]
        rows.append(
            {
                "what": what,
                "margin": margin,
                "atLeast": at_least,
                "ticks": ticks,
                "failing": [failing for failing, _ in verdicts],
                "logs": [[round(log, 6) for log in logs] for _, logs in verdicts],
            }
        )
    return rows


def main() -> int:
    rows = [json.dumps(row, ensure_ascii=False) for row in vectors()]
    text = "[\n " + ",\n ".join(rows) + "\n]\n"
    if sys.argv[1:] == ["--check"]:
        if VECTORS.read_text(encoding="utf-8") != text:
            print(f"{VECTORS.name} differs from the vectors that this script computes", file=sys.stderr)
            return 1
        return 0
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
