"""Recordings: every event as a line of JSON, to be shown again without a stack.

The first line names the format and its version. A hit holds the fields of its log line as
nginx wrote them, so `jq` reads a recording as it reads the log.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from dashboard.events import (
    Declared,
    Event,
    ExperimentState,
    GatewayState,
    Hit,
    LogProgress,
    Marked,
    ProcessLog,
    ProcessStates,
    PrometheusState,
    RayState,
    RolloutState,
    ServiceHealth,
    SourceName,
    SourceState,
    SourceStatus,
    TrialBegun,
    TrialEnded,
    TrialStep,
    Workspace,
)
from dashboard.log_fields import log_fields
from dashboard.process_json import (
    master_from_json,
    master_to_json,
    process_from_json,
    process_to_json,
)
from dashboard.ray_json import ray_from_json, ray_to_json
from dashboard.rollout_json import rollout_from_json, rollout_to_json
from dashboard.trials.base import TrialName
from dashboard.trials.registry import step_from_json
from gateway import plain_json
from gateway.accesslog import BadLine, parse
from gateway.regular_file import open_regular
from probes.recorded import FORMAT, VERSION


class BadRecording(ValueError):
    """A file that is not a recording. Names the file, the line and what to do."""


class RecordingWriter:
    """Writes a recording. What it is given is on disk after close(), or after a moment."""

    def __init__(self, path: Path) -> None:
        """Replaces what was at `path`; a new file is for its owner alone. Raises OSError."""
        # Who asked, when and from where is in it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file: TextIO = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")
        self._line({"format": FORMAT, "version": VERSION})

    def write(self, event: Event) -> None:
        """Add one event. Raises OSError."""
        self._line(to_json(event))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _line(self, value: dict[str, Any]) -> None:
        self._file.write(json.dumps(value, separators=(",", ":")) + "\n")


def read_recording(path: Path) -> Iterator[Event]:
    """The events of a recording, in its order, read as they are asked for.

    Raises BadRecording; OSError if it cannot be read. A last line that was cut off (the
    recorder was killed) ends the recording.
    """
    # Bytes that are no text make a line that is not JSON: named like any other bad line.
    with os.fdopen(open_regular(path), encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            try:
                value = plain_json.loads(line)
                if number == 1:
                    _check(value)
                    continue
                event = from_json(value)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if number > 1 and not line.endswith("\n"):
                    return
                raise BadRecording(
                    f"{path}:{number}: not a line of a recording ({error}): "
                    "record anew with --record, or use docs/demo.jsonl"
                ) from None
            yield event


def to_json(event: Event) -> dict[str, Any]:
    """One event as it is written."""
    match event:
        case Hit():
            return {"kind": "hit", "at": event.at, "access": log_fields(event.access)}
        case Workspace():
            instances = [list(declared) for declared in event.instances]
            return {"kind": "workspace", "at": event.at, "url": event.url, "instances": instances}
        case LogProgress():
            fields = {"caught_up": event.caught_up, "bad_lines": event.bad_lines}
            return {"kind": "log", "at": event.at, **fields}
        case ProcessStates():
            processes = [process_to_json(process) for process in event.processes]
            return {"kind": "processes", "at": event.at, "processes": processes}
        case ServiceHealth():
            health = {"healthy": list(event.healthy), "unhealthy": list(event.unhealthy)}
            return {"kind": "services", "at": event.at, **health}
        case GatewayState():
            return {
                "kind": "gateway",
                "at": event.at,
                "active": event.active,
                "waiting": event.waiting,
                "certificate_ends": event.certificate_ends,
                "master": master_to_json(event.master),
            }
        case PrometheusState():
            return {
                "kind": "prometheus",
                "at": event.at,
                "targets_up": event.targets_up,
                "targets": event.targets,
                "rules": event.rules,
                "firing": list(event.firing),
                "paging": list(event.paging),
            }
        case RayState():
            return {"kind": "ray", "at": event.at, **ray_to_json(event)}
        case ExperimentState():
            return {
                "kind": "experiment",
                "at": event.at,
                "weight": event.weight,
                "shadow": event.shadow,
                "drained": event.drained,
                "problem": event.problem,
            }
        case RolloutState():
            return {"kind": "rollout", "at": event.at, **rollout_to_json(event)}
        case SourceStatus():
            return {
                "kind": "source",
                "at": event.at,
                "source": event.source.value,
                "state": event.state.value,
                "detail": event.detail,
            }
        case ProcessLog():
            lines = list(event.lines)
            return {"kind": "process log", "at": event.at, "process": event.process, "lines": lines}
        case Marked():
            return {"kind": "marked", "at": event.at, "on": event.on}
        case TrialBegun():
            return {"kind": "trial begun", "at": event.at, "trial": event.trial.value}
        case TrialStep():
            named = {"at": event.at, "trial": event.trial.value}
            return {"kind": "trial step", **named, "step": event.step.to_json()}
        case TrialEnded():
            ended = {"problem": event.problem, "stopped": event.stopped}
            return {"kind": "trial ended", "at": event.at, "trial": event.trial.value, **ended}


def from_json(value: dict[str, Any]) -> Event:
    """The inverse of to_json. Raises ValueError, KeyError, TypeError."""
    at = float(value["at"])
    if not math.isfinite(at):
        raise ValueError(f"at is {at}")
    event = _event(at, value)
    if type(event) is not Hit:  # those have been checked, and are most of a recording
        # float("nan") is a number to Python.
        json.dumps(to_json(event), allow_nan=False)
    return event


def _event(at: float, value: dict[str, Any]) -> Event:
    match value["kind"]:
        case "hit":
            return Hit(at, parse(json.dumps(value["access"]).encode()))
        case "workspace":
            return _workspace(at, value)
        case "log":
            return LogProgress(at, bool(value["caught_up"]), int(value["bad_lines"]))
        case "processes":
            return ProcessStates(at, tuple(map(process_from_json, value["processes"])))
        case "services":
            healthy = tuple(map(str, value["healthy"]))
            return ServiceHealth(at, healthy, tuple(map(str, value["unhealthy"])))
        case "gateway":
            ends = value["certificate_ends"]
            ends = None if ends is None else float(ends)
            # A recording of an earlier program does not have it.
            master = master_from_json(value.get("master"))
            return GatewayState(at, int(value["active"]), int(value["waiting"]), ends, master)
        case "prometheus":
            up, targets = int(value["targets_up"]), int(value["targets"])
            firing = tuple(map(str, value["firing"]))
            paging = tuple(map(str, value.get("paging", ())))  # none in older recordings
            return PrometheusState(at, up, targets, int(value["rules"]), firing, paging)
        case "ray":
            return ray_from_json(at, value)
        case "experiment":
            drained = None if value["drained"] is None else str(value["drained"])
            percents = int(value["weight"]), int(value["shadow"])
            return ExperimentState(at, *percents, drained, str(value["problem"]))
        case "rollout":
            return rollout_from_json(at, value)
        case "source":
            source, state = SourceName(value["source"]), SourceState(value["state"])
            return SourceStatus(at, source, state, str(value["detail"]))
        case "process log":
            return ProcessLog(at, str(value["process"]), tuple(map(str, value["lines"])))
        case "marked":
            return Marked(at, bool(value["on"]))
        case "trial begun":
            return TrialBegun(at, TrialName(value["trial"]))
        case "trial step":
            trial = TrialName(value["trial"])
            return TrialStep(at, trial, step_from_json(trial, value["step"]))
        case "trial ended":
            trial, stopped = TrialName(value["trial"]), bool(value["stopped"])
            return TrialEnded(at, trial, str(value["problem"]), stopped)
    raise ValueError(f"unknown kind {value['kind']!r}")


def _workspace(at: float, value: dict[str, Any]) -> Workspace:
    url, instances = str(value["url"]), [Declared(*map(str, e)) for e in value["instances"]]
    # In a workspace they are its files'; the screens show them as they are.
    for text in (url, *(text for instance in instances for text in instance)):
        if not text.isprintable() or "\\" in text:
            raise ValueError(f"{text!r} is no address or name")
    return Workspace(at, url, tuple(instances))


def _check(value: Any) -> None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ValueError("the first line does not say that it is one")
    if value.get("version") != VERSION:
        raise ValueError(f"version {value.get('version')!r}, this program reads {VERSION}")


__all__ = [
    "FORMAT",
    "VERSION",
    "BadLine",
    "BadRecording",
    "RecordingWriter",
    "from_json",
    "read_recording",
    "to_json",
]
