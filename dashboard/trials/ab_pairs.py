"""Pairs of an A/B run as a recording keeps them: whole, or only what the counting needs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from gateway.workload import Text, only
from probes.ab_client import Answer
from probes.ab_tally import Pair

_VERSION = "version"
_SECONDS_DIGITS = 6


def counted_only(pair: Pair, pointer: str) -> Pair:
    """The pair with bodies that hold the answer and the version, and nothing else.

    It counts as the whole one does: where the answer is missing, it is missing there too.
    """
    return replace(
        pair,
        first=_counted_only(pair.first, pointer),
        second=_counted_only(pair.second, pointer),
        again=_counted_only(pair.again, pointer),
    )


def pair_to_json(pair: Pair) -> dict[str, Any]:
    """As short as it can be: there are thousands."""
    return {
        "number": pair.number,
        "text": pair.text.text,
        "label": pair.text.label,
        "answers": [_to_json(answer) for answer in (pair.first, pair.second, pair.again)],
    }


def pair_from_json(value: dict[str, Any]) -> Pair:
    """The inverse. Raises ValueError, KeyError, TypeError."""
    label = value["label"]
    text = Text(str(value["text"]), None if label is None else str(label))
    first, second, again = map(_from_json, value["answers"])
    return Pair(int(value["number"]), text, first, second, again)


def _counted_only(answer: Answer, pointer: str) -> Answer:
    body = only(answer.body, pointer)
    if isinstance(answer.body, dict) and _VERSION in answer.body:
        body = {**body, _VERSION: answer.body[_VERSION]}
    seconds = max(10.0**-_SECONDS_DIGITS, round(answer.seconds, _SECONDS_DIGITS))
    return replace(answer, body=body, seconds=seconds)


def _to_json(answer: Answer) -> list[Any]:
    return [answer.status, answer.instance, answer.seconds, answer.retried, answer.body]


def _from_json(value: Any) -> Answer:
    status, instance, seconds, retried, body = value
    seconds = float(seconds)
    # Ratios of times are counted by their logarithms.
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"an answer took {seconds!r} s")
    return Answer(int(status), str(instance), body, seconds, bool(retried))
