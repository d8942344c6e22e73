"""Old TLS is recognised, whatever the TLS library of this machine wants to speak."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.certificates import ensure_certificate
from gateway.settings import load_settings
from probes.checks import tls
from probes.verdict import Verdict
from probes.workspace import Workspace, load_workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tls")
    ensure_certificate(root, load_settings(ROOT, {}), 1_800_000_000.0)
    return root


def workspace_at(folder: Path, port: int) -> Workspace:
    found = load_workspace(ROOT, {})
    settings = dataclasses.replace(found.settings, https_port=port, listen_address="127.0.0.1")
    return dataclasses.replace(found, root=folder, settings=settings)


@contextmanager
def serving(folder: Path, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> Iterator[Workspace]:
    """A server that shakes hands and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "nginx/certs/nginx.crt", folder / "nginx/certs/nginx.key")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the point
        context.minimum_version, context.maximum_version = lowest, highest
    context.set_ciphers("ALL:@SECLEVEL=0")
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(1)
            raw.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield workspace_at(folder, listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_modern_versions_only_pass(folder: Path) -> None:
    with serving(folder, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) as workspace:
        found = tls.versions(workspace)
    assert found.verdict is Verdict.PASSED, found
    assert found.evidence == "TLS 1.0 refused, TLS 1.1 refused, TLS 1.2 ok, TLS 1.3 ok"


def test_an_old_version_that_is_spoken_fails(folder: Path) -> None:
    with serving(folder, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_3) as workspace:
        found = tls.versions(workspace)
    assert found.verdict is Verdict.FAILED
    assert "TLS 1.0 is accepted" in found.evidence
    assert "TLS 1.1 is accepted" in found.evidence


def test_a_modern_version_that_is_missing_fails(folder: Path) -> None:
    with serving(folder, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2) as workspace:
        found = tls.versions(workspace)
    assert found.verdict is Verdict.FAILED
    assert "TLS 1.3 is refused" in found.evidence


def test_a_certificate_of_somebody_else_fails(folder: Path, tmp_path: Path) -> None:
    ensure_certificate(tmp_path, load_settings(ROOT, {}), 1_800_000_000.0)
    with serving(folder, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) as workspace:
        good = tls.certificate(workspace)
        bad = tls.certificate(dataclasses.replace(workspace, root=tmp_path))
    assert good.verdict is Verdict.PASSED
    assert "localhost, 127.0.0.1, ::1" in good.evidence
    assert "days left" in good.evidence
    assert bad.verdict is Verdict.FAILED
    assert "not valid for localhost" in bad.evidence


@pytest.mark.parametrize(
    ("answer", "hello"),
    [
        (bytes((22, 3, 1, 0, 80, 2)), True),
        (bytes((21, 3, 1, 0, 2, 2)), False),  # alert, fatal
        (bytes((22, 3, 1, 0, 80)), False),
        (b"", False),
        (b"HTTP/1", False),
    ],
)
def test_only_a_server_hello_is_one(answer: bytes, hello: bool) -> None:
    assert tls.is_server_hello(answer) is hello
