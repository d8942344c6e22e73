"""`make start-project`: models, files, processes; ends when every process is ready."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from gateway.agreement import agreement
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.offers import MetricsOffer, metrics_offers
from gateway.processes import read_processes
from gateway.settings import DEMO_PASSWORD, Settings, load_settings
from gateway.supervisor import RAY as NODES
from gateway.supervisor import (
    SOCKET,
    Process,
    Supervisor,
    SupervisorTimeout,
    SupervisorUnreachable,
    ready,
)
from gateway.topology import Topology, load_topology
from gateway.workload import load_workload
from scripts import leftovers, port_check, stack
from scripts.overlay import RAY, Overlay

ROOT = Path(__file__).resolve().parent.parent
LOCK = Path("var/run/start.lock")
RAY_TARGETS = Path("var/ray/targets.json")
"""Whom Prometheus asks while a cluster runs (services/on_ray/loopback.py)."""
READY_TIMEOUT_S = 90.0
# A process-compose that was launched a moment ago has no socket yet.
SUPERVISOR_TIMEOUT_S = 10.0


class _Refused(Exception):
    """The workspace cannot be started. The last of the lines says what it comes to."""

    def __init__(self, code: ExitCode, *lines: str) -> None:
        super().__init__(*lines)
        self.code, self.lines = code, lines


class _Terminated(KeyboardInterrupt):
    """SIGTERM: like Ctrl-C, but only this process was told."""


def main(overlay: Overlay | None = None) -> int:
    """Start the workspace in the background; the exit code says whether all of it is ready.

    `overlay`: what is laid over process-compose.yaml.
    """
    os.chdir(ROOT)
    begun = time.monotonic()
    try:
        with _alone():
            settings = load_settings(ROOT, os.environ)
            topology = load_topology(ROOT, settings)
            path = load_workload(ROOT).path
            processes = _bring_up(settings, topology, overlay)
    except ConfigurationError as error:
        return _fail(ExitCode.USAGE, str(error))
    except stack.StackError as error:
        return _fail(error.code, str(error))
    except _Refused as refused:
        return _fail(refused.code, *refused.lines)
    except (SupervisorTimeout, SupervisorUnreachable) as error:
        return _fail(ExitCode.FAILED, f"{error}: it may be stopping; run this again in a moment")
    _say(f"ready after {time.monotonic() - begun:.1f} s")
    sys.stdout.write(_summary(settings, path, topology, processes))
    return ExitCode.PASS


@contextmanager
def _alone() -> Iterator[None]:
    """Let two of these commands in one folder work one after the other."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    # The kernel lets go of it when we end, however we end.
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another start of this folder to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bring_up(
    settings: Settings, topology: Topology, overlay: Overlay | None
) -> tuple[Process, ...]:
    supervisor = Supervisor(ROOT / SOCKET)
    was_running = _is_running(supervisor)
    if was_running:
        _require_same(supervisor, overlay)
        _say(_runs_already(supervisor, overlay))
        stopped = {process.name for process in ready(supervisor.processes()).failed}
        for name in sorted(stopped):
            _say(f"starting {name}, which had stopped")
            supervisor.start(name)
        # For a moment process-compose still shows how each of them had ended.
        stack.wait_until(
            lambda: not stopped & {each.name for each in ready(supervisor.processes()).failed}, 2.0
        )
    else:
        _launch(settings, topology, overlay)
    try:
        return _wait(supervisor, was_running, overlay)
    except stack.StackError as error:
        if was_running:
            raise
        if supervisor.alive():
            stack.stop(supervisor)
        raise stack.StackError(f"{error}; everything was stopped again", error.code) from None


def _is_running(supervisor: Supervisor) -> bool:
    """Whether process-compose answers; one that is just starting is waited for."""
    if supervisor.alive():
        return True
    if not (found := leftovers.supervisors(ROOT)):
        return False
    if stack.wait_until(supervisor.alive, SUPERVISOR_TIMEOUT_S):
        return True
    raise stack.StackError(
        f"process-compose (pid {found[0].pid}) runs in this folder but does not answer on "
        f"{SOCKET}: end it with `kill {found[0].pid}` and start again"
    )


def _runs_already(supervisor: Supervisor, overlay: Overlay | None) -> str:
    """That it does; and how, where that is not what was asked for."""
    said = "the workspace runs already"
    if overlay is None and any(each.namespace == NODES for each in supervisor.processes()):
        said += f", {RAY.title}: make stop-ray ends it"
    return said


def _require_same(supervisor: Supervisor, overlay: Overlay | None) -> None:
    """Raise where the workspace runs without the overlay that was asked for."""
    if overlay is None:
        return
    running = {process.name for process in supervisor.processes()}
    if not overlay.processes(ROOT).keys() <= running:
        problem = f"the workspace runs, but not {overlay.title}"
        raise _Refused(ExitCode.USAGE, f"{problem}: make stop-project, then start it again")


def _launch(settings: Settings, topology: Topology, overlay: Overlay | None) -> None:
    _require_agreement()
    if left := leftovers.leftovers(ROOT):
        names = ", ".join(f"{entry.name} ({entry.pid})" for entry in left)
        _say(f"ending what a killed process-compose left behind: {names}")
        leftovers.end(left)
    environ = _environ(settings)
    _require_ports(settings, topology, environ["PATH"], overlay)
    if "model" in read_processes(ROOT).names:  # an application of one's own has none to train
        _run("models", "services.gen_model", ["--if-needed"], environ)
    _run("files", "gateway.prepare", [], environ)
    for left_by_a_crash in (SOCKET, RAY_TARGETS):
        left_by_a_crash.unlink(missing_ok=True)
    stack.launch(ROOT, environ, None if overlay is None else overlay.file)


