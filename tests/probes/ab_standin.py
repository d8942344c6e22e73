"""A workspace of two versions and a client that answers as a test says."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.settings import load_settings
from gateway.topology import load_topology
from gateway.workload import Text, load_workload
from probes.ab_client import Allowance, Answer
from probes.ab_report import Run
from probes.ab_run import HEADER, MARGIN, plan, run
from probes.ab_tally import Tally

ROOT = Path(__file__).parents[2]
TOPOLOGY = load_topology(ROOT, load_settings(ROOT, {}))
WORKLOAD = load_workload(ROOT)

Change = Callable[[str, str, dict[str, Any]], None]
"""(version, text, fields of the Answer): edits the fields."""


class FakeClient:
    """Answers with the label that the text begins with; `change` may spoil that."""

    def __init__(self, change: Change | None = None) -> None:
        self.change = change
        self.asked: list[tuple[str, str, str]] = []
        """Source, group, text."""
        self._draw = random.Random(1)  # noqa: S311
        self.closed = False

    def ask(self, source: str, headers: Mapping[str, str], body: bytes) -> Answer:
        group, text = headers[HEADER], json.loads(body)["sentence"]
        self.asked.append((source, group, text))
        version = "v2" if group == "debug" else "v1"
        of_version = [each.name for each in TOPOLOGY.instances if each.version == version]
        answer: dict[str, Any] = {
            "status": 200,
            "instance": self._draw.choice(of_version),
            "body": {"prediction": text.split()[0], "version": version},
            "seconds": self._draw.uniform(0.0019, 0.0021),
            "retried": False,
        }
        if self.change is not None:
            self.change(version, text, answer)
        return Answer(**answer)

    def close(self) -> None:
        self.closed = True


def texts(count: int, labelled: bool = True) -> tuple[Text, ...]:
    words = ("good", "bad")
    return tuple(
        Text(f"{words[n % 2]} text {n}", words[n % 2] if labelled else None) for n in range(count)
    )


def allowance() -> Allowance:
    """Of addresses without end, so that nobody waits."""
    return Allowance([f"127.0.1.{host}" for host in range(192, 255)], sleep=lambda _: None)


def measured(
    change: Change | None = None, count: int = 200, labelled: bool = True, stopped: str = ""
) -> Run:
    """A whole run against a FakeClient."""
    chosen = plan(texts(count, labelled), count, seed=1)
    tally = Tally(WORKLOAD.pointer, TOPOLOGY.served, count, MARGIN)
    for pair in run(FakeClient(change), WORKLOAD, chosen, allowance()):
        tally.add(pair)
    return Run(tally, chosen.seed, chosen.corpus, 1.25, stopped)
