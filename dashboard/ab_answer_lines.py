"""What both versions said to one sentence, side by side: answer, numbers, words that decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from itertools import zip_longest

from dashboard.ab_body import named_numbers, weighted_words
from dashboard.lines import Cell, Line, Tone, clip, fit, right, safe, width
from dashboard.numbers import count
from dashboard.trials.ab import Sentence
from dashboard.view import View
from gateway.errors import AnswerMissing
from gateway.workload import resolve
from probes.ab_client import Answer
from probes.ab_tally import word

LABEL = 12
_BAR = 30
_NUMBER = 7
_GAP = "  "


def sentence_lines(
    sentence: Sentence, version_of: Callable[[str], str], view: View, rows: int
) -> list[Line]:
    """The sentence and its two answers in at most `rows` lines (4 at least).

    `version_of` says which version an instance serves.
    """
    answers = (sentence.pair.first, sentence.pair.second)
    sides = list(zip(sentence.versions, answers, strict=True))
    more = view.glyphs.more
    head = [
        clip(
            (label("sentence"), Cell(safe(sentence.pair.text.text, 400), Tone.STRONG)),
            view.columns,
            more,
        ),
        _row("", [_who(version, answer, version_of) for version, answer in sides], view),
        _row("answer", _words(sentence, answers), view),
    ]
    words = _because(sides, view, 2 if view.wide else 1)
    numbers = _numbers(sides, view, max(0, rows - len(head) - len(words)))
    if not words and not numbers:
        numbers = [_row("", [[Cell("gives no numbers and no reasons", Tone.MUTED)]] * 2, view)]
    return [*head, *numbers, *words][: max(rows, len(head))]


def label(text: str) -> Cell:
    """The title at the left of a line."""
    return Cell(fit(f" {text}", LABEL), Tone.STRONG)


def _who(version: str, answer: Answer, version_of: Callable[[str], str]) -> list[Cell]:
    cells = [Cell(safe(version, 20), Tone.ACCENT)]
    instance = safe(answer.instance, 20) or "nginx"
    cells.append(Cell(f"  {instance}, {answer.seconds * 1000:.1f} ms", Tone.MUTED))
    served = version_of(answer.instance)
    if answer.instance and served != version:
        cells.append(Cell(f"  NOT {safe(version, 20)}", Tone.BAD))
    elif isinstance(answer.body, dict) and answer.body.get("version", version) != version:
        said = safe(word(answer.body["version"]), 20)
        cells.append(Cell(f"  says it is {said}", Tone.BAD))
    if answer.retried:
        cells.append(Cell("  asked twice", Tone.WARN))
    return cells


def _words(sentence: Sentence, answers: Sequence[Answer]) -> list[list[Cell]]:
    found: list[list[Cell]] = []
    said: list[str] = []
    for answer in answers:
        if answer.status != HTTPStatus.OK:
            found.append([Cell(f"status {answer.status}", Tone.BAD)])
            continue
        try:
            said.append(word(resolve(answer.body, sentence.pointer)))
            found.append([Cell(safe(said[-1], 200), Tone.STRONG)])
        except AnswerMissing as error:
            found.append([Cell(safe(error.problem, 200), Tone.BAD)])
    if len(said) == len(answers):
        same = len(set(said)) == 1
        found[-1].append(Cell("   the same" if same else "   differs", Tone.MUTED))
    return found


def _numbers(sides: Sequence[tuple[str, Answer]], view: View, rows: int) -> list[Line]:
    """A bar for each number that has a name, in at most `rows` lines."""
    found = [named_numbers(answer.body) for _, answer in sides]
    paths = list(dict.fromkeys(path for side in reversed(found) for path in side))
    lines: list[Line] = []
    for path in paths:
        values = [side.get(path, {}) for side in found]
        if len(paths) > 1:
            lines.append(clip((Cell(f" {safe(path, 80)}", Tone.MUTED),), view.columns))
        lines += _bars(values, view)
    if len(lines) > rows:
        left = len(lines) - rows + 1
        lines = lines[: max(0, rows - 1)]
        if rows:
            lines.append((Cell(fit("", LABEL) + f"{count(left)} lines more", Tone.MUTED),))
    return lines


def _bars(values: Sequence[dict[str, float]], view: View) -> list[Line]:
    every = [number for side in values for number in side.values()]
    shares = all(0 <= number <= 1 for number in every)
    top = 1.0 if shares else max(abs(number) for number in every) or 1.0
    names = dict.fromkeys(name for side in reversed(values) for name in side)
    # The highest of the second version first: it is the one that is on trial.
    order = sorted(names, key=lambda name: [-side.get(name, 0.0) for side in reversed(values)])
    lines = []
    for place, name in enumerate(order):
        cells: list[list[Cell]] = []
        for side in values:
            if side:
                cells.append(_bar(side.get(name), top, view))
            elif place == 0:
                what = "probabilities" if shares else "such numbers"
                cells.append([Cell(f"gives no {what}", Tone.MUTED)])
            else:
                cells.append([])
        lines.append(_row(safe(name, 40), cells, view, Tone.NORMAL))
    return lines


def _bar(number: float | None, top: float, view: View) -> list[Cell]:
    if number is None:
        return [Cell("-", Tone.MUTED)]
    room = max(4, min(_BAR, _column(view) - _NUMBER - 2))
    filled = round(abs(number) / top * room)
    shown = f"{number:.2f}" if abs(number) < 1000 else f"{number:,.4g}"
    return [Cell(view.glyphs.full * filled, Tone.ACCENT), Cell((" " if filled else "") + shown)]


def _because(sides: Sequence[tuple[str, Answer]], view: View, rows: int) -> list[Line]:
    """The words with the largest weights, and their signs."""
    found = [
        [entry for words in weighted_words(answer.body).values() for entry in words]
        for _, answer in sides
    ]
    if not any(found):
        return []
    columns = [
        _packed(sorted(words, key=lambda entry: -abs(entry[1])), view, rows)
        if words
        else [[Cell("gives no reasons", Tone.MUTED)]]
        for words in found
    ]
    return [
        _row("because" if place == 0 else "", cells, view)
        for place, cells in enumerate(zip_longest(*columns, fillvalue=[]))
    ]


def _packed(words: Sequence[tuple[str, float]], view: View, rows: int) -> list[list[Cell]]:
    """As many as fit, the strongest first; how many do not is said at the end."""
    room = _column(view) - 1
    lines: list[list[Cell]] = [[]]
    used = 0
    for place, (text, weight) in enumerate(words):
        shown, number = fit_word(text, view), f" {weight:+.2f}"
        left = f"{_GAP}+{len(words) - place} more"
        takes = width(shown) + len(number) + (len(_GAP) if used else 0)
        reserve = len(left) if len(lines) == rows and place < len(words) - 1 else 0
        if used and used + takes + reserve > room:
            if len(lines) == rows:
                lines[-1].append(Cell(left, Tone.MUTED))
                break
            lines.append([])
            used, takes = 0, width(shown) + len(number)
        if used:
            lines[-1].append(Cell(_GAP))
        tone = Tone.ACCENT if weight > 0 else Tone.NORMAL
        lines[-1] += [Cell(shown), Cell(number, tone)]
        used += takes
    return lines


def fit_word(text: str, view: View) -> str:
    """One word, no longer than 16 columns."""
    shown = safe(text, 60)
    return shown if width(shown) <= 16 else fit(shown, 16, view.glyphs.more)


def _column(view: View) -> int:
    return (view.columns - LABEL) // 2


def _row(title: str, sides: Sequence[Sequence[Cell]], view: View, tone: Tone = Tone.STRONG) -> Line:
    room, more = _column(view), view.glyphs.more
    cells = [Cell(fit(f" {title}", LABEL - 1, more) + " ", tone)]
    for side in sides:
        kept = clip(side, room - 1, more)
        used = sum(width(cell.text) for cell in kept)
        cells += [*kept, Cell(right("", room - used))]
    return tuple(cells)
