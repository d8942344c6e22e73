"""What runs headless must not pay for the terminal library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEADLESS = (
    "dashboard",
    "dashboard.cli",
    "dashboard.feed",
    "dashboard.replay",
    "dashboard.present",
    "dashboard.traffic",
    "dashboard.detail",
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


def test_the_screens_do_bring_it() -> None:
    code = "import sys, dashboard.ui.app; sys.exit('textual' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
