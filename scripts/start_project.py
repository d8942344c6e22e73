"""`make start-project`: models, files, processes; ends when every process is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import DEMO_PASSWORD, Settings, load_settings
from gateway.supervisor import SOCKET, Process, Supervisor, ready
from gateway.topology import Topology, load_topology
from scripts import stack

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 90.0


def main() -> int:
    """Start the workspace in the background; the exit code says whether all of it is ready."""
    os.chdir(ROOT)
    begun = time.monotonic()
    try:
        settings = load_settings(ROOT, os.environ)
        topology = load_topology(ROOT, settings)
    except ConfigurationError as error:
        return _fail(str(error), ExitCode.USAGE)
    supervisor = Supervisor(ROOT / SOCKET)
    was_running = supervisor.alive()
    if was_running:
        _say("the workspace runs already")
        for process in ready(supervisor.processes()).failed:
            _say(f"starting {process.name}, which had stopped")
            supervisor.start(process.name)
    else:
        environ = _environ(settings)
        for title, module, arguments in (
            ("models", "services.gen_model", ["--if-needed"]),
            ("files", "gateway.prepare", []),
        ):
            if code := _run(title, module, arguments, environ):
                return code
        SOCKET.unlink(missing_ok=True)  # left by a machine that went down
        if taken := _taken_ports(topology):
            return _fail(
                f"port {taken[0]} is in use by another program: stop it, or give the port in "
                ".env (gateway) or process-compose.yaml another number",
                ExitCode.FAILED,
            )
        try:
            stack.launch(ROOT, environ)
        except stack.StackError as error:
            return _fail(str(error), ExitCode.FAILED)
    try:
        processes = _wait(supervisor, was_running)
    except stack.StackError as error:
        if was_running:
            return _fail(str(error), ExitCode.FAILED)
        if supervisor.alive():
            stack.stop(supervisor)
        return _fail(f"{error}; everything was stopped again", ExitCode.FAILED)
    _say(f"ready after {time.monotonic() - begun:.1f} s")
    sys.stdout.write(_summary(settings, topology, processes))
    return ExitCode.PASS


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


def _run(title: str, module: str, arguments: list[str], environ: dict[str, str]) -> int:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode == 0:
        _say(f"{title:<12} {time.monotonic() - begun:5.1f} s")
    return done.returncode


def _taken_ports(topology: Topology) -> list[int]:
    ports = [
        topology.https_port,
        topology.http_port,
        topology.status_port,
        *(instance.port for instance in topology.instances),
        topology.exporter_port,
        topology.prometheus_port,
    ]
    return [port for port in ports if stack.listening(port)]


def _wait(supervisor: Supervisor, was_running: bool) -> tuple[Process, ...]:
    begun = time.monotonic()
    reported: set[str] = set()
    processes: tuple[Process, ...] = ()
    for processes in stack.watch(supervisor, READY_TIMEOUT_S):
        for process in ready(processes).ready:
            if process.name not in reported:
                reported.add(process.name)
                if was_running and time.monotonic() - begun < 1:
                    continue  # nothing that anybody waited for
                _say(f"{process.name:<12} {time.monotonic() - begun:5.1f} s")
    return processes


def _summary(settings: Settings, topology: Topology, processes: tuple[Process, ...]) -> str:
    suffix = "" if settings.http_port == 80 else f":{settings.http_port}"
    rows = [
        ("Gateway", f"{settings.url}/predict   login {settings.user}:{_shown(settings)}"),
        ("", f"http://localhost{suffix} redirects to it"),
        ("Prometheus", f"http://localhost:{topology.prometheus_port}"),
    ]
    grafana = next((process for process in processes if process.name == "grafana"), None)
    if grafana is not None and grafana.pid and stack.alive(grafana.pid):
        rows.append(("Grafana", f"http://localhost:{topology.grafana_port}   login admin:admin"))
    else:
        rows.append(("Grafana", stack.last_words("grafana")))
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


def _fail(reason: str, code: ExitCode) -> int:
    _say(reason)
    return code


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = _fail("interrupted; make stop-project stops what was started", ExitCode.INTERRUPTED)
    raise SystemExit(code)
