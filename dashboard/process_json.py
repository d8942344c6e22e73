"""One process, of process-compose or of nginx, as a recording keeps it."""

from __future__ import annotations

from typing import Any

from dashboard.events import NginxMaster
from gateway.supervisor import Process, ProcessHealth, ProcessStatus


def process_to_json(process: Process) -> dict[str, Any]:
    """As plain values."""
    return {
        "name": process.name,
        "namespace": process.namespace,
        "status": process.status.value,
        "health": process.health.value,
        "restarts": process.restarts,
        "exit_code": process.exit_code,
        "pid": process.pid,
        "cpu": round(process.cpu, 2),
        "mem": process.mem,
        "age": round(process.age, 3),
    }


def process_from_json(value: dict[str, Any]) -> Process:
    """The inverse. Raises ValueError, KeyError, TypeError."""
    return Process(
        name=str(value["name"]),
        namespace=str(value["namespace"]),
        status=ProcessStatus(value["status"]),
        health=ProcessHealth(value["health"]),
        restarts=int(value["restarts"]),
        exit_code=int(value["exit_code"]),
        pid=int(value["pid"]),
        cpu=float(value["cpu"]),
        mem=int(value["mem"]),
        age=float(value["age"]),
    )


def master_to_json(master: NginxMaster | None) -> dict[str, Any] | None:
    """As a recording keeps it."""
    if master is None:
        return None
    return {"pid": master.pid, "alive": master.alive, "stopped": list(master.stopped)}


def master_from_json(value: Any) -> NginxMaster | None:
    """The inverse. Raises KeyError, TypeError or ValueError."""
    if value is None:
        return None
    stopped = tuple(map(int, value.get("stopped", ())))  # none in older recordings
    return NginxMaster(int(value["pid"]), bool(value["alive"]), stopped)
