"""TLS as today's clients use it. (What is refused: tests/security/test_tls_clients.py.)"""

import ssl
import subprocess

from tests.nginx.conftest import LOGIN, Gateway


def test_modern_clients_get_tls_1_3(gateway: Gateway) -> None:
    with gateway.wire() as wire:
        assert isinstance(wire.socket, ssl.SSLSocket)
        assert wire.socket.version() == "TLSv1.3"


def test_http_2(gateway: Gateway) -> None:
    done = subprocess.run(
        [
            *("curl", "--silent", "--http2", "--user", ":".join(LOGIN), "--data", "{}"),
            *("--cacert", "nginx/certs/nginx.crt", "--write-out", " %{http_version} %{http_code}"),
            f"https://localhost:{gateway.https_port}/predict",
        ],
        cwd=gateway.root,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout == '{"version": "v1"} 2 200'
    assert gateway.log(1)[0]["protocol"] == "HTTP/2.0"
