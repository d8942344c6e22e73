"""What the rows of the test matrix hold, and what is said of them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode
from scripts import (
    benchmarked,
    claimed,
    fuzzing,
    matrix,
    matrix_rows,
    second_nginx,
    second_prometheus,
    simulations,
    test,
    thousands,
)
from scripts.interpreters import Interpreter
from scripts.junit import Counts
from scripts.matrix_rows import NotBuilt, Row, build, lowest, pins, second_python, wanted

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Interpreter((3, 13, 0), Path("/somewhere/python3.13"))
PYPROJECT = """
[project]
dependencies = ["fastapi>=0.116", "uvloop>=0.21; sys_platform != 'win32'"]
optional-dependencies.dev = ["pytest>=8.4", "pytest-textual-snapshot==1.1.0", "ruff>=0.12"]
"""
LOCK = """\
# by scripts/lock.sh
fastapi==0.165.0 \\
    --hash=sha256:00
    # via switchyard (pyproject.toml)
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:01
pytest==8.4.2 \\
    --hash=sha256:02
pytest-textual-snapshot==1.1.0 \\
    --hash=sha256:03
syrupy==4.8.0 \\
    --hash=sha256:04
"""
ROW = Row("second-python", PYTHON, "highest", ("fastapi>=0.116",), ("fastapi==0.165.0",))


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the rows, and a uv that writes its arguments down there and fails on demand."""
    script = f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n[ ! -e {tmp_path}/broken ]\n'
    (tmp_path / "uv").write_text(script)
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(matrix_rows, "FOLDER", tmp_path / "matrix")
    return tmp_path


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the Nix shell, and what `main` sets for its programs is undone.

    The long rows have stand-ins.
    """
    monkeypatch.setattr(second_prometheus, "install", lambda: Path("/somewhere/else"))
    monkeypatch.setattr(second_prometheus, "run", lambda programs, report: (7, 0, ""))
    monkeypatch.setattr(second_nginx, "install", lambda: Path("/somewhere/sbin"))
    monkeypatch.setattr(second_nginx, "described", lambda programs: f"nginx 9.9 of {programs}")
    monkeypatch.setattr(second_nginx, "run", lambda programs, report: (5, 0, ""))
    monkeypatch.setattr(simulations, "run", lambda: (23, 0, ""))
    monkeypatch.setattr(claimed, "run", lambda: (5, 0, ""))
    monkeypatch.setattr(benchmarked, "run", lambda: (14, 0, ""))
    monkeypatch.setattr(test, "flake_unit", lambda: (1, 0, ""))
    monkeypatch.setattr(thousands, "run", lambda report: (3, 0, ""))
    monkeypatch.setattr(fuzzing, "run", lambda: (16, 0, "9 inputs"))
    monkeypatch.delenv("SWITCHYARD_TOOLS", raising=False)
    monkeypatch.chdir(ROOT)
    for name in ("PATH", "UV_PYTHON_DOWNLOADS", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


def test_a_row_has_everything_but_the_plugin() -> None:
    requirements = ("fastapi>=0.116", "uvloop>=0.21; sys_platform != 'win32'")
    row = lowest(PYTHON, PYPROJECT)
    assert row.requirements == (*requirements, "pytest>=8.4", "ruff>=0.12")
    assert (row.resolution, row.constraints) == ("lowest-direct", ())


def test_the_second_python_has_the_lock_and_a_free_pytest() -> None:
    row = second_python(PYTHON, PYPROJECT, LOCK)
    assert row.constraints == ("fastapi==0.165.0", "numpy==2.4.6 ; python_full_version < '3.12'")
    assert row.resolution == "highest"


def test_every_requirement_is_a_floor_without_a_cap_and_is_locked() -> None:
    requirements = wanted((ROOT / "pyproject.toml").read_text())
    locked = {pin.split("==")[0] for pin in pins(matrix_rows.LOCK.read_text())} | {"pytest"}
    for requirement in requirements:
        assert re.fullmatch(r"[\w-]+>=[\w.]+(; .*)?", requirement), requirement
        assert requirement.split(">=")[0].lower() in locked


def test_a_row_is_built_once(uv: Path) -> None:
    assert build(ROW)
    done = (uv / "calls").read_text()
    compiled, venv, synced = done.splitlines()
    assert "pip compile" in compiled
    assert f"--resolution highest --python {PYTHON.path}" in compiled
    assert f"--python {PYTHON.path} {ROW.folder}/venv" in venv
    assert f"pip sync --compile-bytecode --python {ROW.program} " in synced
    assert (ROW.folder / "constraints.txt").read_text() == "fastapi==0.165.0\n"
    assert not build(ROW)
    assert (uv / "calls").read_text() == done


@pytest.mark.parametrize(
    "other",
    [
        replace(ROW, python=replace(PYTHON, version=(3, 13, 1))),
        replace(ROW, resolution="lowest-direct"),
        replace(ROW, requirements=("fastapi>=0.117",)),
        replace(ROW, constraints=()),
        replace(ROW, requirements=(), constraints=(*ROW.requirements, *ROW.constraints)),
    ],
)
def test_whatever_changes_it_is_built_anew(uv: Path, other: Row) -> None:
    build(ROW)
    assert build(other)


def test_a_row_that_failed_is_built_anew(uv: Path) -> None:
    (uv / "broken").touch()
    with pytest.raises(NotBuilt, match="uv pip compile ended with 1"):
        build(ROW)
    (uv / "broken").unlink()
    assert build(ROW)


def test_without_uv_it_says_what_to_do(uv: Path) -> None:
    (uv / "uv").unlink()
    with pytest.raises(NotBuilt, match="run make setup"):
        build(ROW)


@pytest.mark.usefixtures("outside")
def test_a_row_that_cannot_be_built_fails_and_the_next_one_runs(
    uv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (uv / "broken").touch()
    other = replace(ROW, name="lowest")
    monkeypatch.setattr(matrix, "_rows", lambda: ([ROW, other], ""))
    monkeypatch.setattr(matrix, "search_path", lambda _: f"{uv}:/usr/bin:/bin")
    assert matrix.main() == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines if "uv pip compile ended with 1" in line] == [
        ["second-python", "set-up", "0", "1"],
        ["lowest", "set-up", "0", "1"],
    ]
    assert lines[-1] == "74 passed, 2 failed"


@pytest.mark.usefixtures("outside")
def test_a_current_nginx_is_named_with_its_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[tuple[Path, Path]] = []

    def run(programs: Path, report: Path) -> Counts:
        given.append((programs, report))
        return 236, 1, "a note"

    monkeypatch.setattr(second_nginx, "run", run)
    monkeypatch.setattr(matrix, "_rows", lambda: ([], ""))
    assert matrix.main() == ExitCode.FAILED
    assert given == [(Path("/somewhere/sbin"), test.REPORTS / "matrix/current-nginx/nginx.xml")]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (row,) = [line for line in lines if line[:2] == ["current-nginx", "nginx"]]
    assert (row[2:4], row[5:]) == (["236", "1"], ["a", "note"])
    assert ["current-nginx:", "nginx", "9.9", "of", "/somewhere/sbin"] in lines


@pytest.mark.usefixtures("outside")
def test_an_nginx_that_cannot_be_had_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install() -> Path:
        raise second_nginx.NotInstalled("no network")

    monkeypatch.setattr(second_nginx, "install", install)
    monkeypatch.setattr(matrix, "_rows", lambda: ([], ""))
    assert matrix.main() == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.startswith("current-nginx     set-up") and "no network" in line for line in lines
    )
    assert lines[-1] == "69 passed, 1 failed"


@pytest.mark.usefixtures("outside")
def test_simulations_that_differ_fail_with_their_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulations, "run", lambda: (22, 1, "the page differs"))
    monkeypatch.setattr(matrix, "_rows", lambda: ([], ""))
    assert matrix.main() == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line.split() for line in lines if line.startswith("simulations ")]
    assert row[1:4] == ["rollout", "22", "1"]
    assert row[5:] == ["the", "page", "differs"]


@pytest.mark.usefixtures("outside")
def test_a_fuzzer_that_cannot_be_had_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> Counts:
        raise NotBuilt("no wheel of atheris")

    monkeypatch.setattr(fuzzing, "run", run)
    monkeypatch.setattr(matrix, "_rows", lambda: ([], ""))
    assert matrix.main() == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("fuzz ") and "no wheel of atheris" in line for line in lines)
    assert lines[-1] == "58 passed, 1 failed"


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(("ci", "code"), [("true", ExitCode.FAILED), ("", ExitCode.PASS)])
def test_a_second_python_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, code: ExitCode
) -> None:
    monkeypatch.setattr(matrix, "_rows", lambda: ([], matrix.NO_SECOND))
    monkeypatch.setenv("CI", ci)
    assert matrix.main() == code
    assert capsys.readouterr().out.count("not covered: a second Python (install") == 1


@pytest.mark.usefixtures("outside")
def test_each_layer_runs_with_the_python_of_its_row(
    uv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Path, Path]] = []

    def layer(python: Path | None = None, reports: Path = test.REPORTS) -> Counts:
        """Stands in for a layer."""
        assert python is not None
        given.append((python, reports))
        return 3, 0, "a note"

    monkeypatch.setattr(matrix, "LAYERS", (layer,))
    monkeypatch.setattr(test, "REPORTS", uv / "reports")
    monkeypatch.setattr(matrix, "_prepared", lambda _: "versions")
    monkeypatch.setattr(matrix, "_rows", lambda: ([ROW], ""))
    assert matrix.main() == ExitCode.PASS
    assert given == [(ROW.program, uv / "reports/matrix/second-python")]


def test_the_nix_shell_is_not_the_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWITCHYARD_TOOLS", "nix")
    assert matrix.main() == ExitCode.USAGE
    assert "outside the Nix shell" in capsys.readouterr().err
