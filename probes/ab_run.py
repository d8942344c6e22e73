"""Asks both versions the same texts, in random order, and yields one pair at a time.

A generator without threads: one request at a time, so that the times of a pair are those of
the service and not of the others. A screen runs it in a thread of its own and stops it by
ceasing to ask for the next pair.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.canary import read_experiment
from gateway.errors import ConfigurationError
from gateway.settings import Settings
from gateway.topology import Topology
from gateway.workload import Text, Workload
from probes.ab_client import Allowance, Answer, AskingClient, ab_sources
from probes.ab_tally import Pair

USER_AGENT = "switchyard-ab"
HEADER = "X-Experiment-Group"
GROUPS = ("control", "debug")
"""What asks for the first version and for the second (nginx/conf.d/experiment.conf)."""

_ORDER = (0, 1, 0)
"""Which group each request of a pair goes to, before shuffling: v1, v2 and v1 again."""

MARGIN = 0.2
"""Two processes of one version differ by a per cent or two; a fifth is worth knowing."""
PAIRS = 1000


class Asking(Protocol):
    """What the engine needs of an AskingClient."""

    def ask(self, source: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send one request. Raises NoAnswer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which texts, in which order."""

    texts: tuple[Text, ...]
    seed: int
    corpus: int
    """How many rows there are to choose from."""


def plan(texts: Sequence[Text], pairs: int, seed: int) -> Plan:
    """`pairs` rows of the corpus, drawn by `seed`; all of them if there are fewer.

    None twice: the second answer to a text says nothing new. Raises ConfigurationError.
    """
    if pairs < 1:
        raise ConfigurationError(f"--pairs {pairs}", "not above 0", "give a number such as 1000")
    draw = random.Random(seed)  # noqa: S311 - no secret depends on it
    return Plan(tuple(draw.sample(texts, min(pairs, len(texts)))), seed, len(texts))


def run(client: Asking, workload: Workload, chosen: Plan, allowance: Allowance) -> Iterator[Pair]:
    """Ask for each text of the plan. Raises NoAnswer when the gateway is gone."""
    draw = random.Random(chosen.seed)  # noqa: S311 - as above
    for number, text in enumerate(chosen.texts):
        yield ask_pair(client, workload, number, text, allowance, draw)


def ask_pair(
    client: Asking,
    workload: Workload,
    number: int,
    text: Text,
    allowance: Allowance,
    draw: random.Random,
) -> Pair:
    """One text to both versions; also what a person typed. Raises NoAnswer."""
    body = json.dumps(workload.body(text.text), ensure_ascii=False).encode(errors="replace")
    # All from one address: then no side has the better connection.
    source = allowance.next_source(len(_ORDER))
    order = list(range(len(_ORDER)))
    # Whoever asks first pays for what the second finds warm.
    draw.shuffle(order)
    answers: dict[int, Answer] = {}
    for place in order:
        answers[place] = client.ask(source, {HEADER: GROUPS[_ORDER[place]]}, body)
    return Pair(number, text, answers[0], answers[1], answers[2])


def check_versions(root: Path, topology: Topology) -> None:
    """Raises ConfigurationError unless there are two versions to compare, both in service."""
    if len(topology.versions) < 2:
        problem = f"declares {len(topology.versions)} version, an A/B test needs two"
        raise ConfigurationError("process-compose.yaml", problem, "declare an instance of another")
    drained = read_experiment(root).drained
    version = topology.served.get(drained or "")
    if version in topology.versions[:2] and list(topology.served.values()).count(version) == 1:
        problem = f"{drained} is drained, nobody answers for {version}"
        fix = f"first `python -m dashboard canary --undrain {drained}`"
        raise ConfigurationError("var/canary", problem, fix)


def open_client(root: Path, settings: Settings, workload: Workload) -> AskingClient:
    """A client for the workload's requests. Raises ConfigurationError."""
    return AskingClient(root, settings, workload.method, workload.path, USER_AGENT)


def open_allowance(settings: Settings) -> Allowance:
    """The addresses that this machine has for the run."""
    return Allowance(ab_sources(settings))
