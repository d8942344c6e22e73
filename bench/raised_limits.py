"""The request limit, out of the way: the same edit for both gateways."""

from __future__ import annotations

import re

from bench.errors import BenchError

RATE_PER_S = 1_000_000
_RATE = re.compile(r"^(\s*limit_req_zone\s[^;]*\brate=)\d+r/[sm](?=\s*;)", re.MULTILINE)
_BURST = re.compile(r"^(\s*limit_req\s[^;]*\bburst=)\d+", re.MULTILINE)


def raised(text: str) -> tuple[str, int]:
    """An nginx file with every rate and burst at RATE_PER_S, and how many were changed.

    The limit still runs, with its costs; it only refuses nobody.
    """
    text, rates = _RATE.subn(rf"\g<1>{RATE_PER_S}r/s", text)
    text, bursts = _BURST.subn(rf"\g<1>{RATE_PER_S}", text)
    return text, rates + bursts


def raised_all(texts: dict[str, str]) -> dict[str, str]:
    """The files of one gateway, raised.

    Raises BenchError unless a rate and a burst were found: the figures of a gateway
    that refuses would be those of its refusals.
    """
    changed = {name: raised(text) for name, text in texts.items()}
    if sum(count for _, count in changed.values()) < 2:
        raise BenchError(f"no limit_req rate and burst in {', '.join(texts)}")
    return {name: text for name, (text, _) in changed.items()}
