"""Whether the nginx workers reach what they need, as the user that they run as."""

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from gateway import fragments
from gateway.exit_codes import ExitCode
from gateway.htpasswd import FILE as HTPASSWD
from gateway.nginx_build import Build, nginx_build, parse_build
from gateway.worker import worker_account, worker_can_read
from tests.gateway.conftest import Run

ROOT = Path(__file__).parents[2]


def test_a_folder_closed_to_the_workers(
    copy: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only root gives its workers away, so only there a closed folder matters."""
    is_root = os.geteuid() == 0
    copy.chmod(0o700)
    assert run() is ExitCode.PASS
    fragment = copy / fragments.MAIN_USER
    assert fragment.exists() is is_root
    assert ("workers run as root" in capsys.readouterr().err) is is_root
    assert run(GATEWAY_LISTEN_ADDRESS="192.0.2.7") is ExitCode.USAGE
    refused = "nginx workers cannot enter var/" in capsys.readouterr().err
    assert refused is is_root
    # Opened, the workers are nobody again.
    copy.chmod(0o755)
    assert run() is ExitCode.PASS
    assert not fragment.exists()


def test_the_password_file_is_for_the_workers_only(copy: Path, run: Run) -> None:
    run()
    mode = stat.S_IMODE((copy / HTPASSWD).stat().st_mode)
    assert mode == (0o640 if os.geteuid() == 0 else 0o600)
    # Every folder above is pytest's and closed to others: relative paths do not care.
    copy.chmod(0o755)
    account = worker_account(nginx_build())
    assert worker_can_read(copy, account)
    (copy / HTPASSWD).chmod(0o000)
    assert not worker_can_read(copy, account)


def test_whom_root_gives_its_workers_to() -> None:
    account = worker_account(Build((1, 22, 1), "nobody", "users"))
    if os.geteuid() != 0:
        assert account is None
        return
    assert account is not None
    assert (account.user, account.group) == (_uid("nobody"), grp.getgrnam("users").gr_gid)
    assert worker_account(None) is not None
    assert worker_account(Build((1, 22, 1), "no-such-user", None)) is None
    assert not worker_can_read(ROOT, None)


def _uid(name: str) -> int:
    return pwd.getpwnam(name).pw_uid


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("nginx version: nginx/1.26.3 (Ubuntu)\n", Build((1, 26, 3), "nobody", None)),
        (
            "nginx version: nginx/1.31.3\nconfigure arguments: --user=nobody --group=users --x\n",
            Build((1, 31, 3), "nobody", "users"),
        ),
        (
            "nginx version: nginx/1.28.0\nconfigure arguments: --prefix=/x --user=www\n",
            Build((1, 28, 0), "www", "www"),
        ),
        ("nginx version: openresty/x", None),
        ("", None),
    ],
)
def test_what_nginx_says_about_itself(text: str, build: Build | None) -> None:
    assert parse_build(text) == build


def test_the_nginx_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = nginx_build()
    assert build is not None
    assert build.version >= (1, 18, 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nginx_build() is None
