"""Numbers as people read them, in as few columns as possible."""

from __future__ import annotations

import time


def count(value: int) -> str:
    """12,345."""
    return f"{value:,}"


def rate(value: float) -> str:
    """Requests a second, with one digit after the point while that says something."""
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def share(part: int, whole: int) -> str:
    """Per cent, "-" of nothing. Never 100 % or 0 % by rounding."""
    if whole <= 0:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return "<0.1 %"
    if 99.95 <= percent < 100:
        return ">99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def duration(seconds: float) -> str:
    """4 s, 3m20s, 2h14m or 5d03h."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole // 60 % 60:02d}m"
    return f"{whole // 86_400}d{whole // 3600 % 24:02d}h"


def age(seconds: float) -> str:
    """As duration, with tenths below ten seconds."""
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def latency(ms: int | None) -> str:
    """Milliseconds, "-" if nothing was measured."""
    if ms is None:
        return "-"
    return "<1" if ms == 0 else count(ms)


def memory(size: int) -> str:
    """Bytes as 58 M or 1.2 G."""
    mega = size / (1 << 20)
    return f"{mega:.0f} M" if mega < 1000 else f"{mega / 1024:.1f} G"


def clock(at: float, *, fraction: bool = True) -> str:
    """The local time of day, to the millisecond."""
    text = time.strftime("%H:%M:%S", time.localtime(at))
    return f"{text}.{int(at * 1000) % 1000:03d}" if fraction else text
