"""The first line of the dashboard: is it well, and if not, because of what, with which result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dashboard.events import Declared, SourceName, SourceState
from dashboard.freshness import is_stale, not_ready_for
from dashboard.lines import safe
from dashboard.model import Model
from dashboard.numbers import age, count, duration
from dashboard.ray_nodes import lost_nodes
from dashboard.slow_instance import slow_instance
from dashboard.tally import GATEWAY, Tally
from dashboard.unprobed import crippled_nginx, stranger
from dashboard.window import Window
from gateway.supervisor import ProcessHealth, ProcessStatus

SILENT_AFTER_S = 10.0
"""A log without a new line for so long is silent."""
JUDGED = Window.MINUTE
_IN = f" in {JUDGED.label}"
# The log is a file: it says nothing about whether anybody is there to write it. Prometheus
# watches, and serves nobody: requests are answered whether or not it is there.
_LIVING = (SourceName.SERVICES, SourceName.PROCESSES, SourceName.NGINX)


class Severity(Enum):
    """How bad it is. The value is the word on the screen."""

    OK = "OK"
    SILENT = "SILENT"
    """Nothing is wrong, and nobody asks."""
    UNKNOWN = "UNKNOWN"
    """There is no fact to judge by."""
    DEGRADED = "DEGRADED"
    """Something is broken, and requests are answered all the same."""
    DOWN = "DOWN"
    """Requests fail."""


class Condition(Enum):
    """What one instance is doing. The value is the word on the screen."""

    READY = "ready"
    STARTING = "start"
    NOT_READY = "not ready"
    STOPPED = "stopped"
    DOWN = "down"
    UNKNOWN = "unknown"

    @property
    def is_out(self) -> bool:
        """Whether it is known not to take requests."""
        return self not in (Condition.READY, Condition.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word and the sentence that says why."""

    severity: Severity
    reason: str
    hint: str = ""
    """What can be done about it."""


def condition(model: Model, name: str, now: float) -> Condition:
    """What an instance is doing, by process-compose, else by its own health endpoint."""
    process = model.processes.get(name)
    if process is not None and not is_stale(model, SourceName.PROCESSES, now):
        if process.is_ready:
            return Condition.READY
        if process.status is ProcessStatus.COMPLETED:
            return Condition.STOPPED
        if process.has_failed or process.status is ProcessStatus.DISABLED:
            return Condition.DOWN
        if process.status is ProcessStatus.RUNNING and process.health is ProcessHealth.NOT_READY:
            return Condition.STARTING if process.age < 10 else Condition.NOT_READY
        return Condition.STARTING
    if model.health is not None and not is_stale(model, SourceName.SERVICES, now):
        if name in model.health.healthy:
            return Condition.READY
        if name in model.health.unhealthy:
            return Condition.DOWN
    return Condition.UNKNOWN


def judge(model: Model, now: float) -> Verdict:
    """The verdict on what is known at `now`, and on the requests of the last minute.

    Always that minute, whatever window is on the screen: an error of this morning is history.
    """
    verdict = _no_facts(model, now) or _unreachable(model, now)
    if verdict is not None:
        return verdict
    tally = model.window(JUDGED, now)
    verdict = (
        _stranger(model, now)  # its predictions are worse than none
        or _instances_out(model, tally, now)
        or _nodes_out(model, tally, now)
        or _errors(tally)
        or _locked(tally)
        or _nginx_crippled(model, now)
        or _retried(model, now)
        or _slow(model, tally)
        or _log_fails(model)
        or _paged(model, now)
        or _silent(model, now)
    )
    if verdict is not None:
        return verdict
    ready = sum(condition(model, i.name, now) is Condition.READY for i in model.instances)
    words = f"{ready} of {len(model.instances)} instances ready"
    if ready < len(model.instances):
        words += ", the others unknown (no word from process-compose)"
    if model.drained is not None:
        words += f", {model.drained} drained"
    return Verdict(Severity.OK, f"{words}; {count(tally.total())} requests{_IN}, none lost")


def _no_facts(model: Model, now: float) -> Verdict | None:
    asked = [model.statuses[source] for source in _LIVING if source in model.statuses]
    if any(status.state is SourceState.FRESH for status in asked):
        return None
    seen = max((at for source, at in model.fresh_at.items() if source in _LIVING), default=None)
    # Before each source has answered once there is nothing to complain about.
    if len(asked) < len(_LIVING) and seen is None:
        return Verdict(Severity.UNKNOWN, "asking the sources")
    since = "" if seen is None else f"; last word {duration(max(0.0, now - seen))} ago"
    return Verdict(
        Severity.UNKNOWN,
        f"the workspace does not answer{since}",
        "start it with `make start-project`",
    )


def _unreachable(model: Model, now: float) -> Verdict | None:
    nginx = model.statuses.get(SourceName.NGINX)
    if nginx is None or nginx.state is SourceState.FRESH:
        return None
    since = model.age(SourceName.NGINX, now)
    for_long = "" if since is None else f" for {age(since)}"
    return Verdict(
        Severity.DOWN,
        f"nginx does not answer{for_long}: no request is served",
        "see var/logs/nginx.log, or start it with `make start-project`",
    )


def _stranger(model: Model, now: float) -> Verdict | None:
    found = stranger(model, now)
    return None if found is None else Verdict(Severity.DOWN, *found)


