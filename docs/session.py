#!/usr/bin/env python3
"""The session function of Halftone in Python, as docs/reference.md defines it under "Sessions".

    session.py           prints the golden vectors, docs/session-vectors.json
    session.py --check   compares that file with the vectors that this script computes

This script shares no code with the filter. It follows the reference, and both must agree.
"""

import json
import pathlib
import struct
import sys

MASK = (1 << 64) - 1
VECTORS = pathlib.Path(__file__).with_name("session-vectors.json")


def xxh64(data: bytes, seed: int = 0) -> int:
    """The XXH64 of data, as its author specifies it (xxHash fast digest algorithm, version 0.1.1)."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def rotl(x, r):
        return ((x << r) | (x >> (64 - r))) & MASK

    def word(at, size):
        return int.from_bytes(data[at : at + size], "little")

    def lane(acc, value):
        return rotl((acc + value * p2) & MASK, 31) * p1 & MASK

    at = 0
    if len(data) >= 32:
        accs = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK]
        while at + 32 <= len(data):
            accs = [lane(acc, word(at + 8 * i, 8)) for i, acc in enumerate(accs)]
            at += 32
        h = sum(rotl(acc, r) for acc, r in zip(accs, (1, 7, 12, 18))) & MASK
        for acc in accs:
            h = ((h ^ lane(0, acc)) * p1 + p4) & MASK
    else:
        h = (seed + p5) & MASK
    h = (h + len(data)) & MASK
    while at + 8 <= len(data):
        h = (rotl(h ^ lane(0, word(at, 8)), 27) * p1 + p4) & MASK
        at += 8
    if at + 4 <= len(data):
        h = (rotl(h ^ (word(at, 4) * p1 & MASK), 23) * p2 + p3) & MASK
        at += 4
    for byte in data[at:]:
        h = rotl(h ^ (byte * p5 & MASK), 11) * p1 & MASK
    h = (h ^ (h >> 33)) * p2 & MASK
    h = (h ^ (h >> 29)) * p3 & MASK
    return h ^ (h >> 32)


def draws(state: int):
    """The numbers of SplitMix64 from this state."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        yield z ^ (z >> 31)


def exponential(numbers) -> float:
    """Von Neumann's exponential variate of these numbers."""
    whole = 0.0
    while True:
        first = last = next(numbers)
        odd = True
        while (following := next(numbers)) < last:
            last, odd = following, not odd
        if odd:
            return whole + (first >> 11) * 2.0**-53
        whole += 1.0


def session(release: str, key: bytes) -> int:
    return xxh64(key, xxh64(release.encode()))


def time(number: int, version: str, weight: float) -> float:
    return exponential(draws(number ^ xxh64(version.encode()))) / weight


def pick(number: int, split: list) -> str:
    arms = [(version, weight) for version, weight in split if weight > 0]
    return min(arms, key=lambda arm: time(number, *arm))[0]


def in_percentage(number: int, percentage: float, salt: str) -> bool:
    return (next(draws(number ^ xxh64(salt.encode()))) >> 11) * 2.0**-53 * 100.0 < percentage


def group_draw(key: bytes, group: str, name: str) -> float:
    """What a session draws in a group: for "exclusive" its place in the ranges, for "holdout" another number."""
    number = xxh64(key, xxh64(group.encode()))
    return (next(draws(number ^ xxh64(name.encode()))) >> 11) * 2.0**-53 * 100.0


SPLITS = [
    [["v2", 50], ["v1", 50]],
    [["v2", 10], ["v1", 90]],
    [["v2", 0.5], ["v1", 99.5]],
    [["v3", 1], ["v2", 1], ["v1", 1]],
    [["v2", 0], ["v1", 3]],
]
KEYS = ["", "1", "7", "jason", "user-42", "10.0.0.7", "2001:db8::7", "ünïcödé", "0123456789abcdef"]
KEYS += ["a key of more than thirty-two bytes, which XXH64 hashes in lanes"]


def bits(double: float) -> str:
    """The bits of an IEEE 754 double in hexadecimal, highest first. No JSON parser can round them."""
    return struct.pack(">d", double).hex()


def vectors() -> dict:
    rows = []
    for release in ["reviews", "ratings"]:
        for key in KEYS:
            number = session(release, key.encode())
            rows.append(
                {
                    "release": release,
                    "key": key,
                    "session": f"{number:016x}",
                    "times": {version: bits(time(number, version, 1.0)) for version in ["v1", "v2", "v3"]},
                    "versions": [pick(number, split) for split in SPLITS],
                    "in25PercentOfRuleTesters": in_percentage(number, 25.0, "rule:testers"),
                }
            )
    groups = [
        {
            "group": group,
            "key": key,
            "exclusive": bits(group_draw(key.encode(), group, "exclusive")),
            "holdout": bits(group_draw(key.encode(), group, "holdout")),
        }
        for group in ["q4", "all"]
        for key in KEYS
    ]
    return {"splits": SPLITS, "sessions": rows, "groups": groups}


def main() -> int:
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        if VECTORS.read_text(encoding="utf-8") != text:
            print(f"{VECTORS.name} differs from the vectors that this script computes", file=sys.stderr)
            return 1
        return 0
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
