"""What the sources tell the model: facts with the time at which they were seen.

Events are all that the model knows, so a recording of them (dashboard.record) shows the same
screens again, without anything running.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from gateway.accesslog import Access
from gateway.supervisor import Process


class SourceName(Enum):
    """Where facts come from. The value is what the screen calls it."""

    ACCESS_LOG = "access log"
    SERVICES = "services"
    PROCESSES = "process-compose"
    NGINX = "nginx"


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
class GatewayState:
    """What nginx says about itself."""

    at: float
    active: int
    """Client connections, idle ones included."""
    waiting: int
    """Idle ones."""
    certificate_ends: float | None
    """Seconds since the epoch; None if the certificate cannot be read."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Whether a source delivered when it was last asked."""

    at: float
    source: SourceName
    state: SourceState
    detail: str = ""
    """What is wrong and what to do, for a person."""


Event: TypeAlias = (
    Workspace | Hit | LogProgress | ProcessStates | ServiceHealth | GatewayState | SourceStatus
)
