"""TLS: what is refused, by `openssl s_client`; and the clients that verify the certificate."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.fragments import has_ipv6_loopback
from tests.nginx.conftest import LOGIN, Gateway

# Today's libraries do not offer what is to be refused here, unless they are told to.
WILLING = "@SECLEVEL=0"
VERSIONS = {"TLS 1.0": "-tls1", "TLS 1.1": "-tls1_1", "TLS 1.2": "-tls1_2", "TLS 1.3": "-tls1_3"}
# The certificate is of ECDSA, so of nginx/snippets/tls.conf this is what can be agreed on.
GOOD = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
}
GOOD_1_3 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


def openssl(*arguments: str) -> str:
    """Both outputs of one command."""
    done = subprocess.run(
        ["openssl", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=20,
    )
    return done.stdout


def handshake(gateway: Gateway, *offer: str) -> str:
    """The cipher that was agreed on, or the alert with which the gateway refused."""
    text = openssl("s_client", "-connect", f"127.0.0.1:{gateway.https_port}", *offer)
    refused = re.search(r"alert ([a-z ]+):", text)
    if refused is not None:
        return refused[1].removeprefix("alert ")
    agreed = re.search(r"Cipher is (\S+)", text)
    # A client that did not even ask proves nothing.
    assert agreed is not None, text
    assert agreed[1] != "(NONE)", text
    return agreed[1]


@pytest.mark.parametrize("version", ["TLS 1.0", "TLS 1.1"])
def test_old_versions_are_refused(gateway: Gateway, version: str) -> None:
    offer = (VERSIONS[version], "-cipher", f"ALL:{WILLING}")
    assert handshake(gateway, *offer) == "protocol version"


@pytest.mark.parametrize("version", ["TLS 1.2", "TLS 1.3"])
def test_new_versions_are_answered(gateway: Gateway, version: str) -> None:
    assert handshake(gateway, VERSIONS[version]) in GOOD | GOOD_1_3


def test_every_cipher_of_tls_1_2_but_the_good_ones_is_refused(gateway: Gateway) -> None:
    offered = (
        openssl("ciphers", "-s", "-tls1_2", f"ALL:COMPLEMENTOFALL:{WILLING}").strip().split(":")
    )
    ciphers = [cipher for cipher in offered if not cipher.startswith("TLS_")]
    assert {"AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"} <= set(ciphers)
    found = {
        cipher: handshake(gateway, "-tls1_2", "-cipher", f"{cipher}:{WILLING}")
        for cipher in ciphers
    }
    expected = {cipher: cipher if cipher in GOOD else "handshake failure" for cipher in ciphers}
    assert found == expected


@pytest.mark.parametrize("suite", sorted(GOOD_1_3))
def test_the_suites_of_tls_1_3_are_answered(gateway: Gateway, suite: str) -> None:
    assert handshake(gateway, "-tls1_3", "-ciphersuites", suite) == suite


def test_no_session_tickets(gateway: Gateway) -> None:
    text = openssl("s_client", "-connect", f"127.0.0.1:{gateway.https_port}", "-tls1_2")
    assert "Cipher is " in text
    assert "TLS session ticket" not in text


def test_a_session_is_resumed_from_the_cache(gateway: Gateway, tmp_path: Path) -> None:
    session = str(tmp_path / "session")
    common = ("s_client", "-connect", f"127.0.0.1:{gateway.https_port}", "-tls1_2")
    assert "\nNew, TLSv1.2" in openssl(*common, "-sess_out", session)
    # Whichever worker takes it.
    for _ in range(4):
        assert "\nReused, TLSv1.2" in openssl(*common, "-sess_in", session)


NAMES = ["localhost", "127.0.0.1", *(["[::1]"] if has_ipv6_loopback() else [])]


def by_curl(gateway: Gateway, url: str) -> int:
    certificate = gateway.root / "nginx/certs/nginx.crt"
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--user", ":".join(LOGIN), "--data", "{}"),
            *("--cacert", str(certificate), "--output", "/dev/null"),
            *("--write-out", "%{http_code}", url),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return int(done.stdout)


def by_httpx(gateway: Gateway, url: str) -> int:
    context = httpx.create_ssl_context(verify=gateway.tls)
    return httpx.post(url, json={}, auth=LOGIN, verify=context).status_code


def by_strict_python(gateway: Gateway, url: str) -> int:
    """As Python 3.13 and later verify unless told otherwise."""
    context = ssl.create_default_context(cafile=gateway.root / "nginx/certs/nginx.crt")
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return httpx.post(url, json={}, auth=LOGIN, verify=context).status_code


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ask", [by_curl, by_httpx, by_strict_python])
def test_the_certificate_verifies(
    gateway: Gateway, ask: Callable[[Gateway, str], int], name: str
) -> None:
    assert ask(gateway, f"https://{name}:{gateway.https_port}/predict") == 200


def test_another_name_does_not_verify(gateway: Gateway) -> None:
    with (
        socket.create_connection(("127.0.0.1", gateway.https_port), 15) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        gateway.tls.wrap_socket(plain, server_hostname="gateway.example")
