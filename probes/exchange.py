"""One request at a time, and all of its answer: what a check needs to see."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from gateway.certificates import CERTIFICATE
from gateway.topology import HOST
from probes.sources import gateway_address
from probes.workspace import Workspace

TIMEOUT_S = 8.0
"""More than nginx itself waits for the instances (nginx/conf.d/runtime.conf)."""
USER_AGENT = "switchyard-check"

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters; of a repeated header the last."""
    body: bytes

    @property
    def instance(self) -> str:
        """Who answered, "" if nobody says so."""
        return self.headers.get("x-instance", "")

    def json(self) -> Any:
        """The body. Raises ValueError when it is not JSON."""
        return json.loads(self.body)


def gateway_name(workspace: Workspace) -> str:
    """The name by which the gateway is called, without brackets."""
    return urlsplit(workspace.settings.url).hostname or ""


def gateway_target(workspace: Workspace) -> tuple[str, int]:
    """Where to connect to."""
    return str(gateway_address(workspace.settings)), workspace.settings.https_port


def trust(workspace: Workspace) -> ssl.SSLContext:
    """Trusts the certificate of this workspace only. Raises OSError when it cannot be read."""
    return ssl.create_default_context(cafile=str(workspace.root / CERTIFICATE))


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication (RFC 7617)."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


class Caller:
    """A client of the gateway with one connection, which is kept. Used in `with`.

    Every method raises OSError or http.client.HTTPException when there is no answer.
    """

    def __init__(self, workspace: Workspace, source: str) -> None:
        """Connects from the address `source` ("": any) when the first request is sent."""
        self._workspace = workspace
        self._connection = _Connection(workspace, source)

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def predict(
        self,
        headers: Mapping[str, str] = NOTHING,
        login: tuple[str, str] | bool | None = True,
    ) -> Answer:
        """Send the example of workload.yaml. `login`: True is the right one, None is none."""
        workload, settings = self._workspace.workload, self._workspace.settings
        sent = {"Content-Type": "application/json", **headers}
        if login is True:
            sent |= basic(settings.user, settings.password)
        elif isinstance(login, tuple):
            sent |= basic(*login)
        return self.send(workload.method, workload.path, sent, self._workspace.example_body())

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] = NOTHING,
        body: bytes | None = None,
    ) -> Answer:
        """Send anything; `path` goes out as it is."""
        sent = {"User-Agent": USER_AGENT, **headers}
        return _exchange(self._connection, method, path, sent, body)


def ask(port: int, method: str, path: str, host: str = HOST, name: str = "localhost") -> Answer:
    """One plain HTTP request to something on this machine. Raises as a Caller does."""
    with closing(http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)) as connection:
        headers = {"User-Agent": USER_AGENT, "Host": f"{name}:{port}"}
        return _exchange(connection, method, path, headers, None)


def words(error: Exception) -> str:
    """What went wrong, for a person."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    return str(error) or type(error).__name__


class _Connection(http.client.HTTPSConnection):
    """Connects to a given address, whatever name the certificate is for."""

    def __init__(self, workspace: Workspace, source: str) -> None:
        self._trust = trust(workspace)
        self._target = gateway_target(workspace)
        self._source = (source, 0) if source else None
        name, port = gateway_name(workspace), workspace.settings.https_port
        super().__init__(name, port, timeout=TIMEOUT_S, context=self._trust)

    def connect(self) -> None:
        raw = socket.create_connection(self._target, TIMEOUT_S, self._source)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = self._trust.wrap_socket(raw, server_hostname=self.host)
        except OSError:
            raw.close()
            raise


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> Answer:
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException):
        connection.close()  # the next request begins anew
        raise
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, found, content)
