"""The checks on the real stack: all pass, and each fails when its subject is broken."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from gateway.accesslog import Access
from gateway.certificates import ensure_certificate
from gateway.settings import load_settings
from gateway.supervisor import Supervisor
from probes.checks.finding import Finding
from probes.checks.registry import CHECKS, chosen, run
from probes.log_end import follow_from_end
from probes.ratelimit import USER_AGENT
from probes.verdict import Verdict
from probes.workspace import Workspace, load_workspace
from scripts.stack import alive, search_path, wait_until
from tests.modules import run_module
from tests.stack.hurting import stopped


@pytest.fixture
def workspace(supervisor: Supervisor, root: Path) -> Workspace:
    return load_workspace(root, {})


@pytest.fixture
def copied(workspace: Workspace, tmp_path: Path) -> Workspace:
    """The same running stack, seen with a copy of the files that a test may damage."""
    for name in ("nginx", "monitoring"):
        shutil.copytree(workspace.root / name, tmp_path / name)
    for name in (".env", "process-compose.yaml", "workload.yaml"):
        shutil.copy(workspace.root / name, tmp_path / name)
    for name in ("var/run", "var/logs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "var/run/pc.sock").symlink_to(workspace.root / "var/run/pc.sock")
    (tmp_path / "var/logs/access.jsonl").symlink_to(workspace.root / "var/logs/access.jsonl")
    return dataclasses.replace(workspace, root=tmp_path)


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module(root, "probes.check", *arguments)


def finding(workspace: Workspace, name: str) -> Finding:
    (check,) = chosen([name])
    return run(check, workspace).finding


def edit(workspace: Workspace, file: str, old: str, new: str) -> None:
    path = workspace.root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_burst_leaves_no_slow_request_in_the_log(workspace: Workspace) -> None:
    with closing(follow_from_end(workspace.root)) as log:
        assert finding(workspace, "rate-limit").verdict is Verdict.PASSED
        ours: list[Access] = []

        def all_logged() -> bool:
            ours.extend(a for a in log.read() if a.user_agent == USER_AGENT)
            return len(ours) >= 42

        assert wait_until(all_logged, 30)
    # A client that does not close at once looks slow: nginx waits for it.
    assert max(access.request_time for access in ours) < 1


def test_every_check_passes_and_is_reported(workspace: Workspace, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    done = command(workspace.root, "--json", "--junit", str(junit))
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    schema = json.loads((workspace.root / "probes/checks.schema.json").read_text())
    jsonschema.validate(document, schema)
    outcomes = {each["id"]: each["outcome"] for each in document["checks"]}
    assert outcomes == {check.id: "passed" for check in CHECKS}
    assert 'failures="0" errors="0" skipped="0"' in junit.read_text()


def test_the_readable_report_has_a_line_for_each(workspace: Workspace) -> None:
    done = command(workspace.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["ok", check.id] for check in CHECKS
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tls", ""),
        ("certificate", "DNS:localhost"),
        ("redirect", " 301 "),
        ("auth", " 401 "),
        ("routing", "v2-1"),
        ("rate-limit", " 429"),
        ("hidden-paths", " 404 "),
        ("request-id", "my-own-id-1"),
        ("errors", '"request_id"'),
        ("prometheus", '"health":"up"'),
        ("files", "8101"),
        ("processes", "v1-1"),
    ],
)
def test_the_command_of_a_check_shows_what_it_says(
    workspace: Workspace, name: str, shown: str
) -> None:
    (check,) = chosen([name])
    done = subprocess.run(
        ["bash", "-c", check.command(workspace)],
        cwd=workspace.root,
        env={**os.environ, "PATH": search_path(workspace.root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if name == "tls":
        assert done.returncode == 35, done.stderr  # CURLE_SSL_CONNECT_ERROR
    else:
        assert shown in done.stdout, done.stdout + done.stderr


def test_files_that_disagree_fail(copied: Workspace) -> None:
    assert finding(copied, "files").verdict is Verdict.PASSED
    edit(copied, "nginx/upstreams.conf", "127.0.0.1:8102", "127.0.0.1:8112")
    found = finding(copied, "files")
    assert found.verdict is Verdict.FAILED
    assert "nginx/upstreams.conf:" in found.evidence
    assert "8112" in found.evidence


def test_a_limit_other_than_the_files_say_fails(copied: Workspace) -> None:
    edit(copied, "nginx/snippets/predict.conf", "burst=20", "burst=10")
    found = finding(copied, "rate-limit")
    assert found.verdict is Verdict.FAILED
    assert "21 of 22 passed" in found.evidence


def test_no_limit_in_the_files_is_not_measured(copied: Workspace) -> None:
    edit(copied, "nginx/snippets/predict.conf", "limit_req zone", "# limit_req zone")
    assert finding(copied, "rate-limit").verdict is Verdict.NOT_MEASURED


def test_a_target_that_prometheus_does_not_ask_fails(copied: Workspace) -> None:
    edit(copied, "monitoring/prometheus.yml", "127.0.0.1:8103", "127.0.0.1:8104")
    found = finding(copied, "prometheus")
    assert found.verdict is Verdict.FAILED
    assert "v1-3 is not known to Prometheus" in found.evidence


def test_another_certificate_fails_and_nothing_else_is_believed(copied: Workspace) -> None:
    shutil.rmtree(copied.root / "nginx/certs")
    ensure_certificate(copied.root, copied.settings, 1_800_000_000.0)
    assert finding(copied, "certificate").verdict is Verdict.FAILED
    assert finding(copied, "auth").verdict is Verdict.ERROR


def test_a_wrong_password_fails(workspace: Workspace) -> None:
    settings = dataclasses.replace(workspace.settings, password="wrong")
    found = finding(dataclasses.replace(workspace, settings=settings), "auth")
    assert found.verdict is Verdict.FAILED
    assert "right password: 401, expected 200" in found.evidence


def test_a_redirect_to_elsewhere_fails(workspace: Workspace) -> None:
    moved = load_settings(workspace.root, {"GATEWAY_HTTPS_PORT": "9999"})
    found = finding(dataclasses.replace(workspace, settings=moved), "redirect")
    assert found.verdict is Verdict.FAILED
    assert "not 301 to https://localhost:9999/predict" in found.evidence


def test_a_path_that_is_reachable_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.checks.paths.hidden", lambda _: ("/metrics", "/healthz"))
    found = finding(workspace, "hidden-paths")
    assert found.verdict is Verdict.FAILED
    assert "/healthz: 200, expected 404" in found.evidence


def test_a_log_that_is_not_written_fails(copied: Workspace) -> None:
    log = copied.root / "var/logs/access.jsonl"
    log.unlink()
    log.touch()
    found = finding(copied, "request-id")
    assert found.verdict is Verdict.FAILED
    assert "is not in var/logs/access.jsonl" in found.evidence


def test_without_v2_routing_fails_and_processes_say_how_to_start_it(
    workspace: Workspace, supervisor: Supervisor
) -> None:
    with stopped(supervisor, "v2-1"):
        routing, processes = finding(workspace, "routing"), finding(workspace, "processes")
    assert routing.verdict is Verdict.FAILED
    assert "debug: status 503, expected v2" in routing.evidence
    assert processes.verdict is Verdict.FAILED
    assert "v2-1 was stopped: process-compose process start v2-1" in processes.evidence


def test_without_any_v1_the_password_cannot_be_tried(
    workspace: Workspace, supervisor: Supervisor
) -> None:
    with stopped(supervisor, *(instance.name for instance in workspace.stable)):
        auth, routing = finding(workspace, "auth"), finding(workspace, "routing")
        limit = finding(workspace, "rate-limit")
    assert auth.verdict is limit.verdict is Verdict.ERROR
    assert "no instance answered" in auth.evidence
    assert routing.verdict is Verdict.FAILED


def test_balance_decides_nothing_while_an_instance_is_down(
    workspace: Workspace, supervisor: Supervisor
) -> None:
    with stopped(supervisor, "v1-2"):
        found = finding(workspace, "balance")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "not ready: v1-2" in found.evidence


def test_without_nginx_the_command_explains_and_says_unreachable(
    workspace: Workspace, supervisor: Supervisor
) -> None:
    with stopped(supervisor, "nginx"):
        done = command(workspace.root, "--json")
    assert done.returncode == 3, done.stderr
    assert {each["outcome"] for each in json.loads(done.stdout)["checks"]} == {"not measured"}
    assert "nginx was stopped: process-compose process start nginx" in done.stderr
    assert done.stderr.splitlines()[-1] == "check: fix: start what was stopped, as said above"
    assert "port 8443 (gateway HTTPS) at 127.0.0.1: nothing answers" in done.stderr


def test_a_killed_master_of_nginx_is_noticed(workspace: Workspace, supervisor: Supervisor) -> None:
    nginx = next(each for each in supervisor.processes() if each.name == "nginx")
    os.kill(nginx.pid, signal.SIGKILL)
    try:
        assert wait_until(lambda: not alive(nginx.pid), 30)
        # process-compose does not see it: the workers hold the pipe, and answer the probe.
        found = finding(workspace, "processes")
        assert found.verdict is Verdict.FAILED
        assert "restart nginx" in found.evidence
    finally:
        supervisor.restart("nginx")
        assert wait_until(lambda: finding(workspace, "processes").verdict is Verdict.PASSED, 30)
    assert finding(workspace, "auth").verdict is Verdict.PASSED


def test_too_little_time_is_a_timeout(workspace: Workspace) -> None:
    done = command(workspace.root, "--timeout", "0.001")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "not begun within" in done.stdout
