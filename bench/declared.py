"""Our processes exactly as process-compose.yaml declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.errors import BenchError

FILE = "process-compose.yaml"


@dataclass(frozen=True, slots=True)
class Declared:
    """One process."""

    name: str
    shell: str
    """Its command, for `bash -c`; ends in an exec."""
    environ: Mapping[str, str]


def declared(root: Path, name: str, file: str = FILE) -> Declared:
    """The process called `name` in that file. Raises BenchError."""
    text = (root / file).read_text()
    processes: dict[str, Any] = (yaml.safe_load(text) or {}).get("processes", {})
    if name not in processes:
        raise BenchError(f"{file} declares no process {name}")
    process = processes[name]
    pairs = (entry.partition("=") for entry in process.get("environment", []))
    # process-compose keeps $ for itself and hands $$ on as $.
    return Declared(
        name, process["command"].replace("$$", "$"), {key: value for key, _, value in pairs}
    )
