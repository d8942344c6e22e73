"""A command in a terminal that is shut: the kernel sends SIGHUP to all that run in it."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class Terminal:
    """A command that has a terminal of its own."""

    def __init__(self, words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._open = True
        self.screen = b""
        """Everything that was written to it so far."""
        # setsid -c: the terminal controls the session, or nobody would be told.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *words],
            cwd=folder,
            env={**environ, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    def shows(self, text: bytes) -> bool:
        """Whether that has been written to it. To be asked often: what nobody reads blocks."""
        with suppress(BlockingIOError):
            while more := os.read(self._master, 1 << 16):
                self.screen += more
        return text in self.screen

    def shut(self) -> int:
        """Shut it; what the command then ended with, as subprocess says it."""
        if self._open:
            self._open = False
            os.close(self._master)
        return self.process.wait(timeout=20)
