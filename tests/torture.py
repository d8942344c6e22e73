"""Sentences that are text, and nothing that anybody would write."""

from __future__ import annotations

import json

_FAMILY = "👨\u200d👩\u200d👧\u200d👦"
_FLAG = "\U0001f1e9\U0001f1ea"
_ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

SENTENCES: dict[str, str] = {
    "nothing": "",
    "a NUL": "\x00",
    "NULs between words": "good\x00bad\x00" * 50,
    "every control character": "".join(map(chr, [*range(32), *range(127, 160)])),
    "terminal escapes": "\x1b[2J\x1b]0;title\x07\x9b31mgood",
    "combining marks": "g" + "\u0301\u0323\u0489" * 3_000,
    "combining marks alone": "\u0300" * 10_000,
    "right to left": "جيد جدا \u202egood\u202c \u2067bad\u2069 שלום",
    "unclosed directions": "\u202a\u202b\u202d\u202e\u2066\u2067\u2068" * 1_000,
    "invisible": "go\u200bod b\u00adad \u2060\ufeff\u180e\u3164" * 200,
    "families of emoji": _FAMILY * 500,
    "flags and tags": (_FLAG + _ENGLAND) * 400,
    "emoji with skin and sex": "👩🏽\u200d🚒🤷🏿\u200d♂\ufe0f" * 300,
    "grows when normalised": "\ufdfa" * 10_000,
    "grows in lower case": "İ" * 10_000,
    "Hangul by parts": "\u1112\u1161\u11ab" * 3_000,
    "homoglyphs": "gооd grеаt ⅿоvіе ｇｏｏｄ 𝐠𝐫𝐞𝐚𝐭 ɡσσᏧ",  # noqa: RUF001 - the point of it
    "last characters": "\ufffd\uffff\ufffe\U0010ffff\U000fffff",
    "beyond the first plane": "\U0001f600" * 10_000,
    "separators": "good\u2028bad\u2029great\x85awful\x0b\x0c\x1c\x1d\x1e",
    "digits of many scripts": "٣٤٥ ४५ ²³ ①② Ⅷ \U0001d7d7",
    "one token": "a" * 10_000,
    "one token of two letters": "ab" * 5_000,
    "apostrophes": "'a" * 5_000,
    "repeated marks": "!" * 5_000 + "?" * 5_000,
    "emoticons": ":)" * 5_000,
    "half emoticons": "<:'^o-" * 1_600,
    "addresses": "http://" * 1_400,
    "names": "@" * 10_000,
    "entities": "&amp;" * 2_000,
    "entities of entities": "&amp;amp;amp;amp;" * 500,
    "ampersands": "&" * 10_000,
    "a long reference": "&#" + "1" * 9_998,
    "a long reference of zeros": "&#" + "0" * 9_990 + "65;",
    "a long hexadecimal reference": "&#x" + "f" * 9_997,
    "references to nothing": "&#0;&#xd800;&#1114112;&#128;&nosuch;" * 200,
    "negations": "not " * 2_500,
    "blanks": " \t\n\u00a0\u3000" * 2_000,
    "looks like JSON": '{"sentence": "good"}',
    "looks like markup": "<script>alert(1)</script><!--" * 300,
    "looks like a format": "%s%n{0}{}${x}$(x)`x`" * 400,
}
"""By what is hard about them; each within the 10,000 characters that are allowed."""


def _raw(text: str) -> bytes:
    return b'{"sentence": "' + text.encode() + b'"}'


REFUSED: dict[str, bytes] = {
    "half a surrogate pair": _raw("\\ud800"),
    "the other half": _raw("\\udc00 good"),
    "a pair the wrong way round": _raw("\\ude00\\ud83d"),
    "surrogates as UTF-8": b'{"sentence": "\xed\xa0\x80\xed\xb0\x80"}',
    "an overlong NUL": b'{"sentence": "\xc0\x80"}',
    "beyond Unicode": b'{"sentence": "\xf4\x90\x80\x80"}',
    "a cut character": b'{"sentence": "\xf0\x9f\x98"}',
    "Latin-1": '{"sentence": "schön"}'.encode("latin-1"),
    "UTF-16": '{"sentence": "good"}'.encode("utf-16"),
    "UTF-32": '{"sentence": "good"}'.encode("utf-32"),
    "a NUL as it is": _raw("\x00"),
    "64 KiB of one token": _raw("a" * (64 * 1024 - 20)),
    "more than 64 KiB of one token": _raw("a" * (64 * 1024)),
    "10,001 characters": json.dumps({"sentence": "é" * 10_001}).encode(),
    "10,000 characters of 12 bytes": json.dumps({"sentence": "\U0001f600" * 10_000}).encode(),
    "nested without end": b'{"sentence": ' + b"[" * 60_000,
    "nested objects": b'{"sentence": ' * 4_000,
    "an endless number": b'{"sentence": ' + b"9" * 60_000 + b"}",
    "an endless exponent": b'{"sentence": 1e' + b"9" * 5_000 + b"}",
    "not a number": b'{"sentence": NaN}',
    "escapes without end": b'{"sentence": "' + b"\\" * 60_001,
    "a thousand keys and no sentence": json.dumps(
        dict.fromkeys(map(str, range(4_000)), 0)
    ).encode(),
}
"""Bodies that are refused with 400, 413 or 422."""
