"""What older releases of schemathesis do that the newest does not."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

# Its client leaves streams of anyio open, and names one by an old alias (up to 4.25).
UNTIDY_BEFORE = (4, 30)
UNTIDY = (
    "ignore:Unclosed <MemoryObject:ResourceWarning",
    "ignore:The anyio.abc.BlockingPortal alias:DeprecationWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Hold nothing against our service that such a client does."""
    major, minor = map(int, re.findall(r"\d+", version("schemathesis"))[:2])
    if (major, minor) < UNTIDY_BEFORE:
        for rule in UNTIDY:
            config.addinivalue_line("filterwarnings", rule)
