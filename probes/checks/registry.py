"""Every check, in the order in which they are run and shown, and how one is run."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Sequence

from probes.checks import files, limits, observation, paths, routing, tls
from probes.checks.finding import Check, Finding, Result, one_line
from probes.exchange import words
from probes.verdict import Verdict
from probes.workspace import Workspace

CHECKS: tuple[Check, ...] = (
    Check("processes", "Every process is ready", files.processes, files.processes_command),
    Check("files", "The files agree", files.files, files.files_command),
    Check("tls", "TLS 1.2 and 1.3, nothing older", tls.versions, tls.versions_command),
    Check("certificate", "The certificate", tls.certificate, tls.certificate_command),
    Check("redirect", "HTTP is redirected", tls.redirect, tls.redirect_command),
    Check("auth", "The password is needed", routing.auth, routing.auth_command),
    Check("routing", "The header chooses the version", routing.routing, routing.routing_command),
    Check("balance", "Instances share the work", routing.balance, routing.balance_command),
    Check("rate-limit", "The rate limit holds", limits.rate_limit, limits.rate_limit_command),
    Check("hidden-paths", "Nothing else is reachable", paths.hidden_paths,
          paths.hidden_paths_command),
    Check("request-id", "Every request has an id", paths.request_id, paths.request_id_command),
    Check("errors", "Errors are JSON", paths.error_bodies, paths.error_bodies_command),
    Check("prometheus", "Prometheus sees everything", observation.prometheus,
          observation.prometheus_command),
)  # fmt: skip
"""Their ids are documented and stay."""


def chosen(ids: Sequence[str]) -> tuple[Check, ...]:
    """The checks with these ids in the order of CHECKS, all for none. Raises ValueError."""
    known = [check.id for check in CHECKS]
    for wanted in ids:
        if wanted not in known:
            raise ValueError(f"there is no check {wanted!r}; there are {', '.join(known)}")
    return tuple(check for check in CHECKS if not ids or check.id in ids)


def run(check: Check, workspace: Workspace) -> Result:
    """Run one check. Raises nothing that the network or the stack can cause."""
    begun = time.monotonic()
    try:
        finding = check.run(workspace)
    except (OSError, http.client.HTTPException) as error:
        finding = Finding(Verdict.ERROR, words(error))
    return _result(check, workspace, finding, time.monotonic() - begun)


def run_all(checks: Sequence[Check], workspace: Workspace, timeout_s: float) -> Iterator[Result]:
    """Run the checks one after the other; each result as soon as it is there.

    After `timeout_s` seconds together the one that runs is an error and the rest is not
    measured.
    """
    deadline = time.monotonic() + timeout_s
    for check in checks:
        begun = time.monotonic()
        if begun >= deadline:
            yield left_out(check, workspace, f"not begun within {timeout_s:g} s")
            continue
        done: list[Result] = []
        # A daemon: one that hangs must not keep the program from ending.
        thread = threading.Thread(
            target=_collect, args=(check, workspace, done), name=check.id, daemon=True
        )
        thread.start()
        thread.join(deadline - begun)
        if done:
            yield done[0]
        else:
            finding = Finding(Verdict.ERROR, f"no result within {timeout_s:g} s")
            yield _result(check, workspace, finding, time.monotonic() - begun)


def left_out(check: Check, workspace: Workspace, reason: str) -> Result:
    """The result of a check that was not run."""
    return _result(check, workspace, Finding(Verdict.NOT_MEASURED, reason), 0.0)


def _collect(check: Check, workspace: Workspace, done: list[Result]) -> None:
    try:
        done.append(run(check, workspace))
    except Exception as error:  # in a thread nobody would see it
        finding = Finding(Verdict.ERROR, f"the check itself failed: {error!r}")
        done.append(_result(check, workspace, finding, 0.0))


def _result(check: Check, workspace: Workspace, finding: Finding, seconds: float) -> Result:
    plain = one_line(finding.evidence)
    return Result(check, Finding(finding.verdict, plain), seconds, check.command(workspace))
