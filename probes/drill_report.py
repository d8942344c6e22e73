"""What a drill measured, what that comes to, and how it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.accesslog import Access
from gateway.exit_codes import ExitCode
from gateway.visible import visible
from probes.drill_target import Fault, Target
from probes.steady_load import Answered
from probes.verdict import Verdict

REFUSED = 429
_DONE = {Fault.KILL: "killed", Fault.FREEZE: "frozen"}
_SETTLED_S = 0.5
"""So long after its return requests may still fail that had waited for it."""
_CLOCK_S = 0.01
"""nginx takes the time of a log line from the start of its turn, so a little too early."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was seen. Moments are time.time()."""

    target: Target
    rate: float
    sources: int
    answers: tuple[Answered, ...]
    run: str
    """How the ids of the requests of this load begin."""
    accesses: tuple[Access, ...]
    """The lines of the access log meanwhile, of all clients."""
    killed: float | None
    """None if the load went wrong before."""
    ready_again: float | None
    """None if that did not happen in time."""
    detected: float | None = None
    """When process-compose, or the pid file of nginx, first showed it; None if they did not."""
    stopped: bool = False
    """Somebody ended the drill before it had seen everything."""


@dataclass(frozen=True, slots=True)
class Report:
    """The drill in figures. Seconds are counted from the kill, None where nothing was seen."""

    verdict: Verdict
    reason: str
    victim: str
    pid: int
    killed: bool
    """False if the load went wrong before; then nothing can be lost through the kill either."""
    rate: float
    sources: int
    sent: int
    statuses: dict[str, int]
    """How many requests had which answer; "none" for those without one."""
    lost: int
    """Requests without a 200 at the first try, but for those that the rate limit refused; and
    those of other clients that were answered with 5xx after the kill."""
    retries: int
    """Requests of any client that nginx gave to a second instance as the first one failed."""
    failover_s: float | None
    """Until the first request that had met the dead instance was answered by another one."""
    slowest_s: float | None
    """The longest that a client waited for such a request."""
    ready_again_s: float | None
    """Until process-compose called the new process ready."""
    serving_again_s: float | None
    """Until nginx had an answer from the new process; of an instance only."""
    fault: Fault = Fault.KILL
    detected_s: float | None = None
    """Until the dashboard could know: a request passed on by nginx, or what process-compose (for
    nginx its pid file) says."""


def report(measured: Measured) -> Report:
    """Sum up. Pure."""
    answers, killed = measured.answers, measured.killed
    statuses = Counter("none" if each.status is None else str(each.status) for each in answers)
    after = [] if killed is None else [a for a in measured.accesses if a.time >= killed - _CLOCK_S]
    lost = 0 if killed is None else sum(_is_lost(each) for each in answers)
    lost += sum(a.status >= 500 for a in after if not a.request_id.startswith(measured.run))
    instance = measured.target.instance
    address = "" if instance is None else instance.address
    met = [access for access in after if _met(access, address)]
    rescued = [access for access in met if access.status == 200]
    again = [
        access.time
        for access in after
        if measured.ready_again is not None
        and access.time >= measured.ready_again
        and access.upstream == address
        and access.status == 200
    ]
    signals = [access.time for access in met]
    if measured.detected is not None:
        signals.append(measured.detected)
    verdict, reason = _verdict(measured, statuses, lost, len(met))
    return Report(
        verdict=verdict,
        reason=reason,
        victim=measured.target.name,
        pid=measured.target.pid,
        killed=killed is not None,
        rate=measured.rate,
        sources=measured.sources,
        sent=len(answers),
        statuses=dict(sorted(statuses.items())),
        lost=lost,
        retries=sum(access.retried for access in after),
        failover_s=_since(killed, min((access.time for access in rescued), default=None)),
        slowest_s=max((access.request_time for access in rescued), default=None),
        ready_again_s=_since(killed, measured.ready_again),
        serving_again_s=_since(killed, min(again, default=None)),
        fault=measured.target.fault,
        detected_s=_since(killed, min(signals, default=None)),
    )


def document(found: Report) -> dict[str, Any]:
    """As `drill --json` prints it (probes/drill.schema.json)."""
    return {
        "outcome": found.verdict.value,
        "reason": found.reason,
        "victim": found.victim,
        "pid": found.pid,
        "killed": found.killed,
        "rate": found.rate,
        "sources": found.sources,
        "sent": found.sent,
        "statuses": found.statuses,
        "lost": found.lost,
        "retries": found.retries,
        "failover_s": found.failover_s,
        "slowest_s": found.slowest_s,
        "ready_again_s": found.ready_again_s,
        "serving_again_s": found.serving_again_s,
        "fault": found.fault.value,
        "detected_s": found.detected_s,
    }


