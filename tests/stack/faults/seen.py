"""What the dashboard says of a workspace, without a terminal, and when it began to say so."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.feed import LiveFeed, declared_workspace, live_sources
from dashboard.verdict import judge
from gateway.settings import load_settings
from gateway.topology import Topology
from scripts.stack import wait_until

_WAIT_S = 40.0


class Seen:
    """The first line of the dashboard."""

    def __init__(self, feed: LiveFeed) -> None:
        self._feed = feed
        self.model = feed.model

    def says(self) -> str:
        """The verdict now, as one line."""
        while self._feed.advance():
            pass
        found = judge(self.model, self._feed.now())
        return f"{found.severity.value}: {found.reason}"

    def wait_for(self, pattern: str) -> float:
        """Until the verdict matches; how many seconds that took."""
        begun = time.monotonic()
        matched = wait_until(lambda: re.search(pattern, self.says()) is not None, _WAIT_S, 0.05)
        assert matched, f"{pattern!r} was not said, but {self.says()!r}"
        return time.monotonic() - begun


@contextmanager
def looking(root: Path, topology: Topology) -> Iterator[Seen]:
    """The dashboard of the workspace at `root`, with all that its log holds."""
    workspace = declared_workspace(topology, load_settings(root, {}), time.time())
    feed = LiveFeed(workspace, live_sources(root, topology, workspace))
    feed.start()
    seen = Seen(feed)
    try:
        seen.wait_for("^(?!UNKNOWN)")
        yield seen
    finally:
        feed.stop()
