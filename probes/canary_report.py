"""What the canary and the shadow have come to in the last minutes, counted from both logs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway import shadow_log
from gateway.accesslog import Access, parse
from gateway.canary import Experiment, active_since, read_experiment
from gateway.cohort import Cohort, bucket_of_user, in_canary
from gateway.log_tail import read_tail
from gateway.shadow_log import Agreement, Join, Shadow
from gateway.topology import Topology
from probes.canary_change import canary_version
from probes.log_end import LOG

WINDOW_S = 300
"""How far back the report looks."""
# The original of a copy is logged before it, by less than nginx waits for the copy.
_BEFORE_S = 10.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of the canary cohort by who answered."""

    requests: int = 0
    by_canary: int = 0
    """Answered by the version that is tried."""
    fallbacks: int = 0
    """Answered by another version in its stead."""
    failed: int = 0
    """With a status of 500 or more, or none, whoever answered."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is tried now, and what it has come to."""

    experiment: Experiment
    since: float | None
    """When this state was made, in seconds since the epoch; None where nothing is tried."""
    counts: Counts
    copies: int
    agreement: Agreement
    complete: bool
    """False if the logs are too long to go back all of WINDOW_S."""


@dataclass(frozen=True, slots=True)
class Who:
    """Where the requests of one user go."""

    user: str
    bucket: int
    cohort: Cohort
    version: str
    """That answers now; v1 stands in where it cannot."""
    canary_from: int
    """The smallest weight with which the user is in the canary."""


def report(root: Path, topology: Topology, now: float) -> Report:
    """Read state and logs. Raises CanaryError for a damaged state, OSError."""
    experiment, since = read_experiment(root), active_since(root)
    first = now - WINDOW_S
    accesses = read_tail(root / LOG, first - _BEFORE_S, parse)
    shadows = read_tail(root / shadow_log.FILE, first, shadow_log.parse)
    return Report(
        experiment,
        since,
        _counts([access for access in accesses.lines if access.time >= first], topology),
        len(shadows.lines),
        _agreement(accesses.lines, shadows.lines),
        accesses.complete and shadows.complete,
    )


def who(user: str, experiment: Experiment, topology: Topology) -> Who:
    """Which version a user gets now. Raises CanaryError where only one is declared."""
    bucket = bucket_of_user(user)
    canary = in_canary(bucket, experiment.weight)
    tried = canary_version(topology)
    served = [name for name, version in topology.served.items() if version == tried]
    answers = canary and served != [experiment.drained]
    version = tried if answers else topology.versions[0]
    return Who(user, bucket, Cohort.CANARY if canary else Cohort.V1, version, bucket + 1)


def document(found: Report) -> dict[str, Any]:
    """The report as canary.schema.json says."""
    share = found.agreement.share
    return {
        "experiment": asdict(found.experiment),
        "since": found.since,
        "window_s": WINDOW_S,
        "complete": found.complete,
        "canary": asdict(found.counts),
        "shadow": {
            "copies": found.copies,
            "pairs": found.agreement.pairs,
            "same": found.agreement.same,
            "agreement": share,
            "failed": found.agreement.failed,
            "silent": found.agreement.silent,
        },
    }


def _counts(accesses: list[Access], topology: Topology) -> Counts:
    requests = by_canary = fallbacks = failed = 0
    for access in accesses:
        if access.cohort != Cohort.CANARY.value:
            continue
        requests += 1
        instance = topology.instance_at(access.upstream or "")
        if instance is not None and instance.version == topology.versions[0]:
            fallbacks += 1
        elif instance is not None:
            by_canary += 1
        failed += access.status >= 500 or access.status == 0
    return Counts(requests, by_canary, fallbacks, failed)


def _agreement(accesses: tuple[Access, ...], shadows: tuple[Shadow, ...]) -> Agreement:
    join = Join()
    # In the order of time: what waits for its other half is kept for a bounded time only.
    both: list[Access | Shadow] = [*accesses, *shadows]
    for line in sorted(both, key=lambda line: line.time):
        if isinstance(line, Shadow):
            join.copy(line)
        else:
            join.original(line)
    return join.agreement
