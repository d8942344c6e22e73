"""What runs headless must not pay for the terminal library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode

REPOSITORY = Path(__file__).resolve().parents[2]
HEADLESS = (
    "dashboard",
    "dashboard.cli",
    "dashboard.feed",
    "dashboard.replay",
    "dashboard.present",
    "dashboard.traffic",
    "dashboard.detail",
    "dashboard.summary",
)


@pytest.mark.parametrize("module", HEADLESS)
def test_textual_stays_out(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "found = {name.split('.')[0] for name in sys.modules}; "
        "sys.exit(', '.join(found & {'textual', 'rich', 'httpx', 'prometheus_client'}) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["replay", str(REPOSITORY / "docs/demo.jsonl"), "--json"], ExitCode.PASS),
        (["replay", "none.jsonl", "--json"], ExitCode.USAGE),
        # In a folder without a workspace: everything is imported before that is noticed.
        (["check"], ExitCode.USAGE),
        (["ab"], ExitCode.USAGE),
        (["drill", "--yes"], ExitCode.USAGE),
    ],
)
def test_headless_commands_leave_textual_out(
    tmp_path: Path, words: list[str], code: ExitCode
) -> None:
    program = (
        f"import sys; from dashboard.cli import main; code = main({words!r}); "
        "found = {name.split('.')[0] for name in sys.modules}; "
        "sys.stderr.write(' '.join(found & {'textual', 'rich'})); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert not done.stderr.endswith(("textual", "rich")), done.stderr


def test_the_screens_do_bring_it() -> None:
    code = "import sys, dashboard.ui.app; sys.exit('textual' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
