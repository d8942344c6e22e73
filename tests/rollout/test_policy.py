"""The policy file: its defaults, its schema, and what it says about mistakes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from rollout import policy
from rollout.guardrail import ComparisonRule
from rollout.plan import Guardrails, Plan, Step, notes
from rollout.policy import PolicyError, load_policy
from tests.rollout.worlds import PLAN

HERE = Path(policy.__file__).parent
SCHEMA = json.loads((HERE / "policy.schema.json").read_text(encoding="utf-8"))


def load(root: Path, text: str) -> Plan:
    (root / "mine.yaml").write_text(text, encoding="utf-8")
    return load_policy(root, "mine.yaml")


def test_the_file_says_what_is_taken_without_it() -> None:
    assert load_policy(HERE.parent) == Plan()


def test_the_file_fits_its_schema() -> None:
    value = yaml.safe_load((HERE / "rollout.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(value, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert set(value) == set(SCHEMA["properties"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**value, "other": 1}, SCHEMA)


def test_part_of_it_will_do(tmp_path: Path) -> None:
    text = "steps:\n  - {weight: 10, min_users: 7, min_time: 90s}\n  - weight: 100\nmax_wait: 2h\n"
    plan = load(tmp_path, text)
    assert plan == replace(Plan(), steps=(Step(10, 7, 90.0), Step(100)), max_wait=7200.0)


MISTAKES = [
    ("warmup: 30s\n", 1, "unknown key warmup: use shadow, steps"),
    ("warm_up: 30\n", 1, "'30' is no time: give one, such as 30s or 5m"),
    ("steps:\n  - weight: 5\n", 2, "the last step is 5: end with weight 100"),
    ("steps:\n  - weight: 5\n  - weight: 5\n", 3, "5 comes after 5: list the weights ascending"),
    ("steps:\n  - weight: 0\n  - weight: 100\n", 2, "0 is not between 1 and 100"),
    ("steps:\n  - min_users: 3\n", 2, "`weight` is missing here: add `weight:`"),
    ("steps:\n  - weight: ten\n", 2, "'ten' is no whole number"),
    ("steps: []\n", 1, "there is none"),
    ("max_wait: 5m\n", 1, "not shorter than max_wait"),
    ("\nshadow:\n  percent: 101\n", 3, "101 is not between 0 and 100"),
    ("split_threshold: .nan\n", 1, "a value that JSON does not have"),
    ("capacity_share: yes\n", 1, "'yes' is not a number"),
    (
        "guardrails:\n  failed: {allowed: 2, alternative: 2, threshold: 1000, per_user: 3}\n",
        2,
        "2 is not above allowed (2): give how much worse",
    ),
    (
        "guardrails:\n  failed:\n    allowed: 2\n    alternative: 900\n    threshold: 20\n"
        "    per_user: 3\n",
        5,
        "3 events or fewer would roll back at 5 %: raise threshold",
    ),
    ("guardrails:\n  slow: {allowed: 2}\n", 2, "`alternative` is missing here"),
    ("guardrails:\n  hard_stop: {limit: 0.5}\n", 2, "0.5 is not between 0.001 and 0.2"),
    ("guardrails:\n  max_restarts: -1\n", 2, "-1 is not between"),
    ("steps: 5\n", 1, "expected a list"),
]


@pytest.mark.parametrize(("text", "number", "message"), MISTAKES)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, text: str, number: int, message: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"mine.yaml:{number}: ")
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot be read"):
        load_policy(tmp_path, "none.yaml")


def test_where_a_comparison_is_blind_it_is_said() -> None:
    assert len(notes(Plan())) == 1
    assert "nobody is left" in notes(Plan())[0]
    blind = replace(Plan(), steps=(Step(90), Step(100)))
    assert "at 90 % the comparison needs 155 failed attempts" in notes(blind)[0]


@pytest.mark.parametrize("plan", [Plan(), PLAN])
def test_a_plan_survives_the_decision_log(plan: Plan) -> None:
    changed = replace(plan, guardrails=Guardrails(failed=ComparisonRule(3, 9, 500, 4)))
    for one in (plan, changed):
        assert Plan.from_json(json.loads(json.dumps(one.to_json()))) == one
