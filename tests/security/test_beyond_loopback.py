"""Beyond loopback: one setting, refused while anything is as in the demo. In a private network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.certificates import CERTIFICATE, KEY
from gateway.exit_codes import ExitCode
from gateway.fragments import LISTEN_HTTP, LISTEN_HTTPS
from gateway.htpasswd import FILE as HTPASSWD
from tests.nginx.gateway_copy import REPOSITORY, copy_gateway, temporary_root
from tests.security.second_address import with_address
from tests.security.serving import HTTP, HTTPS, PASSWORD, USER

ADDRESS = "192.0.2.7"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - in a network of its own
NAME = "gateway.example"
OWN_NAMES = f"DNS:{NAME},DNS:localhost,IP:127.0.0.1,IP:{ADDRESS}"


def inside(*command: str, listen: str) -> subprocess.CompletedProcess[str]:
    """Run `command` in a network that has ADDRESS, with GATEWAY_LISTEN_ADDRESS set."""
    enter = with_address(ADDRESS)
    if enter is None:
        pytest.skip("no private network here: an address beyond loopback would be a real one")
    return subprocess.run(
        [*enter, sys.executable, *command],
        cwd=REPOSITORY,
        env={**os.environ, "GATEWAY_LISTEN_ADDRESS": listen},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def prepare(root: Path, listen: str = EVERYWHERE) -> tuple[int, str]:
    """Exit code and messages of gateway.prepare, with that one setting."""
    done = inside("-m", "gateway.prepare", "--root", str(root), listen=listen)
    return done.returncode, done.stderr


def own_certificate(root: Path, names: str) -> None:
    """A certificate as an operator brings one."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=operator", "-addext", f"subjectAltName={names}"),
            *("-days", "30", "-keyout", str(root / KEY), "-out", str(root / CERTIFICATE)),
        ],
        check=True,
        capture_output=True,
    )
    (root / KEY).chmod(0o600)


@pytest.fixture
def demo() -> Iterator[Path]:
    """The unmodified files, prepared for loopback."""
    root = temporary_root()
    try:
        copy_gateway(root, {}, HTTPS, HTTP)
        yield root
    finally:
        shutil.rmtree(root)


