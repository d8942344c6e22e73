"""What every room of the tests may need."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.locked_textual import leave_out, why_not_compared, why_not_drawn

# A slow example is no finding: these machines are busy.
settings.register_profile("unhurried", settings(deadline=None))
settings.load_profile("unhurried")


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day as in UTC, wherever the test runs."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out the pictures where they cannot be compared."""
    compared = "snap_compare" in getattr(item, "fixturenames", ())
    if compared or item.get_closest_marker("picture"):
        leave_out(why_not_drawn() or (why_not_compared() if compared else None))
