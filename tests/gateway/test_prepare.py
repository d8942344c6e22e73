"""gateway.prepare on a copy of the real files, with the real nginx and openssl."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import drained, fragments, nginx_build, prepare
from gateway.certificates import CERTIFICATE, KEY, key_fits
from gateway.credentials import MARKER, set_password
from gateway.exit_codes import ExitCode
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import parse_htpasswd
from gateway.worker import worker_account
from tests.gateway.conftest import Run

ROOT = Path(__file__).parents[2]
LISTEN = (fragments.LISTEN_HTTPS, fragments.LISTEN_HTTP)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a shell script first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def _program(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return _program


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file that prepare makes, with its time of change and content."""
    made = [HTPASSWD, CERTIFICATE, KEY, *LISTEN, fragments.HTTPS_PORT_SUFFIX]
    return {file: ((root / file).stat().st_mtime_ns, (root / file).read_bytes()) for file in made}


def test_a_fresh_clone_and_again(copy: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() is ExitCode.PASS
    first = capsys.readouterr()
    assert first.out == ""
    assert all(line.startswith("prepare: ") for line in first.err.splitlines())
    for file in files(copy):
        assert first.err.count(file) == (0 if file == KEY else 1)
    assert all((copy / folder).is_dir() for folder in prepare.FOLDERS)
    before = files(copy)
    assert run() is ExitCode.PASS
    assert capsys.readouterr().err == "prepare: everything is in place\n"
    assert files(copy) == before


@pytest.mark.parametrize("folder", ["var/run", "var/logs"])
def test_socket_and_logs_are_closed_whatever_the_umask(
    copy: Path, run: Run, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / folder).mkdir(parents=True)
    (copy / folder).chmod(0o777)
    assert run() is ExitCode.PASS
    assert (copy / folder).stat().st_mode & 0o767 == 0o700
    # As root, the workers of nginx are somebody else, who opens a log by its name.
    by_group = os.geteuid() == 0 and folder == "var/logs"
    assert (copy / folder).stat().st_mode & 0o010 == (0o010 if by_group else 0)
    assert f"closed {folder} to other users" in capsys.readouterr().err
    assert run() is ExitCode.PASS
    assert capsys.readouterr().err == "prepare: everything is in place\n"


def test_nothing_else_appears(copy: Path, run: Run) -> None:
    run()
    known = {*files(copy), fragments.MAIN_USER, drained.UPSTREAMS, drained.CHOICE}
    # nginx -t opens its own pid and log files.
    made_by_nginx = {"var/run/nginx.pid", "var/logs/access.jsonl", "var/logs/shadow.jsonl"}
    found = {p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file()}
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "nginx").rglob("*") if p.is_file()}
    assert found - known - made_by_nginx - sources == {".env", "process-compose.yaml"}