def _instances_out(model: Model, tally: Tally, now: float) -> Verdict | None:
    out = [i for i in model.instances if condition(model, i.name, now).is_out]
    if not out:
        return None
    worst = _longest(model, out, now)
    left = [i for i in model.instances if condition(model, i.name, now) is Condition.READY]
    gone = [i for i in out if not any(other.version == i.version for other in left)]
    if gone:
        version = gone[0].version
        # The first version is what everybody gets who does not ask for another one.
        everybody = version == model.instances[0].version
        return Verdict(
            Severity.DOWN if everybody else Severity.DEGRADED,
            f"{worst}: nobody serves {version}; {_lost(tally)}",
            _mend(model, gone[0].name, now),
        )
    heirs = [i.name for i in left if i.version == out[0].version]
    return Verdict(
        Severity.DEGRADED,
        f"{worst}; its share went to {' and '.join(heirs)}, {_lost(tally)}",
        _mend(model, out[0].name, now),
    )


def _mend(model: Model, name: str, now: float) -> str:
    """Whoever was stopped by a person has nothing to say of it in its log."""
    stopped = condition(model, name, now) is Condition.STOPPED
    return f"6 Processes: s on {name} starts it" if stopped else f"see var/logs/{name}.log"


def _nodes_out(model: Model, tally: Tally, now: float) -> Verdict | None:
    """Of a Ray cluster: the instances are doors to it, and stay ready."""
    words = lost_nodes(model, now)
    if words is None:
        return None
    hint = "6 Processes shows Ray's nodes and replicas"
    return Verdict(Severity.DEGRADED, f"{words}, {_lost(tally)}", hint)


def _paged(model: Model, now: float) -> Verdict | None:
    """What Prometheus would wake somebody for, where nothing else says it."""
    state = model.prometheus
    if state is None or not state.paging or is_stale(model, SourceName.PROMETHEUS, now):
        return None
    names = ", ".join(safe(name, 80) for name in state.paging[:3])
    if len(state.paging) > 3:
        names += ", ..."
    return Verdict(Severity.DEGRADED, f"alert {names}", "docs/operations.md says what to do")


def _longest(model: Model, out: list[Declared], now: float) -> str:
    words = []
    for instance in out:
        state = condition(model, instance.name, now)
        word = "not ready" if state is Condition.STARTING else state.value
        words.append(f"{instance.name} {word}{not_ready_for(model, instance.name, now)}")
    return ", ".join(words)


def _lost(tally: Tally) -> str:
    lost = tally.total(status_class=5)
    if not lost:
        return "no request was lost"
    return f"{count(lost)} of {count(tally.total())} requests failed{_IN}"


def _errors(tally: Tally) -> Verdict | None:
    failed = tally.total(status_class=5)
    if not failed:
        return None
    by_instance = {
        (name or "nginx itself"): tally.total(name, 5) for name, status in tally.answers if status
    }
    worst = max(by_instance, key=lambda name: by_instance[name])
    total = tally.total()
    return Verdict(
        Severity.DOWN if failed * 2 > total else Severity.DEGRADED,
        f"{count(failed)} of {count(total)} requests failed{_IN} (5xx), "
        f"{count(by_instance[worst])} of them by {worst}",
        "2 Traffic shows them: filter status>=500",
    )


def _locked(tally: Tally) -> Verdict | None:
    """A wrong password is 401: 403 is what nginx answers everybody without its file."""
    refused = tally.answers.get((GATEWAY, 403), 0)
    if not refused:
        return None
    return Verdict(
        Severity.DOWN if refused * 2 > tally.total() else Severity.DEGRADED,
        f"{count(refused)} of {count(tally.total())} requests were answered 403{_IN}: "
        "nginx finds no var/htpasswd; `python -m gateway.prepare` writes it",
    )


def _nginx_crippled(model: Model, now: float) -> Verdict | None:
    """What process-compose cannot see: its other processes answer on."""
    found = None if is_stale(model, SourceName.NGINX, now) else crippled_nginx(model)
    return None if found is None else Verdict(Severity.DEGRADED, *found)


def _retried(model: Model, now: float) -> Verdict | None:
    """An instance that fails before its probe does: nginx is the first to notice."""
    retries = model.window(Window.TEN_SECONDS, now).retries
    if not retries:
        return None
    worst = max(retries, key=lambda name: retries[name])
    return Verdict(
        Severity.DEGRADED,
        f"{worst} failed {count(retries[worst])} of its requests in "
        f"{Window.TEN_SECONDS.label}; nginx asked another instance, no request was lost",
        f"see var/logs/{worst}.log",
    )


def _slow(model: Model, tally: Tally) -> Verdict | None:
    found = slow_instance(model, tally)
    if found is None:
        return None
    reason = f"{found[1]}{_IN}; no request was lost"
    return Verdict(Severity.DEGRADED, reason, f"see var/logs/{found[0]}.log")


def _log_fails(model: Model) -> Verdict | None:
    """Whoever cannot read the log knows nothing of the requests, not that there are none."""
    status = model.statuses.get(SourceName.ACCESS_LOG)
    if status is None or status.state is SourceState.FRESH:
        return None
    reason = f"requests are answered and not seen: {safe(status.detail, 200)}"
    return Verdict(Severity.DEGRADED, reason, "docs/faults.md says what to do")


def _silent(model: Model, now: float) -> Verdict | None:
    quiet = now - model.last_hit_at
    if model.log is None or not model.log.caught_up or quiet <= SILENT_AFTER_S:
        return None
    since = f"for {duration(quiet)}" if model.hits else "yet"
    ready = sum(condition(model, i.name, now) is Condition.READY for i in model.instances)
    return Verdict(
        Severity.SILENT,
        f"{ready} of {len(model.instances)} instances ready, no request {since}",
        "start traffic: `make traffic`, or g here",
    )
