"""var/htpasswd: formats as nginx knows them, kept in step with .env, or left alone."""

import contextlib
import dataclasses
import io
import os
import pty
import re
import select
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import credentials
from gateway.credentials import MARKER, ensure_htpasswd, set_password, undo
from gateway.errors import Place, PrepareError
from gateway.exit_codes import ExitCode
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import Entry, Scheme, hash_apr1, hash_ssha, parse_htpasswd
from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = Settings("admin", "admin", 8443, 8080, "127.0.0.1")
LONG = "correct horse battery"


def entry(stored: str) -> Entry:
    return Entry("u", stored, Place(HTPASSWD, 1))


@pytest.mark.parametrize(
    ("stored", "scheme", "password"),
    [
        # From the manual of Apache's htpasswd, and `openssl passwd` with a given salt.
        ("$apr1$abcdefgh$VE0NRRGXnrjLHcGvHEQtX/", Scheme.APR1, None),
        ("{PLAIN}secret", Scheme.PLAIN, "secret"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", Scheme.SHA, "password"),
        ("$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", Scheme.BCRYPT, None),
        ("$5$salt$x", Scheme.SHA256_CRYPT, None),
        ("$6$salt$x", Scheme.SHA512_CRYPT, None),
        ("$y$j9T$x", Scheme.YESCRYPT, None),
        ("$1$salt$x", Scheme.MD5_CRYPT, None),
        ("rqXexS6ZhobKA", Scheme.UNKNOWN, None),
    ],
)
def test_schemes(stored: str, scheme: Scheme, password: str | None) -> None:
    assert entry(stored).scheme is scheme
    assert not entry(stored).accepts("not the password")
    if password is not None:
        assert entry(stored).accepts(password)


@pytest.mark.parametrize("password", ["admin", "päss wörd", "$(id) `id` \\ ' \"", "x" * 128])
def test_hashes_accept_their_password_only(password: str) -> None:
    for stored in (hash_apr1(password), hash_ssha(password)):
        assert entry(stored).accepts(password)
        assert not entry(stored).accepts(f"{password}.")
        assert not entry(stored).accepts(password[:-1])


def test_the_vector_of_apr1() -> None:
    # htpasswd of Apache 2.4 for "myPassword" (its manual, "password formats").
    stored = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"
    assert entry(stored).accepts("myPassword")
    assert not entry(stored).accepts("mypassword")


def test_every_hash_has_a_salt_of_its_own() -> None:
    assert hash_apr1("a") != hash_apr1("a")
    assert hash_ssha("a") != hash_ssha("a")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
@example("a" * 500)
def test_ssha_takes_any_password(password: str) -> None:
    assert entry(hash_ssha(password)).accepts(password)


@pytest.mark.parametrize("stored", ["{SSHA}!", "{SHA}", "$apr1$", "$apr1$a b$x", "$1$"])
def test_damaged_hashes_accept_nothing(stored: str) -> None:
    assert not entry(stored).accepts("")
    assert not entry(stored).accepts("admin")


def test_entries_know_their_line() -> None:
    found = parse_htpasswd("# a\n\nann:x:comment\nbob:y\r\n")
    assert found == (
        Entry("ann", "x", Place(HTPASSWD, 3)),
        Entry("bob", "y", Place(HTPASSWD, 4)),
    )


@pytest.mark.parametrize("line", ["ann", "ann:", ":x", "ann::x"])
def test_a_line_that_is_no_entry(line: str) -> None:
    with pytest.raises(PrepareError, match=r"^var/htpasswd:2: not a line user:hash"):
        parse_htpasswd(f"ok:x\n{line}\n")


def test_the_demo_file(tmp_path: Path) -> None:
    assert (
        ensure_htpasswd(tmp_path, SETTINGS, None) == "wrote var/htpasswd for the user admin of .env"
    )
    text = (tmp_path / HTPASSWD).read_text()
    assert text.startswith(f"{MARKER}\nadmin:$apr1$")
    assert stat.S_IMODE((tmp_path / HTPASSWD).stat().st_mode) == 0o600
    assert ensure_htpasswd(tmp_path, SETTINGS, None) is None
    assert (tmp_path / HTPASSWD).read_text() == text


def test_the_group_of_the_workers_reads_it(tmp_path: Path) -> None:
    group = os.getgid()  # the one group that every user may give a file to
    ensure_htpasswd(tmp_path, SETTINGS, group)
    found = (tmp_path / HTPASSWD).stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o640, group)
    assert ensure_htpasswd(tmp_path, SETTINGS, group) is None
    (tmp_path / HTPASSWD).chmod(0o600)
    assert ensure_htpasswd(tmp_path, SETTINGS, group) is not None


