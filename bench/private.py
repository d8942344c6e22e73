"""A network of its own for a benchmark, where the machine allows one."""

from __future__ import annotations

import os
import sys

from bench.cli import ROOT
from scripts import private_network

_INSIDE = "SWITCHYARD_BENCH_INSIDE"


def enter_private_network(module: str) -> None:
    """Start this program, `python -m module`, anew in there, unless that has been done."""
    if os.environ.get(_INSIDE) or (prefix := private_network.prefix()) is None:
        return
    os.environ[_INSIDE] = "1"
    os.chdir(ROOT)
    command = [*prefix, sys.executable, "-m", module, *sys.argv[1:]]
    os.execvp(command[0], command)  # noqa: S606
