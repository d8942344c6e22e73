"""Every line of a recording is as recording.schema.json says, and the schema knows every kind."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from dashboard.events import (
    Event,
    ExperimentState,
    Marked,
    ProcessLog,
    SourceName,
    SourceState,
    TrialBegun,
    TrialEnded,
    TrialStep,
)
from dashboard.record import FORMAT, VERSION, RecordingWriter, to_json
from dashboard.trials.base import TrialName
from gateway.accesslog import FIELDS
from tests.dashboard.ray_story import LOST, WELL
from tests.dashboard.rollout_story import STATUSES, known
from tests.dashboard.stories import START, busy_minute, hit

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "dashboard/recording.schema.json").read_text())
DEFINITIONS = SCHEMA["$defs"]
LINE = jsonschema.Draft202012Validator(SCHEMA)
ACCESS = jsonschema.Draft202012Validator(
    json.loads((REPOSITORY / "gateway/access-log.schema.json").read_text())
)


STATUS = jsonschema.Draft202012Validator(
    json.loads((REPOSITORY / "rollout/status.schema.json").read_text())
)


@dataclass(frozen=True, slots=True)
class Anything:
    """A step of a trial."""

    def to_json(self) -> dict[str, Any]:
        return {"kind": "anything", "more": [1, {"deep": None}]}


def every_kind() -> list[Event]:
    """At least one event of each kind."""
    return [
        *busy_minute(),
        ProcessLog(START, "v1-1", ("one", "two")),
        WELL,
        LOST,
        ExperimentState(START, 25, 20, "v1-2"),
        *map(known, STATUSES),
        Marked(START, True),
        TrialBegun(START, TrialName.AB),
        TrialStep(START, TrialName.AB, Anything()),
        TrialEnded(START, TrialName.AB, "the gateway did not answer", stopped=True),
    ]


def check(lines: Iterable[str]) -> None:
    for number, line in enumerate(lines, start=1):
        value = json.loads(line)
        error = next(LINE.iter_errors(value), None)
        assert error is None, f"line {number}: {error}"
        if value.get("kind") == "hit":
            ACCESS.validate(value["access"])
        if value.get("kind") == "rollout" and value["status"] is not None:
            STATUS.validate(value["status"])


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_demo_is_a_recording() -> None:
    check((REPOSITORY / "docs/demo.jsonl").read_text().splitlines())


def test_what_is_written_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    writer = RecordingWriter(path)
    for event in every_kind():
        writer.write(event)
    writer.close()
    check(path.read_text().splitlines())


def test_the_schema_knows_every_field_of_every_kind() -> None:
    """A field that is new in the code is missing in the schema until somebody adds it there."""
    events = every_kind()
    assert {type(event) for event in events} == set(get_args(Event))
    kinds = {}
    for event in events:
        value = to_json(event)
        definition = DEFINITIONS[value["kind"].replace(" ", "-")]
        kinds[value["kind"]] = definition
        assert set(value) == set(definition["properties"]), value["kind"]
    known = {each["$ref"].rpartition("/")[2] for each in SCHEMA["else"]["oneOf"]}
    assert known == {kind.replace(" ", "-") for kind in kinds}


def test_the_schema_names_the_same_values() -> None:
    source = DEFINITIONS["source"]["properties"]
    assert set(source["source"]["enum"]) == {name.value for name in SourceName}
    assert set(source["state"]["enum"]) == {state.value for state in SourceState}
    assert set(DEFINITIONS["trial"]["enum"]) == {name.value for name in TrialName}
    assert tuple(DEFINITIONS["hit"]["properties"]["access"]["required"]) == FIELDS
    header = {name: rule["const"] for name, rule in DEFINITIONS["header"]["properties"].items()}
    assert header == {"format": FORMAT, "version": VERSION}


@pytest.mark.parametrize(
    "changes",
    [{"kind": "else"}, {"at": "now"}, {"more": 1}, {"access": {}}, {"access": {"status": 200}}],
)
def test_the_schema_refuses_what_is_none(changes: dict[str, Any]) -> None:
    value = to_json(hit())
    assert LINE.is_valid(value)
    assert not LINE.is_valid({**value, **changes})
