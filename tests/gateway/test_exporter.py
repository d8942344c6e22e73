"""The exporter: its scrapes equal the log, and nothing stops them."""

import json
import os
from pathlib import Path

import pytest

from gateway.canary import Experiment, write_experiment
from gateway.processes import read_processes
from gateway.shadow_metrics import ShadowCounts
from tests.gateway.access_lines import NOT_PROXIED, line, rotate
from tests.gateway.exporter_process import Workspace, copy_workspace, exporter, refused
from tests.gateway.test_shadow_log import TYPICAL
from tests.gateway.waiting import wait_until


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return copy_workspace(tmp_path)


def test_every_scrape_equals_the_log(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        assert running.requests() == 0
        workspace.append(line(), line(**{**NOT_PROXIED, "status": "401"}), b"{}")
        found = running.samples()
        assert found["gateway_requests_total"] == 2
        assert found["gateway_rejected_total"] == 1
        assert found["gateway_log_lines_bad_total"] == 1
        assert found["gateway_request_duration_seconds_count"] == 2
        assert found["gateway_upstream_duration_seconds_count"] == 1
        assert found["process_resident_memory_bytes"] > 0
        workspace.append(line())
        assert running.requests() == 3


def test_instances_have_their_names(workspace: Workspace) -> None:
    workspace.append(line(upstream_addr="127.0.0.1:8201"))
    with exporter(workspace) as running:
        labels = 'cohort="v1",method="POST",status="200",upstream="v2-1"'
        assert f"gateway_requests_total{{{labels}}} 1.0".encode() in running.get("/metrics")[1]


def test_the_paths(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        response, body = running.get("/healthz")
        assert (response.status, body) == (200, b"ok\n")
        response, _ = running.get("/metrics?x=1")
        assert response.status == 200
        assert (response.getheader("Content-Type") or "").startswith("text/plain; version=")
        response, body = running.get("/metrics", "HEAD")
        assert (response.status, body) == (200, b"")
        assert running.get("/")[0].status == 404
        assert running.get("/metrics", "POST")[0].status == 501


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_a_page_of_another_site_reads_nothing(workspace: Workspace, path: str) -> None:
    # Its name was made to resolve to this machine (DNS rebinding).
    with exporter(workspace) as running:
        for host, status in (
            ("evil.example", 421),
            (f"evil.example:{running.port}", 421),
            ("127.0.0.1.evil.example", 421),
            (f"localhost:{running.port}", 200),
            (f"127.0.0.1:{running.port}", 200),
        ):
            assert running.get(path, host=host)[0].status == status, host


def test_a_log_that_is_not_there_yet_or_no_file(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        assert running.requests() == 0
        os.mkfifo(workspace.log)
        assert running.requests() == 0
        wait_until(lambda: "not a regular file" in running.said.read_text())
        assert running.get("/healthz")[0].status == 200
        workspace.log.unlink()
        workspace.append(line())
        assert running.requests() == 1


def test_a_port_that_is_taken(workspace: Workspace) -> None:
    workspace.append(line())
    with exporter(workspace) as running:
        code, said = refused(f"--port={running.port}", f"--root={workspace.root}")
    assert code == 2
    assert f"127.0.0.1:{running.port} is taken" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["no", "65536", "-1", ""])
def test_what_is_no_port(port: str) -> None:
    code, said = refused(f"--port={port}")
    assert code == 2
    assert "is not a port" in said


def test_a_workspace_that_is_broken(workspace: Workspace) -> None:
    (workspace.root / "process-compose.yaml").unlink()
    code, said = refused("--port=0", f"--root={workspace.root}")
    assert code == 2
    assert "process-compose.yaml" in said
    assert said.count("\n") == 1


def test_what_is_tried_is_read_at_each_scrape(workspace: Workspace) -> None:
    def shown() -> set[bytes]:
        lines = running.get("/metrics")[1].splitlines()
        return {each for each in lines if each.startswith((b"gateway_canary", b"gateway_drained"))}

    instances = {each.name.encode() for each in read_processes(workspace.root).instances}
    with exporter(workspace) as running:
        assert b"gateway_canary_weight_ratio 0.0" in shown()
        write_experiment(workspace.root, Experiment(25, 20, "v1-2"))
        assert shown() == {
            b"gateway_canary_weight_ratio 0.25",
            *(b'gateway_drained{upstream="%s"} 0.0' % name for name in instances - {b"v1-2"}),
            b'gateway_drained{upstream="v1-2"} 1.0',
        }
        assert running.samples()["gateway_shadow_ratio"] == 0.2
        (workspace.root / "var/canary/active/state.json").write_text("{")
        assert shown() == set()
        assert running.requests() == 0
        assert running.said.read_text().count("canary off") == 1


def test_fallbacks_are_a_query_over_the_requests(workspace: Workspace) -> None:
    workspace.append(line(cohort="canary"), line(cohort="canary", upstream_addr="127.0.0.1:8201"))
    with exporter(workspace) as running:
        labels = 'cohort="canary",method="POST",status="200",upstream="v1-1"'
        assert f"gateway_requests_total{{{labels}}} 1.0".encode() in running.get("/metrics")[1]


def test_copies_are_counted_through_rotation_and_restart(workspace: Workspace) -> None:
    log = workspace.log.with_name("shadow.jsonl")

    def add(number: int, **changes: str) -> None:
        with log.open("a") as file:
            for n in range(number):
                record = {**TYPICAL, "request_id": f"{changes}-{n}", **changes}
                file.write(json.dumps(record, separators=(",", ":")) + "\n")

    with exporter(workspace) as running:
        add(3)
        add(2, status="504")
        labels = 'status="504",upstream="v2-1"'
        assert (
            f"gateway_shadow_requests_total{{{labels}}} 2.0".encode() in running.get("/metrics")[1]
        )
        rotate(log)
        add(4, upstream_addr="api_v2_without_v2-1", status="502")
        with log.with_name("shadow.jsonl.1").open("a") as old:
            old.write("bad\n")
        found = running.samples()
        assert found["gateway_shadow_requests_total"] == 9
        assert found["gateway_shadow_log_lines_bad_total"] == 1
        assert running.stop() == 0
    add(1)
    rotate(log)
    add(5)
    with exporter(workspace) as running:
        assert running.samples()["gateway_shadow_requests_total"] == 15
        assert (
            'status="502",upstream="api_v2_without_v2-1"} 4.0'
            in running.get("/metrics")[1].decode()
        )
        assert running.requests() == 0


@pytest.mark.parametrize(
    "value", [None, [], {}, {"copies": [[1]]}, {"copies": [["a", "b", -1]]}, {"copies": []}]
)
def test_stored_counts_of_copies_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match=r"shadow|columns|natural"):
        ShadowCounts.from_json(value, {})
