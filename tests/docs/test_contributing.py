"""CONTRIBUTING.md: its recipe for one more version, followed on the whole stack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.processes import read_processes
from gateway.settings import load_settings
from gateway.topology import load_topology
from tests.docs.followed import Copy, followed, section

pytestmark = pytest.mark.skipif(
    any(each.version == "v3" for each in read_processes(Path()).instances),
    reason="this workspace has v3: the recipe of CONTRIBUTING.md is done",
)
PAGE = Path("CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    """A workspace that has v3, after all commands of the recipe."""
    with followed(section(PAGE, "### A version"), "v3") as copy:
        yield copy


def test_every_command_works_and_every_check_passes(copy: Copy) -> None:
    assert not copy.failed


def test_v3_answers_who_asks_for_it_from_a_model_of_its_own(copy: Copy) -> None:
    (asked,) = (done for command, done in copy.done if command.startswith("curl "))
    head, _, body = asked.stdout.replace("\r", "").partition("\n\n")
    assert re.search(r"^x-instance: v3-1$", head, re.MULTILINE | re.IGNORECASE)
    answer = json.loads(body)
    assert answer["version"] == "v3"
    (adopted,) = (done for command, done in copy.done if command.startswith("make adopt"))
    assert f"v3 is now {answer['model']}" in adopted.stderr


def test_it_is_a_cohort_of_its_own_in_the_log_and_the_check_tries_it(copy: Copy) -> None:
    text = (copy.root / "var/logs/access.jsonl").read_text(encoding="utf-8")
    log = [json.loads(line) for line in text.splitlines()]
    asked = [line for line in log if line["cohort"] == "v3"]
    assert len(asked) == 2  # curl, and the check of the routing
    assert {line["instance"] for line in asked} == {"v3-1"}
    (checked,) = (done for command, done in copy.done if command.endswith("dashboard check"))
    assert "v3 -> v3-1" in checked.stdout


def test_readme_has_its_port(copy: Copy) -> None:
    topology = load_topology(copy.root, load_settings(copy.root, {}))
    readme = (copy.root / "README.md").read_text(encoding="utf-8")
    assert all(str(each.port) in readme for each in topology.instances)
