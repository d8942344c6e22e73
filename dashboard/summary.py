"""What a model comes to, as one JSON document (replay.schema.json). Pure.

The headless twin of the Overview: every number in it is made by the code that makes the
number on the screen.
"""

from __future__ import annotations

from typing import Any

from dashboard.events import SourceName
from dashboard.freshness import is_stale
from dashboard.instance_table import row_names
from dashboard.model import Model
from dashboard.tally import ALL, GATEWAY, Tally
from dashboard.trials.base import Trial, TrialName
from dashboard.verdict import condition, judge
from dashboard.window import Window


def summary(model: Model, first: float, last: float, window: Window = Window.ALL) -> dict[str, Any]:
    """What is known at `last` of what began at `first`, in seconds since the epoch.

    The requests are those of `window`; the verdict is on the last minute, as on the screen.
    """
    tally = model.window(window, last)
    verdict = judge(model, last)
    *names, _ = row_names(model)
    return {
        "first": first,
        "last": last,
        "window": window.label,
        "verdict": {
            "severity": verdict.severity.value,
            "reason": verdict.reason,
            "hint": verdict.hint,
        },
        "instances": [_instance(model, name, last, tally) for name in names],
        "gateway": _gateway(tally),
        "prometheus": _prometheus(model),
        "rollout": _rollout(model),
        "sources": [_source(model, last, status.source) for status in model.statuses.values()],
        "bad_lines": 0 if model.log is None else model.log.bad_lines,
        "trials": [_trial(name, trial) for name, trial in model.trials.items()],
    }


def _instance(model: Model, name: str, now: float, tally: Tally) -> dict[str, Any]:
    hits, total = tally.total(name), tally.total()
    process = model.processes.get(name)
    return {
        "name": name,
        "version": model.version_of(name) or None,
        "state": condition(model, name, now).value,
        "hits": hits,
        "share": hits / total if total else None,
        "classes": {f"{hundred}xx": tally.total(name, hundred) for hundred in (2, 3, 4, 5)},
        "p50_ms": tally.percentile(name, 50),
        "p95_ms": tally.percentile(name, 95),
        "retries": tally.retries.get(name, 0),
        "restarts": None if process is None else process.restarts,
    }


def _gateway(tally: Tally) -> dict[str, Any]:
    statuses = sorted({status for _, status in tally.answers})
    return {
        "requests": tally.total(),
        "answered_itself": tally.total(GATEWAY),
        "statuses": {f"{status:03d}": tally.with_status(status) for status in statuses},
        "p50_ms": tally.percentile(ALL, 50),
        "p95_ms": tally.percentile(ALL, 95),
        "p99_ms": tally.percentile(ALL, 99),
        "retries": sum(tally.retries.values()),
        "redirects": tally.redirects,
    }


def _prometheus(model: Model) -> dict[str, Any] | None:
    state = model.prometheus
    if state is None:
        return None
    return {
        "targets_up": state.targets_up,
        "targets": state.targets,
        "rules": state.rules,
        "firing": list(state.firing),
    }


def _rollout(model: Model) -> dict[str, Any] | None:
    known = model.rollout
    state = None if known is None or known.status is None else known.status.state
    if known is None or state is None:
        return None
    return {
        "phase": state.phase.value,
        "weight": state.weight,
        "shadow": state.shadow,
        "cause": None if state.cause is None else state.cause.value,
        "engine_alive": known.alive,
    }


def _source(model: Model, now: float, name: SourceName) -> dict[str, Any]:
    status = model.statuses[name]
    return {
        "name": name.value,
        "state": status.state.value,
        "detail": status.detail,
        "age_s": model.age(name, now),
        "stale": is_stale(model, name, now),
    }


def _trial(name: TrialName, trial: Trial) -> dict[str, Any]:
    outcome = trial.state.outcome
    return {
        "name": name.value,
        "begun": trial.begun,
        "ended": trial.ended,
        "problem": trial.problem,
        "stopped": trial.stopped,
        "outcome": None if outcome is None else outcome.value,
    }
