"""Every source vanishes under a running dashboard, and comes back: it says so and counts on."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time

import pytest

from dashboard.events import Declared, SourceName, SourceState, Workspace
from dashboard.feed import LiveFeed
from dashboard.freshness import STALE_AFTER_S
from dashboard.glyphs import UNICODE
from dashboard.lines import plain
from dashboard.present import overview
from dashboard.record import RecordingWriter, read_recording
from dashboard.sources.access_log import AccessLog
from dashboard.sources.base import Source
from dashboard.sources.nginx import NginxStatus
from dashboard.sources.prometheus import Prometheus
from dashboard.sources.rollout import Rollout
from dashboard.sources.services import Services
from dashboard.sources.supervisor import ProcessList
from dashboard.view import View
from tests.gateway.access_lines import line
from tests.gateway.waiting import wait_until

STUB = (
    "Active connections: 12 \nserver accepts handled requests\n 1 1 1 \n"
    "Reading: 1 Writing: 2 Waiting: 9 \n"
)
PROCESS = {
    "namespace": "services",
    "status": "Running",
    "is_ready": "Ready",
    "restarts": 0,
    "exit_code": 0,
    "pid": 4711,
    "cpu": 2.0,
    "mem": 60 << 20,
    "age": 100e9,
}
PROMETHEUS = {"data": {"activeTargets": [{"health": "up"}] * 6, "groups": []}}


class UnixHTTPServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        accepted, _ = super().get_request()
        return accepted, ("unix", 0)  # the handler wants a host


class StandIn:
    """One HTTP server that can be stopped, and started again at the same place."""

    def __init__(self, body: str, path: Path | None = None) -> None:
        self._body, self._path = body.encode(), path
        self.port = 0
        self._running: ThreadingHTTPServer | UnixHTTPServer | None = None
        self.start()

    def start(self) -> None:
        body = self._body

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        if self._path is None:
            server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
            self.port = server.server_port
            self._running = server
        else:
            self._running = UnixHTTPServer(str(self._path), Handler)
        self._thread = threading.Thread(target=self._running.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.shutdown()
            self._running.server_close()
            self._thread.join()
            self._running = None
            if self._path is not None:
                self._path.unlink()


class World:
    """A stack of stand-ins, and the dashboard that looks at it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.log = folder / "access.jsonl"
        self.recording = folder / "run.jsonl"
        self.nginx = StandIn(STUB)
        self.services = {name: StandIn("ok") for name in ("v1-1", "v1-2")}
        listed = {"data": [{**PROCESS, "name": name} for name in (*self.services, "nginx")]}
        self.process_compose = StandIn(json.dumps(listed), folder / "pc.sock")
        self.prometheus = StandIn(json.dumps(PROMETHEUS))
        for each in self.servers:
            stack.callback(each.stop)
        declared = tuple(
            Declared(name, "v1", f"127.0.0.1:{server.port}")
            for name, server in self.services.items()
        )
        self.log.write_bytes(b"".join(self.line(name) for name in self.services))
        sources: list[Source] = [
            AccessLog(self.log),
            quick(ProcessList(folder / "pc.sock")),
            quick(NginxStatus(folder, self.nginx.port, folder / "none.crt", folder / "none.pid")),
            quick(Services(declared)),
            quick(Prometheus(self.prometheus.port)),
            quick(Rollout(folder)),
        ]
        workspace = Workspace(time(), "https://localhost:8443", declared)
        self.feed = LiveFeed(workspace, sources, RecordingWriter(self.recording))
        stack.callback(self.feed.stop)
        self.feed.start()

    @property
    def servers(self) -> list[StandIn]:
        return [self.nginx, *self.services.values(), self.process_compose, self.prometheus]

    def line(self, who: str, status: int = 200) -> bytes:
        address = f"127.0.0.1:{self.services[who].port}"
        names = {"instance": who, "upstream_addr": address, "upstream_status": str(status)}
        return line(**names, status=str(status), time=f"{time():.3f}") + b"\n"

    def screen(self, later: float = 0.0) -> str:
        view = View(120, 40, UNICODE)
        return "\n".join(
            map(plain, overview(self.feed.model, view, self.feed.now() + later, "live"))
        )

    def until_fresh(self) -> None:
        def fresh() -> bool:
            self.feed.advance()
            statuses = self.feed.model.statuses
            return set(statuses) == set(SourceName) and all(
                status.state is SourceState.FRESH for status in statuses.values()
            )

        wait_until(fresh, self.screen)

    def until(self, pattern: str) -> str:
        """The screen, as soon as it holds `pattern`."""
        found: list[str] = []

        def shown() -> bool:
            self.feed.advance()
            found[:] = [self.screen()]
            return re.search(pattern, found[0]) is not None

        wait_until(shown, self.screen)
        return found[0]


