"""What the sources tell the model: facts with the time at which they were seen.

Events are all that the model knows, so a recording of them (dashboard.record) shows the same
screens again, without anything running.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dashboard.trials.base import Step, TrialName
from gateway.accesslog import Access
from gateway.supervisor import Process

if TYPE_CHECKING:
    # The first picture needs nothing of what decides.
    from rollout.status import Status


class SourceName(Enum):
    """Where facts come from. The value is what the screen calls it."""

    ACCESS_LOG = "access log"
    SERVICES = "services"
    PROCESSES = "process-compose"
    NGINX = "nginx"
    PROMETHEUS = "prometheus"
    ROLLOUT = "rollout"


class SourceState(Enum):
    """Whether a source delivers. How old its facts are is the model's to say."""

    FRESH = "fresh"
    """It answered at the time of the event."""
    ABSENT = "absent"
    """There is nothing to read (yet): no file, no socket, nobody at the port."""
    FAILING = "failing"
    """It is there, and cannot be read or understood."""


class Declared(NamedTuple):
    """One instance, as process-compose.yaml declares it."""

    name: str
    version: str
    address: str
    """host:port, as nginx logs it."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """What is declared; the first event of every run and recording."""

    at: float
    url: str
    instances: tuple[Declared, ...]


class Hit(NamedTuple):
    """One line of the access log.

    A named tuple, as Access is: one is made for each request.
    """

    at: float
    """When it was read, in seconds since the epoch; access.time says when it happened."""
    access: Access


@dataclass(frozen=True, slots=True)
class LogProgress:
    """How far the reading of the log has come."""

    at: float
    caught_up: bool
    bad_lines: int
    """Lines that could not be understood, since this dashboard started."""


@dataclass(frozen=True, slots=True)
class ProcessStates:
    """Every process, as process-compose sees it."""

    at: float
    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Which instances answered 200 to /healthz themselves, without nginx between."""

    at: float
    healthy: tuple[str, ...]
    unhealthy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NginxMaster:
    """The process that nginx's pid file names: it starts the workers, reloads and ends them.

    A master that is killed leaves its workers, which answer on, and process-compose, which
    waits for them, calls nginx ready.
    """

    pid: int
    alive: bool
    stopped: tuple[int, ...] = ()
    """Which of it and its workers were stopped (SIGSTOP): their connections wait, and the others
    answer every probe."""


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What nginx says about itself."""

    at: float
    active: int
    """Client connections, idle ones included."""
    waiting: int
    """Idle ones."""
    certificate_ends: float | None
    """Seconds since the epoch; None if the certificate cannot be read."""
    master: NginxMaster | None = None
    """None if the pid file cannot be read."""


@dataclass(frozen=True, slots=True)
class PrometheusState:
    """What Prometheus sees of the workspace, and what it warns of."""

    at: float
    targets_up: int
    targets: int
    """Whom it asks, whether or not they answer."""
    rules: int
    """Alerting rules; without one no alert can fire."""
    firing: tuple[str, ...]
    """The alerts that fire, for example "InstanceDown v1-2"; pending ones are not among them."""
    paging: tuple[str, ...] = ()
    """Those of them that somebody should look at now (severity `page`)."""


class RayNode(NamedTuple):
    """A node of the cluster, by its own metrics."""

    name: str
    up: bool
    """Whether it answered Prometheus the last time; if not, the others are None."""
    cpu: float | None
    """Per cent of all cores of its machine."""
    mem: int | None
    """Bytes in use on its machine."""


class RayReplica(NamedTuple):
    """A replica of a version that runs now."""

    version: str
    name: str
    """As Ray calls it: eight characters that it makes up."""
    node: str
    requests: int
    """Requests for a prediction that it has answered since it started."""
    errors: int
    """Those of them in which it raised an exception."""
    rate: float
    """Requests a second, over the last 20 s."""
    in_flight: int
    """Requests that it worked on when Ray last looked."""


@dataclass(frozen=True, slots=True)
class RayState:
    """What Prometheus has of the nodes of a Ray cluster, where the services run on one."""

    at: float
    nodes: tuple[RayNode, ...]
    replicas: tuple[RayReplica, ...]
    """By version, node and name."""
    wanted: Mapping[str, int]
    """For each version how many replicas Ray aims at, by the load."""


@dataclass(frozen=True, slots=True)
class ExperimentState:
    """What is tried: by the files that nginx looks for (gateway.canary)."""

    at: float
    weight: int
    """Percent of the users that the second version answers."""
    shadow: int
    """Percent of the requests to the first version of which the second gets a copy."""
    drained: str | None
    """The instance that gets no new requests."""
    problem: str = ""
    """Why the state cannot be read, "" if it can; then the others say nothing."""


@dataclass(frozen=True, slots=True)
class LabelledAb:
    """What the last A/B report that could tell right from wrong says of quality."""

    at: float
    """When it was written, in seconds since the epoch."""
    outcome: str
    """The verdict: "passed", "failed" or "inconclusive"."""
    reason: str


@dataclass(frozen=True, slots=True)
class RolloutState:
    """What the engine of a rollout last said, and whether it lives."""

    at: float
    status: Status | None
    """None: no engine ever ran here."""
    alive: bool
    """Whether the process that said it runs and has the decision log."""
    quality: LabelledAb | None = None


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Whether a source delivered when it was last asked."""

    at: float
    source: SourceName
    state: SourceState
    detail: str = ""
    """What is wrong and what to do, for a person."""


@dataclass(frozen=True, slots=True)
class ProcessLog:
    """The last lines that a process wrote."""

    at: float
    process: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """A person wants "all" to begin here, or at the start of the log again."""

    at: float
    on: bool


@dataclass(frozen=True, slots=True)
class TrialBegun:
    """Somebody fired a test."""

    at: float
    trial: TrialName


@dataclass(frozen=True, slots=True)
class TrialStep:
    """Something happened in it."""

    at: float
    trial: TrialName
    step: Step


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """It is over."""

    at: float
    trial: TrialName
    problem: str = ""
    """Why it could not be finished, "" if it was."""
    stopped: bool = False
    """By a person."""


Event: TypeAlias = (
    Workspace
    | Hit
    | LogProgress
    | ProcessStates
    | ProcessLog
    | ServiceHealth
    | GatewayState
    | PrometheusState
    | RayState
    | ExperimentState
    | RolloutState
    | SourceStatus
    | Marked
    | TrialBegun
    | TrialStep
    | TrialEnded
)
