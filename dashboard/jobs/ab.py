"""Asks both versions: rows of the corpus, or a sentence that somebody typed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from dashboard.trials.ab import AbRun, Asked, Begun, Finished, Sentence, watched_p
from dashboard.trials.ab_pairs import counted_only
from dashboard.trials.base import Step, TrialName
from gateway.settings import Settings
from gateway.workload import Text, Workload
from probes.ab_client import Allowance, AskingClient
from probes.ab_run import (
    MARGIN,
    ask_pair,
    check_versions,
    open_allowance,
    open_client,
    plan,
    run,
)
from probes.client import NoAnswer
from probes.workspace import Workspace, load_workspace

SEED = 1
"""The same rows at every run, as `ab` takes them: asking again is no second chance."""
_HOW_TO_START = "is the workspace running? make start-project"

Connect = Callable[[Path, Settings, Workload], AskingClient]


class CorpusJob:
    """Pairs over the corpus."""

    trial = TrialName.AB

    def __init__(
        self,
        root: Path,
        pairs: int | None,
        connect: Connect = open_client,
        allow: Callable[[Settings], Allowance] = open_allowance,
    ) -> None:
        """`pairs` rows at most, None: all of them."""
        self._root, self._pairs = root, pairs
        self._connect, self._allow = connect, allow

    def steps(self, stop: threading.Event) -> Iterator[Step]:
        """Raises ConfigurationError; NoAnswer, after what was measured, when the gateway goes."""
        found = _workspace(self._root)
        texts, pointer = found.workload.texts(), found.workload.pointer
        chosen = plan(texts, len(texts) if self._pairs is None else self._pairs, SEED)
        planned = len(chosen.texts)
        served = tuple(found.topology.served.items())
        source = found.workload.corpus.path.name
        begins = Begun(pointer, served, source, len(texts), planned, SEED, MARGIN)
        # A second of work for thousands of pairs: here, so that the screen finds it done.
        tally = AbRun(begins).tally
        client = self._connect(self._root, found.settings, found.workload)
        yield begins
        begun = time.monotonic()
        try:
            for pair in run(client, found.workload, chosen, self._allow(found.settings)):
                step = Asked(counted_only(pair, pointer))
                tally.add(step.pair)
                yield step
                if stop.is_set():
                    break
        except NoAnswer as error:
            problem = f"the gateway did not answer: {error}"
            if tally.pairs:
                problem = f"the gateway did not answer any more after {tally.pairs} pairs: {error}"
            yield Finished(_since(begun), problem)
            raise NoAnswer(f"{problem}; {_HOW_TO_START}") from None
        finally:
            client.close()
        seconds = _since(begun)
        watched_p(tally.quality.test)  # as with the tally
        yield Finished(seconds, stopped=tally.pairs < planned)


class SentenceJob:
    """One text to both versions."""

    trial = TrialName.AB

    def __init__(
        self,
        root: Path,
        text: str,
        connect: Connect = open_client,
        allow: Callable[[Settings], Allowance] = open_allowance,
    ) -> None:
        self._root, self._text = root, text
        self._connect, self._allow = connect, allow

    def steps(self, stop: threading.Event) -> Iterator[Step]:
        """Raises ConfigurationError, NoAnswer."""
        found = _workspace(self._root)
        pointer, versions = found.workload.pointer, found.topology.versions
        client = self._connect(self._root, found.settings, found.workload)
        try:
            draw = random.Random()  # noqa: S311 - only the order of three requests
            allowance = self._allow(found.settings)
            pair = ask_pair(client, found.workload, 0, Text(self._text, None), allowance, draw)
        except NoAnswer as error:
            raise NoAnswer(f"{error}; {_HOW_TO_START}") from None
        finally:
            client.close()
        # The bodies of both are shown; what the first said the second time is not.
        again = counted_only(pair, pointer).again
        yield Sentence(pointer, (versions[0], versions[1]), replace(pair, again=again))


def _workspace(root: Path) -> Workspace:
    found = load_workspace(root, os.environ)
    check_versions(root, found.topology)
    return found


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