def quick(source: Source) -> Source:
    """Asked more often, so that the test is over sooner."""
    source.period_s = 0.05  # type: ignore[misc] # the protocol only reads it
    return source


@pytest.fixture
def world() -> Iterator[World]:
    # Short, because the path of a unix socket may have at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="sy", dir="/tmp") as name, ExitStack() as stack:
        yield World(Path(name), stack)


def total(screen: str, instance: str) -> str:
    """What the row of an instance says of all its requests."""
    row = next(line for line in screen.splitlines() if line.startswith(f" {instance} "))
    return row.split()[4]


@pytest.mark.parametrize(
    ("name", "gone", "verdict"),
    [
        ("nginx", lambda world: [world.nginx], "DOWN  nginx does not answer"),
        ("services", lambda world: [*world.services.values()], "OK  2 of 2 instances ready"),
        ("process-compose", lambda world: [world.process_compose], "OK  2 of 2 instances ready"),
        ("prometheus", lambda world: [world.prometheus], "OK  2 of 2 instances ready"),
    ],
)
def test_one_source_goes_and_comes(
    world: World, name: str, gone: Callable[[World], list[StandIn]], verdict: str
) -> None:
    world.until_fresh()
    world.until("OK  2 of 2 instances ready; 2 requests")
    for server in gone(world):
        server.stop()
    absent = world.until(rf"{name} ABSENT \d+\.\d s")
    assert verdict in absent
    assert (total(absent, "v1-1"), total(absent, "v1-2")) == ("1", "1")
    with world.log.open("ab") as log:
        log.write(world.line("v1-1") * 3)
    world.until(r"v1-1 +v1 .* 4 +4 ")
    for server in gone(world):
        server.start()
    back = world.until(rf"{name} \d+\.\d s")
    assert "OK  2 of 2 instances ready; 5 requests" in back
    assert (total(back, "v1-1"), total(back, "v1-2")) == ("4", "1")


def test_one_instance_goes_and_comes(world: World) -> None:
    world.until_fresh()
    world.process_compose.stop()  # which would otherwise be believed
    world.until("process-compose ABSENT")
    world.services["v1-2"].stop()
    shown = world.until("v1-2 down")
    assert re.search(r"v1-2 +v1 +✕ down", shown)
    assert "its share went to v1-1, no request was lost" in shown
    world.services["v1-2"].start()
    world.until("OK  2 of 2 instances ready")


def test_all_of_them_go_and_come(world: World) -> None:
    world.until_fresh()
    world.until("2 requests in 1 m, none lost")
    for server in world.servers:
        server.stop()
    gone = world.until("UNKNOWN  the workspace does not answer; last word")
    world.until(" ABSENT .* ABSENT .* ABSENT .*\n? .*ABSENT")
    assert total(gone, "v1-1") == "1"
    for server in world.servers:
        server.start()
    world.until_fresh()
    assert total(world.until("OK  2 of 2 instances ready"), "v1-1") == "1"
    # All of it is in the recording, which reads back.
    world.feed.stop()
    *_, last = read_recording(world.recording)
    assert last.at > 0


def test_a_log_that_is_taken_away_keeps_its_counts(world: World) -> None:
    world.until_fresh()
    world.log.unlink()
    world.log.with_name("other").touch()  # the inode must not be given to the next log
    world.log.write_bytes(world.line("v1-2") * 5)
    assert total(world.until(r"v1-2 +v1 .* 6 +6 "), "v1-1") == "1"


def test_a_source_that_says_nothing_is_stale_with_its_age(world: World) -> None:
    world.until_fresh()
    for name in SourceName:
        assert f"{name.value} STALE" not in world.screen()
        late = world.screen(later=STALE_AFTER_S[name] + 1)
        assert re.search(rf"{name.value} STALE \d+", late), late
    assert total(world.screen(later=100), "v1-1") == "1"
