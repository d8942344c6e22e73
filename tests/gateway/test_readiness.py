"""Who counts as ready, who may become so, and who will not."""

from __future__ import annotations

import pytest

from gateway.supervisor import Process, ProcessHealth, ProcessStatus, ready


def process(
    status: str, health: str = "-", exit_code: int = 0, namespace: str = "services"
) -> Process:
    return Process(
        name="p",
        namespace=namespace,
        status=ProcessStatus(status),
        health=ProcessHealth(health),
        restarts=0,
        exit_code=exit_code,
        pid=1,
        cpu=0.0,
        mem=0,
        age=0.0,
    )


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (process("Running", "Ready"), "ready"),
        (process("Running", "Ready", exit_code=-1), "ready"),
        (process("Running", "Not Ready"), "waiting"),
        (process("Running", "-"), "waiting"),
        (process("Running", "Perhaps"), "waiting"),
        (process("Pending"), "waiting"),
        (process("Restarting", "Ready"), "waiting"),
        (process("Terminating", "Ready"), "waiting"),
        (process("Hibernating"), "waiting"),
        (process("Completed", namespace="setup"), "ready"),
        (process("Completed", exit_code=1, namespace="setup"), "failed"),
        (process("Completed", "Not Ready", namespace="optional"), "ready"),  # no Grafana here
        (process("Completed", "Ready", exit_code=1, namespace="optional"), "failed"),
        (process("Completed", namespace="probes"), "ready"),  # traffic whose time is over
        (process("Completed", exit_code=-1, namespace="probes"), "failed"),
        (process("Completed"), "failed"),  # a server that was stopped ends well
        (process("Completed", namespace="edge"), "failed"),
        (process("Completed", "Ready", exit_code=1), "failed"),
        (process("Completed", exit_code=-1), "failed"),
        (process("Error"), "failed"),
        (process("Skipped"), "failed"),
    ],
)
def test_readiness_of_one(found: Process, outcome: str) -> None:
    readiness = ready([found])
    assert {
        "ready": readiness.ready,
        "waiting": readiness.waiting,
        "failed": readiness.failed,
    } == {"ready": (), "waiting": (), "failed": (), outcome: (found,)}
    assert readiness.complete == (outcome == "ready")


def test_nothing_is_not_ready_and_disabled_does_not_count() -> None:
    assert not ready([]).complete
    assert not ready([process("Disabled")]).complete
    assert ready([process("Disabled"), process("Completed", namespace="setup")]).complete


def test_values_of_a_later_process_compose_are_no_crash() -> None:
    assert ProcessStatus("Hibernating") is ProcessStatus.UNKNOWN
    assert ProcessHealth("Perhaps") is ProcessHealth.UNKNOWN
