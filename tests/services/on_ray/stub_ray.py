"""Modules by the names of Ray's with what services.on_ray takes from them, and no more.

What they do is what Ray 2.60 does as far as the tests look; tests/ray runs the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


def install(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> ModuleType:
    """Have `import name` find a module with `members`, and its parents find it as well."""
    module = ModuleType(name)
    module.__path__ = []
    for key, value in members.items():
        setattr(module, key, value)
    parent, _, own = name.rpartition(".")
    if parent:
        if parent not in sys.modules:
            install(monkeypatch, parent)
        monkeypatch.setattr(sys.modules[parent], own, module, raising=False)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def command_line(monkeypatch: pytest.MonkeyPatch, main: Callable[[], None]) -> ModuleType:
    """The program `ray`; the module whose idea of loopback is replaced is what is returned."""
    install(monkeypatch, "ray.scripts.scripts", main=main)
    install(monkeypatch, "ray._private.node", Node=type("Node", (NodeProcesses,), {}))
    return install(
        monkeypatch,
        "ray._private.services",
        resolve_ip_for_localhost=lambda host: "192.0.2.1",
    )


class NodeProcesses:
    """What `ray start` has started, and how it ends that when it is told to stop."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def kill_all_processes(
        self, check_alive: bool = True, allow_graceful: bool = False, wait: bool = False
    ) -> None:
        self.told.append(allow_graceful)


class Rank:
    """A replica's rank, as in `get_replica_context().rank`."""

    def __init__(self, rank: int) -> None:
        self.rank = rank


class ReplicaContext:
    """The part that a replica reads."""

    def __init__(self, rank: Rank) -> None:
        self.rank = rank


def serving(monkeypatch: pytest.MonkeyPatch, **members: Any) -> ModuleType:
    """`ray.serve`, and the module whose idea of loopback is replaced, which is returned."""
    install(monkeypatch, "ray.serve", **members)
    return install(
        monkeypatch,
        "ray.serve._private.replica",
        add_port_to_grpc_server=lambda server, address: int(address.rpartition(":")[2]) + 1,
    )
