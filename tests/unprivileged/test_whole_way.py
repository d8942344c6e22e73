"""Start, predict, stop as a plain user; `make test` sets the clone up the same way before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def make(target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--silent", target],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_from_start_to_stop() -> None:
    assert os.environ["PATH"] == "/usr/bin:/bin"
    # As homes are on Debian: nobody else may enter.
    for folder in (Path.cwd(), Path.cwd().parent):
        folder.chmod(0o700)
    started = make("start-project")
    try:
        assert started.returncode == 0, started.stderr
        for target, instance in (("test-api", "v1"), ("test-api-debug", "v2")):
            answered = make(target)
            assert answered.returncode == 0, answered.stderr
            assert f'"version": "{instance}"' in answered.stdout
        again = make("start-project")
        assert again.returncode == 0, again.stderr
        assert "runs already" in again.stderr
    finally:
        stopped = make("stop-project")
    assert stopped.returncode == 0, stopped.stderr
    assert not Path("var/run/pc.sock").exists()
    everything = {path.stat().st_uid for path in Path("var").rglob("*")}
    assert everything == {os.geteuid()}
