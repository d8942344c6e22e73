"""The command line of the training."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.gen_model import ExitCode, main

ROOT = Path(__file__).parents[2]


def gen_model(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.gen_model", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_wrong_usage_is_2() -> None:
    done = gen_model("--version", "v9")
    assert done.returncode == ExitCode.USAGE
    assert "v9" in done.stderr
    assert done.stdout == ""


def test_missing_data_is_2_and_says_what_to_do(tmp_path: Path) -> None:
    done = gen_model(
        "--offline",
        "--models-dir",
        str(tmp_path / "models"),
        "--data-dir",
        str(tmp_path / "data"),
        SENTIMENT_DATA_DIR=str(tmp_path),
    )
    assert done.returncode == ExitCode.USAGE
    assert "vaderSentiment-3.3.2.tar.gz is missing" in done.stderr
    assert "SENTIMENT_DATA_DIR" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_altered_data_is_2_and_shows_both_digests(tmp_path: Path) -> None:
    (tmp_path / "vaderSentiment-3.3.2.tar.gz").write_bytes(b"other")
    done = gen_model("--models-dir", str(tmp_path / "models"), SENTIMENT_DATA_DIR=str(tmp_path))
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.count("sha256 ") == 2


def test_a_folder_that_cannot_be_written_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--models-dir", str(tmp_path / "file" / "models")], {}) == ExitCode.FAILED
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_an_interrupt_is_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.gen_model.run", interrupted)
    assert main(["--models-dir", str(tmp_path)], {}) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "gen_model: interrupted; nothing was published\n"


def test_the_command_loads_no_numeric_library() -> None:
    program = (
        "import sys, services.gen_model\n"
        "heavy = {'sklearn', 'scipy', 'numpy', 'joblib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
