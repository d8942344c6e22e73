"""docs/tutorial.md, followed to the letter: from the first request to a rolled-back canary."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.followed import Copy, followed

PAGE = Path("docs/tutorial.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    """After the whole page."""
    with followed(PAGE, "tutorial") as copy:
        yield copy


def said(copy: Copy, part: str) -> str:
    """What the only command with that part in it printed."""
    (done,) = (done for command, done in copy.done if part in command)
    return done.stdout


def test_every_command_of_the_page_works(copy: Copy) -> None:
    assert not copy.failed


def test_it_is_the_fault_that_takes_v2_back(copy: Copy) -> None:
    explained = said(copy, "rollout explain")
    assert re.search(r"^state +step.* 25 % .*-> rolled back", explained, re.MULTILINE | re.I)
    assert "taken again from what was stored: the same decision" in explained


def test_few_clients_see_it_and_v1_answers_all_afterwards(copy: Copy) -> None:
    assert 3 <= int(said(copy, "grep -c")) <= 60
    text = (copy.root / "var/logs/access.jsonl").read_text(encoding="utf-8")
    log = [json.loads(line) for line in text.splitlines()]
    bad = [line for line in log if line["status"] == "500"]
    assert {(line["cohort"], line["instance"]) for line in bad} == {("canary", "v2-1")}
    decided = (copy.root / "var/rollout/decisions.jsonl").read_text(encoding="utf-8")
    back = max(json.loads(line)["time"] for line in decided.splitlines())
    # From then on, but for what was under way.
    after = [line for line in log if float(line["time"]) > back + 0.5]
    traffic = [line for line in after if line["user_id"].startswith("u-")]
    assert {line["cohort"] for line in traffic} == {"v1"}
    assert len(traffic) > 20
