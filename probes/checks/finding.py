"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from probes.verdict import Verdict
from probes.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Finding:
    """What one run of a check saw."""

    verdict: Verdict
    evidence: str
    """One line: what was seen, and what was expected where that differs."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the stack and how to see whether it is kept."""

    id: str
    """As after `--only`; never changed, since scripts depend on it."""
    title: str
    run: Callable[[Workspace], Finding]
    """Asks the running stack. An OSError or HTTPException counts as an error."""
    command: Callable[[Workspace], str]
    """What a person can type to see the same."""


@dataclass(frozen=True, slots=True)
class Result:
    """A check that was run, or was left out."""

    check: Check
    finding: Finding
    seconds: float
    command: str


def one_line(text: str) -> str:
    """`text` without anything that could steer a terminal; others' words may hold anything."""
    return "".join(c if c.isprintable() else " " for c in text)


def passed(evidence: str) -> Finding:
    """It is as it should be."""
    return Finding(Verdict.PASSED, evidence)


def failed(evidence: str) -> Finding:
    """It is not as it should be."""
    return Finding(Verdict.FAILED, evidence)


def judged(problems: list[str], evidence: str) -> Finding:
    """Failed with the problems if there are any, else passed with the evidence."""
    return failed("; ".join(problems)) if problems else passed(evidence)