@pytest.mark.parametrize("change", [{"password": "other"}, {"user": "ann"}])
def test_it_follows_the_settings(tmp_path: Path, change: dict[str, str]) -> None:
    ensure_htpasswd(tmp_path, SETTINGS, None)
    changed = dataclasses.replace(
        SETTINGS,
        user=change.get("user", SETTINGS.user),
        password=change.get("password", SETTINGS.password),
    )
    assert ensure_htpasswd(tmp_path, changed, None) is not None
    (found,) = parse_htpasswd((tmp_path / HTPASSWD).read_text())
    assert found.user == changed.user
    assert found.accepts(changed.password)


@pytest.mark.parametrize("rest", ["", "admin\n", "admin:$apr1$a$b\n", "admin:{PLAIN}x\nb:c\n"])
def test_a_damaged_demo_file_is_mended(tmp_path: Path, rest: str) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / HTPASSWD).write_text(f"{MARKER}\n{rest}")
    assert ensure_htpasswd(tmp_path, SETTINGS, None) is not None
    (found,) = parse_htpasswd((tmp_path / HTPASSWD).read_text())
    assert found.accepts("admin")


@pytest.mark.parametrize("text", ["", "ann:{PLAIN}x\n", f"# mine\n{MARKER}\n"])
def test_a_file_without_the_marker_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / HTPASSWD).write_text(text)
    assert ensure_htpasswd(tmp_path, SETTINGS, None) is None
    assert (tmp_path / HTPASSWD).read_text() == text


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / HTPASSWD).write_bytes(b"\xff")
    with pytest.raises(PrepareError, match=r"^var/htpasswd: is not text"):
        ensure_htpasswd(tmp_path, SETTINGS, None)


def test_a_password_of_ones_own_replaces_the_demo(tmp_path: Path) -> None:
    ensure_htpasswd(tmp_path, SETTINGS, None)
    set_password(tmp_path, "ann", LONG, None)
    set_password(tmp_path, "bob", LONG, None)
    set_password(tmp_path, "ann", f"{LONG}!", None)
    found = parse_htpasswd((tmp_path / HTPASSWD).read_text())
    assert [item.user for item in found] == ["bob", "ann"]
    assert found[1].accepts(f"{LONG}!")
    assert found[1].scheme is Scheme.SSHA
    assert ensure_htpasswd(tmp_path, SETTINGS, None) is None


@pytest.mark.parametrize(
    ("user", "password"),
    [("", LONG), ("a:b", LONG), ("#a", LONG), ("ann", "short"), ("ann", "x" * 129)],
)
def test_what_cannot_be_set(tmp_path: Path, user: str, password: str) -> None:
    with pytest.raises(PrepareError):
        set_password(tmp_path, user, password, None)
    assert not (tmp_path / HTPASSWD).exists()


def test_a_damaged_file_is_not_built_upon(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / HTPASSWD).write_text("bob\n")
    with pytest.raises(PrepareError, match=r"^var/htpasswd:1: not a line user:hash"):
        set_password(tmp_path, "ann", LONG, None)
    assert (tmp_path / HTPASSWD).read_text() == "bob\n"


def test_there_and_back(tmp_path: Path) -> None:
    with pytest.raises(PrepareError, match="nothing to undo"):
        undo(tmp_path, None)
    ensure_htpasswd(tmp_path, SETTINGS, None)
    demo = (tmp_path / HTPASSWD).read_text()
    set_password(tmp_path, "ann", LONG, None)
    own = (tmp_path / HTPASSWD).read_text()
    previous = tmp_path / f"{HTPASSWD}.previous"
    assert previous.read_text() == demo
    assert stat.S_IMODE(previous.stat().st_mode) == 0o600
    for expected in (demo, own, demo):
        undo(tmp_path, None)
        assert (tmp_path / HTPASSWD).read_text() == expected
    # The demo again: it follows .env as before.
    assert ensure_htpasswd(tmp_path, dataclasses.replace(SETTINGS, user="bob"), None) is not None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".env", tmp_path)
    return tmp_path


