"""What is said of a fuzzer's run, whatever it printed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode
from scripts import fuzzing, matrix_rows
from tests.fuzz.targets import NAMES

GOOD = """
#4096\tpulse  cov: 101 ft: 230 corp: 20/3kb
#9000\tDONE   cov: 120 ft: 260 corp: 22/4kb
stat::number_of_executed_units: 9000
"""


@pytest.fixture
def fuzzer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter that prints the file `said` and ends with the code in `code`."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/said\nexit $(cat {tmp_path}/code)\n")
    program.chmod(0o755)
    (tmp_path / "said").write_text(GOOD)
    (tmp_path / "code").write_text("0")
    monkeypatch.setattr(fuzzing, "REPORTS", tmp_path / "reports")
    return program


def test_the_same_targets_as_the_fuzzer_has() -> None:
    assert tuple(NAMES) == fuzzing.NAMES


def test_a_good_run(fuzzer: Path) -> None:
    found = fuzzing.fuzz(fuzzer, "nginx", 1, 1)
    assert (found.runs, found.branches, found.failed) == (9000, 120, False)
    assert (fuzzer.parent / "reports/matrix/fuzz/nginx.txt").read_text() == GOOD


@pytest.mark.parametrize(
    ("said", "code"), [(GOOD, "77"), ("Traceback\nImportError: no\n", "1"), ("", "0")]
)
def test_what_failed_is_shown(
    fuzzer: Path, capsys: pytest.CaptureFixture[str], said: str, code: str
) -> None:
    (fuzzer.parent / "said").write_text(said)
    (fuzzer.parent / "code").write_text(code)
    assert fuzzing.fuzz(fuzzer, "nginx", 1, 1).failed
    printed = capsys.readouterr().out
    assert said.strip() in printed
    assert "reports/matrix/fuzz/nginx.txt" in printed


def test_each_target_is_one_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fuzz(program: Path, name: str, seconds: int, seed: int) -> fuzzing.Fuzzed:
        assert program == fuzzing.row().program
        return fuzzing.Fuzzed(name, 10 * seconds, 5, name == "canary")

    monkeypatch.setattr(fuzzing, "build", lambda _: False)
    monkeypatch.setattr(fuzzing, "fuzz", fuzz)
    assert fuzzing.run(("nginx", "canary"), 3, 1) == (1, 1, "60 inputs")
    assert fuzzing.main(["canary"]) == ExitCode.FAILED
    assert fuzzing.main(["nginx", "--seconds", "4"]) == ExitCode.PASS
    assert "40 inputs: 1 passed, 0 failed" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        fuzzing.main(["nothing"])
    assert ended.value.code == ExitCode.USAGE


def test_only_the_fuzzer_s_environment_has_atheris() -> None:
    row = fuzzing.row()
    assert row.requirements[-1] == fuzzing.ATHERIS
    assert row.python.version == sys.version_info[:3]
    for text in (matrix_rows.LOCK, matrix_rows.ROOT / "pyproject.toml"):
        assert "atheris" not in text.read_text()
