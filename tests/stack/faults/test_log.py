"""The access log removed, replaced, truncated, filled with garbage: said, and survived."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from scripts.stack import wait_until
from tests.stack.clients import Clients
from tests.stack.faults.apart import Apart
from tests.stack.faults.seen import Seen, looking
from tests.stack.hurting import process
from tests.stack.load import SENTENCE, Load

CLIENTS = 4
SENT_AFTERWARDS = 10
WELL = "^(?!.*(removed|replaced|UNKNOWN))"
GARBAGE = b"".join(
    (
        b"\x00\xff\xfe\x1b[2J\n",
        b'{"time":"1e400","status":"200"}\n',
        b"[" * 5000 + b"\n",
        b"x" * (2 << 20) + b"\n",
        b'"half a line, which the next one ends',
    )
)
GARBAGE_LINES = 5
"""The last of them takes the next line of nginx with it."""


@pytest.fixture
def seen(clone: Apart) -> Iterator[Seen]:
    with looking(clone.seen_root, clone.topology) as found:
        yield found


def exported(clone: Apart, name: str) -> int:
    """A counter of the exporter, summed."""
    text = httpx.get(f"http://127.0.0.1:{clone.topology.exporter_port}/metrics").text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )


def shown(seen: Seen) -> int:
    """Bad lines, as the dashboard has them."""
    seen.says()
    return 0 if seen.model.log is None else seen.model.log.bad_lines


def test_garbage_is_counted_as_bad_lines_and_nothing_else(
    clone: Apart, reach: Clients, seen: Seen
) -> None:
    with Load(reach, CLIENTS) as load:
        load.wait_for_everybody()
        bad = exported(clone, "gateway_log_lines_bad_total")
        known = shown(seen)
        with clone.log.open("ab") as log:
            log.write(GARBAGE)
        load.wait_for(10 * CLIENTS)
    assert set(load.outcomes) == {"200"}
    assert wait_until(lambda: shown(seen) - known == GARBAGE_LINES, 30), seen.model.log
    assert exported(clone, "gateway_log_lines_bad_total") - bad == GARBAGE_LINES
    seen.wait_for(WELL)


def truncated(log: Path) -> None:
    os.truncate(log, 0)


def removed(log: Path) -> None:
    log.unlink()


def replaced(log: Path) -> None:
    """As an editor saves, or `sed -i`."""
    other = log.with_name("edited")
    other.write_bytes(log.read_bytes())
    other.replace(log)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, None),
        (removed, "DEGRADED: .*access.jsonl was removed: `make reload`"),
        (replaced, "DEGRADED: .*was replaced, and nginx writes to the old one: `make reload`"),
    ],
)
def test_a_log_that_somebody_touches(
    clone: Apart,
    reach: Clients,
    seen: Seen,
    damage: Callable[[Path], None],
    said: str | None,
) -> None:
    exporter = process(clone.supervisor, "exporter").pid
    with Load(reach, CLIENTS) as load:
        load.wait_for_everybody()
        before = exported(clone, "gateway_requests_total"), len(load.answers)
        damage(clone.log)
        load.wait_for_everybody()
        if said is not None:
            sys.stderr.write(f"{damage.__name__}: said after {seen.wait_for(said):.1f} s\n")
            reloaded = clone.run("gateway.reload")
            assert reloaded.returncode == 0, reloaded.stderr
        seen.wait_for(WELL)
        answered = len(load.answers)
        counted = exported(clone, "gateway_requests_total")
        load.wait_for_everybody()
    # A reload can hit a connection that is just being reused (docs/security.md), each one once.
    lost = load.outcomes.total() - load.outcomes["200"]
    assert lost <= (0 if said is None else CLIENTS), load.outcomes
    sys.stderr.write(
        f"{damage.__name__}: {counted - before[0]} counted of {answered - before[1]} answered\n"
    )
    # Afterwards every line is counted again, once.
    settled, client = exported(clone, "gateway_requests_total"), reach("127.0.4.90")
    for _ in range(SENT_AFTERWARDS):
        assert client.post("/predict", json=SENTENCE).status_code == 200
    wanted = settled + SENT_AFTERWARDS
    assert wait_until(lambda: exported(clone, "gateway_requests_total") == wanted, 30), wanted
    assert process(clone.supervisor, "exporter").pid == exporter
