"""What a dashboard knows and what commands report, with hostile text in every text of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dashboard.events import Event, LabelledAb, ProcessStates
from dashboard.model import Model
from dashboard.trials.ab import AbRun, Sentence
from gateway.accesslog import Access
from gateway.canary import Experiment
from probes.checks import registry
from probes.checks.finding import Check, Finding, Result
from probes.labelling import Labelling
from probes.verdict import Verdict
from probes.workspace import load_workspace
from rollout.record import Explanation, explain
from rollout.status import Status
from tests.dashboard import ab_story, ray_story, rollout_story
from tests.dashboard.drill_story import whole_story
from tests.dashboard.spoilt import spoilt
from tests.dashboard.stories import START
from tests.dashboard.test_malicious_recording import LATE, story, thinned
from tests.rollout.test_typed import explainable

NOW = LATE + 1
"""Just after the last event."""
EVENTS = tuple(story())
PAIRS = tuple(ab_story.pairs(40))
BAD_MOMENT = START + 91
"""Just after the last event of the other story."""
_BAD_EVENTS = tuple(thinned(whole_story()))
_REQUESTS = 60
_WORKSPACE = load_workspace(Path(__file__).parents[2], {})


class World:
    """All of it with `text` before and after each text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def bad(self, text: str) -> str:
        """`text`, spoilt."""
        return spoilt(text, self.text)

    def folded(self, *events: Event) -> Model:
        """What these events make."""
        model = Model()
        for event in events:
            model.apply(spoilt(event, self.text))
        return model

    @cached_property
    def model(self) -> Model:
        """Of a story in which everything happens."""
        return self.folded(*EVENTS)

    @cached_property
    def broken(self) -> Model:
        """Of a stack in which instances and others are down, at BAD_MOMENT."""
        return self.folded(*_BAD_EVENTS)

    @cached_property
    def on_ray(self) -> Model:
        """Of a workspace on Ray, known as that by a namespace that is ours."""
        model = Model()
        for event in ray_story.on_ray(START, ray_story.LOST):
            bad = spoilt(event, self.text)
            if isinstance(event, ProcessStates) and isinstance(bad, ProcessStates):
                pairs = zip(bad.processes, event.processes, strict=True)
                kept = tuple(replace(each, namespace=ours.namespace) for each, ours in pairs)
                bad = replace(bad, processes=kept)
            model.apply(bad)
        return model

    @cached_property
    def requests(self) -> list[Access]:
        """The latest."""
        return list(self.model.recent)[-_REQUESTS:]

    @cached_property
    def run(self) -> AbRun:
        """An A/B run with disagreements that nobody labels."""
        run = AbRun(spoilt(ab_story.begun(len(PAIRS)), self.text))
        for pair in PAIRS:
            run.tally.add(spoilt(pair, self.text))
        return run

    @cached_property
    def labelled(self) -> AbRun:
        """Another one, of which the first question is asked."""
        run = World(self.text).run
        run.labelling = Labelling(run.tally.disagreements, run.tally.versions, 1)
        return run

    @cached_property
    def sentence(self) -> Sentence:
        """Somebody has typed one."""
        return spoilt(ab_story.sentence(), self.text)

    @cached_property
    def statuses(self) -> list[Status]:
        """A rollout at each of its places."""
        found = [status for status in rollout_story.STATUSES.values() if status is not None]
        return [spoilt(status, self.text) for status in found]

    @cached_property
    def explanation(self) -> Explanation:
        """A decision that would be taken otherwise now."""
        return spoilt(explain(spoilt(explainable(), self.text)), self.text)

    @cached_property
    def quality(self) -> LabelledAb:
        """What a labelled A/B test said."""
        return spoilt(rollout_story.QUALITY, self.text)

    @cached_property
    def experiment(self) -> Experiment:
        """An instance is drained."""
        return spoilt(Experiment(5, 20, "v2-1"), self.text)

    @cached_property
    def results(self) -> Iterable[Result]:
        """A check with each outcome."""
        return [registry.run(self._check(verdict), _WORKSPACE) for verdict in Verdict]

    def _check(self, verdict: Verdict) -> Check:
        found, command = Finding(verdict, self.bad("evidence")), self.bad("curl")
        return Check("tls", "TLS", lambda _: found, lambda _: command)
