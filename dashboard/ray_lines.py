"""What the Processes screen says of a Ray cluster: its nodes, and who of the replicas does what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dashboard.events import RayReplica, RayState, SourceName
from dashboard.lines import Cell, Line, Tone, clip, fit, right, safe, width
from dashboard.model import Model
from dashboard.numbers import age, count, memory, rate
from dashboard.process_state import Life, glyph
from dashboard.ray_nodes import Node, measured, nodes
from dashboard.view import View

_TITLES = ("version", "replica", "node", "requests", "errors", "req/s", "in flight")
_LEFT = 3
"""So many of these columns are words; the others are numbers."""
_NAME = 12
"""Columns of a name at most."""


def whole(model: Model, view: View, now: float) -> list[Line]:
    """A line for each node and each replica; nothing where the services do not run on Ray."""
    found = nodes(model, now)
    if not found:
        return []
    state = measured(model, now)
    lines = [_title(model, view, now, found), (Cell(_NODE_TITLES, Tone.MUTED),)]
    lines += [_node(node, view) for node in found]
    if state is None:
        lines.append(_unknown(model, now))
    else:
        titles, *rows = _columns([_TITLES, *map(_values, state.replicas)], view)
        lines.append((Cell(f" {'  '.join(titles)}", Tone.MUTED),))
        lines += [_row(replica, row) for replica, row in zip(state.replicas, rows, strict=True)]
    return [clip(line, view.columns, view.glyphs.more) for line in lines]


def in_short(model: Model, view: View, now: float, rows: int) -> list[Line]:
    """The same in `rows` rows: several replicas in one; of the nodes those that are out."""
    found = nodes(model, now)
    if not found:
        return []
    state = measured(model, now)
    lines = [_title(model, view, now, found)]
    lines += [_unknown(model, now)] if state is None else _packed(state, view, rows - 1)
    return [clip(line, view.columns, view.glyphs.more) for line in lines[: max(1, rows)]]


def _title(model: Model, view: View, now: float, found: Sequence[Node]) -> Line:
    """How many of both there are, and who is out."""
    stroke = view.glyphs.rule
    out = [node for node in found if node.is_out]
    unknown = any(node.life is Life.UNKNOWN for node in found)
    ready = "?" if unknown else str(sum(node.life is Life.READY for node in found))
    words = f"Ray: {ready} of {len(found)} nodes"
    words += "".join(f", {safe(node.name, 60)} {node.life.word}" for node in out)
    cells = [Cell(f" {stroke * 2} ", Tone.MUTED)]
    cells.append(Cell(words, Tone.WARN if out or unknown else Tone.STRONG))
    state = measured(model, now)
    if state is not None:
        cells += _counted(state)
    room = view.columns - sum(width(cell.text) for cell in cells) - 1
    return (*cells, Cell(f" {stroke * max(0, room)}", Tone.MUTED))


def _counted(state: RayState) -> list[Cell]:
    """For each version how many replicas there are, of how many that Ray aims at."""
    have = Counter(replica.version for replica in state.replicas)
    cells: list[Cell] = []
    for version in sorted(have.keys() | state.wanted.keys()):
        wanted = state.wanted.get(version)
        words = f"{'; replicas' if not cells else ','} {safe(version, 60)} {have[version]}"
        words += "" if wanted is None else f" of {wanted}"
        few = wanted is not None and have[version] < wanted
        cells.append(Cell(words, Tone.WARN if few else Tone.MUTED))
    return cells


_NODE_TITLES = f" {'node':<{_NAME}}  {'state':<12}  {'cpu':>5}  {'mem':>6}  of its machine"


def _node(node: Node, view: View) -> Line:
    cpu = "-" if node.cpu is None else f"{node.cpu:.0f} %"
    mem = "-" if node.mem is None else memory(node.mem)
    state = f"{glyph(node.life, view.glyphs)} {node.life.word}"
    return (
        Cell(f" {fit(safe(node.name, 60), _NAME, view.glyphs.more)}  ", Tone.STRONG),
        Cell(fit(state, 12), node.life.tone),
        Cell(f"  {right(cpu, 5)}  {right(mem, 6)}"),
    )


def _unknown(model: Model, now: float) -> Line:
    if model.ray is None:
        words = "replicas: asking Prometheus"
    else:
        words = f"replicas: STALE, last word of Prometheus {age(max(0.0, now - model.ray.at))} ago"
    status = model.statuses.get(SourceName.PROMETHEUS)
    why = "" if status is None or not status.detail else f"; {safe(status.detail)}"
    return (Cell(f" {words}{why}", Tone.MUTED if model.ray is None and not why else Tone.WARN),)


def _values(replica: RayReplica) -> tuple[str, ...]:
    names = (safe(text, 60) for text in (replica.version, replica.name, replica.node))
    numbers = count(replica.requests), count(replica.errors), rate(replica.rate)
    return (*names, *numbers, count(replica.in_flight))


def _columns(rows: Sequence[Sequence[str]], view: View) -> list[list[str]]:
    """The same, each as wide as the widest below it; words at the left."""
    widths = [max(width(text) for text in column) for column in zip(*rows, strict=True)]
    return [
        [
            fit(text, min(wide, _NAME), view.glyphs.more) if place < _LEFT else right(text, wide)
            for place, (text, wide) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]


def _row(replica: RayReplica, texts: Sequence[str]) -> Line:
    version, name, node, requests, errors, speed, in_flight = texts
    return (
        Cell(f" {version}  "),
        Cell(name, Tone.STRONG),
        Cell(f"  {node}  {requests}  "),
        Cell(errors, Tone.BAD if replica.errors else Tone.NORMAL),
        Cell(f"  {speed}  {in_flight}"),
    )


def _packed(state: RayState, view: View, rows: int) -> list[Line]:
    """As many in a row as there is room for, as many rows as there may be."""
    texts = _columns([_values(replica) for replica in state.replicas], view)
    cells = [
        f" {version} {name} {node} {requests} {speed}/s {in_flight} now "
        for version, name, node, requests, _errors, speed, in_flight in texts
    ]
    beside = max(1, view.columns // max((width(cell) for cell in cells), default=1))
    lines: list[Line] = [
        (Cell("".join(cells[first : first + beside])),) for first in range(0, len(cells), beside)
    ]
    if len(lines) > rows > 0:
        hidden = len(cells) - (rows - 1) * beside
        lines[rows - 1 :] = [(Cell(f" {view.glyphs.more} {hidden} more", Tone.MUTED),)]
    return lines
