"""The checks: all of them or some, told result by result."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dashboard.trials.base import TrialName
from dashboard.trials.checks import Begun, ChecksStep, Down, Listed, Outcome, Promise
from gateway.errors import ConfigurationError
from probes.check import TIMEOUT_S
from probes.checks.absence import absence
from probes.checks.registry import CHECKS, chosen, run_all
from probes.workspace import Workspace, load_workspace


def list_checks(root: Path) -> Listed:
    """Every check of the workspace at `root`; why it cannot be read is said by the answer."""
    try:
        return _listed(load_workspace(root, os.environ))
    except ConfigurationError as error:
        return _unreadable(error)


def _unreadable(error: ConfigurationError) -> Listed:
    return Listed(tuple(Promise(c.id, c.title, "") for c in CHECKS), str(error))


def _listed(workspace: Workspace) -> Listed:
    return Listed(tuple(Promise(c.id, c.title, c.command(workspace)) for c in CHECKS))


@dataclass(frozen=True, slots=True)
class RunChecks:
    """Runs checks one after the other."""

    root: Path
    ids: tuple[str, ...] = ()
    """Which ones; () is all."""
    earlier: tuple[Outcome, ...] = ()
    """Results that are to be kept until there are new ones."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    trial: TrialName = TrialName.CHECKS

    def steps(self, stop: threading.Event) -> Iterator[ChecksStep]:
        """Run them; `stop` ends the run after the present one.

        Raises ValueError for an id that there is not.
        """
        checks = chosen(self.ids)
        yield Begun(self.clock(), tuple(check.id for check in checks), self.earlier)
        try:
            workspace = load_workspace(self.root, os.environ)
        except ConfigurationError as error:
            yield _unreadable(error)
            return
        yield _listed(workspace)
        if lines := absence(workspace):
            yield Down(lines)
            return
        for result in run_all(checks, workspace, TIMEOUT_S):
            finding = result.finding
            yield Outcome(
                self.clock(),
                result.check.id,
                finding.verdict,
                finding.evidence,
                result.seconds,
                result.command,
            )
            if stop.is_set():
                return
