"""Which files a process has open, seen from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.nginx_master import writes_to


def test_a_file_that_was_replaced_is_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab"):
        assert writes_to(os.getpid(), path) is True
        path.rename(tmp_path / "old")
        path.touch()
        assert writes_to(os.getpid(), path) is False
    assert writes_to(os.getpid(), path) is False


def test_where_nothing_can_be_seen_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    assert writes_to(1 << 30, path) is None
    with pytest.raises(FileNotFoundError):
        writes_to(os.getpid(), tmp_path / "none")
