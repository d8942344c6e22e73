"""Who answers: the password, the header that chooses a version, the spread over instances."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count

from gateway.canary import CanaryError, Experiment, read_experiment
from gateway.cohort import BUCKETS, bucket_of_user
from gateway.supervisor import RAY, SOCKET, Supervisor, SupervisorError
from probes.addresses import CHECK_SOURCES, available
from probes.balance import ALPHA, p_value
from probes.checks.curl import login, predict
from probes.checks.finding import Finding, judged
from probes.exchange import Caller
from probes.sources import NO_CHOICE, PER_SOURCE
from probes.verdict import Verdict
from probes.workspace import Workspace

HEADER = "X-Experiment-Group"
USER_HEADER = "X-User-Id"
CONTROL = {HEADER: "control"}
"""What asks for the first version, also while a canary runs."""
WRONG_PASSWORD = "not-the-password"  # noqa: S105 - sent to be refused

AUTH_SOURCE, ROUTING_SOURCE = CHECK_SOURCES[0], CHECK_SOURCES[1]
BALANCE_SOURCES = CHECK_SOURCES[4:]

REFUSED_S = 1.0
"""As `Retry-After` says; the check was run a moment ago, or something else uses its addresses."""
MAX_WAITS = 4


def source(workspace: Workspace, address: str) -> str:
    """`address` where this machine has it, else the one that the system chooses."""
    return available(workspace.settings, (address,))[0]


def auth(workspace: Workspace) -> Finding:
    """The right login is let in, a wrong or missing one is not."""
    user = workspace.settings.user
    cases = (
        ("right password", True, HTTPStatus.OK),
        ("wrong password", (user, WRONG_PASSWORD), HTTPStatus.UNAUTHORIZED),
        ("no password", None, HTTPStatus.UNAUTHORIZED),
    )
    problems, seen = [], []
    with Caller(workspace, source(workspace, AUTH_SOURCE)) as caller:
        for name, credentials, expected in cases:
            answer = caller.predict(login=credentials)
            seen.append(f"{name} {answer.status}")
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                # Let in, but nobody was there: that says nothing about the password.
                return Finding(Verdict.ERROR, f"{name}: {answer.status}, no instance answered")
            if answer.status != expected:
                problems.append(f"{name}: {answer.status}, expected {expected.value}")
            elif expected is HTTPStatus.UNAUTHORIZED:
                challenge = answer.headers.get("www-authenticate", "")
                if not challenge.lower().startswith("basic"):
                    problems.append(f"{name}: no WWW-Authenticate: Basic")
    return judged(problems, ", ".join(seen))


def auth_command(workspace: Workspace) -> str:
    """A wrong password, which has to be refused."""
    user = workspace.settings.user
    return predict(workspace, "--user", f"{user}:{WRONG_PASSWORD}")


def routing(workspace: Workspace) -> Finding:
    """The header chooses the version; without it, or with any other value, the bucket does."""
    try:
        experiment = read_experiment(workspace.root)
    except CanaryError as error:
        return Finding(Verdict.ERROR, str(error))
    version_of = workspace.topology.version_of
    problems, seen = [], []
    with Caller(workspace, source(workspace, ROUTING_SOURCE)) as caller:
        for name, headers, version in _cases(workspace, experiment):
            answer = caller.predict(headers)
            found = answer.instance or "somebody without X-Instance"
            if answer.status != HTTPStatus.OK:
                problems.append(f"{name}: status {answer.status}, expected {version}")
            elif version_of(answer.instance) != version:
                problems.append(f"{name}: answered by {found}, expected {version}")
            elif answer.instance == experiment.drained:
                problems.append(f"{name}: answered by {found}, which is drained")
            else:
                seen.append(f"{name} -> {answer.instance}")
    return judged(problems, ", ".join(seen))


def _cases(
    workspace: Workspace, experiment: Experiment
) -> Iterator[tuple[str, dict[str, str], str]]:
    """What is asked: its name, its headers, and the version that has to answer."""
    first, *others = workspace.topology.versions
    in_service = [
        each.version for each in workspace.topology.instances if each.name != experiment.drained
    ]
    # Where every instance of the second version is drained, nobody is there to be asked for.
    second = others[0] if others and others[0] in in_service else None
    last = {USER_HEADER: user_in(BUCKETS - 1)}
    without = second if experiment.weight == BUCKETS and second else first
    yield "no header", last, without
    yield "control", {HEADER: "control"}, first
    yield "anything else", {HEADER: "anything else", **last}, without
    if second is not None:
        yield "debug", {HEADER: "debug"}, second
    # The first two have names of their own; any other is asked for by its version.
    for version in others[1:]:
        if version in in_service:
            yield version, {HEADER: version}, version
    if experiment.weight:
        name = f"canary of {experiment.weight} %"
        yield name, {USER_HEADER: user_in(0)}, second or first


def user_in(bucket: int) -> str:
    """An X-User-Id that is in that bucket."""
    return next(user for n in count() if bucket_of_user(user := f"check-{n}") == bucket)


def routing_command(workspace: Workspace) -> str:
    """The version that only the header reaches."""
    return predict(workspace, *login(workspace), "--header", f"{HEADER}: debug")


def balance(workspace: Workspace) -> Finding:
    """The requests of this check spread evenly over the instances of the first version."""
    try:
        drained = read_experiment(workspace.root).drained
    except CanaryError as error:
        return Finding(Verdict.ERROR, str(error))
    names = [instance.name for instance in workspace.stable if instance.name != drained]
    if len(names) < 2:
        return Finding(Verdict.NOT_MEASURED, f"{names[0]} is alone, there is nothing to spread")
    before = _running(workspace, names)
    if isinstance(before, str):
        return Finding(Verdict.INCONCLUSIVE, before)
    statuses, hits = _spread(workspace)
    after = _running(workspace, names)
    if isinstance(after, str) or before.runs != after.runs:
        reason = after if isinstance(after, str) else "an instance was restarted meanwhile"
        return Finding(Verdict.INCONCLUSIVE, reason)
    if set(statuses) != {200}:
        found = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        what = "not every request was answered"
        return Finding(Verdict.INCONCLUSIVE, f"{what}, so shares say nothing: {found}")
    if before.engine:
        # It may have more of them than are declared, and knows nothing of a drained one.
        stable = workspace.topology.versions[0]
        names = sorted({*names, *(n for n in hits if workspace.topology.version_of(n) == stable)})
    problems = [f"{hits[name]} answered by {name or 'nobody'}" for name in hits.keys() - names]
    shares = f"{', '.join(f'{name} {hits[name]}' for name in names)} of {statuses.total()}"
    if before.engine:
        return judged(problems, f"{shares}; by {before.engine}, which asks whoever is free")
    probability = p_value([hits[name] for name in names])
    if probability < ALPHA:
        problems.append(f"uneven: {shares} (chi-square p = {probability:.2g}, below {ALPHA})")
    return judged(problems, f"{shares}; chi-square p = {probability:.3g}, alpha {ALPHA}")


def balance_command(workspace: Workspace) -> str:
    """Some requests, counted by who answered."""
    command = predict(workspace, *login(workspace), "--header", f"{HEADER}: control")
    who = "grep -i '^x-instance' | sort | uniq -c"
    return f"for n in $(seq 18); do {command}; echo; done | {who}"


def _spread(workspace: Workspace) -> tuple[Counter[int], Counter[str]]:
    """Statuses and instances of as many requests as the limit lets through at once."""
    sources = available(workspace.settings, BALANCE_SOURCES)
    # The burst lets 20 through, too, where there is one address only.
    each = 2 * PER_SOURCE if sources == NO_CHOICE else PER_SOURCE
    statuses: Counter[int] = Counter()
    hits: Counter[str] = Counter()
    waits = MAX_WAITS
    for address in sources:
        with Caller(workspace, address) as caller:
            for _ in range(each):
                answer = caller.predict(CONTROL)
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS and waits:
                    # Refused, so no instance was asked: once more when it may be.
                    waits -= 1
                    time.sleep(REFUSED_S)
                    answer = caller.predict(CONTROL)
                statuses[answer.status] += 1
                if answer.status == HTTPStatus.OK:
                    hits[answer.instance] += 1
    return statuses, hits


@dataclass(frozen=True, slots=True)
class _Running:
    runs: dict[str, tuple[int, int]]
    """Pid and restarts of each instance."""
    engine: str = ""
    """Who spreads the requests in the stead of the gateway, where somebody does."""


def _running(workspace: Workspace, names: list[str]) -> _Running | str:
    """What the instances are, or why they are not all known to be ready."""
    try:
        processes = Supervisor(workspace.root / SOCKET).processes()
    except (OSError, SupervisorError) as error:
        return f"nobody knows whether all were ready: {error}"
    found = {process.name: process for process in processes if process.name in names}
    if waiting := [name for name in names if name not in found or not found[name].is_ready]:
        return f"not ready: {', '.join(waiting)}"
    runs = {name: (found[name].pid, found[name].restarts) for name in names}
    nodes = any(process.namespace == RAY for process in processes)
    return _Running(runs, "Ray Serve" if nodes else "")
