"""What is said of the nodes and replicas of Ray, and only where there is Ray."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import (
    Event,
    RayNode,
    RayReplica,
    RayState,
    SourceName,
    SourceState,
    SourceStatus,
)
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Line, Tone, plain, width
from dashboard.model import Model
from dashboard.process_picture import Log, picture
from dashboard.ray_lines import in_short, whole
from dashboard.view import View
from tests.dashboard.drill_story import drill_events, fresh
from tests.dashboard.ray_story import LOST, NODES, REPLICAS, WELL, node, on_ray
from tests.dashboard.stories import START, model, process

NOW = START + 1
WIDE = View(120, 38, UNICODE)
NARROW = View(80, 22, ASCII)


def texts(lines: list[Line] | tuple[Line, ...]) -> list[str]:
    return [plain(line) for line in lines]


def shown(folded: Model, view: View, now: float = NOW, log: Log | None = None) -> list[str]:
    return texts(picture(folded, view, now, "live", "v1-1", log).lines)


def test_every_node_and_replica_has_its_line() -> None:
    title, *lines = texts(whole(model(*on_ray(START, WELL)), WIDE, NOW))
    assert title.startswith(" ── Ray: 2 of 2 nodes; replicas v1 3 of 3, v2 1 of 1 ──")
    assert [line.split() for line in lines] == [
        ["node", "state", "cpu", "mem", "of", "its", "machine"],
        ["ray-1", "●", "ready", "57", "%", "3.5", "G"],
        ["ray-2", "●", "ready", "12", "%", "812", "M"],
        ["version", "replica", "node", "requests", "errors", "req/s", "in", "flight"],
        ["v1", "4lr2j83i", "ray-1", "1,234", "0", "12.3", "2"],
        ["v1", "v8xnvu9z", "ray-1", "1,198", "3", "12.0", "0"],
        ["v1", "wki241wr", "ray-2", "1,201", "0", "12.0", "1"],
        ["v2", "4zo2ms42", "ray-2", "87", "0", "0.9", "0"],
    ]


def test_a_node_that_is_gone_is_named_and_what_is_missing_counted() -> None:
    folded = model(*on_ray(START, LOST, node("ray-2", ready=False, age=2.0)))
    title = whole(folded, WIDE, NOW)[0]
    words = "Ray: 1 of 2 nodes, ray-2 starting; replicas v1 2 of 3, v2 0 of 1"
    assert words in plain(title)
    assert {cell.text for cell in title if cell.tone is Tone.WARN} == {
        "Ray: 1 of 2 nodes, ray-2 starting",
        "; replicas v1 2 of 3",
        ", v2 0 of 1",
    }
    row = next(line for line in texts(whole(folded, WIDE, NOW)) if line.startswith(" ray-2"))
    assert row.split() == ["ray-2", "○", "starting", "-", "-"]
    assert words in plain(in_short(folded, NARROW, NOW, 1)[0])


def test_a_node_on_another_machine_is_known_by_its_metrics() -> None:
    for is_up, words in ((True, "Ray: 3 of 3 nodes;"), (False, "2 of 3 nodes, ray-3 not ready;")):
        state = replace(WELL, nodes=(*NODES, RayNode("ray-3", is_up, None, None)))
        assert words in plain(whole(model(*on_ray(START, state)), WIDE, NOW)[0])
    # Without process-compose it is so for all.
    folded = model(*on_ray(START, LOST))
    folded.apply(SourceStatus(NOW, SourceName.PROCESSES, SourceState.ABSENT, ""))
    assert "1 of 2 nodes, ray-2 not ready" in plain(whole(folded, WIDE, NOW)[0])


def test_old_numbers_are_not_shown() -> None:
    folded = model(*on_ray(START, WELL))
    folded.apply(SourceStatus(NOW, SourceName.PROMETHEUS, SourceState.ABSENT, "see its log"))
    for lines in (whole(folded, WIDE, NOW), in_short(folded, NARROW, NOW, 3)):
        text = "\n".join(texts(lines))
        assert "Ray: 2 of 2 nodes " in text
        assert "replicas: STALE, last word of Prometheus 1.0 s ago; see its log" in text
        assert "4lr2j83i" not in text
        assert "57 %" not in text
    # It answers again, and nobody has asked it about Ray yet.
    folded.apply(SourceStatus(START + 60, SourceName.PROMETHEUS, SourceState.FRESH))
    assert "STALE, last word of Prometheus 1m00s ago" in texts(whole(folded, WIDE, START + 60))[-1]


def test_before_the_first_answer_it_asks() -> None:
    lines = texts(whole(model(*on_ray(START, None)), WIDE, NOW))
    assert "Ray: 2 of 2 nodes ──" in lines[0]
    assert lines[-1] == " replicas: asking Prometheus"
    old = texts(whole(model(*on_ray(START, None)), WIDE, START + 60))
    assert "Ray: ? of 2 nodes ──" in old[0]


def test_without_ray_nothing_is_said_of_it() -> None:
    # What is known from before is history: the workspace was started anew.
    folded = model(*fresh(START), replace(WELL, at=START))
    folded.apply(SourceStatus(START, SourceName.PROMETHEUS, SourceState.FRESH))
    assert whole(folded, WIDE, NOW) == in_short(folded, NARROW, NOW, 3) == []
    assert not any("Ray" in line for line in shown(folded, WIDE))


def on_screen(*events: Event) -> Model:
    """With one more process than the others have: as many as the workspace on Ray has."""
    rollout = replace(process("rollout"), namespace="optional")
    return model(*on_ray(START, WELL, rollout), *events)


def test_where_there_is_little_room_replicas_stand_side_by_side() -> None:
    lines = shown(on_screen(), NARROW)
    assert len(lines) == NARROW.rows
    at = next(number for number, line in enumerate(lines) if "Ray: 2 of 2 nodes" in line)
    assert lines[at - 1].startswith(" nginx master")
    assert " ".join(lines[at + 1].split()) == (
        "v1 4lr2j83i ray-1 1,234 12.3/s 2 now v1 v8xnvu9z ray-1 1,198 12.0/s 0 now"
    )
    assert lines[at + 3].startswith(" -- kill drill")
    assert lines[at + 4].endswith("what the clients lost")


@pytest.mark.parametrize(
    ("folded", "log", "words"),
    [
        (on_screen(*drill_events(START)), None, "0 of 439 requests lost"),
        (on_screen(), Log("v1-1"), "log of v1-1"),
    ],
)
def test_a_drill_and_a_log_come_before_the_replicas(
    folded: Model, log: Log | None, words: str
) -> None:
    lines = shown(folded, NARROW, log=log)
    assert any("Ray: 2 of 2 nodes" in line for line in lines)
    assert any(words in line for line in lines)
    assert not any("4lr2j83i" in line for line in lines)
    assert any("4lr2j83i" in line for line in shown(folded, WIDE, log=log))


def test_what_has_no_room_is_counted() -> None:
    folded = model(*on_ray(START, WELL))
    assert texts(in_short(folded, NARROW, NOW, 2))[1:] == [" ~ 4 more"]
    many = replace(WELL, replicas=REPLICAS + REPLICAS)
    lines = texts(in_short(model(*on_ray(START, many)), NARROW, NOW, 3))
    assert (len(lines), lines[2]) == (3, " ~ 6 more")


NAMES = st.text(max_size=80)
NUMBERS = st.integers(0, 1 << 70)


@given(
    NAMES,
    st.lists(st.builds(RayReplica, NAMES, NAMES, NAMES, NUMBERS, NUMBERS, st.floats(0), NUMBERS)),
    NUMBERS,
    st.sampled_from([(80, 22), (120, 38), (60, 5), (200, 100)]),
    st.integers(-3, 9),
)
def test_it_never_takes_more_than_there_is(
    name: str, replicas: list[RayReplica], number: int, size: tuple[int, int], rows: int
) -> None:
    state = RayState(
        START, (*NODES, RayNode(name, True, float(number), number)), tuple(replicas), {name: number}
    )
    folded = model(*on_ray(START, state))
    view = View(*size, UNICODE)
    short = in_short(folded, view, NOW, rows)
    assert len(short) <= max(1, rows)
    for line in (*short, *whole(folded, view, NOW)):
        assert width(plain(line)) <= view.columns
        assert all(cell.text.isprintable() for cell in line)
