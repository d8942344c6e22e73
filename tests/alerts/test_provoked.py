"""Every alert, provoked for real: the rules as they are, in a Prometheus that runs them.

In a clone on ports of its own, because its services are started with FAULTS_FILE. One story, since
most of the time is what each alert waits before it fires; `make test` runs it beside tests/stack.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from gateway.agreement import agreement
from gateway.atomic import replace_file
from gateway.certificates import CERTIFICATE
from gateway.supervisor import SOCKET, Supervisor
from rollout.state import Phase
from rollout.store import read_log
from scripts.stack import wait_until
from tests.stack.clone import Clone, cloned
from tests.stack.hurting import frozen, process

OFFSET = 3000
FAULTS = Path("var/faults.json")
RATE = 10
SLOW_MS = 30
"""Slower than the objective of 25 ms."""
POLICY = """\
shadow: {percent: 0}
steps:
  - {weight: 25, min_users: 10, min_time: 1h}
  - {weight: 100, min_users: 10, min_time: 1h}
warm_up: 1s
max_wait: 2h
"""
GUESSES_PER_S = 4
TRAINED = ("var/models/v1/manifest.json", "var/models/v2/manifest.json", "var/data/held-out.csv")


class Alerts:
    """What Prometheus says fires, and how long after its cause each did so first."""

    def __init__(self, clone: Clone) -> None:
        url = f"http://127.0.0.1:{clone.topology.prometheus_port}"
        self._client = httpx.Client(base_url=url, timeout=10)
        self._caused = time.monotonic()
        self.seconds: dict[str, float] = {}

    def firing(self) -> set[str]:
        """Names of alerts, with the severity where one name has two: "LatencyBudgetBurns page"."""
        answer = self._client.get("/api/v1/alerts").raise_for_status().json()
        found = set()
        for alert in answer["data"]["alerts"]:
            if alert["state"] == "firing":
                labels = alert["labels"]
                found.add(f"{labels['alertname']} {labels['severity']}")
        for name in found - set(self.seconds):
            self.seconds[name] = round(time.monotonic() - self._caused, 1)
        return found

    def caused(self) -> None:
        """What comes next has its cause now."""
        self.firing()
        self._caused = time.monotonic()

    def wait_for(self, *names: str, seconds: float = 120) -> None:
        """Until all of them fire."""
        assert wait_until(lambda: set(names) <= self.firing(), seconds), (names, self.seconds)

    def close(self) -> None:
        self._client.close()


class Guesser(threading.Thread):
    """Somebody who tries passwords, at an even pace, until `stop` is set."""

    def __init__(self, clone: Clone) -> None:
        super().__init__()
        self.stop = threading.Event()
        self._url = f"{clone.settings.url}/predict"

    def run(self) -> None:
        transport = httpx.HTTPTransport(verify=False, local_address="127.0.9.9")
        with httpx.Client(transport=transport, auth=("admin", "guess")) as client:
            while not self.stop.wait(1 / GUESSES_PER_S):
                client.post(self._url, json={})


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    # In a fresh clone the test of the README, which runs at the same time, trains them.
    assert wait_until(lambda: all(map(Path.exists, map(Path, TRAINED))), 600)
    with cloned(Path.cwd()) as clone:
        clone.move_ports(OFFSET)
        assert agreement(clone.root) == ()
        # From the beginning, so that no quick answer is in the hour that is judged.
        slow = {name: {"delay_ms": SLOW_MS} for name in ("v1-1", "v1-3", "v2-1")}
        (clone.root / FAULTS).write_text(json.dumps(slow))
        started = clone.start(FAULTS_FILE=str(FAULTS))
        assert started.returncode == 0, started.stderr
        yield clone


def expiring_certificate(clone: Clone) -> None:
    """In five days, in the place of the gateway's; nginx goes on with the one that it has."""
    path = clone.root / CERTIFICATE
    options = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 -subj /CN=localhost"
    subprocess.run(
        ["openssl", "req", "-x509", *options.split(), "-out", path, "-keyout", f"{path}.other"],
        check=True,
        capture_output=True,
    )


def has_reached(clone: Clone, phase: Phase, weight: int) -> bool:
    state = read_log(clone.root).state
    return state is not None and (state.phase, state.weight) == (phase, weight)


def test_every_alert_fires(clone: Clone, tmp_path: Path) -> None:
    supervisor = Supervisor(clone.root / SOCKET)
    alerts = Alerts(clone)
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    guesser = Guesser(clone)
    try:
        assert clone.run("probes.traffic", f"--rate={RATE}", "--duration=600").returncode == 0
        alerts.caused()
        supervisor.stop("v1-2")
        expiring_certificate(clone)
        guesser.start()
        assert clone.run("dashboard", "rollout", "start", "--policy", str(policy)).returncode == 0
        assert wait_until(lambda: has_reached(clone, Phase.STEP, 25), 60)
        assert clone.run("dashboard", "rollout", "pause").returncode == 0
        assert has_reached(clone, Phase.HOLD, 25)
        alerts.wait_for("Watchdog none", "CertificateExpires ticket", "InstanceDown page")
        alerts.wait_for("LatencyBudgetBurns page", "LatencyBudgetBurns ticket")
        alerts.wait_for("RetriesHigh ticket", "PasswordGuessing page", "RolloutHeld ticket")
        guesser.stop.set()
        supervisor.start("v1-2")

        # v2 fails, and nobody is there to take it back.
        with frozen(process(supervisor, "rollout").pid):
            alerts.caused()
            replace_file(clone.root / FAULTS, json.dumps({"v2-1": {"error_rate": 1.0}}))
            alerts.wait_for("AvailabilityBudgetBurns page", "AvailabilityBudgetBurns ticket")
            alerts.wait_for("CanaryWorse page", "RolloutUnattended page")
        assert wait_until(lambda: has_reached(clone, Phase.ROLLED_BACK, 0), 30)
        alerts.caused()
        supervisor.stop("nginx")
        alerts.wait_for("GatewayDown page")
        alerts.caused()
        supervisor.stop("exporter")
        alerts.wait_for("ExporterBehind ticket")
    finally:
        guesser.stop.set()
        if guesser.is_alive():
            guesser.join()
        alerts.close()
    rules = [
        rule
        for path in (clone.root / "monitoring/rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    every = {f"{r['alert']} {r['labels']['severity']}" for r in rules if "alert" in r}
    assert set(alerts.seconds) == every, alerts.seconds
    sys.stderr.write(f"seconds to fire: {alerts.seconds}\n")
