"""Buckets as nginx computes them: known hashes, and the real files against the real nginx."""

from __future__ import annotations

import re
import socket
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cohort import (
    BUCKETS,
    SALT,
    asked_for,
    bucket_of,
    bucket_of_user,
    in_canary,
    is_cohort,
    murmur2,
)
from tests.gateway.exporter_process import ROOT
from tests.gateway.test_nginx_probe import nginx_program
from tests.gateway.waiting import wait_until
from tests.nginx.gateway_copy import free_ports

BUCKETS_FILE = ROOT / "nginx/conf.d/buckets.conf"


@pytest.mark.parametrize(
    ("cohort", "group"),
    [("debug", "debug"), ("control", "control"), ("v3", "v3"), ("v1", ""), ("canary", "")],
)
def test_the_header_that_leads_to_a_cohort(cohort: str, group: str) -> None:
    assert is_cohort(cohort)
    assert asked_for(cohort) == group


@pytest.mark.parametrize("text", ["", "-", "v0", "v100", "V3", "v3\n", "v\u0663", "Debug", "none"])
def test_what_the_gateway_cannot_have_written_is_no_cohort(text: str) -> None:
    assert not is_cohort(text)
    assert asked_for(text) == ""


def test_the_salt_is_that_of_the_file() -> None:
    text = BUCKETS_FILE.read_text()
    assert f'split_clients "{SALT}$bucket_key" $bucket' in text
    parts = re.findall(r"^    (1%|\*) +(\d\d);$", text, re.MULTILINE)
    assert parts == [("1%", f"{n:02d}") for n in range(BUCKETS - 1)] + [("*", "99")]


@given(st.text(max_size=80))
def test_a_bucket_for_every_key(key: str) -> None:
    assert 0 <= bucket_of(key) < BUCKETS
    assert bucket_of_user(key) == bucket_of(f"u:{key}")


@given(st.integers(0, BUCKETS - 1), st.integers(0, 100), st.integers(0, 100))
def test_a_higher_weight_keeps_everybody(bucket: int, weight: int, more: int) -> None:
    if in_canary(bucket, weight):
        assert in_canary(bucket, max(weight, more))
    assert sum(in_canary(one, weight) for one in range(BUCKETS)) == weight


def test_buckets_are_even() -> None:
    counts = Counter(bucket_of_user(f"user-{number}") for number in range(20_000))
    chi_square = sum((counts[b] - 200) ** 2 / 200 for b in range(BUCKETS))
    assert chi_square < 149  # chi-square with 99 degrees of freedom: one in a thousand


@pytest.mark.parametrize(
    ("data", "hashed"),
    # From the reference implementation (MurmurHash2, seed 0).
    [(b"", 0), (b"a", 0x92685F5E), (b"abcd", 0x26873021), (b"hello world", 0x44A81419)],
)
def test_known_hashes(data: bytes, hashed: int) -> None:
    assert murmur2(data) == hashed


def test_nginx_agrees_for_every_user(tmp_path: Path) -> None:
    users = [f"u-{number}" for number in range(1_500)] + ["", "a" * 64, "alice@example.com"]
    (port,) = free_ports(1)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; keepalive_requests 10000; client_body_temp_path t; "
        f"proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;\n"
        f'map $arg_key $bucket_key {{ default "u:$arg_key"; }}\n'
        f"include {BUCKETS_FILE};\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ return 200 $bucket; }} }} }}\n"
    )
    command = [nginx_program(), "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        try:
            with _connected(port) as connection:
                for user in users:
                    request = f"GET /?key={user} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    connection.sendall(request.encode())
                answers = b""
                while answers.count(b"HTTP/1.1 200") < len(users) or not answers[-2:].isdigit():
                    received = connection.recv(1 << 16)
                    assert received, "nginx closed the connection"
                    answers += received
        finally:
            running.terminate()
    found = [int(body[:2]) for body in answers.decode().split("\r\n\r\n")[1:]]
    assert found == [bucket_of_user(user) for user in users]


def _connected(port: int) -> socket.socket:
    opened: list[socket.socket] = []

    def connect() -> bool:
        try:
            opened.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        except ConnectionRefusedError:
            return False
        return True

    wait_until(connect)
    return opened[0]
