"""What a person may change about canary, shadow and drain, and what to be told of it.

Nothing here sends a prediction: the state is files, and nginx looks at them.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from gateway import drained, fragments
from gateway.canary import CanaryError, Experiment, change_experiment, replace_damaged
from gateway.errors import ConfigurationError
from gateway.topology import Instance, Topology
from probes.exchange import ask

COMMAND = "python -m dashboard canary"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be changed; None and False leave it as it is."""

    weight: int | None = None
    shadow: int | None = None
    drain: str | None = None
    undrain: str | None = None
    off: bool = False
    """The kill switch: weight and shadow 0."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change came to."""

    before: Experiment | None
    """None if it could not be read."""
    after: Experiment


def canary_version(topology: Topology) -> str:
    """The version that the canary tries. Raises CanaryError where there is only one."""
    if len(topology.versions) < 2:
        problem = f"declares {len(topology.versions)} version, there is nothing to try"
        raise CanaryError("process-compose.yaml", problem, "declare an instance of another")
    return topology.versions[1]


def change(root: Path, topology: Topology, wanted: Wanted) -> Changed:
    """Do it, in one step. Raises ConfigurationError (nothing has changed then), OSError."""
    _check_prepared(root, topology, wanted.drain)
    try:
        before, after = change_experiment(root, lambda now: changed(now, wanted, topology))
    except CanaryError as error:
        # The kill switch works whatever the state is like.
        if wanted != Wanted(off=True) or not error.place.file.startswith("var/"):
            raise
        return Changed(None, replace_damaged(root))
    return Changed(before, after)


def changed(now: Experiment, wanted: Wanted, topology: Topology) -> Experiment:
    """What `wanted` makes of the state. Raises CanaryError with what to do instead."""
    after = now.off if wanted.off else now
    if wanted.weight is not None:
        after = replace(after, weight=wanted.weight)
    if wanted.shadow is not None:
        after = replace(after, shadow=wanted.shadow)
    if after.weight or after.shadow:
        canary_version(topology)
    if wanted.undrain is not None:
        if now.drained != wanted.undrain:
            fix = "nothing is drained" if now.drained is None else f"{now.drained} is"
            raise CanaryError("--undrain", f"{wanted.undrain} is not drained", fix)
        after = replace(after, drained=None)
    if wanted.drain is not None:
        _check_drain(after, wanted.drain, topology)
        after = replace(after, drained=wanted.drain)
    return after


def way_back(changed: Changed) -> str | None:
    """The command that undoes a change; None if nothing changed or nobody knows what was."""
    before, after = changed.before, changed.after
    if before is None or before == after:
        return None
    words = []
    if before.weight != after.weight:
        words.append(str(before.weight))
    if before.shadow != after.shadow:
        words.append(f"--shadow {before.shadow}")
    if before.drained != after.drained:
        words += [] if after.drained is None else [f"--undrain {after.drained}"]
        words += [] if before.drained is None else [f"--drain {before.drained}"]
    return f"{COMMAND} {' '.join(words)}"


def answers(instance: Instance) -> bool:
    """Whether an instance itself says that it is ready."""
    try:
        return ask(instance.port, "GET", "/healthz").status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def warnings(
    changed: Changed, topology: Topology, answers: Callable[[Instance], bool] = answers
) -> list[str]:
    """What works, and will not do what was hoped for. Asks the instances that matter."""
    before, after = changed.before or Experiment(), changed.after
    found = []
    grown = after.weight > before.weight or after.shadow > before.shadow
    if (after.weight or after.shadow) and (grown or before.drained != after.drained):
        tried = [i for i in topology.instances if i.version == canary_version(topology)]
        left = [each for each in tried if each.name != after.drained]
        names = ", ".join(each.name for each in tried)
        consequence = " and ".join(
            ([f"{topology.versions[0]} answers the canary"] if after.weight else [])
            + (["no copy is answered"] if after.shadow else [])
        )
        if not left:
            found.append(f"{names} is drained: {consequence}")
        elif not any(map(answers, left)):
            found.append(f"{names} does not answer: {consequence} until it does")
    if after.drained is not None and after.drained != before.drained:
        version = topology.served.get(after.drained)
        others = [
            each
            for each in topology.instances
            if each.version == version and each.name != after.drained
        ]
        if not others:
            found.append(f"{after.drained} is the only one of {version}: who asks for it gets 503")
        elif not any(map(answers, others)):
            names = ", ".join(each.name for each in others)
            found.append(f"of {version} only {after.drained} answers; {names} must take its share")
    return found


def _check_drain(now: Experiment, name: str, topology: Topology) -> None:
    served = topology.served
    if name not in served:
        fix = f"there are {', '.join(served)}"
        raise CanaryError("--drain", f"there is no instance {name!r}", fix)
    if now.drained not in (None, name):
        fix = f"first `{COMMAND} --undrain {now.drained}`, or both in one command"
        raise CanaryError("--drain", f"{now.drained} is drained, one at a time", fix)
    stable = topology.versions[0]
    if served[name] == stable and list(served.values()).count(stable) == 1:
        fix = "nobody would be served"
        raise CanaryError("--drain", f"{name} is the only instance of {stable}", fix)


def _check_prepared(root: Path, topology: Topology, drain: str | None) -> None:
    """Raises ConfigurationError where nginx was set up by a program that knew none of this."""
    fix = "run `make start-project`, which writes it"
    try:
        text = (root / drained.CHOICE).read_text(encoding="utf-8")
    except FileNotFoundError:
        if not (root / fragments.LISTEN_HTTPS).exists():
            return  # never started: the first start writes it
        problem = "is missing, the gateway was prepared by an earlier version"
        raise ConfigurationError(drained.CHOICE, problem, fix) from None
    if drain in topology.served and f"/drained-{drain})" not in text:
        problem = f"does not know {drain}, the gateway was prepared before it was declared"
        raise ConfigurationError(drained.CHOICE, problem, fix)
