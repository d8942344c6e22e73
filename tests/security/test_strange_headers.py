"""Headers that no client sends, by the hundred: the same ones in every run.

SWITCHYARD_CASES=2000 tries as many; `make test-matrix` does.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from pathlib import Path
from random import Random

from gateway.accesslog import Access, parse
from gateway.cohort import Cohort
from gateway.gateway_metrics import METHODS, NONE, OTHER, RequestCounts
from tests.nginx.conftest import Gateway, fresh_address
from tests.nginx.wire import Wire, wait_until
from tests.security.strange_headers import strange

CASES = int(os.environ.get("SWITCHYARD_CASES", "300"))
SEED = 20240607
# nginx's own words for a transfer coding or a version that it does not know, which HTTP asks for.
NOT_KNOWN = frozenset({501, 505})
_STATUS = re.compile(rb"^HTTP/1\.1 ([0-9]{3}) ")
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def workers(root: Path) -> set[int]:
    """The processes of nginx that serve."""
    master = int((root / "var/run/nginx.pid").read_text())
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return set(map(int, children.split()))


def everything(wire: Wire, raw: bytes) -> bytes:
    """All that comes back until the gateway closes the connection."""
    received = b""
    wire.send(raw)
    # Closed with something of ours still unread is closed, too.
    with contextlib.suppress(ConnectionError):
        while chunk := wire.socket.recv(65_536):
            received += chunk
    return received


def answer(gateway: Gateway, raw: bytes, source: str = "") -> bytes:
    """The same on a connection of its own."""
    with gateway.wire(source=source) as wire:
        return everything(wire, raw)


def status_of(received: bytes) -> int:
    """Of the first answer; 0 where there is none."""
    found = _STATUS.search(received)
    return int(found[1]) if found else 0


def logged(path: Path, lines: int) -> list[Access]:
    """What the log holds, once it has that many lines."""
    wait_until(lambda: path.read_bytes().count(b"\n") >= lines, f"{lines} lines in the log")
    return list(map(parse, path.read_bytes().splitlines()))


def test_strange_headers_are_answered_and_break_nothing(gateway: Gateway) -> None:
    random = Random(SEED)  # noqa: S311 - the same in every run
    assert b" 200 OK" in answer(gateway, _HEALTH)
    before = workers(gateway.root)
    assert before
    asked: dict[str, bytes] = {}
    statuses: Counter[int] = Counter()
    for _ in range(CASES):
        source, raw = fresh_address(), strange(random)
        asked[source] = raw
        received = answer(gateway, raw, source)
        assert b"Traceback" not in received, raw[:400]
        status = status_of(received)
        statuses[status] += 1
        assert status < 500 or status in NOT_KNOWN, (status, raw[:400])
    assert b" 200 OK" in answer(gateway, _HEALTH)
    assert before <= workers(gateway.root)  # one that died would have been replaced
    # Enough of them are requests, and enough are not.
    assert statuses[200] > CASES // 20
    assert statuses[400] > CASES // 20

    # The probe of health is not logged; every other request is, in a line that can be read.
    accesses = logged(gateway.root / "var/logs/access.jsonl", CASES)
    by_source = Counter(access.remote_addr for access in accesses)
    wrong = {source: by_source[source] for source in asked if by_source[source] != 1}
    assert not wrong, {source: asked[source][:400] for source in wrong}
    assert len(accesses) == CASES
    _counted_without_new_series(gateway, accesses)


def _counted_without_new_series(gateway: Gateway, accesses: list[Access]) -> None:
    names = {f"127.0.0.1:{each.port}": each.name for each in gateway.instances.values()}
    counts = RequestCounts(names)
    counts.fold(accesses)
    known = {
        "upstream": {*names.values(), NONE},
        "cohort": {*(each.value for each in Cohort), NONE, OTHER},
        "method": {*METHODS, OTHER},
    }
    for family in counts.families():
        for sample in family.samples:
            for label, values in known.items():
                assert sample.labels.get(label, NONE) in values | {NONE}, sample
            assert re.fullmatch("[0-9]{3}|none", sample.labels.get("status", NONE)), sample