def _require_agreement() -> None:
    """Raise unless the files that repeat a port or a path repeat it correctly."""
    if differences := agreement(ROOT):
        count = "1 line does" if len(differences) == 1 else f"{len(differences)} lines do"
        summary = f"{count} not say what process-compose.yaml says: correct what is listed above"
        raise _Refused(ExitCode.USAGE, *map(str, differences), f"{summary}; nothing was started")


def _require_ports(
    settings: Settings, topology: Topology, path: str, overlay: Overlay | None
) -> None:
    """Raise unless every port can be had."""
    wanted = port_check.needs(settings, topology, path)
    if overlay is not None:
        wanted += overlay.needs(ROOT)
    if taken := port_check.refusals(ROOT, wanted, os.environ):
        count = "1 port is" if len(taken) == 1 else f"{len(taken)} ports are"
        raise _Refused(ExitCode.FAILED, *taken, f"{count} taken; nothing was started")


def _environ(settings: Settings) -> dict[str, str]:
    """What every process gets: the caller's environment over the values of .env."""
    return {
        **os.environ,
        "PATH": stack.search_path(ROOT),
        "GATEWAY_USER": settings.user,
        "GATEWAY_PASSWORD": settings.password,
        "GATEWAY_HTTPS_PORT": str(settings.https_port),
        "GATEWAY_HTTP_PORT": str(settings.http_port),
        "GATEWAY_LISTEN_ADDRESS": settings.listen_address,
    }


def _run(title: str, module: str, arguments: Sequence[str], environ: dict[str, str]) -> None:
    """Run a step of the preparation, which says itself why it fails. Raises _Refused."""
    begun = time.monotonic()
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL) as step:
        try:
            code = step.wait()
        except _Terminated:
            step.terminate()
            raise
        except KeyboardInterrupt:
            # The terminal has told the step as well, and it tidies up. (Popen would leave.)
            step.wait()
            raise
    if code == ExitCode.INTERRUPTED or code == -signal.SIGINT:
        raise KeyboardInterrupt
    if code != 0:
        # Its last line is the reason and stays the last one.
        known = code in list(ExitCode)
        raise _Refused(ExitCode(code) if known else ExitCode.FAILED)
    _say(f"{title:<12} {time.monotonic() - begun:5.1f} s")


def _wait(
    supervisor: Supervisor, was_running: bool, overlay: Overlay | None
) -> tuple[Process, ...]:
    timeout_s = READY_TIMEOUT_S if overlay is None else overlay.ready_timeout_s
    begun = time.monotonic()
    reported: set[str] = set()
    processes: tuple[Process, ...] = ()
    for processes in stack.watch(supervisor, timeout_s):
        for process in ready(processes).ready:
            if process.name not in reported:
                reported.add(process.name)
                if was_running and time.monotonic() - begun < 1:
                    continue  # nothing that anybody waited for
                _say(f"{process.name:<12} {time.monotonic() - begun:5.1f} s")
    return processes


def _summary(
    settings: Settings, path: str, topology: Topology, processes: tuple[Process, ...]
) -> str:
    suffix = "" if settings.http_port == 80 else f":{settings.http_port}"
    rows = [
        ("Gateway", f"{settings.url}{path}   login {settings.user}:{_shown(settings)}"),
        ("", f"http://localhost{suffix} redirects to it"),
        ("Prometheus", f"http://localhost:{topology.prometheus_port}"),
    ]
    grafana = next((process for process in processes if process.name == "grafana"), None)
    if grafana is not None and grafana.pid and stack.alive(grafana.pid):
        rows.append(("Grafana", f"http://localhost:{topology.grafana_port}   login admin:admin"))
    else:
        rows.append(("Grafana", stack.last_words("grafana")))
    offers = metrics_offers(topology)
    if without := [name for name, offer in offers.items() if offer is MetricsOffer.NOT_OFFERED]:
        rows.append(("Metrics", f"not offered by {', '.join(without)}: no /metrics there"))
    lines = [f"{name:<12}{value}" for name, value in rows]
    lines += [
        "",
        "Next:",
        "  make test-api         one prediction by v1",
        "  make test-api-debug   the same sentence, answered by v2",
        "  make stop-project     stop everything",
    ]
    return "\n".join(lines) + "\n"


def _shown(settings: Settings) -> str:
    # The demo login is public; any other password is nobody's business.
    return settings.password if settings.password == DEMO_PASSWORD else "(as in .env)"


def _say(text: str) -> None:
    sys.stderr.write(f"start: {text}\n")
    sys.stderr.flush()


def _fail(code: ExitCode, *lines: str) -> int:
    for line in lines:
        _say(line)
    return code


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


def run(overlay: Overlay | None = None) -> int:
    """`main` as a command: what Ctrl-C and SIGTERM come to as well."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return main(overlay)
    except KeyboardInterrupt:
        reason = "interrupted; run it again to carry on, or make stop-project to stop what runs"
        return _fail(ExitCode.INTERRUPTED, reason)


if __name__ == "__main__":
    raise SystemExit(run())
