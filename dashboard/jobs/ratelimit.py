"""The rate-limit test: one volley, told answer by answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dashboard.trials.base import TrialName
from dashboard.trials.ratelimit import Answered, Before, LimitRead, RateLimitStep, Sending, Volley
from gateway.errors import ConfigurationError
from probes.addresses import rested
from probes.checks.absence import absence
from probes.checks.curl import login, predict
from probes.limit_files import find_limit
from probes.ratelimit import Plan, default_plan, volley
from probes.workspace import Workspace, load_workspace


def read_limit(root: Path) -> LimitRead:
    """What the files below `root` say; that they cannot be read is said by the answer, too."""
    try:
        return _read(load_workspace(root, os.environ))
    except ConfigurationError as error:
        return _unreadable(error)


def _unreadable(error: ConfigurationError) -> LimitRead:
    return LimitRead("", None, "", str(error))


def _read(workspace: Workspace) -> LimitRead:
    workload = workspace.workload
    status_only = ["-o", "/dev/null", "-w", "%{http_code}\\n"]
    return LimitRead(
        target=f"{workload.method} {workload.path}",
        limit=find_limit(workspace.root, workload.path),
        request=predict(workspace, *login(workspace), *status_only),
    )


@dataclass(frozen=True, slots=True)
class Burst:
    """Sends the requests of a plan and tells every answer."""

    root: Path
    plan: Plan | None = None
    """None: the default for the limit that the files state."""
    before: tuple[Volley, ...] = ()
    """Volleys that are to be shown with it."""
    trial: TrialName = TrialName.RATE_LIMIT

    def steps(self, stop: threading.Event) -> Iterator[RateLimitStep]:
        """Send; `stop` is looked at after each answer.

        Raises OSError, with a line for each cause, when the gateway cannot be reached.
        """
        yield Before(self.before)
        try:
            workspace = load_workspace(self.root, os.environ)
            read = _read(workspace)
        except ConfigurationError as error:
            yield _unreadable(error)
            return
        yield read
        if read.limit is None:
            return
        plan = self.plan or default_plan(read.limit)
        source = rested(workspace.settings)
        yield Sending(plan, source)
        try:
            with closing(volley(workspace, source, plan)) as shots:
                for shot in shots:
                    yield Answered(shot)
                    if stop.is_set():
                        return
        except OSError as error:
            raise OSError("\n".join(absence(workspace)) or str(error)) from error
