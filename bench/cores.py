"""Which cores server and load generator have."""

from __future__ import annotations

import os

Cores = frozenset[int] | None
"""None: any."""


def apart() -> tuple[Cores, Cores]:
    """One for the server and one for the load generator, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None, None
    return frozenset(cores[:1]), frozenset(cores[1:2])
