"""A checked reload, a new certificate, a new login: on a running nginx, and on one that is not."""

from __future__ import annotations

import io
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from gateway import credentials, renewal
from gateway.certificates import CERTIFICATE, KEY
from gateway.command import Outcome
from gateway.exit_codes import ExitCode
from gateway.htpasswd import FILE as HTPASSWD
from gateway.nginx_master import PID_FILE, running_master, workers
from gateway.reload import main, reload
from gateway.settings import load_settings
from tests.nginx.conftest import LOGIN, Connect, Gateway, fresh_address
from tests.nginx.wire import post, wait_until

PREDICT = "nginx/snippets/predict.conf"
LIMITS = "nginx/conf.d/limits.conf"
EDITED = (PREDICT, LIMITS, CERTIFICATE, KEY, HTPASSWD)
PASSWORD = "correct horse battery"  # noqa: S105
NOW = 1_000_000_000.0
"""Long before any certificate here ends."""

Reload = Callable[[], ExitCode]

WORKERS = 2  # worker_processes in nginx/nginx.conf


@pytest.fixture(autouse=True)
def _restored(prepared: Gateway, tmp_path: Path) -> Iterator[None]:
    """Whatever a test does to these files ends with it."""
    for file in EDITED:
        shutil.copy2(prepared.root / file, tmp_path / Path(file).name)
    owner = (prepared.root / HTPASSWD).stat()
    yield
    for file in EDITED:
        shutil.copy2(tmp_path / Path(file).name, prepared.root / file)
        (prepared.root / f"{file}.previous").unlink(missing_ok=True)
    os.chown(prepared.root / HTPASSWD, owner.st_uid, owner.st_gid)


@pytest.fixture
def run(prepared: Gateway) -> Reload:
    return lambda: main(["--root", str(prepared.root)], {})


def edit(gateway: Gateway, file: str, old: str, new: str) -> None:
    path = gateway.root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def workers_now(gateway: Gateway) -> frozenset[int]:
    """Both of them: one may still be on its way when the other already answers."""
    master = running_master(gateway.root)
    assert master is not None
    wait_until(lambda: len(workers(master) or ()) == WORKERS, "both workers")
    found = workers(master)
    assert found is not None
    return found


def passed(gateway: Gateway, count: int) -> int:
    """How many of `count` requests one new address gets through, as fast as they can be sent."""
    source = fresh_address()
    with gateway.wire(source=source) as wire:
        statuses = [wire.ask(post()).status for _ in range(count)]
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


