"""Changes an input so that it stays near to what its reader takes, from a seed alone.

A fuzzer that changes bytes hardly ever gets past a JSON parser; what breaks readers is a value
of the wrong type, or far too large a one, at its right place.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 5e-324, 2**31, 2**63, 2**64, 10**30),
    *("", "-", "0", "-1", "1e999", "nan", "inf", "200", "²", "٣", "1_0", " 1", "x" * 300),
    *("\x00", "\x1b[31m", "\u202e", "\ud800", "é", "😀", "a\nb", ", ", " : ", "{text}", "~2"),
    *([], {}, [[]], [None], {"": None}, {"kind": "hit"}),
)
TOKENS = (
    *(b"{", b"}", b"[", b"]", b":", b"- ", b"#", b"'", b'"', b"\\", b"\n", b"\r", b"\t", b"\x00"),
    *(b"${", b"<<: ", b"<<: *log", b"&a ", b"*a", b"&a [*a]", b"!!int ", b"!!set ", b"!!binary "),
    *(
        b"? ",
        b"| ",
        b"> ",
        b".nan",
        b".inf",
        b"0x",
        b"1" * 5000,
        b"2001-99-99",
        b"\xff",
        b"\xed\xa0",
    ),
    *(
        b"{ " * 40,
        b"[" * 60,
        b"x {" * 40,
        b"&#" + b"1" * 5000,
        b"\\ud800",
        b"%eth0",
        b"{SSHA}\xc3\xa9",
    ),
    *("\u202e".encode(), "😀".encode(), "\ufeff".encode(), b"~", b"$$", b"NaN", b"1e999", b"="),
)


def mutated(data: bytes, random: Random, json_lines: bool) -> bytes:
    """A changed input, which may be any bytes at all."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        change = _json if json_lines and random.random() < 0.8 else _bytes
        data = change(data, random)
    return data


def _json(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    try:
        value = json.loads(lines[at])
    except (ValueError, RecursionError):
        return _bytes(data, random)
    choice = random.random()
    if choice < 0.1:
        lines.insert(at, lines[random.randrange(len(lines))])
    else:
        # As escapes, so that half a surrogate pair can be sent, too.
        lines[at] = json.dumps(_changed(value, random)).encode()
    return b"\n".join(lines)


def _changed(value: Any, random: Random) -> Any:
    """`value` with one thing changed, somewhere inside."""
    inside = isinstance(value, dict | list) and value and random.random() < 0.9
    if not inside:
        return random.choice(NASTY)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = random.choice(keys)
    copied = value.copy()
    choice = random.random()
    if choice < 0.75:
        copied[key] = _changed(value[key], random)
    elif choice < 0.85:
        del copied[key]
    elif choice < 0.93:
        copied[key] = value[random.choice(keys)]
    elif isinstance(copied, dict):
        copied[random.choice(("", "other", "\ud800", "__class__"))] = value[key]
    else:
        copied.append(value[key])
    return copied


def _bytes(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice((0, 0, 1, 4, 40)))
    choice = random.random()
    if choice < 0.5:
        middle = random.choice(TOKENS)
    elif choice < 0.7:
        middle = b""
    elif choice < 0.85:
        from_ = random.randrange(len(data) + 1)
        middle = data[from_ : from_ + random.choice((1, 10, 100, 1000))]
    else:
        middle = random.randbytes(random.choice((1, 2, 4)))
    return data[:start] + middle + data[end:]