def test_it_runs_as_a_module(copy: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.prepare", "--root", str(copy)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("missing", [HTPASSWD, CERTIFICATE, *LISTEN, fragments.HTTPS_PORT_SUFFIX])
def test_what_is_missing_comes_back(copy: Path, run: Run, missing: str) -> None:
    run()
    (copy / missing).unlink()
    if missing == CERTIFICATE:
        (copy / KEY).unlink()
    assert run() is ExitCode.PASS
    assert (copy / missing).exists()


def test_a_changed_setting_is_followed(copy: Path, run: Run) -> None:
    run()
    environ = {"GATEWAY_HTTPS_PORT": "9443", "GATEWAY_HTTP_PORT": "9080", "GATEWAY_USER": "ann"}
    assert run(**environ) is ExitCode.PASS
    assert "listen 127.0.0.1:9443 ssl" in (copy / fragments.LISTEN_HTTPS).read_text()
    assert "listen 127.0.0.1:9080;" in (copy / fragments.LISTEN_HTTP).read_text()
    assert '":9443"' in (copy / fragments.HTTPS_PORT_SUFFIX).read_text()
    assert [entry.user for entry in parse_htpasswd((copy / HTPASSWD).read_text())] == ["ann"]


def _interrupting(monkeypatch: pytest.MonkeyPatch, at: int, after: bool) -> list[str]:
    """Ctrl-C at the n-th time that a finished file takes its name, before or after it does."""
    real, done = Path.replace, list[str]()

    def replace(self: Path, target: Path) -> Path:
        if len(done) == at and not after:
            raise KeyboardInterrupt
        done.append(str(target))
        result = real(self, target)
        if len(done) == at + 1 and after:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Path, "replace", replace)
    return done


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(6))
def test_an_interrupted_run_is_completed(
    copy: Path, run: Run, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    with monkeypatch.context() as patch:
        done = _interrupting(patch, at, after)
        assert run() is ExitCode.INTERRUPTED
        assert len(done) == at + after
    assert run() is ExitCode.PASS
    assert key_fits(copy / CERTIFICATE, copy / KEY)
    assert set(files(copy))
    assert list(copy.rglob(".*.new")) == []


def test_a_secret_is_neither_an_argument_nor_shown(
    copy: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[str] = []
    real = subprocess.run

    def spy(command: list[str], **options: object) -> object:
        commands.extend(command)
        return real(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", spy)
    assert run(GATEWAY_PASSWORD="s3cr3t-value") is ExitCode.PASS
    assert "passwd" in commands
    assert "s3cr3t-value" not in " ".join(commands)
    assert "PRIVATE KEY" not in " ".join(commands)
    assert "s3cr3t-value" not in "".join(capsys.readouterr())
    (entry,) = parse_htpasswd((copy / HTPASSWD).read_text())
    assert entry.accepts("s3cr3t-value")


def test_the_demo_beyond_loopback_is_refused(
    copy: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() is ExitCode.PASS
    assert run(GATEWAY_LISTEN_ADDRESS="192.0.2.7") is ExitCode.USAGE
    last = capsys.readouterr().err.splitlines()[-1]
    assert "refused: " in last or "workers cannot" in last
    # Nobody starts it by hand either.
    assert not any((copy / file).exists() for file in LISTEN)
    assert run() is ExitCode.PASS


def test_a_real_password_may_listen_elsewhere(
    copy: Path,
    run: Run,
    program: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Not the real nginx: it would try to bind an address that this machine has not.
    program("nginx", "echo 'nginx version: nginx/1.30.0' >&2")
    monkeypatch.setattr(prepare, "worker_can_read", lambda root, account: True)
    set_password(copy, "ann", "something else entirely", None)
    assert run(GATEWAY_LISTEN_ADDRESS="192.0.2.7") is ExitCode.PASS
    text = (copy / fragments.LISTEN_HTTPS).read_text()
    assert "listen 192.0.2.7:8443 ssl;\nhttp2 on;\n" in text
    assert 'server_name "192.0.2.7";' in (copy / fragments.SERVER_NAMES).read_text()
    assert capsys.readouterr().err.count("serves 192.0.2.7 besides localhost") == 1
    # Back on loopback the certificate is still valid for that address, and so is the name.
    assert run() is ExitCode.PASS
    for file in (CERTIFICATE, KEY):
        (copy / file).unlink()
    assert run() is ExitCode.PASS
    assert not (copy / fragments.SERVER_NAMES).exists()


@pytest.mark.parametrize(
    ("file", "text", "mode", "said"),
    [
        (HTPASSWD, "ann:{PLAIN}x\n", 0o644, "plain text"),
        (HTPASSWD, "ann:$2y$10$x\n", 0o644, "blocks nginx"),
        (HTPASSWD, "", 0o644, "it has no user"),
        (HTPASSWD, "ann\n", 0o644, "not a line user:hash"),
        (KEY, None, 0o644, "chmod 600"),
    ],
)
def test_refusals_end_the_run(
    copy: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    file: str,
    text: str | None,
    mode: int,
    said: str,
) -> None:
    assert run() is ExitCode.PASS
    if text is not None:
        (copy / file).write_text(text)
    (copy / file).chmod(mode)
    assert run() is ExitCode.USAGE
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not any((copy / file).exists() for file in LISTEN)


def test_the_operators_password_file_is_left_alone(copy: Path, run: Run) -> None:
    account = worker_account(nginx_build.nginx_build())
    set_password(copy, "ann", "something else entirely", None if account is None else account.group)
    before = (copy / HTPASSWD).read_bytes()
    assert run() is ExitCode.PASS
    assert (copy / HTPASSWD).read_bytes() == before
    assert MARKER.encode() not in before


def test_a_bad_setting(copy: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    env = (copy / ".env").read_text()
    (copy / ".env").write_text(env.replace("HTTPS_PORT=8443", "HTTPS_PORT=many"))
    assert run() is ExitCode.USAGE
    line = env.partition("HTTPS_PORT=8443")[0].count("\n") + 1
    assert capsys.readouterr().err.startswith(f"prepare: .env:{line}: GATEWAY_HTTPS_PORT is 'many'")
    assert not (copy / "var").exists()


def test_nginx_says_why(copy: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy / "nginx/nginx.conf"
    path.write_text(path.read_text() + "\nbogus on;\n")
    assert run() is ExitCode.USAGE
    lines = capsys.readouterr().err.splitlines()
    assert any("[emerg]" in line and "nginx.conf:" in line for line in lines)
    assert lines[-1].startswith("prepare: nginx does not accept its configuration: ")
    assert 'unknown directive "bogus"' in lines[-1]


def test_a_port_for_root_only(
    run: Run, program: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "bind() to 127.0.0.1:443 failed (13: Permission denied)"
    program("nginx", f"echo '2026/01/01 00:00:00 [emerg] 1#1: {reason}' >&2; test $1 = -V")
    assert run() is ExitCode.USAGE
    assert "set GATEWAY_HTTPS_PORT" in capsys.readouterr().err.splitlines()[-1]


def test_without_nginx(
    copy: Path,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    (tmp_path / "openssl").symlink_to(openssl)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run() is ExitCode.PASS
    assert "nginx is not on PATH" in capsys.readouterr().err
    assert (copy / fragments.LISTEN_HTTPS).exists()


def test_a_program_that_hangs(
    run: Run,
    program: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program("nginx", "exec tail -f /dev/null")
    monkeypatch.setattr(nginx_build, "_SECONDS", 0.1)
    assert run() is ExitCode.TIMEOUT
    assert "no answer within" in capsys.readouterr().err.splitlines()[-1]


def test_something_in_the_way(copy: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "var").write_text("")
    assert run() is ExitCode.USAGE
    assert "give this folder to the user" in capsys.readouterr().err.splitlines()[-1]
