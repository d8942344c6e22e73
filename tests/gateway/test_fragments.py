"""The generated lines of nginx configuration."""

import dataclasses
import ipaddress
import stat
import subprocess
from pathlib import Path

import pytest

from gateway.atomic import replace_file
from gateway.certificates import Certificate
from gateway.fragments import (
    https_port_suffix,
    listen_hosts,
    listen_http,
    listen_https,
    names_beyond_localhost,
    remove_fragment,
    server_names,
    write_fragment,
)
from gateway.nginx_build import nginx_build
from gateway.settings import Settings

SETTINGS = Settings("admin", "admin", 8443, 8080, "127.0.0.1")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("address", "ipv6", "hosts"),
    [
        ("127.0.0.1", True, ("127.0.0.1", "[::1]")),
        ("127.0.0.1", False, ("127.0.0.1",)),
        ("127.0.0.2", True, ("127.0.0.2", "[::1]")),
        ("::1", True, ("[::1]",)),
        ("192.0.2.7", True, ("192.0.2.7",)),
        ("::", True, ("[::]",)),
    ],
)
def test_hosts(address: str, ipv6: bool, hosts: tuple[str, ...]) -> None:
    assert listen_hosts(dataclasses.replace(SETTINGS, listen_address=address), ipv6) == hosts


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (None, ["listen 127.0.0.1:8443 ssl http2;"]),
        ((1, 22, 1), ["listen 127.0.0.1:8443 ssl http2;"]),
        ((1, 25, 0), ["listen 127.0.0.1:8443 ssl http2;"]),
        ((1, 25, 1), ["listen 127.0.0.1:8443 ssl;", "http2 on;"]),
        ((1, 27, 3), ["listen 127.0.0.1:8443 ssl;", "http2 on;"]),
        ((1, 27, 4), ["listen 127.0.0.1:8443 ssl;", "http2 on;", "keepalive_min_timeout 3s;"]),
    ],
)
def test_https_as_the_version_has_it(
    version: tuple[int, int, int] | None, expected: list[str]
) -> None:
    assert lines(listen_https(("127.0.0.1",), 8443, version)) == expected


def test_http() -> None:
    text = listen_http(("127.0.0.1", "[::1]"), 8080)
    assert lines(text) == ["listen 127.0.0.1:8080;", "listen [::1]:8080;"]
    assert lines(listen_http(("[::]",), 80)) == ["listen [::]:80 ipv6only=off;"]


@pytest.mark.parametrize(("port", "suffix"), [(8443, ":8443"), (443, ""), (80, ":80")])
def test_the_port_of_the_redirect(port: int, suffix: str) -> None:
    text = https_port_suffix(dataclasses.replace(SETTINGS, https_port=port))
    assert lines(text) == [f'map "" $https_port_suffix {{ default "{suffix}"; }}']


def test_names_of_the_certificate_that_are_not_local() -> None:
    hostile = {"a; return 200", '"', "a b", "$host", "", "-a", "*", "a\nb"}
    certificate = Certificate(
        "issuer",
        frozenset({"localhost", "gateway.example", "*.lab.example", *hostile}),
        frozenset(map(ipaddress.ip_address, ("127.0.0.1", "::1", "192.0.2.7", "2001:db8::1"))),
        0.0,
    )
    names = names_beyond_localhost(certificate)
    assert names == ("*.lab.example", "gateway.example", "192.0.2.7", "[2001:db8::1]")
    assert lines(server_names(names)) == [
        'server_name "*.lab.example" "gateway.example" "192.0.2.7" "[2001:db8::1]";'
    ]


def test_only_a_change_is_written(tmp_path: Path) -> None:
    assert write_fragment(tmp_path, "a.conf", "x")
    before = (tmp_path / "a.conf").stat()
    assert not write_fragment(tmp_path, "a.conf", "x")
    assert (tmp_path / "a.conf").stat() == before
    (tmp_path / "a.conf").write_bytes(b"\xff")
    assert write_fragment(tmp_path, "a.conf", "x")
    assert remove_fragment(tmp_path, "a.conf")
    assert not remove_fragment(tmp_path, "a.conf")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    (tmp_path / ".file.new").write_text("half of an interrupted run")
    with path.open() as reader:
        replace_file(path, "new", 0o600)
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_the_real_nginx_takes_the_text(tmp_path: Path) -> None:
    """Every fragment together, in the places where the real files include them."""
    build = nginx_build()
    assert build is not None
    settings = dataclasses.replace(SETTINGS, https_port=0, http_port=0)
    certs, hosts = tmp_path / "certs", ("127.0.0.1",)
    certs.mkdir()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x"),
            *("-keyout", str(certs / "k"), "-out", str(certs / "c")),
        ],
        check=True,
        capture_output=True,
    )
    https = listen_https(hosts, 49443, build.version)
    names = server_names(("*.lab.example", "[2001:db8::1]"))
    (tmp_path / "nginx.conf").write_text(
        f"pid pid; events {{}} http {{ access_log off;\n{https_port_suffix(settings)}\n"
        + "".join(f"{kind}_temp_path t_{kind};\n" for kind in _TEMPORARY)
        + f"server {{\n{https}\n{names}\nssl_certificate certs/c; ssl_certificate_key certs/k; }}\n"
        + f"server {{\n{listen_http(hosts, 49080)}\nreturn 301 $https_port_suffix; }} }}\n"
    )
    done = subprocess.run(
        ["nginx", "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
