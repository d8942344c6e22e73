"""Which processes belong together."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gateway import process_table


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="not covered: reads /proc")
def test_a_family_is_a_process_and_what_it_and_those_started() -> None:
    script = "sleep 60 & echo $! $$; read -r _; kill $!"
    command = ["sh", "-c", f"sh -c '{script}'; :"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        below = {int(pid) for pid in one.stdout.readline().split()}
        assert process_table.family(one.pid) == {one.pid, *below}
        assert {one.pid, *below} < process_table.family(os.getpid())
        one.stdin.write("\n")
