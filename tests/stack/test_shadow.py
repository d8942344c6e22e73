"""The shadow on the real stack: no client waits for it, and its log says what v2 said."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.nginx_files import read_nginx
from gateway.shadow_log import Agreement, Join
from gateway.supervisor import Supervisor
from scripts.stack import wait_until
from tests.stack.books import Books
from tests.stack.clients import Clients
from tests.stack.hurting import frozen, process
from tests.stack.load import SENTENCE

EACH = 20
"""Requests in a row from one address: the limit refuses none of them."""


def read_timeout_s(root: Path) -> float:
    """How long nginx waits for an instance."""
    (found,) = [each for each in read_nginx(root) if each.name == "proxy_read_timeout"]
    return float(found.args[0].removesuffix("s"))


def sentences(root: Path, count: int) -> Iterable[str]:
    with (root / "var/data/held-out.csv").open(newline="") as file:
        return [row["sentence"] for row, _ in zip(csv.DictReader(file), range(count), strict=False)]


def test_nobody_waits_for_a_v2_that_hangs(
    connect: Clients, supervisor: Supervisor, books: Books, root: Path, trying: Callable[..., None]
) -> None:
    trying(shadow=100)
    mark = uuid.uuid4().hex
    headers = {"X-Request-ID": mark}
    with frozen(process(supervisor, "v2-1").pid):
        for host in range(50, 54):
            client = connect(f"127.0.1.{host}")
            for _ in range(EACH):
                assert client.post("/predict", json=SENTENCE, headers=headers).status_code == 200
        # Every copy was given up, none was forgotten.
        assert wait_until(lambda: len(books.shadows(mark)) == 4 * EACH, 30)
    assert {shadow.status for shadow in books.shadows(mark)} == {504}
    accesses = books.accesses(mark)
    assert len(accesses) == 4 * EACH
    # The end of a request that waits for its copy is late by at least that.
    assert max(access.request_time for access in accesses) < read_timeout_s(root)
    books.balance()


def test_what_the_limit_refuses_is_not_copied(
    connect: Clients, books: Books, trying: Callable[..., None]
) -> None:
    trying(shadow=100)
    mark = uuid.uuid4().hex
    client = connect("127.0.1.54")
    statuses = {}
    for number in range(3 * EACH):
        request_id = f"{mark}-{number}"
        answer = client.post("/predict", json=SENTENCE, headers={"X-Request-ID": request_id})
        statuses[request_id] = answer.status_code
    assert set(statuses.values()) == {200, 429}
    books.balance()
    accepted = sorted(request_id for request_id, status in statuses.items() if status == 200)
    assert wait_until(lambda: len(books.shadows(mark)) >= len(accepted), 30)
    assert sorted(shadow.request_id for shadow in books.shadows(mark)) == accepted


def test_the_agreement_is_that_of_the_answers(
    connect: Clients, books: Books, root: Path, trying: Callable[..., None]
) -> None:
    texts = list(sentences(root, 4 * EACH))
    assert len(texts) == 4 * EACH
    trying(shadow=100)
    first, second = [], []
    mark = uuid.uuid4().hex
    for number, text in enumerate(texts):
        client = connect(f"127.0.1.{55 + number // EACH}")
        debug = connect(f"127.0.1.{60 + number // EACH}")
        headers = {"X-Request-ID": f"{mark}-{number}"}
        first.append(client.post("/predict", json={"sentence": text}, headers=headers))
        headers = {"X-Experiment-Group": "debug"}
        second.append(debug.post("/predict", json={"sentence": text}, headers=headers))
    pairs = [
        (a.json()["prediction"], b.json()["prediction"]) for a, b in zip(first, second, strict=True)
    ]
    same = sum(one == other for one, other in pairs)
    assert 0 < same < len(pairs)  # else the figure would say nothing
    assert wait_until(lambda: len(books.shadows(mark)) == len(texts), 30)
    books.balance()
    join = Join()
    for access in books.accesses():
        join.original(access)
    for shadow in books.shadows():
        join.copy(shadow)
    assert join.agreement == Agreement(same=same, different=len(pairs) - same)
