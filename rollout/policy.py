"""Reads the policy of a rollout: the YAML file that a person wrote, checked for sense."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.errors import ConfigurationError
from gateway.yaml_source import Entry, read_yaml
from rollout.alone import HardStopRule, OutageRule
from rollout.guardrail import ComparisonRule
from rollout.plan import Guardrails, Plan, SenselessPlan, ShadowStep, Step

FILE: Final = "rollout/rollout.yaml"

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smh])")

Reader = Callable[[Entry], Any]


class PolicyError(ConfigurationError):
    """The policy cannot be read, or makes no sense. Names file and line, and what to do."""


def load_policy(root: Path, file: str = FILE) -> Plan:
    """The plan in `root/file`. Raises PolicyError."""
    top = read_yaml(root, file, PolicyError)
    places = {"": top}
    values = _mapping(top, "", _TOP, places)
    try:
        return Plan(**values)
    except SenselessPlan as error:
        raise PolicyError(_nearest(places, error.key).place, error.problem, error.fix) from None


def _nearest(places: Mapping[str, Entry], key: str) -> Entry:
    """Where a value stands; where what should hold it stands, if it was left out."""
    while key not in places:
        key = key.rpartition(".")[0]
    return places[key]


def _mapping(
    entry: Entry, path: str, readers: Mapping[str, Any], places: dict[str, Entry]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, child in entry.entries().items():
        if name not in readers:
            raise PolicyError(child.place, f"unknown key {name}", f"use {', '.join(readers)}")
        key = f"{path}.{name}" if path else name
        places[key] = child
        values[name] = _value(child, key, readers[name], places)
    return values


def _value(entry: Entry, key: str, reader: Any, places: dict[str, Entry]) -> Any:
    if isinstance(reader, list):
        steps = []
        for number, item in enumerate(entry.items()):
            places[f"{key}.{number}"] = item
            steps.append(_value(item, f"{key}.{number}", reader[0], places))
        return tuple(steps)
    if isinstance(reader, tuple):
        make, readers, needed = reader
        found = _mapping(entry, key, readers, places)
        for name in needed:
            if name not in found:
                raise PolicyError(entry.place, f"`{name}` is missing here", f"add `{name}:`")
        return make(**found)
    return reader(entry)


def _number(entry: Entry) -> float:
    value = entry.plain()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PolicyError(entry.place, f"{entry.text()!r} is not a number", "give one, such as 2.5")
    return float(value)


def _whole(entry: Entry) -> int:
    value = entry.plain()
    if isinstance(value, bool) or not isinstance(value, int):
        raise PolicyError(entry.place, f"{entry.text()!r} is no whole number", "give one")
    return value


def _time(entry: Entry) -> float:
    match = _DURATION.fullmatch(entry.text())
    if match is None:
        raise PolicyError(
            entry.place, f"{entry.text()!r} is no time", "give one, such as 30s or 5m"
        )
    return float(match[1]) * _UNITS[match[2]]


_COMPARISON: Final[Mapping[str, Reader]] = {
    "allowed": _number,
    "alternative": _number,
    "threshold": _number,
    "per_user": _whole,
}
_GUARDRAILS: Final[Mapping[str, Any]] = {
    "failed": (ComparisonRule, _COMPARISON, tuple(_COMPARISON)),
    "slow": (ComparisonRule, _COMPARISON, tuple(_COMPARISON)),
    "hard_stop": (
        HardStopRule,
        {"limit": _number, "attempts": _whole, "threshold": _number, "per_user": _whole},
        (),
    ),
    "outage": (OutageRule, {"attempts": _whole, "seconds": _time}, ()),
    "max_restarts": _whole,
}
_SHADOW: Final[Mapping[str, Reader]] = {
    "percent": _whole,
    "min_pairs": _whole,
    "min_time": _time,
    "agreement_floor": _number,
    "max_failed": _number,
}
_STEP: Final[Mapping[str, Reader]] = {"weight": _whole, "min_users": _whole, "min_time": _time}
_TOP: Final[Mapping[str, Any]] = {
    "shadow": (ShadowStep, _SHADOW, ()),
    "steps": [(Step, _STEP, ("weight",))],
    "warm_up": _time,
    "max_wait": _time,
    "no_data": _time,
    "guardrails": (Guardrails, _GUARDRAILS, ()),
    "split_threshold": _number,
    "capacity_share": _number,
    "max_load": _number,
}
