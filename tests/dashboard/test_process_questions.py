"""Before a process is touched a person reads what that means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.events import Declared, ExperimentState, Workspace
from dashboard.model import Model
from dashboard.process_questions import (
    Deed,
    drill_question,
    needless,
    question,
    victim,
)
from gateway.supervisor import ProcessHealth, ProcessStatus
from tests.dashboard.drill_story import ended, everything, fresh
from tests.dashboard.stories import START, model, process

NOW = START + 1


def well() -> Model:
    return model(*fresh(START))


@pytest.mark.parametrize(
    ("deed", "name", "text", "consequence"),
    [
        (Deed.STOP, "v1-2", "stop v1-2?", "its share goes to v1-1 and v1-3; s starts it again"),
        (Deed.STOP, "v2-1", "stop v2-1?", "nobody serves v2 then; s starts it again"),
        (Deed.STOP, "nginx", "stop nginx?", "then nobody is served; s starts it again"),
        (Deed.RESTART, "nginx", "restart nginx?", "it comes back in a few seconds"),
        (Deed.STOP, "traffic", "stop traffic?", "the traffic ends"),
        (Deed.STOP, "else", "stop else?", "s starts it again"),
        (Deed.START, "v1-2", "start v1-2?", "as process-compose.yaml says"),
    ],
)
def test_the_question_names_process_and_consequence(
    deed: Deed, name: str, text: str, consequence: str
) -> None:
    asked = question(well(), deed, name, NOW)
    assert asked.text == text
    assert asked.consequence.endswith(consequence) or consequence in asked.consequence


def test_only_those_that_are_ready_take_a_share() -> None:
    folded = model(*fresh(START, ended("v1-1", "services", -1)))
    assert "goes to v1-3;" in question(folded, Deed.STOP, "v1-2", NOW).consequence


@pytest.mark.parametrize(
    ("deed", "name", "reason"),
    [
        (Deed.START, "v1-1", "v1-1 runs already: r restarts it"),
        (Deed.STOP, "model", "model does not run: s starts it"),
        (Deed.RESTART, "model", "model does not run: s starts it"),
        (Deed.STOP, "traffic", "traffic does not run: s starts it"),
        (Deed.STOP, "nobody", "process-compose has not told of nobody"),
        (Deed.START, "traffic", ""),
        (Deed.START, "model", ""),
        (Deed.STOP, "v1-1", ""),
        (Deed.RESTART, "v1-1", ""),
    ],
)
def test_what_needs_no_deed_is_not_asked(deed: Deed, name: str, reason: str) -> None:
    assert needless(well(), deed, name) == reason


def test_what_is_on_its_way_can_be_stopped() -> None:
    pending = replace(process("nginx"), status=ProcessStatus.PENDING, health=ProcessHealth.NO_PROBE)
    folded = model(*fresh(START, pending))
    assert needless(folded, Deed.STOP, "nginx") == ""
    assert "runs already" in needless(folded, Deed.START, "nginx")


def test_the_drill_kills_the_chosen_instance() -> None:
    for chosen in ("v1-3", "v2-1"):
        assert victim(well(), chosen) == chosen
    for other in ("nginx", None):
        assert victim(well(), other) == "v1-1"
    assert victim(Model(), "v1-1") is None


def test_one_that_is_drained_is_not_killed() -> None:
    for drained, instead in (("v2-1", "v1-1"), ("v1-1", "v1-2")):
        found = well()
        found.apply(ExperimentState(NOW, 0, 0, drained))
        assert victim(found, drained) == instead


def test_the_question_says_whom_a_drill_costs_something() -> None:
    asked = drill_question(well(), "v1-3", 80.0, NOW)
    assert asked.text == "kill -9 v1-3 under up to 80 requests/s?"
    assert "the report counts what clients lost" in asked.consequence
    asked = drill_question(well(), "v2-1", 80.0, NOW)
    assert asked.text == "kill -9 v2-1 under up to 80 requests/s?"
    assert "who forces v2 (debug) gets 503 until it is back" in asked.consequence
    assert "all others are served by v1" in asked.consequence


def test_a_version_with_two_instances_loses_nobody() -> None:
    found = well()
    second = Declared("v2-2", "v2", "127.0.0.1:8202")
    found.apply(Workspace(NOW, found.url, (*found.instances, second)))
    found.apply(everything(NOW, process("v2-2")))
    assert "503" not in drill_question(found, "v2-1", 80.0, NOW).consequence


def test_names_from_outside_are_harmless() -> None:
    assert "\x1b" not in question(well(), Deed.STOP, "\x1b[2J", NOW).text
