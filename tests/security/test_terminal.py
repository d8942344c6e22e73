"""What others wrote (a model, a client, a log, a file) is printed as text and steers no terminal.

The screens: tests/dashboard/test_malicious_recording.py; the A/B report: tests/probes/test_ab.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.cli import main as dashboard
from dashboard.rollout_text import status_lines
from gateway.canary import Experiment
from gateway.errors import ConfigurationError
from gateway.shadow_log import Agreement
from probes.canary_change import Changed
from probes.canary_lines import change_lines, report_lines
from probes.canary_report import Counts, Report
from probes.drill_report import lines as drill_lines
from probes.example import _readable
from scripts import stack
from services.adopt import main as adopt
from services.gen_model import main as gen_model
from tests.dashboard.drill_story import REPORT
from tests.dashboard.poisoned import HOSTILE
from tests.dashboard.rollout_story import AT, STATUSES

EVIL = f"evil{HOSTILE}"
LINE = "".join(EVIL.split("\u2028")[0].splitlines()).replace("\0", "")
"""On one line, as a log and the name of a file can hold it."""


def harmless(lines: Sequence[str]) -> None:
    """Nothing in them steers, and what was hostile can be read."""
    text = "".join(lines)
    assert text.isprintable(), ascii(text)
    assert r"evil\x1b[2J" in text


def test_the_lines_of_canary() -> None:
    experiment = Experiment(5, 0, EVIL)
    harmless(report_lines(Report(experiment, None, Counts(), 0, Agreement(), True), "v2"))
    harmless(change_lines(Changed(Experiment(), experiment), "v2"))


def test_the_lines_of_a_drill() -> None:
    harmless(drill_lines(replace(REPORT, reason=EVIL, victim=EVIL, statuses={EVIL: 1})))


@pytest.mark.parametrize("what", ["problem", "actor", "reason"])
def test_the_lines_of_a_rollout(what: str) -> None:
    status = STATUSES["step"]
    assert status is not None
    if what == "problem":
        status = replace(status, problem=EVIL)
    else:
        last = status.decisions[-1]
        last = replace(last, actor=EVIL) if what == "actor" else replace(last, reason=EVIL)
        status = replace(status, decisions=(*status.decisions[:-1], last))
    harmless(status_lines(status, alive=True, now=AT))


def test_the_answer_of_a_model() -> None:
    body = json.dumps({"prediction": EVIL}, ensure_ascii=False)
    shown = _readable(body).splitlines()
    assert len(shown) == 3
    assert all(line.isprintable() for line in shown)
    harmless(_readable(LINE).splitlines())


def test_the_reason_of_a_refusal() -> None:
    harmless([str(ConfigurationError(EVIL, EVIL, "correct it"))])


def test_the_last_words_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v1-1.log").write_bytes(LINE.encode())
    monkeypatch.setattr(stack, "LOGS", tmp_path)
    harmless([stack.last_words("v1-1")])


@pytest.mark.parametrize("command", ["adopt", "train", "replay"])
def test_the_name_of_a_file(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / LINE.replace("/", "")
    name = str(file)
    match command:
        case "adopt":
            assert adopt([name, "--slot", "v2", "--yes"]) == 2
        case "train":
            assert gen_model(["--data", name, "--models-dir", str(tmp_path)], {}) == 2
        case "replay":
            assert dashboard(["replay", name, "--json"]) == 2
    harmless(capsys.readouterr().err.splitlines())
