"""A kill drill as it was measured, and a stack with every kind of process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dashboard.events import (
    Event,
    GatewayState,
    NginxMaster,
    ProcessLog,
    ProcessStates,
    SourceName,
    SourceState,
    SourceStatus,
    TrialBegun,
    TrialEnded,
    TrialStep,
)
from dashboard.trials.base import TrialName
from dashboard.trials.drill import Chosen, Counted, DrillStep, Reached, Reported
from gateway.supervisor import Process, ProcessHealth, ProcessStatus
from probes.drill_report import Report
from probes.drill_run import Phase
from probes.verdict import Verdict
from tests.dashboard.stories import START, busy_minute, process

REPORT = Report(
    verdict=Verdict.PASSED,
    reason="no request was lost, v1-2 is back",
    victim="v1-2",
    pid=4282,
    killed=True,
    rate=80.0,
    sources=16,
    sent=439,
    statuses={"200": 439},
    lost=0,
    retries=3,
    failover_s=0.029,
    slowest_s=0.012,
    ready_again_s=2.37,
    serving_again_s=2.44,
)
STEPS: tuple[DrillStep, ...] = (
    Chosen("v1-2", 4282, 80.0),
    Reached(Phase.LOAD, 0.0),
    Counted(0.5, 40, 0),
    Reached(Phase.KILLED, 2.05),
    Counted(3.6, 283, 0),
    Reached(Phase.READY_AGAIN, 4.42),
    Reached(Phase.SERVING_AGAIN, 4.49),
    Reported(REPORT),
)


def ended(name: str, namespace: str, exit_code: int = 0) -> Process:
    """A process that has ended."""
    return replace(
        process(name),
        namespace=namespace,
        status=ProcessStatus.COMPLETED,
        health=ProcessHealth.NO_PROBE,
        exit_code=exit_code,
    )


def everything(at: float, *changed: Process) -> ProcessStates:
    """Every process of the workspace; some of them as the caller has them."""
    found = {name: process(name, age=3725.0) for name in ("v1-1", "v1-2", "v1-3", "v2-1")}
    found |= {
        name: replace(process(name), namespace="watch") for name in ("exporter", "prometheus")
    }
    found["nginx"] = replace(process("nginx"), namespace="edge")
    found |= {name: ended(name, "setup") for name in ("model", "prepare")}
    found["grafana"] = ended("grafana", "optional")
    found["traffic"] = replace(
        process("traffic"),
        namespace="probes",
        status=ProcessStatus.DISABLED,
        health=ProcessHealth.NO_PROBE,
    )
    found |= {each.name: each for each in changed}
    return ProcessStates(at, tuple(found[name] for name in sorted(found)))


def fresh(at: float, *changed: Process) -> Iterator[Event]:
    """The same, as the source tells it."""
    yield everything(at, *changed)
    yield SourceStatus(at, SourceName.PROCESSES, SourceState.FRESH)


def master(at: float, *, alive: bool) -> Iterator[Event]:
    """What nginx says of itself."""
    yield GatewayState(at, 12, 9, None, NginxMaster(5812, alive))
    yield SourceStatus(at, SourceName.NGINX, SourceState.FRESH)


def drill_events(begun: float, steps: tuple[DrillStep, ...] = STEPS) -> Iterator[Event]:
    """A drill from its begin to its end."""
    yield TrialBegun(begun, TrialName.DRILL)
    at = begun
    for number, step in enumerate(steps):
        at = begun + number * 0.5
        yield TrialStep(at, TrialName.DRILL, step)
    yield TrialEnded(at, TrialName.DRILL)


def whole_story() -> Iterator[Event]:
    """A busy minute, a drill at its end, and a stack in which not all is well."""
    yield from busy_minute()
    yield from drill_events(START + 83.2)
    last = START + 90.9
    skipped = replace(process("prometheus"), namespace="watch", status=ProcessStatus.SKIPPED)
    yield from fresh(last, ended("v2-1", "services", -1), ended("exporter", "watch", 3), skipped)
    yield from master(last, alive=False)
    yield ProcessLog(
        last, "v1-1", tuple(f"INFO:     line {number} of the log" for number in range(40))
    )
