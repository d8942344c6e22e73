"""What the gateway does not start with, each with a way out in the message."""

import dataclasses
import ipaddress

import pytest

from gateway.certificates import CA_NAME, Certificate
from gateway.errors import Place
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import Entry, hash_apr1, hash_ssha, parse_htpasswd
from gateway.refusals import Reason, refuse_certificate, refuse_credentials, refuse_workers
from gateway.settings import Settings

LOCAL = Settings("admin", "admin", 8443, 8080, "127.0.0.1")
OPEN = dataclasses.replace(LOCAL, listen_address="192.0.2.7")
NOW = 1_000_000.0
GOOD = Certificate(
    issuer="CN = somebody",
    names=frozenset({"localhost", "gateway.example"}),
    addresses=frozenset({ipaddress.ip_address("127.0.0.1")}),
    not_after=NOW + 1,
)


def test_the_demo_is_fine_on_loopback() -> None:
    entries = (Entry("admin", hash_apr1("admin"), Place(HTPASSWD, 2)),)
    for address in ("127.0.0.1", "127.0.0.2", "::1"):
        settings = dataclasses.replace(LOCAL, listen_address=address)
        assert refuse_credentials(entries, settings) == ()


@pytest.mark.parametrize("address", ["192.0.2.7", "0.0.0.0", "::", "2001:db8::1"])  # noqa: S104
@pytest.mark.parametrize("hashed", [hash_apr1, hash_ssha])
def test_the_demo_password_is_refused_for_any_user_beyond_loopback(
    address: str, hashed: object
) -> None:
    assert callable(hashed)
    text = f"ann:{hashed('something else entirely')}\nbob:{hashed('admin')}\n"
    settings = dataclasses.replace(LOCAL, listen_address=address)
    (refusal,) = refuse_credentials(parse_htpasswd(text), settings)
    assert refusal.reason is Reason.DEMO_PASSWORD
    assert refusal.place == Place(HTPASSWD, 2)
    assert "python -m gateway.credentials bob" in refusal.fix


def test_a_good_password_is_fine_everywhere() -> None:
    entries = (Entry("ann", hash_ssha("something else entirely"), Place(HTPASSWD, 1)),)
    assert refuse_credentials(entries, OPEN) == ()


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ("{PLAIN}a long and good password", Reason.PLAIN_PASSWORD),
        ("$2y$10$abcdefghijklmnopqrstuu", Reason.SLOW_HASH),
        ("$2b$05$abcdefghijklmnopqrstuu", Reason.SLOW_HASH),
        ("$5$salt$x", Reason.SLOW_HASH),
        ("$6$salt$x", Reason.SLOW_HASH),
        ("$y$j9T$x", Reason.SLOW_HASH),
        ("rqXexS6ZhobKA", Reason.UNKNOWN_HASH),
    ],
)
@pytest.mark.parametrize("settings", [LOCAL, OPEN], ids=["loopback", "open"])
def test_bad_storage_is_refused_everywhere(stored: str, reason: Reason, settings: Settings) -> None:
    (refusal,) = refuse_credentials((Entry("ann", stored, Place(HTPASSWD, 7)),), settings)
    assert refusal.reason is reason
    assert str(refusal).startswith("var/htpasswd:7: ")
    assert "python -m gateway.credentials ann" in refusal.fix
    assert stored not in str(refusal)


def test_every_bad_entry_is_named() -> None:
    found = refuse_credentials(parse_htpasswd("a:{PLAIN}x\nb:$6$s$x\n"), LOCAL)
    assert [refusal.place.line for refusal in found] == [1, 2]


def test_no_user_at_all() -> None:
    (refusal,) = refuse_credentials((), LOCAL)
    assert refusal.reason is Reason.NO_USER


@pytest.mark.parametrize("mode", [0o100600, 0o100400, 0o100640])
@pytest.mark.parametrize("settings", [LOCAL, OPEN], ids=["loopback", "open"])
def test_a_good_certificate(mode: int, settings: Settings) -> None:
    assert refuse_certificate(GOOD, mode, True, settings, NOW) == ()


@pytest.mark.parametrize("mode", [0o100644, 0o100604, 0o100601, 0o100660, 0o100602])
def test_a_key_that_others_can_read_or_change(mode: int) -> None:
    (refusal,) = refuse_certificate(GOOD, mode, True, LOCAL, NOW)
    assert refusal.reason is Reason.READABLE_KEY
    assert "`chmod 600 nginx/certs/nginx.key`" in refusal.fix
    assert f"{mode & 0o777:o}" in refusal.problem


def test_an_expired_certificate() -> None:
    (refusal,) = refuse_certificate(GOOD, 0o600, True, LOCAL, NOW + 1)
    assert refusal.reason is Reason.EXPIRED


def test_a_key_of_another_certificate() -> None:
    (refusal,) = refuse_certificate(GOOD, 0o600, False, LOCAL, NOW)
    assert refusal.reason is Reason.FOREIGN_KEY


def test_a_certificate_without_the_address() -> None:
    nameless = dataclasses.replace(GOOD, names=frozenset({"localhost"}))
    (refusal,) = refuse_certificate(nameless, 0o600, True, OPEN, NOW)
    assert refusal.reason is Reason.WRONG_NAME
    assert "192.0.2.7" in refusal.problem
    ours = dataclasses.replace(nameless, issuer=f"CN = {CA_NAME}")
    (refusal,) = refuse_certificate(ours, 0o600, True, OPEN, NOW)
    # Removing ours would only bring it back.
    assert "remove" not in refusal.fix


def test_everything_at_once() -> None:
    bad = Certificate("x", frozenset(), frozenset(), NOW)
    found = refuse_certificate(bad, 0o644, False, LOCAL, NOW)
    assert {refusal.reason for refusal in found} == {
        Reason.READABLE_KEY,
        Reason.FOREIGN_KEY,
        Reason.EXPIRED,
        Reason.WRONG_NAME,
    }


@pytest.mark.parametrize(
    ("settings", "can_read", "is_root", "refused"),
    [
        (LOCAL, True, True, False),
        (LOCAL, False, True, False),
        (LOCAL, False, False, True),
        (OPEN, True, True, False),
        (OPEN, False, True, True),
        (OPEN, False, False, True),
    ],
)
def test_workers_that_cannot_read(
    settings: Settings, can_read: bool, is_root: bool, refused: bool
) -> None:
    refusal = refuse_workers(settings, can_read, is_root)
    assert (refusal is not None) is refused
    if refusal is not None:
        assert refusal.reason is Reason.UNREADABLE
