"""`replay FILE --json`: the numbers of the Overview, and the schema that they keep."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dashboard.events import Event, PrometheusState, SourceName, SourceState, TrialEnded
from dashboard.model import Model
from dashboard.record import BadRecording, RecordingWriter
from dashboard.replay import folded
from dashboard.summary import summary
from dashboard.trials.base import Step, Trial, TrialName
from dashboard.verdict import Condition, Severity, judge
from dashboard.window import Window
from gateway.exit_codes import ExitCode
from probes.verdict import Verdict
from tests.dashboard.stories import START, all_fresh, busy_minute, hit, model

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "dashboard/replay.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
STORY = model(*busy_minute())
LAST = START + 89.9


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """The document, as somebody reads it who got it as text."""
    read = json.loads(json.dumps(document, allow_nan=False))
    error = next(VALIDATOR.iter_errors(read), None)
    assert error is None, error
    assert isinstance(read, dict)
    return read


def written(path: Path, *events: Event) -> Path:
    writer = RecordingWriter(path)
    for event in events:
        writer.write(event)
    writer.close()
    return path


def run(*words: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dashboard", "replay", *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("window", list(Window))
def test_it_adds_up_to_the_log(window: Window) -> None:
    document = valid(summary(STORY, START, LAST, window))
    tally = STORY.window(window, LAST)
    gateway, instances = document["gateway"], document["instances"]
    assert document["window"] == window.label
    assert gateway["requests"] == tally.total() == sum(gateway["statuses"].values())
    assert gateway["answered_itself"] + sum(one["hits"] for one in instances) == tally.total()
    for one in instances:
        assert one["hits"] == tally.total(one["name"]) == sum(one["classes"].values())
        assert one["share"] == pytest.approx(one["hits"] / tally.total())
        assert one["p95_ms"] == tally.percentile(one["name"], 95)
    assert gateway["redirects"] == tally.redirects
    assert gateway["retries"] == sum(one["retries"] for one in instances)


def test_the_verdict_is_that_of_the_screen() -> None:
    document = valid(summary(STORY, START, LAST))
    verdict = judge(STORY, LAST)
    assert document["verdict"] == {
        "severity": "DEGRADED",
        "reason": verdict.reason,
        "hint": verdict.hint,
    }
    dying = next(one for one in document["instances"] if one["name"] == "v1-2")
    assert (dying["state"], dying["restarts"], dying["version"]) == ("start", 1, "v1")


def test_of_nothing_there_are_no_numbers() -> None:
    document = valid(summary(Model(), START, START))
    assert document["verdict"]["severity"] == "UNKNOWN"
    assert (document["instances"], document["trials"], document["sources"]) == ([], [], [])
    assert document["prometheus"] is None
    assert document["gateway"]["p50_ms"] is None


def test_who_is_only_in_the_log_is_listed() -> None:
    document = valid(summary(model(hit(START, "v9-9")), START, START))
    one = document["instances"][-1]
    assert (one["name"], one["version"], one["hits"], one["restarts"]) == ("v9-9", None, 1, None)
    assert document["instances"][0]["share"] == 0


def test_it_tells_what_prometheus_said() -> None:
    known = model(*all_fresh(START), PrometheusState(START, 5, 6, 2, ("InstanceDown v1-2",)))
    document = valid(summary(known, START, START + 60))
    assert document["prometheus"] == {
        "targets_up": 5,
        "targets": 6,
        "rules": 2,
        "firing": ["InstanceDown v1-2"],
    }
    source = next(one for one in document["sources"] if one["name"] == "prometheus")
    assert (source["state"], source["stale"], source["age_s"]) == ("fresh", True, 60)


class Told:
    """A state of a trial that comes to something, or not yet."""

    def __init__(self, outcome: Verdict | None) -> None:
        self.outcome = outcome

    def apply(self, step: Step) -> None:
        pass


def test_tests_that_were_fired_are_told() -> None:
    known = model()
    known.trials[TrialName.AB] = Trial(Told(Verdict.PASSED), START)
    known.trials[TrialName.DRILL] = Trial(Told(None), START + 1)
    known.apply(TrialEnded(START + 9, TrialName.AB, "", stopped=True))
    ab, drill = valid(summary(known, START, START + 9))["trials"]
    assert ab == {
        "name": "ab",
        "begun": START,
        "ended": START + 9,
        "problem": "",
        "stopped": True,
        "outcome": "passed",
    }
    assert (drill["name"], drill["ended"], drill["outcome"]) == ("drill", None, None)


def test_the_schema_names_the_same_values() -> None:
    properties = SCHEMA["properties"]
    instance = properties["instances"]["items"]["properties"]
    source = properties["sources"]["items"]["properties"]
    trial = properties["trials"]["items"]["properties"]
    for rule, values in (
        (properties["window"], Window),
        (properties["verdict"]["properties"]["severity"], Severity),
        (instance["state"], Condition),
        (source["name"], SourceName),
        (source["state"], SourceState),
        (trial["name"], TrialName),
    ):
        names = {getattr(value, "label", value.value) for value in values}
        if values is TrialName:
            names = {value.value for value in TrialName}
        assert set(rule["enum"]) == names


def test_a_recording_is_knownto_its_end(tmp_path: Path) -> None:
    events = list(busy_minute())
    found, first, last = folded(written(tmp_path / "run.jsonl", *events))
    assert (first, last) == (START, max(event.at for event in events))
    assert summary(found, first, last) == summary(STORY, first, last)
    with pytest.raises(BadRecording, match="no event"):
        folded(written(tmp_path / "empty.jsonl"))


def test_the_command_prints_the_document(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", *busy_minute())
    done = run(str(path), "--json", "--window", "10s")
    assert (done.returncode, done.stderr) == (ExitCode.PASS, "")
    printed = valid(json.loads(done.stdout))
    assert printed == json.loads(json.dumps(summary(*folded(path), Window.TEN_SECONDS)))
    demo = run("docs/demo.jsonl", "--json")
    hits = [line for line in open_demo() if '"kind":"hit"' in line]
    assert valid(json.loads(demo.stdout))["gateway"]["requests"] == len(hits)


def open_demo() -> list[str]:
    return (REPOSITORY / "docs/demo.jsonl").read_text().splitlines()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no event"),
        (b"\x7fELF\xff\xfe\n", "not a line of a recording"),
        (b'{"format":"switchyard-recording","version":1}\n{"kind":"log","at":1}\n', ":2: "),
        (
            b'{"format":"switchyard-recording","version":1}\n{"kind":"x","at":Infinity}\n',
            "Infinity is no JSON",
        ),
        (b'{"format":"switchyard-recording","version":1}\n' + b"[" * 9**6 + b"\n", ":2: "),
    ],
    ids=["empty", "binary", "no field", "no time", "deep"],
)
def test_what_is_no_recording_is_explained(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    done = run(str(path), "--json")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("dashboard: replay: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.jsonl"), "--json")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert "none.jsonl" in done.stderr


def test_a_window_goes_with_json() -> None:
    done = run("docs/demo.jsonl", "--window", "1m")
    assert done.returncode == ExitCode.USAGE
    assert "--window goes with --json" in done.stderr
