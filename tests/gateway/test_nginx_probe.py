"""Connections of the real nginx, and the end of a real certificate."""

import shutil
import socket
import subprocess
from pathlib import Path
from time import monotonic

import pytest

from gateway.nginx_probe import CertificateExpiry, read_connections
from scripts.stack import search_path
from tests.gateway.exporter_process import ROOT, Workspace, copy_workspace, exporter
from tests.gateway.waiting import WAIT_SECONDS, wait_until


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return copy_workspace(tmp_path)


def nginx_program() -> str:
    found = shutil.which("nginx", path=f"{search_path(ROOT)}:/usr/sbin")
    assert found is not None, "nginx is missing: run `make setup`"
    return found


def test_connections_come_from_nginx(workspace: Workspace) -> None:
    (workspace.root / "status.conf").write_text(
        f"""
        daemon off; master_process off; pid status.pid; error_log stderr;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
          uwsgi_temp_path u; scgi_temp_path s;
          server {{ listen 127.0.0.1:{workspace.status_port};
                    location = /stub_status {{ stub_status; }} }}
        }}""",
        encoding="utf-8",
    )
    with exporter(workspace) as running:
        assert running.samples()["gateway_nginx_up"] == 0
        assert "gateway_nginx_connections" not in running.samples()
        nginx = subprocess.Popen(
            [nginx_program(), "-p", workspace.root, "-c", "status.conf", "-e", "stderr"]
        )
        try:
            wait_until(lambda: running.samples()["gateway_nginx_up"] == 1, running.samples)
            found = read_connections(workspace.status_port)
            assert found is not None
            assert found.active == found.reading + found.writing + found.waiting == 1
            text = running.get("/metrics")[1]
            assert b'gateway_nginx_connections{state="writing"} 1.0' in text
        finally:
            nginx.terminate()
            nginx.wait(WAIT_SECONDS)
        assert running.samples()["gateway_nginx_up"] == 0


def test_an_nginx_that_hangs_costs_half_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = monotonic()
        assert read_connections(silent.getsockname()[1]) is None
        assert monotonic() - started < 5


def make_certificate(path: Path, days: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = (
        "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost -days {days}"
    )
    subprocess.run(
        ["openssl", "req", "-x509", *options.split(), "-out", path, "-keyout", f"{path}.key"],
        check=True,
        capture_output=True,
    )


def test_the_end_of_the_certificate(tmp_path: Path) -> None:
    path = tmp_path / "nginx.crt"
    expiry = CertificateExpiry(path)
    assert expiry.refresh() == ""
    assert list(expiry.families()) == []
    make_certificate(path, 10)
    assert expiry.refresh() == ""
    first = expiry.not_after
    assert first is not None
    make_certificate(path, 30)
    assert expiry.refresh() == ""
    second = expiry.not_after
    assert second is not None
    assert second - first == pytest.approx(20 * 86400, abs=60)
    path.write_text("no certificate")
    assert expiry.refresh()
    assert expiry.refresh(), "as long as it is so"
    assert list(expiry.families()) == []


def test_the_end_of_the_certificate_is_exported(workspace: Workspace) -> None:
    make_certificate(workspace.root / "nginx/certs/nginx.crt", 10)
    name = "gateway_certificate_expiry_timestamp_seconds"
    with exporter(workspace) as running:
        wait_until(lambda: name in running.samples())
        assert running.samples()[name] > 1.7e9
