"""process-compose.yaml, judged by process-compose."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Path:
    """A folder with the file and what process-compose reads beside it."""
    (tmp_path / "var/run").mkdir(parents=True)
    for name in ("process-compose.yaml", ".env", ".pc_env"):
        shutil.copy(repository / name, tmp_path)
    return tmp_path


def dry_run(project: Path) -> subprocess.CompletedProcess[str]:
    command = ["process-compose", "up", "--dry-run"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=30)


def test_process_compose_accepts_the_file(project: Path) -> None:
    done = dry_run(project)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("known", "unknown"),
    [("readiness_probe:", "readyness_probe:"), ("is_strict:", "is_strickt:")],
)
def test_an_unknown_key_is_an_error(project: Path, known: str, unknown: str) -> None:
    path = project / "process-compose.yaml"
    text = path.read_text()
    assert known in text
    path.write_text(text.replace(known, unknown, 1))
    done = dry_run(project)
    assert done.returncode != 0
    assert unknown.rstrip(":") in done.stdout + done.stderr