def from_document(value: Mapping[str, Any]) -> Report:
    """The inverse of document. Raises KeyError, TypeError, ValueError."""

    def seconds(name: str) -> float | None:
        return None if value[name] is None else float(value[name])

    return Report(
        verdict=Verdict(value["outcome"]),
        reason=str(value["reason"]),
        victim=str(value["victim"]),
        pid=int(value["pid"]),
        killed=bool(value["killed"]),
        rate=float(value["rate"]),
        sources=int(value["sources"]),
        sent=int(value["sent"]),
        statuses={str(name): int(count) for name, count in dict(value["statuses"]).items()},
        lost=int(value["lost"]),
        retries=int(value["retries"]),
        failover_s=seconds("failover_s"),
        slowest_s=seconds("slowest_s"),
        ready_again_s=seconds("ready_again_s"),
        serving_again_s=seconds("serving_again_s"),
        # A recording from before has neither.
        fault=Fault(value.get("fault", Fault.KILL)),
        detected_s=seconds("detected_s") if "detected_s" in value else None,
    )


def lines(found: Report) -> list[str]:
    """For a person."""
    rows = (
        ("verdict", f"{found.verdict.value}: {found.reason}"),
        (_DONE[found.fault], f"{found.victim} (pid {found.pid})" if found.killed else "nobody"),
        ("load", f"{found.rate:g} requests/s from {found.sources} addresses"),
        ("sent", f"{found.sent} ({_counts(found.statuses)})"),
        ("lost", str(found.lost)),
        ("retries", f"{found.retries} requests went to a second instance"),
        ("detected", _seconds(found.detected_s, 3)),
        ("failover", _seconds(found.failover_s, 3)),
        ("slowest", _seconds(found.slowest_s, 3)),
        ("ready again", _seconds(found.ready_again_s, 2)),
        ("serving again", _seconds(found.serving_again_s, 2)),
    )
    return [visible(f"{name:<14}{value}") for name, value in rows]


def exit_code(found: Report) -> ExitCode:
    """Anything but a pass is a failure."""
    return ExitCode.PASS if found.verdict is Verdict.PASSED else ExitCode.FAILED


def unclean(answers: Sequence[Answered]) -> str:
    """Why a load without any kill is no fit basis, "" if every request was answered 200."""
    bad = [each for each in answers if each.status != 200 or each.repeated]
    if not bad:
        return ""
    first = bad[0].error or f"status {bad[0].status}"
    return f"{len(bad)} of {len(answers)} requests went wrong before anything was killed: {first}"


def _verdict(
    measured: Measured, statuses: Counter[str], lost: int, met: int
) -> tuple[Verdict, str]:
    if measured.killed is None:
        reason = "stopped before anything was killed" if measured.stopped else "nothing was killed"
        return Verdict.INCONCLUSIVE, unclean(measured.answers) or reason
    target, back = measured.target, measured.ready_again
    if lost and not target.is_gateway:
        return Verdict.FAILED, f"{lost} of {len(measured.answers)} requests were lost"
    if back is None and measured.stopped:
        return Verdict.INCONCLUSIVE, f"stopped before {target.name} was ready again"
    if back is None:
        return Verdict.FAILED, f"{target.name} did not become ready again in time"
    if statuses[str(REFUSED)]:
        what = "met the rate limit: something else sends from the same addresses"
        return Verdict.INCONCLUSIVE, f"{statuses[str(REFUSED)]} requests {what}"
    if target.stable and not met:
        reason = "no request met the dead instance, so nothing had to fail over: raise --rate"
        return Verdict.INCONCLUSIVE, reason
    still = [each for each in measured.answers if each.sent > back + _SETTLED_S and _is_lost(each)]
    if still:
        return Verdict.FAILED, f"{len(still)} requests failed after {target.name} was back"
    gone = f"{lost} of {len(measured.answers)} requests were" if lost else "no request was"
    return Verdict.PASSED, f"{gone} lost, {target.name} is back{_by_whom(target)}"


def _by_whom(target: Target) -> str:
    return f" by `process-compose process restart {target.name}`" if target.needs_a_person else ""


def _is_lost(answer: Answered) -> bool:
    # The client repeats by itself what broke; others would have lost it.
    return answer.status not in (200, REFUSED) or answer.repeated


def _met(access: Access, address: str) -> bool:
    """Whether nginx tried the dead instance for this request and gave up on it."""
    attempts = access.upstream_attempts
    return any(each.address == address and each.retried for each in attempts)


def _since(killed: float | None, moment: float | None) -> float | None:
    if killed is None or moment is None:
        return None
    return round(max(0.0, moment - killed), 3)


def _seconds(value: float | None, digits: int) -> str:
    return "not seen" if value is None else f"{value:.{digits}f} s"


def _counts(statuses: dict[str, int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in statuses.items()) or "none"