@pytest.fixture
def own(demo: Path) -> Path:
    """With a login and a certificate of one's own: ready to be served to others."""
    subprocess.run(
        [sys.executable, "-m", "gateway.credentials", USER, "--root", str(demo)],
        cwd=REPOSITORY,
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    own_certificate(demo, OWN_NAMES)
    return demo


def stored(text: str) -> Callable[[Path], None]:
    """Add a user to var/htpasswd."""

    def change(root: Path) -> None:
        with (root / HTPASSWD).open("a") as file:
            file.write(f"bob:{text}\n")

    return change


def demo_password(root: Path) -> None:
    stored("$apr1$abcdefgh$" + _apr1("admin", "abcdefgh"))(root)


def _apr1(password: str, salt: str) -> str:
    command = ["openssl", "passwd", "-apr1", "-salt", salt, password]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().rpartition("$")[2]


def nobody(root: Path) -> None:
    (root / HTPASSWD).write_text("# nobody yet\n")


def readable_key(root: Path) -> None:
    (root / KEY).chmod(0o644)


def another_key(root: Path) -> None:
    key = (root / KEY).read_bytes()
    own_certificate(root, OWN_NAMES)
    (root / KEY).write_bytes(key)


def expired(root: Path) -> None:
    # `openssl ca` is what takes dates, in every version.
    work = root / "ca"
    work.mkdir()
    (work / "index").touch()
    (work / "ca.cnf").write_text(
        f"[ca]\ndefault_ca = own\n[own]\ndatabase = {work}/index\nnew_certs_dir = {work}\n"
        "rand_serial = yes\ndefault_md = sha256\npolicy = any\nx509_extensions = leaf\n"
        f"[any]\ncommonName = supplied\n[leaf]\nsubjectAltName = {OWN_NAMES}\n"
    )
    config, request = ("-config", str(work / "ca.cnf")), str(work / "request")
    key = str(root / KEY)
    for command in (
        ["req", "-new", "-key", key, "-subj", "/CN=operator", "-out", request],
        [
            *("ca", *config, "-batch", "-notext", "-selfsign", "-keyfile", key, "-in", request),
            *("-startdate", "20200101000000Z", "-enddate", "20210101000000Z"),
            *("-out", str(root / CERTIFICATE)),
        ],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)


def localhost_only(root: Path) -> None:
    own_certificate(root, "DNS:localhost,IP:127.0.0.1,IP:::1")


def certificate_of_the_demo(root: Path) -> None:
    (root / CERTIFICATE).unlink()
    (root / KEY).unlink()


def closed_folder(root: Path) -> None:
    (root / "var").chmod(0o700)


SET_NEW = "set a new one with `python -m gateway.credentials bob`"
REPLACE = f"replace it, or remove {CERTIFICATE} and {KEY}"
CONDITIONS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "the password of the demo": (demo_password, HTPASSWD, SET_NEW),
    "a plain password": (stored("{PLAIN}correct horse battery"), HTPASSWD, SET_NEW),
    "sha512-crypt": (stored("$6$salt$x"), HTPASSWD, SET_NEW),
    "sha256-crypt": (stored("$5$salt$x"), HTPASSWD, SET_NEW),
    "bcrypt": (stored("$2y$10$abcdefghijklmnopqrstuu"), HTPASSWD, SET_NEW),
    "yescrypt": (stored("$y$j9T$x"), HTPASSWD, SET_NEW),
    "a hash of no known kind": (stored("rqXexS6ZhobKA"), HTPASSWD, SET_NEW),
    "no user": (nobody, HTPASSWD, "add a user with `python -m gateway.credentials NAME`"),
    "a key that others can read": (readable_key, KEY, f"`chmod 600 {KEY}`"),
    "a key of another certificate": (another_key, KEY, REPLACE),
    "a certificate that has expired": (expired, CERTIFICATE, REPLACE),
    "a certificate for localhost only": (localhost_only, CERTIFICATE, REPLACE),
    "the certificate of the demo": (
        certificate_of_the_demo,
        CERTIFICATE,
        "listen on one address, or bring a certificate with the name that clients use",
    ),
    "workers that cannot read": (closed_folder, "var", "`chmod a+rx` the folders"),
}


@pytest.mark.parametrize(("spoil", "place", "fix"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_refused(own: Path, spoil: Callable[[Path], None], place: str, fix: str) -> None:
    if spoil is closed_folder and os.geteuid() != 0:
        pytest.skip("only root gives its workers to another user")
    assert prepare(own)[0] == ExitCode.PASS
    spoil(own)
    code, said = prepare(own)
    assert code == ExitCode.USAGE
    refusals = [line for line in said.splitlines() if line.startswith("prepare: refused: ")]
    (refusal,) = refusals
    assert refusal.startswith(f"prepare: refused: {place}")
    assert fix in refusal
    # Nor does anybody start it by hand.
    assert not any((own / file).exists() for file in (LISTEN_HTTPS, LISTEN_HTTP))


def test_the_demo_as_it_is(demo: Path) -> None:
    code, said = prepare(demo)
    assert code == ExitCode.USAGE
    assert said.count("prepare: refused: ") == 2
    assert "admin has the password of the demo" in said


def served(root: Path, listen: str) -> dict[str, object]:
    """What clients get at ADDRESS."""
    code, said = prepare(root, listen)
    assert code == ExitCode.PASS, said
    done = inside("-m", "tests.security.serving", str(root), ADDRESS, NAME, listen=listen)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


GOOD = {
    "by address": "200",
    "by name": "200",
    "by address over HTTP/1.1": "200",
    "another host": "421",
    "demo login": "401",
    "redirect": f"308 https://{ADDRESS}:{HTTPS}/predict",
    "redirect of another host": "421",
    "open besides": [],
}


def test_served_on_every_address_with_a_certificate_of_ones_own(own: Path) -> None:
    assert served(own, EVERYWHERE) == GOOD


def test_served_on_one_address_with_the_certificate_made_for_it(own: Path) -> None:
    certificate_of_the_demo(own)
    found = served(own, ADDRESS)
    # Nobody but the operator can know another name.
    assert "SSL" in str(found.pop("by name"))
    assert found == {name: expected for name, expected in GOOD.items() if name != "by name"}
