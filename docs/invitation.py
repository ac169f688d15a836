#!/usr/bin/env python3
"""The invitations of Halftone in Python, as docs/reference.md defines them under "Invitations".

    invitation.py                       prints the golden vectors, docs/invitation-vectors.json
    invitation.py --check               compares that file with the vectors that this script computes
    invitation.py RELEASE RULE EXPIRY   prints an invitation, signed by the key in the environment variable HALFTONE_KEY

This script shares no code with the filter. It follows the reference, and both must agree.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import sys

VECTORS = pathlib.Path(__file__).with_name("invitation-vectors.json")
NAME = r"[A-Za-z0-9._-]+"
FORM = re.compile(rf"i1\.([A-Za-z0-9_-]+)\.({NAME})\.(0|[1-9][0-9]{{0,11}})\.([A-Za-z0-9_-]{{21}}[AQgw])", re.ASCII)
LONGEST = 166


def signature(key: bytes, text: str) -> str:
    """The first 128 bits of the HMAC-SHA256 of text, in base64url without padding."""
    mac = hmac.new(key.strip(b" \t\n\f\r"), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")


def invite(key: bytes, release: str, rule: str, expiry: int) -> str:
    text = f"i1.{release}.{rule}.{expiry}"
    return f"{text}.{signature(key, text)}"


def check(keys: list, release: str, rule: str, token: str, now: int) -> str:
    """ "valid", or why it is not. now is in milliseconds since 1970-01-01T00:00:00Z."""
    version, dot, _ = token.partition(".")
    if version != "i1":
        known = dot and re.fullmatch(r"i(0|[1-9][0-9]*)", version, re.ASCII)
        return "unknown version" if known else "not an invitation"
    form = FORM.fullmatch(token) if len(token) <= LONGEST else None
    if not dot:
        return "not an invitation"
    if not form:
        return "damaged"
    if (form[1], form[2]) != (release, rule):
        return "elsewhere"
    if int(form[3]) * 1000 <= now:
        return "expired"
    text = token[: form.start(4) - 1]
    signed = [hmac.compare_digest(signature(key, text), form[4]) for key in keys]
    return "valid" if any(signed) else "not signed"


KEYS = {
    "new": "a key of invitations, for tests: 32 bytes or more",
    "old": "the key before it, which also signs for tests  \n",
    "other": "a key that no configuration has, for tests only",
}
NOW = 1_796_115_600_000
LATER = 1_796_720_400


def vectors() -> dict:
    def signed(key, *fields):
        return invite(KEYS[key].encode(), *fields)

    rows = [
        {"key": key, "release": release, "rule": rule, "expiry": expiry, "token": signed(key, release, rule, expiry)}
        for key in ["new", "old"]
        for release, rule in [("shop", "testers"), ("s" * 63, "R" * 63), ("a-1", "v1.2_beta.9"), ("reviews", "preview")]
        for expiry in [0, LATER, 999_999_999_999]
    ]
    good = signed("new", "shop", "testers", LATER)
    text, last = good[:-1], good[-1]
    forged = f"{good[:-22]}{'A' * 22}"
    tokens = [
        good,
        signed("old", "shop", "testers", LATER),
        signed("other", "shop", "testers", LATER),
        signed("new", "shop", "testers", NOW // 1000 + 1),
        signed("new", "shop", "testers", NOW // 1000),
        signed("new", "shop", "testers", 0),
        signed("new", "shop", "other", LATER),
        signed("new", "shop", "testers.other", LATER),
        signed("new", "reviews", "testers", LATER),
        good.replace(str(LATER), str(LATER + 1)),
        good.replace(".testers.", ".Testers."),
        forged,
        text,
        good + "A",
        good + "=",
        # The same 128 bits, with another last bit that base64 leaves over.
        text + chr(ord(last) + 1),
        good[: good.rindex(".")],
        good[: good.rindex(".") + 1],
        good.replace(str(LATER), f"0{LATER}"),
        good.replace(str(LATER), f"+{LATER}"),
        good.replace(str(LATER), "1796720400000"),
        good.replace(".testers.", ".."),
        good.replace(".testers.", ".te sters."),
        good.replace("i1.", "i2."),
        good.replace("i1.", "i01."),
        good.replace("i1.", "i."),
        good.replace("i1.", "I1."),
        good.replace("i1.", "s1."),
        " " + good,
        good + " ",
        "i1",
        "i1.",
        "i2",
        "",
        ".",
        "hello",
        signed("new", "s" * 64, "R" * 63, 999_999_999_999),
    ]
    keys = [KEYS[name].encode() for name in ["new", "old"]]
    checked = [{"token": token, "result": check(keys, "shop", "testers", token, NOW)} for token in tokens]
    return {
        "keys": KEYS,
        "invitations": rows,
        "checks": {"keys": ["new", "old"], "release": "shop", "rule": "testers", "now": NOW, "tokens": checked},
    }


def main() -> int:
    arguments = sys.argv[1:]
    if len(arguments) == 3:
        release, rule, expiry = arguments
        print(invite(os.environb[b"HALFTONE_KEY"], release, rule, int(expiry)))
        return 0
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    if arguments == ["--check"]:
        if VECTORS.read_text(encoding="utf-8") != text:
            print(f"{VECTORS.name} differs from the vectors that this script computes", file=sys.stderr)
            return 1
        return 0
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
