"""The generated certificate: what it says, when it is made anew, whom it serves."""

import dataclasses
import ipaddress
import os
import ssl
import stat
import subprocess
import time
from pathlib import Path

import pytest

from gateway import certificates
from gateway.certificates import (
    CERTIFICATE,
    KEY,
    RENEW_SECONDS,
    Certificate,
    ensure_certificate,
    key_fits,
    read_certificate,
)
from gateway.errors import PrepareError
from gateway.settings import Settings

SETTINGS = Settings("admin", "admin", 8443, 8080, "127.0.0.1")
DAY = 24 * 3600.0


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert ensure_certificate(tmp_path, SETTINGS, time.time()) is not None
    return tmp_path


def on(address: str) -> Settings:
    return dataclasses.replace(SETTINGS, listen_address=address)


def test_what_it_says(made: Path) -> None:
    certificate = read_certificate(made / CERTIFICATE)
    assert certificate.is_ours
    assert certificate.names == {"localhost"}
    assert {str(address) for address in certificate.addresses} == {"127.0.0.1", "::1"}
    assert abs(certificate.not_after - time.time() - 397 * DAY) < DAY
    assert key_fits(made / CERTIFICATE, made / KEY)


def test_the_files(made: Path) -> None:
    assert stat.S_IMODE((made / KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE((made / CERTIFICATE).stat().st_mode) == 0o644
    assert (made / CERTIFICATE).read_text().count("BEGIN CERTIFICATE") == 2
    # The key of the CA is nowhere: one private key in all, and it is the leaf's.
    texts = [path.read_text() for path in made.rglob("*") if path.is_file()]
    assert sum(text.count("PRIVATE KEY-----\n") for text in texts) == 2  # BEGIN and END


def _handshake(folder: Path, name: str) -> None:
    """A TLS handshake in memory, the client verifying `name` as strictly as Python 3.13."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    client = ssl.create_default_context(cafile=str(folder / CERTIFICATE))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_strict_client_accepts_it(made: Path, name: str) -> None:
    _handshake(made, name)


def test_a_strict_client_refuses_another_name(made: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(made, "example.org")


def test_another_listen_address_is_in_it(tmp_path: Path) -> None:
    ensure_certificate(tmp_path, on("192.0.2.7"), time.time())
    _handshake(tmp_path, "192.0.2.7")
    _handshake(tmp_path, "127.0.0.1")


def test_the_ca_signs_for_no_other_name(made: Path, tmp_path: Path) -> None:
    text = subprocess.run(
        ["openssl", "storeutl", "-certs", "-text", "-noout", str(made / CERTIFICATE)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    constraints = text.partition("Name Constraints: critical")[2].partition("Signature")[0]
    permitted = [line.strip() for line in constraints.splitlines() if ":" in line]
    assert permitted[0] == "Permitted:"
    assert permitted[1] == "DNS:localhost"
    assert permitted[2] == "IP:127.0.0.1/255.255.255.255"
    assert permitted[3].startswith("IP:0:0:0:0:0:0:0:1/FFFF:FFFF")
    assert len(permitted) == 4


def test_nothing_happens_the_second_time(made: Path) -> None:
    before = (made / CERTIFICATE).read_bytes()
    assert ensure_certificate(made, SETTINGS, time.time()) is None
    assert (made / CERTIFICATE).read_bytes() == before


def test_it_is_renewed_in_its_last_week(made: Path) -> None:
    end = read_certificate(made / CERTIFICATE).not_after
    before = (made / CERTIFICATE).read_bytes()
    assert ensure_certificate(made, SETTINGS, end - RENEW_SECONDS - 1) is None
    done = ensure_certificate(made, SETTINGS, end - RENEW_SECONDS + 1)
    assert done is not None
    assert "ends within 7 days" in done
    assert (made / CERTIFICATE).read_bytes() != before
    assert key_fits(made / CERTIFICATE, made / KEY)


def test_a_new_listen_address_makes_a_new_one(made: Path) -> None:
    done = ensure_certificate(made, on("192.0.2.7"), time.time())
    assert done is not None
    assert "not valid for 192.0.2.7" in done
    assert read_certificate(made / CERTIFICATE).serves(ipaddress.ip_address("192.0.2.7"))


@pytest.mark.parametrize("damage", ["missing", "empty", "other"])
def test_an_interrupted_run_is_completed(made: Path, tmp_path: Path, damage: str) -> None:
    # The certificate takes its place first: an interruption leaves it without its key.
    if damage == "missing":
        (made / KEY).unlink()
    elif damage == "empty":
        (made / KEY).write_text("")
    else:
        (made / KEY).write_bytes(certificates.run_openssl("genpkey", "-algorithm", "ed25519"))
    leftover = made / "var/tmp/certificates"
    leftover.mkdir()
    (leftover / "leaf.csr").write_text("half")
    (made / "nginx/certs/.nginx.key.new").write_text("half")
    done = ensure_certificate(made, SETTINGS, time.time())
    assert done is not None
    assert "did not belong" in done
    _handshake(made, "localhost")
    assert not leftover.exists()
    assert sorted(path.name for path in (made / "nginx/certs").iterdir()) == [
        "nginx.crt",
        "nginx.key",
    ]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ensure_certificate(tmp_path, SETTINGS, time.time())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600


def _operators(root: Path) -> bytes:
    (root / "nginx/certs").mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=somebody"),
            *("-keyout", str(root / KEY), "-out", str(root / CERTIFICATE)),
        ],
        check=True,
        capture_output=True,
    )
    return (root / CERTIFICATE).read_bytes()


def test_a_certificate_of_somebody_else_is_never_touched(tmp_path: Path) -> None:
    before = _operators(tmp_path)
    far = time.time() + 10_000 * DAY
    assert ensure_certificate(tmp_path, SETTINGS, far) is None
    assert (tmp_path / CERTIFICATE).read_bytes() == before
    certificate = read_certificate(tmp_path / CERTIFICATE)
    assert not certificate.is_ours
    assert (certificate.names, certificate.addresses) == (frozenset(), frozenset())


def test_a_key_without_certificate_is_somebodys(tmp_path: Path) -> None:
    _operators(tmp_path)
    (tmp_path / CERTIFICATE).unlink()
    with pytest.raises(PrepareError, match=r"^nginx/certs/nginx\.key: a key without"):
        ensure_certificate(tmp_path, SETTINGS, time.time())


def test_a_file_that_is_no_certificate(made: Path) -> None:
    (made / CERTIFICATE).write_text("hello")
    with pytest.raises(PrepareError, match=r"^nginx/certs/nginx\.crt: is not a certificate"):
        ensure_certificate(made, SETTINGS, time.time())


def test_without_openssl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrepareError, match=r"^openssl: not found on PATH: install it"):
        ensure_certificate(tmp_path, SETTINGS, time.time())


@pytest.mark.parametrize(
    ("names", "addresses", "listen", "serves"),
    [
        (["localhost"], ["127.0.0.1"], "127.0.0.1", True),
        (["localhost"], [], "127.0.0.1", False),
        (["gateway.example"], [], "127.0.0.1", False),
        (["gateway.example"], [], "192.0.2.7", True),
        (["localhost"], ["127.0.0.1"], "192.0.2.7", False),
        (["localhost"], ["192.0.2.8"], "192.0.2.7", False),
        (["localhost"], ["127.0.0.1", "::1"], "0.0.0.0", False),  # noqa: S104 - not bound
        (["localhost"], ["192.0.2.7"], "0.0.0.0", True),  # noqa: S104
        (["gateway.example"], [], "::", True),
    ],
)
def test_whom_it_serves(names: list[str], addresses: list[str], listen: str, serves: bool) -> None:
    certificate = Certificate(
        "issuer", frozenset(names), frozenset(map(ipaddress.ip_address, addresses)), 0.0
    )
    assert certificate.serves(ipaddress.ip_address(listen)) is serves
