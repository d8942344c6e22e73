"""Metrics of the gateway for Prometheus, counted from the logs of nginx.

    python -m gateway.exporter --port 9145

/metrics and /healthz on 127.0.0.1. The counts equal the logs; they are kept in
var/exporter.json and var/exporter-shadow.json, so that a restart neither loses a line nor
counts one twice.
Needs no nginx: without it, and without a log, the metrics say so. A log that is long and counted
is rotated (gateway.rotation).
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from socketserver import BaseServer, ThreadingTCPServer
from threading import Thread
from time import monotonic
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway import shadow_log
from gateway.canary import CanaryError, read_experiment
from gateway.certificates import CERTIFICATE
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.experiment_metrics import experiment_families
from gateway.exporter_metrics import exporter_families, upstream_families
from gateway.local_host import is_local_host
from gateway.nginx_probe import CertificateExpiry, connection_families, read_connections
from gateway.rollout_metrics import rollout_families
from gateway.rotation import rotate
from gateway.settings import load_settings
from gateway.tally import LogTally, ShadowTally, StateError, Tally
from gateway.topology import Topology, load_topology

AnyTally = LogTally[Any]

LOG = Path("var/logs/access.jsonl")
STATE = Path("var/exporter.json")

_PROBLEMS = ("log", "state", "rotation", "experiment", "rollout", "certificate")
_POLL_SECONDS = 0.5
_SAVE_SECONDS = 1.0
_BEHIND_BYTES = 1 << 20
# How long a scrape waits for lines that were written just before it.
_SCRAPE_SECONDS = 0.25
_REQUEST_SECONDS = 5.0


class GatewayCollector(Collector):
    """Everything that one scrape shows, brought up to date by the scrape."""

    def __init__(
        self,
        root: Path,
        topology: Topology,
        tallies: Sequence[AnyTally],
        certificate: CertificateExpiry,
    ) -> None:
        """`root` is that of the workspace: it holds what is tried (gateway.canary)."""
        self._root = root
        self._topology = topology
        self._tallies = tuple(tallies)
        self._certificate = certificate
        # What was said last about each of them, so that it is said once.
        self._problems = dict.fromkeys(_PROBLEMS, "")

    def collect(self) -> Iterator[Metric]:
        """The metrics now. A log that cannot be read leaves the counts as they are."""
        self.advance(_SCRAPE_SECONDS)
        for tally in self._tallies:
            yield from tally.families()
        yield from connection_families(read_connections(self._topology.status_port))
        yield from self._certificate.families()
        yield from upstream_families(self._topology.instances)
        yield from self._read("experiment", self._experiment)
        yield from self._read("rollout", lambda: rollout_families(self._root))
        yield from exporter_families(
            {tally.name: tally.unread_bytes for tally in self._tallies}, self._problems
        )

    def advance(self, seconds: float) -> bool:
        """Count new lines for about that long; whether there were no more of them."""
        finished, problem = True, ""
        for tally in self._tallies:
            try:
                finished = tally.advance(seconds) and finished
            except OSError as error:
                problem = f"a log cannot be read: {error}"
        self._note("log", problem)
        return finished

    def _experiment(self) -> Iterator[Metric]:
        return experiment_families(read_experiment(self._root), self._topology.served)

    def _read(self, what: str, read: Callable[[], Iterator[Metric]]) -> list[Metric]:
        """What a file says; nothing where it cannot be read: better none than a wrong one."""
        try:
            found, problem = list(read()), ""
        except (CanaryError, ValueError, OSError) as error:
            found, problem = [], str(error)
        self._note(what, problem)
        return found

    def _note(self, what: str, problem: str) -> None:
        if problem and problem != self._problems[what]:
            _say(problem)
        self._problems[what] = problem

    def refresh(self) -> None:
        """Store the counts, put long logs away, look at the certificate: what may take long."""
        problem = ""
        try:
            for tally in self._tallies:
                tally.save()
        except OSError as error:
            problem = f"the counts cannot be stored: {error}"
        self._note("state", problem)
        problem = ""
        try:
            for tally in self._tallies:
                # Not one that is still to be read: it would be deleted in the end.
                if tally.unread_bytes < _BEHIND_BYTES and rotate(self._root, tally.log):
                    _say(f"{tally.log} was long and is {tally.log}.1 now")
        except OSError as error:
            problem = f"a log cannot be rotated: {error}"
        self._note("rotation", problem)
        self._note("certificate", self._certificate.refresh())


# Not http.server.HTTPServer, which looks up the name of the machine before it listens.
class MetricsServer(ThreadingTCPServer):
    """/metrics of one registry, and /healthz, on 127.0.0.1."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        """Listen on `port`, on any free one if it is 0. Raises OSError."""
        self.registry = CollectorRegistry()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Where the metrics are."""
        return f"http://127.0.0.1:{self.server_address[1]}/metrics"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of ours; anything else is one for the log."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            _say(f"a request failed: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_SECONDS
    server: BaseServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if not is_local_host(self.headers["Host"]):
            problem = b"ask for localhost or 127.0.0.1\n"
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", problem)
        elif path == "/metrics" and isinstance(self.server, MetricsServer):
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self.server.registry))
        elif path == "/healthz":
            self._answer(HTTPStatus.OK, "text/plain", b"ok\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"only /metrics and /healthz\n")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def run(server: MetricsServer, collector: GatewayCollector) -> ExitCode:
    """Serve until SIGTERM or SIGINT, then store the counts."""
    # A SimpleQueue, because its put() may interrupt its own get(); an Event can deadlock there.
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: signals.put(received))
    server.registry.register(collector)
    ProcessCollector(registry=server.registry)
    Thread(target=server.serve_forever, daemon=True).start()
    refresh_at = 0.0
    while True:
        finished = collector.advance(_POLL_SECONDS)
        if monotonic() >= refresh_at:
            collector.refresh()
            refresh_at = monotonic() + _SAVE_SECONDS
        try:
            received = signals.get(timeout=_POLL_SECONDS if finished else 0)
        except Empty:
            continue
        collector.refresh()
        return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.PASS


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns an ExitCode, the reason is on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.exporter", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--port", type=_port, required=True, help="0 for any free port")
    parser.add_argument(
        "--log", type=Path, default=LOG, help="what is counted (default: %(default)s)"
    )
    parser.add_argument(
        "--state", type=Path, default=STATE, help="the counts so far (default: %(default)s)"
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the workspace (default: here)")
    options = parser.parse_args(arguments)
    try:
        topology = load_topology(options.root, load_settings(options.root, os.environ))
    except (ConfigurationError, OSError) as error:
        _say(str(error))
        return ExitCode.USAGE
    try:
        server = MetricsServer(options.port)
    except OSError as error:
        _say(_why_not_listening(options.port, error))
        return ExitCode.USAGE
    with server:
        log, state = options.root / options.log, options.root / options.state
        # Beside the log of the requests and their counts, wherever these are.
        shadow = log.with_name(Path(shadow_log.FILE).name), state.with_stem(f"{state.stem}-shadow")
        tallies = (_restore(Tally, log, state, topology), _restore(ShadowTally, *shadow, topology))
        certificate = CertificateExpiry(options.root / CERTIFICATE)
        _say(f"metrics at {server.url}")
        return run(server, GatewayCollector(options.root, topology, tallies, certificate))


def _restore(kind: type[AnyTally], log: Path, state: Path, topology: Topology) -> AnyTally:
    instances = {instance.address: instance.name for instance in topology.instances}
    try:
        return kind.restore(log, state, instances)
    except (StateError, OSError) as error:
        _say(str(error))
        return kind(log, state, instances)


def _why_not_listening(port: int, error: OSError) -> str:
    where = f"127.0.0.1:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where} is taken: stop what listens there (`ss -ltnp 'sport = :{port}'` names it), "
            "or move the port in process-compose.yaml and monitoring/prometheus.yml"
        )
    return f"cannot listen on {where}: {error.strerror}: choose another port"


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")


def _say(message: str) -> None:
    sys.stderr.write(f"gateway.exporter: {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
