"""What each kind of password hash costs nginx: `python -m bench.hashes`.

nginx computes the hash at every request, in the worker that does everything else, so the
figure is also how long all other clients of that worker wait.
"""

from __future__ import annotations

import base64
import os
import shutil
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench import machine
from bench.cli import Options, main
from bench.errors import BenchError
from bench.load import Target
from bench.processes import Program, serving
from bench.rounds import Contender, Results, measure
from bench.spread import markdown_table, spread
from gateway.certificates import CERTIFICATE, ensure_certificate, run_openssl
from gateway.htpasswd import hash_apr1, hash_ssha
from gateway.settings import Settings

HERE = Path(__file__).resolve().parent
PORT = 7444
"""Literal in hashes_nginx.conf, as the locations below."""
CONNECTIONS = 16
PASSWORD = "0c9f1e5a7b3d4826c1d08e4f6a2b9375"  # noqa: S105 - as long-lived as the benchmark
NONE = "none"
ROWS = {
    NONE: "none",
    "{PLAIN}": "plain",
    "{SSHA}": "ssha",
    "apr1": "apr1",
    "sha512-crypt": "sha512",
}
"""The rows of the table, with their locations."""


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The table, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with _folder() as folder, serving(_nginx(folder)) as nginx:
        login = base64.b64encode(f"u:{PASSWORD}".encode()).decode()
        contenders = [
            Contender(
                name,
                _target(folder, f"https://127.0.0.1:{PORT}/{location}", f"Basic {login}"),
                {"nginx": nginx.cpu_s},
            )
            for name, location in ROWS.items()
        ]
        results = measure(
            contenders, rounds=options.rounds, seconds=options.seconds, connections=CONNECTIONS
        )
    results.require_no_errors()
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s` over TLS to one nginx worker, "
        f"{options.rounds} interleaved rounds; median (lowest..highest)"
    )
    parts = ["## Password hashes", machine.lines(facts), title, _table(results)]
    return "\n\n".join(parts), {"machine": facts, "rounds": results.as_json()}


def _table(results: Results) -> str:
    head = ("hash", "requests/s", "CPU us per request", "of these for the hash")
    rows = []
    for name in results.runs:
        pairs = zip(results.runs[name], results.runs[NONE], strict=True)
        added = [run.cpu_us["nginx"] - bare.cpu_us["nginx"] for run, bare in pairs]
        rows.append(
            [
                name,
                spread(results.per_second(name)).text(),
                results.cpu_us(name, "nginx").text(1),
                "" if name == NONE else spread(added).text(1),
            ]
        )
    return markdown_table(head, rows)


@contextmanager
def _folder() -> Iterator[Path]:
    """Where that nginx runs: its configuration, a certificate and a password file of each kind."""
    folder = Path(tempfile.mkdtemp(prefix="sy-hashes-"))
    try:
        folder.chmod(0o755)  # nginx's workers have to get in
        shutil.copy(HERE / "hashes_nginx.conf", folder)
        ensure_certificate(folder, Settings("u", PASSWORD, PORT, 80, "127.0.0.1"), time.time())
        crypt = run_openssl("passwd", "-6", "-stdin", stdin=f"{PASSWORD}\n".encode())
        for location, stored in (
            ("plain", "{PLAIN}" + PASSWORD),
            ("ssha", hash_ssha(PASSWORD)),
            ("apr1", hash_apr1(PASSWORD)),
            ("sha512", crypt.decode().strip()),
        ):
            (folder / location).write_text(f"u:{stored}\n")
        yield folder
    finally:
        shutil.rmtree(folder)


def _nginx(folder: Path) -> Program:
    return Program(
        name="nginx",
        command=["nginx", "-p", str(folder), "-c", "hashes_nginx.conf", "-e", "stderr"],
        cwd=folder,
        environ=dict(os.environ),
        port=PORT,
        log=folder / "nginx.log",
    )


def _target(folder: Path, url: str, authorization: str) -> Target:
    """Raises BenchError unless the login is asked for there, and the right one is let in."""
    context = ssl.create_default_context(cafile=folder / CERTIFICATE)
    with httpx.Client(verify=context) as client:
        right = client.post(url, headers={"Authorization": authorization}).status_code
        without = client.post(url).status_code
    if (right, without) != (200, 200 if url.endswith(f"/{NONE}") else 401):
        raise BenchError(f"{url} answers {right}, and {without} without a password")
    return Target(url, "{}", {"Authorization": authorization})


if __name__ == "__main__":
    raise SystemExit(main("bench.hashes", __doc__, run))
