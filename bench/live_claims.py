"""The claims that need a running workspace: each starts one of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError
from bench.workspace import command, copied, running
from dashboard.feed import LiveFeed, declared_workspace, live_sources
from dashboard.glyphs import ASCII
from dashboard.lines import plain
from dashboard.present import overview
from dashboard.view import NGINX, View
from dashboard.window import Window
from gateway.settings import load_settings
from gateway.topology import Topology, load_topology
from scripts.stack import wait_until
from tests.stack.load import Http2Load

WEIGHTS = (0, 5, 10, 25, 50, 100, 20, 0)
USERS = tuple(f"claim-{number}" for number in range(20))
REQUESTS_EACH = 60
_WAIT_S = 30.0
_COLUMNS = ("total", "2xx", "4xx", "5xx")
_JQ = """
group_by(.instance)[] | [
  (.[0].instance | if . == "" or . == "-" then "nginx" else . end), length,
  ([.[] | select(.status | startswith("2"))] | length),
  ([.[] | select(.status | startswith("4"))] | length),
  ([.[] | select(.status | startswith("5"))] | length)
] | @tsv
"""


def kill() -> tuple[bool, str]:
    """The drill of every instance; v2 is not asked by its name, as nobody could answer then."""
    lost, sent, retries = 0, 0, 0
    with _workspace() as (clone, topology):
        names = [instance.name for instance in topology.instances]
        command(clone, "dashboard", "canary", "25")
        for name in names:
            found = json.loads(command(clone, "dashboard", "drill", name, "--yes", "--json"))
            lost, sent = lost + found["lost"], sent + found["sent"]
            retries += found["retries"]
    told = f"{lost} of {sent:,} requests lost over {len(names)} kills, {retries} repeated"
    return lost == 0 and bool(sent), told


def canary() -> tuple[bool, str]:
    """Eight weights, one after the other, while each user keeps one HTTP/2 connection busy."""
    with _workspace() as (clone, topology):
        load = Http2Load(
            topology.https_port, str(clone / "nginx/certs/nginx.crt"), USERS, REQUESTS_EACH
        )
        log = clone / "var/logs/access.jsonl"

        def answered() -> list[dict[str, str]]:
            lines = map(json.loads, log.read_text().splitlines())
            return [line for line in lines if line["request_id"].startswith(load.mark)]

        with load:
            for number, weight in enumerate(WEIGHTS):
                enough = len(USERS) * REQUESTS_EACH * number // len(WEIGHTS)
                if not wait_until(lambda enough=enough: len(answered()) >= enough, _WAIT_S):  # type: ignore[misc]
                    raise BenchError("HTTP/2 requests are not answered")
                command(clone, "dashboard", "canary", str(weight))
            try:
                load.finish()
            except AssertionError:
                return False, "an HTTP/2 request failed, or its connection was closed"
        lines = answered()
    sent = len(USERS) * REQUESTS_EACH
    good = sum(line["status"] == "200" and line["protocol"] == "HTTP/2.0" for line in lines)
    v2 = sum(topology.served.get(line["instance"]) == "v2" for line in lines)
    told = f"{sent - good} of {sent:,} requests failed on {len(USERS)} HTTP/2 connections"
    return good == sent and 0 < v2 < sent, f"{told} over {len(WEIGHTS)} moves; {v2:,} were v2's"


def numbers() -> tuple[bool, str]:
    """Traffic with wrong logins and refusals; then the Overview beside jq."""
    if shutil.which("jq") is None:
        raise BenchError("jq is missing: run scripts/bootstrap.sh jq")
    with _workspace() as (clone, topology):
        command(clone, "dashboard", "check", "--json")  # every status that there is
        command(clone, "dashboard", "drill", "--yes", "--json")
        log = clone / "var/logs/access.jsonl"
        counted = subprocess.run(
            ["jq", "--slurp", "--raw-output", _JQ, str(log)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        shown = _overview(clone, topology, sum(1 for _ in log.open()))
    rows = [line.split("\t") for line in counted.splitlines()]
    expected = {name: [int(number) for number in numbers] for name, *numbers in rows}
    wrong = [name for name, found in expected.items() if shown.get(name) != found]
    if wrong:
        return False, f"jq counts {expected[wrong[0]]}, the screen shows {shown.get(wrong[0])}"
    count = sum(map(len, expected.values()))
    total = sum(found[0] for found in expected.values())
    return True, f"{count} numbers of {len(expected)} rows over {total:,} requests, all equal"


def _overview(clone: Path, topology: Topology, lines: int) -> dict[str, list[int]]:
    """What the columns of the Overview show in each row, with the whole log in the window."""
    workspace = declared_workspace(topology, load_settings(clone, {}), time.time())
    feed = LiveFeed(workspace, live_sources(clone, topology, workspace))
    feed.start()

    def read() -> bool:
        feed.advance()
        return feed.model.hits >= lines

    try:
        if not wait_until(read, _WAIT_S):
            raise BenchError(f"the screen has {feed.model.hits} of {lines} requests")
        view = View(200, 60, ASCII, Window.ALL)
        screen = [plain(line) for line in overview(feed.model, view, feed.now(), "")]
    finally:
        feed.stop()
    title = next(line for line in screen if "total" in line and "5xx" in line)
    # Numbers stand below the end of their title.
    ends = [title.index(column) + len(column) for column in _COLUMNS]
    names = {*(instance.name for instance in topology.instances), NGINX}
    rows = [line for line in screen if line.split() and line.split()[0] in names]
    return {
        row.split()[0]: [int(row[:end].split()[-1].replace(",", "")) for end in ends]
        for row in rows
    }


@contextmanager
def _workspace() -> Iterator[tuple[Path, Topology]]:
    with copied() as clone, running(clone):
        yield clone, load_topology(clone, load_settings(clone, {}))
