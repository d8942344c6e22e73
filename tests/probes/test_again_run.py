"""A recorded request and its twin: who is asked what, and what the answers come to."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.workload import Text, load_workload
from probes.ab_client import Answer
from probes.again_plan import PAIR_S, Again, Plan
from probes.again_run import Outcome, Resender
from probes.client import NoAnswer
from probes.recorded import TWIN

ROOT = Path(__file__).parents[2]
TEXTS = (Text("good", None), Text('He said "no"', None))
SERVED = {"v1-1": "v1", "v1-2": "v1", "v2-1": "v2"}
SOURCES = ("127.0.1.1", "127.0.1.2")
Reply = Callable[[dict[str, str]], Answer]


def says(instance: str, prediction: str, status: int = 200) -> Answer:
    return Answer(status, instance, {"prediction": prediction}, 0.001, retried=False)


class Gateway:
    """Sends to v2 whoever asks for it, or is called v2-something."""

    def __init__(self, v1: str = "negative", v2: str = "positive") -> None:
        self.words = v1, v2
        self.asked: list[tuple[str, dict[str, str], str, float]] = []
        self.fails: Reply | None = None

    def ask(self, source: str, headers: dict[str, str], body: bytes) -> Answer:
        sentence = json.loads(body)["sentence"]
        self.asked.append((source, headers, sentence, time.monotonic()))
        if self.fails is not None:
            return self.fails(headers)
        group = headers.get("X-Experiment-Group", "")
        canary = headers.get("X-User-Id", "").startswith("v2") and group != "control"
        return (
            says("v2-1", self.words[1])
            if group == "debug" or canary
            else says("v1-2", self.words[0])
        )


def again(number: int, user: str = "u-0001", group: str = "", due: float = 0.0) -> Again:
    return Again(number, due, user, group, number % 2)


def sent(gateway: Gateway, *by_source: tuple[Again, ...]) -> Outcome:
    resender = Resender(gateway, load_workload(ROOT), TEXTS, SOURCES, SERVED)
    resender.start(Plan(by_source, 0.0, 0.0))
    for thread in resender._threads:
        thread.join(20)
    assert resender.over
    return resender.finish()


@pytest.mark.parametrize(
    ("user", "group", "twin"),
    [
        ("u-0001", "", "debug"),
        ("v2-user", "", "control"),
        ("u-0001", "debug", "control"),
        ("v2-user", "control", "debug"),
    ],
)
def test_the_version_that_did_not_answer_is_asked_the_same(
    user: str, group: str, twin: str
) -> None:
    gateway = Gateway()
    outcome = sent(gateway, (again(1, user, group),))
    (source, first, sentence, _), (also, second, repeated, _) = gateway.asked
    assert (source, also) == ("127.0.1.1", "127.0.1.1")
    assert sentence == repeated == TEXTS[1].text
    assert (first["X-User-Id"], second["X-User-Id"]) == (user, user)
    assert first.get("X-Experiment-Group", "") == group
    assert second["X-Experiment-Group"] == twin
    assert re.fullmatch(r"again-[0-9a-f]{8}-000001", first["X-Request-ID"])
    assert second["X-Request-ID"] == first["X-Request-ID"].replace("again-", TWIN)
    # The first version's word always comes first.
    assert outcome.matrix == Counter({("negative", "positive"): 1})
    assert (outcome.pairs, outcome.same, outcome.sent) == (1, 0, 1)
    assert outcome.answered == Counter({200: 1})


def test_who_had_no_name_has_none_again() -> None:
    gateway = Gateway(v2="negative")
    outcome = sent(gateway, (again(0, user=""),))
    assert all("X-User-Id" not in headers for _, headers, _, _ in gateway.asked)
    assert (outcome.pairs, outcome.same) == (1, 1)


@pytest.mark.parametrize(
    ("replies", "statuses", "asked"),
    [
        ([says("v1-1", "x", 500)], {500: 1}, 1),
        ([says("", "x", 503)], {503: 1}, 1),
        ([says("other", "x")], {200: 1}, 1),
        ([Answer(200, "v1-1", {}, 0.0, retried=False)], {200: 1}, 1),
        ([says("v1-1", "x"), says("v2-1", "x", 500)], {200: 1}, 2),
        # It did not reach the version that it asked for.
        ([says("v1-1", "x"), says("v1-2", "x")], {200: 1}, 2),
    ],
)
def test_without_both_answers_there_is_no_pair(
    replies: list[Answer], statuses: dict[int, int], asked: int
) -> None:
    gateway, left = Gateway(), iter(replies)
    gateway.fails = lambda headers: next(left)
    outcome = sent(gateway, (again(0),))
    assert (outcome.pairs, outcome.errors, outcome.answered) == (0, 0, statuses)
    assert len(gateway.asked) == asked


def test_no_answer_is_an_error_and_not_the_end() -> None:
    gateway = Gateway()

    def broken(headers: dict[str, str]) -> Answer:
        gateway.fails = None
        raise NoAnswer("gone")

    gateway.fails = broken
    outcome = sent(gateway, (again(0), again(1)))
    assert (outcome.sent, outcome.errors, outcome.pairs, outcome.last_error) == (2, 1, 1, "gone")


def test_an_address_keeps_its_distance_however_late_it_is() -> None:
    gateway = Gateway()
    sent(gateway, (again(0), again(1), again(2)), (again(3),))
    own = [at for source, headers, _, at in gateway.asked if source == SOURCES[0]]
    firsts = own[::2]
    assert len(own) == 6
    # Noted a moment after it was sent, so not to the millisecond.
    assert all(b - a > PAIR_S / 2 for a, b in itertools.pairwise(firsts))


def test_what_is_not_due_yet_is_not_sent_when_it_is_stopped() -> None:
    gateway, asked = Gateway(), threading.Event()

    def noted(headers: dict[str, str]) -> Answer:
        asked.set()
        return says("", "x", 503)

    gateway.fails = noted
    resender = Resender(gateway, load_workload(ROOT), TEXTS, SOURCES, SERVED)
    resender.start(Plan(((again(0), again(1, due=3600.0)),), 3600.0, 3600.0))
    assert asked.wait(20)
    assert not resender.over
    finishing = threading.Thread(target=resender.finish, daemon=True)
    finishing.start()
    finishing.join(20)
    assert resender.over
    assert resender.sent == 1
