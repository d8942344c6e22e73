"""What the Traffic screen says: the requests that pass the filter, and how they are spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.filters import Filter
from dashboard.lines import Cell, Line, Tone, clip, fit, right, safe
from dashboard.model import Model
from dashboard.numbers import clock, count, latency, share
from dashboard.tally import milliseconds
from dashboard.view import NGINX, View
from dashboard.window import Window
from gateway.accesslog import Access

_BINS_MS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024, 1 << 62)
_LABEL = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """The requests of the window that pass a filter, the latest first."""

    requests: tuple[Access, ...]
    considered: int
    """How many were looked at: those of the window that are still kept whole."""


def select(model: Model, wanted: Filter, window: Window, now: float) -> Selection:
    """The requests to be shown at `now`."""
    first: float = int(now) - window.value + 1
    if window is Window.ALL:
        first = model.marked_at or 0
    inside = [access for access in reversed(model.recent) if access.time >= first]
    if not wanted.terms:
        return Selection(tuple(inside), len(inside))
    matches = wanted.matcher(model.answered_by)
    return Selection(tuple(access for access in inside if matches(access)), len(inside))


def summary(
    model: Model, view: View, now: float, selection: Selection, wanted: Filter, state: str
) -> tuple[Line, ...]:
    """The lines above the table: filter, counts, status over time, latency."""
    requests = selection.requests
    chips: list[Cell] = [Cell(fit(" filter", _LABEL), Tone.STRONG)]
    for term in wanted.terms:
        chips += [Cell(f"[{safe(str(term), 60)}]", Tone.ACCENT), Cell(" ")]
    if not wanted.terms:
        chips.append(Cell("none: / to type one, for example status>=400 inst:v2", Tone.MUTED))
    shown = f"{count(len(requests))} of {count(selection.considered)} in {view.window.label}"
    if selection.considered == len(model.recent) < model.hits:
        shown += f" (the last {count(len(model.recent))} of {count(model.hits)})"
    found = clip(chips, max(20, view.columns - len(shown) - len(state) - 6), view.glyphs.more)
    used = sum(len(cell.text) for cell in found)
    gap = max(1, view.columns - used - len(shown) - len(state) - 4)
    end = (Cell(" " * gap + shown), Cell(f"   {state}", Tone.MUTED))
    return (
        clip((*found, *end), view.columns, view.glyphs.more),
        clip(_by_status(view, requests, now), view.columns, view.glyphs.more),
        clip(_by_latency(view, requests), view.columns, view.glyphs.more),
    )


def _by_status(view: View, requests: Sequence[Access], now: float) -> Line:
    length = min(60, max(10, (view.columns - _LABEL - 34) // 3))
    strips = {hundred: [0] * length for hundred in (2, 4, 5)}
    totals = dict.fromkeys((2, 4, 5), 0)
    first = int(now) - length
    for access in requests:
        hundred = access.status // 100
        if hundred in totals:
            totals[hundred] += 1
            second = int(access.time) - first
            if 0 <= second < length:
                strips[hundred][second] += 1
    top = max(1, *(value for strip in strips.values() for value in strip))
    cells = [Cell(fit(" status", _LABEL), Tone.STRONG)]
    for hundred, tone in ((2, Tone.GOOD), (4, Tone.WARN), (5, Tone.BAD)):
        cells += [
            Cell(f"{hundred}xx ", Tone.MUTED),
            Cell(fit(count(totals[hundred]), 6)),
            Cell(view.glyphs.spark(strips[hundred], top), tone),
            Cell("  "),
        ]
    return tuple(cells)


def _by_latency(view: View, requests: Sequence[Access]) -> Line:
    durations = sorted(milliseconds(access.request_time) for access in requests)
    bins = [0] * (len(_BINS_MS) - 1)
    for ms in durations:
        bins[_bin(ms)] += 1
    cells = [
        Cell(fit(" latency", _LABEL), Tone.STRONG),
        Cell("0 ", Tone.MUTED),
        Cell(view.glyphs.spark(bins, max(1, *bins)), Tone.ACCENT),
        Cell(" 1 s+  ", Tone.MUTED),
    ]
    for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
        cells += [Cell(f"{name} ", Tone.MUTED), Cell(latency(_rank(durations, percent)) + "  ")]
    slow = sum(1 for ms in durations if ms >= 100)
    cells += [Cell("ms   over 100 ms ", Tone.MUTED), Cell(share(slow, len(durations)))]
    return tuple(cells)


def _bin(ms: int) -> int:
    return next(i for i, end in enumerate(_BINS_MS[1:]) if ms < end)


def _rank(durations: Sequence[int], percent: int) -> int | None:
    """The nearest-rank percentile of sorted values."""
    if not durations:
        return None
    return durations[max(1, -(-len(durations) * percent // 100)) - 1]


def table_head(view: View) -> Line:
    """The titles over the requests."""
    cells = [Cell(" "), *(Cell(_pad(t, w, r, view), Tone.MUTED) for t, w, r, _ in _columns(view))]
    return clip(cells, view.columns, view.glyphs.more)


def table_row(model: Model, view: View, access: Access) -> Line:
    """One request."""
    status = access.status
    tone = Tone.BAD if status >= 500 else Tone.WARN if status >= 400 else Tone.NORMAL
    values = {
        "time": Cell(clock(access.time), Tone.MUTED),
        "status": Cell(f"{status:03d}", tone),
        "instance": Cell(safe(model.answered_by(access), 40) or NGINX),
        "cohort": Cell(
            safe(access.cohort, 12) or "-", Tone.WARN if model.is_fallback(access) else Tone.MUTED
        ),
        "user": Cell(safe(access.user_id or access.remote_user or "-", 64)),
        "ms": Cell(latency(round(access.request_time * 1000))),
        "answer": Cell(safe(access.prediction, 20) or "-"),
        "request": Cell(f"{safe(access.method, 10)} {safe(access.uri, 200)}", Tone.MUTED),
        "request id": Cell(safe(access.request_id, 64), Tone.MUTED),
    }
    cells = [Cell("!" if access.retried else " ", Tone.WARN)]
    for title, columns, to_right, _ in _columns(view):
        cell = values[title]
        cells.append(Cell(_pad(cell.text, columns, to_right, view), cell.tone))
    return clip(cells, view.columns, view.glyphs.more)


def _columns(view: View) -> list[tuple[str, int, bool, bool]]:
    # In 80 columns each gives one, so that `POST /predict` is whole.
    spare = int(view.wide)
    columns = [
        ("time", 14, False, False),
        ("status", 7 + spare, False, False),
        ("instance", 9 + spare, False, False),
        ("cohort", 9, False, True),
        ("user", 15 + spare, False, False),
        ("ms", 7, True, False),
        ("answer", 12, False, False),
        ("request", 20 if view.wide else 14, False, False),
        ("request id", max(0, view.columns - 98), False, True),
    ]
    return [column for column in columns if view.wide or not column[3]]


def _pad(text: str, columns: int, to_right: bool, view: View) -> str:
    if to_right:
        return right(text, columns - 2) + "  "
    return fit(text, columns - 1, view.glyphs.more) + " "