def test_an_edited_burst_is_in_effect(
    gateway: Gateway, run: Reload, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passed(gateway, 20) == 20
    edit(gateway, PREDICT, "burst=20", "burst=2")
    before = workers_now(gateway)
    assert run() is ExitCode.PASS
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("reload: in effect after ")
    assert not workers_now(gateway) & before
    assert 3 <= passed(gateway, 20) < 12


def test_an_edited_rate_is_in_effect(gateway: Gateway, run: Reload) -> None:
    edit(gateway, LIMITS, "rate=10r/s", "rate=1r/m")
    assert run() is ExitCode.PASS
    assert passed(gateway, 40) == 21


def test_a_bad_file_changes_nothing(
    gateway: Gateway, run: Reload, capsys: pytest.CaptureFixture[str]
) -> None:
    before = workers_now(gateway)
    edit(gateway, LIMITS, "limit_req_status", "limit_req_statuss")
    line = (gateway.root / LIMITS).read_text().partition("limit_req_statuss")[0].count("\n") + 1
    assert run() is ExitCode.USAGE
    *said, last = capsys.readouterr().err.splitlines()
    assert any(f"{LIMITS}:{line}" in text and "limit_req_statuss" in text for text in said)
    assert last == "reload: nothing was changed: what runs goes on as it is"
    assert workers_now(gateway) == before
    assert passed(gateway, 5) == 5


def test_what_would_be_refused_is_not_loaded(
    gateway: Gateway, run: Reload, capsys: pytest.CaptureFixture[str]
) -> None:
    before = workers_now(gateway)
    (gateway.root / KEY).chmod(0o644)
    assert run() is ExitCode.USAGE
    assert "chmod 600" in capsys.readouterr().err
    assert workers_now(gateway) == before


def test_without_nginx_on_path_nothing_is_touched(
    gateway: Gateway, run: Reload, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = workers_now(gateway)
    monkeypatch.setenv("PATH", "/nowhere")
    assert run() is ExitCode.USAGE
    assert workers_now(gateway) == before


def test_a_stack_that_is_down(
    prepared: Gateway, run: Reload, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() is ExitCode.PASS
    assert capsys.readouterr().err.endswith("nginx does not run: takes effect at the next start\n")


@pytest.mark.parametrize("content", ["", "0", "-1", "x", str(2**30), "OWN"])
def test_another_process_is_never_told(prepared: Gateway, content: str) -> None:
    # A pid file that outlived its nginx: SIGHUP would end this very process.
    file = prepared.root / PID_FILE
    file.write_text(content.replace("OWN", str(os.getpid())))
    try:
        assert running_master(prepared.root) is None
    finally:
        file.unlink()


def test_another_program_in_this_folder_is_never_told(prepared: Gateway) -> None:
    with subprocess.Popen(["cat"], cwd=prepared.root, stdin=subprocess.PIPE) as other:
        file = prepared.root / PID_FILE
        file.write_text(str(other.pid))
        try:
            assert running_master(prepared.root) is None
        finally:
            file.unlink()
            other.communicate()


def test_the_nginx_of_another_folder_is_never_told(gateway: Gateway, tmp_path: Path) -> None:
    assert running_master(gateway.root) is not None
    (tmp_path / "var/run").mkdir(parents=True)
    shutil.copy(gateway.root / PID_FILE, tmp_path / PID_FILE)
    assert running_master(tmp_path) is None


def test_an_nginx_that_does_not_react(gateway: Gateway) -> None:
    master = running_master(gateway.root)
    assert master is not None
    os.kill(master, signal.SIGSTOP)
    try:
        settings = load_settings(gateway.root, {})
        outcome = reload(gateway.root, settings, lambda _: None, NOW, live_s=0.2)
    finally:
        os.kill(master, signal.SIGCONT)
    assert outcome == Outcome(
        ExitCode.TIMEOUT, "nginx still runs as before after 0 s: var/logs/nginx.log says why"
    )


def trusted(gateway: Gateway, authority: str) -> bool:
    """Whether a client that knows only `authority` (PEM) believes the gateway."""
    context = ssl.create_default_context(cadata=authority)
    url = f"https://localhost:{gateway.https_port}/predict"
    try:
        return httpx.post(url, json={}, auth=LOGIN, verify=context).status_code == 200
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            raise
        return False


def test_a_new_certificate_and_back(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(gateway.root)]
    old = (gateway.root / CERTIFICATE).read_text()
    assert trusted(gateway, old)
    assert renewal.main(root, {}) is ExitCode.PASS
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "PRIVATE" not in shown.err
    assert "clients have to verify with" in shown.err
    assert "certs: in effect after " in shown.err
    new = (gateway.root / CERTIFICATE).read_text()
    assert (trusted(gateway, old), trusted(gateway, new)) == (False, True)
    assert (gateway.root / f"{KEY}.previous").stat().st_mode & 0o777 == 0o600
    assert renewal.main([*root, "--undo"], {}) is ExitCode.PASS
    assert (trusted(gateway, old), trusted(gateway, new)) == (True, False)
    assert renewal.main([*root, "--undo"], {}) is ExitCode.PASS
    assert trusted(gateway, new)


def test_no_new_certificate_while_a_file_is_bad(gateway: Gateway) -> None:
    edit(gateway, LIMITS, "limit_req_status", "limit_req_statuss")
    old = (gateway.root / CERTIFICATE).read_bytes()
    assert renewal.main(["--root", str(gateway.root)], {}) is ExitCode.USAGE
    assert (gateway.root / CERTIFICATE).read_bytes() == old
    assert not (gateway.root / f"{CERTIFICATE}.previous").exists()


def test_a_new_login_at_once_without_a_reload(
    gateway: Gateway, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(login: tuple[str, str]) -> int:
        return connect(login).post("/predict", json={}).status_code

    before = workers_now(gateway)
    kept_open = connect(LOGIN)
    assert kept_open.post("/predict", json={}).status_code == 200
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    assert credentials.main(["ann", "--root", str(gateway.root)], {}) is ExitCode.PASS
    assert status(("ann", PASSWORD)) == 200
    assert status(LOGIN) == kept_open.post("/predict", json={}).status_code == 401
    assert credentials.main(["--undo", "--root", str(gateway.root)], {}) is ExitCode.PASS
    assert status(("ann", PASSWORD)) == 401
    assert status(LOGIN) == 200
    assert workers_now(gateway) == before
