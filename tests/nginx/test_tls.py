"""TLS: versions, ciphers, names, HTTP/2."""

import os
import socket
import ssl
import struct
import subprocess

import httpx
import pytest

from gateway.fragments import has_ipv6_loopback
from tests.nginx.conftest import LOGIN, Gateway

ALERT, HANDSHAKE = 21, 22
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70
TLS_1_0, TLS_1_1, TLS_1_2 = 0x0301, 0x0302, 0x0303
ECDHE_ECDSA_AES128_GCM_SHA256 = 0xC02B
ECDHE_ECDSA_AES128_SHA = 0xC009
ECDHE_ECDSA_AES128_SHA256 = 0xC023
RSA_AES128_SHA = 0x002F
RSA_AES128_GCM_SHA256 = 0x009C


def hello(version: int, cipher: int) -> bytes:
    """A ClientHello (RFC 5246, 7.4.1.2) that offers one version and one cipher suite.

    By hand: today's libraries refuse to offer what is to be refused here.
    """

    def extension(number: int, content: bytes) -> bytes:
        return struct.pack("!HHH", number, len(content) + 2, len(content)) + content

    groups = extension(10, struct.pack("!HH", 0x001D, 0x0017))  # x25519, secp256r1
    signatures = extension(13, struct.pack("!HH", 0x0403, 0x0804))  # ECDSA P-256, RSA-PSS
    extensions = groups + signatures
    body = struct.pack("!H32sBHHBBH", version, os.urandom(32), 0, 2, cipher, 1, 0, len(extensions))
    message = b"\x01" + struct.pack("!I", len(body + extensions))[1:] + body + extensions
    return struct.pack("!BHH", HANDSHAKE, TLS_1_0, len(message)) + message


def reply(gateway: Gateway, version: int, cipher: int) -> tuple[int, int]:
    """Record type, and the alert's description or else 0, that a ClientHello is answered with."""
    with socket.create_connection(("127.0.0.1", gateway.https_port), 10) as plain:
        plain.sendall(hello(version, cipher))
        record = plain.recv(7)
    return record[0], record[6] if record[0] == ALERT else 0


def test_tls_1_2_with_a_good_cipher_is_answered(gateway: Gateway) -> None:
    assert reply(gateway, TLS_1_2, ECDHE_ECDSA_AES128_GCM_SHA256) == (HANDSHAKE, 0)


@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1])
def test_old_versions_are_refused(gateway: Gateway, version: int) -> None:
    assert reply(gateway, version, ECDHE_ECDSA_AES128_SHA) == (ALERT, PROTOCOL_VERSION)


@pytest.mark.parametrize(
    "cipher",
    [
        ECDHE_ECDSA_AES128_SHA,
        ECDHE_ECDSA_AES128_SHA256,
        RSA_AES128_SHA,
        RSA_AES128_GCM_SHA256,
    ],
)
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(
    gateway: Gateway, cipher: int
) -> None:
    assert reply(gateway, TLS_1_2, cipher) == (ALERT, HANDSHAKE_FAILURE)


def test_modern_clients_get_tls_1_3(gateway: Gateway) -> None:
    with gateway.wire() as wire:
        assert isinstance(wire.socket, ssl.SSLSocket)
        assert wire.socket.version() == "TLSv1.3"


def test_every_name_that_we_serve_verifies(gateway: Gateway) -> None:
    hosts = ["localhost", "127.0.0.1", *(["[::1]"] if has_ipv6_loopback() else [])]
    for host in hosts:
        with httpx.Client(verify=gateway.tls, auth=LOGIN) as client:
            url = f"https://{host}:{gateway.https_port}/predict"
            assert client.post(url, json={}).status_code == 200


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
