"""The service as a process of its own, behind the server that the workspace runs it with."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 20
BODY = b'{"sentence": "good"}'
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
    b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
)


@contextmanager
def uvicorn(factory: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A server process on a port of its own choice."""
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", "0"]
    command += ["--header", "X-Instance:v1-1", "--no-server-header", "--no-access-log"]
    command += ["--timeout-graceful-shutdown", "10"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environ, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Read the server's log up to a line that matches."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"the server ended without {pattern!r}:\n{''.join(seen)}")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)


def read_until_closed(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("sent_before", [0, 7])
def test_a_request_in_flight_is_answered_when_the_process_is_told_to_stop(sent_before: int) -> None:
    with uvicorn("tests.services.fake_model:create_app") as process:
        port = int(wait_for_line(process, r"running on http://127\.0\.0\.1:(\d+)")[1])
        with connect(port) as connection:
            connection.sendall(HEAD)
            # The server asks for the body: from here on the application has the request.
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
            connection.sendall(BODY[:sent_before])
            process.send_signal(signal.SIGTERM)
            wait_for_line(process, "Waiting for connections to close")
            with pytest.raises(ConnectionRefusedError):
                connect(port).close()
            connection.sendall(BODY[sent_before:])
            answer = read_until_closed(connection)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"x-instance: v1-1" in answer.lower()
        assert b'"prediction":"positive"' in answer
        assert process.wait(TIMEOUT_SECONDS) in (0, -signal.SIGTERM)


def test_a_damaged_model_is_not_served(tmp_path: Path) -> None:
    recorded, content = "0" * 64, b"damaged"
    folder = tmp_path / "v1"
    folder.mkdir()
    (folder / "model.folded").write_bytes(content)
    files = {"model.folded": {"sha256": recorded, "size": len(content)}}
    manifest = {"format": 1, "version": "v1", "backend": "folded", "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    environ = {"MODEL_VERSION": "v1", "INSTANCE": "v1-1", "MODELS_DIR": str(tmp_path)}
    with uvicorn("services.app:create_app", **environ) as process:
        _, log = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 2
    assert log.startswith(f"service: {folder / 'model.folded'}")
    assert recorded in log
    assert hashlib.sha256(content).hexdigest() in log
    assert "Traceback" not in log
