"""Which source addresses the probes that measure send from, so that they do not meet.

The upper half of 127.0.1.0/24 (probes.sources has the lower one, of the traffic). Two
probes on one address would share its allowance, and measure each other.
"""

from __future__ import annotations

import time

from gateway.settings import Settings
from probes.sources import NO_CHOICE, traffic_sources


def _range(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"127.0.1.{host}" for host in range(first, last + 1))


CHECK_SOURCES = _range(128, 143)
BURST_SOURCES = _range(144, 175)
DRILL_SOURCES = _range(176, 191)

SLOT_S = 0.125
"""How long `rested` stays with one address; a burst takes about as long."""


def available(settings: Settings, addresses: tuple[str, ...]) -> tuple[str, ...]:
    """`addresses` where this machine has them, NO_CHOICE where it has only one (macOS)."""
    return NO_CHOICE if traffic_sources(settings) == NO_CHOICE else addresses


def rested(settings: Settings) -> str:
    """An address for a burst: each is used again only after 4 s, when a burst of 20 at 10 a
    second has long come back."""
    addresses = available(settings, BURST_SOURCES)
    return addresses[int(time.time() / SLOT_S) % len(addresses)]