def test_the_command(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LONG}\n"))
    assert credentials.main(["ann", "--root", str(root)], {}) is ExitCode.PASS
    (found,) = parse_htpasswd((root / HTPASSWD).read_text())
    assert found.accepts(LONG)
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert credentials.main(["ann", "--root", str(root)], {}) is ExitCode.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].endswith("make a random one: `openssl rand -hex 16`")
    assert LONG not in shown.err


def test_the_command_says_what_is_gone_and_what_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_htpasswd(root, SETTINGS, None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LONG}\n"))
    assert credentials.main(["ann", "--root", str(root)], {}) is ExitCode.PASS
    said = capsys.readouterr().err
    assert "the demo login is gone" in said
    assert "var/htpasswd.previous (make credentials UNDO=1)" in said
    assert said.splitlines()[-1].startswith("credentials: may log in from now on: ann ")
    assert "refused" not in said
    with (root / HTPASSWD).open("a") as file:
        file.write("bob:{PLAIN}x\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LONG}\n"))
    assert credentials.main(["ann", "--root", str(root)], {}) is ExitCode.PASS
    assert "the next start is refused: var/htpasswd:1: the password of bob" in (
        capsys.readouterr().err
    )


def test_a_pipe_has_to_bring_a_name_along(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LONG}\n"))
    assert credentials.main(["--root", str(root)], {}) is ExitCode.USAGE
    assert "make credentials LOGIN=ann" in capsys.readouterr().err


def on_a_terminal(root: Path, typed: list[tuple[str, str]]) -> tuple[int, str, str, str]:
    """Exit code, what the terminal showed, stdout and stderr, with `typed` after each prompt."""
    ours, theirs = pty.openpty()
    with (root / "out").open("w+") as out, (root / "err").open("w+") as err:
        command = [sys.executable, "-m", "gateway.credentials", "--root", str(root)]
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            cwd=ROOT,
            stdin=theirs,
            stdout=out,
            stderr=err,
        )
        shown = ""
        try:
            os.close(theirs)
            for prompt, text in typed:
                while prompt not in shown + (root / "err").read_text():
                    if select.select([ours], [], [], 0.05)[0]:
                        shown += os.read(ours, 4096).decode()
                    assert process.poll() is None, shown
                os.write(ours, f"{text}\n".encode())
            code = process.wait(20)
            with contextlib.suppress(OSError):  # the other end is closed
                while select.select([ours], [], [], 0)[0]:
                    shown += os.read(ours, 4096).decode()
        finally:
            process.kill()
            process.wait()
            os.close(ours)
        return code, shown, (root / "out").read_text(), (root / "err").read_text()


def test_a_person_gets_a_random_password_once_on_the_terminal(root: Path) -> None:
    code, shown, out, err = on_a_terminal(root, [("User: ", "ann"), ("Password", "")])
    assert code == 0, shown + err
    made = re.search(r"ann:([0-9a-f]{32})\b", shown)
    assert made is not None, shown
    (found,) = parse_htpasswd((root / HTPASSWD).read_text())
    assert (found.user, found.scheme, found.accepts(made[1])) == ("ann", Scheme.SSHA, True)
    assert shown.count(made[1]) == 1
    assert made[1] not in out + err


def test_a_person_types_it_twice_unseen(root: Path) -> None:
    prompts = [("User: ", "ann"), ("Password", LONG), ("Again", LONG)]
    code, shown, out, err = on_a_terminal(root, prompts)
    assert code == 0, shown + err
    assert LONG not in shown + out + err
    assert parse_htpasswd((root / HTPASSWD).read_text())[0].accepts(LONG)
    before = (root / HTPASSWD).read_text()
    prompts[2] = ("Again", f"{LONG}!")
    code, shown, out, err = on_a_terminal(root, prompts)
    assert code == ExitCode.USAGE
    assert "the two passwords differ" in err
    assert (root / HTPASSWD).read_text() == before
