"""Which commands of the page about benchmarks are run, and how they are shortened."""

import re
from pathlib import Path

import pytest

from scripts import benchmarked
from scripts.benchmarked import PAGE, commands, shortened

NAMED = re.compile(r"python -m (bench\.\w+)")


@pytest.mark.parametrize(
    ("command", "short"),
    [
        ("make bench", "make bench ROUNDS=3 SECONDS=1"),
        ("make bench ROUNDS=4 SECONDS=3", "make bench ROUNDS=3 SECONDS=1"),
        ("python -m bench.soak --minutes 30", "python -m bench.soak --minutes 1"),
        (
            "python -m bench.service --json a.json",
            "python -m bench.service --json a.json --rounds 3 --seconds 1",
        ),
        (
            "scripts/bootstrap.sh tmux && python -m bench.logs --rounds 5 --seconds 15",
            "scripts/bootstrap.sh tmux && python -m bench.logs --rounds 3 --seconds 1",
        ),
    ],
)
def test_a_command_takes_as_little_as_it_can(command: str, short: str) -> None:
    assert shortened(command) == short


def test_every_benchmark_that_the_page_names_is_a_command() -> None:
    page = PAGE.read_text()
    named = {*NAMED.findall(page)} - {"bench.publish"}
    assert named == {*NAMED.findall("\n".join(commands(page)))}


def test_one_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarked, "_ROUNDS", "")
    page = tmp_path / "page.md"
    page.write_text("words\n```\ntrue    # a minute\nfalse\n```\n`not a command`\n")
    assert benchmarked.run(page) == (1, 1, "false ended with 1")
    page.write_text("no block\n")
    assert benchmarked.run(page) == (0, 1, "page.md has no command")
