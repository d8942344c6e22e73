"""docs/bring-your-own.md, followed to the letter in a copy of the workspace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.followed import Copy, followed

PAGE = Path("docs/bring-your-own.md").read_text(encoding="utf-8")
EDITED = (
    "process-compose.yaml",
    "workload.yaml",
    "nginx/conf.d/servers.conf",
    "nginx/snippets/predict.conf",
)


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    """After the whole page."""
    with followed(PAGE, "own") as copy:
        yield copy


def test_every_command_of_the_page_works(copy: Copy) -> None:
    assert not copy.failed


def test_at_most_four_files_are_edited(copy: Copy) -> None:
    assert set(copy.edited) == set(EDITED)
    code = (copy.root / "prices.py").read_text().splitlines()
    assert len([line for line in code if line]) <= 20


def test_the_pipeline_is_folded_and_v2_answers_with_it(copy: Copy) -> None:
    (adopted,) = copy.of("make adopt MODEL=my.joblib SLOT=v2 YES=1")
    assert "served folded" in adopted.stderr
    assert re.search(r"restart: v2-1 +\d", adopted.stderr)
    digest = re.search(r"v2 is now ([0-9a-f]{12})", adopted.stderr)
    assert digest
    answer = json.loads(copy.of("make test-api-debug")[0].stdout)
    assert answer["model"] == digest[1]
    (undone,) = copy.of("make adopt UNDO=1 SLOT=v2")
    assert re.search(r"v2 is [0-9a-f]{12} again", undone.stderr)


def test_own_texts_are_trained_on_and_measured(copy: Copy) -> None:
    (trained,) = copy.of("make gen-model DATA=my.csv")
    assert "held-out macro-F1" in trained.stderr
    assert "NOT MEASURED: the UCI set" in trained.stderr
    for version in ("v1", "v2"):
        assert "texts of your own" in (copy.root / f"var/models/{version}/MODEL.md").read_text()


def test_the_prices_come_from_two_versions(copy: Copy) -> None:
    for command, prefix, price in (
        ("make test-api", "v1-", 240_000),
        ("make test-api-debug", "v2-1", 256_000),
    ):
        done = copy.of(command)[-1]
        assert json.loads(done.stdout) == {"price": price}
        assert f"200 from {prefix}" in done.stderr


def test_what_is_not_offered_is_not_called_down(copy: Copy) -> None:
    first, second = copy.of("make start-project")
    assert "Metrics " not in first.stdout
    assert "not offered by v1-1, v1-2, v1-3, v2-1" in second.stdout
    assert "models " not in second.stderr
    assert "/price   login" in second.stdout


def test_the_files_agree_and_nothing_else_was_asked(copy: Copy) -> None:
    from gateway.agreement import agreement

    assert agreement(copy.root) == ()
    text = (copy.root / "var/logs/access.jsonl").read_text(encoding="utf-8")
    log = [json.loads(line) for line in text.splitlines()]
    asked = [line for line in log if line["uri"] == "/price"]
    assert len(asked) > 50  # 20 a second, for 5 seconds
    assert {line["status"] for line in asked} == {"200"}
    assert {line["instance"] for line in asked} >= {"v1-1", "v1-2", "v1-3", "v2-1"}
