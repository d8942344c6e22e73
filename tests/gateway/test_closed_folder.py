"""A folder that nobody enters but its owner, or a group."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.closed_folder import close_folder


def test_a_group_may_enter_what_is_closed_to_others(tmp_path: Path) -> None:
    group = os.getgid()
    tmp_path.chmod(0o777)
    assert close_folder(tmp_path, group)
    assert tmp_path.stat().st_mode & 0o777 == 0o710
    assert tmp_path.stat().st_gid == group
    assert not close_folder(tmp_path, group)
    assert close_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not close_folder(tmp_path)
