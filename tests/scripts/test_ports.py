from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import load_settings
from gateway.topology import load_topology
from scripts import port_check, port_holder
from scripts.port_check import Need, is_taken, literals, needs, refusals
from scripts.port_holder import Socket, holder, parse_table

ROOT = Path(__file__).resolve().parents[2]
ONLY_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")
HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"


@contextmanager
def bound(host: str, listen: bool) -> Iterator[int]:
    """A port of `host` that this process holds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.bind((host, 0))
        if listen:
            held.listen(1)
        yield held.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
@pytest.mark.parametrize("listen", [True, False])
def test_a_port_is_taken_by_whoever_is_bound_to_it(host: str, listen: bool) -> None:
    with bound(host, listen) as port:
        assert is_taken(port, "127.0.0.1")
    assert not is_taken(port, "127.0.0.1")


def test_the_other_family_does_not_count() -> None:
    try:
        with bound("::1", True) as port:
            assert is_taken(port, "::1")
            assert not is_taken(port, "127.0.0.1")
    except OSError:
        pytest.skip("not covered: no ::1 here")


def test_an_ended_connection_does_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first stays in TIME_WAIT
    assert not is_taken(port, "127.0.0.1")


def test_what_cannot_be_bound_for_another_reason_is_not_taken() -> None:
    assert not is_taken(8443, "192.0.2.1")  # no address of this machine (RFC 5737)


@ONLY_LINUX
def test_the_holder_is_named_with_pid_and_folder() -> None:
    with bound("127.0.0.1", True) as port:
        name = Path("/proc/self/comm").read_text().strip()
        assert holder(port) == f"{name} (pid {os.getpid()} in {Path.cwd()})"


@ONLY_LINUX
def test_the_master_is_named_rather_than_its_workers() -> None:
    with bound("127.0.0.1", True) as port:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        try:
            assert f"(pid {os.getpid()} " in holder(port)
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


@ONLY_LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="not covered: only root can be another user")
def test_of_another_users_process_only_the_user_is_told() -> None:
    reader, writer = os.pipe()
    with bound("127.0.0.1", True) as port:
        child = os.fork()
        if child == 0:
            os.closerange(writer + 1, 256)  # the socket is inherited as well
            os.setgroups([])
            os.setuid(65534)  # nobody, who may not look into what root runs
            os.write(writer, holder(port).encode())
            os._exit(0)
        os.waitpid(child, 0)
    assert os.read(reader, 1000) == b"a process of the user root"
    os.close(reader)
    os.close(writer)


@ONLY_LINUX
def test_a_holder_that_does_not_listen_has_no_name() -> None:
    with bound("127.0.0.1", False) as port:
        assert holder(port) == "a program that holds it without listening yet"


def test_without_proc_there_is_no_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(port_holder, "PROC", tmp_path / "none")
    with bound("127.0.0.1", True) as port:
        assert holder(port) == "another program"


@given(
    st.lists(
        st.tuples(st.integers(1, 65535), st.integers(0, 2**32 - 1), st.integers(1, 2**40)),
        max_size=5,
    )
)
def test_every_listening_row_is_read(rows: list[tuple[int, int, int]]) -> None:
    text = HEADER
    for port, uid, inode in rows:
        row = f"00000000:00000000 00:00000000 00000000 {uid} 0 {inode} 1 0000000000000000 100"
        text += f"   0: 0100007F:{port:04X} 00000000:0000 0A {row}\n"
        text += f"   1: 0100007F:{port:04X} 0100007F:0001 06 {row}\n"  # TIME_WAIT
    expected = [Socket(port, uid, str(inode)) for port, uid, inode in rows]
    assert list(parse_table(text)) == expected


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert list(parse_table(text)) == []


def test_every_port_of_the_workspace_is_needed(tmp_path: Path) -> None:
    settings = load_settings(ROOT, {})
    topology = load_topology(ROOT, settings)
    without = needs(settings, topology, str(tmp_path))
    assert topology.grafana_port not in {need.port for need in without}
    grafana = tmp_path / "grafana"
    grafana.write_text("")
    grafana.chmod(0o755)
    ports = [need.port for need in needs(settings, topology, str(tmp_path))]
    assert ports[-1] == topology.grafana_port
    assert len(set(ports)) == len(ports) == len(without) + 1 == len(topology.instances) + 6


@pytest.mark.parametrize(
    ("need", "environ", "expected"),
    [
        (Need(0, "v1-1", ("127.0.0.1",)), {}, "v1-1) is taken by "),
        (Need(0, "x", ("127.0.0.1",), "GATEWAY_HTTP_PORT"), {}, "HTTP_PORT another number in .env"),
        (
            Need(0, "x", ("127.0.0.1",), "GATEWAY_HTTP_PORT"),
            {"GATEWAY_HTTP_PORT": "1"},
            "give the environment variable GATEWAY_HTTP_PORT another number",
        ),
    ],
)
def test_the_refusal_says_how_to_move(need: Need, environ: dict[str, str], expected: str) -> None:
    with bound("127.0.0.1", True) as port:
        taken = Need(port, need.purpose, need.hosts, need.setting)
        free = Need(1, "not bound by anybody", ())
        (line,) = refusals(ROOT, (free, taken), environ)
    assert line.startswith(f"port {port} (")
    assert expected in line


def test_comments_and_longer_numbers_are_no_literals(tmp_path: Path) -> None:
    (tmp_path / "nginx").mkdir()
    (tmp_path / "nginx/a.conf").write_text("# 8101\nx 18101;\nlisten 127.0.0.1:8101; # y\n")
    (tmp_path / "process-compose.yaml").write_text('environment: ["PORT=8101"]\n')
    assert literals(tmp_path, 8101) == ["process-compose.yaml:1", "nginx/a.conf:3"]


def test_the_literals_of_a_port_are_those_that_must_agree() -> None:
    files = {place.partition(":")[0] for place in literals(ROOT, 8101)}
    assert files == {"process-compose.yaml", "nginx/upstreams.conf", "monitoring/prometheus.yml"}
    assert port_check.literals(ROOT, 8081)[-1].startswith("nginx/conf.d/servers.conf:")
