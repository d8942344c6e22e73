"""An A/B test for the tests: its steps, a workspace to run it in, and a gateway that answers."""

from __future__ import annotations

import queue
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from dashboard.events import Event, TrialBegun, TrialEnded, TrialStep
from dashboard.jobs.ab import CorpusJob, SentenceJob
from dashboard.trials.ab import AbState, Asked, Begun, Finished, Sentence
from dashboard.trials.ab_pairs import counted_only
from dashboard.trials.base import Step, TrialName
from gateway.workload import Text
from probes.ab_client import AskingClient
from probes.ab_run import MARGIN, plan, run
from probes.ab_tally import Pair
from tests.dashboard.screens import StillFeed
from tests.probes.ab_standin import (
    ROOT,
    TOPOLOGY,
    WORKLOAD,
    Change,
    FakeClient,
    allowance,
    texts,
)

PROBABILITIES = {"bad": 0.62, "good": 0.25, "so so": 0.13}
REASONS = [{"token": "cold", "weight": -1.04}, {"token": "clean", "weight": 0.67}]


def number(text: str) -> int:
    return int(text.split()[-1])


def v1_wrong_often(version: str, text: str, fields: dict[str, Any]) -> None:
    """v1 errs in each third text, v2 in each eleventh; v2 says more."""
    if number(text) % (3 if version == "v1" else 11) == 0:
        right = fields["body"]["prediction"]
        fields["body"]["prediction"] = "bad" if right == "good" else "good"
    if version == "v2":
        fields["body"] |= {"chances": PROBABILITIES, "because": REASONS}


def pairs(
    count: int = 60, change: Change | None = v1_wrong_often, labelled: bool = True
) -> list[Pair]:
    """Whole ones, as the engine yields them."""
    chosen = plan(texts(count, labelled), count, seed=1)
    return list(run(FakeClient(change), WORKLOAD, chosen, allowance()))


def begun(planned: int = 60) -> Begun:
    served = tuple(TOPOLOGY.served.items())
    return Begun("/prediction", served, "held-out.csv", 6032, planned, 1, MARGIN)


def sentence(text: str = "good soup, cold plates 3") -> Sentence:
    client = FakeClient(v1_wrong_often)
    chosen = plan((Text(text, None),), 1, seed=1)
    (pair,) = run(client, WORKLOAD, chosen, allowance())
    return Sentence("/prediction", ("v1", "v2"), pair)


def corpus_steps(
    count: int = 60, change: Change | None = v1_wrong_often, labelled: bool = True
) -> list[Step]:
    """A whole run."""
    asked = [Asked(counted_only(pair, "/prediction")) for pair in pairs(count, change, labelled)]
    return [begun(count), *asked, Finished(1.25)]


def folded(*steps: Step) -> AbState:
    state = AbState()
    for step in steps:
        state.apply(step)
    return state


def events(at: float, *steps: Step, ended: bool = True, problem: str = "") -> Iterator[Event]:
    """A trial that begins at `at` and has a step each 10 ms."""
    yield TrialBegun(at, TrialName.AB)
    for place, step in enumerate(steps, start=1):
        yield TrialStep(at + place / 100, TrialName.AB, step)
    if ended:
        yield TrialEnded(at + len(steps) / 100, TrialName.AB, problem)


class QueueFeed(StillFeed):
    """Folds what is posted at the next turn, as the live one does."""

    def __init__(self) -> None:
        super().__init__()
        self._posted: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def post(self, event: Event) -> None:
        self._posted.put(event)

    def advance(self) -> bool:
        while not self._posted.empty():
            self.model.apply(self._posted.get())
        return False


def ab_workspace(root: Path, rows: int = 60, labelled: bool = True) -> Path:
    """A folder with all that a run reads."""
    for name in (".env", "workload.yaml", "process-compose.yaml"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "nginx", root / "nginx", ignore=shutil.ignore_patterns("certs"))
    shutil.copytree(ROOT / "monitoring", root / "monitoring")
    (root / "var/data").mkdir(parents=True)
    lines = "".join(f"{row.text},{row.label or ''}\n" for row in texts(rows, labelled))
    (root / "var/data/held-out.csv").write_text("sentence,label\n" + lines)
    return root


def corpus_job(root: Path, count: int | None, client: FakeClient) -> CorpusJob:
    return CorpusJob(root, count, lambda *_: cast(AskingClient, client), lambda _: allowance())


def sentence_job(root: Path, text: str, client: FakeClient) -> SentenceJob:
    return SentenceJob(root, text, lambda *_: cast(AskingClient, client), lambda _: allowance())
