"""Facts for the tests: requests at given times, processes, and a whole minute of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dashboard.events import (
    Declared,
    Event,
    GatewayState,
    Hit,
    LogProgress,
    ProcessStates,
    PrometheusState,
    ServiceHealth,
    SourceName,
    SourceState,
    SourceStatus,
    Workspace,
)
from dashboard.model import Model
from gateway.accesslog import Access, parse
from gateway.supervisor import Process, ProcessHealth, ProcessStatus
from tests.gateway.access_lines import NOT_PROXIED, line

START = 1_732_341_600.0
"""A whole second."""
ADDRESSES = {
    "v1-1": "127.0.0.1:8101",
    "v1-2": "127.0.0.1:8102",
    "v1-3": "127.0.0.1:8103",
    "v2-1": "127.0.0.1:8201",
}
WORKSPACE = Workspace(
    START,
    "https://localhost:8443",
    tuple(Declared(name, name[:2], address) for name, address in ADDRESSES.items()),
)


def access(at: float = START, who: str = "v1-1", status: int = 200, /, **changes: str) -> Access:
    """A request that `who` answered; "" is nginx itself."""
    values = {"time": f"{at:.3f}", "status": str(status)}
    if who:
        values |= {
            "instance": who,
            "upstream_addr": ADDRESSES.get(who, "127.0.0.1:9999"),
            "upstream_status": str(status),
            "cohort": "v1",
        }
    else:
        values |= NOT_PROXIED
    return parse(line(**{**values, **changes}))


def hit(at: float = START, who: str = "v1-1", status: int = 200, /, **changes: str) -> Hit:
    """The same, as it was read a moment later."""
    return Hit(at + 0.05, access(at, who, status, **changes))


def process(name: str, *, ready: bool = True, age: float = 100.0, restarts: int = 0) -> Process:
    """One process that runs."""
    return Process(
        name=name,
        namespace="services",
        status=ProcessStatus.RUNNING,
        health=ProcessHealth.READY if ready else ProcessHealth.NOT_READY,
        restarts=restarts,
        exit_code=0,
        pid=4000 + sum(map(ord, name)),
        cpu=2.0,
        mem=60 << 20,
        age=age,
    )


def processes(at: float, *, starting: str = "") -> ProcessStates:
    """All of them; one may be starting again."""
    names = [*ADDRESSES, "nginx"]
    found = [process(name, age=round(at - START + 100, 1)) for name in names]
    found = [
        replace(p, health=ProcessHealth.NOT_READY, age=4.0, restarts=1) if p.name == starting else p
        for p in found
    ]
    return ProcessStates(at, tuple(found))


def all_fresh(at: float, *, starting: str = "") -> Iterator[Event]:
    """Every source has just answered, and all is well."""
    yield LogProgress(at, True, 0)
    yield processes(at, starting=starting)
    yield ServiceHealth(at, tuple(ADDRESSES), ())
    yield GatewayState(at, 12, 9, START + 396.5 * 86_400)
    yield PrometheusState(at, 6, 6, 0, ())
    for source in SourceName:
        yield SourceStatus(at, source, SourceState.FRESH)


def model(*events: Event) -> Model:
    """What the events make."""
    folded = Model()
    folded.apply(WORKSPACE)
    for event in events:
        folded.apply(event)
    return folded


def busy_minute() -> Iterator[Event]:
    """90 s of uneven traffic: a limited client, a wrong password, a redirect, a dying v1-2."""
    yield WORKSPACE
    yield from all_fresh(START)
    number = 0
    for second in range(90):
        for part in range(4 + (second * 7) % 9):
            at = START + second + part / 20
            number += 1
            who = ("v1-1", "v1-2", "v1-3", "v2-1")[number % 4]
            ms = {"request_time": f"0.{1 + number * 13 % 9:03d}"}
            names = {"request_id": f"story-{number:06d}", "user_id": f"u-{number % 23:04d}"}
            if number % 31 == 0:
                yield hit(at, "", 429, limit_req_status="REJECTED", **names)
            elif number % 83 == 0:
                yield hit(at, "", 401, remote_user="mallory", **names)
            elif number % 97 == 0:
                yield hit(at, "", 301, server="redirect", uri="/", method="GET", **names)
            elif second == 84 and who == "v1-2":
                yield hit(
                    at,
                    "v1-3",
                    upstream_addr="127.0.0.1:8102, 127.0.0.1:8103",
                    upstream_status="502, 200",
                    upstream_response_time="0.001, 0.002",
                    **names,
                    **ms,
                )
            else:
                who = "v1-1" if second > 84 and who == "v1-2" else who
                cohort = "debug" if who == "v2-1" else "v1"
                yield hit(at, who, cohort=cohort, **names, **ms)
        at = START + second + 0.9
        yield from all_fresh(at, starting="v1-2" if second >= 85 else "")
