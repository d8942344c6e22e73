"""The dashboard as a person has it: in a real terminal, on the real stack, with real keys."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode
from gateway.supervisor import Supervisor
from scripts.stack import search_path, wait_until
from tests.stack.clients import Clients

WAIT_S = 60.0
# What earlier tests broke on purpose stays in the verdict for a minute.
WELL_S = 120.0
PAIRS = re.compile(r"([\d,]+) of [\d,]+ pairs")


class Tmux:
    """One command in a terminal of 120 columns and 40 rows, with a tmux server of its own."""

    def __init__(self, root: Path, folder: Path, words: list[str]) -> None:
        # What tmux itself may need to find its libraries is not for the command.
        program = shlex.join(["env", "-u", "LD_LIBRARY_PATH", *words])
        # tmux 3.3 does not always hear that its command has ended: the shell says it.
        command = f'{program}; echo "code=$?"; read -r line'
        self._environ = {
            **os.environ,
            "PATH": search_path(root),
            "SHELL": "/bin/sh",
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "TMUX_TMPDIR": str(folder),
        }
        self._environ.pop("TMUX", None)  # the tests may themselves run in one
        self._socket = f"switchyard-{uuid.uuid4().hex[:8]}"
        size = ["-x", "120", "-y", "40"]
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(root), command)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def until(self, condition: Callable[[str], object], what: str, wait_s: float = WAIT_S) -> str:
        """The screen, as soon as it is as wanted."""
        found: list[str] = []

        def shown() -> bool:
            found[:] = [self.screen()]
            return bool(condition(found[0]))

        assert wait_until(shown, wait_s), f"{what} did not come; the screen:\n{found[0]}"
        return found[0]

    def until_text(self, text: str, wait_s: float = WAIT_S) -> str:
        return self.until(lambda screen: text in screen, repr(text), wait_s)

    def exit_code(self) -> int:
        """Of the command, when it has ended."""
        said = re.compile(r"^code=(\d+)$", re.MULTILINE)
        found = said.search(self.until(said.search, "the exit code"))
        assert found is not None
        return int(found[1])

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, *words],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def terminal(supervisor: Supervisor, root: Path, tmp_path: Path) -> Iterator[Tmux]:
    """The dashboard, just opened."""
    opened = Tmux(root, tmp_path, [sys.executable, "-m", "dashboard"])
    try:
        yield opened
    finally:
        opened.close()


def pairs(screen: str) -> int:
    """How many pairs the A/B screen has counted, 0 while it says nothing of them."""
    found = PAIRS.search(screen)
    return int(found[1].replace(",", "")) if found else 0


def test_a_person_looks_freezes_tests_and_leaves(terminal: Tmux, connect: Clients) -> None:
    client = connect("127.0.4.1")

    def send(user: str, status: int = 200) -> None:
        login = ("admin", "admin" if status == 200 else "wrong")
        for _ in range(5):
            answer = client.post(
                "/predict",
                json={"sentence": "I am happy"},
                headers={"X-User-Id": user},
                auth=login,
            )
            assert answer.status_code == status

    terminal.until_text("4 of 4 instances ready", WELL_S)
    terminal.until(lambda screen: re.search(r"prometheus \d+\.\d s", screen), "prometheus")
    terminal.until_text("targets 6 of 6")
    send("seen-live")
    terminal.until_text("seen-live")
    send("refused", 401)
    terminal.until(lambda screen: re.search(r" 401  nginx +refused", screen), "a refused request")

    terminal.press("Space")
    terminal.until_text("FROZEN")
    send("seen-later")
    still = terminal.until(lambda screen: re.search(r"FROZEN .* 5 waiting", screen), "5 waiting")
    assert "seen-later" not in still
    terminal.press("Space")
    assert "FROZEN" not in terminal.until_text("seen-later")

    terminal.press("3")
    terminal.until(lambda screen: "3 A/B" in screen and "seen-later" not in screen, "A/B")
    terminal.press("t")
    first = pairs(terminal.until(lambda screen: pairs(screen) > 0, "the first pair"))
    more = pairs(terminal.until(lambda screen: pairs(screen) > first, "more pairs"))
    terminal.press(".")
    ended = terminal.until(
        lambda screen: "stopped" in screen and ". stops" not in screen, "the end of the test"
    )
    assert pairs(ended) >= more

    # The pairs went through the gateway, so they are among the requests.
    terminal.press("2")
    terminal.until_text("POST /predict")
    terminal.press("q")
    assert terminal.exit_code() == ExitCode.PASS
    assert "Traceback" not in terminal.screen()


def test_a_window_that_is_closed_leaves_nothing_behind(
    supervisor: Supervisor, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pid"
    script = f"echo $$ >{shlex.quote(str(folder))}; exec {sys.executable} -m dashboard"
    opened = Tmux(root, tmp_path, ["sh", "-c", script])
    try:
        opened.until_text("instances ready", WELL_S)
        pid = int(folder.read_text())
    finally:
        opened.close()
    assert wait_until(lambda: not Path(f"/proc/{pid}").exists(), WAIT_S)
