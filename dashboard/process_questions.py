"""What is asked before a process is touched, and what that would do to the clients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dashboard.lines import safe
from dashboard.model import Model
from dashboard.process_lines import TRAFFIC
from dashboard.process_state import Life, life
from dashboard.verdict import Condition, condition
from dashboard.view import NGINX
from gateway.cohort import Cohort
from gateway.supervisor import Process


class Deed(Enum):
    """What can be done to a process. The value is the verb."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that a person answers with yes or no."""

    text: str
    consequence: str


def question(model: Model, deed: Deed, name: str, now: float) -> Question:
    """What to ask before `deed` is done to the process `name`."""
    name = safe(name, 60)
    if deed is Deed.START:
        return Question(f"start {name}?", _of_a_start(name))
    what = _of_an_end(model, name, now)
    back = "it comes back in a few seconds" if deed is Deed.RESTART else "s starts it again"
    return Question(f"{deed.value} {name}?", f"{what}; {back}" if what else back)


def needless(model: Model, deed: Deed, name: str) -> str:
    """Why there is nothing to do, "" if there is."""
    process = model.processes.get(name)
    if process is None:
        return f"process-compose has not told of {safe(name, 60)}"
    if deed is Deed.START and not _can_start(process):
        return f"{safe(name, 60)} runs already: r restarts it"
    if deed is not Deed.START and _can_start(process):
        return f"{safe(name, 60)} does not run: s starts it"
    return ""


def drill_question(model: Model, victim: str, rate: float, now: float) -> Question:
    """What to ask before the kill drill."""
    asked = f"kill -9 {safe(victim, 60)} under up to {rate:g} requests/s?"
    version = model.version_of(victim)
    if version != model.first_version and not _heirs(model, victim, now):
        forced = f"who forces {safe(version, 20)} ({Cohort.DEBUG.value}) gets 503 until it is back"
        other = safe(model.first_version, 20)
        return Question(asked, f"{forced}, in about 2 s; all others are served by {other}")
    back = "process-compose brings it back, in about 2 s; the report counts what clients lost"
    return Question(asked, back)


def victim(model: Model, chosen: str | None) -> str | None:
    """Whom the drill kills: the chosen process if it is an instance, else the first one.

    Never one that is drained: it gets no requests, so its end would show nothing.
    """
    serving = [each for each in model.instances if each.name != model.drained]
    if chosen in [each.name for each in serving]:
        return chosen
    stable = (each.name for each in serving if each.version == model.first_version)
    return next(stable, None)


def _can_start(process: Process) -> bool:
    found = life(process)
    return found.has_ended or found in (Life.DISABLED, Life.SKIPPED, Life.ERROR)


def _of_a_start(name: str) -> str:
    if name == TRAFFIC:
        return "with the settings of the last time; g starts it with new ones"
    return "as process-compose.yaml says"


def _of_an_end(model: Model, name: str, now: float) -> str:
    """What its absence means."""
    if name == NGINX:
        return "requests in flight are finished, then nobody is served"
    version = model.version_of(name)
    if version:
        heirs = _heirs(model, name, now)
        if not heirs:
            return f"nobody serves {version} then"
        return f"its share goes to {' and '.join(heirs)}"
    return {
        TRAFFIC: "the traffic ends",
        "exporter": "Prometheus sees nothing of the gateway meanwhile",
        "prometheus": "nothing is kept of this time, and no alert fires",
        "grafana": "its pages are away",
    }.get(name, "")


def _heirs(model: Model, name: str, now: float) -> list[str]:
    """Who else serves the version of an instance."""
    return [
        other.name
        for other in model.instances
        if other.version == model.version_of(name)
        and other.name != name
        and condition(model, other.name, now) is Condition.READY
    ]
